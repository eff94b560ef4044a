"""The one composition: every total is the sum of its lines' parts, and each part has its place."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mestres_core.rules.actions import FixedOff, PercentOff, ShippingOff
from mestres_core.rules.baskets import Basket, Item
from mestres_core.rules.promotions import Outcome, Promotion, evaluate
from mestres_core.rules.tax import Rate, Taxable, Taxed, tax
from mestres_core.rules.totals import SHIPPING, Composed, Portion, Sending, compose

NOW = datetime(2026, 11, 28, tzinfo=UTC)


class Worked:
    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome


def item(key: int, quantity: int, price: int, floor: int = 0) -> Item:
    return Item(
        key=key,
        sku=f"S{key}",
        product_id=key,
        variant_id=key,
        categories=frozenset(),
        quantity=quantity,
        unit_price=price,
        floor=floor,
    )


def composed(
    lines: list[tuple[int, int]], actions: list[Any], rates: dict[Any, tuple[Rate, ...]], shipping: int | None
) -> Composed:
    """(quantity, price) lines with these promotions, rates by key, and a price of sending."""
    items = [item(key, *line) for key, line in enumerate(lines)]
    promotions = [Promotion(id=n, name=str(n), actions=(action,)) for n, action in enumerate(actions)]

    def promote(sending: Sending | None) -> Worked:
        price = 0 if sending is None else sending.amount
        return Worked(evaluate(promotions, Basket(items=tuple(items), currency="BRL", at=NOW, shipping=price)))

    def taxes(portions: Any) -> tuple[Taxed, ...]:
        return tax(
            Taxable(key=each.key, amount=each.amount, quantity=each.quantity, rates=rates.get(each.key, ()))
            for each in portions
        )

    return compose(
        items,
        promote=promote if promotions else None,
        send=None if shipping is None else lambda _value: Sending("post", shipping),
        taxes=taxes if rates else None,
    )


VAT23, VAT10 = Rate(name="VAT", ppm=230_000), Rate(name="VAT", ppm=100_000)
INCLUDED = Rate(name="VAT", ppm=230_000, mode="inclusive")


@pytest.mark.parametrize(
    ("lines", "actions", "rates", "shipping", "expected"),
    [
        pytest.param([(10, 1010)], [], {0: (VAT23,)}, None, (2323, 12423), id="A10 line level (Sylius)"),
        pytest.param(
            [(2, 1000), (1, 5604)],
            [FixedOff(amount=1010)],
            {0: (VAT23,), 1: (VAT10,)},
            None,
            (885, 7479),
            id="A13 order discount before taxes (Sylius)",
        ),
        pytest.param(
            [(3, 10000), (4, 5000)],
            [],
            {0: (VAT23,), 1: (Rate(name="VAT", ppm=50_000),)},
            None,
            (7900, 57900),
            id="A15 two rates (Sylius)",
        ),
        pytest.param(
            [(1, 1000)],
            [ShippingOff(ppm=100_000)],
            {SHIPPING: (VAT10,)},
            5106,
            (460, 6055),
            id="A15 shipping 51.06 less 10 %, taxed 10 % (Sylius)",
        ),
        pytest.param(
            [(1, 1999), (1, 1999)],
            [PercentOff(ppm=1_000_000)],
            {0: (Rate(name="T", ppm=199_900),), 1: (Rate(name="T", ppm=199_900),)},
            None,
            (0, 0),
            id="A19 everything off (Odoo)",
        ),
        pytest.param([(1, 10000)], [FixedOff(amount=20000)], {}, 1000, (0, 1000), id="A26 shipping untouched (Sylius)"),
        pytest.param([(1, 1230)], [], {0: (INCLUDED,)}, None, (0, 1230), id="A11 included: nothing is added (Saleor)"),
    ],
)
def test_the_anchors_totals(
    lines: list[tuple[int, int]], actions: list[Any], rates: Any, shipping: int | None, expected: tuple[int, int]
) -> None:
    """Discounts come before taxes, shipping has its own of both, and what is included is not added."""
    found = composed(lines, actions, rates, shipping)
    assert (found.tax, found.grand) == expected


def test_what_the_price_contains_is_told_apart() -> None:
    """Taxes within prices are in no total but `tax_included`, the shipping's too."""
    found = composed([(1, 1230)], [], {0: (INCLUDED,), SHIPPING: (INCLUDED,)}, 615)
    assert (found.tax, found.tax_included, found.lines[0].tax_included) == (0, 345, 230)
    assert found.grand == 1845


def test_shipping_is_rated_on_what_goods_cost_after_discounts() -> None:
    """The value that the shipping is asked with is the goods' after promotions."""
    asked: list[int] = []

    def send(value: int) -> Sending:
        asked.append(value)
        return Sending("post", 100)

    outcome = evaluate(
        [Promotion(id=1, name="half", actions=(PercentOff(ppm=500_000),))],
        Basket(items=(item(0, 1, 1000),), currency="BRL", at=NOW),
    )
    compose([item(0, 1, 1000)], promote=lambda _: Worked(outcome), send=send)
    assert asked == [500]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 7), st.integers(0, 9999)), min_size=1, max_size=6),
    st.lists(
        st.one_of(
            st.builds(PercentOff, ppm=st.integers(1, 1_000_000)),
            st.builds(FixedOff, amount=st.integers(1, 30_000)),
            st.builds(ShippingOff, ppm=st.integers(1, 1_000_000)),
        ),
        max_size=3,
    ),
    st.lists(
        st.builds(Rate, name=st.just("T"), ppm=st.integers(0, 300_000), mode=st.sampled_from(("exclusive", "gross")))
    ),
    st.one_of(st.none(), st.integers(0, 5000)),
)
def test_every_total_is_the_sum_of_its_parts(lines: Any, actions: Any, rates: Any, shipping: int | None) -> None:
    """items - discount + shipping + tax = grand, each the sum of the lines' parts, and nothing is below zero."""
    applied = dict.fromkeys([*range(len(lines)), SHIPPING], tuple(rates[:3]))
    found = composed(lines, actions, applied, shipping)
    assert found.items == sum(line.total for line in found.lines)
    assert found.discount == sum(line.discount for line in found.lines)
    assert found.tax == sum(line.tax for line in found.lines) + found.shipping_tax
    paid = sum(line.total - line.discount + line.tax for line in found.lines)
    assert found.grand == paid + found.shipping + found.shipping_tax
    assert found.shipping + found.shipping_discount == (shipping or 0)
    assert min(found.shipping, found.shipping_discount, *(line.total - line.discount for line in found.lines)) >= 0


def test_portions_come_in_the_order_of_the_lines() -> None:
    """Whoever works taxes out gets each line, then the shipping."""
    asked: list[Portion] = []

    def taxes(portions: Any) -> tuple[Taxed, ...]:
        asked.extend(portions)
        return tax(Taxable(key=each.key, amount=each.amount, quantity=each.quantity) for each in portions)

    compose([item(7, 2, 100), item(3, 1, 50)], send=lambda _: Sending("post", 10), taxes=taxes)
    assert asked == [Portion(7, 200, 2), Portion(3, 50, 1), Portion(SHIPPING, 10, 1)]
