"""What promotions take off, case by case, each named after where it comes from (docs/promotions.md has the rules)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mestres_core.promotions.definitions import read_actions, read_conditions
from mestres_core.rules.checks import Checks
from mestres_core.rules.promotions import Basket, Code, Item, Outcome, Promotion, evaluate, reprice

NOON = datetime(2026, 11, 28, 15, tzinfo=UTC)  # a Saturday; noon in São Paulo
TEN_PERCENT = {"type": "percent", "percent": 10}
FREE_SHIPPING = {"type": "free_shipping"}


def percent(value: float, **more: Any) -> dict[str, Any]:
    return {"type": "percent", "percent": value, **more}


def fixed(amount: int, **more: Any) -> dict[str, Any]:
    return {"type": "fixed", "amount": amount, **more}


def promo(*actions: dict[str, Any], conditions: Any = (), row_id: int = 1, **fields: Any) -> Promotion:
    """A promotion from its definition, as a shop keeps it."""
    checks = Checks()
    made = Promotion(
        id=row_id,
        name=f"P{row_id}",
        actions=read_actions(checks, list(actions)),
        conditions=read_conditions(checks, list(conditions)),
        **fields,
    )
    checks.done()
    return made


def numbered(*promotions: Promotion) -> list[Promotion]:
    from dataclasses import replace

    return [replace(each, id=number, name=f"P{number}") for number, each in enumerate(promotions, 1)]


def items(*lines: tuple[int, ...]) -> tuple[Item, ...]:
    """Lines of (price, pieces, floor); line n has key, product, SKU and category n, and is in category 100 too."""
    return tuple(
        Item(
            key=number,
            sku=f"S{number}",
            product_id=number,
            variant_id=number,
            categories=frozenset({number, 100}),
            unit_price=line[0],
            quantity=line[1] if len(line) > 1 else 1,
            floor=line[2] if len(line) > 2 else 0,
        )
        for number, line in enumerate(lines, 1)
    )


def basket(*lines: tuple[int, ...], **fields: Any) -> Basket:
    return Basket(**{"items": items(*lines), "currency": "BRL", "at": NOON} | fields)


def offs(outcome: Outcome) -> list[int]:
    return list(outcome.discounts.values())


def of(*numbers: int) -> dict[str, Any]:
    return {"products": list(numbers)}


# -- what an action takes ----------------------------------------------------------------------------------------------

ACTIONS = [
    pytest.param([percent(50, pieces=1)], [(1000, 2), (600, 2)], [0, 300], id="Saleor: once per order, the cheapest"),
    pytest.param([percent(10, pieces=3)], [(1000, 2), (600, 2)], [100, 120], id="Medusa: at most three pieces"),
    pytest.param([percent(50, on="unit", pieces=9)], [(1, 3)], [0], id="by piece, more than there are"),
    pytest.param([fixed(100, on="unit", pieces=3)], [(1000, 2), (600, 2)], [100, 200], id="off three pieces"),
    pytest.param([fixed(700, on="unit", pieces=1)], [(1000, 2), (600, 2)], [0, 600], id="off one, not below zero"),
    pytest.param([percent(10)], [(1, 10)], [1], id="A7 ten per cent of ten pieces of 0.01 is 0.01 (Saleor)"),
    pytest.param([percent(10, on="unit")], [(1, 10)], [0], id="A7 by piece it is nothing"),
    pytest.param([percent(50, on="total")], [(101,), (101,)], [51, 50], id="A7 a percentage of the total is spread"),
    pytest.param([percent(10)], [(4595,), (9,)], [459, 1], id="A7 what is left of a line is rounded, halves up"),
    pytest.param([percent(100)], [(1999, 3)], [5997], id="Sylius: all of it"),
    pytest.param([percent(20, items=of(1))], [(10000,), (5000,)], [2000, 0], id="Sylius: percent off a product"),
    pytest.param(
        [percent(50, items={"categories": [2]})], [(10000,), (5000,)], [0, 2500], id="Sylius: percent off a taxon"
    ),
    pytest.param(
        [percent(10, items={"min_price": 5000})], [(4999,), (5000,)], [0, 500], id="Sylius: price range filter"
    ),
    pytest.param(
        [percent(10, items={"max_price": 4999})], [(4999,), (5000,)], [500, 0], id="Sylius: price range filter, below"
    ),
    pytest.param(
        [percent(10, items={"categories": [100], "not_products": [1]})], [(1000,), (1000,)], [0, 100], id="all but one"
    ),
    pytest.param([percent(50, maximum=300)], [(1000,), (500,)], [200, 100], id="Medusa: a percentage with a most"),
    pytest.param([percent(50, on="total", maximum=300)], [(1000,), (500,)], [200, 100], id="a total with a most"),
    pytest.param([fixed(750)], [(50, 3), (50, 1), (50, 2)], [150, 50, 100], id="no more than there is"),
    pytest.param([fixed(1500)], [(5000, 3), (5000, 1), (5000, 2)], [750, 250, 500], id="A30 Solidus distribution"),
    pytest.param([fixed(299)], [(4300,), (1400,), (2300,)], [161, 52, 86], id="A1 by largest remainder"),
    pytest.param([fixed(300)], [(1000,), (1000,), (1000,)], [100, 100, 100], id="A1 evenly"),
    pytest.param([fixed(299)], [(1000,), (1000,), (1000,)], [100, 100, 99], id="A1 the odd unit to the first"),
    pytest.param([fixed(20000)], [(10000,)], [10000], id="A26 a fixed discount above the total"),
    pytest.param([fixed(500, on="line")], [(1000, 2), (400, 1)], [500, 400], id="off each line, never below zero"),
    pytest.param([fixed(500, on="unit")], [(1000, 2), (400, 3)], [1000, 1200], id="Sylius: off each unit"),
    pytest.param([{"type": "fixed_price", "amount": 700}], [(1000, 2), (500,)], [600, 0], id="Oscar: a fixed price"),
    pytest.param([fixed(1000), percent(10)], [(10000,)], [1900], id="two actions follow each other"),
    pytest.param(
        [fixed(1200)],
        [(1000,), (2000, 1, 1900), (5000, 1, 5000), (3000, 1, 2600)],
        [700, 100, 0, 400],
        id="A3 floors: what one cannot give the others do",
    ),
    pytest.param([fixed(2500)], [(5000, 1, 4500), (2000, 3)], [500, 2000], id="A3 one floor"),
    pytest.param([fixed(2500)], [(5000, 1, 4500), (6000, 1, 4500)], [500, 1500], id="A3 500 stay unspent"),
    pytest.param(
        [fixed(2700)], [(5000, 2, 4500), (2000, 2), (4000,)], [1000, 850, 850], id="A3 Sylius feature, 27 dollars"
    ),
    pytest.param([percent(50)], [(1000, 2, 600), (1000,)], [800, 500], id="Sylius: a percentage stops at the floor"),
    pytest.param(
        [percent(50, on="total")],
        [(1000, 1, 900), (1000,)],
        [100, 900],
        id="Sylius: a percentage of the order goes to those that can give",
    ),
    pytest.param(
        [{"type": "fixed_price", "amount": 100}], [(1000, 2, 400)], [1200], id="a fixed price above the floor"
    ),
]


@pytest.mark.parametrize(("actions", "lines", "expected"), ACTIONS)
def test_what_is_taken_off(actions: list[dict[str, Any]], lines: list[tuple[int, ...]], expected: list[int]) -> None:
    """Each action takes off exactly what its rule says, line by line."""
    assert offs(evaluate([promo(*actions)], basket(*lines))) == expected


def buy_get(buys: int, gets: int, **more: Any) -> dict[str, Any]:
    return {"type": "buy_get", "buy_quantity": buys, "get_quantity": gets, **more}


PIECES = [
    pytest.param(buy_get(2, 2), [(250, 4)], [500], id="A28 buy 2 get 2, four pieces"),
    pytest.param(buy_get(2, 2), [(250, 3)], [0], id="A28 buy 2 get 2, three pieces are no set"),
    pytest.param(buy_get(2, 2), [(500,), (500,), (1000,), (1000,)], [500, 500, 0, 0], id="A28 the cheapest are free"),
    pytest.param(buy_get(2, 2), [(250, 7)], [500], id="buy 2 get 2, seven pieces are one set"),
    pytest.param(buy_get(2, 2), [(250, 8)], [1000], id="buy 2 get 2, eight pieces are two sets"),
    pytest.param(buy_get(2, 2, times=1), [(250, 8)], [500], id="once only"),
    pytest.param(buy_get(1, 1, percent=50), [(1000, 2)], [500], id="the second one for half"),
    pytest.param(buy_get(1, 1, percent=50), [(1000, 1)], [0], id="one is not two"),
    pytest.param(buy_get(2, 1, buy=of(1), get=of(2)), [(1000, 2), (300, 2)], [0, 300], id="Vendure: X free with two Y"),
    pytest.param(buy_get(2, 1, buy=of(1), get=of(2)), [(1000, 4), (300, 1)], [0, 300], id="no more than are there"),
    pytest.param(buy_get(2, 1, buy=of(1), get=of(2)), [(1000, 1), (300, 1)], [0, 0], id="too few are bought"),
    pytest.param(buy_get(2, 1, buy=of(1), get=of(2)), [(1000, 2)], [0], id="nothing there to give"),
    pytest.param(
        buy_get(1, 1, buy=of(1, 2), get=of(2, 3)),
        [(900, 1), (500, 1), (400, 1)],
        [0, 0, 400],
        id="choices that overlap: no piece twice",
    ),
    pytest.param(
        buy_get(1, 1, buy=of(1, 2), get=of(2)),
        [(900, 1), (500, 3)],
        [0, 1000],
        id="of a piece in both choices one is bought, two are given",
    ),
    pytest.param({"type": "cheapest_free", "every": 3}, [(1000,), (900,), (100,)], [0, 0, 100], id="Oscar: 3 for 2"),
    pytest.param({"type": "cheapest_free", "every": 3}, [(1000, 2)], [0], id="Oscar: 3 for 2 with two"),
    pytest.param({"type": "cheapest_free", "every": 3}, [(1000, 4), (100, 2)], [0, 200], id="Oscar: 3 for 2, twice"),
    pytest.param({"type": "cheapest_free", "every": 4, "free": 2}, [(500, 4)], [1000], id="4 for 2"),
    pytest.param(
        {"type": "cheapest_free", "every": 2, "items": {"not_skus": ["S1"]}},
        [(900, 9), (500, 2)],
        [0, 500],
        id="every second, not of one SKU",
    ),
    pytest.param(
        {"type": "bundle", "price": 1000, "parts": [{"items": of(1)}, {"items": of(2)}]},
        [(800,), (700,)],
        [267, 233],
        id="a set of two for a price, spread by their worth",
    ),
    pytest.param(
        {"type": "bundle", "price": 1000, "parts": [{"items": of(1)}, {"items": of(2)}]},
        [(800, 3), (700, 2)],
        [533, 467],
        id="two sets, one piece is left over",
    ),
    pytest.param(
        {"type": "bundle", "price": 1000, "parts": [{"items": of(1)}, {"items": of(2)}], "times": 1},
        [(800, 3), (700, 2)],
        [267, 233],
        id="one set only",
    ),
    pytest.param(
        {"type": "bundle", "price": 2000, "parts": [{"items": of(1)}, {"items": of(2)}]},
        [(800,), (700,)],
        [0, 0],
        id="a set that costs less already",
    ),
    pytest.param(
        {"type": "bundle", "price": 2500, "parts": [{"quantity": 3}]},
        [(1000, 2), (800, 2), (300,)],
        [214, 86, 0],
        id="any three for a price: the dearest",
    ),
    pytest.param(
        {"type": "bundle", "price": 100, "parts": [{"items": of(1)}, {"items": of(2), "quantity": 2}]},
        [(800,), (700,)],
        [0, 0],
        id="a set of which a piece is missing",
    ),
    pytest.param(buy_get(1, 1), [(1000, 2, 400)], [600], id="a free piece costs its floor"),
]


@pytest.mark.parametrize(("action", "lines", "expected"), PIECES)
def test_promotions_of_pieces(action: dict[str, Any], lines: list[tuple[int, ...]], expected: list[int]) -> None:
    """Only whole sets count, the cheapest pieces are given, the dearest make a set."""
    assert offs(evaluate([promo(action)], basket(*lines))) == expected


def test_no_piece_is_used_twice() -> None:
    """Two promotions of pieces share the pieces: what the first has bought or given the second does not take."""
    second_free = promo(buy_get(1, 1), priority=2)
    pair = promo({"type": "bundle", "price": 100, "parts": [{"quantity": 2}]}, priority=1)
    assert offs(evaluate(numbered(second_free, pair), basket((1000, 2)))) == [1000]
    assert offs(evaluate(numbered(second_free, pair), basket((1000, 3)))) == [1000]
    four = basket((1000, 2), (500, 2))
    once = promo(buy_get(1, 1, times=1), priority=2)
    assert offs(evaluate(numbered(once, pair), four)) == [933, 500 + 467]  # 500 free; then 1000 + 500 for 100


@pytest.mark.parametrize(
    ("action", "shipping", "expected"),
    [
        pytest.param(FREE_SHIPPING, 2000, 2000, id="Vendure: free shipping"),
        pytest.param({"type": "shipping", "percent": 50}, 2001, 1000, id="Sylius: half, rounded like a line"),
        pytest.param({"type": "shipping", "percent": 10}, 5106, 511, id="A15 ten per cent off 51.06"),
        pytest.param({"type": "shipping", "amount": 500}, 2000, 500, id="an amount off"),
        pytest.param({"type": "shipping", "amount": 5000}, 2000, 2000, id="never below zero"),
    ],
)
def test_shipping(action: dict[str, Any], shipping: int, expected: int) -> None:
    """Shipping has its own discount, and the goods are left alone."""
    outcome = evaluate([promo(action)], basket((1000,), shipping=shipping))
    assert (outcome.shipping_discount, offs(outcome), outcome.applied[0].shipping) == (expected, [0], expected)


def test_goods_and_shipping_are_apart() -> None:
    """A26: a discount above the total takes all of the goods and nothing of the shipping."""
    outcome = evaluate([promo(fixed(20000))], basket((10000,), shipping=1000))
    assert (offs(outcome), outcome.shipping_discount) == ([10000], 0)


# -- how several go together -------------------------------------------------------------------------------------------

TOGETHER = [
    pytest.param([promo(fixed(1000), priority=1), promo(percent(20), priority=4)], 7000, id="A23 priorities 1 and 4"),
    pytest.param([promo(fixed(1000), priority=5), promo(percent(20), priority=2)], 7200, id="A23 priorities 5 and 2"),
    pytest.param(
        [promo(percent(20), priority=1, exclusive=True), promo(fixed(1000), priority=5)],
        8000,
        id="A23 an exclusive one with a lower priority",
    ),
    pytest.param(
        [promo(percent(20), priority=2, exclusive=True), promo(fixed(1000), priority=5, exclusive=True)],
        9000,
        id="A23 two exclusive ones",
    ),
    pytest.param([promo(percent(10)), promo(percent(10))], 8100, id="Vendure: percentages compound"),
    pytest.param(
        [promo(percent(10), stacking="best"), promo(fixed(1500), stacking="best")], 8500, id="Spree: the best only"
    ),
    pytest.param(
        [promo(fixed(1000), stacking="best"), promo(percent(10), stacking="best")], 9000, id="of equals the first"
    ),
    pytest.param([promo(percent(10), stacking="best"), promo(fixed(500))], 8500, id="the best of one, and the others"),
    pytest.param(
        [promo(fixed(1000), lane="post", priority=9), promo(percent(10), lane="pre")],
        8000,
        id="Solidus: a lane goes before priority",
    ),
    pytest.param(
        [promo(percent(10), lane="pre", stacking="best"), promo(fixed(500), stacking="best")],
        8500,
        id="Solidus: the best of each lane",
    ),
    pytest.param(
        [promo(fixed(1000), priority=2, stacking="stop"), promo(percent(10), priority=1)],
        9000,
        id="commercetools: stop after this discount",
    ),
    pytest.param(
        [promo(fixed(1000), priority=1, stacking="stop"), promo(percent(10), priority=2)],
        8000,
        id="commercetools: what came before stays",
    ),
    pytest.param(
        [
            promo(fixed(100), priority=2, exclusive=True, conditions=[{"type": "amount", "minimum": 99999}]),
            promo(fixed(1000)),
        ],
        9000,
        id="Sylius: an exclusive one that does not apply excludes nobody",
    ),
    pytest.param(
        [promo(FREE_SHIPPING, exclusive=True), promo(fixed(1000))],
        9000,
        id="an exclusive one that takes nothing off excludes nobody",
    ),
    pytest.param([promo(fixed(9500)), promo(fixed(1000)), promo(percent(10))], 0, id="all together never below zero"),
]


@pytest.mark.parametrize(("promotions", "expected"), TOGETHER)
def test_how_they_go_together(promotions: list[Promotion], expected: int) -> None:
    """What is left of one piece at 100.00."""
    assert 10000 - sum(offs(evaluate(numbered(*promotions), basket((10000,))))) == expected


def test_the_order_they_are_handed_over_in_does_not_matter() -> None:
    """Priority, then codes in their order, then age decide; nothing else."""
    promotions = numbered(promo(fixed(1000), priority=1), promo(percent(20), priority=4), promo(fixed(77)))
    first = evaluate(promotions, basket((10000,), (500, 3)))
    assert evaluate(promotions[::-1], basket((10000,), (500, 3))).discounts == first.discounts
    assert [each.promotion_id for each in first.applied] == [2, 1, 3]


# -- conditions --------------------------------------------------------------------------------------------------------

CONDITIONS = [
    pytest.param({"type": "amount", "minimum": 3000}, {}, None, id="Spree: enough"),
    pytest.param({"type": "amount", "minimum": 3001}, {}, "minimum", id="Spree: a cent too little"),
    pytest.param({"type": "amount", "maximum": 2999}, {}, "maximum", id="too much"),
    pytest.param({"type": "amount", "minimum": 2000, "items": of(2)}, {}, None, id="Sylius: items from a taxon"),
    pytest.param({"type": "amount", "minimum": 2001, "items": of(2)}, {}, "minimum", id="Sylius: not enough of them"),
    pytest.param({"type": "quantity", "minimum": 3}, {}, None, id="Sylius: cart quantity"),
    pytest.param({"type": "quantity", "minimum": 4}, {}, "quantity", id="Sylius: cart quantity, too few"),
    pytest.param({"type": "quantity", "minimum": 3, "distinct": True}, {}, "quantity", id="Oscar: distinct products"),
    pytest.param({"type": "quantity", "maximum": 2}, {}, "too_many", id="too many"),
    pytest.param({"type": "quantity", "minimum": 1, "items": of(1)}, {}, None, id="Sylius: contains product"),
    pytest.param({"type": "quantity", "minimum": 1, "items": of(9)}, {}, "items", id="Sylius: does not contain it"),
    pytest.param({"type": "quantity", "maximum": 0, "items": of(1)}, {}, "excluded", id="Solidus: none of them"),
    pytest.param({"type": "quantity", "minimum": 1, "items": {"categories": [100]}}, {}, None, id="Sylius: has taxon"),
    pytest.param({"type": "group", "in": ["vip"]}, {"group": "vip"}, None, id="Sylius: customer group"),
    pytest.param({"type": "group", "in": ["vip"]}, {}, "group", id="Sylius: in no group"),
    pytest.param({"type": "group", "not_in": ["vip"]}, {"group": "vip"}, "group", id="in a group that is left out"),
    pytest.param({"type": "group", "not_in": ["vip"]}, {}, None, id="nobody is in no group"),
    pytest.param({"type": "first_order"}, {"orders_before": 0}, None, id="Solidus: first order"),
    pytest.param({"type": "first_order"}, {"orders_before": 1}, "orders", id="Solidus: second order"),
    pytest.param({"type": "first_order"}, {}, "orders", id="Solidus: nobody knows who buys"),
    pytest.param({"type": "orders", "minimum": 2, "maximum": 2}, {"orders_before": 2}, None, id="Sylius: nth order"),
    pytest.param({"type": "where", "channels": ["app"]}, {"channel": "app"}, None, id="channel"),
    pytest.param({"type": "where", "channels": ["app"]}, {}, "channel", id="another channel"),
    pytest.param({"type": "where", "countries": ["BR"]}, {"country": "BR"}, None, id="Sylius: shipping country"),
    pytest.param({"type": "where", "countries": ["BR"]}, {"country": "PT"}, "country", id="another country"),
    pytest.param({"type": "where", "countries": ["BR"]}, {}, "country", id="no country yet"),
    pytest.param(
        {"type": "where", "shipping_methods": ["pac"]}, {"shipping_method": "sedex"}, "shipping_method", id="by sedex"
    ),
    pytest.param({"type": "hours", "days": [6]}, {}, None, id="on Saturday"),
    pytest.param({"type": "hours", "days": [7]}, {}, "hours", id="not on Saturday"),
    pytest.param({"type": "hours", "from": "12:00", "until": "13:00"}, {}, None, id="at noon of São Paulo"),
    pytest.param({"type": "hours", "from": "11:00", "until": "12:00"}, {}, "hours", id="the end does not count"),
    pytest.param({"type": "hours", "from": "15:00", "zone": "UTC"}, {}, None, id="at three in UTC"),
    pytest.param(
        {"type": "hours", "days": [5], "from": "22:00", "until": "02:00"},
        {"at": datetime(2026, 11, 28, 4, tzinfo=UTC)},
        None,
        id="one in the morning belongs to Friday night",
    ),
    pytest.param(
        {"type": "hours", "days": [6], "from": "22:00", "until": "02:00"},
        {"at": datetime(2026, 11, 28, 4, tzinfo=UTC)},
        "hours",
        id="and not to Saturday night",
    ),
    pytest.param(
        {"type": "any", "conditions": [{"type": "group", "in": ["vip"]}, {"type": "amount", "minimum": 1}]},
        {},
        None,
        id="one of two",
    ),
    pytest.param(
        {"type": "any", "conditions": [{"type": "group", "in": ["vip"]}, {"type": "first_order"}]},
        {},
        "orders",
        id="none of two",
    ),
    pytest.param(
        {"type": "not", "condition": {"type": "group", "in": ["vip"]}}, {"group": "vip"}, "excluded", id="not"
    ),
]


@pytest.mark.parametrize(("condition", "fields", "reason"), CONDITIONS)
def test_conditions(condition: dict[str, Any], fields: dict[str, Any], reason: str | None) -> None:
    """A promotion applies when its condition holds, and else says by a stable word why not, in two languages."""
    outcome = evaluate([promo(TEN_PERCENT, conditions=[condition])], basket((500, 2), (2000,), **fields))
    explanation = outcome.explanations[0]
    assert (explanation.applied, explanation.reason) == (reason is None, reason or "applied")
    assert sum(offs(outcome)) == (300 if reason is None else 0)
    assert explanation.describe("pt-BR") != explanation.describe("en")


def test_conditions_look_at_the_basket_before_other_promotions() -> None:
    """A minimum is that of the goods' prices; `discounted` asks for what earlier promotions have left of them."""
    first = promo(fixed(500), priority=2)
    enough = promo(fixed(100), conditions=[{"type": "amount", "minimum": 1000}])
    left = promo(fixed(100), conditions=[{"type": "amount", "minimum": 1000, "discounted": True}])
    assert offs(evaluate(numbered(first, enough), basket((1000,)))) == [600]
    assert offs(evaluate(numbered(first, left), basket((1000,)))) == [500]


