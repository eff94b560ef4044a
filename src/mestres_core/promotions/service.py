"""Promotions and their codes.

A promotion is data: conditions that must hold and actions that follow (docs/promotions.md). A coupon is a promotion
with one code. Invariant: nothing is in more orders, and costs no more, than it may (`uses.py`).
"""

from __future__ import annotations

import builtins
import hmac
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, exists, func, insert, literal, select, update

from mestres_core.db.dialects.sql import insert as upsert
from mestres_core.db.dialects.sql import one_at_a_time
from mestres_core.db.rulebook import touch
from mestres_core.errors import CouponNotApplicable, NotFound, ValidationError
from mestres_core.events.work import Work
from mestres_core.promotions import book
from mestres_core.promotions.definitions import NO_WORDS, Words
from mestres_core.promotions.dto import (
    AppliedCoupon,
    Coupon,
    Facts,
    PromotionCode,
    SavedPromotion,
    Taken,
    Use,
    Worked,
)
from mestres_core.promotions.inputs import (
    LONGEST_CODE,
    LONGEST_KEY,
    check_code,
    check_currency,
    check_flag,
    check_limit,
    check_promotion,
    check_span,
    check_worth,
    folded,
)
from mestres_core.promotions.models import code as promotion_code
from mestres_core.promotions.models import in_cart, of_customer, promotion, use
from mestres_core.promotions.uses import UseCounter
from mestres_core.rules.checks import BIGGEST_AMOUNT, Checks, storable
from mestres_core.rules.money import Money, Rounding, round_half_up
from mestres_core.rules.promotions import Basket, Item, Outcome, Promotion, evaluate
from mestres_core.rules.rounding import within
from mestres_core.typing import RoundingPolicy

MOST_IN_CART = 5
MOST_CODES = 100_000
_COUPON = "coupon:"
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # 32, none that is taken for a digit
_SAVES = 0x6D65_7374_7265_07  # the advisory lock of saving promotions: they are few, and their counters are recounted
_COUPON_COLUMNS = (
    *(promotion_code.c.code, promotion.c.definition, promotion.c.currency, promotion.c.starts_at, promotion.c.ends_at),
    *(promotion_code.c.most_uses, promotion_code.c.uses, promotion.c.active, promotion.c.id),
)
_WITH_PROMOTION = promotion_code.join(promotion, promotion.c.id == promotion_code.c.promotion_id)
_IS_COUPON = promotion.c.key == literal(_COUPON).concat(promotion_code.c.code)
_OF_COUPON = exists().where(promotion.c.id == promotion_code.c.promotion_id, _IS_COUPON)
_KNOWN_CODE = select(
    *(promotion_code.c.code, promotion_code.c.most_uses, promotion_code.c.uses, promotion.c.currency),
    *(promotion.c.starts_at, promotion.c.ends_at, promotion.c.active),
    promotion.c.most_uses.label("most_of_all"),
    promotion.c.uses.label("uses_of_all"),
).select_from(_WITH_PROMOTION)
_TAKEN = and_(use.c.promotion_id == promotion.c.id, use.c.state == "taken")
_USES = select(func.count()).where(_TAKEN).scalar_subquery().label("times_used")
_SPENT = select(func.coalesce(func.sum(use.c.amount), 0)).where(_TAKEN).scalar_subquery().label("given")
_SAVED = select(promotion, _USES, _SPENT)


