"""All that is held about a person, as JSON takes it.

Every table that names a customer, a cart's owner or something of theirs is here; keys that open something (tokens and
their hashes) are not: they are the shop's secrets, and say nothing about the person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from mestres_core.cart.models import cart
from mestres_core.cart.models import line as cart_line
from mestres_core.checkout.models import quote
from mestres_core.customers.models import address, consent, customer
from mestres_core.downloads.models import grant
from mestres_core.inventory.models import reservation
from mestres_core.orders import models as orders
from mestres_core.payments import models as payments
from mestres_core.privacy.scope import Scope
from mestres_core.promotions.models import in_cart, of_customer, use
from mestres_core.reviews.models import review
from mestres_core.tax.models import order_tax
from mestres_core.wishlists.models import item, wishlist

FORMAT = "mestres/customer/1"
_SECRETS = frozenset(
    {"token_hash", "access_token", "share_token", "code_hash", "attributes_key", "leased_until", "token"}
)
Row = dict[str, Any]

# What hangs below what: (name, table, column that says of what).
_BELOW_ORDERS = (
    ("lines", orders.line, "order_id"),
    ("credits", orders.credit, "order_id"),
    ("shipments", orders.shipment, "order_id"),
    ("returns", orders.giving_back, "order_id"),
    ("changes", orders.change, "order_id"),
    ("taxes", order_tax, "order_id"),
)
_BELOW_NUMBERS = (
    ("payments", payments.payment, "order_number"),
    ("refunds", payments.refund, "order_number"),
    ("operations", payments.operation, "order_number"),
    ("promotions", use, "order_number"),
)


def export(session: Session, scope: Scope, *, at: datetime) -> dict[str, Any]:
    """One document: sections by what they are; moments in ISO 8601, amounts in minor units beside their currency."""
    of = scope.customer.id
    found: dict[str, Any] = {
        "format": FORMAT,
        "exported_at": at.isoformat(),
        "customer": _rows(session, customer, customer.c.id == of)[0],
        "earlier_addresses": [row["email"] for row in _rows(session, customer, customer.c.merged_into == of)],
    }
    for name, table in (("addresses", address), ("consents", consent), ("reviews", review)):
        found[name] = _rows(session, table, table.c.customer_id == of)
    lists = _rows(session, wishlist, wishlist.c.customer_id == of)
    _hang(session, lists, "items", item, item.c.wishlist_id, by="id")
    found["wishlists"] = lists
    found["orders"] = _orders(session, scope)
    found["carts"] = _carts(session, scope)
    found["reservations"] = _rows(session, reservation, scope.reservations)
    credit = _rows(session, payments.account, payments.account.c.customer_id == of)
    _hang(session, credit, "entries", payments.entry, payments.entry.c.account_id, by="id")
    found["store_credit"] = credit
    found["promotion_uses"] = _rows(session, of_customer, of_customer.c.customer == str(of))
    return found


def _orders(session: Session, scope: Scope) -> list[Row]:
    found = _rows(session, orders.order, scope.orders)
    for name, table, column in _BELOW_ORDERS:
        _hang(session, found, name, table, table.c[column], by="id", where=table.c[column].in_(scope.order_ids))
    for name, table, column in _BELOW_NUMBERS:
        _hang(session, found, name, table, table.c[column], by="number", where=table.c[column].in_(scope.numbers))
    lines, of_orders = [each for row in found for each in row["lines"]], orders.line.c.order_id.in_(scope.order_ids)
    mine = grant.c.line_id.in_(select(orders.line.c.id).where(of_orders))
    _hang(session, lines, "downloads", grant, grant.c.line_id, by="id", where=mine)
    paid = [each for row in found for each in row["payments"]]
    ledger = payments.event
    _hang(session, paid, "events", ledger, ledger.c.payment_id, by="id", where=ledger.c.payment_id.in_(scope.payments))
    return found


def _carts(session: Session, scope: Scope) -> list[Row]:
    found = _rows(session, cart, scope.carts)
    for name, table in (("lines", cart_line), ("quotes", quote), ("coupons", in_cart)):
        _hang(session, found, name, table, table.c.cart_id, by="id", where=table.c.cart_id.in_(scope.cart_ids))
    return found


def _rows(session: Session, table: Table, where: Any) -> list[Row]:
    shown = [column for column in table.c if column.name not in _SECRETS]
    rows = session.execute(select(*shown).where(where).order_by(*table.primary_key)).mappings()
    return [{name: _plain(value) for name, value in row.items()} for row in rows]


def _hang(
    session: Session, parents: Iterable[Row], name: str, table: Table, column: Any, *, by: str, where: Any = None
) -> None:
    """Put the rows of a table below those that they belong to."""
    under: Mapping[Any, Row] = {parent[by]: parent for parent in parents}
    for parent in under.values():
        parent[name] = []
    if not under:
        return
    for row in _rows(session, table, column.in_(under) if where is None else where):
        if row[column.name] in under:
            under[row[column.name]][name].append(row)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
