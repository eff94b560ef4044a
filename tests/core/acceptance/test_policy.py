"""The rounding policy against what other systems expect, case by case; docs/policy.md says the same in prose.

Amounts are minor units. Names of cases: A and D as in the policy, then what they come from.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from mestres_core.money import (
    ROUNDINGS,
    Money,
    allocate,
    allocate_capped,
    percent_of,
    round_to,
    round_up,
    split,
)
from mestres_core.rules.br.boleto import due_date, due_factor
from mestres_core.rules.br.documents import is_cnpj, is_cpf, plain
from mestres_core.rules.br.pix import br_code, crc16, is_br_code, is_txid
from mestres_core.rules.formatting import format_money
from mestres_core.rules.tax import Rate, Taxable, Taxed, tax


def vat(percent: float, mode: str = "exclusive", name: str = "VAT", **more: Any) -> Rate:
    """A rate of so many per cent."""
    return Rate(name=name, ppm=round(percent * 10_000), mode=mode, **more)


def taxed(*lines: tuple[int, int, Rate | None], **options: Any) -> tuple[Taxed, ...]:
    """The taxes of lines (amount, quantity, rate)."""
    taxables = [
        Taxable(key=index, amount=amount, quantity=quantity, rates=(rate,) if rate else ())
        for index, (amount, quantity, rate) in enumerate(lines)
    ]
    return tax(taxables, **options)


def after(lines: Sequence[tuple[int, int, Rate]], *discounts: int) -> list[tuple[int, int, Rate]]:
    """Lines (amount, quantity, rate) after discounts on the whole order, one after the other."""
    left = list(lines)
    for discount in discounts:
        shares = allocate(discount, [amount for amount, _, _ in left])
        left = [(amount - off, quantity, rate) for (amount, quantity, rate), off in zip(left, shares, strict=True)]
    return left


def charged(lines: Sequence[tuple[int, int, Rate | None]], **options: Any) -> tuple[int, int]:
    """(taxes that are added, what the buyer pays)."""
    found = taxed(*lines, **options)
    return sum(line.added for line in found), sum(line.gross for line in found)


def contained(lines: Sequence[tuple[int, int, Rate | None]], **options: Any) -> tuple[int, int]:
    """(taxes that the prices contain, what the buyer pays)."""
    found = taxed(*lines, **options)
    return sum(line.included for line in found), sum(line.gross for line in found)


@pytest.mark.parametrize(
    ("weights", "total", "shares"),
    [
        pytest.param([4000, 2000, 2000], 300, [150, 75, 75], id="A1 Vendure even quarters"),
        pytest.param([4000, 2000, 2000], -300, [-150, -75, -75], id="A1 Vendure negative"),
        pytest.param([4300, 1400, 2300], 299, [161, 52, 86], id="A1 Vendure 299"),
        pytest.param([4300, 1400, 2300], -299, [-161, -52, -86], id="A1 Sylius ProportionalIntegerDistributor -299"),
        pytest.param([1000, 1000, 1000], 299, [100, 100, 99], id="A1 Vendure equal weights"),
        pytest.param([10, 20, 10, 30, 50, 20, 10, 40], 93, [5, 10, 5, 15, 24, 10, 5, 19], id="A1 Vendure eight"),
        pytest.param([10, 0], 40, [40, 0], id="A1 Vendure zero weight"),
        pytest.param([0, 0], 10, [5, 5], id="A1 Vendure all weights zero"),
        pytest.param([100, 100], -20, [-10, -10], id="A1 Vendure -20"),
        pytest.param([1, 1, 1], 100, [34, 33, 33], id="A2 moneyphp 100 by 3"),
        pytest.param([1, 1, 1], 101, [34, 34, 33], id="A2 moneyphp 101 by 3"),
        pytest.param([3, 7], 5, [2, 3], id="A2 moneyphp Foemmel 3:7"),
        pytest.param([7, 3], 5, [4, 1], id="A2 moneyphp Foemmel 7:3"),
        pytest.param([7, 3, 0], 5, [4, 1, 0], id="A2 moneyphp zero last"),
        pytest.param([0, 7, 3], 5, [0, 4, 1], id="A2 moneyphp zero first"),
        pytest.param([7, 0, 3], 5, [4, 0, 1], id="A2 moneyphp zero between"),
        pytest.param([0, 0, 1], 5, [0, 0, 5], id="A2 moneyphp one weight"),
        pytest.param([0, 3, 7], 5, [0, 2, 3], id="A2 moneyphp zero, 3:7"),
        pytest.param([0, 0, 1], 0, [0, 0, 0], id="A2 moneyphp nothing to share"),
        pytest.param([1, 1, 1], 2, [1, 1, 0], id="A2 moneyphp 2 by 3"),
        pytest.param([1, 1], 1, [1, 0], id="A2 moneyphp 1 by 2"),
        pytest.param([0.33, 0.66], 1, [0, 1], id="A2 moneyphp fractions"),
        pytest.param([3, 7], 101, [30, 71], id="A2 moneyphp 101 3:7"),
        pytest.param([7, 3], 101, [71, 30], id="A2 moneyphp 101 7:3"),
        pytest.param([70, 30], 5, [4, 1], id="A2 moneyphp documentation 70:30"),
        pytest.param([30, 70], 5, [2, 3], id="A2 moneyphp documentation 30:70"),
        pytest.param([50, 50], 1003, [502, 501], id="A2 dinero.js percentages"),
        pytest.param([1, 3], 100, [25, 75], id="A2 dinero.js ratios"),
        pytest.param([0, 50, 50], 1003, [0, 502, 501], id="A2 dinero.js ignores zero"),
        pytest.param([15000, 5000, 10000], 1500, [750, 250, 500], id="A30 Solidus DistributedAmountsHandler"),
        pytest.param([5000, 1000], 1000, [833, 167], id="A37 Vendure 4811, the shares of a discount"),
        pytest.param([4300, 1400, 2300], 300, [161, 53, 86], id="D1 Sylius gives the rest to the first: 162, 52, 86"),
        pytest.param([4300, 1400, 2300], -300, [-161, -53, -86], id="D1 Sylius, negative: -162, -52, -86"),
        pytest.param([7, 3], -5, [-4, -1], id="D2 moneyphp floors below zero: -3, -2"),
        pytest.param([0], -299, [-299], id="D4 Sylius leaves it unshared: 0; moneyphp and dinero.js raise"),
    ],
)
def test_a_total_is_shared_out(weights: list[float], total: int, shares: list[int]) -> None:
    """Largest remainder, ties to the lower index, negative totals mirrored, zero weights even."""
    assert shares == allocate(total, weights)


@pytest.mark.parametrize(
    ("total", "n", "parts"),
    [
        pytest.param(1000, 3, [334, 333, 333], id="A2 Sylius IntegerDistributor"),
        pytest.param(-1000, 3, [-334, -333, -333], id="A2 Sylius, negative"),
        pytest.param(0, 4, [0, 0, 0, 0], id="A2 Sylius nothing"),
        pytest.param(15, 2, [8, 7], id="A2 moneyphp allocateTo 15 by 2"),
        pytest.param(10, 2, [5, 5], id="A2 moneyphp allocateTo 10 by 2"),
        pytest.param(15, 3, [5, 5, 5], id="A2 moneyphp allocateTo 15 by 3"),
        pytest.param(10, 3, [4, 3, 3], id="A2 moneyphp allocateTo 10 by 3"),
        pytest.param(800, 3, [267, 267, 266], id="A2 moneyphp documentation"),
        pytest.param(2000, 3, [667, 667, 666], id="A3 Sylius unit split"),
        pytest.param(10000, 3, [3334, 3333, 3333], id="A43 three instalments"),
        pytest.param(1000, 3, [334, 333, 333], id="D5 Solidus puts the extra cent last: 333, 333, 334"),
        pytest.param(400, 3, [134, 133, 133], id="D6 Oscar puts the extra cent last: 133, 133, 134"),
    ],
)
def test_parts_are_even(total: int, n: int, parts: list[int]) -> None:
    """Parts differ by one unit at most, the larger ones first."""
    assert parts == split(total, n)


@pytest.mark.parametrize(
    ("act", "match"),
    [
        pytest.param(lambda: split(1000, 0), "at least 1", id="A2 Sylius nobody"),
        pytest.param(lambda: allocate(100, [-1]), "negative", id="A2 moneyphp negative ratio"),
        pytest.param(lambda: allocate(100, [-50, -50]), "negative", id="A2 dinero.js negative ratios"),
        pytest.param(lambda: allocate(100, []), "empty", id="A2 dinero.js empty ratios"),
        pytest.param(lambda: allocate_capped(1, [1, 1], [1]), "one cap for each", id="A3 fewer caps than weights"),
        pytest.param(lambda: allocate_capped(1, [1], [-1]), "not negative", id="A3 negative cap"),
    ],
)
def test_the_impossible_is_refused(act: Any, match: str) -> None:
    """Nobody to share with, negative weights and negative caps are errors that say so."""
    with pytest.raises(ValueError, match=match):
        act()


@pytest.mark.parametrize(
    ("discount", "items", "shares"),
    [
        pytest.param(
            1200, [(1000, 0), (2000, 1900), (5000, 5000), (3000, 2600)], [700, 100, 0, 400], id="A3 Sylius four items"
        ),
        pytest.param(2500, [(5000, 4500), (6000, 0)], [500, 2000], id="A3 Sylius one floor"),
        pytest.param(2500, [(5000, 4500), (6000, 4500)], [500, 1500], id="A3 Sylius 500 stay unspent"),
        pytest.param(
            2700, [(10000, 9000), (4000, 0), (4000, 0)], [1000, 850, 850], id="A3 Sylius feature, two t-shirts"
        ),
        pytest.param(300, [(4000, 0), (2000, 0), (2000, 0)], [150, 75, 75], id="A3 without floors as A1"),
    ],
)
def test_no_price_falls_under_its_floor(discount: int, items: list[tuple[int, int]], shares: list[int]) -> None:
    """What a floor keeps from one line is shared out among the others; what none can take is not spent."""
    amounts = [amount for amount, _ in items]
    assert shares == allocate_capped(discount, amounts, [amount - floor for amount, floor in items])


@pytest.mark.parametrize(
    ("rounding", "value", "whole"),
    [
        pytest.param("half_up", "2.5", 3, id="A4 half up 2.5"),
        pytest.param("half_up", "2.2", 2, id="A4 half up 2.2"),
        pytest.param("half_up", "2", 2, id="A4 half up 2"),
        pytest.param("half_up", "-2.5", -3, id="A4 half up -2.5"),
        pytest.param("half_up", "-1.5", -2, id="A4 half up -1.5"),
        pytest.param("half_up", "-8328.5", -8329, id="A4 half up -8328.5"),
        pytest.param("half_up", "-8328.578947368", -8329, id="A4 half up -8328.57"),
        pytest.param("half_even", "2.6", 3, id="A4 half even 2.6"),
        pytest.param("half_even", "2.5", 2, id="A4 half even 2.5"),
        pytest.param("half_even", "3.5", 4, id="A4 half even 3.5"),
        pytest.param("half_even", "-2.5", -2, id="A4 half even -2.5"),
        pytest.param("half_even", "-3.5", -4, id="A4 half even -3.5"),
        pytest.param("half_down", "12.50", 12, id="A4 half down 12.5"),
        pytest.param("half_down", "-12.50", -12, id="A4 half down -12.5"),
        pytest.param("half_down", "2.6", 3, id="A4 half down 2.6"),
        pytest.param("half_down", "-8328.5", -8328, id="A4 half down -8328.5"),
        pytest.param("truncate", "2.99", 2, id="A4 truncate"),
        pytest.param("truncate", "-2.99", -2, id="A4 truncate, negative"),
        pytest.param("up", "2.01", 3, id="A4 up"),
        pytest.param("up", "-2.01", -3, id="A4 up, negative"),
        pytest.param("up", "2", 2, id="A4 up, whole"),
    ],
)
def test_halves_go_where_the_name_says(rounding: str, value: str, whole: int) -> None:
    """moneyphp's table of roundings, as far as they have names here."""
    assert whole == ROUNDINGS[rounding](value)