class PromotionService:
    """Promotions, coupons and codes in one unit of work."""

    def __init__(self, work: Work, *, words: Words = NO_WORDS, rounding: RoundingPolicy | None = None) -> None:
        self._work = work
        self._session = work.session
        self._uses = UseCounter(work)
        self._words = words
        self._rounding = rounding

    def save(
        self,
        key: str,
        *,
        name: str,
        actions: Sequence[Mapping[str, Any]],
        conditions: Sequence[Mapping[str, Any]] = (),
        kind: str = "cart",
        priority: int = 0,
        lane: str = "default",
        exclusive: bool = False,
        stacking: str = "all",
        currency: str | None = None,
        starts_at: datetime | None = None,
        ends_at: datetime | None = None,
        active: bool = True,
        needs_code: bool = False,
        reusable: bool = True,
        most_uses: int | None = None,
        most_uses_per_customer: int | None = None,
        budget: int | None = None,
    ) -> SavedPromotion:
        """Create a promotion, or change the one with this `key` (1 to 80 characters); its uses so far stay counted.

        `conditions` must all hold, then `actions` follow; their words, and how promotions go together (`priority`,
        `lane`, `exclusive`, `stacking`), are in docs/promotions.md. `currency` None: in every one; amounts (minor
        units) and a `budget` want one. `starts_at` and `ends_at` have a time zone. Without `reusable` an order that is
        called off keeps its use. A limit that is set on a promotion without one counts the orders that have it; orders
        that are being placed in that moment may be missed.

        Raises ValidationError, which names each wrong field (`actions[0].percent`).
        """
        checks = Checks()
        key = checks.text("key", key, limit=LONGEST_KEY)
        columns = check_promotion(
            checks,
            {
                "name": name,
                "actions": actions,
                "conditions": conditions,
                "kind": kind,
                "priority": priority,
                "lane": lane,
                "exclusive": exclusive,
                "stacking": stacking,
                "currency": currency,
                "starts_at": starts_at,
                "ends_at": ends_at,
                "active": active,
                "needs_code": needs_code,
                "reusable": reusable,
                "most_uses": most_uses,
                "most_uses_per_customer": most_uses_per_customer,
                "budget": budget,
            },
            self._words,
        )
        if key.startswith(_COUPON):
            raise ValidationError.of("key", "invalid", reason="use save_coupon for coupons")
        self._write(key, columns)
        touch(self._session, self._work.ids)
        return self.get(key)

    def get(self, key: str) -> SavedPromotion:
        """The promotion with this key. Raises NotFound."""
        known = isinstance(key, str) and storable(key)
        row = self._session.execute(_SAVED.where(promotion.c.key == key)).first() if known else None
        if row is None:
            raise NotFound("promotion", key)
        return _saved(row)

    def all(self) -> tuple[SavedPromotion, ...]:
        """Every promotion except coupons, by key."""
        query = _SAVED.where(~promotion.c.key.startswith(_COUPON, autoescape=True)).order_by(promotion.c.key)
        return tuple(_saved(row) for row in self._session.execute(query))

    def remove(self, key: str) -> None:
        """Remove a promotion that no order has, with its codes. One that orders have is withdrawn: `active=False`.

        Raises NotFound, ValidationError when an order has it.
        """
        row_id = self.get(key).id
        if self._session.execute(select(use.c.id).where(use.c.promotion_id == row_id).limit(1)).first() is not None:
            raise ValidationError.of("key", "invalid", reason="orders have it; save it with active=False")
        for table in (promotion_code, of_customer):
            self._session.execute(delete(table).where(table.c.promotion_id == row_id))
        self._session.execute(delete(promotion).where(promotion.c.id == row_id))
        touch(self._session, self._work.ids)

    def of_order(self, order_number: str) -> tuple[Taken, ...]:
        """What an order has of promotions, coupons included; none for an order that nobody knows."""
        known = isinstance(order_number, str) and storable(order_number)
        query = select(promotion.c.key, promotion.c.name, use.c.code, use.c.amount, use.c.state).select_from(
            use.join(promotion, promotion.c.id == use.c.promotion_id)
        )
        query = query.where(use.c.order_number == (order_number if known else "")).order_by(use.c.id)
        return tuple(
            Taken(row.key, row.name, row.code, row.amount, row.state == "returned")
            for row in self._session.execute(query)
        )

    def add_codes(self, key: str, codes: Sequence[str], *, most_uses: int | None = 1) -> int:
        """Give a promotion these codes, each for `most_uses` orders (None: any number); returns how many are new.

        Codes are kept in capitals; one that the promotion has already stays as it is. Raises NotFound for the
        promotion, ValidationError, also for a code of another promotion.
        """
        checks = Checks()
        check_limit(checks, "most_uses", most_uses)
        wanted = self._checked_codes(checks, codes)
        checks.done()
        promotion_id = self._of_key(key)
        before = select(promotion_code.c.code, promotion_code.c.promotion_id).where(promotion_code.c.code.in_(wanted))
        for text, owner in self._session.execute(before):
            if owner != promotion_id:
                raise ValidationError.of(f"codes[{wanted.index(text)}]", "duplicate", value=text)
        return len(self._insert_codes(promotion_id, wanted, most_uses))

    def generate_codes(
        self, key: str, *, count: int, prefix: str = "", length: int = 10, most_uses: int | None = 1
    ) -> tuple[str, ...]:
        """Make `count` (at most 100,000) new codes: `prefix` and `length` letters that nobody can guess.

        `length` is 6 to 30; with the prefix at most 40 characters. No two codes of the shop are alike. Raises NotFound
        for the promotion, ValidationError.
        """
        checks = Checks()
        checks.whole("count", count, at_least=1, at_most=MOST_CODES)
        checks.whole("length", length, at_least=6, at_most=30)
        start = folded(checks.text("prefix", prefix, limit=20, required=False))
        if type(length) is int and len(start) + length > LONGEST_CODE:
            checks.wrong("prefix", "too_long", limit=max(0, LONGEST_CODE - length))
        check_limit(checks, "most_uses", most_uses)
        checks.done()
        promotion_id = self._of_key(key)
        made: builtins.list[str] = []
        letters = _letters(self._work.ids.token(), length)
        while len(made) < count:
            batch = [start + next(letters) for _ in range(min(count - len(made), 1000))]
            made += self._insert_codes(promotion_id, batch, most_uses)
        return tuple(made)

    def codes(self, key: str, *, limit: int = 1000, after: str = "") -> tuple[PromotionCode, ...]:
        """The codes of a promotion in their order, at most `limit` (1 to 10,000) that come after `after`.

        Raises NotFound for the promotion, ValidationError.
        """
        checks = Checks()
        checks.whole("limit", limit, at_least=1, at_most=10_000)
        after = checks.text("after", after, limit=LONGEST_CODE, required=False)
        checks.done()
        here = (promotion_code.c.promotion_id == self._of_key(key), promotion_code.c.code > after)
        query = (
            select(promotion_code.c.code, promotion_code.c.most_uses, promotion_code.c.uses)
            .where(*here)
            .order_by(promotion_code.c.code)
            .limit(limit)
        )
        return tuple(PromotionCode(row.code, key, row.most_uses, row.uses) for row in self._session.execute(query))

    def remove_code(self, value: str) -> None:
        """Withdraw a code; carts keep it as unknown and orders keep what they have. Raises NotFound."""
        known = isinstance(value, str) and storable(value)
        gone = delete(promotion_code).where(promotion_code.c.code == folded(value), ~_OF_COUPON) if known else None
        if gone is None or self._session.execute(gone.returning(promotion_code.c.code)).first() is None:
            raise NotFound("code", value)

    def save_coupon(
        self,
        code: str,
        *,
        percent: float | None = None,
        amount: int | None = None,
        currency: str = "BRL",
        minimum: int = 0,
        starts_at: datetime | None = None,
        ends_at: datetime | None = None,
        most_uses: int | None = None,
        active: bool = True,
    ) -> Coupon:
        """Create a coupon, or change the one with this code (in any capitals); its uses so far stay counted.

        Either `percent` (above 0, at most 100, two decimals; of each line) or `amount` (minor units of `currency`,
        spread over the lines); it counts from a cart worth `minimum` minor units on. A coupon is a promotion with one
        code; the code of another promotion is refused. Raises ValidationError.
        """
        checks = Checks()
        text = check_code(checks, code)
        action = check_worth(checks, percent, amount)
        check_currency(checks, currency)
        checks.whole("minimum", minimum, at_least=0, at_most=BIGGEST_AMOUNT)
        check_limit(checks, "most_uses", most_uses)
        check_span(checks, starts_at, ends_at)
        check_flag(checks, "active", active)
        checks.done()
        known = self._find(text, lock=True)
        self._refuse_fewer_than_used(known, most_uses)
        if known is None and self._session.execute(_KNOWN_CODE.where(_code_is(text))).first() is not None:
            raise ValidationError.of("code", "duplicate", value=text)
        conditions = [{"type": "amount", "minimum": minimum}] if minimum else []
        columns = {
            "name": text,
            "kind": "cart",
            "definition": {"conditions": conditions, "actions": [action]},
            "currency": currency,
            "starts_at": starts_at,
            "ends_at": ends_at,
            "active": active,
            "needs_code": True,
            "reusable": True,
            "most_uses": None,
            "most_uses_per_customer": None,
            "budget": None,
        }
        self._set_code(self._write(_COUPON + text, columns), text, most_uses)
        return self.coupon(text)

    def coupon(self, code: str) -> Coupon:
        """The coupon with this code, in any capitals. Raises NotFound."""
        row = self._find(code)
        if row is None:
            raise NotFound("coupon", code)
        return _coupon(row)

    def list(self, *, limit: int | None = None, after: str = "") -> tuple[Coupon, ...]:
        """Every coupon, by code; or at most `limit` (1 to 10,000) that come after the code `after`.

        Raises ValidationError.
        """
        checks = Checks()
        if limit is not None:
            checks.whole("limit", limit, at_least=1, at_most=10_000)
        after = checks.text("after", after, limit=LONGEST_CODE, required=False)
        checks.done()
        query = select(*_COUPON_COLUMNS).select_from(_WITH_PROMOTION).where(_IS_COUPON).order_by(promotion_code.c.code)
        query = query.where(promotion_code.c.code > folded(after)).limit(limit)
        return tuple(_coupon(row) for row in self._session.execute(query))

    def put_in(self, cart_id: str, code: str, currency: str) -> None:
        """Put a code into a cart that the caller holds; one that is there already stays.

        A cart that does not meet its conditions keeps it: it counts as soon as the cart does. Raises ValidationError
        for an unknown code and for too many, CouponNotApplicable for a code that no growing cart can help.
        """
        checks = Checks()
        wanted = check_code(checks, code)
        checks.done()
        row = self._session.execute(_KNOWN_CODE.where(_code_is(wanted))).first()
        if row is None:
            raise ValidationError.of("code", "unknown_coupon")
        reason = _refusal(row, currency, self._work.clock.now())
        if reason is not None:
            raise CouponNotApplicable(coupon=wanted, reason=reason)
        inside = self._session.execute(select(in_cart.c.code).where(in_cart.c.cart_id == cart_id)).scalars().all()
        if wanted not in inside and len(inside) >= MOST_IN_CART:
            raise ValidationError.of("coupons", "too_many", limit=MOST_IN_CART)
        values = {"cart_id": cart_id, "code": wanted}
        self._session.execute(upsert(self._work.dialect, in_cart).values(values).on_conflict_do_nothing())

    def take_out(self, cart_id: str, code: str) -> None:
        """Take a code out of a cart that the caller holds. Raises NotFound when it is not inside."""
        wanted = folded(code) if isinstance(code, str) and storable(code) else ""
        here = delete(in_cart).where(in_cart.c.cart_id == cart_id, in_cart.c.code == wanted)
        if self._session.execute(here.returning(in_cart.c.id)).first() is None:
            raise NotFound("coupon", code)

    def facts(self, cart_id: str) -> Facts:
        """What the database knows of a cart's promotions, by one statement.

        Whoever sends a statement about the cart anyhow adds the columns `book.FACTS` to it instead.
        """
        return book.facts_of(self._session, cart_id)

    def running(self, stamp: str) -> tuple[Promotion, ...]:
        """The promotions without a code, catalogue promotions among them; read when `stamp` has changed."""
        return self._book(stamp).promotions

    def by_category(self, facts: Facts) -> bool:
        """Whether any promotion of this cart speaks of categories: only then its items need theirs."""
        return self._book(facts.stamp).by_category or book.given_by_category(facts.codes, self._words)

    def by_customer(self, facts: Facts) -> bool:
        """Whether any promotion of this cart depends on who buys: only then that has to be looked up."""
        everybodys = self._book(facts.stamp)
        return bool(everybodys.per_customer) or everybodys.by_orders or book.given_by_customer(facts.codes, self._words)

    def work_out(
        self,
        items: Sequence[Item],
        facts: Facts,
        *,
        currency: str,
        shipping: int = 0,
        group: str | None = None,
        channel: str = "default",
        country: str = "",
        shipping_method: str = "",
        orders_before: int | None = None,
        customer: str | None = None,
        owner: str | None = None,
    ) -> Worked:
        """What all promotions do to these items: the outcome with its explanations, coupons, and uses to be taken.

        `items` are at their prices after lists and catalogue promotions (`shop.pricing.items`); `shipping` is the
        shipping's price (minor units, 0 while not known); `customer` is whose uses are counted (None: not known yet, so
        nothing is used up for them). Sends a statement only when a promotion limits the uses of a customer.
        """
        everybodys, given = self._book(facts.stamp), book.given(facts.codes, self._words)
        per_customer = {**everybodys.per_customer, **given.per_customer}
        limits = {row[0]: row[1:] for row in (*facts.limits, *given.limits)}
        refused = {
            row_id: "used_up" for row_id, (most, uses, *_) in limits.items() if most is not None and uses >= most
        }
        if customer is not None and per_customer:
            refused |= dict.fromkeys(self._uses.used_up_for(customer) & set(per_customer), "used_up_by_customer")
        basket = Basket(
            items=tuple(items),
            currency=currency,
            at=self._work.clock.now(),
            shipping=shipping,
            group=group,
            codes=given.codes,
            orders_before=orders_before,
            channel=channel,
            country=country,
            shipping_method=shipping_method,
            refused=refused,
            budgets={row_id: left - spent for row_id, (_, _, left, spent) in limits.items() if left is not None},
            owner=owner,
            round=self.rounding(currency),
        )
        # One that has codes although it needs none any more is looked at once, with its code.
        asked = {each.id: each for each in (*everybodys.promotions, *given.promotions)}
        outcome = evaluate(tuple(asked.values()), basket)
        counted = {row_id for row_id, (most, _, budget, _) in limits.items() if most is not None or budget is not None}
        uses = (
            Use(
                each.promotion_id,
                each.code,
                each.amount,
                each.promotion_id in counted,
                per_customer.get(each.promotion_id),
            )
            for each in outcome.applied
        )
        texts = [row[1] for row in facts.codes]
        return Worked(outcome, tuple(_applied_coupons(texts, basket, outcome)), tuple(uses))

    def rounding(self, currency: str) -> Rounding:
        """How what a percentage leaves becomes whole: halves up, or by the shop's own policy."""
        return round_half_up if self._rounding is None else within(self._rounding.round, currency)

    def take(self, order_number: str, uses: Sequence[Use], *, customer: str | None) -> None:
        """Count what an order takes, in its own transaction. `customer` is whom it is counted for.

        Raises RetryableError when another order was quicker: worked out again, the promotion is used up.
        """
        self._uses.take(order_number, uses, customer)

    def take_if_left(self, order_number: str) -> None:
        """Take again what an order had given back, as far as it is left: its money came after it had been given up."""
        self._uses.take_if_left(order_number)

    def give_back(self, order_number: str, *, called_off: bool = False) -> None:
        """The order has come to nothing: its uses come back.

        Those of an order that somebody has `called_off` stay used if the promotion is not `reusable`; only what they
        gave comes back to budgets then.
        """
        self._uses.give_back(order_number, called_off=called_off)

    def _book(self, stamp: str) -> book.Book:
        def load() -> book.Book:
            return book.load(self._session, self._work.clock.now(), self._words)

        return self._work.rulebook.chapter(book.CHAPTER, stamp, load)

    def _write(self, key: str, columns: Mapping[str, Any]) -> int:
        """Write a promotion's row; counters of new limits begin with what is taken already."""
        one_at_a_time(self._session, self._work.dialect, _SAVES)
        now = self._work.clock.now()
        # Orders that are taking a use hold the row: they are counted by what is read after it was waited for.
        self._session.execute(select(promotion.c.id).where(promotion.c.key == key).with_for_update())
        known = self._session.execute(_SAVED.where(promotion.c.key == key)).first()
        limited = columns["most_uses"] is not None or columns["budget"] is not None
        if known is None:
            row = {**columns, "key": key, "uses": 0, "spent": 0, "created_at": now, "updated_at": now}
            return int(self._session.execute(insert(promotion).returning(promotion.c.id), row).scalar_one())
        was_limited = known.most_uses is not None or known.budget is not None
        counters = {} if was_limited or not limited else {"uses": known.times_used, "spent": int(known.given)}
        _refuse_below(columns, {"uses": known.uses, "spent": known.spent, **counters})
        here = promotion.c.id == known.id
        self._session.execute(update(promotion).where(here).values(**columns, **counters, updated_at=now))
        if columns["most_uses_per_customer"] is not None and known.most_uses_per_customer is None:
            self._count_customers(known.id)
        return int(known.id)

    def _count_customers(self, promotion_id: int) -> None:
        self._session.execute(delete(of_customer).where(of_customer.c.promotion_id == promotion_id))
        taken = (use.c.promotion_id == promotion_id, use.c.state == "taken", use.c.customer.is_not(None))
        counted = select(use.c.promotion_id, use.c.customer, func.count()).where(*taken)
        counted = counted.group_by(use.c.promotion_id, use.c.customer)
        self._session.execute(insert(of_customer).from_select(["promotion_id", "customer", "uses"], counted))

    def _set_code(self, promotion_id: int, text: str, most_uses: int | None) -> None:
        now = self._work.clock.now()
        values = {"code": text, "promotion_id": promotion_id, "most_uses": most_uses, "uses": 0, "created_at": now}
        query = upsert(self._work.dialect, promotion_code).values(values)
        self._session.execute(query.on_conflict_do_update(index_elements=["code"], set_={"most_uses": most_uses}))

    def _checked_codes(self, checks: Checks, codes: Any) -> builtins.list[str]:
        if not isinstance(codes, builtins.list | tuple):
            checks.wrong("codes", "not_list")
            return []
        if len(codes) > MOST_CODES:
            checks.wrong("codes", "too_many", limit=MOST_CODES)
            return []
        return [check_code(checks, each, f"codes[{number}]") for number, each in enumerate(codes)]

    def _of_key(self, key: str) -> int:
        found = self.get(key)
        if not found.needs_code:
            raise ValidationError.of("key", "invalid", reason="this promotion needs no code")
        return found.id

    def _insert_codes(self, promotion_id: int, texts: Iterable[str], most_uses: int | None) -> builtins.list[str]:
        now = self._work.clock.now()
        rows = [
            {"code": text, "promotion_id": promotion_id, "most_uses": most_uses, "uses": 0, "created_at": now}
            for text in dict.fromkeys(texts)
        ]
        made: builtins.list[str] = []
        for start in range(0, len(rows), 1000):
            query = (
                upsert(self._work.dialect, promotion_code).values(rows[start : start + 1000]).on_conflict_do_nothing()
            )
            made += self._session.execute(query.returning(promotion_code.c.code)).scalars()
        return made

    def _find(self, text: Any, *, lock: bool = False) -> Any:
        """A coupon's row; with its lock nobody takes a use between what is read and what is written."""
        if not isinstance(text, str) or not storable(text):
            return None
        query = select(*_COUPON_COLUMNS).select_from(_WITH_PROMOTION).where(_IS_COUPON, _code_is(folded(text)))
        query = query.with_for_update(of=promotion_code) if lock else query
        return self._session.execute(query).first()

    def _refuse_fewer_than_used(self, known: Any, most_uses: int | None) -> None:
        if known is not None and most_uses is not None and most_uses < known.uses:
            raise ValidationError.of("most_uses", "too_small", limit=known.uses)


