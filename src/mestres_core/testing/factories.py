"""Products, carts and orders in one word each."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, Final

from mestres_core.cart.dto import Cart
from mestres_core.catalog.dto import Product
from mestres_core.checkout.dto import Placed, Quote
from mestres_core.commerce import Commerce
from mestres_core.orders.dto import Order
from mestres_core.providers.fake import signed_event

ADDRESS: Final[Mapping[str, str]] = {
    "name": "Ana Souza",
    "street": "Rua das Flores",
    "number": "10",
    "district": "Centro",
    "city": "Patrocínio",
    "state": "MG",
    "postal_code": "38740-000",
}
CUSTOMER: Final[Mapping[str, str]] = {
    "name": "Ana Souza",
    "email": "ana@example.com",
    "document": "529.982.247-25",
}
_METHODS: Final = ("pix", "boleto")


class Factory:
    """What a test begins with, made through the shop's own services.

    A payment's `token` is one of FakeCard's (tok_ok, tok_auth, tok_declined, tok_slow, tok_down), or "pix" or "boleto".
    """

    def __init__(self, shop: Commerce) -> None:
        self.shop = shop
        self._serial = itertools.count(1)

    def product(self, sku: str | None = None, *, price: int = 1000, stock: int = 10, **fields: Any) -> Product:
        """A saved product of one variant; `fields` are those of `catalog.save`. SKUs are P1, P2... unless given."""
        code = sku or f"P{next(self._serial)}"
        variant = {"sku": code, "price": price, "stock": stock, "weight_grams": 250}
        saved = self.shop.catalog.save(**({"key": code, "name": f"Café {code}", "variants": [variant]} | fields))
        return saved if saved is not None else self.shop.catalog.get(fields.get("key", code))

    def cart(self, *lines: str | tuple[str, int], **fields: Any) -> Cart:
        """A cart with these lines, each a SKU or (SKU, pieces); `fields` are those of `carts.create`."""
        cart = self.shop.carts.create(**fields)
        for line in lines:
            sku, quantity = (line, 1) if isinstance(line, str) else line
            cart = self.shop.carts.add(cart.id, sku=sku, quantity=quantity)
        return cart

    def quote(self, cart: Cart | str, *, method: str | None = None, address: Mapping[str, str] | None = None) -> Quote:
        """A quote to the usual address in Minas Gerais."""
        cart_id = cart if isinstance(cart, str) else cart.id
        return self.shop.checkout.quote(cart_id, address=address or ADDRESS, shipping_method=method)

    def place(self, cart: Cart | str, *, token: str = "tok_ok", key: str | None = None) -> Placed:  # noqa: S107
        """Quote the cart and place it. Raises whatever the shop raises."""
        quote = self.quote(cart)
        payment = {"method": token} if token in _METHODS else {"method": "card", "token": token}
        return self.shop.checkout.place(
            quote.cart_id,
            quote_hash=quote.hash,
            idempotency_key=key or f"key-{next(self._serial)}",
            customer=CUSTOMER,
            payment=payment,
        )

    def order(self, *lines: str | tuple[str, int], token: str = "tok_ok") -> Order:  # noqa: S107
        """An order of these lines, paid unless `token` says otherwise; without lines, of a new product."""
        wanted = lines or (self.product().variants[0].sku,)
        return self.place(self.cart(*wanted), token=token).order

    def webhook(self, order: Order, kind: str = "captured", *, amount: int | None = None) -> None:
        """What the provider of the order's last payment reports, signed as the shop expects it."""
        payment = order.payments[-1]
        body, headers = signed_event(
            key=payment.id,
            kind=kind,
            amount=payment.amount.amount if amount is None else amount,
            secret=self.shop.config.webhook_secret or "",
            now=self.shop.config.clock.now(),
        )
        self.shop.payments.receive(payment.provider, body=body, headers=headers)
