"""Promotions as a shop keeps them: saving, codes, limits, budgets, and what they do to carts and orders."""

import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from core_shop import TestShop
from mestres_core.errors import (
    CommerceError,
    CouponNotApplicable,
    NotFound,
    PaymentDeclined,
    QuoteChanged,
    ValidationError,
)
from mestres_core.promotions.dto import Taken
from mestres_core.rules.promotions import Item

TEN = [{"type": "percent", "percent": 10}]
OFTEN = {"type": "orders", "minimum": 10}
EVERYTHING: dict[str, Any] = {
    "name": "Natal",
    "conditions": [
        {"type": "amount", "minimum": 100, "maximum": 10**6, "items": {"skus": ["A1"]}, "discounted": True},
        {"type": "quantity", "minimum": 1, "maximum": 99, "distinct": True},
        {"type": "any", "conditions": [{"type": "group", "in": ["vip"]}, {"type": "not", "condition": OFTEN}]},
        {"type": "where", "channels": ["default"]},
        {"type": "hours", "days": [1, 2, 3, 4, 5, 6, 7], "from": "00:00", "zone": "America/Sao_Paulo"},
    ],
    "actions": [
        {"type": "percent", "percent": 12.5, "on": "total", "items": {"categories": [1]}, "maximum": 5000},
        {"type": "fixed", "amount": 100, "on": "unit"},
        {"type": "fixed_price", "amount": 990},
        {"type": "buy_get", "buy": {"products": [1]}, "buy_quantity": 2, "get": {"products": [2]}, "percent": 50},
        {"type": "cheapest_free", "every": 3, "free": 1, "times": 2},
        {"type": "bundle", "parts": [{"items": {"products": [1]}, "quantity": 2}], "price": 5000},
        {"type": "free_shipping"},
        {"type": "shipping", "amount": 500},
    ],
    "priority": 3,
    "lane": "pre",
    "stacking": "best",
    "currency": "BRL",
    "most_uses": 5,
    "most_uses_per_customer": 1,
    "budget": 10_000,
}


@pytest.fixture(scope="module")
def quiet_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestShop]:
    """One shop for all that is refused: nothing is ever saved in it."""
    made = TestShop(f"sqlite:///{tmp_path_factory.mktemp('promotions') / 'shop.db'}")
    yield made
    made.close()


def totals(shop: TestShop, cart_id: str) -> tuple[int, int]:
    """(discount, grand) of a cart."""
    found = shop.carts.get(cart_id).totals
    return found.discount.amount, found.grand.amount


def race(shop: TestShop, arguments: list[dict[str, Any]]) -> list[str]:
    """Place all of these orders at once; returns what became of each."""
    outcomes: list[str] = []
    barrier = threading.Barrier(len(arguments))

    def buy(one: dict[str, Any]) -> None:
        barrier.wait()
        try:
            shop.checkout.place(**one)
            outcomes.append("bought")
        except CommerceError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=buy, args=(one,)) for one in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(outcomes)


def test_a_promotion_is_kept_as_it_was_given(shop: TestShop) -> None:
    """Saving, finding, listing; the same key again changes it, and what is read is what the engine works with."""
    saved = shop.promotions.save("natal", **EVERYTHING)
    assert (list(saved.conditions), list(saved.actions)) == (EVERYTHING["conditions"], EVERYTHING["actions"])
    assert (saved.priority, saved.lane, saved.stacking, saved.budget, saved.uses) == (3, "pre", "best", 10_000, 0)
    assert shop.promotions.get("natal") == saved
    again = shop.promotions.save("natal", name="Páscoa", actions=TEN)
    assert (again.id, again.name, again.conditions, again.budget) == (saved.id, "Páscoa", (), None)
    shop.promotions.save_coupon("X", percent=10)
    assert shop.promotions.all() == (again,)
    shop.promotions.save("x", name="X", actions=TEN, needs_code=True)
    shop.promotions.generate_codes("x", count=3)
    shop.promotions.remove("x")
    assert shop.promotions.all() == (again,)
    with pytest.raises(NotFound):
        shop.promotions.get("nada")