@pytest.mark.parametrize(
    ("value", "currency", "minor"),
    [
        pytest.param(50098, "JPY", 50098, id="A5 Medusa JPY"),
        pytest.param(2.675, "USD", 268, id="A5 Medusa 2.675"),
        pytest.param(100.54, "USD", 10054, id="A5 Medusa 100.54"),
        pytest.param(0.054, "USD", 5, id="A5 Medusa 0.054"),
        pytest.param(0.005104, "USD", 1, id="A5 Medusa 0.005104"),
        pytest.param(0.004104, "USD", 0, id="A5 Medusa 0.004104"),
        pytest.param(5.124, "KWD", 5124, id="A5 Medusa KWD, three decimals"),
    ],
)
def test_major_units_become_minor_units(value: float, currency: str, minor: int) -> None:
    """A number means what it prints; the currency's own decimal places count."""
    assert Money(minor, currency) == Money.parse(value, currency)


def test_a_card_amount_in_steps_of_ten() -> None:
    """A5: Stripe charges three-decimal currencies in steps of ten, Medusa rounds up to them."""
    assert 5130 == round_to(5124, 10, round_up)
    assert [105, 100, -105] == [round_to(103, 5), round_to(102, 5), round_to(-103, 5)]


@pytest.mark.parametrize(
    ("line", "percent", "left"),
    [
        pytest.param(10, 10, 9, id="A7 Saleor ten times 0.01"),
        pytest.param(2000, 15, 1700, id="A9 Sylius 20.00"),
        pytest.param(2025, 15, 1721, id="A9 Sylius 20.25"),
        pytest.param(1050, 15, 893, id="A9 Sylius 10.50"),
        pytest.param(994, 15, 845, id="A9 Sylius 9.94"),
        pytest.param(155880, 10, 140292, id="A9 Vendure 1558.80"),
        pytest.param(140292, 10, 126263, id="A9 Vendure 10 % of what 10 % have left"),
        pytest.param(1999, 100, 0, id="A19 Odoo everything"),
    ],
)
def test_percent_is_taken_off_the_line(line: int, percent: int, left: int) -> None:
    """What is left of a line is rounded, so the discount is what the rounding has left."""
    assert left == line - percent_of(line, percent)


