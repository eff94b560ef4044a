"""A shop's past: orders that were placed, paid and shipped before today, as the rows that they have left behind.

Placing an order for real takes some forty statements, and a hundred thousand of them half an hour. Here a thousand are
written at once. Invariant: `shop.audit()` finds nothing wrong afterwards, and no product's availability has changed:
every piece that was sold had been delivered for it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import Connection, bindparam, insert, literal, select, update

from mestres_core.cart.models import cart
from mestres_core.catalog.models import price, product, variant
from mestres_core.checkout.models import idempotency
from mestres_core.config import RandomIds
from mestres_core.customers.models import customer
from mestres_core.db.dialects.sql import as_dict
from mestres_core.inventory.models import level, movement
from mestres_core.orders.models import line, order, shipment, shipment_line
from mestres_core.payments.models import event, payment
from mestres_core.shipping.service import TableRater
from mestres_examples.generate import Basket

_KEY = "demo-order-"
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_UNTIL_SHIPPED = timedelta(days=3)
_PIX_OF_FIVE = 2
_CURRENCY = "BRL"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Goods:
    """One SKU, as it is sold: `price` in minor units, `weight` in grams."""

    variant_id: int
    product_id: int
    name: str
    price: int
    weight: int


def goods_of(connection: Connection, skus: Iterable[str]) -> Mapping[str, Goods]:
    """What is known of these SKUs."""
    query = (
        select(variant.c.sku, variant.c.id, product.c.id, product.c.name, variant.c.name, price.c.amount)
        .add_columns(variant.c.weight_grams)
        .join(product, product.c.id == variant.c.product_id)
        .join(price, (price.c.variant_id == variant.c.id) & (price.c.currency == _CURRENCY))
    )
    wanted = frozenset(skus)
    return {
        sku: Goods(of, product_id, f"{name} – {size}" if size else name, amount, weight)
        for sku, of, product_id, name, size, amount, weight in connection.execute(query)
        if sku in wanted
    }


def number_of(basket: Basket) -> str:
    """The number of the order that a basket becomes: the same on every run."""
    return "MC-" + "".join(Random(f"order {basket.number}").choices(_LETTERS, k=10))  # noqa: S311 - no secret


class Chapter:
    """Some orders of the past, collected as rows of every table and written together."""

    def __init__(self, goods: Mapping[str, Goods], now: datetime) -> None:
        self._goods = goods
        self._now = now
        self._ids = RandomIds()
        self._rows: defaultdict[Any, list[Row]] = defaultdict(list)
        self._lines: list[tuple[str, Row]] = []
        self._delivered: Counter[int] = Counter()
        self._allocated: Counter[int] = Counter()

    def add(self, basket: Basket, moment: datetime) -> None:
        """One basket, bought at this moment: paid at once or declined, and shipped three days later."""
        number = number_of(basket)
        paid = basket.payment_token == "tok_ok"  # noqa: S105 - a name, no secret
        shipped = paid and moment + _UNTIL_SHIPPED < self._now
        cart_id = self._ids.token()
        self._rows[cart].append(_cart(cart_id, moment, open_=not paid))
        grand = self._add_order(basket, number, cart_id, moment, paid=paid, shipped=shipped)
        self._add_payment(basket, number, grand, moment, paid=paid)
        self._rows[idempotency].append(
            {
                "scope": "checkout",
                "key": f"{_KEY}{basket.number}",
                "request_hash": "",
                "order_number": number,
                "created_at": moment,
            }
        )
        for each in basket.lines if paid else ():
            self._move(self._goods[each.sku].variant_id, each.quantity, number, moment, shipped=shipped)

    def write(self, connection: Connection) -> None:
        """Everything that was added, in the caller's transaction."""
        for table in (cart, payment, event, idempotency, movement):
            if self._rows[table]:
                connection.execute(insert(table), self._rows[table])
        if self._rows[order]:
            self._give_owners(connection)
            found = connection.execute(insert(order).returning(order.c.number, order.c.id), self._rows[order])
            ids = {row[0]: row[1] for row in found}
            connection.execute(insert(line), [{"order_id": ids[number], **row} for number, row in self._lines])
            self._add_parcels(connection, list(ids.values()))
        self._write_levels(connection)

    def _add_parcels(self, connection: Connection, order_ids: list[int]) -> None:
        """One for each shipped order, with all that was bought."""
        sent = select(order.c.id, literal(""), literal(""), order.c.updated_at).where(
            order.c.id.in_(order_ids), order.c.fulfillment_status == "fulfilled"
        )
        columns = ["order_id", "tracking", "carrier", "created_at"]
        connection.execute(insert(shipment).from_select(columns, sent))
        pieces = select(shipment.c.id, line.c.id, line.c.quantity).where(
            shipment.c.order_id == line.c.order_id, shipment.c.order_id.in_(order_ids)
        )
        connection.execute(insert(shipment_line).from_select(["shipment_id", "line_id", "quantity"], pieces))

    def _give_owners(self, connection: Connection) -> None:
        buyers = {row["customer"]["email"]: row for row in self._rows[order]}
        known = _ids(connection, buyers)
        new = [
            {
                "email": email,
                "name": row["customer"]["name"],
                "document": row["customer"]["document"],
                "created_at": row["created_at"],
            }
            for email, row in buyers.items()
            if email not in known
        ]
        if new:
            connection.execute(insert(customer), new)
            known = _ids(connection, buyers)
        for row in self._rows[order]:
            row["customer_id"] = known[row["customer"]["email"]]

    def _add_order(
        self, basket: Basket, number: str, cart_id: str, moment: datetime, *, paid: bool, shipped: bool
    ) -> int:
        lines = [_line(each.sku, self._goods[each.sku], each.quantity, shipped=shipped) for each in basket.lines]
        self._lines += [(number, row) for row in lines]
        items = sum(row["total"] for row in lines)
        address = {"name": basket.name, "complement": "", **asdict(basket.address)}
        shipping = _shipping(basket, self._goods, items, address)
        status = "completed" if shipped else "placed" if paid else "cancelled"
        self._rows[order].append(
            {
                "number": number,
                "cart_id": cart_id,
                "quote_hash": "",
                "status": status,
                "payment_status": "paid" if paid else "declined",
                "fulfillment_status": "fulfilled" if shipped else "unfulfilled",
                "currency": _CURRENCY,
                "items_amount": items,
                "discount_amount": 0,
                "shipping_amount": shipping,
                "tax_amount": 0,
                "grand_amount": items + shipping,
                "customer": {"name": basket.name, "email": basket.email, "document": basket.document},
                "address": address,
                "shipping_method": "pac",
                "coupons": [],
                "access_token": self._ids.token(),
                "created_at": moment,
                "updated_at": moment + _UNTIL_SHIPPED if shipped else moment,
                "confirmed_at": moment,
            }
        )
        return items + shipping

    def _add_payment(self, basket: Basket, number: str, amount: int, moment: datetime, *, paid: bool) -> None:
        method = "pix" if paid and basket.number % 5 < _PIX_OF_FIVE else "card"
        payment_id, kind = f"pay_{self._ids.token()}", "captured" if paid else "declined"
        self._rows[payment].append(
            {
                "id": payment_id,
                "order_number": number,
                "provider": method,
                "method": method,
                "currency": _CURRENCY,
                "amount": amount,
                "status": kind,
                "captured_amount": amount if paid else 0,
                "acknowledged": True,
                "reference": "",
                "action": {},
                "leased_until": moment,
                "expires_at": moment,
                "created_at": moment,
            }
        )
        self._rows[event].append(
            {
                "provider": method,
                "event_id": f"evt_{payment_id}",
                "payment_id": payment_id,
                "kind": kind,
                "amount": amount,
                "action": {},
                "reference": "",
                "state": "applied",
                "created_at": moment,
            }
        )

    def _move(self, variant_id: int, pieces: int, number: str, moment: datetime, *, shipped: bool) -> None:
        moves = [("receive", pieces, 0, moment), ("allocate", 0, pieces, moment)]
        if shipped:
            moves.append(("ship", -pieces, -pieces, moment + _UNTIL_SHIPPED))
        else:
            self._delivered[variant_id] += pieces
            self._allocated[variant_id] += pieces
        self._rows[movement] += [
            {
                "variant_id": variant_id,
                "kind": kind,
                "on_hand": on_hand,
                "allocated": allocated,
                "reference": number,
                "created_at": when,
            }
            for kind, on_hand, allocated, when in moves
        ]

    def _write_levels(self, connection: Connection) -> None:
        changes = [
            {"of": of, "on_hand": self._delivered[of], "allocated": self._allocated[of]}
            for of in sorted(self._delivered)
        ]
        if changes:
            connection.execute(
                update(level)
                .where(level.c.variant_id == bindparam("of"))
                .values(
                    on_hand=level.c.on_hand + bindparam("on_hand"), allocated=level.c.allocated + bindparam("allocated")
                ),
                changes,
            )