def test_an_automatic_promotion_from_cart_to_order(shop: TestShop) -> None:
    """It needs nobody's asking, is in cart, quote and order, and ends for carts as soon as it is withdrawn."""
    shop.product(price=1000, stock=50)
    cart = shop.cart(("A1", 3))
    assert totals(shop, cart) == (0, 3000)
    shop.promotions.save("dez", name="Dez", actions=TEN, conditions=[{"type": "quantity", "minimum": 3}])
    assert totals(shop, cart) == (300, 2700)
    order = shop.place(cart).order
    assert order.totals.discount.amount == 300
    assert shop.promotions.get("dez").uses == 1
    assert shop.promotions.get("dez").spent == 300
    assert shop.promotions.of_order(order.number) == (Taken("dez", "Dez", None, 300, returned=False),)
    assert shop.promotions.of_order("nada") == ()
    with pytest.raises(ValidationError, match="active=False"):
        shop.promotions.remove("dez")
    later = shop.cart(("A1", 3))
    shop.promotions.save("dez", name="Dez", actions=TEN, active=False)
    assert totals(shop, later) == (0, 3000)
    assert shop.audit().clean


def test_in_the_hosts_transaction(shop: TestShop) -> None:
    """A promotion and a price of the host count in its transaction at once, and are gone when it is rolled back."""
    shop.product(price=1000, stock=50)
    cart = shop.cart(("A1", 1))
    with Session(shop.engine) as session:
        services = shop.on(session)
        services.promotions.save("p", name="P", actions=TEN)
        services.pricing.save_list("l")
        services.pricing.set_prices("A1", prices=[{"amount": 500}], price_list="l")
        inside = services.carts.get(cart)
        assert (inside.totals.items.amount, inside.totals.discount.amount) == (500, 50)
        session.rollback()
    assert totals(shop, cart) == (0, 1000)
    assert (shop.promotions.all(), shop.pricing.lists()) == ((), ())
    with shop.transaction() as tx:
        tx.promotions.save("p", name="P", actions=TEN)
        assert tx.carts.get(cart).totals.discount.amount == 100
    assert totals(shop, cart) == (100, 900)


def test_a_promotion_that_needs_its_code_no_more(sqlite_shop: TestShop) -> None:
    """Its codes in carts neither count twice nor get lost."""
    shop = sqlite_shop
    shop.product(price=1000, stock=50)
    shop.promotions.save("p", name="P", actions=TEN, needs_code=True)
    shop.promotions.add_codes("p", ["X"])
    cart = shop.cart(("A1", 1))
    shop.carts.add_coupon(cart, "X")
    shop.promotions.save("p", name="P", actions=TEN)
    assert totals(shop, cart) == (100, 900)
    shop.place(cart)
    assert shop.audit().clean


def test_by_category_and_catalogue(shop: TestShop) -> None:
    """A category is that of the product or any above it; a catalogue promotion is in the line's price."""
    shop.product("A1", price=1000, category=("Grãos", "Microlotes"))
    shop.product("B1", price=1000, category=("Acessórios",))
    above = next(each.id for each in shop.catalog.categories() if each.name == "Grãos")
    chosen = {"categories": [above]}
    cart = shop.cart(("A1", 1), ("B1", 1))
    shop.promotions.save("g", name="Grãos", actions=[{"type": "percent", "percent": 10, "items": chosen}])
    assert totals(shop, cart) == (100, 1900)
    shop.promotions.save(
        "c", name="Vitrine", kind="catalog", actions=[{"type": "percent", "percent": 15, "items": chosen}]
    )
    found = shop.carts.get(cart)
    assert [line.unit_price.amount for line in found.lines] == [850, 1000]
    assert found.totals.discount.amount == 85
    assert shop.pricing.resolve("A1").why == "promotion"
    assert shop.place(cart).order.totals.items.amount == 1850
    assert shop.audit().clean