WINDOWS = [
    pytest.param({"starts_at": NOON}, None, id="from its first moment on"),
    pytest.param({"starts_at": NOON + timedelta(seconds=1)}, "not_yet", id="not before"),
    pytest.param({"ends_at": NOON}, "expired", id="not at its end"),
    pytest.param({"ends_at": NOON + timedelta(seconds=1)}, None, id="until just before"),
    pytest.param({"active": False}, "inactive", id="withdrawn"),
    pytest.param({"currency": "USD"}, "currency", id="another currency"),
    pytest.param({"currency": "BRL"}, None, id="its currency"),
    pytest.param({"needs_code": True}, "no_code", id="without its code"),
]


@pytest.mark.parametrize(("fields", "reason"), WINDOWS)
def test_when_a_promotion_is_open(fields: dict[str, Any], reason: str | None) -> None:
    """Time, currency and code come before all conditions."""
    explanation = evaluate([promo(TEN_PERCENT, **fields)], basket((1000,))).explanations[0]
    assert explanation.reason == (reason or "applied")


@pytest.mark.parametrize(
    ("promotions", "lines", "reasons"),
    [
        pytest.param([promo(percent(10, items=of(9)))], [(1000,)], ["items"], id="nothing it is for"),
        pytest.param([promo(buy_get(2, 1))], [(1000, 2)], ["pieces"], id="no whole set"),
        pytest.param([promo(fixed(100))], [(1000, 1, 1000)], ["nothing_left"], id="at its floor"),
        pytest.param(
            [promo(fixed(1000), priority=1), promo(fixed(1))], [(1000,)], ["applied", "nothing_left"], id="free"
        ),
        pytest.param([promo(FREE_SHIPPING)], [(1000,)], ["no_shipping"], id="shipping is not known"),
        pytest.param(
            [promo(fixed(1), exclusive=True), promo(fixed(1))], [(9,)], ["applied", "exclusive"], id="excluded"
        ),
        pytest.param(
            [promo(fixed(2), stacking="best"), promo(fixed(1), stacking="best")],
            [(9,)],
            ["applied", "not_best"],
            id="not the best",
        ),
        pytest.param(
            [promo(fixed(2), stacking="stop", priority=1), promo(fixed(1))],
            [(9,)],
            ["applied", "stopped"],
            id="stopped",
        ),
    ],
)
def test_every_promotion_is_explained(
    promotions: list[Promotion], lines: list[tuple[int, ...]], reasons: list[str]
) -> None:
    """There is one explanation for each promotion that was looked at, in the order in which they were."""
    assert [each.reason for each in evaluate(numbered(*promotions), basket(*lines)).explanations] == reasons


