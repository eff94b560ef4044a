"""From a cart to a paid order, as the contract promises it."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx
import pytest

from integration.http.buying import ADDRESS, CUSTOMER, Buyer, money, problem
from integration.http.conftest import ADMIN, SECRET
from mestres_core.providers.fake import signed_event


def test_a_quote_promises_a_total(buyer, product):
    """A quote shows every way to send the cart and what it costs by the cheapest, or by the chosen one."""
    cart_id = buyer.cart(sku=product(price=4590).variants[0].sku, quantity=2)

    cheapest = buyer.quote(cart_id).json()["data"]["quote"]
    dearest = max(cheapest["shipping_methods"], key=lambda option: option["price"]["amount"])
    chosen = buyer.quote(cart_id, shipping_method=dearest["id"]).json()["data"]["quote"]

    assert set(dearest) == {"id", "name", "price", "days"}
    assert cheapest["totals"]["shipping"]["amount"] == min(
        option["price"]["amount"] for option in cheapest["shipping_methods"]
    )
    assert chosen["totals"]["shipping"] == dearest["price"]
    assert chosen["totals"]["grand"] == money(2 * 4590 + dearest["price"]["amount"])
    assert chosen["hash"] != cheapest["hash"]
    assert datetime.fromisoformat(chosen["expires_at"]).tzinfo is not None


def test_a_purchase_by_card(http, buyer, product):
    """A card that pays gives 201 and an order that its token opens, and the pieces are gone."""
    made = product(stock=5)

    response = buyer.buy(made.variants[0].sku, 2)
    order = response.json()["data"]["order"]
    read = buyer.order(order["number"], order["access_token"])

    assert response.status_code == 201
    assert response.json()["meta"]["replayed"] is False
    assert (order["status"], order["payment_status"], order["fulfillment_status"]) == ("placed", "paid", "unfulfilled")
    assert order["lines"][0]["quantity"] == 2
    assert order["payments"][0]["status"] == "captured"
    assert order["totals"]["items"] == money(2 * 4590)
    assert order["created_at"]
    assert read.status_code == 200
    assert read.json()["data"]["order"] == {name: part for name, part in order.items() if name != "access_token"}
    assert http.get(f"/api/v1/products/{made.id}").json()["data"]["product"]["variants"][0]["available"] == 3


def test_a_repeated_checkout_is_a_replay(buyer, product):
    """The same key with the same body gives 200 and the same order, and buys nothing twice."""
    made = product(stock=5)
    cart_id = buyer.cart(sku=made.variants[0].sku)
    quote_hash = buyer.quote(cart_id).json()["data"]["quote"]["hash"]

    first = buyer.checkout(cart_id, quote_hash, key="one-" + cart_id)
    second = buyer.checkout(cart_id, quote_hash, key="one-" + cart_id)

    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json()["meta"]["replayed"] is True
    assert second.json()["data"]["order"]["number"] == first.json()["data"]["order"]["number"]
    assert second.json()["data"]["order"]["access_token"] == first.json()["data"]["order"]["access_token"]


def test_a_key_stands_for_one_request(buyer, product):
    """The same key with another body gives 409."""
    sku = product(stock=5).variants[0].sku
    key = uuid.uuid4().hex
    assert buyer.buy(sku, key=key).status_code == 201

    problem(buyer.buy(sku, 2, key=key), 409, "idempotency_conflict")


def test_the_key_is_required(http, buyer, product):
    """Without Idempotency-Key a checkout is refused and the header is named."""
    cart_id = buyer.cart(sku=product().variants[0].sku)
    body = {
        "quote_hash": buyer.quote(cart_id).json()["data"]["quote"]["hash"],
        "customer": CUSTOMER,
        "payment": {"method": "card", "token": "tok_ok"},
    }

    for headers in ({}, {"Idempotency-Key": ""}, {"Idempotency-Key": "k" * 1000}):
        response = http.post(f"/api/v1/carts/{cart_id}/checkout", json=body, headers=headers)

        assert [error["field"] for error in problem(response, 422, "validation_error")["errors"]] == ["Idempotency-Key"]


def test_a_declined_card_cancels_the_order_and_keeps_the_cart(http, buyer, product):
    """A declined payment gives 402 with the cancelled order; the pieces are free and the cart can be paid again."""
    made = product(stock=1)
    cart_id = buyer.cart(sku=made.variants[0].sku)
    quote_hash = buyer.quote(cart_id).json()["data"]["quote"]["hash"]

    document = problem(buyer.checkout(cart_id, quote_hash, token="tok_declined"), 402, "payment_declined")
    again = buyer.checkout(cart_id, buyer.quote(cart_id).json()["data"]["quote"]["hash"], token="tok_ok")

    assert (document["order"]["status"], document["order"]["payment_status"]) == ("cancelled", "declined")
    assert again.status_code == 201
    assert again.json()["data"]["order"]["number"] != document["order"]["number"]


def test_a_provider_that_is_down_leaves_the_order_pending(buyer, product):
    """When the provider gives no answer nothing is claimed: the order is there and its payment pending."""
    response = buyer.buy(product().variants[0].sku, token="tok_down")

    assert response.status_code == 201
    assert response.json()["data"]["order"]["payment_status"] == "pending"


def test_a_changed_price_is_never_charged_silently(shop, buyer, product):
    """A price that changed after the quote gives 409 with the new quote, which can be confirmed at once."""
    made = product(price=1000)
    sku = made.variants[0].sku
    cart_id = buyer.cart(sku=sku)
    quote_hash = buyer.quote(cart_id).json()["data"]["quote"]["hash"]
    shop.catalog.save(name=made.name, category="Grãos", variants=[{"sku": sku, "price": 1500, "weight_grams": 250}])

    document = problem(buyer.checkout(cart_id, quote_hash), 409, "quote_changed")
    confirmed = buyer.checkout(cart_id, document["quote"]["hash"])

    assert document["quote"]["totals"]["items"] == money(1500)
    assert confirmed.status_code == 201
    assert confirmed.json()["data"]["order"]["totals"] == document["quote"]["totals"]


def test_an_empty_cart_cannot_be_quoted(buyer):
    """There is nothing to promise for an empty cart."""
    problem(buyer.quote(buyer.cart()), 409, "cart_empty")


def test_an_ordered_cart_is_closed(http, buyer, product):
    """What has become an order takes no more lines."""
    sku = product().variants[0].sku
    cart_id = buyer.cart(sku=sku)
    buyer.checkout(cart_id, buyer.quote(cart_id).json()["data"]["quote"]["hash"])

    problem(buyer.add(cart_id, sku), 409, "cart_closed")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"postal_code": "123"}, "address.postal_code"),
        ({"state": "XX"}, "address.state"),
        ({"street": ""}, "address.street"),
        ({"city": 7}, "address.city"),
        ({"number": "\x00"}, "address.number"),
        ({"planet": "Mars"}, "address.planet"),
    ],
)
def test_wrong_addresses_are_refused_by_field(http, buyer, product, change, field):
    """A wrong address names the wrong field by its dotted name."""
    cart_id = buyer.cart(sku=product().variants[0].sku)
    response = http.post(f"/api/v1/carts/{cart_id}/quote", json={"address": {**ADDRESS, **change}})

    assert field in [error["field"] for error in problem(response, 422, "validation_error")["errors"]]


@pytest.mark.parametrize(
    ("customer", "field"),
    [
        ({**CUSTOMER, "document": "111.111.111-11"}, "customer.document"),
        ({**CUSTOMER, "email": "nobody"}, "customer.email"),
        ({**CUSTOMER, "name": ""}, "customer.name"),
        ("Ana", "customer"),
    ],
)
def test_wrong_customers_are_refused_by_field(buyer, product, customer, field):
    """A wrong customer names the wrong field by its dotted name."""
    response = buyer.buy(product().variants[0].sku, customer=customer)

    assert field in [error["field"] for error in problem(response, 422, "validation_error")["errors"]]


def test_orders_open_to_their_token_only(http, buyer, product):
    """No token gives 401, a wrong one 403 whether the number exists or not, and the admin's opens every order."""
    order = buyer.buy(product().variants[0].sku).json()["data"]["order"]
    bare = http.get(f"/api/v1/orders/{order['number']}")

    assert problem(bare, 401, "unauthorized")
    assert bare.headers["www-authenticate"] == "Bearer"
    known = problem(buyer.order(order["number"], "wrong"), 403, "forbidden")
    unknown = problem(buyer.order("MC-0000000000", "wrong"), 403, "forbidden")
    assert known == unknown
    assert buyer.order(order["number"], ADMIN).status_code == 200
    problem(buyer.order("MC-0000000000", ADMIN), 404, "not_found")
    problem(buyer.order("%00", ADMIN), 404, "not_found")
    for header in ("Basic abc", "Bearer", ""):
        problem(http.get(f"/api/v1/orders/{order['number']}", headers={"Authorization": header}), 401, "unauthorized")


