"""A café's real receipts, in file order, as carts, orders and payments.

Short in the whole suite; `make replay` plays all of them (some minutes for each database).
"""

import os
from collections import Counter
from typing import Any

import pytest
from tqdm import tqdm

from core.acceptance.cafe import Basket, baskets, price_of, sku_of
from core_shop import TestShop
from mestres_core import Money
from mestres_core.errors import InsufficientStock, PaymentDeclined
from mestres_core.typing import ShippingOption

LONG = os.environ.get("MESTRES_STRESS") == "long"
SHORT = 600
SATURDAY, PERCENT = 5, 15
DELIVERY, FREE_FROM = 690, 3000


class Bicycle:
    """A courier of one price, free from a certain total on."""

    def options(self, *, items_total: int, currency: str, **_rest: Any) -> list[ShippingOption]:
        """The one way there is."""
        price = 0 if items_total >= FREE_FROM else DELIVERY
        return [ShippingOption("bicycle", "Bicicleta", Money(price, currency), 1)]


class Books:
    """What should come out, added up by nothing but whole numbers."""

    def __init__(self) -> None:
        self.received: Counter[str] = Counter()
        self.shipped: Counter[str] = Counter()
        self.held: Counter[str] = Counter()
        self.paid = self.given_back = self.orders = 0

    @staticmethod
    def total(basket: Basket) -> int:
        """Minor units: lines, on Saturdays a percentage off each, halves kept from the buyer; delivery by the rest."""
        lines = [price_of(item) * pieces for item, pieces in basket.pieces.items()]
        if basket.at.weekday() == SATURDAY:
            lines = [(line * (100 - PERCENT) + 50) // 100 for line in lines]
        return sum(lines) + (0 if sum(lines) >= FREE_FROM else DELIVERY)


class Till:
    """Plays receipts; every so many times a buyer is declined first, pays by PIX, changes their mind."""

    def __init__(self, shop: TestShop) -> None:
        self.shop = shop
        self.books = Books()
        self.known: set[str] = set()
        shop.promotions.save_coupon("SABADO", percent=PERCENT)

    def play(self, basket: Basket) -> None:
        """One receipt, from an empty cart to money in the till."""
        now = self.shop.clock.now()
        self.shop.clock.advance(seconds=max(0.0, (basket.at - now).total_seconds()))
        order = self._order(basket)
        self.books.orders += 1
        assert order.totals.grand == Money(Books.total(basket), "BRL"), basket
        assert order.payment_status == "paid"
        self.books.paid += order.totals.grand.amount
        self.books.held.update(basket.pieces)
        if basket.number % 3:
            self.shop.orders.fulfill(order.number)
            self._gone(basket, self.books.shipped)
        elif basket.number % 15 == 0:
            self.shop.orders.cancel(order.number)
            self.shop.orders.refund(order.number)
            self.books.given_back += order.totals.grand.amount
            self._gone(basket, Counter())
        elif basket.number % 7 == 0:
            some = 1 + order.totals.grand.amount // 3
            self.shop.orders.refund(order.number, amount=some)
            self.books.given_back += some

    def _gone(self, basket: Basket, where: Counter[str]) -> None:
        self.books.held.subtract(basket.pieces)
        where.update(basket.pieces)

    def _order(self, basket: Basket) -> Any:
        cart = self.shop.carts.create().id
        for item, pieces in basket.pieces.items():
            self._put_in(cart, item, pieces)
        if basket.at.weekday() == SATURDAY:
            self.shop.carts.add_coupon(cart, "SABADO")
        if basket.number % 20 == 0:
            with pytest.raises(PaymentDeclined):
                self.shop.place(cart, "tok_declined")
        if basket.number % 8:
            return self.shop.place(cart).order
        pending = self.shop.place(cart, "pix").order
        payment = pending.payments[0]
        assert pending.payment_status == "pending"
        for _ in range(2):
            self.shop.webhook(payment.id, "captured", payment.amount.amount)
        return self.shop.orders.get(pending.number)

    def _put_in(self, cart: str, item: str, pieces: int) -> None:
        sku = sku_of(item)
        if item not in self.known:
            self.known.add(item)
            self.shop.product(sku, price=price_of(item), stock=3, name=item)
            self.books.received[item] += 3
        try:
            self.shop.carts.add(cart, sku=sku, quantity=pieces)
        except InsufficientStock:
            self.shop.inventory.receive(sku, quantity=40)
            self.books.received[item] += 40
            self.shop.carts.add(cart, sku=sku, quantity=pieces)


@pytest.mark.stress
@pytest.mark.timeout(3600)
def test_a_real_cafes_receipts_add_up(open_shop):
    """Every receipt's order costs what an independent sum says; stock, money and ledgers agree in the end."""
    shop = open_shop(shipping=Bicycle())
    till = Till(shop)
    for basket in tqdm(list(baskets(None if LONG else SHORT)), desc="receipts", disable=not LONG):
        till.play(basket)

    books = till.books
    assert books.orders == (9530 if LONG else SHORT)
    for item in till.known:
        level = shop.inventory.level(sku_of(item))
        left = books.received[item] - books.shipped[item]
        assert (level.on_hand, level.allocated) == (left, books.held[item]), item
    captured = shop.sql("SELECT sum(amount) FROM mc_payment WHERE status = 'captured'")[0][0]
    refunded = shop.sql("SELECT sum(amount) FROM mc_refund WHERE status = 'refunded'")[0][0]
    assert (int(captured), int(refunded)) == (books.paid, books.given_back)
    report = shop.audit()
    assert report.clean, report.violations