def test_an_explanation_has_its_numbers() -> None:
    """The sentence says how far it is, in the basket's money, and which promotion was in the way."""
    far = promo(TEN_PERCENT, conditions=[{"type": "amount", "minimum": 3000}])
    few = promo(TEN_PERCENT, conditions=[{"type": "quantity", "minimum": 3}])
    first, second = evaluate(numbered(far, few), basket((1000,))).explanations
    assert first.describe("pt-BR").endswith("(R$\u00a010,00 de R$\u00a030,00)")
    assert second.describe() == "there are too few pieces in the cart (1 of 3)"
    dollars = evaluate([far], basket((1000,), currency="USD")).explanations[0]
    assert dollars.describe("en").endswith("($10.00 of $30.00)")
    alone, other = evaluate(numbered(promo(fixed(1), exclusive=True), promo(fixed(1))), basket((9,))).explanations
    assert (alone.describe(), other.describe("pt-BR")) == ("it applies", "outra promoção exclui as demais (P1)")


def test_codes() -> None:
    """A promotion says which of its codes counts; codes work in the order of their coming; a refused one says why."""
    one, other = numbered(promo(percent(50), needs_code=True), promo(fixed(100), needs_code=True))
    outcome = evaluate([one, other], basket((1000,), codes=(Code("B", 2), Code("A", 1))))
    assert [(each.code, each.amount) for each in outcome.applied] == [("B", 100), ("A", 450)]
    used = evaluate([one], basket((1000,), codes=(Code("A", 1, "used_up"),)))
    assert (used.explanations[0].reason, offs(used)) == ("used_up", [0])
    second = evaluate([one], basket((1000,), codes=(Code("A", 1, "used_up"), Code("C", 1))))
    assert second.applied[0].code == "C"


