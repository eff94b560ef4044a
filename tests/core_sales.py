"""Many orders in no time: rows as the shop would have written them, straight into the tables, the same on every run."""

import random
from datetime import timedelta
from itertools import count
from typing import Any

from sqlalchemy import insert, select

from mestres_core import Commerce, ProductDraft, VariantDraft
from mestres_core.cart.models import cart
from mestres_core.catalog.models import variant
from mestres_core.customers.models import customer
from mestres_core.orders.models import line, order
from mestres_core.payments.models import payment, refund

_PAYMENT = {
    "paid": 80,
    "pending": 5,
    "declined": 5,
    "failed": 1,
    "refund_due": 3,
    "refunded": 3,
    "partially_refunded": 3,
}
_STATUS = {"paid": "placed", "partially_refunded": "placed", "pending": "pending"}
_CUSTOMERS = 50


def _chunks(numbers: range, size: int) -> list[range]:
    return [numbers[start : start + size] for start in range(0, len(numbers), size)]


def fill_products(shop: Commerce, number: int) -> None:
    """Products S0, S1, ... of one variant each, in ten categories."""
    for chunk in _chunks(range(number), 1000):
        shop.catalog.save_many(
            ProductDraft(
                key=f"k{i}",
                name=f"Café {i}",
                category=(f"Categoria {i % 10}",),
                variants=(VariantDraft(sku=f"S{i}", price=1000 + i % 500, stock=i % 50),),
            )
            for i in chunk
        )


def fill_orders(shop: Commerce, number: int, *, days: int = 90) -> None:
    """Orders of the last `days`, in every state, each with a cart, lines and a payment."""
    chance = random.Random(number)
    now = shop.config.clock.now()
    line_ids = count(1)
    with shop.engine.begin() as connection:
        found = connection.execute(select(variant.c.id, variant.c.product_id).order_by(variant.c.id))
        variants = [(row[0], row[1]) for row in found]
        people = [
            {"id": i, "email": f"a{i}@example.com", "name": f"Ana {i}", "document": "", "created_at": now}
            for i in range(1, _CUSTOMERS + 1)
        ]
        connection.execute(insert(customer), people)
        for chunk in _chunks(range(1, number + 1), 5000):
            rows: dict[Any, list[dict[str, Any]]] = {table: [] for table in (cart, order, line, payment, refund)}
            for i in chunk:
                moment = now - timedelta(seconds=chance.randrange(1, days * 86400))
                _add(rows, i, moment=moment, chance=chance, variants=variants, line_ids=line_ids)
            for table, values in rows.items():
                if values:
                    connection.execute(insert(table), values)


def _add(
    rows: Any, i: int, *, moment: Any, chance: random.Random, variants: list[tuple[int, int]], line_ids: Any
) -> None:
    paid = chance.choices(list(_PAYMENT), list(_PAYMENT.values()))[0]
    made = {"created_at": moment}
    bought = [(chance.choice(variants), chance.randint(1, 3), chance.randint(1, 9999)) for _ in range(1 + i % 3)]
    items = sum(quantity * price for _, quantity, price in bought)
    rows[cart].append(
        made | {"id": f"cart{i}", "currency": "BRL", "status": "ordered", "version": 1, "updated_at": moment}
    )
    rows[order].append(
        made
        | {
            "id": i,
            "number": f"N{i}",
            "cart_id": f"cart{i}",
            "quote_hash": "",
            "status": _STATUS.get(paid, "cancelled"),
            "payment_status": paid,
            "fulfillment_status": "unfulfilled",
            "currency": "BRL" if i % 10 else "USD",
            "items_amount": items,
            "discount_amount": 0,
            "shipping_amount": 500,
            "tax_amount": 0,
            "grand_amount": items + 500,
            "customer_id": i % _CUSTOMERS + 1,
            "customer": {"name": "Ana", "email": f"a{i % _CUSTOMERS + 1}@example.com"},
            "address": {"street": "Rua das Flores", "city": "Patrocínio", "state": "MG"},
            "shipping_method": "pac",
            "coupons": [],
            "access_token": f"token{i}",
            "updated_at": moment,
            "confirmed_at": moment,
        }
    )
    for (variant_id, product_id), quantity, price in bought:
        rows[line].append(
            {
                "id": next(line_ids),
                "order_id": i,
                "variant_id": variant_id,
                "product_id": product_id,
                "sku": f"V{variant_id}",
                "name": "Café",
                "quantity": quantity,
                "unit_price": price,
                "total": quantity * price,
            }
        )
    rows[payment].append(
        made
        | {
            "id": f"pay{i}",
            "order_number": f"N{i}",
            "provider": "card",
            "method": "card",
            "currency": "BRL" if i % 10 else "USD",
            "amount": items + 500,
            "status": paid if paid in ("pending", "declined", "failed") else "captured",
            "acknowledged": True,
            "reference": "",
            "action": {},
            "leased_until": moment,
            "expires_at": moment,
        }
    )
    if paid in ("partially_refunded", "refunded"):
        amount = 100 if paid == "partially_refunded" else items + 500
        for status in ("refunded", "failed"):
            rows[refund].append(
                made
                | {
                    "id": f"{status}{i}",
                    "payment_id": f"pay{i}",
                    "order_number": f"N{i}",
                    "amount": amount,
                    "status": status,
                    "leased_until": moment,
                }
            )