@pytest.mark.parametrize("reusable", [pytest.param(True, id="A31 reusable"), pytest.param(False, id="A31 kept")])
def test_a_use_and_its_order(shop: TestShop, reusable: bool) -> None:
    """A31 (Sylius): a cancelled order's use comes back unless the promotion keeps it; an unpaid one's always does."""
    shop.product(price=1000, stock=50)
    shop.promotions.save("um", name="Um", actions=TEN, needs_code=True, reusable=reusable, currency="BRL", budget=100)
    shop.promotions.add_codes("um", ["uma-vez"], most_uses=1)
    cart = shop.cart(("A1", 1))
    shop.carts.add_coupon(cart, "UMA-VEZ")
    order = shop.place(cart).order
    assert (shop.promotions.get("um").uses, shop.promotions.get("um").spent) == (1, 100)
    shop.orders.cancel(order.number)
    assert shop.promotions.get("um").spent == 0
    again = shop.cart(("A1", 1))
    if not reusable:
        shop.promotions.add_codes("um", ["OUTRA"], most_uses=1)
        unpaid = shop.cart(("A1", 1))
        shop.carts.add_coupon(unpaid, "OUTRA")
        with pytest.raises(PaymentDeclined):
            shop.place(unpaid, "tok_declined")
        assert [each.uses for each in shop.promotions.codes("um")] == [0, 1]
    if reusable:
        shop.carts.add_coupon(again, "UMA-VEZ")
        assert totals(shop, again) == (100, 900)
    else:
        with pytest.raises(CouponNotApplicable, match="as often"):
            shop.carts.add_coupon(again, "UMA-VEZ")
    assert shop.audit().clean


def test_a_code_waits_for_its_cart(sqlite_shop: TestShop) -> None:
    """A31 (Spree coupon_code_retry): below its threshold it stays, and counts while the cart is worth enough."""
    shop = sqlite_shop
    shop.product(price=500, stock=50)
    shop.promotions.save(
        "t",
        name="Trinta",
        needs_code=True,
        conditions=[{"type": "amount", "minimum": 3000}],
        actions=[{"type": "fixed", "amount": 300}],
    )
    shop.promotions.add_codes("t", ["TRINTA"], most_uses=None)
    cart = shop.cart(("A1", 2))
    found = shop.carts.add_coupon(cart, "trinta")
    assert [(each.discount.amount, each.reason) for each in found.coupons] == [(0, "minimum")]
    line = found.lines[0].id
    assert shop.carts.update(cart, line, quantity=7).totals.discount.amount == 300
    back = shop.carts.update(cart, line, quantity=2)
    assert [(each.code, each.reason) for each in back.coupons] == [("TRINTA", "minimum")]


def test_codes_in_bulk(shop: TestShop) -> None:
    """Many single-use codes of one promotion: all different, none to be guessed from another, each good once."""
    shop.product(price=1000, stock=50)
    shop.promotions.save("lote", name="Lote", actions=TEN, needs_code=True)
    codes = shop.promotions.generate_codes("lote", count=1100, prefix="cafe-", length=8)
    assert len(set(codes)) == 1100
    assert all(each.startswith("CAFE-") and len(each) == 13 for each in codes)
    listed = shop.promotions.codes("lote", limit=10_000)
    assert sorted(each.code for each in listed) == sorted(codes)
    assert shop.promotions.codes("lote", limit=1, after=listed[0].code) == (listed[1],)
    assert shop.promotions.add_codes("lote", [codes[0], "novo"]) == 1
    cart = shop.cart(("A1", 1))
    shop.carts.add_coupon(cart, codes[0])
    second = shop.carts.add_coupon(cart, codes[1])
    assert [(each.discount.amount, each.reason) for each in second.coupons] == [(100, None), (0, "same_promotion")]
    shop.place(cart)
    with pytest.raises(CouponNotApplicable, match="as often"):
        shop.carts.add_coupon(shop.cart(("A1", 1)), codes[0])
    other = shop.cart(("A1", 1))
    shop.carts.add_coupon(other, codes[1])
    shop.promotions.remove_code(codes[1])
    assert [each.reason for each in shop.carts.get(other).coupons] == ["unknown_code"]
    assert shop.audit().clean


