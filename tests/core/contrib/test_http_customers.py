"""What customers keep with the shop, over HTTP: addresses, wish lists, reviews."""

import json

import jsonschema_rs
import pytest

from core_shop import ADDRESS
from mestres_core.contrib.http import Api, Request

ADMIN = "admin-token"
SCHEMAS = json.loads(Api(None).handle(Request("GET", "/openapi.json")).body)


class Client:
    """One customer's client. Every answer is one that the OpenAPI document describes."""

    def __init__(self, shop):
        self.api = Api(shop, admin_token=ADMIN)
        self.user = shop.customers.create(email="ana@example.com", name="Ana Souza").id
        self.token = shop.customers.token(self.user)

    def __call__(self, method, path, body=None, *, token=None, query=""):
        headers = {} if token == "" else {"authorization": f"Bearer {token or self.token}"}
        text = b"" if body is None else json.dumps(body).encode()
        path = path.replace("/me/", f"/users/{self.user}/")
        reply = self.api.handle(Request(method=method, path=path, query_string=query, headers=headers, body=text))
        answer = json.loads(reply.body)
        assert_described(method, path, reply.status, answer)
        return reply.status, answer.get("data", answer)


def assert_described(method, path, status, answer):
    found = [
        operations[method.lower()]
        for template, operations in SCHEMAS["paths"].items()
        if len(template.split("/")) == len(path.split("/"))
        and all(a == b or a.startswith("{") for a, b in zip(template.split("/"), path.split("/"), strict=True))
        and method.lower() in operations
    ]
    (content,) = found[0]["responses"][str(status)]["content"].values()
    jsonschema_rs.validate({**content["schema"], "components": SCHEMAS["components"]}, answer)


@pytest.fixture
def client(sqlite_shop):
    """A customer, and a product A1."""
    sqlite_shop.product()
    return Client(sqlite_shop)


def test_addresses(client):
    """A book of addresses: the first is the default for everything, a change keeps what it does not name."""
    status, made = client("POST", "/api/v1/me/addresses", ADDRESS | {"label": "Casa"})
    assert (status, made["address"]["default_shipping"], made["address"]["street"]) == (201, True, ADDRESS["street"])
    _, other = client("POST", "/api/v1/me/addresses", ADDRESS | {"label": "Trabalho", "default_shipping": True})
    one = f"/api/v1/me/addresses/{made['address']['id']}"
    assert client("PATCH", one, {"number": "12"})[1]["address"]["street"] == ADDRESS["street"]
    assert [each["label"] for each in client("GET", "/api/v1/me/addresses")[1]["addresses"]] == ["Trabalho", "Casa"]
    assert client("DELETE", one)[1] == client("GET", "/api/v1/me/addresses")[1]
    assert client("DELETE", one)[0] == 404
    refused = client("POST", "/api/v1/me/addresses", ADDRESS | {"postal_code": "1", "planet": "Mars"})
    assert (refused[0], [each["field"] for each in refused[1]["errors"]]) == (422, ["planet"])
    assert other["address"]["default_billing"] is False


def test_wish_lists(client):
    """A list by its name, wishes put on it and taken off; once it is shared its token opens it to anybody."""
    status, made = client("POST", "/api/v1/me/wishlists", {"name": "Natal"})
    assert (status, made["wishlist"]["items"]) == (201, [])
    one = f"/api/v1/me/wishlists/{made['wishlist']['id']}"
    assert client("POST", f"{one}/items", {"sku": "B7"})[0] == 404
    _, filled = client("POST", f"{one}/items", {"sku": "A1"})
    assert [each["sku"] for each in filled["wishlist"]["items"]] == ["A1"]
    assert client("GET", "/api/v1/me/wishlists")[1]["wishlists"] == [filled["wishlist"]]
    token = client("POST", f"{one}/share")[1]["wishlist"]["share_token"]
    assert client("GET", f"/api/v1/wishlists/{token}", token="")[1]["wishlist"]["items"] == filled["wishlist"]["items"]
    assert client("GET", "/api/v1/wishlists/nothing", token="")[0] == 404
    assert client("DELETE", f"{one}/items/A1")[1]["wishlist"]["items"] == []
    assert client("DELETE", f"{one}/items/A1")[0] == 404


def test_reviews(client):
    """A review waits for the shop; approved it is shown to everybody, by its author's name and nobody's number."""
    status, made = client("POST", "/api/v1/me/reviews", {"product_id": 1, "rating": 5, "title": "Ótimo"})
    assert (status, made["review"]["status"]) == (201, "pending")
    assert client("POST", "/api/v1/me/reviews", {"product_id": 1, "rating": 1})[0] == 409
    assert client("GET", "/api/v1/products/cafe-a1/reviews", token="")[1]["reviews"] == []
    (waiting,) = client("GET", "/admin/api/v1/reviews", token=ADMIN)[1]["reviews"]
    one = f"/admin/api/v1/reviews/{waiting['id']}"
    assert client("POST", f"{one}/approve")[0] == 403
    assert client("POST", f"{one}/approve", token=ADMIN)[1]["review"]["status"] == "approved"
    _, shown = client("GET", "/api/v1/products/1/reviews", token="", query="sort=highest&rating=5&verified=false")
    assert (shown["summary"]["average"], shown["reviews"][0]["author"]) == (5.0, "Ana")
    assert "customer_id" not in shown["reviews"][0]
    assert client("POST", f"{one}/reject", {"reason": "off topic"}, token=ADMIN)[1]["review"]["reason"] == "off topic"
    assert client("GET", "/api/v1/products/1/reviews", token="")[1]["summary"]["count"] == 0
    assert [client("GET", f"/api/v1/products/{ref}/reviews", token="")[0] for ref in ("9", "none")] == [404, 404]


def test_nobody_elses(client):
    """A customer's things open to that customer's token only: 403 for any other, whether they exist or not."""
    for path in ("addresses", "wishlists"):
        assert client("GET", f"/api/v1/me/{path}", token="")[0] == 401
        assert {client("GET", f"/api/v1/users/{who}/{path}", token="x")[0] for who in (1, 99, "y")} == {403}
        assert {client("GET", f"/api/v1/users/{who}/{path}", token=ADMIN)[0] for who in (99, "y")} == {404}