def _code_is(text: str) -> Any:
    return promotion_code.c.code == text


def _refuse_below(columns: Mapping[str, Any], counted: Mapping[str, int]) -> None:
    checks = Checks()
    for limit, counter in (("most_uses", "uses"), ("budget", "spent")):
        if columns[limit] is not None and columns[limit] < counted[counter]:
            checks.wrong(limit, "too_small", limit=counted[counter])
    checks.done()


def _refusal(row: Any, currency: str, now: datetime) -> str | None:
    """Why a code counts for nobody, or not in this currency."""
    reasons = (
        (not row.active, "inactive"),
        (row.starts_at is not None and now < row.starts_at, "not_yet"),
        (row.ends_at is not None and now >= row.ends_at, "expired"),
        (row.most_uses is not None and row.uses >= row.most_uses, "used_up"),
        (row.most_of_all is not None and row.uses_of_all >= row.most_of_all, "used_up"),
        (row.currency is not None and row.currency != currency, "currency"),
    )
    return next((reason for holds, reason in reasons if holds), None)


def _applied_coupons(texts: Sequence[str], basket: Basket, outcome: Outcome) -> Iterator[AppliedCoupon]:
    """Every code of a cart, in the order of their coming, with what it takes off or why nothing."""
    amounts = {each.code: each.amount for each in outcome.applied if each.code is not None}
    reasons = {each.promotion_id: each.reason for each in outcome.explanations}
    counting = {each.code for each in outcome.explanations if each.code is not None}
    known = {each.code: each for each in basket.codes}
    for text in texts:
        amount, here = amounts.get(text, 0), known.get(text)
        reason = None
        if not amount:
            reason = "unknown_code" if here is None else here.refused or reasons[here.promotion_id]
            if here is not None and here.refused is None and text not in counting:
                reason = "same_promotion"
        yield AppliedCoupon(text, Money(amount, basket.currency), reason)


