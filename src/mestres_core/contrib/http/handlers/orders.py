"""Orders after the checkout: a customer's list, and what the shop's own people do with an order."""

from __future__ import annotations

from mestres_core.contrib.http import render
from mestres_core.contrib.http.calls import Call
from mestres_core.contrib.http.handlers.checkout import idempotency_key
from mestres_core.contrib.http.messages import Document, Reply
from mestres_core.contrib.http.problems import Refusal
from mestres_core.contrib.http.schemas import LARGEST, PageQuery, RefundRequest, is_storable
from mestres_core.errors import NotFound
from mestres_core.payments.dto import Refund

_ACCEPTED = 202


def of_user(call: Call) -> Reply:
    """A customer's orders, newest first, for the holder of that customer's token and for the administrator."""
    query: PageQuery = call.query
    token, user = call.bearer(), _user(call)
    if not call.is_admin(token) and not call.shop.customers.opens(user, token):
        raise Refusal(403)  # the same for an unknown customer, so that ids cannot be probed
    page = call.shop.orders.of_customer(user, page=query.page, per_page=query.per_page, cursor=query.cursor)
    meta = {"page": page.page, "per_page": page.per_page, "total": page.total, "next_cursor": page.next_cursor}
    return Document.of({"orders": [render.order_summary(one) for one in page.items]}, meta).reply()


def cancel(call: Call) -> Reply:
    """Call an order off before it is shipped: its goods are free again, and what was paid goes back."""
    order = call.shop.orders.cancel(_number(call))
    if order.payment_status == "refund_due":
        return _refunded(call, call.shop.orders.refund(order.number))
    return Document.of({"order": render.order(order)}).reply()


def capture(call: Call) -> Reply:
    """Take the money that the buyer's bank has authorized."""
    return Document.of({"order": render.order(call.shop.orders.capture(_number(call)))}).reply()


def refund(call: Call) -> Reply:
    """Give money back: `amount` in minor units, or all that is left. 202 while the provider has not answered."""
    body: RefundRequest = call.body
    key = idempotency_key(call, required=False)
    return _refunded(call, call.shop.orders.refund(_number(call), amount=body.amount, idempotency_key=key or None))


def fulfill(call: Call) -> Reply:
    """The goods have left the house."""
    return Document.of({"order": render.order(call.shop.orders.fulfill(_number(call)))}).reply()


def _refunded(call: Call, made: Refund) -> Reply:
    order = call.shop.orders.get(made.order_number)
    data = {"order": render.order(order), "refund": render.refund(made)}
    return Document.of(data).reply(_ACCEPTED if made.status == "pending" else 200)


def _number(call: Call) -> str:
    """The order's number from the path, for the administrator only."""
    call.require_admin()
    number = call.params["number"]
    if not is_storable(number):
        raise NotFound("order", number)
    return number


def _user(call: Call) -> int:
    text = call.params["user_id"]
    number = int(text) if text.isascii() and text.isdigit() and len(text) < len(str(LARGEST)) else 0
    if not number and call.is_admin(call.bearer()):
        raise NotFound("customer", text)
    return number