@pytest.mark.scenario("C5")
def test_a_voucher_for_one_order_and_five_buyers(shop: TestShop) -> None:
    """C5 (Oscar): one order has it, four are told, one use is counted."""
    buyers = 50 if os.environ.get("MESTRES_STRESS") == "long" else 5
    shop.product(price=1000, stock=50)
    shop.promotions.save("v", name="Vale", actions=TEN, needs_code=True)
    shop.promotions.add_codes("v", ["VALE"], most_uses=1)
    carts = [shop.cart(("A1", 1)) for _ in range(buyers)]
    for cart in carts:
        shop.carts.add_coupon(cart, "VALE")
    outcomes = race(shop, [shop.arguments(shop.quote(cart)) for cart in carts])
    assert outcomes == ["bought"] + ["quote_changed"] * (buyers - 1)
    assert [each.uses for each in shop.promotions.codes("v")] == [1]
    assert shop.audit().clean


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        pytest.param({"budget": 350, "currency": "BRL"}, 3, id="a budget for three and a half"),
        pytest.param({"most_uses": 2}, 2, id="two uses"),
        pytest.param({"most_uses_per_customer": 1}, 1, id="one for a customer"),
    ],
)
def test_limits_hold_whoever_buys_at_once(shop: TestShop, limits: dict[str, Any], most: int) -> None:
    """Six orders at once of a promotion without a code: only as many have it as there is for."""
    shop.product(price=1000, stock=50)
    shop.promotions.save("m", name="Meta", actions=TEN, **limits)
    quotes = [shop.quote(shop.cart(("A1", 1))) for _ in range(6)]
    outcomes = race(shop, [shop.arguments(quote) for quote in quotes])
    if "most_uses_per_customer" in limits:
        # Whose order it is is known only when it is placed; the cart's quote did not know yet.
        assert set(outcomes) <= {"bought", "quote_changed", "retryable"}
    else:
        assert outcomes == ["bought"] * most + ["quote_changed"] * (6 - most)
    saved = shop.promotions.get("m")
    assert (saved.uses, saved.spent) == (most, most * 100)
    assert shop.audit().clean


def test_a_customer_who_has_had_it_is_told(shop: TestShop) -> None:
    """What one customer has used up is refused to them by name, and to nobody else."""
    shop.product(price=1000, stock=50)
    shop.promotions.save("p", name="P", actions=TEN, most_uses_per_customer=1)
    order = shop.place(shop.cart(("A1", 1))).order
    cart = shop.cart(("A1", 1))
    with shop.transaction() as tx:
        facts = tx.promotions.facts(cart)
        item = Item(key=1, sku="A1", product_id=1, variant_id=1, categories=frozenset(), quantity=1, unit_price=1000)
        theirs = tx.promotions.work_out([item], facts, currency="BRL", customer=str(order.customer_id))
        others = tx.promotions.work_out([item], facts, currency="BRL", customer="0")
    assert [each.reason for each in theirs.outcome.explanations] == ["used_up_by_customer"]
    assert [each.reason for each in others.outcome.explanations] == ["applied"]


def test_money_comes_back_to_the_budget(sqlite_shop: TestShop) -> None:
    """An order that is declined gives its share of the budget back, and the next one may have it."""
    shop = sqlite_shop
    shop.product(price=1000, stock=50)
    shop.promotions.save("b", name="Verba", actions=TEN, budget=100, currency="BRL")
    cart = shop.cart(("A1", 1))
    with pytest.raises(PaymentDeclined):
        shop.place(cart, "tok_declined")
    assert shop.promotions.get("b").spent == 0
    shop.place(cart)
    assert totals(shop, shop.cart(("A1", 1))) == (0, 1000)
    assert shop.audit().clean


def test_late_money_takes_a_use_again_if_one_is_left(shop: TestShop) -> None:
    """PIX that is paid after its order had expired: the use is taken again, or left to whom has it now."""
    shop.product(price=1000, stock=50)
    shop.promotions.save("b", name="Verba", actions=TEN, most_uses=1)
    late = shop.place(shop.cart(("A1", 1)), "pix").order
    shop.clock.advance(hours=1)
    shop.recover()
    assert shop.promotions.get("b").uses == 0
    other = shop.place(shop.cart(("A1", 1))).order
    shop.webhook(late.payments[0].id, "captured", late.totals.grand.amount)
    assert shop.orders.get(late.number).status == "placed"
    assert shop.promotions.get("b").uses == 1
    shop.orders.cancel(other.number)
    shop.orders.cancel(late.number)
    assert shop.promotions.get("b").uses == 0
    assert shop.audit().clean