def _letters(secret: str, length: int) -> Iterator[str]:
    """Words of `length` letters; whoever does not know the secret cannot tell one from another."""
    for number in itertools.count():
        digest = hmac.digest(secret.encode(), str(number).encode(), "sha256")
        yield "".join(_LETTERS[byte & 31] for byte in digest[:length])


def _saved(row: Any) -> SavedPromotion:
    definition = row.definition
    return SavedPromotion(
        id=row.id,
        key=row.key,
        name=row.name,
        kind=row.kind,
        conditions=tuple(definition["conditions"]),
        actions=tuple(definition["actions"]),
        priority=definition.get("priority", 0),
        lane=definition.get("lane", "default"),
        exclusive=definition.get("exclusive", False),
        stacking=definition.get("stacking", "all"),
        currency=row.currency,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        active=row.active,
        needs_code=row.needs_code,
        reusable=row.reusable,
        most_uses=row.most_uses,
        most_uses_per_customer=row.most_uses_per_customer,
        budget=row.budget,
        uses=row.times_used,
        spent=int(row.given),
    )


def _coupon(row: Any) -> Coupon:
    action, conditions = row.definition["actions"][0], row.definition["conditions"]
    percent = action["type"] == "percent"
    return Coupon(
        code=row.code,
        kind=action["type"],
        value=round(action["percent"] * 100) if percent else action["amount"],
        currency=row.currency,
        minimum=conditions[0]["minimum"] if conditions else 0,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        most_uses=row.most_uses,
        uses=row.uses,
        active=row.active,
    )
