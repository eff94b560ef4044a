"""Reviews of products.

Invariants: a customer has one review of a product, however many are sent at once. A product's rating, which the
catalogue shows, is the average of its approved reviews, two decimals, half away from zero: every change of an approved
review brings stars, average and fact along in its own transaction. The audit proves both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Integer, bindparam, delete, exists, func, or_, select, update

from mestres_core.catalog.dto import Page
from mestres_core.catalog.models import product, variant
from mestres_core.customers.inputs import is_id
from mestres_core.customers.service import CustomerService, read_cursor
from mestres_core.db.dialects.sql import insert as upsert
from mestres_core.errors import AlreadyReviewed, NotFound, ValidationError
from mestres_core.events.facts import ProductChanged, ReviewChanged
from mestres_core.events.work import Work
from mestres_core.orders.models import line, order
from mestres_core.reviews.dto import RatingSummary, Review, ReviewPolicy
from mestres_core.reviews.models import STARS, review, summary
from mestres_core.rules.checks import Checks

__all__ = ["ReviewPolicy", "ReviewService"]

PENDING, APPROVED, REJECTED = "pending", "approved", "rejected"
_MOST_PER_PAGE = 100
_LONGEST_BODY = 4000
# What was paid for, and not called off as a whole.
_BOUGHT = ("paid", "refund_due", "partially_refunded", "partially_paid")
_COLUMNS = (
    review.c.id,
    review.c.product_id,
    review.c.customer_id,
    review.c.rating,
    review.c.title,
    review.c.body,
    review.c.author,
    review.c.status,
    review.c.verified,
    review.c.reason,
    review.c.created_at,
    review.c.updated_at,
)
_ONE = select(*_COLUMNS).where(review.c.id == bindparam("id"))
_LOCK = _ONE.with_for_update()
_THEIRS = select(review.c.id).where(
    review.c.product_id == bindparam("product_id"), review.c.customer_id == bindparam("customer_id")
)
_KNOWN = select(product.c.id).where(product.c.id == bindparam("id"), product.c.active)
_HAS_BOUGHT = (
    select(order.c.id)
    .select_from(order.join(line, line.c.order_id == order.c.id).join(variant, variant.c.id == line.c.variant_id))
    .where(
        order.c.customer_id == bindparam("customer_id"),
        variant.c.product_id == bindparam("product_id"),
        order.c.status.in_(("placed", "completed")),
        order.c.payment_status.in_(_BOUGHT),
        line.c.quantity > line.c.cancelled_quantity,
    )
    .limit(1)
)
_SUMMARY = select(*(summary.c[f"stars_{n}"] for n in STARS)).where(summary.c.product_id == bindparam("product_id"))
_SUMMARIES = select(summary.c.product_id, *(summary.c[f"stars_{n}"] for n in STARS)).where(
    summary.c.product_id.in_(bindparam("ids", expanding=True))
)
_COUNT: Any = sum((summary.c[f"stars_{n}"] for n in STARS[1:]), start=summary.c.stars_1)
_TOTAL: Any = sum((n * summary.c[f"stars_{n}"] for n in STARS[1:]), start=summary.c.stars_1)
# Whole numbers only, so that both databases round alike: half up, of a positive number.
AVERAGE = (200 * _TOTAL + _COUNT) // func.nullif(2 * _COUNT, 0, type_=Integer)
"""The average of a summary's row in hundredths, NULL when nobody is counted."""

_RATE = (
    update(product)
    .where(product.c.id == bindparam("of"))
    .values(rating_hundredths=select(AVERAGE).where(summary.c.product_id == bindparam("of")).scalar_subquery())
    .returning(product.c.category_id)
)
_SORTS = ("newest", "highest", "lowest")


