"""From the cart to the order: where to, how to pay, and what became of it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from mestres_core.contrib.http import Reply
from mestres_examples.pages.basket import current
from mestres_examples.pages.client import Refused, part
from mestres_examples.pages.visit import Visit

_CUSTOMER = ("name", "email", "document")
_ADDRESS = ("name", "street", "number", "district", "city", "state", "postal_code")


def delivery(visit: Visit) -> Reply:
    """Who buys, and where the parcel goes."""
    cart = current(visit)
    if cart is None or not cart["lines"]:
        return visit.redirect("/carrinho")
    return _delivery(visit, cart, {}, {})


def payment(visit: Visit) -> Reply:
    """What it costs with shipping, and how to pay it."""
    cart = current(visit)
    if cart is None or not cart["lines"]:
        return visit.redirect("/carrinho")
    form = visit.request.form()
    try:
        quote = _quote(visit, cart, form)
    except Refused as refused:
        return _refused_delivery(visit, cart, form, refused)
    return _payment(visit, quote, form)


def confirm(visit: Visit) -> Reply:
    """The order. Sent twice, it is the same order."""
    form = visit.request.form()
    body = {
        "quote_hash": form.get("quote_hash", ""),
        "customer": {name: form.get(f"customer.{name}", "") for name in _CUSTOMER},
        "payment": {"method": form.get("method", ""), "token": form.get("token", "")},
    }
    # The cart comes with the form: by the time a form is sent twice, the session has none.
    path = f"/api/v1/carts/{part(form.get('cart') or '-')}/checkout"
    try:
        answer = visit.client.send("POST", path, body, idempotency_key=form.get("key", ""))
    except Refused as refused:
        return _refused_order(visit, form, refused)
    order = answer["data"]["order"]
    place = f"/pedido/{part(order['number'])}"
    visit.remember_cart("")
    return visit.redirect(place).with_headers(
        visit.cookie(_token_cookie(order["number"]), order["access_token"], place)
    )


def order(visit: Visit) -> Reply:
    """What became of the order: for the browser that placed it."""
    found = _order(visit)
    return visit.page("order.html", order=found, can_pay_pix=visit.pix is not None)


def pay_pix(visit: Visit) -> Reply:
    """Let the provider report that the PIX was paid, the way it really would. In demonstrations only."""
    if visit.pix is None:
        return visit.message(404, "Esta página não existe.")
    found = _order(visit)
    for attempt in found["payments"]:
        if attempt["method"] == "pix" and attempt["status"] == "pending":
            body, headers = visit.pix(attempt)
            visit.api.shop.payments.receive(attempt["provider"], body=body, headers=headers)
    return visit.redirect(f"/pedido/{part(found['number'])}")


def _order(visit: Visit) -> Any:
    number = visit.parts["number"]
    token = visit.request.cookie(_token_cookie(number))
    try:
        answer = visit.client.get(f"/api/v1/orders/{part(number)}", authorization=f"Bearer {token}")
    except Refused as refused:
        # Whether the number exists at all is nobody else's business.
        refused.detail = "Este pedido não existe ou foi feito em outro navegador."
        refused.status = 404
        raise
    return answer["data"]["order"]


def _token_cookie(number: str) -> str:
    return "pedido-" + "".join(letter for letter in number if letter.isascii() and letter.isalnum())


def _quote(visit: Visit, cart: Any, form: Mapping[str, str]) -> Any:
    address = {name: form.get(f"address.{name}", "").strip() for name in _ADDRESS}
    address["name"] = address["name"] or form.get("customer.name", "").strip()
    body = {"address": address, "shipping_method": form.get("shipping_method") or None}
    return visit.client.send("POST", f"/api/v1/carts/{part(cart['id'])}/quote", body)["data"]["quote"]


def _delivery(visit: Visit, cart: Any, form: Mapping[str, str], wrong: Mapping[str, str], status: int = 200) -> Reply:
    return visit.page("checkout.html", status, cart=cart, form=form, wrong=wrong, notice="")


def _payment(visit: Visit, quote: Any, form: Mapping[str, str], notice: str = "", status: int = 200) -> Reply:
    carried = {name: value for name, value in form.items() if name.startswith(("customer.", "address."))}
    return visit.page(
        "payment.html",
        status,
        quote=quote,
        carried=carried,
        method=form.get("method", "card"),
        notice=notice,
        key=secrets.token_urlsafe(18),
        methods={method for provider in visit.api.shop.config.providers for method in provider.methods},
    )


def _refused_delivery(visit: Visit, cart: Any, form: Mapping[str, str], refused: Refused) -> Reply:
    notice = "" if refused.fields else refused.detail
    return visit.page("checkout.html", refused.status, cart=cart, form=form, wrong=refused.fields, notice=notice)


def _refused_order(visit: Visit, form: Mapping[str, str], refused: Refused) -> Reply:
    """Back to the step where the buyer can do something about it."""
    cart = current(visit)
    if cart is None:
        return visit.message(refused.status, refused.detail)
    if refused.fields:
        return _refused_delivery(visit, cart, form, refused)
    quote = refused.problem.get("quote") or _quote(visit, cart, form)
    notices = {
        "quote_changed": "O valor mudou desde a última página. Confira o novo total e confirme de novo.",
        "payment_declined": "O pagamento foi recusado. Nada foi cobrado; tente outra forma de pagamento.",
    }
    return _payment(visit, quote, form, notices.get(refused.code, refused.detail), refused.status)