V23, V10, V5, V20 = vat(23), vat(10), vat(5), vat(20)


@pytest.mark.parametrize(
    ("lines", "level", "tax_and_total"),
    [
        pytest.param([(10100, 10, V23)], "line", (2323, 12423), id="A10 Sylius 10 x 10.10"),
        pytest.param([(10100, 10, V23)], "unit", (2320, 12420), id="A10 Sylius 10 x 10.10, by piece"),
        pytest.param([(10200, 10, V23)], "line", (2346, 12546), id="A10 Sylius PR 3868"),
        pytest.param([(10200, 10, V23)], "unit", (2350, 12550), id="A10 Sylius PR 3868, by piece"),
        pytest.param([(1020000, 1000, V23)], "line", (234600, 1254600), id="A10 Sylius a thousand"),
        pytest.param([(1020000, 1000, V23)], "unit", (235000, 1255000), id="A10 Sylius a thousand, by piece"),
        pytest.param([(4595, 1, V10)], "line", (460, 5055), id="A11 Sylius 45.95"),
        pytest.param([(4594, 1, V10)], "line", (459, 5053), id="A11 Sylius 45.94"),
        pytest.param([(1000, 1, V23)], "line", (230, 1230), id="A11 Saleor 10.00 PLN"),
        pytest.param([(123, 1, V20)], "line", (25, 148), id="A11 Vendure single line"),
        pytest.param([(369, 3, V20)], "line", (74, 443), id="A11 Vendure multiple items"),
        pytest.param([(10000, 1, V23), (5000, 1, V5)], "line", (2550, 17550), id="A12 Sylius two rates"),
        pytest.param([(30000, 3, V23), (20000, 4, V5)], "line", (7900, 57900), id="A15 Sylius 3 and 4 pieces"),
        pytest.param([(30000, 3, V23), (20000, 4, V5)], "unit", (7900, 57900), id="A15 Sylius 3 and 4, by piece"),
        pytest.param([(30000, 3, V23), (6000, 2, V23)], "line", (8280, 44280), id="A12 Sylius one rate, two products"),
        pytest.param([(2000, 2, V23), (9190, 2, V10)], "line", (1379, 12569), id="A14 Sylius discount on products"),
        pytest.param([(2000, 2, V23), (9190, 2, V10)], "unit", (1380, 12570), id="A14 Sylius the same, by piece"),
        pytest.param([(2000, 2, V23), (4595, 1, V10)], "line", (920, 7515), id="A14 Sylius one of two discounted"),
        pytest.param([(1000, 1, V10), (4595, 1, V10), (0, 1, None)], "order", (560, 6155), id="A14 by order"),
        pytest.param([(1000, 1, None), (4595, 1, V10)], "line", (460, 6055), id="A15 Sylius shipping 51.06 less 10 %"),
        pytest.param([(1000, 1, None), (4594, 1, V10)], "line", (459, 6053), id="A15 Sylius shipping 51.04 less 10 %"),
        pytest.param([(1000, 1, V23), (4594, 1, V10)], "line", (689, 6283), id="A15 Sylius goods and shipping"),
        pytest.param([(1000, 1, V5), (1000, 1, V10)], "line", (150, 2150), id="A16 Sylius shipping has its own class"),
        pytest.param([(10000, 1, V20), (500, 1, V20)], "line", (2100, 12600), id="A16 Vendure shipping"),
        pytest.param([(30000, 3, V10), (2000, 1, V10)], "line", (3200, 35200), id="A16 Sylius FedEx to Germany"),
        pytest.param([(324, 3, vat(19))], "line", (62, 386), id="A17 commercetools LineItemLevel"),
        pytest.param([(324, 3, vat(19))], "unit", (63, 387), id="A17 commercetools UnitPriceLevel"),
        pytest.param([(14280, 10, vat(19))], "line", (2713, 16993), id="A17 CoreShop by line"),
        pytest.param([(14280, 10, vat(19))], "unit", (2710, 16990), id="A17 CoreShop by piece"),
        pytest.param([(2499, 1, vat(10.75)), (644, 1, None)], "line", (269, 3412), id="A18 Medusa 14818"),
        pytest.param([(0, 1, vat(19.99)), (0, 1, vat(19.99))], "line", (0, 0), id="A19 Odoo, nothing left to tax"),
        pytest.param([(2000, 2, vat(4)), (3499, 1, vat(4))], "line", (220, 5719), id="A20 Vendure New York"),
    ],
)
def test_tax_on_top(lines: list[tuple[int, int, Rate | None]], level: str, tax_and_total: tuple[int, int]) -> None:
    """Tax is added to each line after its discounts, halves up, rounded where the level says."""
    assert tax_and_total == charged(lines, level=level)