def test_limits_and_budgets() -> None:
    """What is used up does not apply, and neither does what a budget does not cover as a whole."""
    offer = promo(fixed(500))
    assert evaluate([offer], basket((1000,), refused={1: "used_up"})).explanations[0].reason == "used_up"
    assert offs(evaluate([offer], basket((1000,), budgets={1: 500}))) == [500]
    short = evaluate([offer], basket((1000,), budgets={1: 499}))
    assert (short.explanations[0].reason, dict(short.explanations[0].data)) == (
        "budget",
        {"budget": 499, "amount": 500},
    )


# -- catalogue promotions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        pytest.param(2000, 1700, id="A9 20.00"),
        pytest.param(2025, 1721, id="A9 20.25"),
        pytest.param(1050, 893, id="A9 10.50"),
        pytest.param(994, 845, id="A9 9.94"),
    ],
)
def test_catalogue_promotions_lower_the_price_of_a_piece(price: int, expected: int) -> None:
    """A9: fifteen per cent off the price of a piece, whatever the number of pieces."""
    priced = reprice([promo(percent(15), kind="catalog")], basket((price, 7)))[0]
    assert (priced.item.unit_price, priced.item.quantity, priced.regular) == (expected, 7, price)
    assert priced.item.on_sale


CATALOGUE = [
    pytest.param([promo(percent(10)), promo(fixed(100, on="unit"))], [800, 1700], id="Sylius: one after the other"),
    pytest.param(
        [promo(percent(50, items=of(1)), exclusive=True), promo(percent(10))],
        [500, 1800],
        id="Sylius: exclusive only where it applies",
    ),
    pytest.param(
        [promo(percent(10), stacking="best"), promo(fixed(150, on="unit"), stacking="best")],
        [850, 1800],
        id="Saleor: the best for each variant",
    ),
    pytest.param([promo({"type": "fixed_price", "amount": 1200})], [1000, 1200], id="a fixed price"),
    pytest.param([promo(percent(10, items={"categories": [2]}))], [1000, 1800], id="Sylius: for a taxon"),
    pytest.param([promo(percent(10), conditions=[{"type": "group", "in": ["vip"]}])], [1000, 2000], id="for a group"),
    pytest.param([promo(percent(10), ends_at=NOON)], [1000, 2000], id="over"),
    pytest.param([promo(fixed(5000, on="unit"))], [0, 0], id="never below zero"),
]


