"""Goods that come back: asked for, come, credited or refused.

Invariants: of no line more pieces are on their way back, or back, than were shipped; what is credited for them is
their frozen share, so any sequence of returns adds up to what was paid; the shipping is credited once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, case, func, insert, select, update

from mestres_core.errors import IllegalTransition, NotFound, ValidationError
from mestres_core.events.facts import ReturnChanged
from mestres_core.orders.books import LIVE, WITHDRAWAL, OrderBooks, by_variant, read_pieces, refuse
from mestres_core.orders.dto import Return
from mestres_core.orders.models import giving_back, giving_back_line, order, shipment, shipment_line
from mestres_core.rules.checks import BIGGEST_ID, Checks
from mestres_core.rules.states import RETURN, may

REASONS = (WITHDRAWAL, "defect", "damaged", "wrong_item", "other")
_WITHDRAWAL_DAYS = 7
_BRASILIA = timedelta(hours=-3)

_WITH_NUMBER = select(giving_back, order.c.number).join(order, order.c.id == giving_back.c.order_id)
_OF_ORDER = _WITH_NUMBER.where(order.c.number == bindparam("number")).order_by(giving_back.c.id)
_ONE = _WITH_NUMBER.where(giving_back.c.id == bindparam("of"))
_LINES = (
    select(giving_back_line)
    .where(giving_back_line.c.return_id.in_(bindparam("ids", expanding=True)))
    .order_by(giving_back_line.c.line_id)
)
_NEW = insert(giving_back).returning(giving_back.c.id)
_NEW_LINE = insert(giving_back_line)
_CAME = (
    update(giving_back_line)
    .where(giving_back_line.c.return_id == bindparam("of"), giving_back_line.c.line_id == bindparam("of_line"))
    .values(quantity=bindparam("came"), scrapped=bindparam("lost"))
)
# The last parcel that had a piece of the line: a parcel on its way has no delivery yet.
_DELIVERED = (
    select(
        shipment_line.c.line_id,
        func.max(shipment.c.delivered_at).label("last"),
        func.sum(case((shipment.c.delivered_at.is_(None), 1), else_=0)).label("on_the_way"),
    )
    .join(shipment, shipment.c.id == shipment_line.c.shipment_id)
    .where(shipment.c.order_id == bindparam("order_id"))
    .group_by(shipment_line.c.line_id)
)


def withdrawal_ends(delivered_at: datetime) -> datetime:
    """When the time to withdraw is over: at the end, in Brasília, of the seventh day after that of the delivery.

    Código de Defesa do Consumidor, art. 49; the day of the delivery itself does not count (Código Civil, art. 132).
    """
    day = (delivered_at.astimezone(UTC) + _BRASILIA).replace(hour=0, minute=0, second=0, microsecond=0)
    return day + timedelta(days=_WITHDRAWAL_DAYS + 1) - _BRASILIA


class Returns(OrderBooks):
    """Returns, in one unit of work."""

    def request_return(self, number: str, *, lines: Mapping[int, int], reason: str = "other", note: str = "") -> Return:
        """The buyer wants to send pieces back: {line id: pieces}.

        `reason`: withdrawal, defect, damaged, wrong_item, other. A withdrawal (CDC art. 49) must come within seven days
        of the line's last delivery; while a parcel has not been reported as delivered, its time has not begun. Raises
        NotFound, IllegalTransition for an order of which nothing was shipped, ValidationError for lines of another
        order, for more pieces than were shipped and are not on their way back, and for a withdrawal that is too late.
        """
        checks = Checks()
        checks.choice("reason", reason, REASONS)
        note = checks.text("note", note, limit=400, required=False)
        row = self._row(number, lock=True)
        found = self._lines(row)
        most = {each.id: each.shipped_quantity - each.returned_quantity for each in found}
        pieces = read_pieces(checks, "lines", lines, most)
        if row.status not in LIVE:
            raise refuse(number, row.status, "return_requested")
        if not any(each.shipped_quantity for each in found):
            raise refuse(number, row.fulfillment_status, "return_requested")
        checks.done()
        if reason == WITHDRAWAL:
            self._refuse_late(row, pieces)
        now = self._work.clock.now()
        values = {
            "order_id": row.id,
            "status": "requested",
            "reason": reason,
            "note": note,
            "created_at": now,
            "updated_at": now,
        }
        made = self._session.execute(_NEW, values).scalar_one()
        kept = [{"return_id": made, "line_id": each, "quantity": count} for each, count in sorted(pieces.items())]
        self._session.execute(_NEW_LINE, kept)
        self._move({line_id: {"returned": count} for line_id, count in pieces.items()})
        return self._told(row, made, "requested")

    def receive_return(
        self, return_id: int, *, arrived: Mapping[int, int] | None = None, scrap: Mapping[int, int] | None = None
    ) -> Return:
        """The parcel has come back. `arrived` is {line id: pieces} if fewer came than were asked for.

        What came is put back on the shelf, but for the pieces in `scrap`, which cannot be sold again. What did not come
        stays with the buyer, who may ask again. Raises NotFound, IllegalTransition, ValidationError.
        """
        row, one, pieces = self._locked(return_id, "received")
        checks = Checks()
        came = dict(pieces) if arrived is None else read_pieces(checks, "arrived", arrived, pieces)
        lost = read_pieces(checks, "scrap", scrap, came) if scrap else {}
        checks.done()
        rows = [
            {"of": one.id, "of_line": line_id, "came": came.get(line_id, 0), "lost": lost.get(line_id, 0)}
            for line_id in sorted(pieces)
        ]
        self._session.connection().execute(_CAME, rows)
        missing = {line_id: came.get(line_id, 0) - asked for line_id, asked in pieces.items()}
        self._move({line_id: {"returned": less} for line_id, less in missing.items() if less})
        found = self._lines(row)
        whole = {line_id: count - lost.get(line_id, 0) for line_id, count in came.items()}
        back = by_variant(found, whole)
        if back:
            self._inventory.take_back(back, reference=row.number)
        return self._ended(row, one.id, "received")

    def refund_return(self, return_id: int, *, shipping: bool | None = None) -> Return:
        """Credit what came back: its frozen share is due to the buyer, and `shop.orders.refund(number)` gives it back.

        The shipping is credited, once, when `shipping` says so; by default when nothing of the order is left with the
        buyer, who has withdrawn from some of it or all. Raises NotFound, IllegalTransition, ValidationError for a
        shipping already credited.
        """
        row, one, pieces = self._locked(return_id, "refunded")
        if shipping is not None and not isinstance(shipping, bool):
            raise ValidationError.of("shipping", "not_boolean")
        if shipping and row.shipping_credited_amount:
            raise ValidationError.of("shipping", "invalid", reason="it has been credited already")
        found, reference = self._lines(row), f"return {one.id}"
        came = {line_id: count for line_id, count in pieces.items() if count}
        credited = self._credit_pieces(row, came, found, kind="returned", reference=reference)
        self._move({line_id: {"credited": count} for line_id, count in came.items()})
        back = row.shipping_amount + row.shipping_tax_amount if shipping else 0
        if shipping is None:
            back = self._withdrawn_shipping(row, came, found, withdrawn=one.reason == WITHDRAWAL)
        self._rebalance(row, **self._credit_shipping(row, credited, back, reference))
        return self._ended(row, one.id, "refunded")

    def reject_return(self, return_id: int, *, note: str = "") -> Return:
        """Refuse a return: nothing is credited, and the pieces stay with the buyer, or go back there.

        Pieces that had been put back on the shelf are taken off it again. Raises NotFound, IllegalTransition,
        InsufficientStock when they have been sold meanwhile, ValidationError.
        """
        checks = Checks()
        note = checks.text("note", note, limit=400, required=False)
        checks.done()
        row, one, pieces = self._locked(return_id, "rejected")
        found = self._lines(row)
        if one.status == "received":
            shelved = {line_id: count - self._scrapped(one.id).get(line_id, 0) for line_id, count in pieces.items()}
            back = by_variant(found, shelved)
            if back:
                self._inventory.allocate(back, reference=row.number, address=row.address)
                self._inventory.ship(back, reference=row.number)
        self._move({line_id: {"returned": -count} for line_id, count in pieces.items() if count})
        return self._ended(row, one.id, "rejected", **({"note": note} if note else {}))

    def returns(self, number: str) -> tuple[Return, ...]:
        """An order's returns, oldest first. Raises NotFound."""
        self._row(number, lock=False)
        return self._as_returns(self._session.execute(_OF_ORDER, {"number": number}).all())

    def _refuse_late(self, row: Any, pieces: Mapping[int, int]) -> None:
        now = self._work.clock.now()
        for each in self._session.execute(_DELIVERED, {"order_id": row.id}):
            if each.line_id in pieces and not each.on_the_way and now >= withdrawal_ends(each.last):
                raise ValidationError.of("reason", "invalid", reason="the seven days to withdraw are over")

    def _locked(self, return_id: int, target: str) -> tuple[Any, Any, dict[int, int]]:
        """The order's row, locked, the return's, and its pieces; the return may become `target`."""
        number = self._return(return_id).number
        row = self._row(number, lock=True)
        one = self._return(return_id)  # again: before the lock it may have been in another state
        if not may(RETURN, one.status, target):
            raise IllegalTransition(what=f"return {return_id}", state=one.status, target=target)
        found = self._session.execute(_LINES, {"ids": [one.id]})
        return row, one, {each.line_id: each.quantity for each in found}

    def _return(self, return_id: int) -> Any:
        known = type(return_id) is int and 0 < return_id <= BIGGEST_ID
        row = self._session.execute(_ONE, {"of": return_id}).first() if known else None
        if row is None:
            raise NotFound("return", return_id)
        return row

    def _scrapped(self, return_id: int) -> dict[int, int]:
        return {each.line_id: each.scrapped for each in self._session.execute(_LINES, {"ids": [return_id]})}

    def _ended(self, row: Any, return_id: int, status: str, **values: str) -> Return:
        changed = {"status": status, "updated_at": self._work.clock.now(), **values}
        self._session.execute(update(giving_back).where(giving_back.c.id == return_id).values(**changed))
        return self._told(row, return_id, status)

    def _told(self, row: Any, return_id: int, status: str) -> Return:
        self._work.outbox.announce(ReturnChanged(row.number, return_id, status, row.customer_id))
        return self._as_returns([self._return(return_id)])[0]

    def _as_returns(self, rows: Sequence[Any]) -> tuple[Return, ...]:
        ids = [row.id for row in rows]
        lines: dict[int, list[Any]] = {each: [] for each in ids}
        for each in self._session.execute(_LINES, {"ids": ids}) if ids else ():
            lines[each.return_id].append(each)
        return tuple(
            Return(
                row.id,
                row.number,
                row.status,
                row.reason,
                row.note,
                {each.line_id: each.quantity for each in lines[row.id]},
                {each.line_id: each.scrapped for each in lines[row.id] if each.scrapped},
                row.created_at,
            )
            for row in rows
        )