@pytest.mark.scenario("C17")
@pytest.mark.parametrize("change", ["ended", "edited", "begun", "used up"])
def test_a_promotion_that_changes_between_quote_and_order(shop: TestShop, change: str) -> None:
    """C17: the buyer is told what has changed, and the new promise can be kept at once."""
    shop.product(price=1000, stock=50)
    limits = {"most_uses": 1} if change == "used up" else {}
    if change != "begun":
        ends_at = shop.clock.now() + timedelta(minutes=5) if change == "ended" else None
        shop.promotions.save("p", name="P", actions=TEN, ends_at=ends_at, **limits)
    cart = shop.cart(("A1", 1))
    quote = shop.quote(cart)
    if change == "ended":
        shop.clock.advance(minutes=6)
    elif change == "used up":
        shop.place(shop.cart(("A1", 1)))
    else:
        shop.promotions.save("p", name="P", actions=[{"type": "percent", "percent": 20}])
    with pytest.raises(QuoteChanged) as caught:
        shop.checkout.place(**shop.arguments(quote))
    before, after = {"ended": (100, 0), "used up": (100, 0), "edited": (100, 200), "begun": (0, 200)}[change]
    assert caught.value.changes["discount"] == (before, after)
    shop.checkout.place(**shop.arguments(caught.value.quote))
    assert shop.audit().clean


def test_a_limit_that_comes_later_counts_what_was_before(shop: TestShop) -> None:
    """Limits begin with the orders that have the promotion already, and cannot be set below them."""
    shop.product(price=1000, stock=50)
    shop.promotions.save("p", name="P", actions=TEN)
    for _ in range(2):
        shop.place(shop.cart(("A1", 1)))
    with pytest.raises(ValidationError, match="most_uses must be at least 2"):
        shop.promotions.save("p", name="P", actions=TEN, most_uses=1)
    with pytest.raises(ValidationError, match="budget must be at least 200"):
        shop.promotions.save("p", name="P", actions=TEN, budget=199, currency="BRL")
    shop.promotions.save("p", name="P", actions=TEN, most_uses=3, most_uses_per_customer=3)
    assert shop.audit().clean
    shop.place(shop.cart(("A1", 1)))
    assert totals(shop, shop.cart(("A1", 1))) == (0, 1000)


def test_the_audit_names_what_is_wrong(shop: TestShop) -> None:
    """Every planted damage is found by its own rule."""
    shop.product(price=1000, stock=50)
    shop.promotions.save("p", name="P", actions=TEN, most_uses=3, most_uses_per_customer=3)
    shop.promotions.save_coupon("X", amount=1)
    cart = shop.cart(("A1", 1))
    shop.carts.add_coupon(cart, "X")
    order = shop.place(cart).order
    damages = {
        "UPDATE mc_promotion SET uses = 2 WHERE key = 'p'": "a promotion with a limit is used as often as orders take "
        "it",
        "UPDATE mc_promotion_code SET uses = 5": "a code is used as often as orders take it",
        "UPDATE mc_promotion_customer SET uses = 2": "a customer has used a promotion as often as their orders",
    }
    for damage, rule in damages.items():
        shop.sql(damage)
        assert rule in {each.rule for each in shop.audit().violations}
    shop.sql("UPDATE mc_order SET status = 'cancelled'")
    found = {each.rule: each.rows for each in shop.audit().violations}
    kept = found["an order that came to nothing has given its promotions back"]
    assert sorted(kept) == [f"{order.number} coupon:X", f"{order.number} p"]