@pytest.mark.parametrize(("promotions", "expected"), CATALOGUE)
def test_catalogue_promotions_together(promotions: list[Promotion], expected: list[int]) -> None:
    """Each item is looked at by itself, by the same rules as a basket."""
    from dataclasses import replace

    catalogue = [replace(each, kind="catalog") for each in numbered(*promotions)]
    assert [each.item.unit_price for each in reprice(catalogue, basket((1000,), (2000, 3)))] == expected


def test_a_floor_holds_for_catalogue_promotions() -> None:
    """Sylius: the price of a piece stops at its floor."""
    assert reprice([promo(percent(50), kind="catalog")], basket((1000, 2, 800)))[0].item.unit_price == 800


def test_cart_and_catalogue_do_not_mix() -> None:
    """A basket is worked out with cart promotions only, prices with catalogue promotions only."""
    both = numbered(promo(percent(50), kind="catalog"), promo(fixed(100)))
    assert offs(evaluate(both, basket((1000,)))) == [100]
    assert reprice(both, basket((1000,)))[0].item.unit_price == 500


# -- what always holds -------------------------------------------------------------------------------------------------

_SELECTIONS = st.sampled_from([None, of(1), of(2, 3), {"categories": [100]}, {"not_products": [1]}])
_ACTIONS = st.one_of(
    st.builds(
        lambda share, on, chosen: percent(share, on=on, items=chosen),
        *(st.integers(1, 100), st.sampled_from(["line", "unit", "total"]), _SELECTIONS),
    ),
    st.builds(
        lambda amount, on, chosen: fixed(amount, on=on, items=chosen),
        *(st.integers(1, 9000), st.sampled_from(["line", "unit", "total"]), _SELECTIONS),
    ),
    st.builds(
        lambda amount, chosen: {"type": "fixed_price", "amount": amount, "items": chosen},
        st.integers(0, 3000),
        _SELECTIONS,
    ),
    st.builds(
        lambda x, y, buy, get, share: buy_get(x, y, buy=buy, get=get, percent=share),
        st.integers(1, 3),
        st.integers(1, 3),
        _SELECTIONS,
        _SELECTIONS,
        st.integers(1, 100),
    ),
    st.builds(
        lambda price, x, y, one, other: {
            "type": "bundle",
            "price": price,
            "parts": [{"items": one, "quantity": x}, {"items": other, "quantity": y}],
        },
        *(st.integers(0, 5000), st.integers(1, 3), st.integers(1, 2), _SELECTIONS, _SELECTIONS),
    ),
    st.builds(lambda share: {"type": "shipping", "percent": share}, st.integers(1, 100)),
)
_PROMOTIONS = st.builds(
    lambda actions, priority, exclusive, stacking, lane: promo(
        *actions, priority=priority, exclusive=exclusive, stacking=stacking, lane=lane
    ),
    st.lists(_ACTIONS, min_size=1, max_size=2),
    st.integers(0, 3),
    st.sampled_from([False, False, False, True]),
    st.sampled_from(["all", "all", "best", "stop"]),
    st.sampled_from(["pre", "default", "post"]),
)
_LINES = st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 6), st.integers(0, 600)), max_size=4)


