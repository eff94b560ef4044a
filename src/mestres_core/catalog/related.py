"""Products that go with a product: put together by hand, in one direction or in both."""

from __future__ import annotations

from sqlalchemy import and_, bindparam, delete, func, or_, select

from mestres_core.catalog import queries
from mestres_core.catalog.assortment import relation
from mestres_core.catalog.dto import ProductCard
from mestres_core.catalog.finding import Changing, find_product
from mestres_core.catalog.models import card, product
from mestres_core.db.dialects.sql import insert as upsert
from mestres_core.errors import ValidationError
from mestres_core.events.work import Work
from mestres_core.rules.checks import Checks

KINDS = ("related", "cross_sell", "up_sell", "accessory", "substitute")
MOST_RELATED = 100
_COUNT = select(func.count(), func.max(relation.c.position)).where(
    relation.c.product_id == bindparam("product_id"), relation.c.kind == bindparam("kind")
)
_CARDS = (
    select(*queries.CARD_COLUMNS)
    .select_from(queries.CARD_SOURCE.join(relation, relation.c.other_id == product.c.id))
    .where(
        relation.c.product_id == bindparam("product_id"),
        relation.c.kind == bindparam("kind"),
        card.c.currency == bindparam("currency"),
    )
    .order_by(relation.c.position, relation.c.other_id)
    .limit(bindparam("most"))
)


class RelatedService:
    """Relations between products in one unit of work."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._session = work.session
        self._changing = Changing(work)

    def link(
        self, product: int | str, *others: int | str, kind: str = "related", both: bool = False
    ) -> tuple[ProductCard, ...]:
        """Show `others` with `product`, behind those that are there; `both`: and it with each of them.

        `kind` is related, cross_sell (buy with it), up_sell (a better one), accessory or substitute. To link again
        changes nothing. Returns what goes with the product. Raises NotFound, ValidationError: with itself.
        """
        self._check(kind, others, both)
        one, *rows = self._changing.lock_all([product, *others])
        if one.id in {row.id for row in rows}:
            raise ValidationError.of("others", "invalid", reason="a product does not go with itself")
        self._put(one.id, [row.id for row in rows], kind)
        if both:
            for row in rows:
                self._put(row.id, [one.id], kind)
        self._changing.changed(one, *(rows if both else ()))
        return self.of(one.id, kind=kind)

    def unlink(self, product: int | str, *others: int | str, kind: str = "related", both: bool = False) -> None:
        """No longer show `others` with `product`; those that are not linked do not matter. Raises NotFound."""
        self._check(kind, others, both)
        one, *rows = self._changing.lock_all([product, *others])
        ids = [row.id for row in rows]
        pairs = and_(relation.c.product_id == one.id, relation.c.other_id.in_(ids))
        if both:
            pairs = or_(pairs, and_(relation.c.other_id == one.id, relation.c.product_id.in_(ids)))
        self._session.execute(delete(relation).where(relation.c.kind == kind, pairs))
        self._changing.changed(one, *(rows if both else ()))

    def set(self, product: int | str, others: list[int | str], *, kind: str = "related") -> tuple[ProductCard, ...]:
        """Show exactly `others` with `product`, in this order. Raises NotFound, ValidationError."""
        if not isinstance(others, list | tuple):
            raise ValidationError.of("others", "not_list")
        self._check(kind, others or ["-"], both=False)
        one, *rows = self._changing.lock_all([product, *others])
        if one.id in {row.id for row in rows}:
            raise ValidationError.of("others", "invalid", reason="a product does not go with itself")
        self._session.execute(delete(relation).where(relation.c.product_id == one.id, relation.c.kind == kind))
        self._put(one.id, [row.id for row in rows], kind)
        self._changing.changed(one)
        return self.of(one.id, kind=kind)

    def of(
        self, product: int | str, *, kind: str = "related", currency: str = "BRL", limit: int = 20
    ) -> tuple[ProductCard, ...]:
        """What goes with a product, in order; only what a list may show. Raises NotFound, ValidationError."""
        checks = Checks()
        checks.choice("kind", kind, KINDS)
        checks.text("currency", currency, limit=3)
        checks.whole("limit", limit, at_least=1, at_most=MOST_RELATED)
        checks.done()
        one = find_product(self._session, product)
        values = {"product_id": one.id, "kind": kind, "currency": currency, "most": limit}
        return tuple(map(queries.to_card, self._session.execute(_CARDS, values)))

    def _check(self, kind: str, others: object, both: bool) -> None:
        checks = Checks()
        checks.choice("kind", kind, KINDS)
        if not others:
            checks.wrong("others", "required")
        if not isinstance(both, bool):
            checks.wrong("both", "not_boolean")
        checks.done()

    def _put(self, product_id: int, others: list[int], kind: str) -> None:
        there, last = self._session.execute(_COUNT, {"product_id": product_id, "kind": kind}).one()
        if there + len(others) > MOST_RELATED:
            raise ValidationError.of("others", "too_many", limit=MOST_RELATED)
        if not others:
            return
        start = 0 if last is None else last + 1
        rows = [
            {"product_id": product_id, "other_id": other, "kind": kind, "position": start + at}
            for at, other in enumerate(dict.fromkeys(others))
        ]
        self._session.execute(upsert(self._work.dialect, relation).on_conflict_do_nothing(), rows)
