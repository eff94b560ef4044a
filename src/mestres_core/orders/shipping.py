"""Parcels: an order's pieces leave the house together or one after the other.

Invariant: of no line is more shipped than was bought and not called off; pieces leave the stock with their parcel.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from mestres_core.errors import NotFound
from mestres_core.events.facts import OrderShipped
from mestres_core.orders.books import OrderBooks, by_variant, open_pieces, read_pieces, refuse
from mestres_core.orders.dto import Order, Shipment
from mestres_core.orders.models import order, shipment, shipment_line
from mestres_core.rules.checks import BIGGEST_ID, Checks
from mestres_core.rules.states import ORDER, SHIPPABLE, may

_WITH_NUMBER = select(shipment, order.c.number).join(order, order.c.id == shipment.c.order_id)
_OF_ORDER = _WITH_NUMBER.where(order.c.number == bindparam("number")).order_by(shipment.c.id)
_ONE = _WITH_NUMBER.where(shipment.c.id == bindparam("of"))
_LINES = (
    select(shipment_line)
    .where(shipment_line.c.shipment_id.in_(bindparam("ids", expanding=True)))
    .order_by(shipment_line.c.line_id)
)
_NEW = insert(shipment).returning(shipment.c.id)
_NEW_LINE = insert(shipment_line)


class Shipping(OrderBooks):
    """Shipping, in one unit of work."""

    def ship(
        self, number: str, *, lines: Mapping[int, int] | None = None, tracking: str = "", carrier: str = ""
    ) -> Shipment:
        """A parcel leaves the house: `lines` is {line id: pieces}, or None for all that is still to be shipped.

        The order must be placed and paid (a refund that is due does not hold it up, a payment that is due does). With
        its last piece the order is completed. Raises NotFound, IllegalTransition, ValidationError for lines of another
        order and for more pieces than are still to be shipped.
        """
        checks = Checks()
        tracking = checks.text("tracking", tracking, limit=120, required=False)
        carrier = checks.text("carrier", carrier, limit=60, required=False)
        row = self._row(number, lock=True)
        found = self._lines(row)
        open_ = {each.id: open_pieces(each) for each in found}
        pieces = {line_id: left for line_id, left in open_.items() if left}
        if lines is not None:
            pieces = read_pieces(checks, "lines", lines, open_)
        whole = lines is None or pieces == {line_id: left for line_id, left in open_.items() if left}
        target = "completed" if whole else "partially_fulfilled"
        if not may(ORDER, row.status, "completed"):
            raise refuse(number, row.status, target)
        if row.payment_status not in SHIPPABLE:
            raise refuse(number, row.payment_status, target)
        checks.done()
        return self._send(row, found, pieces, (tracking, carrier))

    def fulfill(self, number: str) -> Order:
        """Everything that is still to be shipped has left the house. Raises NotFound, IllegalTransition."""
        self.ship(number)
        return self.get(number)

    def shipments(self, number: str) -> tuple[Shipment, ...]:
        """An order's parcels, oldest first. Raises NotFound."""
        self._row(number, lock=False)
        return self._shown(self._session.execute(_OF_ORDER, {"number": number}).all())

    def delivered(self, shipment_id: int, *, at: datetime | None = None) -> Shipment:
        """A parcel has arrived, now or at `at` (aware): from then on counts the time to withdraw.

        A second report changes nothing. Raises NotFound, ValidationError for a moment before it left or in the future.
        """
        row = self._parcel(shipment_id)
        now = self._work.clock.now()
        checks = Checks()
        moment = now if at is None else at
        if not isinstance(moment, datetime) or moment.tzinfo is None:
            checks.wrong("at", "invalid", reason="must be a datetime with a time zone")
        elif not row.created_at <= moment <= now:
            checks.wrong("at", "invalid", reason="must be between the parcel's leaving and now")
        checks.done()
        here = (shipment.c.id == row.id, shipment.c.delivered_at.is_(None))
        self._session.execute(update(shipment).where(*here).values(delivered_at=moment))
        return self._shown([self._parcel(shipment_id)])[0]

    def _parcel(self, shipment_id: int) -> Any:
        known = type(shipment_id) is int and 0 < shipment_id <= BIGGEST_ID
        row = self._session.execute(_ONE, {"of": shipment_id}).first() if known else None
        if row is None:
            raise NotFound("shipment", shipment_id)
        return row

    def _send(self, row: Any, lines: Any, pieces: Mapping[int, int], label: tuple[str, str]) -> Shipment:
        now = self._work.clock.now()
        moves = {line_id: {"shipped": count} for line_id, count in pieces.items()}
        self._inventory.ship(by_variant(lines, pieces), reference=row.number)
        self._move(moves)
        values = {"order_id": row.id, "tracking": label[0], "carrier": label[1], "created_at": now}
        made = self._session.execute(_NEW, values).scalar_one()
        self._session.execute(
            _NEW_LINE,
            [{"shipment_id": made, "line_id": each, "quantity": count} for each, count in sorted(pieces.items())],
        )
        self._change(row, **self._after_moving(lines, moves))
        self._work.outbox.announce(OrderShipped(row.number, made, row.customer_id))
        return Shipment(made, row.number, dict(sorted(pieces.items())), *label, now, None)

    def _shown(self, rows: Any) -> tuple[Shipment, ...]:
        ids = [row.id for row in rows]
        lines: dict[int, dict[int, int]] = {each: {} for each in ids}
        for each in self._session.execute(_LINES, {"ids": ids}) if ids else ():
            lines[each.shipment_id][each.line_id] = each.quantity
        return tuple(
            Shipment(row.id, row.number, lines[row.id], row.tracking, row.carrier, row.created_at, row.delivered_at)
            for row in rows
        )
