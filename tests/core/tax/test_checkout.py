"""Taxes and shipping from the first quote to the order that is kept."""

from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from core_shop import ADDRESS, TestShop
from mestres_core.errors import QuoteChanged
from mestres_core.rules.tax import Rate, Taxable, tax
from mestres_core.tax.dto import TaxSettings
from mestres_core.tax.remote import TaxesNeeded


def test_icms_is_in_the_price_and_in_the_order(open_shop: Any) -> None:
    """The buyer pays the price; what of it is tax is told in quote and order, and kept part by part."""
    shop = open_shop(taxes=TaxSettings(origin="SP"))
    shop.tax.set_icms("SP", internal={"SP": 18, "MG": 18})
    shop.shipping.set_zone("brazil", countries=["BR"])
    shop.shipping.set_method("pac", zone="brazil", name="PAC", days=5, base=1000)
    shop.product("A1", price=5000)
    quote = shop.quote(shop.cart(("A1", 2)))

    assert (11000, 0, 1800) == (quote.totals.grand.amount, quote.totals.tax.amount, quote.totals.tax_included.amount)
    order = shop.core.checkout.place(**shop.arguments(quote)).order
    assert {"ICMS": 1200, "DIFAL": 600} == {
        part.name: part.amount.amount for part in shop.tax.of_order(order.number) if part.line_id == order.lines[0].id
    }
    assert (11000, 1800) == (order.totals.grand.amount, order.tax_included.amount)
    assert shop.audit().clean, shop.audit().violations


def test_a_rate_that_changes_breaks_the_promise(shop: TestShop) -> None:
    """A34, C17: 23 % when it was quoted, 10 % when it is confirmed: the buyer is asked again, and then pays that."""
    shop.tax.set_rate("VAT", percent=23)
    shop.tax.set_rate("VAT", percent=10, tax_class="shipping")
    shop.product("A1", price=10000)
    quote = shop.quote(shop.cart(("A1", 1)))
    assert 2300 + 159 == quote.totals.tax.amount
    shop.tax.set_rate("VAT", percent=10)

    with pytest.raises(QuoteChanged) as changed:
        shop.core.checkout.place(**shop.arguments(quote))
    assert (2459, 1159) == changed.value.changes["tax"]
    order = shop.core.checkout.place(**shop.arguments(changed.value.quote)).order
    assert 1159 == order.totals.tax.amount
    assert shop.audit().clean, shop.audit().violations


class Faraway:
    """A calculator behind a network: 10 % on everything. It notes how many transactions are open meanwhile."""

    remote = True

    def __init__(self) -> None:
        self.running = 0
        self.waits: list[int] = []

    def watch(self, shop: TestShop) -> None:
        """Count the transactions of a shop."""
        for name, step in (("begin", 1), ("commit", -1), ("rollback", -1)):
            event.listen(shop.core.engine, name, lambda _connection, step=step: self.count(step))

    def count(self, step: int) -> None:
        """One more, or one less."""
        self.running += step

    def calculate(self, lines: Any, **_context: Any) -> Any:
        self.waits.append(self.running)
        tenth = (Rate(name="Tenth", ppm=100_000),)
        return tax([Taxable(key=line.key, amount=line.amount, quantity=line.quantity, rates=tenth) for line in lines])


def test_a_remote_calculator_serves_quote_and_order(open_shop: Any) -> None:
    """Asked once for the quote, between two transactions; the order that confirms it is taxed by the same answer."""
    faraway = Faraway()
    shop = open_shop(tax=faraway)
    faraway.watch(shop)
    shop.product("A1", price=1000)
    quote = shop.quote(shop.cart(("A1", 2)))

    assert 200 + 159 == quote.totals.tax.amount
    order = shop.core.checkout.place(**shop.arguments(quote)).order
    assert ("paid", 359) == (order.payment_status, order.totals.tax.amount)
    assert [200, 159] == [part.amount.amount for part in shop.tax.of_order(order.number)]
    assert [0] == faraway.waits
    assert shop.audit().clean, shop.audit().violations


def test_in_the_hosts_transaction_the_host_asks(open_shop: Any) -> None:
    """The question comes out of the quote as an error; answered between two transactions, the quote is made."""
    faraway = Faraway()
    shop = open_shop(tax=faraway)
    faraway.watch(shop)
    shop.product("A1", price=1000)
    cart = shop.cart(("A1", 2))
    with Session(shop.core.engine) as session:
        with pytest.raises(TaxesNeeded) as needed:
            shop.core.on(session).checkout.quote(cart, address=ADDRESS)
        assert [] == faraway.waits
        session.rollback()
        needed.value.ask()
        quote = shop.core.on(session).checkout.quote(cart, address=ADDRESS)
        session.commit()

    assert ([0], 359) == (faraway.waits, quote.totals.tax.amount)
