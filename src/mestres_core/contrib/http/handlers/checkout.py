"""From a cart to an order: quote, checkout, reading the order, and what providers report."""

from __future__ import annotations

from typing import Any

from mestres_core.contrib.http import render
from mestres_core.contrib.http.calls import Call, same
from mestres_core.contrib.http.handlers.carts import cart_id
from mestres_core.contrib.http.messages import Document, Reply
from mestres_core.contrib.http.problems import Refusal, invalid
from mestres_core.contrib.http.schemas import CheckoutRequest, QuoteRequest, is_storable
from mestres_core.errors import NotFound, ValidationError
from mestres_core.orders.dto import Order

_MAX_KEY = 255


def quote(call: Call) -> Reply:
    """A promise of what this cart costs, sent to this address."""
    body: QuoteRequest = call.body
    promise = call.shop.checkout.quote(
        cart_id(call), address=body.address.model_dump(), shipping_method=body.shipping_method
    )
    return Document.of({"quote": render.quote(promise)}).reply()


def place(call: Call) -> Reply:
    """The order. The same Idempotency-Key gives the same order again and buys nothing twice."""
    body: CheckoutRequest = call.body
    placed = call.shop.checkout.place(
        cart_id(call),
        quote_hash=body.quote_hash,
        idempotency_key=idempotency_key(call),
        customer=body.customer.model_dump(),
        payment=body.payment.model_dump(),
    )
    document = Document.of({"order": render.placed_order(placed.order)}, {"replayed": placed.replayed})
    return document.reply(200 if placed.replayed else 201)


def read(call: Call) -> Reply:
    """The order, for whoever holds its token, and for the administrator."""
    token, number = call.bearer(), call.params["number"]
    order = _find(call.shop, number)
    if call.is_admin(token):
        if order is None:
            raise NotFound("order", number)
    elif order is None or not same(token, order.access_token):
        raise Refusal(403)  # the same for an unknown number, so that numbers cannot be probed
    return Document.of({"order": render.order(order)}).reply()


def receive(call: Call) -> Reply:
    """What a payment provider reports. A repeated report is welcome and changes nothing."""
    provider = call.params["provider"]
    if not is_storable(provider):
        raise NotFound("provider", provider)
    call.shop.payments.receive(provider, body=call.request.body, headers=call.request.headers)
    return Document.of({"received": True}).reply()


def _find(shop: Any, number: str) -> Order | None:
    if not is_storable(number):
        return None
    try:
        order: Order = shop.orders.get(number)
    except NotFound:
        return None
    return order


def idempotency_key(call: Call, *, required: bool = True) -> str:
    """The header of that name, checked; empty when it is neither there nor required."""
    key = call.request.headers.get("idempotency-key", "").strip()
    if not key and required:
        raise ValidationError.of("Idempotency-Key", "required")
    if len(key) > _MAX_KEY:
        raise ValidationError.of("Idempotency-Key", "too_long", limit=_MAX_KEY)
    if not (key.isascii() and key.isprintable()):
        raise ValidationError(invalid("Idempotency-Key", "control characters"))
    return key
