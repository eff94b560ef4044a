"""Changing a placed order: pieces more, pieces fewer, other goods.

A change is begun, filled with steps, looked at as often as one likes, and committed or discarded. Steps are only ever
added, so the log says who wanted what when it mattered. Nothing of the order moves before the commit.

The rules: what has been shipped stays. Pieces taken away go back by their frozen shares. More pieces of a line come as
a line of their own, at that line's unit price; goods that are new come at today's price, or at the one the step says.
Both are taxed by today's rates. Neither gets a share of the order's discounts, and the shipping stays as it is. Totals
stay the sums of their stored parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from mestres_core.catalog.models import product, variant
from mestres_core.errors import Conflict, IllegalTransition, NotFound, ValidationError
from mestres_core.events.facts import OrderEdited
from mestres_core.orders.books import OrderBooks, open_pieces, paid_for, refuse, worth
from mestres_core.orders.dto import Order, OrderChange
from mestres_core.orders.models import change, change_step, line, order
from mestres_core.rules.br.documents import is_cnpj
from mestres_core.rules.checks import BIGGEST_AMOUNT, BIGGEST_ID, Checks
from mestres_core.rules.money import Money
from mestres_core.rules.shares import share
from mestres_core.rules.states import CHANGE, may
from mestres_core.rules.tax import Taxed
from mestres_core.tax.service import BUSINESS, INDIVIDUAL
from mestres_core.typing import TaxLine

MOST_LINES = 100
MOST_OF_ONE = 999
_WITH_NUMBER = select(change, order.c.number, order.c.currency).join(order, order.c.id == change.c.order_id)
_ONE = _WITH_NUMBER.where(change.c.id == bindparam("of"))
_OPEN = select(change.c.id).where(change.c.order_id == bindparam("order_id"), change.c.status == "open")
_STEPS = select(change_step).where(change_step.c.change_id == bindparam("of")).order_by(change_step.c.id)
_GOODS = select(
    *(variant.c[name] for name in ("id", "product_id", "sku", "tax_class")),
    product.c.name,
    variant.c.name.label("variant_name"),
).select_from(variant.join(product, product.c.id == variant.c.product_id))
_NEW_LINE = insert(line).returning(line.c.id)
_BY_SKU = _GOODS.where(variant.c.sku == bindparam("sku"), variant.c.active, product.c.active)
_BY_ID = _GOODS.where(variant.c.id.in_(bindparam("ids", expanding=True)))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Pieces that a change would add, at a price of so many minor units each, with the buyer's wishes for them."""

    variant_id: int
    unit_price: int
    quantity: int
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _New:
    """The line that they would make."""

    wanted: _Wanted
    goods: Any

    @property
    def total(self) -> int:
        return self.wanted.quantity * self.wanted.unit_price


@dataclass(frozen=True, slots=True)
class _Effect:
    """What a change comes to, on the order as it is now: {line id: pieces taken away}, lines that come new, taxed.

    `shipping` is what of it goes back, in minor units.
    """

    taken: Mapping[int, int]
    new: Sequence[_New]
    taxed: Sequence[Taxed]
    shipping: int
    difference: int