@pytest.mark.parametrize(
    ("lines", "discounts", "level", "tax_and_total"),
    [
        pytest.param([(2000, 2, V23), (5604, 1, V10)], (1010,), "line", (885, 7479), id="A13 Sylius one promotion"),
        pytest.param(
            [(11210, 2, V10), (5604, 1, V10)], (1010, 1010), "line", (1479, 16273), id="A13 Sylius two promotions"
        ),
        pytest.param(
            [(11210, 2, V10), (5604, 1, V10)], (1010, 1010), "unit", (1479, 16273), id="A13 Sylius two, by piece"
        ),
        pytest.param(
            [(5605, 1, V10), (1000, 1, V23)],
            (1010, 500),
            "line",
            (609, 5704),
            id="A13 Sylius two rates, two promotions",
        ),
        pytest.param([(5605, 1, V10)], (1010,), "line", (460, 5055), id="A13 Sylius rounded up"),
        pytest.param([(5604, 1, V10)], (1010,), "line", (459, 5053), id="A13 Sylius rounded down"),
        pytest.param(
            [(1700, 2, V20), (3499, 1, V10), (1020, 4, V10)], (500,), "line", (729, 6448), id="D3 Vendure: 6446"
        ),
    ],
)
def test_tax_on_top_after_discounts_on_the_order(
    lines: list[tuple[int, int, Rate]], discounts: tuple[int, ...], level: str, tax_and_total: tuple[int, int]
) -> None:
    """A discount on the order is shared out to the lines first, then each line is taxed."""
    assert tax_and_total == charged(after(lines, *discounts), level=level)


