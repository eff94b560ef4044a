"""The core's values as the JSON of the contract: each function renders the value that it is named after."""

# ruff: noqa: D103

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from mestres_core.cart.dto import Cart, Totals
from mestres_core.catalog.dto import Category, CategoryRef, FacetValue, Highlight, Product, ProductCard
from mestres_core.checkout.dto import Quote
from mestres_core.orders.dto import Order, OrderSummary
from mestres_core.payments.dto import Payment, Refund
from mestres_core.promotions.dto import AppliedCoupon
from mestres_core.rules.formatting import format_money
from mestres_core.rules.money import Money
from mestres_core.search.dto import Suggestion
from mestres_core.shipping.dto import ShippingOption

Json = dict[str, Any]


@lru_cache(maxsize=16_384)
def formatted(value: Money) -> str:
    """As people in Brazil write it: `R$ 45,90`, with ordinary spaces."""
    return format_money(value).replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")


def money(value: Money) -> Json:
    return {"amount": value.amount, "currency": value.currency, "formatted": formatted(value)}


def instant(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


def category_ref(value: CategoryRef | None) -> Json | None:
    return None if value is None else {"id": value.id, "slug": value.slug, "name": value.name}


def category(value: Category) -> Json:
    children = [category(child) for child in value.children]
    return {"id": value.id, "slug": value.slug, "name": value.name, "children": children}


def card(value: ProductCard) -> Json:
    return {
        "id": value.id,
        "slug": value.slug,
        "sku": value.sku,
        "name": value.name,
        "price": money(value.price),
        "category": category_ref(value.category),
        "image": value.image,
        "in_stock": value.in_stock,
        "rating": value.rating,
    }


def product(value: Product) -> Json:
    return {
        **card(value.card),
        "description": value.description,
        "attributes": dict(value.attributes),
        "variants": [
            {"id": one.id, "sku": one.sku, "name": one.name, "price": money(one.price), "available": one.available}
            for one in value.variants
        ],
        "images": [{"url": image.url, "alt": image.alt} for image in value.images],
    }


def facets(value: Mapping[str, tuple[FacetValue, ...]]) -> Json:
    return {name: [{"value": one.value, "count": one.count} for one in values] for name, values in value.items()}


def highlights(value: Mapping[int, Highlight]) -> Json:
    return {str(product_id): {"name": one.name, "snippet": one.snippet} for product_id, one in value.items()}


def suggestion(value: Suggestion) -> Json:
    return {"text": value.text, "kind": value.kind, "id": value.id}


def totals(value: Totals) -> Json:
    return {
        "items": money(value.items),
        "discount": money(value.discount),
        "shipping": money(value.shipping),
        "tax": money(value.tax),
        "grand": money(value.grand),
    }


def line(value: Any) -> Json:
    """A line of a cart, a quote or an order."""
    return {
        "id": value.id,
        "sku": value.sku,
        "name": value.name,
        "quantity": value.quantity,
        "unit_price": money(value.unit_price),
        "total": money(value.total),
    }


def coupon(value: AppliedCoupon) -> Json:
    """What it takes off; when that is nothing, `reason` says why."""
    return {"code": value.code, "discount": money(value.discount), "reason": value.reason}


def cart(value: Cart) -> Json:
    return {
        "id": value.id,
        "currency": value.currency,
        "version": value.version,
        "status": value.status,
        "lines": [line(one) for one in value.lines],
        "coupons": [coupon(one) for one in value.coupons],
        "totals": totals(value.totals),
    }


def shipping_option(value: ShippingOption) -> Json:
    return {"id": value.id, "name": value.name, "price": money(value.price), "days": value.days}


def quote(value: Quote) -> Json:
    return {
        "hash": value.hash,
        "cart_id": value.cart_id,
        "lines": [line(one) for one in value.lines],
        "totals": totals(value.totals),
        "address": dict(value.address),
        "shipping_method": value.shipping_method,
        "shipping_methods": [shipping_option(option) for option in value.shipping_methods],
        "expires_at": instant(value.expires_at),
    }


def payment(value: Payment) -> Json:
    action = {key: instant(part) if isinstance(part, datetime) else part for key, part in value.action.items()}
    return {
        "id": value.id,
        "provider": value.provider,
        "method": value.method,
        "amount": money(value.amount),
        "status": value.status,
        "action": action,
    }


def order(value: Order) -> Json:
    """An order as whoever may read it sees it."""
    return {
        "number": value.number,
        "status": value.status,
        "payment_status": value.payment_status,
        "fulfillment_status": value.fulfillment_status,
        "customer": {"id": value.customer_id, **value.customer},
        "address": dict(value.address),
        "shipping_method": value.shipping_method,
        "lines": [line(one) for one in value.lines],
        "totals": totals(value.totals),
        "coupons": [{"code": code, "discount": money(off)} for code, off in value.coupons.items()],
        "payments": [payment(one) for one in value.payments],
        "refunded": money(value.refunded),
        "created_at": instant(value.created_at),
    }


def order_summary(value: OrderSummary) -> Json:
    return {
        "number": value.number,
        "status": value.status,
        "payment_status": value.payment_status,
        "items_count": value.items_count,
        "total": money(value.grand),
        "created_at": instant(value.created_at),
    }


def refund(value: Refund) -> Json:
    return {"id": value.id, "amount": money(value.amount), "status": value.status}


def placed_order(value: Order) -> Json:
    """An order as its buyer gets it from checkout: with the token that opens it later."""
    return {**order(value), "access_token": value.access_token}