class ReviewService:
    """Reviews in one unit of work."""

    def __init__(self, work: Work, customers: CustomerService, policy: ReviewPolicy) -> None:
        self._work = work
        self._session: Any = work.session
        self._customers = customers
        self._policy = policy

    def submit(
        self, customer_id: int, *, product_id: int, rating: int, title: str = "", body: str = "", author: str = ""
    ) -> Review:
        """Write a customer's review of a product: 1 to 5 stars, a title (120 characters), words (4000).

        `author` (default: the customer's first name) is shown with it. It is pending until the shop approves it, unless
        the policy is not to moderate. Raises NotFound, AlreadyReviewed, ValidationError, also where only buyers may.
        """
        checks = Checks()
        words = _read_words(checks, rating, title, body, author)
        checks.done()
        customer = self._customers.lock(customer_id)
        if not is_id(product_id) or self._session.execute(_KNOWN, {"id": product_id}).first() is None:
            raise NotFound("product", product_id)
        of = {"product_id": product_id, "customer_id": customer.id}
        verified = self._has_bought(of)
        if self._policy.verified_only and not verified:
            raise ValidationError.of("product_id", "invalid", reason="only who has bought it may review it")
        now = self._work.clock.now()
        row = {
            **of,
            **words,
            "author": words["author"] or customer.name.split(" ")[0],
            "status": PENDING if self._policy.moderated else APPROVED,
            "verified": verified,
            "reason": "",
            "created_at": now,
            "updated_at": now,
        }
        new = upsert(self._work.dialect, review).values(row).on_conflict_do_nothing().returning(*_COLUMNS)
        made = self._session.execute(new).first()
        if made is None:
            raise AlreadyReviewed(product_id=product_id, review_id=self._session.execute(_THEIRS, of).scalar_one())
        return self._told(Review(*made), before=None)

    def edit(
        self,
        review_id: int,
        *,
        customer_id: int,
        rating: int | None = None,
        title: str | None = None,
        body: str | None = None,
        author: str | None = None,
    ) -> Review:
        """Change what is given of one's own review; it is moderated anew. Raises NotFound, ValidationError."""
        row = self._lock(review_id)
        if row.customer_id != self._customers.get(customer_id).id:
            raise NotFound("review", review_id)
        checks = Checks()
        words = _read_words(
            checks,
            row.rating if rating is None else rating,
            row.title if title is None else title,
            row.body if body is None else body,
            row.author if author is None else author,
        )
        checks.done()
        return self._change(row, **words, status=PENDING if self._policy.moderated else APPROVED, reason="")

    def approve(self, review_id: int) -> Review:
        """Show a review, whatever became of it before; asked again nothing changes. Raises NotFound."""
        row = self._lock(review_id)
        if row.status == APPROVED:
            return Review(*row)
        verified = bool(row.verified) or self._has_bought(
            {"product_id": row.product_id, "customer_id": row.customer_id}
        )
        return self._change(row, status=APPROVED, reason="", verified=verified)

    def reject(self, review_id: int, *, reason: str = "") -> Review:
        """Do not show a review (any more); asked again nothing changes. Raises NotFound, ValidationError."""
        checks = Checks()
        reason = checks.text("reason", reason, limit=200, required=False)
        checks.done()
        row = self._lock(review_id)
        return Review(*row) if row.status == REJECTED else self._change(row, status=REJECTED, reason=reason)

    def delete(self, review_id: int) -> None:
        """Delete a review; the customer may write another one. Raises NotFound."""
        row = self._lock(review_id)
        self._session.execute(delete(review).where(review.c.id == row.id))
        self._count(row.product_id, {row.rating: -1} if row.status == APPROVED else {})
        self._work.outbox.announce(ReviewChanged(row.id, row.product_id, "deleted"))

    def get(self, review_id: int) -> Review:
        """One review in any status. Raises NotFound."""
        row = self._session.execute(_ONE, {"id": review_id}).first() if is_id(review_id) else None
        if row is None:
            raise NotFound("review", review_id)
        return Review(*row)

    def of_product(
        self,
        product_id: int,
        *,
        sort: str = "newest",
        rating: int | None = None,
        verified: bool | None = None,
        per_page: int = 20,
        cursor: str | None = None,
    ) -> Page[Review]:
        """The approved reviews of a product: `sort` is newest, highest or lowest; `rating` only those of so many.

        `cursor` is the `next_cursor` of the page before, by the same sort; `summary` has the numbers. Raises
        ValidationError.
        """
        checks = Checks()
        checks.whole("per_page", per_page, at_least=1, at_most=_MOST_PER_PAGE)
        checks.choice("sort", sort, _SORTS)
        if rating is not None:
            checks.whole("rating", rating, at_least=1, at_most=5)
        if verified is not None and not isinstance(verified, bool):
            checks.wrong("verified", "not_boolean")
        after = _read_place(checks, cursor, sort)
        checks.done()
        query = select(*_COLUMNS).where(
            review.c.product_id == (product_id if is_id(product_id) else 0), review.c.status == APPROVED
        )
        if rating is not None:
            query = query.where(review.c.rating == rating)
        if verified is not None:
            query = query.where(review.c.verified == verified)
        query = _sorted(query, sort, after)
        rows = self._session.execute(query.limit(per_page + 1)).all()
        following = None
        if len(rows) > per_page:
            last = rows[per_page - 1]
            following = str(last.id) if sort == "newest" else f"{last.rating}-{last.id}"
        return Page(tuple(Review(*row) for row in rows[:per_page]), 1, per_page, None, following)

    def of_customer(self, customer_id: int) -> tuple[Review, ...]:
        """A customer's own reviews in every status, newest first. Raises NotFound."""
        mine = review.c.customer_id == self._customers.get(customer_id).id
        rows = self._session.execute(select(*_COLUMNS).where(mine).order_by(review.c.id.desc()))
        return tuple(Review(*row) for row in rows)

    def pending(self, *, per_page: int = 20, cursor: str | None = None) -> Page[Review]:
        """The reviews that wait for the shop, oldest first. Raises ValidationError."""
        checks = Checks()
        checks.whole("per_page", per_page, at_least=1, at_most=_MOST_PER_PAGE)
        after = read_cursor(checks, cursor)
        checks.done()
        query = select(*_COLUMNS).where(review.c.status == PENDING, review.c.id > (after or 0))
        rows = self._session.execute(query.order_by(review.c.id).limit(per_page + 1)).all()
        following = str(rows[per_page - 1].id) if len(rows) > per_page else None
        return Page(tuple(Review(*row) for row in rows[:per_page]), 1, per_page, None, following)

    def summary(self, product_id: int) -> RatingSummary:
        """How many approved reviews a product has, and their stars: none for an unknown product."""
        known = is_id(product_id)
        row = self._session.execute(_SUMMARY, {"product_id": product_id}).first() if known else None
        return _summed(row)

    def summaries(self, product_ids: Iterable[int]) -> dict[int, RatingSummary]:
        """The summary of each of these products, in one statement however many they are: for a list.

        Raises ValidationError for what is no collection; what is no product's number is left out.
        """
        if isinstance(product_ids, str | bytes) or not isinstance(product_ids, Iterable):
            raise ValidationError.of("product_ids", "not_list")
        ids = list(dict.fromkeys(filter(is_id, product_ids)))
        rows = self._session.execute(_SUMMARIES, {"ids": ids}).all() if ids else ()
        known = {row.product_id: row[1:] for row in rows}
        return {each: _summed(known.get(each)) for each in ids}

    def anonymise(self, customer_id: int) -> tuple[int, int]:
        """Take a person out of their reviews: (approved ones that keep only their stars, others that are gone)."""
        mine = review.c.customer_id == customer_id
        named = or_(review.c.author != "", review.c.title != "", review.c.body != "")
        empty = update(review).where(mine, review.c.status == APPROVED, named).values(author="", title="", body="")
        emptied = self._session.execute(empty.returning(review.c.id, review.c.product_id)).all()
        gone = self._session.execute(delete(review).where(mine, review.c.status != APPROVED)).rowcount
        self._work.outbox.announce(*(ReviewChanged(row.id, row.product_id, APPROVED) for row in emptied))
        return len(emptied), gone

    def move(self, source: int, target: int) -> int:
        """Make one customer's reviews another's, who keeps their own where both have one; returns how many moved."""
        theirs = review.alias("theirs")
        both = exists().where(theirs.c.customer_id == target, theirs.c.product_id == review.c.product_id)
        mine = review.c.customer_id == source
        for row in self._session.execute(select(review.c.id).where(mine, both)).all():
            self.delete(row.id)
        return int(self._session.execute(update(review).where(mine).values(customer_id=target)).rowcount)

    def _lock(self, review_id: int) -> Any:
        row = self._session.execute(_LOCK, {"id": review_id}).first() if is_id(review_id) else None
        if row is None:
            raise NotFound("review", review_id)
        return row

    def _has_bought(self, of: dict[str, int]) -> bool:
        return self._session.execute(_HAS_BOUGHT, of).first() is not None

    def _change(self, row: Any, **values: Any) -> Review:
        values["updated_at"] = self._work.clock.now()
        change = update(review).where(review.c.id == row.id).values(**values).returning(*_COLUMNS)
        return self._told(Review(*self._session.execute(change).one()), before=row)

    def _told(self, now: Review, *, before: Any) -> Review:
        """Bring the product's stars along, and say what happened."""
        deltas: dict[int, int] = {}
        if before is not None and before.status == APPROVED:
            deltas[before.rating] = -1
        if now.status == APPROVED:
            deltas[now.rating] = deltas.get(now.rating, 0) + 1
        self._count(now.product_id, {stars: by for stars, by in deltas.items() if by})
        self._work.outbox.announce(ReviewChanged(now.id, now.product_id, now.status))
        return now

    def _count(self, product_id: int, deltas: dict[int, int]) -> None:
        """Add to a product's stars; its row of the summary is held until the end, so that two changes add up."""
        if not deltas:
            return
        changes = {f"stars_{n}": deltas.get(n, 0) for n in STARS}
        new = {name: max(by, 0) for name, by in changes.items()}
        query = upsert(self._work.dialect, summary).values(product_id=product_id, **new)
        query = query.on_conflict_do_update(
            index_elements=["product_id"], set_={name: summary.c[name] + by for name, by in changes.items()}
        )
        self._session.execute(query)
        category_id = self._session.execute(_RATE, {"of": product_id}).scalar()
        self._work.outbox.announce(ProductChanged(product_id, category_id))


