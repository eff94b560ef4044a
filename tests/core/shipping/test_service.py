"""Zones, methods and what it costs to send something somewhere."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from sqlalchemy.orm import Session

from core_shop import ADDRESS, TestShop
from mestres_core.db import rulebook
from mestres_core.errors import NotFound, ValidationError
from mestres_core.money import Money
from mestres_core.rules.shipping import ShippingItem
from mestres_core.shipping.dto import ShippingOption

MG = {"country": "BR", "state": "MG", "postal_code": "38740-000"}
SP = {"country": "BR", "state": "SP", "postal_code": "01310-100"}
BAG = {"weight_grams": 250}


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestShop]:
    """One shop for rules of arithmetic and for everything that is to change nothing: it has one zone."""
    made = TestShop(f"sqlite:///{tmp_path_factory.mktemp('still') / 'shop.db'}")
    made.shipping.set_zone("brazil", countries=["BR"])
    yield made
    made.close()


@pytest.fixture
def land(still: TestShop) -> Iterator[TestShop]:
    """That shop, and afterwards it is as it was: for rules in which no database has a part."""
    yield still
    for zone in still.shipping.zones():
        still.shipping.remove_zone(zone.code)
    still.shipping.set_zone("brazil", countries=["BR"])


def prices(shop: Any, address: Mapping[str, str] = MG, items: Any = (BAG,), **more: Any) -> dict[str, int]:
    """What each method costs."""
    return {each.id: each.price.amount for each in shop.shipping.preview(items, address=address, **more)}


@pytest.fixture
def brazil(shop: TestShop) -> TestShop:
    """A shop with one zone and no method."""
    shop.shipping.set_zone("brazil", name="Brasil", countries=["BR"])
    return shop


def test_a_shop_without_zones_sends_by_its_table(shop: TestShop) -> None:
    """PAC and SEDEX to all of Brazil, as before there were zones; the first zone takes over."""
    assert {"pac": 1590, "sedex": 2890} == prices(shop)
    assert {"pac": 0, "sedex": 2890} == prices(shop, items_total=19900)
    assert {} == prices(shop, {"country": "US"})
    shop.shipping.set_zone("uruguay", countries=["UY"])
    assert {} == prices(shop)


def test_each_method_counts_by_the_most_specific_zone_that_has_it(brazil: TestShop) -> None:
    """Postal codes before the state, the state before the country, the narrower range before the wider."""
    shipping = brazil.shipping
    shipping.set_zone("everywhere")
    shipping.set_zone("mg", countries=["br"], regions=["mg"])
    shipping.set_zone("triangle", countries=["BR"], postal_codes=[("38000-000", "38999-999")])
    shipping.set_zone("town", countries=["BR"], postal_codes=["38740"])
    for zone, price in (("everywhere", 9000), ("brazil", 3000), ("mg", 2000), ("triangle", 1000), ("town", 500)):
        shipping.set_method("pac", zone=zone, name="PAC", days=price // 500, base=price)
    shipping.set_method("bike", zone="town", name="Bike", days=0, base=300)

    assert {"bike": 300, "pac": 500} == prices(brazil)
    assert {"pac": 1000} == prices(brazil, MG | {"postal_code": "38999-999"})
    assert {"pac": 2000} == prices(brazil, MG | {"postal_code": "39000-000"})
    assert {"pac": 3000} == prices(brazil, SP)
    assert {"pac": 9000} == prices(brazil, {"country": "US", "postal_code": "10001"})
    days = {option.id: option.days for option in shipping.preview([BAG], address=SP)}
    assert {"pac": 6} == days


def test_a_method_can_be_switched_off_in_a_zone(land: TestShop) -> None:
    """Inactive in the more specific zone: not offered there, although a wider zone has it."""
    land.shipping.set_zone("mg", countries=["BR"], regions=["MG"])
    land.shipping.set_method("pac", zone="brazil", name="PAC", days=5, base=1000)
    land.shipping.set_method("pac", zone="mg", name="PAC", days=5, base=1000, active=False)

    assert [{}, {"pac": 1000}] == [prices(land), prices(land, SP)]


@pytest.mark.parametrize(
    ("terms", "grams", "value", "price"),
    [
        pytest.param({"base": 1000}, 1, 0, 1000, id="flat"),
        pytest.param({"by_weight": [(500, 100), (1000, 180)]}, 500, 0, 100, id="first step, to the gram"),
        pytest.param({"by_weight": [(500, 100), (1000, 180)]}, 501, 0, 180, id="second step"),
        pytest.param({"by_weight": [(500, 100), (1000, 180)]}, 1001, 0, None, id="beyond the last step"),
        pytest.param({"by_weight": [(500, 100)], "per_kg": 50}, 2501, 0, 250, id="started kilograms beyond"),
        pytest.param({"base": 100, "per_kg": 50}, 1000, 0, 150, id="kilograms alone"),
        pytest.param({"by_price": [(0, 1000), (3000, 100)]}, 1, 2999, 1000, id="Sylius below 30.00"),
        pytest.param({"by_price": [(0, 1000), (3000, 100)]}, 1, 3000, 100, id="Sylius from 30.00"),
        pytest.param({"by_price": [(3000, 100)]}, 1, 2999, None, id="below the first price"),
        pytest.param({"percent": "2.5"}, 1, 1050, 26, id="percentage, halves up"),
        pytest.param({"percent": 10, "minimum": 500}, 1, 1000, 500, id="at least"),
        pytest.param({"percent": 10, "maximum": 500}, 1, 9000, 500, id="at most"),
        pytest.param({"base": 500, "per_item": 100}, 1, 0, 600, id="Sylius per unit, Solidus flexi rate"),
        pytest.param({"base": 1000, "free_over": 5000}, 1, 4999, 1000, id="not yet free"),
        pytest.param({"base": 1000, "minimum": 500, "free_over": 5000}, 1, 5000, 0, id="free"),
        pytest.param(
            {"base": 100, "by_weight": [(1000, 20)], "by_price": [(0, 3)], "percent": 1}, 9, 100, 124, id="sum"
        ),
        pytest.param({"base": 20000, "min_weight_grams": 100}, 99, 0, None, id="Sylius too light"),
        pytest.param({"base": 20000, "min_weight_grams": 100}, 100, 0, 20000, id="Sylius heavy duty"),
        pytest.param({"base": 1000, "max_items_total": 2999}, 1, 3000, None, id="Sylius too dear"),
    ],
)
def test_what_a_method_costs(
    brazil: TestShop, terms: dict[str, Any], grams: int, value: int, price: int | None
) -> None:
    """Base, tables by weight and price, percentage, bounds and thresholds, each as its name says."""
    brazil.shipping.set_method("way", zone="brazil", name="Way", days=1, **terms)

    assert ({} if price is None else {"way": price}) == prices(
        brazil, items=[{"weight_grams": grams}], items_total=value
    )


def test_heavy_carts_go_in_several_parcels(land: TestShop) -> None:
    """What a parcel cannot hold goes in the next: their prices add up; a piece that is too heavy is not sent."""
    land.shipping.set_method(
        "pac", zone="brazil", name="PAC", days=5, by_weight=[(1000, 1000), (2000, 1500)], max_weight_grams=2000
    )
    items = [{"weight_grams": 900, "quantity": 3}, {"weight_grams": 200, "quantity": 2}]
    (option,) = land.shipping.preview(items, address=MG)

    assert (2, 1500 + 1500) == (option.parcels, option.price.amount)  # 900 + 900 + 200, 900 + 200
    assert {"pac": 1000 * 1500} == prices(land, items=[{"weight_grams": 2000, "quantity": 1000}])
    assert {} == prices(land, items=[{"weight_grams": 2001}])


def test_goods_from_several_locations_go_in_several_parcels(land: TestShop) -> None:
    """Each location sends its own parcel; what depends on the value of the goods is paid once."""
    land.shipping.set_method("pac", zone="brazil", name="PAC", days=5, base=1000, by_price=[(0, 70)], percent=10)
    items = [{"weight_grams": 100, "location": "Patos"}, {"weight_grams": 100, "location": "Araxá", "quantity": 9}]
    (option,) = land.shipping.preview(items, address=MG, items_total=5000)

    assert (2, 1000 + 1000 + 70 + 500) == (option.parcels, option.price.amount)


def test_what_is_too_large_is_not_sent(land: TestShop) -> None:
    """A side, or three sides together, beyond the limit; a size that is not known is no obstacle."""
    land.shipping.set_method("pac", zone="brazil", name="PAC", days=5, base=1, max_side_mm=1000, max_sides_mm=2000)

    def size(*sides: int) -> dict[str, int]:
        names = ("length_mm", "width_mm", "height_mm")
        return prices(land, items=[BAG | dict(zip(names, sides, strict=False))])

    assert [{"pac": 1}] * 3 == [size(), size(1000, 500, 500), size(500)]
    assert [{}] * 2 == [size(1001), size(1000, 501, 500)]


def test_digital_goods_are_not_sent(land: TestShop) -> None:
    """A cart of digital goods has one way that costs nothing; beside others they weigh nothing."""
    land.shipping.set_method("pac", zone="brazil", name="PAC", days=5, by_weight=[(250, 1000)])
    book = {"weight_grams": 5000, "digital": True}
    (option,) = land.shipping.preview([book], address={"country": "US"})

    assert ("digital", 0, 0) == (option.id, option.price.amount, option.parcels)
    assert {"pac": 1000} == prices(land, items=[book, BAG])


def test_methods_have_their_currency(land: TestShop) -> None:
    """A method is offered in the currencies that it has a price in."""
    land.shipping.set_method("pac", zone="brazil", name="PAC", days=5, base=1000)
    land.shipping.set_method("pac", zone="brazil", name="PAC", days=5, base=300, currency="USD")

    assert [{"pac": 1000}, {"pac": 300}, {}] == [prices(land, currency=each) for each in ("BRL", "USD", "EUR")]


def test_the_cheapest_comes_first_then_the_quickest(land: TestShop) -> None:
    """Sorted by price, then days, then code: the first one is what a quote takes unless told."""
    for code, days, base in (("d", 1, 2000), ("c", 3, 1000), ("b", 2, 1000), ("a", 3, 1000)):
        land.shipping.set_method(code, zone="brazil", name=code, days=days, base=base)

    assert ["b", "a", "c", "d"] == list(prices(land))


def test_zones_and_methods_are_changed_and_removed(brazil: TestShop) -> None:
    """Setting the same code again changes it; removing a zone takes its methods along."""
    brazil.shipping.set_method("pac", zone="brazil", name="PAC", days=5, base=1000, by_weight=[(10, 1)], percent="1.5")
    changed = brazil.shipping.set_method("pac", zone="brazil", name="PAC!", days=6, free_over=100)
    zone = brazil.shipping.set_zone("brazil", countries=["BR", "UY", "BR"], postal_codes=["123", ("2", "3")])

    assert ("PAC!", 6, 0, (), 100) == (changed.name, changed.days, changed.base, changed.by_weight, changed.free_over)
    assert (("BR", "UY"), (("123", "123"), ("2", "3")), "brazil") == (zone.countries, zone.postal_codes, zone.name)
    assert (changed,) == zone.methods == brazil.shipping.methods() == brazil.shipping.methods(zone="brazil")
    brazil.shipping.remove_method("pac", zone="brazil")
    assert () == brazil.shipping.methods()
    brazil.shipping.set_method("pac", zone="brazil", name="PAC", days=5)
    brazil.shipping.remove_zone("brazil")
    assert () == brazil.shipping.zones()
    assert {"pac": 1590, "sedex": 2890} == prices(brazil)


ZONE = ("z",)
METHOD = {"zone": "brazil", "name": "PAC", "days": 5}
PREVIEW: dict[str, Any] = {"items": [BAG], "address": MG}
WRONG = [
    ("set_zone", ("",), {}, "code"),
    ("set_zone", ("a b",), {}, "code"),
    ("set_zone", (5,), {}, "code"),
    ("set_zone", ZONE, {"name": 5}, "name"),
    ("set_zone", ZONE, {"countries": "BR"}, "countries"),
    ("set_zone", ZONE, {"countries": ["BRA"]}, "countries[0]"),
    ("set_zone", ZONE, {"countries": ["1"]}, "countries[0]"),
    ("set_zone", ZONE, {"regions": ["MG"]}, "countries"),
    ("set_zone", ZONE, {"countries": ["BR"], "regions": ["MG", "XX"]}, "regions[1]"),
    ("set_zone", ZONE, {"postal_codes": ["38"]}, "countries"),
    ("set_zone", ZONE, {"countries": ["BR"], "postal_codes": [("39", "38")]}, "postal_codes[0]"),
    ("set_zone", ZONE, {"countries": ["BR"], "postal_codes": [("39",)]}, "postal_codes[0]"),
    ("set_zone", ZONE, {"countries": ["BR"], "postal_codes": ["é"]}, "postal_codes[0]"),
    ("set_zone", ZONE, {"countries": ["BR"], "postal_codes": [5]}, "postal_codes[0]"),
    ("set_zone", ZONE, {"countries": ["BR"], "postal_codes": ["1"] * 501}, "postal_codes"),
    ("set_method", ("",), METHOD, "code"),
    ("set_method", ("pac",), METHOD | {"name": ""}, "name"),
    ("set_method", ("pac",), METHOD | {"days": -1}, "days"),
    ("set_method", ("pac",), METHOD | {"days": "5"}, "days"),
    ("set_method", ("pac",), METHOD | {"currency": "real"}, "currency"),
    ("set_method", ("pac",), METHOD | {"base": -1}, "base"),
    ("set_method", ("pac",), METHOD | {"base": 15.9}, "base"),
    ("set_method", ("pac",), METHOD | {"by_weight": 5}, "by_weight"),
    ("set_method", ("pac",), METHOD | {"by_weight": [5]}, "by_weight[0]"),
    ("set_method", ("pac",), METHOD | {"by_weight": [(5, 1), (5, 2)]}, "by_weight[1]"),
    ("set_method", ("pac",), METHOD | {"by_weight": [(5, -1)]}, "by_weight[0][1]"),
    ("set_method", ("pac",), METHOD | {"by_price": [("5", 1)]}, "by_price[0][0]"),
    ("set_method", ("pac",), METHOD | {"per_kg": -1}, "per_kg"),
    ("set_method", ("pac",), METHOD | {"percent": "ten"}, "percent"),
    ("set_method", ("pac",), METHOD | {"minimum": None}, "minimum"),
    ("set_method", ("pac",), METHOD | {"per_item": -1}, "per_item"),
    ("set_method", ("pac",), METHOD | {"minimum": 5, "maximum": 4}, "maximum"),
    ("set_method", ("pac",), METHOD | {"free_over": True}, "free_over"),
    ("set_method", ("pac",), METHOD | {"max_weight_grams": 0}, "max_weight_grams"),
    ("set_method", ("pac",), METHOD | {"max_side_mm": 0}, "max_side_mm"),
    ("set_method", ("pac",), METHOD | {"max_sides_mm": 1.5}, "max_sides_mm"),
    ("set_method", ("pac",), METHOD | {"min_weight_grams": -1}, "min_weight_grams"),
    ("set_method", ("pac",), METHOD | {"max_items_total": -1}, "max_items_total"),
    ("set_method", ("pac",), METHOD | {"active": 1}, "active"),
    ("set_method", ("pac",), METHOD | {"zone": ""}, "zone"),
    ("preview", (), PREVIEW | {"items": []}, "items"),
    ("preview", (), PREVIEW | {"items": None}, "items"),
    ("preview", (), PREVIEW | {"items": [{"weight_grams": -1}]}, "items[0].weight_grams"),
    ("preview", (), PREVIEW | {"items": [{"quantity": 0}]}, "items[0].quantity"),
    ("preview", (), PREVIEW | {"items": [{"digital": "yes"}]}, "items[0].digital"),
    ("preview", (), PREVIEW | {"items": [{"location": 5}]}, "items[0].location"),
    ("preview", (), PREVIEW | {"items": [{"colour": 5}]}, "items[0].colour"),
    ("preview", (), PREVIEW | {"items": [5]}, "items[0]"),
    ("preview", (), PREVIEW | {"address": None}, "address"),
    ("preview", (), PREVIEW | {"address": {"country": "Brasil"}}, "address.country"),
    ("preview", (), PREVIEW | {"items_total": -1}, "items_total"),
    ("preview", (), PREVIEW | {"currency": 5}, "currency"),
]


@pytest.mark.parametrize(("method", "arguments", "named", "field"), WRONG)
def test_a_wrong_argument_is_named_and_changes_nothing(
    still: TestShop, method: str, arguments: Any, named: Any, field: str
) -> None:
    """Each wrong argument gives one ValidationError that names it; zones and methods stay as they were."""
    kept = still.shipping.zones()
    with pytest.raises(ValidationError) as error:
        getattr(still.shipping, method)(*arguments, **named)
    assert [field] == [each.field for each in error.value.errors]
    assert kept == still.shipping.zones()


@pytest.mark.parametrize(
    ("method", "arguments", "named"),
    [
        ("set_method", ("pac",), METHOD | {"zone": "nowhere"}),
        ("remove_zone", ("nowhere",), {}),
        ("remove_zone", (None,), {}),
        ("remove_method", ("pac",), {"zone": "brazil"}),
        ("remove_method", (None,), {"zone": "brazil"}),
        ("remove_method", ("pac\0",), {"zone": "brazil"}),
        ("remove_method", ("pac",), {"zone": "nowhere"}),
        ("methods", (), {"zone": "nowhere"}),
    ],
)
def test_what_is_not_there_is_not_found(still: TestShop, method: str, arguments: Any, named: Any) -> None:
    """Unknown zones and methods are not found."""
    with pytest.raises(NotFound):
        getattr(still.shipping, method)(*arguments, **named)


def test_rating_sends_no_statement_once_the_zones_are_known(brazil: TestShop) -> None:
    """With the stamp that was read with the cart, zones come from memory; a change is seen by the next stamp."""
    brazil.shipping.set_method("pac", zone="brazil", name="PAC", days=5, base=1000)
    items = [ShippingItem(weight_grams=250)]

    def rate(services: Any) -> tuple[int, int]:
        stamp = rulebook.stamp_of(services.outbox.session)
        with brazil.statements() as sent:
            (found,) = services.shipping.options(items, items_total=0, currency="BRL", address=MG, stamp=stamp)
        return found.price.amount, len(sent)

    assert [(1000, 2), (1000, 0)] == [brazil.core.read(rate), brazil.core.read(rate)]
    brazil.shipping.set_method("pac", zone="brazil", name="PAC", days=5, base=900)
    assert [(900, 2), (900, 0)] == [brazil.core.read(rate), brazil.core.read(rate)]


def test_zones_live_in_the_hosts_transaction(shop: TestShop) -> None:
    """What the host rolls back was never a zone."""
    with Session(shop.core.engine) as session:
        services = shop.core.on(session)
        services.shipping.set_zone("uruguay", countries=["UY"])
        inside = services.shipping.preview([BAG], address=MG)
        session.rollback()

    assert () == inside
    assert {"pac": 1590, "sedex": 2890} == prices(shop)


class OldRater:
    """A rater of the first protocol."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def options(self, **about: Any) -> list[ShippingOption]:
        self.asked.append(about)
        return [ShippingOption("van", "Van", Money(about["weight_grams"], about["currency"]), 1)]


class NewRater(OldRater):
    """One that wants to see the goods."""

    def parcels(self, **about: Any) -> list[ShippingOption]:
        self.asked.append(about)
        return [ShippingOption("van", "Van", Money(len(about["items"]), about["currency"]), 1, parcels=2)]


@pytest.mark.parametrize(("rater", "price"), [(OldRater(), 500), (NewRater(), 1)], ids=["old", "new"])
def test_a_hosts_own_rater_is_asked_instead(open_shop: Any, rater: OldRater, price: int) -> None:
    """Zones or none: weight and value without digital goods for raters as they were, the goods for those that ask."""
    shop = open_shop(shipping=rater)
    shop.shipping.set_zone("brazil", countries=["BR"])
    items = [BAG | {"quantity": 2}, BAG | {"digital": True}]

    assert {"van": price} == prices(shop, ADDRESS, items, items_total=700)
    assert 700 == rater.asked[-1]["items_total"]