I23, I20, I10, I5 = (vat(percent, "inclusive") for percent in (23, 20, 10, 5))


@pytest.mark.parametrize(
    ("lines", "discounts", "level", "tax_and_total"),
    [
        pytest.param([(1000, 1, I23)], (), "line", (187, 1000), id="A11 Saleor, net 8.13"),
        pytest.param([(1970, 1, I20)], (), "line", (328, 1970), id="A12 Sylius 19.70"),
        pytest.param([(3940, 2, I20)], (), "line", (657, 3940), id="A12 Sylius twice 19.70"),
        pytest.param([(3940, 2, I20)], (), "unit", (656, 3940), id="A12 Sylius twice 19.70, by piece"),
        pytest.param([(1970, 1, I20), (1970, 1, I20)], (), "line", (656, 3940), id="A12 Sylius two products"),
        pytest.param([(1970, 1, I20), (1970, 1, I20)], (), "order", (657, 3940), id="A12 Sylius decimal calculator"),
        pytest.param([(4695, 1, I10)], (), "line", (427, 4695), id="A14 Sylius 56.95 less 10.00"),
        pytest.param([(4690, 1, I10)], (), "line", (426, 4690), id="A14 Sylius 56.90 less 10.00"),
        pytest.param([(2000, 2, I23), (4695, 1, I10)], (), "line", (801, 6695), id="A14 Sylius one discounted"),
        pytest.param([(2000, 2, I23), (9390, 2, I10)], (), "line", (1228, 11390), id="A14 Sylius both"),
        pytest.param([(2000, 2, I23), (9380, 2, I10)], (), "unit", (1226, 11380), id="A14 Sylius both, by piece"),
        pytest.param([(2000, 2, I23), (5690, 1, I10)], (1000,), "line", (775, 6690), id="A13 Sylius on the order"),
        pytest.param([(11380, 2, I10), (5695, 1, I10)], (1000, 1000), "line", (1370, 15075), id="A13 Sylius twice"),
        pytest.param([(11380, 2, I10), (5695, 1, I10)], (1000, 1000), "unit", (1371, 15075), id="A13 by piece"),
        pytest.param([(5695, 1, I10), (1000, 1, I23)], (1000, 500), "line", (547, 5195), id="A13 Sylius two rates"),
        pytest.param([(1000, 1, None), (5125, 1, I10)], (), "line", (466, 6125), id="A15 Sylius shipping 56.95"),
        pytest.param([(1000, 1, I23), (4500, 1, I10)], (), "line", (596, 5500), id="A15 Sylius both contain tax"),
        pytest.param([(100, 1, I20), (500, 1, I20)], (), "line", (100, 600), id="A16 Vendure, 0.83 and 4.17 net"),
        pytest.param(
            [(1700, 2, I20), (3499, 1, I10), (1020, 4, I10)], (500,), "line", (639, 5719), id="D3 Vendure: net 5081"
        ),
    ],
)
def test_tax_in_the_price(
    lines: list[tuple[int, int, Any]], discounts: tuple[int, ...], level: str, tax_and_total: tuple[int, int]
) -> None:
    """round(gross * r / (100 + r)) of what discounts have left; the buyer pays the price and nothing more."""
    assert tax_and_total == contained(after(lines, *discounts), level=level)


