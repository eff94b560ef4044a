"""The statements of this package's cart and checkout, by hand for psycopg: the limit that it is measured against.

Same tables, same round trips, same transactions; no checks, no objects, no layers. `benchmarks/commerce.py` counts the
statements of both and fails when they differ by more than two, so that this file cannot fall behind.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.types.json import Json
from sqlalchemy.engine import URL

_CART = (
    "SELECT id, currency, status, version,"
    " EXISTS (SELECT 1 FROM mc_cart_coupon k WHERE k.cart_id = mc_cart.id),"
    " (SELECT stamp FROM mc_rulebook WHERE id = 1) FROM mc_cart WHERE id = %s FOR UPDATE"
)
_LINES = (
    "SELECT l.id, l.variant_id, v.product_id, v.sku, p.name, v.name, l.quantity, c.amount, v.weight_grams"
    " FROM mc_cart_line l JOIN mc_variant v ON v.id = l.variant_id JOIN mc_product p ON p.id = v.product_id"
    " JOIN mc_price c ON c.variant_id = v.id AND c.currency = %s WHERE l.cart_id = %s AND v.active AND p.active"
    " ORDER BY l.id"
)
_OFFER = (
    "SELECT v.id, c.amount, s.on_hand - s.allocated, l.quantity,"
    " (SELECT count(*) FROM mc_cart_line h WHERE h.cart_id = %s) FROM mc_variant v"
    " JOIN mc_product p ON p.id = v.product_id JOIN mc_stock_level s ON s.variant_id = v.id"
    " LEFT JOIN mc_price c ON c.variant_id = v.id AND c.currency = %s"
    " LEFT JOIN mc_cart_line l ON l.variant_id = v.id AND l.cart_id = %s WHERE v.sku = %s AND v.active AND p.active"
)
_TOUCH = "UPDATE mc_cart SET status = %s, version = version + 1, updated_at = %s WHERE id = %s"
_OUTBOX = "INSERT INTO mc_outbox (aggregate, aggregate_id, type, payload, created_at) VALUES (%s, %s, %s, %s, %s)"
_ADDRESS = {"name": "Ana", "street": "Rua A", "number": "1", "district": "Centro", "city": "São Paulo"}
_ADDRESS |= {"state": "SP", "postal_code": "01310100", "country": "BR"}


class ByHand:
    """One connection, held, with prepared statements."""

    def __init__(self, url: URL) -> None:
        self._connection = psycopg.connect(
            dbname=url.database, user=url.username, host=url.query["host"], prepare_threshold=2
        )
        self.sent = 0

    def _ask(self, query: str, *values: Any) -> Any:
        self.sent += 1
        return self._connection.execute(query, values)

    def _many(self, query: str, rows: list[tuple[Any, ...]]) -> None:
        self.sent += 1
        with self._connection.cursor() as cursor:
            cursor.executemany(query, rows)

    def basket(self, skus: list[str]) -> str:
        """A cart with these goods."""
        cart, now = secrets.token_urlsafe(24), datetime.now(UTC)
        self._ask(
            "INSERT INTO mc_cart (id, currency, status, version, created_at, updated_at)"
            " VALUES (%s, 'BRL', 'open', 1, %s, %s)",
            *(cart, now, now),
        )
        self._connection.commit()
        for sku in skus:
            self.add(cart, sku)
        return cart

    def add(self, cart: str, sku: str) -> list[Any]:
        """One more piece; the cart's lines."""
        self._ask(_CART, cart).fetchone()
        variant, _, available, held, _ = self._ask(_OFFER, cart, "BRL", cart, sku).fetchone()
        if (held or 0) + 1 > available:
            raise RuntimeError("sold out")
        if held is None:
            self._ask(
                "INSERT INTO mc_cart_line (cart_id, variant_id, quantity) VALUES (%s, %s, %s) RETURNING id",
                *(cart, variant, 1),
            ).fetchone()
        else:
            self._ask(
                "UPDATE mc_cart_line SET quantity = %s WHERE cart_id = %s AND variant_id = %s", held + 1, cart, variant
            )
        self._changed(cart, "open")
        lines = self._ask(_LINES, "BRL", cart).fetchall()
        self._connection.commit()
        return lines

    def place(self, quoted: tuple[str, str]) -> str:
        """Order and payment of a (cart, quote): two transactions."""
        cart, digest = quoted
        number, key, total = self._begin(cart, digest)
        self._apply(number, key, total)
        return number

    def quote(self, cart: str) -> tuple[str, str]:
        """Promise a total: (cart, quote)."""
        self._ask(_CART, cart).fetchone()
        lines = self._ask(_LINES, "BRL", cart).fetchall()
        content = {"lines": [[row[3], row[6], row[7]] for row in lines], "address": _ADDRESS}
        digest = hashlib.sha256(json.dumps([cart, content]).encode()).hexdigest()
        self._ask(
            "INSERT INTO mc_quote (hash, cart_id, content, expires_at) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
            *(digest, cart, Json(content), datetime.now(UTC) + timedelta(minutes=30)),
        )
        self._connection.commit()
        return cart, digest

    def _begin(self, cart: str, digest: str) -> tuple[str, str, int]:
        now, key = datetime.now(UTC), secrets.token_hex(16)
        number = f"BH-{secrets.token_hex(5)}"
        self._ask(_CART, cart).fetchone()
        self._ask(
            "SELECT q.content, q.expires_at, i.request_hash, i.order_number FROM mc_cart c"
            " LEFT JOIN mc_quote q ON q.hash = %s AND q.cart_id = c.id"
            " LEFT JOIN mc_idempotency i ON i.scope = 'checkout' AND i.key = %s WHERE c.id = %s",
            *(digest, key, cart),
        ).fetchone()
        lines = self._ask(_LINES, "BRL", cart).fetchall()
        self._set_aside(number, lines, now)
        total = sum(row[6] * row[7] for row in lines)
        self._write_order((cart, digest), number, lines, total, now)
        self._ask(
            "INSERT INTO mc_idempotency (scope, key, request_hash, order_number, created_at)"
            " VALUES ('checkout', %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING key",
            *(key, digest, number, now),
        ).fetchone()
        payment = f"pay_{secrets.token_urlsafe(24)}"
        self._ask(
            "INSERT INTO mc_payment (id, order_number, provider, method, currency, amount, status, acknowledged,"
            " reference, action, leased_until, expires_at, created_at)"
            " VALUES (%s, %s, 'card', 'card', 'BRL', %s, 'pending', false, '', %s, %s, %s, %s)",
            *(payment, number, total, Json({}), now, now, now),
        )
        self._ask(_TOUCH, "ordered", now, cart)
        facts = [("product", str(row[2]), "StockChanged", Json({"product_id": row[2]}), now) for row in lines]
        facts += [("order", number, "OrderChanged", Json({"number": number, "status": "pending"}), now)]
        facts += [("cart", cart, "CartChanged", Json({"cart_id": cart}), now)]
        self._many(_OUTBOX, facts)
        self._connection.commit()
        return number, payment, total

    def _set_aside(self, number: str, lines: list[Any], now: datetime) -> None:
        ids = sorted(row[1] for row in lines)
        self._ask(
            "SELECT variant_id, sku, on_hand, allocated FROM mc_stock_level WHERE variant_id = ANY(%s)"
            " ORDER BY variant_id FOR UPDATE",
            ids,
        ).fetchall()
        self._many(
            "UPDATE mc_stock_level SET on_hand = on_hand + %s, allocated = allocated + %s WHERE variant_id = %s",
            [(0, 1, one) for one in ids],
        )
        self._many(
            "INSERT INTO mc_stock_movement (variant_id, kind, on_hand, allocated, reference, created_at)"
            " VALUES (%s, 'allocate', 0, 1, %s, %s)",
            [(one, number, now) for one in ids],
        )
        self._ask("SELECT id, product_id FROM mc_variant WHERE id = ANY(%s)", ids).fetchall()

    def _write_order(self, quoted: tuple[str, str], number: str, lines: list[Any], total: int, now: datetime) -> None:
        cart, digest = quoted
        (customer,) = self._ask(
            "INSERT INTO mc_customer (email, name, document, created_at) VALUES (%s, %s, '', %s)"
            " ON CONFLICT (email) DO UPDATE SET email = excluded.email RETURNING id",
            *("byhand@example.com", "Ana", now),
        ).fetchone()
        (order,) = self._ask(
            "INSERT INTO mc_order (number, cart_id, quote_hash, status, payment_status, fulfillment_status, currency,"
            " items_amount, discount_amount, shipping_amount, tax_amount, grand_amount, customer_id, customer, address,"
            " shipping_method, coupons, access_token, created_at, updated_at)"
            " VALUES (%s, %s, %s, 'pending', 'pending', 'unfulfilled', 'BRL', %s, 0, 0, 0, %s, %s, %s, %s, 'pac', %s,"
            " %s, %s, %s) RETURNING id",
            *(number, cart, digest, total, total, customer, Json({"name": "Ana"}), Json(_ADDRESS), Json([])),
            *(secrets.token_urlsafe(24), now, now),
        ).fetchone()
        values = ", ".join(["(%s, %s, %s, %s, %s, %s, %s)"] * len(lines))
        flat = [value for row in lines for value in (order, row[1], row[3], row[4], row[6], row[7], row[6] * row[7])]
        self._ask(
            "INSERT INTO mc_order_line (order_id, variant_id, sku, name, quantity, unit_price, total)"
            f" VALUES {values} RETURNING variant_id, id",
            *flat,
        ).fetchall()

    def _apply(self, number: str, key: str, total: int) -> None:
        now = datetime.now(UTC)
        self._ask("SELECT * FROM mc_payment WHERE id = %s FOR UPDATE", key).fetchone()
        self._ask(
            "INSERT INTO mc_payment_event (provider, event_id, payment_id, kind, amount, action, reference, state,"
            " created_at) VALUES ('card', %s, %s, 'captured', %s, %s, 'x', 'applied', %s)"
            " ON CONFLICT DO NOTHING RETURNING id",
            *(f"evt_{key}", key, total, Json({}), now),
        ).fetchone()
        self._ask("UPDATE mc_payment SET status = 'captured', acknowledged = true, reference = 'x' WHERE id = %s", key)
        (order,) = self._ask("SELECT id, * FROM mc_order WHERE number = %s FOR UPDATE", number).fetchone()[:1]
        self._ask(
            "UPDATE mc_order SET status = 'placed', payment_status = 'paid', updated_at = %s WHERE id = %s", now, order
        )
        payload = Json({"number": number, "status": "placed"})
        self._ask(_OUTBOX + " RETURNING id", "order", number, "OrderChanged", payload, now).fetchone()
        self._ask("SELECT * FROM mc_order WHERE number = %s", number).fetchone()
        self._ask("SELECT * FROM mc_order_line WHERE order_id = %s ORDER BY id", order).fetchall()
        self._ask("SELECT * FROM mc_payment WHERE order_number = %s ORDER BY created_at, id", number).fetchall()
        self._ask(
            "SELECT coalesce(sum(amount), 0) FROM mc_refund WHERE order_number = %s AND status = 'refunded'", number
        ).fetchone()
        self._connection.commit()

    def _changed(self, cart: str, status: str) -> None:
        now = datetime.now(UTC)
        self._ask(_TOUCH, status, now, cart)
        self._ask(_OUTBOX + " RETURNING id", "cart", cart, "CartChanged", Json({"cart_id": cart}), now).fetchone()