@given(promotions=st.lists(_PROMOTIONS, max_size=5), lines=_LINES, shipping=st.integers(0, 3000))
def test_what_always_holds(promotions: list[Promotion], lines: list[tuple[int, int, int]], shipping: int) -> None:
    """No line below its floor or zero, the parts add up to the whole, and whoever applied took something off."""
    asked = numbered(*promotions)
    outcome = evaluate(asked, basket(*lines, shipping=shipping))
    for (price, pieces, floor), off in zip(lines, offs(outcome), strict=True):
        assert 0 <= off <= max(0, price - floor) * pieces
    assert 0 <= outcome.shipping_discount <= shipping
    for key, off in outcome.discounts.items():
        assert off == sum(each.lines.get(key, 0) for each in outcome.applied)
    assert outcome.shipping_discount == sum(each.shipping for each in outcome.applied)
    assert all(each.amount == sum(each.lines.values()) + each.shipping > 0 for each in outcome.applied)
    assert sorted(each.promotion_id for each in outcome.explanations) == [each.id for each in asked]
    assert {each.promotion_id for each in outcome.explanations if each.applied} == {
        each.promotion_id for each in outcome.applied
    }


def test_the_work_grows_with_promotions_and_lines_and_no_faster() -> None:
    """Vendure#3075: each selection looks at each item once, however many promotions ask with it."""
    looked: list[int] = []

    class Watched(frozenset[int]):
        def isdisjoint(self, other: Any) -> bool:
            looked.append(1)
            return super().isdisjoint(other)

    def count(promotions: int, lines: int) -> int:
        looked.clear()
        asked = [
            promo(
                percent(1, items={"categories": [number]}),
                row_id=number,
                conditions=[{"type": "amount", "minimum": 1, "items": {"categories": [number]}}],
            )
            for number in range(1, promotions + 1)
        ]
        for each in asked:
            chosen = each.actions[0].select
            watched = Watched(chosen.categories)
            object.__setattr__(chosen, "categories", watched)
            object.__setattr__(each.conditions[0].select, "categories", watched)
        evaluate(asked, basket(*[(1000, 2)] * lines))
        return len(looked)

    assert (count(10, 10), count(50, 50)) == (10 * 10, 50 * 50)
