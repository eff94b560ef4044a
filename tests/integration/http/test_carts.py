"""Carts, as the contract promises them."""

import pytest

from integration.http.buying import money, problem


def test_a_new_cart_is_empty(http):
    """A cart is created with 201, an id that cannot be guessed, and zero totals."""
    response = http.post("/api/v1/carts")
    cart = response.json()["data"]["cart"]

    assert response.status_code == 201
    assert len(cart["id"]) >= 22
    assert (cart["currency"], cart["lines"], cart["coupons"]) == ("BRL", [], [])
    assert cart["totals"] == dict.fromkeys(("items", "discount", "shipping", "tax", "grand"), money(0))
    assert http.get(f"/api/v1/carts/{cart['id']}").json()["data"]["cart"] == cart


def test_lines_are_added_changed_and_removed(http, buyer, product):
    """A line grows when added to, takes another quantity, and goes; the version grows each time."""
    made = product(stock=10)
    sku = made.variants[0].sku
    cart_id = buyer.cart()

    first = buyer.add(cart_id, sku, 2).json()["data"]["cart"]
    second = buyer.add(cart_id, sku, 1).json()["data"]["cart"]
    [line] = second["lines"]
    changed = http.patch(f"/api/v1/carts/{cart_id}/lines/{line['id']}", json={"quantity": 5}).json()["data"]["cart"]
    emptied = http.delete(f"/api/v1/carts/{cart_id}/lines/{line['id']}").json()["data"]["cart"]

    assert line == {
        "id": first["lines"][0]["id"],
        "sku": sku,
        "name": line["name"],
        "quantity": 3,
        "unit_price": money(4590),
        "total": money(3 * 4590),
    }
    assert second["totals"]["grand"] == money(3 * 4590)
    assert changed["lines"][0]["quantity"] == 5
    assert emptied["lines"] == []
    assert first["version"] < second["version"] < changed["version"] < emptied["version"]


def test_more_than_there_is_cannot_be_added(buyer, product):
    """Asking for more pieces than there are gives 409 and says how many there are."""
    made = product(stock=3)

    document = problem(buyer.add(buyer.cart(), made.variants[0].sku, 4), 409, "insufficient_stock")

    assert document["available"] == 3


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "sku"),
        ({"sku": "X"}, "quantity"),
        ({"sku": "X", "quantity": 0}, "quantity"),
        ({"sku": "X", "quantity": -1}, "quantity"),
        ({"sku": "X", "quantity": 1000}, "quantity"),
        ({"sku": "X", "quantity": 10**30}, "quantity"),
        ({"sku": "X", "quantity": "1"}, "quantity"),
        ({"sku": "X", "quantity": 1.5}, "quantity"),
        ({"sku": "X", "quantity": True}, "quantity"),
        ({"sku": "X", "quantity": None}, "quantity"),
        ({"sku": 7, "quantity": 1}, "sku"),
        ({"sku": "", "quantity": 1}, "sku"),
        ({"sku": "\x00", "quantity": 1}, "sku"),
        ({"sku": "X", "quantity": 1, "price": 1}, "price"),
        ([], "body"),
        ("text", "body"),
        (7, "body"),
    ],
)
def test_wrong_lines_are_refused_by_field(http, buyer, body, field):
    """A wrong body gives 422 and names each wrong field."""
    response = http.post(f"/api/v1/carts/{buyer.cart()}/lines", json=body)

    assert field in [error["field"] for error in problem(response, 422, "validation_error")["errors"]]


def test_unknown_things_are_404(http, buyer, product):
    """A cart, a line or a SKU that does not exist is not found."""
    sku = product().variants[0].sku
    cart_id = buyer.cart()

    problem(http.get("/api/v1/carts/nobodys"), 404, "not_found")
    problem(http.get("/api/v1/carts/%00"), 404, "not_found")
    problem(buyer.add("nobodys", sku), 404, "not_found")
    problem(buyer.add(cart_id, "NO-SUCH-SKU"), 404, "not_found")
    for line in ("0", "1" + "0" * 30, "x", "-1", "%00"):
        problem(http.patch(f"/api/v1/carts/{cart_id}/lines/{line}", json={"quantity": 1}), 404, "not_found")
        problem(http.delete(f"/api/v1/carts/{cart_id}/lines/{line}"), 404, "not_found")