def test_tax_on_top_beside_tax_in_the_price() -> None:
    """A15, A16: Sylius: 10.00 + 23 % and shipping 45.00 with 10 % in it: 2.30 added, 4.09 contained, 57.30 to pay."""
    found = taxed((1000, 1, V23), (4500, 1, I10))
    assert (230, 409, 5730) == (
        sum(line.added for line in found),
        sum(line.included for line in found),
        sum(line.gross for line in found),
    )
    found = taxed((1000, 1, I5), (1000, 1, V10))
    assert (48, 100, 2100) == (found[0].included, found[1].added, sum(line.gross for line in found))


def test_two_taxes_on_one_line() -> None:
    """A20: Vendure, New York City: state 4 % and city 4.5 %, each part rounded by itself: 2.20 + 2.47, 59.66 to pay."""
    state, city = vat(4, name="State"), vat(4.5, name="City")
    lines = [Taxable(key=key, amount=amount, rates=(state, city)) for key, amount in (("a", 2000), ("b", 3499))]
    found = tax(lines)
    sums = {rate.name: sum(dict(line.parts)[rate] for line in found) for rate in (state, city)}
    assert {"State": 220, "City": 247} == sums
    assert 5966 == sum(line.gross for line in found)


def test_taxes_that_stand_on_others() -> None:
    """A21: a compound tax is of the price and the taxes before it: 5 % of 100.00, then 9.975 % of 105.00."""
    (line,) = tax([Taxable(key=1, amount=10000, rates=(vat(5), vat(9.975, name="QST", compound=True)))])
    assert [500, 1047] == [amount for _, amount in line.parts]
    (line,) = tax([Taxable(key=1, amount=11547, rates=(I5, vat(9.975, "inclusive", "QST", compound=True)))])
    assert (10000, [500, 1047]) == (line.net, [amount for _, amount in line.parts])