WRONG = [
    pytest.param({"name": ""}, ["name"], id="no name"),
    pytest.param({"actions": []}, ["actions"], id="no action"),
    pytest.param({"actions": "10%"}, ["actions"], id="actions that are no list"),
    pytest.param({"actions": [{"type": "percnt"}]}, ["actions[0].type"], id="a misspelt kind"),
    pytest.param({"actions": ["percent"]}, ["actions[0]"], id="an action that is no object"),
    pytest.param({"actions": [{"type": "percent", "percent": 0}]}, ["actions[0].percent"], id="no per cent"),
    pytest.param({"actions": [{"type": "percent", "percent": 101}]}, ["actions[0].percent"], id="too many per cent"),
    pytest.param({"actions": [{"type": "percent", "percent": True}]}, ["actions[0].percent"], id="not a number"),
    pytest.param({"actions": [{"type": "percent", "percent": 5, "on": "cart"}]}, ["actions[0].on"], id="on what"),
    pytest.param(
        {"actions": [{"type": "percent", "percent": 5, "itens": {}}]}, ["actions[0].itens"], id="a misspelt field"
    ),
    pytest.param({"actions": [{"type": "fixed", "amount": 0}]}, ["actions[0].amount"], id="nothing off"),
    pytest.param({"actions": [{"type": "fixed", "amount": 1.5}]}, ["actions[0].amount"], id="half a cent"),
    pytest.param({"actions": [{"type": "fixed_price"}]}, ["actions[0].amount"], id="no price"),
    pytest.param({"actions": [{"type": "buy_get", "buy_quantity": 0}]}, ["actions[0].buy_quantity"], id="buy none"),
    pytest.param({"actions": [{"type": "cheapest_free", "every": 1}]}, ["actions[0].every"], id="each one free"),
    pytest.param(
        {"actions": [{"type": "cheapest_free", "every": 3, "free": 3}]}, ["actions[0].free"], id="three of three"
    ),
    pytest.param({"actions": [{"type": "bundle", "price": 1, "parts": []}]}, ["actions[0].parts"], id="no parts"),
    pytest.param(
        {"actions": [{"type": "bundle", "price": 1, "parts": [{"quantity": 0}]}]},
        ["actions[0].parts[0].quantity"],
        id="a part of nothing",
    ),
    pytest.param({"actions": [{"type": "shipping"}]}, ["actions[0].percent"], id="shipping by nothing"),
    pytest.param(
        {"actions": [{"type": "percent", "percent": 5, "items": {"skus": "A1"}}]},
        ["actions[0].items.skus"],
        id="SKUs that are no list",
    ),
    pytest.param(
        {"actions": [{"type": "percent", "percent": 5, "items": {"products": ["1"]}}]},
        ["actions[0].items.products"],
        id="a product that is no number",
    ),
    pytest.param({"conditions": [{"type": "amount", "minimum": -1}]}, ["conditions[0].minimum"], id="a negative one"),
    pytest.param(
        {"conditions": [{"type": "amount", "minimum": 9, "maximum": 8}]}, ["conditions[0].maximum"], id="min over max"
    ),
    pytest.param({"conditions": [{"type": "hours", "days": [8]}]}, ["conditions[0].days"], id="an eighth day"),
    pytest.param({"conditions": [{"type": "hours", "from": "25:00"}]}, ["conditions[0].from"], id="a 25th hour"),
    pytest.param({"conditions": [{"type": "hours", "zone": "Brasil"}]}, ["conditions[0].zone"], id="no such zone"),
    pytest.param({"conditions": [{"type": "any", "conditions": []}]}, ["conditions[0].conditions"], id="any of none"),
    pytest.param(
        {"conditions": [{"type": "not", "condition": {"type": "x"}}]}, ["conditions[0].condition.type"], id="not what"
    ),
    pytest.param({"actions": [{"type": "fixed", "amount": 1, "pieces": 1}]}, ["actions[0].pieces"], id="spread pieces"),
    pytest.param({"kind": "shop"}, ["kind"], id="kind"),
    pytest.param({"lane": "middle"}, ["lane"], id="lane"),
    pytest.param({"stacking": "some"}, ["stacking"], id="stacking"),
    pytest.param({"priority": "high"}, ["priority"], id="priority"),
    pytest.param({"currency": "reais"}, ["currency"], id="currency"),
    pytest.param({"exclusive": 1}, ["exclusive"], id="exclusive"),
    pytest.param({"ends_at": "tomorrow"}, ["ends_at"], id="a moment that is none"),
    pytest.param({"most_uses": 0}, ["most_uses"], id="never"),
    pytest.param({"budget": 100}, ["currency"], id="a budget of what"),
    pytest.param({"kind": "catalog", "actions": [{"type": "free_shipping"}]}, ["actions[0]"], id="catalogue shipping"),
    pytest.param(
        {"kind": "catalog", "conditions": [{"type": "amount", "minimum": 1}]}, ["conditions[0]"], id="catalogue basket"
    ),
    pytest.param({"kind": "catalog", "needs_code": True}, ["needs_code"], id="catalogue code"),
    pytest.param({"name": None, "lane": 1, "actions": None}, ["actions", "name", "lane"], id="all at once"),
]


