"""The taxes of an order, part by part, and the audit that proves that they add up."""

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from core_shop import TestShop
from mestres_core.checkout.audit import audit
from mestres_core.rules.tax import Rate, Taxable, Taxed, tax

OF_LINE = "a line's taxes are the sum of their parts"
OF_ORDER = "an order's taxes are the sum of their parts"
OF_LINES = "an order's discount and taxes are those of its lines and its shipping"
BELONGS = "every part of a tax belongs to an order and to a line of it"


def contained(amount: int) -> Taxed:
    """A line with ICMS in it, and CBS beside it for information."""
    rates = (Rate(name="ICMS", ppm=180_000, mode="gross"), Rate(name="CBS", ppm=9_000, informational=True))
    return tax([Taxable(key=1, amount=amount, rates=rates)])[0]


@pytest.fixture
def taxed(shop: TestShop) -> str:
    """The number of an order of 20.00 with 3.60 of ICMS in its line and 2.86 in its shipping of 15.90."""
    shop.product("A1", price=1000)
    order = shop.buy("A1", 2).order
    (line,) = order.lines
    ((order_id,),) = shop.sql("SELECT id FROM mc_order WHERE number = :number", number=order.number)
    with shop.core.transaction() as services:
        services.tax.keep(order_id, [(line.id, contained(2000)), (None, contained(order.totals.shipping.amount))])
    shop.sql("UPDATE mc_order_line SET tax_included_amount = 360 WHERE id = :id", id=line.id)
    shop.sql("UPDATE mc_order SET tax_included_amount = 646 WHERE number = :number", number=order.number)
    assert shop.audit().clean, shop.audit().violations
    return str(order.number)


def test_an_order_keeps_its_taxes_part_by_part(shop: TestShop, taxed: str) -> None:
    """In the order of the lines, the shipping's last; an order that was not taxed has none."""
    parts = [
        (part.name, part.ppm, part.amount.amount, part.line_id is None, part.informational)
        for part in shop.tax.of_order(taxed)
    ]

    assert [
        ("ICMS", 180_000, 360, False, False),
        ("CBS", 9_000, 18, False, True),
        ("ICMS", 180_000, 286, True, False),
        ("CBS", 9_000, 14, True, True),
    ] == parts
    assert () == shop.tax.of_order("none") == shop.tax.of_order("\0") == shop.tax.of_order(None)


DAMAGE = [
    ("UPDATE mc_order_tax SET amount = amount + 1 WHERE line_id > 0", {OF_LINE, OF_ORDER}),
    ("UPDATE mc_order_tax SET amount = amount + 1 WHERE line_id IS NULL", {OF_ORDER}),
    ("DELETE FROM mc_order_tax WHERE line_id > 0", {OF_ORDER}),
    ("UPDATE mc_order_line SET tax_included_amount = 1", {OF_LINE}),
    ("UPDATE mc_order SET tax_included_amount = 1", {OF_ORDER}),
    ("UPDATE mc_order_tax SET mode = 'exclusive'", {OF_LINE, OF_ORDER}),
    ("UPDATE mc_order_line SET tax_amount = 1", {OF_LINE, OF_LINES}),
    ("UPDATE mc_order SET shipping_tax_amount = 1", {OF_ORDER, OF_LINES}),
    ("UPDATE mc_order_tax SET line_id = 999 WHERE line_id > 0", {BELONGS}),
    ("UPDATE mc_order_tax SET order_id = 999 WHERE line_id IS NULL", {BELONGS, OF_ORDER}),
]


@pytest.mark.usefixtures("taxed")
def test_the_audit_names_the_damage(shop: TestShop) -> None:
    """Whatever is changed behind the shop's back, the rule that no longer holds is named, and only such rules are."""
    for damage, rules in DAMAGE:
        with Session(shop.core.engine) as session:
            session.execute(text(damage))
            found = {violation.rule for violation in audit(session).violations}
            session.rollback()

        assert rules <= found <= {OF_LINE, OF_ORDER, OF_LINES, BELONGS}, damage
    assert shop.audit().clean


def test_informational_parts_are_in_no_sum(shop: TestShop, taxed: str) -> None:
    """What is only shown may be anything."""
    shop.sql("UPDATE mc_order_tax SET amount = 7 WHERE name = 'CBS'")

    assert shop.audit().clean
    assert 4 == len(shop.tax.of_order(taxed))
