"""Carts: whoever knows a cart's id may read and change it."""

from __future__ import annotations

from mestres_core.contrib.http import render
from mestres_core.contrib.http.calls import Call
from mestres_core.contrib.http.messages import Document, Reply
from mestres_core.contrib.http.schemas import LARGEST, LineChange, NewCart, NewCoupon, NewLine, is_storable
from mestres_core.errors import NotFound


def create(call: Call) -> Reply:
    """An empty cart."""
    body: NewCart = call.body
    return Document.of({"cart": render.cart(call.shop.carts.create(currency=body.currency))}).reply(201)


def get(call: Call) -> Reply:
    """The cart at today's prices."""
    return Document.of({"cart": render.cart(call.shop.carts.get(cart_id(call)))}).reply()


def add_line(call: Call) -> Reply:
    """More pieces; of a variant that is in the cart already, that line grows."""
    body: NewLine = call.body
    cart = call.shop.carts.add(cart_id(call), sku=body.sku, quantity=body.quantity)
    return Document.of({"cart": render.cart(cart)}).reply()


def change_line(call: Call) -> Reply:
    """Another number of pieces."""
    body: LineChange = call.body
    cart = call.shop.carts.update(cart_id(call), _line_id(call), quantity=body.quantity)
    return Document.of({"cart": render.cart(cart)}).reply()


def remove_line(call: Call) -> Reply:
    """The line goes."""
    return Document.of({"cart": render.cart(call.shop.carts.remove(cart_id(call), _line_id(call)))}).reply()


def add_coupon(call: Call) -> Reply:
    """A coupon into the cart; one whose cart is not worth enough yet waits there."""
    body: NewCoupon = call.body
    return Document.of({"cart": render.cart(call.shop.carts.add_coupon(cart_id(call), body.code))}).reply()


def remove_coupon(call: Call) -> Reply:
    """The coupon goes."""
    code = call.params["code"]
    if not is_storable(code):
        raise NotFound("coupon", code)
    return Document.of({"cart": render.cart(call.shop.carts.remove_coupon(cart_id(call), code))}).reply()


def cart_id(call: Call) -> str:
    """The cart's id from the path. What no database can hold names no cart."""
    text = call.params["cart_id"]
    if not is_storable(text):
        raise NotFound("cart", text)
    return text


def _line_id(call: Call) -> int:
    text = call.params["line_id"]
    if not (text.isascii() and text.isdigit() and len(text) < len(str(LARGEST))):
        raise NotFound("line", text)
    return int(text)