def _report(order, kind="captured", **change):
    payment = order["payments"][0]
    told = {"key": payment["id"], "amount": payment["amount"]["amount"], **change}
    return signed_event(kind=kind, secret=SECRET, now=datetime.now(UTC), **told)


def test_pix_is_paid_by_webhook(http, buyer, product):
    """A PIX order shows its code and waits; the signed report pays it, and repeating the report changes nothing."""
    order = buyer.buy(product().variants[0].sku, method="pix").json()["data"]["order"]
    action = order["payments"][0]["action"]
    body, headers = _report(order)

    answers = [http.post("/api/v1/payments/pix/events", content=body, headers=headers) for _ in range(3)]
    paid = buyer.order(order["number"], order["access_token"]).json()["data"]["order"]

    assert order["payment_status"] == "pending"
    assert action["br_code"].startswith("000201")
    assert all(answer.is_success for answer in answers)
    assert (paid["status"], paid["payment_status"]) == ("placed", "paid")


def test_unsigned_reports_are_refused(http, buyer, product):
    """A report whose signature is missing, wrong, or for another body gives 401 and pays nothing."""
    order = buyer.buy(product().variants[0].sku, method="pix").json()["data"]["order"]
    body, headers = _report(order)
    other, _ = _report(order, amount=1)
    forged = {name: value[:-1] + "0" if name == "Mestres-Signature" else value for name, value in headers.items()}
    forged["Mestres-Signature"] += "f"

    for content, given in ((body, {}), (body, forged), (other, headers), (b"", headers)):
        problem(http.post("/api/v1/payments/pix/events", content=content, headers=given), 401, "invalid_signature")
    assert buyer.order(order["number"], ADMIN).json()["data"]["order"]["payment_status"] == "pending"


def test_unknown_providers_are_404(http):
    """Nobody reports for a provider that the shop does not have."""
    problem(http.post("/api/v1/payments/nobody/events", content=b"{}"), 404, "not_found")


@pytest.mark.stress
def test_ten_buyers_of_one_piece_make_one_order(served, buyer, product):
    """Of ten who check the last piece out at the same moment, one gets it and nine are told that it is gone."""
    sku = product(stock=1).variants[0].sku
    carts = [buyer.cart(sku=sku) for _ in range(10)]
    wanted = [(cart_id, buyer.quote(cart_id).json()["data"]["quote"]["hash"]) for cart_id in carts]

    def buy(one):
        with httpx.Client(base_url=served.url, timeout=60) as client:
            return Buyer(client).checkout(*one)

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(buy, wanted))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"insufficient_stock"}
    assert served.shop.audit().clean