@pytest.mark.parametrize(("fields", "wrong"), WRONG)
def test_what_is_refused_is_named(quiet_shop: TestShop, fields: dict[str, Any], wrong: list[str]) -> None:
    """Every wrong field has one error with its place, and nothing is saved."""
    with pytest.raises(ValidationError) as caught:
        quiet_shop.promotions.save("x", **({"name": "X", "actions": TEN} | fields))
    assert [error.field for error in caught.value.errors] == wrong
    assert caught.value.describe("pt-BR")
    assert quiet_shop.promotions.all() == ()


def test_wrong_calls_change_nothing(sqlite_shop: TestShop) -> None:
    """Keys and codes that cannot be are refused by name."""
    shop = sqlite_shop
    shop.promotions.save("p", name="P", actions=TEN, needs_code=True)
    shop.promotions.save("q", name="Q", actions=TEN, needs_code=True)
    shop.promotions.save("open", name="Open", actions=TEN)
    shop.promotions.add_codes("q", ["TAKEN"])
    for call in (
        lambda: shop.promotions.save("coupon:x", name="X", actions=TEN),
        lambda: shop.promotions.save("", name="X", actions=TEN),
        lambda: shop.promotions.add_codes("p", "ABC"),
        lambda: shop.promotions.add_codes("p", ["ok", ""]),
        lambda: shop.promotions.add_codes("p", ["ok", "taken"]),
        lambda: shop.promotions.add_codes("p", ["ok"], most_uses=0),
        lambda: shop.promotions.add_codes("open", ["ok"]),
        lambda: shop.promotions.generate_codes("p", count=0),
        lambda: shop.promotions.generate_codes("p", count=1, length=5),
        lambda: shop.promotions.generate_codes("p", count=1, length=30, prefix="ABCDEFGHIJKL"),
        lambda: shop.promotions.codes("p", limit=0),
        lambda: shop.promotions.save_coupon("taken", percent=5),
    ):
        with pytest.raises(ValidationError):
            call()
    for missing in (
        lambda: shop.promotions.add_codes("nada", ["ok"]),
        lambda: shop.promotions.remove_code("nada"),
        lambda: shop.promotions.remove_code(None),
    ):
        with pytest.raises(NotFound):
            missing()
    assert shop.promotions.codes("p") == ()


def test_what_reading_costs(shop: TestShop) -> None:
    """Fifty lines and ten promotions cost a cart no statement more than one line and none."""
    variants = [{"sku": f"S{number}", "price": 1000, "stock": 9} for number in range(50)]
    shop.catalog.save(name="Café", variants=variants)
    for number in range(10):
        shop.promotions.save(f"p{number}", name="P", actions=[{"type": "percent", "percent": 1}], most_uses=1000)
    small, large = shop.cart(("S0", 1)), shop.cart()
    shop.sql("INSERT INTO mc_cart_line (cart_id, variant_id, quantity) SELECT :cart, id, 1 FROM mc_variant", cart=large)
    shop.carts.get(small)
    with shop.statements() as few:
        shop.carts.get(small)
    with shop.statements() as many:
        found = shop.carts.get(large)
    assert (len(few), len(many), len(found.lines)) == (1, 1, 50)
    with shop.statements() as update:
        shop.carts.update(large, found.lines[0].id, quantity=2)
    assert len(update) <= 6
