"""Orders after the checkout: a customer's list, and what the shop's own people do."""

import pytest

from integration.http.buying import problem
from integration.http.conftest import ADMIN

_ADMIN = {"Authorization": f"Bearer {ADMIN}"}


@pytest.fixture
def bought(buyer, product):
    """`bought(token="tok_ok")`: the order of a new product, as its buyer got it from the checkout."""

    def buy(**how):
        return buyer.buy(product().variants[0].sku, **how).json()["data"]["order"]

    return buy


def _act(http, number, action, headers=_ADMIN, **more):
    return http.post(f"/admin/api/v1/orders/{number}/{action}", headers=headers, **more)


def test_a_users_orders_newest_first(http, shop, bought):
    """The user's own token and the administrator's open the list; each order has its number of lines."""
    first, second = bought(), bought()
    user = second["customer"]["id"]
    assert first["customer"]["id"] == user
    token = shop.customers.token(user)
    for bearer in (token, ADMIN):
        answer = http.get(f"/api/v1/users/{user}/orders", headers={"Authorization": f"Bearer {bearer}"})
        assert answer.status_code == 200
        found = answer.json()["data"]["orders"]
        assert [each["number"] for each in found[:2]] == [second["number"], first["number"]]
        assert (found[0]["items_count"], found[0]["total"]) == (1, second["totals"]["grand"])
        assert answer.json()["meta"]["total"] >= 2
    page = http.get(f"/api/v1/users/{user}/orders", params={"per_page": 1}, headers=_ADMIN).json()
    following = {"per_page": 1, "cursor": page["meta"]["next_cursor"]}
    assert (
        http.get(f"/api/v1/users/{user}/orders", params=following, headers=_ADMIN).json()["data"]["orders"][0]["number"]
        == first["number"]
    )


def test_who_may_not_see_a_users_orders(http, shop, bought):
    """Without a token 401, with somebody else's 403, whether the user exists or not; the administrator gets 404."""
    order = bought()
    user = order["customer"]["id"]
    problem(http.get(f"/api/v1/users/{user}/orders"), 401, "unauthorized")
    for token in ("nonsense", order["access_token"]):
        for asked in (user, 999_999, "x", "0"):
            answer = http.get(f"/api/v1/users/{asked}/orders", headers={"Authorization": f"Bearer {token}"})
            problem(answer, 403, "forbidden")
    for unknown in ("999999", "x", "9" * 40, "-1"):
        problem(http.get(f"/api/v1/users/{unknown}/orders", headers=_ADMIN), 404, "not_found")
    problem(http.get(f"/api/v1/users/{user}/orders?cursor=x", headers=_ADMIN), 422, "validation_error")


def test_shipped_refunded_and_no_more(http, bought):
    """Fulfil, refund a part, refund the rest; every step shows in the order, and the next too much is a conflict."""
    order = bought()
    number, grand = order["number"], order["totals"]["grand"]["amount"]
    assert _act(http, number, "fulfill").json()["data"]["order"]["fulfillment_status"] == "fulfilled"
    part = _act(http, number, "refund", json={"amount": 100}).json()["data"]
    assert (part["refund"]["status"], part["order"]["payment_status"]) == ("refunded", "partially_refunded")
    problem(_act(http, number, "refund", json={"amount": grand}), 422, "validation_error")
    rest = _act(http, number, "refund").json()["data"]
    assert (rest["refund"]["amount"]["amount"], rest["order"]["payment_status"]) == (grand - 100, "refunded")
    assert rest["order"]["refunded"]["amount"] == grand
    problem(_act(http, number, "refund"), 409, "illegal_transition")
    problem(_act(http, number, "cancel"), 409, "illegal_transition")


def test_a_repeated_refund_request_gives_back_once(http, bought):
    """The same Idempotency-Key gets the same refund; for another amount it is a conflict."""
    number = bought()["number"]
    headers = {**_ADMIN, "Idempotency-Key": f"refund-{number}"}
    answers = [_act(http, number, "refund", headers, json={"amount": 50}).json()["data"] for _ in range(2)]
    assert answers[0]["refund"] == answers[1]["refund"]
    assert answers[1]["order"]["refunded"]["amount"] == 50
    problem(_act(http, number, "refund", headers, json={"amount": 51}), 409, "idempotency_conflict")


def test_cancelled_with_its_money_back(http, bought):
    """Cancelling a paid order gives the money back at once."""
    order = _act(http, bought()["number"], "cancel").json()["data"]["order"]
    assert (order["status"], order["payment_status"]) == ("cancelled", "refunded")


def test_authorized_then_captured(http, bought):
    """An authorized order waits for its capture; a captured one cannot be captured again."""
    order = bought(token="tok_auth")
    assert order["payment_status"] == "authorized"
    problem(_act(http, order["number"], "fulfill"), 409, "illegal_transition")
    assert _act(http, order["number"], "capture").json()["data"]["order"]["payment_status"] == "paid"
    problem(_act(http, order["number"], "capture"), 409, "illegal_transition")


@pytest.mark.parametrize("action", ["cancel", "capture", "refund", "fulfill"])
def test_only_the_administrator_acts(http, bought, action):
    """No token 401, the buyer's 403, an unknown order 404; nothing has changed."""
    order = bought()
    problem(_act(http, order["number"], action, {}), 401, "unauthorized")
    problem(_act(http, order["number"], action, {"Authorization": f"Bearer {order['access_token']}"}), 403, "forbidden")
    problem(_act(http, "MC-NOTHING", action), 404, "not_found")
    seen = http.get(f"/api/v1/orders/{order['number']}", headers=_ADMIN).json()["data"]["order"]
    assert (seen["status"], seen["payment_status"]) == ("placed", "paid")


def test_below_the_admin_prefix_the_api_answers(http):
    """What is not there is a problem document, not a page."""
    problem(http.get("/admin/api/v1/nothing", headers=_ADMIN), 404, "not_found")