class Edits(OrderBooks):
    """Changes of orders, in one unit of work."""

    def begin_edit(self, number: str, *, reason: str = "") -> OrderChange:
        """Begin to change a placed order, one change at a time. Raises NotFound, IllegalTransition, ValidationError."""
        checks = Checks()
        reason = checks.text("reason", reason, limit=200, required=False)
        checks.done()
        row = self._row(number, lock=True)
        _refuse_unplaced(row)
        known = self._session.execute(_OPEN, {"order_id": row.id}).scalar()
        if known is not None:
            raise IllegalTransition(what=f"change {known} of order {number}", state="open", target="open")
        values = {"order_id": row.id, "status": "open", "reason": reason, "created_at": self._work.clock.now()}
        made = self._session.execute(insert(change).returning(change.c.id), values).scalar_one()
        return self.preview_edit(made)

    def edit_add(self, change_id: int, *, sku: str, quantity: int, unit_price: int | None = None) -> OrderChange:
        """Have the change add `quantity` pieces of `sku`, at today's price or at `unit_price` minor units.

        The price holds until the change ends. Raises NotFound, IllegalTransition, ValidationError.
        """
        checks = Checks()
        sku = checks.text("sku", sku, limit=64)
        checks.whole("quantity", quantity, at_least=1, at_most=MOST_OF_ONE)
        if unit_price is not None:
            checks.whole("unit_price", unit_price, at_least=0, at_most=BIGGEST_AMOUNT)
        checks.done()
        one, row = self._open_change(change_id)
        found = self._session.execute(_BY_SKU, {"sku": sku}).first()
        if found is None:
            raise NotFound("sku", sku)
        amount = self._price(row, sku, quantity) if unit_price is None else unit_price
        return self._step(one, action="add", variant_id=found.id, quantity=quantity, unit_price=amount)

    def edit_set(self, change_id: int, line_id: int, *, quantity: int) -> OrderChange:
        """Have the change leave `quantity` pieces of a line; 0 takes the line away. The last step for a line counts.

        Raises NotFound, IllegalTransition, ValidationError for fewer pieces than were shipped.
        """
        one, row = self._open_change(change_id)
        known = {each.id: each for each in self._lines(row)}
        if type(line_id) is not int or line_id not in known:
            raise NotFound("line", line_id)
        checks = Checks()
        checks.whole("quantity", quantity, at_least=known[line_id].shipped_quantity, at_most=MOST_OF_ONE)
        checks.done()
        return self._step(one, action="set", line_id=line_id, quantity=quantity)

    def preview_edit(self, change_id: int) -> OrderChange:
        """What a change would come to now; once it is committed, what it came to. Raises NotFound."""
        one = self._changed(change_id)
        row = self._row(one.number, lock=False)
        lines = self._lines(row)
        effect = self._effect(one, row, lines)
        difference = effect.difference if one.difference is None else one.difference
        return OrderChange(
            one.id,
            one.number,
            one.status,
            one.reason,
            Money(difference, row.currency),
            {each.id: _kept(each) - effect.taken.get(each.id, 0) for each in lines},
            _added(effect.new),
        )

    def commit_edit(self, change_id: int, *, expected: int | None = None) -> Order:
        """Let a change happen, all of it or nothing.

        `expected` is the difference, in minor units, that the buyer was told: when it has become another, nothing
        changes. What the total falls by becomes due to the buyer, what it grows by is still to be paid before anything
        more is shipped. Raises NotFound, IllegalTransition, InsufficientStock, Conflict for another difference,
        ValidationError when pieces that it takes away have been shipped meanwhile or when it changes nothing.
        """
        checks = Checks()
        if expected is not None:
            checks.whole("expected", expected, at_least=-BIGGEST_AMOUNT, at_most=BIGGEST_AMOUNT)
        checks.done()
        one, row = self._open_change(change_id)
        lines = self._lines(row)
        effect = self._effect(one, row, lines)
        self._refuse(effect, lines, expected)
        self._move_stock(row, lines, effect)
        moves = {line_id: {"cancelled": count, "credited": count} for line_id, count in effect.taken.items()}
        self._move(moves)
        sums: dict[str, Any] = self._add_lines(row, effect)
        credited = self._credit_pieces(row, effect.taken, lines, kind="cancelled", reference=f"change {one.id}")
        statuses = self._after_moving(self._lines(row), {})
        if statuses.get("status") == "cancelled":
            self._promotions.give_back(row.number, called_off=True)
            statuses["unpaid"] = "void"
        self._rebalance(
            row, **sums, **statuses, **self._credit_shipping(row, credited, effect.shipping, f"change {one.id}")
        )
        self._end_change(one, "committed", difference=effect.difference)
        self._work.outbox.announce(OrderEdited(row.number, effect.difference, row.customer_id))
        return self.get(row.number)

    def discard_edit(self, change_id: int) -> OrderChange:
        """Give a change up; it stays in the log. Raises NotFound, IllegalTransition."""
        one = self._changed(change_id)
        self._row(one.number, lock=True)
        one = self._changed(change_id)
        _refuse_ended(one, "discarded")
        self._end_change(one, "discarded")
        return self.preview_edit(change_id)

    def _changed(self, change_id: int) -> Any:
        known = type(change_id) is int and 0 < change_id <= BIGGEST_ID
        one = self._session.execute(_ONE, {"of": change_id}).first() if known else None
        if one is None:
            raise NotFound("change", change_id)
        return one

    def _open_change(self, change_id: int) -> tuple[Any, Any]:
        """An open change and its order's row, locked."""
        row = self._row(self._changed(change_id).number, lock=True)
        one = self._changed(change_id)
        _refuse_ended(one, "committed")
        _refuse_unplaced(row)
        return one, row

    def _step(self, one: Any, **values: Any) -> OrderChange:
        now = self._work.clock.now()
        self._session.execute(insert(change_step), {"change_id": one.id, "created_at": now, **values})
        return self.preview_edit(one.id)

    def _effect(self, one: Any, row: Any, lines: Sequence[Any]) -> _Effect:
        steps = self._session.execute(_STEPS, {"of": one.id}).all()
        wanted = {each.line_id: each.quantity for each in steps if each.action == "set"}
        more = {each.id: wanted[each.id] - _kept(each) for each in lines if each.id in wanted}
        taken = {line_id: -count for line_id, count in more.items() if count < 0}
        new = self._new_lines(
            [
                _Wanted(each.variant_id, each.unit_price, more[each.id], each.attributes)
                for each in lines
                if more.get(each.id, 0) > 0
            ]
            + _summed([each for each in steps if each.action == "add"])
        )
        taxed = self._taxed(row, new)
        back = sum(
            share(paid_for(each), each.quantity, given=each.credited_quantity, pieces=taken[each.id])
            for each in lines
            if each.id in taken
        )
        shipping = 0 if new else self._withdrawn_shipping(row, taken, lines)
        left = worth(row)
        # An order that comes to nothing is owed no shipping either; what goodwill gave is not given again.
        less = left if not new and _comes_to_nothing(lines, taken) else min(back + shipping, left)
        return _Effect(taken, new, taxed, shipping, sum(each.gross for each in taxed) - less)

    def _price(self, row: Any, sku: str, quantity: int) -> int:
        """What a piece costs this order's buyer today. Raises ValidationError."""
        found = self._pricing.resolve(
            sku, quantity=quantity, currency=row.currency, group=row.customer_group, channel=row.channel
        )
        return found.price.amount

    def _new_lines(self, wanted: Sequence[_Wanted]) -> list[_New]:
        if not wanted:
            return []
        found = self._session.execute(_BY_ID, {"ids": sorted({each.variant_id for each in wanted})})
        goods = {each.id: each for each in found}
        return [_New(each, goods[each.variant_id]) for each in wanted]

    def _taxed(self, row: Any, new: Sequence[_New]) -> Sequence[Taxed]:
        if not new:
            return ()
        lines = [
            TaxLine(
                key=index,
                amount=each.total,
                quantity=each.wanted.quantity,
                tax_class=each.goods.tax_class,
                sku=each.goods.sku,
            )
            for index, each in enumerate(new)
        ]
        business = is_cnpj(row.customer.get("document") or "")
        kind = BUSINESS if business else INDIVIDUAL
        return self._tax.calculate(lines, address=row.address, currency=row.currency, customer_type=kind)

    def _refuse(self, effect: _Effect, lines: Sequence[Any], expected: int | None) -> None:
        if not effect.taken and not effect.new:
            raise ValidationError.of("steps", "required")
        checks = Checks()
        for each in lines:
            if effect.taken.get(each.id, 0) > open_pieces(each):
                checks.wrong(f"lines.{each.id}", "too_small", limit=each.shipped_quantity)
        if len(lines) + len(effect.new) > MOST_LINES:
            checks.wrong("lines", "too_many", limit=MOST_LINES)
        checks.done()
        if expected is not None and expected != effect.difference:
            raise Conflict(message=f"the change comes to {effect.difference} minor units now, not to {expected}")

    def _move_stock(self, row: Any, lines: Sequence[Any], effect: _Effect) -> None:
        """Free what is taken away, set aside what is added: variant by variant, in the order in which all lock them."""
        net: dict[int, int] = {}
        for each in lines:
            net[each.variant_id] = net.get(each.variant_id, 0) - effect.taken.get(each.id, 0)
        for each in effect.new:
            net[each.wanted.variant_id] = net.get(each.wanted.variant_id, 0) + each.wanted.quantity
        for of, pieces in sorted(net.items()):
            if pieces > 0:
                self._inventory.allocate({of: pieces}, reference=row.number, address=row.address)
            elif pieces < 0:
                self._inventory.release({of: -pieces}, reference=row.number)

    def _add_lines(self, row: Any, effect: _Effect) -> dict[str, int]:
        """Write new lines and their taxes; the order's sums with them."""
        ids = [
            self._session.execute(_NEW_LINE, _line_row(row.id, each, taxed)).scalar_one()
            for each, taxed in zip(effect.new, effect.taxed, strict=True)
        ]
        self._tax.keep(row.id, list(zip(ids, effect.taxed, strict=True)))
        items, tax = sum(each.total for each in effect.new), sum(each.added for each in effect.taxed)
        return {
            "items_amount": row.items_amount + items,
            "tax_amount": row.tax_amount + tax,
            "grand_amount": row.grand_amount + items + tax,
            "tax_included_amount": row.tax_included_amount + sum(each.included for each in effect.taxed),
        }

    def _end_change(self, one: Any, status: str, *, difference: int | None = None) -> None:
        values = {"status": status, "ended_at": self._work.clock.now(), "difference": difference}
        self._session.execute(update(change).where(change.c.id == one.id).values(**values))