def test_taxes_that_are_only_shown() -> None:
    """A21: CBS and IBS in their test year: worked out and shown, in no sum."""
    rates = (
        vat(18, "gross", "ICMS"),
        vat(0.9, name="CBS", informational=True),
        vat(0.1, name="IBS", informational=True),
    )
    (line,) = tax([Taxable(key=1, amount=10000, rates=rates)])
    assert (8200, 10000, [1800, 90, 10]) == (line.net, line.gross, [amount for _, amount in line.parts])


def test_por_dentro() -> None:
    """A22: ICMS of 18 % on 100.00 is 18.00, where VAT in the price would be 15.25."""
    gross, inclusive = taxed((10000, 1, vat(18, "gross")), (10000, 1, vat(18, "inclusive")))
    assert (1800, 8200, 10000) == (gross.included, gross.net, gross.gross)
    assert 1525 == inclusive.included
    (line,) = tax([Taxable(key=1, amount=10000, rates=(vat(18, "gross"), vat(7.6, "gross", "COFINS", compound=True)))])
    assert [1800, 623] == [amount for _, amount in line.parts]  # COFINS of the price without ICMS


def test_a_percentage_off_shipping() -> None:
    """D7: 10 % off 56.85: the price that is left is rounded (51.17); Sylius rounds the discount (5.69, so 51.16)."""
    assert 5117 == 5685 - percent_of(5685, 10)