def _ids(connection: Connection, emails: Iterable[str]) -> Mapping[str, int]:
    query = select(customer.c.email, customer.c.id).where(customer.c.email.in_(list(emails)))
    return as_dict(connection.execute(query))


def _cart(cart_id: str, moment: datetime, *, open_: bool) -> Row:
    return {
        "id": cart_id,
        "currency": _CURRENCY,
        "status": "open" if open_ else "ordered",
        "version": 2,
        "created_at": moment,
        "updated_at": moment,
    }


def _line(sku: str, goods: Goods, quantity: int, *, shipped: bool) -> Row:
    return {
        "variant_id": goods.variant_id,
        "product_id": goods.product_id,
        "sku": sku,
        "name": goods.name,
        "quantity": quantity,
        "unit_price": goods.price,
        "total": goods.price * quantity,
        "shipped_quantity": quantity if shipped else 0,
    }


def _shipping(basket: Basket, goods: Mapping[str, Goods], items: int, address: Mapping[str, str]) -> int:
    weight = sum(goods[each.sku].weight * each.quantity for each in basket.lines)
    options: Sequence[Any] = TableRater().options(
        weight_grams=weight, items_total=items, currency=_CURRENCY, address=address
    )
    return int(next(option.price.amount for option in options if option.id == "pac"))
