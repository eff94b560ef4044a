"""A buyer who knows only the HTTP contract."""

import uuid

ADDRESS = {
    "name": "Ana Souza",
    "street": "Rua do Café",
    "number": "10",
    "district": "Centro",
    "city": "Patrocínio",
    "state": "MG",
    "postal_code": "38740-000",
    "country": "BR",
}
CUSTOMER = {"name": "Ana Souza", "email": "ana@example.com", "document": "529.982.247-25"}


class Buyer:
    """One step of a purchase per method; each returns the response."""

    def __init__(self, http):
        self.http = http

    def cart(self, *, sku=None, quantity=1):
        """The id of a new cart, with some pieces in it."""
        cart_id = self.http.post("/api/v1/carts").json()["data"]["cart"]["id"]
        if sku is not None:
            added = self.add(cart_id, sku, quantity)
            assert added.status_code == 200, added.text
        return cart_id

    def add(self, cart_id, sku, quantity=1):
        return self.http.post(f"/api/v1/carts/{cart_id}/lines", json={"sku": sku, "quantity": quantity})

    def quote(self, cart_id, **more):
        return self.http.post(f"/api/v1/carts/{cart_id}/quote", json={"address": ADDRESS, **more})

    def checkout(self, cart_id, quote_hash, *, token="tok_ok", method="card", key=None, **more):
        payment = {"method": method, **({"token": token} if method == "card" else {})}
        body = {"quote_hash": quote_hash, "customer": CUSTOMER, "payment": payment, **more}
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        return self.http.post(f"/api/v1/carts/{cart_id}/checkout", json=body, headers=headers)

    def buy(self, sku, quantity=1, **how):
        """All of it; the response of the checkout."""
        cart_id = self.cart(sku=sku, quantity=quantity)
        return self.checkout(cart_id, self.quote(cart_id).json()["data"]["quote"]["hash"], **how)

    def order(self, number, token):
        return self.http.get(f"/api/v1/orders/{number}", headers={"Authorization": f"Bearer {token}"})


def problem(response, status, code):
    """Check that a response is the problem document it should be, and give it back."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    document = response.json()
    assert (response.status_code, document["status"], document["code"]) == (status, status, code), document
    assert document["type"]
    assert document["title"]
    assert document["detail"]
    return document


def money(amount):
    """What the contract shows for so many cents."""
    reais = f"{amount // 100:,}".replace(",", ".")
    return {"amount": amount, "currency": "BRL", "formatted": f"R$ {reais},{amount % 100:02}"}