def _summed(row: Sequence[int] | None) -> RatingSummary:
    stars = dict(zip(STARS, row or (0,) * len(STARS), strict=True))
    count, total = sum(stars.values()), sum(n * times for n, times in stars.items())
    average = (200 * total + count) // (2 * count) / 100 if count else None
    return RatingSummary(count, average, stars)


def _read_words(checks: Checks, rating: Any, title: Any, body: Any, author: Any) -> dict[str, Any]:
    return {
        "rating": checks.whole("rating", rating, at_least=1, at_most=5),
        "title": checks.text("title", title, limit=120, required=False),
        "body": checks.text("body", body, limit=_LONGEST_BODY, required=False),
        "author": checks.text("author", author, limit=120, required=False),
    }


def _read_place(checks: Checks, cursor: Any, sort: Any) -> tuple[int, int] | None:
    """(stars, row number) at which a page ended."""
    if cursor is None:
        return None
    stars, dash, last = str(cursor).partition("-") if sort != "newest" else ("1", "-", cursor)
    row_id = read_cursor(checks, last if dash else "")
    if row_id is not None and stars in {str(n) for n in STARS}:
        return int(stars), row_id
    if row_id is not None:
        checks.wrong("cursor", "invalid", reason="not a cursor of this list")
    return None


def _sorted(query: Any, sort: str, after: tuple[int, int] | None) -> Any:
    newest = review.c.id.desc()
    if sort == "newest":
        query = query.order_by(newest)
        return query if after is None else query.where(review.c.id < after[1])
    down = sort == "highest"
    query = query.order_by(review.c.rating.desc() if down else review.c.rating, newest)
    if after is None:
        return query
    stars, last = after
    beyond = review.c.rating < stars if down else review.c.rating > stars
    return query.where(or_(beyond, (review.c.rating == stars) & (review.c.id < last)))