def _comes_to_nothing(lines: Sequence[Any], taken: Mapping[int, int]) -> bool:
    """Whether no piece is left, and none was ever sent: such an order is called off."""
    return all(not each.shipped_quantity and _kept(each) == taken.get(each.id, 0) for each in lines)


def _refuse_unplaced(row: Any) -> None:
    if row.status != "placed":
        raise refuse(row.number, row.status, "edited")


def _refuse_ended(one: Any, target: str) -> None:
    if not may(CHANGE, one.status, target):
        raise IllegalTransition(what=f"change {one.id}", state=one.status, target=target)


def _kept(row: Any) -> int:
    """Pieces of a line that were not called off."""
    return int(row.quantity - row.cancelled_quantity)


def _summed(steps: Sequence[Any]) -> list[_Wanted]:
    """All that steps add, once for each variant and price."""
    pieces: dict[tuple[int, int], int] = {}
    for each in steps:
        key = (each.variant_id, each.unit_price)
        pieces[key] = pieces.get(key, 0) + each.quantity
    return [_Wanted(variant_id, unit_price, quantity, {}) for (variant_id, unit_price), quantity in pieces.items()]


def _name(goods: Any) -> str:
    return f"{goods.name} – {goods.variant_name}" if goods.variant_name else str(goods.name)


def _added(new: Sequence[_New]) -> dict[str, int]:
    added: dict[str, int] = {}
    for each in new:
        added[each.goods.sku] = added.get(each.goods.sku, 0) + each.wanted.quantity
    return added


def _line_row(order_id: int, each: _New, taxed: Taxed) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "variant_id": each.wanted.variant_id,
        "product_id": each.goods.product_id,
        "sku": each.goods.sku,
        "name": _name(each.goods),
        "quantity": each.wanted.quantity,
        "unit_price": each.wanted.unit_price,
        "total": each.total,
        "tax_amount": taxed.added,
        "tax_included_amount": taxed.included,
        "attributes": dict(each.wanted.attributes),
    }
