"""Coupons over HTTP."""

import uuid

import pytest

from integration.http.buying import problem


@pytest.fixture
def coupon(shop):
    """`coupon(percent=10)`: the code of a new coupon."""

    def make(**terms):
        return shop.promotions.save_coupon(f"C{uuid.uuid4().hex[:10]}", **terms).code

    return make


def _put(http, cart, code):
    return http.post(f"/api/v1/carts/{cart}/coupons", json={"code": code})


def test_in_and_out_again(http, buyer, product, coupon):
    """A coupon shows what it takes off; taken out, the full price is back."""
    cart, code = buyer.cart(sku=product(price=4590).variants[0].sku), coupon(percent=10)
    inside = _put(http, cart, code.lower())
    assert inside.status_code == 200
    found = inside.json()["data"]["cart"]
    assert [(each["code"], each["discount"]["amount"], each["reason"]) for each in found["coupons"]] == [
        (code, 459, None)
    ]
    assert (found["totals"]["discount"]["amount"], found["totals"]["grand"]["amount"]) == (459, 4131)
    outside = http.delete(f"/api/v1/carts/{cart}/coupons/{code}").json()["data"]["cart"]
    assert (outside["coupons"], outside["totals"]["grand"]["amount"]) == ([], 4590)
    problem(http.delete(f"/api/v1/carts/{cart}/coupons/{code}"), 404, "not_found")


def test_bought_with_it(http, buyer, product, coupon):
    """The discount is in the quote and in the order, which names the coupon."""
    cart, code = buyer.cart(sku=product(price=4590).variants[0].sku), coupon(amount=590)
    _put(http, cart, code)
    quote = buyer.quote(cart).json()["data"]["quote"]
    assert quote["totals"]["discount"]["amount"] == 590
    order = buyer.checkout(cart, quote["hash"]).json()["data"]["order"]
    assert order["totals"] == quote["totals"]
    assert [(each["code"], each["discount"]["amount"]) for each in order["coupons"]] == [(code, 590)]


def test_what_is_refused(http, buyer, product, shop, coupon):
    """An unknown code is wrong input, a withdrawn one a conflict that says why in the client's language."""
    cart, code = buyer.cart(sku=product().variants[0].sku), coupon(percent=5, active=False)
    unknown = problem(_put(http, cart, "NADA"), 422, "validation_error")
    assert [error["field"] for error in unknown["errors"]] == ["code"]
    assert "foi retirado" in problem(_put(http, cart, code), 409, "coupon_not_applicable")["detail"]
    for wrong in ({}, {"code": ""}, {"code": 5}, {"code": "x" * 41}, {"code": "a", "more": 1}, []):
        answer = http.post(f"/api/v1/carts/{cart}/coupons", json=wrong)
        problem(answer, 422, "validation_error")
    problem(_put(http, "no-such-cart", code), 404, "not_found")
