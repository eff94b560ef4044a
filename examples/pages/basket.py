"""The cart: shown, filled, changed."""

from __future__ import annotations

from typing import Any

from mestres_core.contrib.http import Reply
from mestres_examples.pages.client import Refused, part
from mestres_examples.pages.visit import Visit


def show(visit: Visit) -> Reply:
    """The cart, or that there is none yet."""
    return visit.page("cart.html", cart=current(visit), notice="")


def add(visit: Visit) -> Reply:
    """More pieces; the first ones make the cart."""
    form = visit.request.form()
    cart = current(visit) or visit.client.send("POST", "/api/v1/carts", {})["data"]["cart"]
    line = {"sku": form.get("sku", ""), "quantity": whole(form.get("quantity", ""))}
    visit.remember_cart(cart["id"])
    try:
        visit.client.send("POST", f"/api/v1/carts/{part(cart['id'])}/lines", line)
    except Refused as refused:
        return visit.page("cart.html", refused.status, cart=cart, notice=refused.detail)
    return visit.redirect("/carrinho")


def change(visit: Visit) -> Reply:
    """Another number of pieces, or none of this any more."""
    form = visit.request.form()
    path = f"/api/v1/carts/{part(visit.cart_id)}/lines/{part(visit.parts['line_id'])}"
    try:
        if form.get("action") == "remove":
            visit.client.send("DELETE", path, {})
        else:
            visit.client.send("PATCH", path, {"quantity": whole(form.get("quantity", ""))})
    except Refused as refused:
        return visit.page("cart.html", refused.status, cart=current(visit), notice=refused.detail)
    return visit.redirect("/carrinho")


def coupon(visit: Visit) -> Reply:
    """A coupon, put in or taken out."""
    form = visit.request.form()
    path = f"/api/v1/carts/{part(visit.cart_id)}/coupons"
    try:
        if form.get("action") == "remove":
            visit.client.send("DELETE", f"{path}/{part(form.get('code', '') or '-')}", {})
        else:
            visit.client.send("POST", path, {"code": form.get("code", "")})
    except Refused as refused:
        return visit.page("cart.html", refused.status, cart=current(visit), notice=refused.detail)
    return visit.redirect("/carrinho")


def current(visit: Visit) -> Any:
    """The visitor's cart; None when there is none, or it has become an order."""
    if not visit.cart_id:
        return None
    try:
        cart = visit.client.get(f"/api/v1/carts/{part(visit.cart_id)}")["data"]["cart"]
    except Refused:
        return None
    return cart if cart["status"] == "open" else None


def whole(text: str) -> int | str:
    """A number from a form; what is none goes on as it is, so that the API says what is wrong."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text  # noqa: PLR2004 - fits any column