@pytest.mark.parametrize(
    ("check", "document", "valid"),
    [
        pytest.param(is_cnpj, "12.ABC.345/01DE-35", True, id="A41 CNPJ with letters"),
        pytest.param(is_cnpj, "12.ABC.345/01DE-36", False, id="A41 CNPJ with letters, wrong digit"),
        pytest.param(is_cnpj, "11222333000181", True, id="A41 CNPJ"),
        pytest.param(is_cnpj, "00000000000000", False, id="A41 CNPJ of zeros"),
        pytest.param(is_cpf, "529.982.247-25", True, id="A41 CPF"),
        pytest.param(is_cpf, "529.982.247-24", False, id="A41 CPF, wrong digit"),
        *(pytest.param(is_cpf, str(digit) * 11, False, id=f"A41 CPF of eleven {digit}") for digit in range(10)),
        pytest.param(is_cpf, "11222333000181", False, id="A41 a CNPJ is no CPF"),
        pytest.param(is_cnpj, "529.982.247-25", False, id="A41 a CPF is no CNPJ"),
    ],
)
def test_documents(check: Any, document: str, valid: bool) -> None:
    """Check digits decide, and equal digits are never a document."""
    assert valid is check(document)


def test_a_document_without_punctuation() -> None:
    """A41: what is stored has no punctuation."""
    assert "12ABC34501DE35" == plain("12.abc.345/01DE-35")


def test_the_br_code_of_the_manual() -> None:
    """A42: the check sums are right, and the manual's example comes out letter by letter."""
    body = (
        "00020126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-426655440000"
        "5204000053039865802BR5913Fulano de Tal6008BRASILIA62070503***6304"
    )
    assert 0x29B1 == crc16(b"123456789")
    assert 0x1D3D == crc16(body.encode())
    code = br_code(key="123e4567-e12b-12d1-a456-426655440000", name="Fulano de Tal", city="BRASILIA")
    assert f"{body}1D3D" == code
    assert is_br_code(code)
    assert not is_br_code(code.replace("Fulano", "Sicran"))
    assert [True, False, False] == [is_txid("a" * 26), is_txid("a" * 25), is_txid("a" * 25 + "-")]


@pytest.mark.parametrize(
    ("amount", "currency", "locale", "text"),
    [
        pytest.param(123456789, "BRL", "pt_BR", "R$\u00a01.234.567,89", id="A43 BRL"),
        pytest.param(-123450, "BRL", "pt-BR", "-R$\u00a01.234,50", id="A43 BRL negative"),
        pytest.param(1234567, "IQD", "pt_BR", "IQD\u00a01.234,567", id="A43 IQD has three decimals, Babel says none"),
        pytest.param(12345, "RSD", "pt_BR", "RSD\u00a0123,45", id="A43 RSD has two decimals, Babel says none"),
        pytest.param(5, "JPY", "en", "¥5", id="A43 JPY has none"),
    ],
)
def test_money_as_people_read_it(amount: int, currency: str, locale: str, text: str) -> None:
    """The locale's pattern, ISO 4217's decimal places."""
    assert text == format_money(Money(amount, currency), locale)


@pytest.mark.parametrize(
    ("due", "factor"),
    [
        pytest.param(date(2000, 7, 3), 1000, id="A43 the first"),
        pytest.param(date(2002, 5, 1), 1667, id="A43 FEBRABAN's example"),
        pytest.param(date(2025, 2, 21), 9999, id="A43 the last"),
        pytest.param(date(2025, 2, 22), 1000, id="A43 the first again"),
        pytest.param(date(2049, 10, 13), 9999, id="A43 the last again"),
    ],
)
def test_the_factor_of_a_boleto(due: date, factor: int) -> None:
    """It counts from 1000 to 9999 and begins again; the nearest day is meant."""
    assert factor == due_factor(due)
    assert due == due_date(factor, near=due)
