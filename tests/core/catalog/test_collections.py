"""Collections by rules and by hand."""

from typing import Any

import pytest

from core_shop import TestShop
from mestres_core.errors import NotFound, ValidationError

RULES: list[tuple[dict[str, Any], str]] = [
    ({"type": "category", "value": "graos"}, "AB"),
    ({"type": "category", "value": "microlotes"}, "A"),
    ({"type": "category", "value": "graos", "not": True}, "C"),
    ({"type": "tag", "value": "presente"}, "AC"),
    ({"type": "tag", "value": ["Novo", "other"]}, "A"),
    ({"type": "tag", "value": "presente", "not": True}, "B"),
    ({"type": "attribute", "name": "Torra", "value": "CLARA"}, "A"),
    ({"type": "attribute", "name": "Torra", "value": ["clara", "escura"]}, "AC"),
    ({"type": "attribute", "name": "altitude", "min": 1000}, "BC"),
    ({"type": "attribute", "name": "altitude", "min": 1000, "max": "1200.0"}, "B"),
    ({"type": "price", "max": 200}, "AB"),
    ({"type": "price", "min": 200, "max": 200}, "B"),
    ({"type": "in_stock"}, "AC"),
    ({"type": "in_stock", "value": False}, "B"),
    ({"type": "featured"}, "B"),
    ({"type": "new", "days": 30}, "C"),
]


@pytest.fixture
def lots(shop: TestShop) -> TestShop:
    """Three products that differ in everything that a rule can ask for."""
    shop.attributes.define("altitude", type="number")
    shop.product("A", price=100, category=("Grãos", "Microlotes"), attributes={"altitude": 900, "Torra": "Clara"})
    shop.product("B", price=200, category="Grãos", attributes={"altitude": 1200}, stock=0, featured=True)
    shop.clock.advance(days=40)
    shop.product("C", price=300, attributes={"altitude": 1300, "Torra": "Escura"})
    shop.collections.tag("cafe-a", "Presente", "novo")
    shop.collections.tag("cafe-c", "PRESENTE")
    return shop


def skus(shop: TestShop, slug: str, **filters: Any) -> str:
    """What is in a collection."""
    page = shop.catalog.list(collection=slug, sort="name", **filters)
    assert page.total == len(page.items)
    return "".join(card.sku for card in page)


def test_rules(lots: TestShop) -> None:
    """Each kind of rule brings exactly the products that meet it."""
    found = []
    for rule, _ in RULES:
        lots.collections.save("By rule", rules=[rule])
        found.append((rule, skus(lots, "by-rule")))
    assert RULES == found


def test_all_or_any_and_by_hand(lots: TestShop) -> None:
    """Rules count together or each by itself; what was chosen by hand is there whatever they say."""
    rules = [{"type": "tag", "value": "presente"}, {"type": "price", "max": 200}]
    lots.collections.save("Natal", rules=rules)
    assert "A" == skus(lots, "natal")
    lots.collections.save("Natal", rules=rules, match="any")
    assert "ABC" == skus(lots, "natal")
    lots.collections.save("Natal", rules=rules, products=["cafe-b"])
    assert ("AB", "B") == (skus(lots, "natal"), skus(lots, "natal", min_price=150))
    lots.collections.take("natal", "cafe-b")
    lots.collections.add("natal", "cafe-c", "cafe-c")
    assert (1, "AC") == (len(lots.collections.chosen("natal")), skus(lots, "natal"))


def test_a_collection_follows_its_products(lots: TestShop) -> None:
    """What a product's own rows say counts from the moment of their change."""
    lots.collections.save("Altos", rules=[{"type": "attribute", "name": "altitude", "min": 1000}])
    lots.attributes.set("cafe-a", {"altitude": 1500})
    lots.collections.untag("cafe-a", "novo", "presente")
    assert ("ABC", ()) == (skus(lots, "altos"), lots.collections.tags("cafe-a"))
    lots.collections.save("Altos", active=False)
    with pytest.raises(NotFound):
        skus(lots, "altos")
    assert ((), 1) == (lots.collections.list(), len(lots.collections.list(active=None)))
    lots.collections.remove("altos")
    with pytest.raises(NotFound):
        lots.collections.get("altos")


def test_rules_follow_what_they_name_to_another_name(lots: TestShop) -> None:
    """A category with another slug, an attribute with another name: the collections have the products that they had."""
    high = {"type": "attribute", "name": "altitude", "min": 1000}
    lots.collections.save("Grãos", rules=[{"type": "category", "value": " graos "}, high | {"not": True}])
    lots.collections.save("Outros", rules=[{"type": "category", "value": "graos", "not": True}, high])
    lots.collections.save("Claros", rules=[{"type": "attribute", "name": "Torra", "value": "Clara"}])

    def listed() -> str:
        slugs = ("graos", "outros", "claros")
        return "".join(card.sku for slug in slugs for card in lots.catalog.list(collection=slug))

    assert listed() == "ACA"
    lots.categories.rename("graos", new_slug="cafes")
    lots.attributes.define("altitude", name="Altura", type="number")
    assert listed() == "ACA"
    assert [rule["value"] for rule in lots.collections.get("graos").rules if rule["type"] == "category"] == ["cafes"]


def test_of_a_category_that_goes(lots: TestShop) -> None:
    """Its collections go on with where its products went; without such a place it stays as long as a rule names it."""
    lots.categories.create("Vazia")
    lots.collections.save("Raros", rules=[{"type": "category", "value": "microlotes"}])
    lots.collections.save("Outros", rules=[{"type": "category", "value": "vazia", "not": True}])
    with pytest.raises(ValidationError, match="a collection names it"):
        lots.categories.remove("vazia")
    assert [card.sku for card in lots.catalog.list(collection="raros")] == ["A"]
    lots.categories.remove("microlotes", move_products_to="graos")
    assert [card.sku for card in lots.catalog.list(collection="raros", sort="name")] == ["A", "B"]
    lots.collections.remove("outros")
    lots.categories.remove("vazia")


def test_pages(lots: TestShop) -> None:
    """A cursor visits every product of a collection once."""
    lots.collections.save("Todos", rules=[{"type": "price", "min": 0}])
    seen, cursor = "", None
    while True:
        page = lots.catalog.list(collection="todos", sort="price", per_page=1, cursor=cursor)
        seen, cursor = seen + page.items[0].sku, page.next_cursor
        if cursor is None:
            break
    assert "ABC" == seen
    assert "B" == lots.catalog.list(collection="todos", sort="price", per_page=1, page=2).items[0].sku


def test_by_hand_comes_first_in_its_order(lots: TestShop) -> None:
    """What was put in by hand is listed in that order, what rules bring after it, newest first; also page by page."""
    lots.collections.save("Natal", rules=[{"type": "price", "min": 0}], products=["cafe-b"])
    lots.collections.save("Vitrine", products=["cafe-c", "cafe-a", "cafe-b"])
    for slug, wanted in (("natal", "BCA"), ("vitrine", "CAB")):
        assert wanted == "".join(card.sku for card in lots.catalog.list(collection=slug, sort="chosen"))
        seen, cursor = "", None
        while not seen or cursor:
            page = lots.catalog.list(collection=slug, per_page=1, cursor=cursor)
            seen, cursor = seen + page.items[0].sku, page.next_cursor
        assert wanted == seen
        assert wanted[1] == lots.catalog.list(collection=slug, per_page=1, page=2).items[0].sku
    assert "CBA" == "".join(card.sku for card in lots.catalog.list(collection="vitrine", sort="newest"))
    with pytest.raises(ValidationError, match="sort"):
        lots.catalog.list(sort="chosen")


def test_what_it_costs(lots: TestShop) -> None:
    """A list of a collection costs three statements."""
    rules = [{"type": "category", "value": "graos"}, {"type": "tag", "value": "novo"}]
    lots.collections.save("Todos", rules=rules, products=["cafe-b"])
    with lots.statements() as sent:
        lots.catalog.list(collection="todos")
    assert len(sent) <= 3


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"name": ""}, "name"),
        ({"slug": "A b"}, "slug"),
        ({"match": "some"}, "match"),
        ({"active": 1}, "active"),
        ({"position": "1"}, "position"),
        ({"products": "x"}, "products"),
        ({"rules": {}}, "rules"),
        ({"rules": [1]}, "rules[0].type"),
        ({"rules": [{"type": "colour"}]}, "rules[0].type"),
        ({"rules": [{"type": "price"}]}, "rules[0].min"),
        ({"rules": [{"type": "price", "min": -1}]}, "rules[0].min"),
        ({"rules": [{"type": "new", "days": 0}]}, "rules[0].days"),
        ({"rules": [{"type": "tag"}]}, "rules[0].value"),
        ({"rules": [{"type": "in_stock", "value": 1}]}, "rules[0].value"),
        ({"rules": [{"type": "in_stock", "days": 1}]}, "rules[0].days"),
        ({"rules": [{"type": "in_stock", "not": 1}]}, "rules[0].not"),
        ({"rules": [{"type": "attribute", "name": "a"}]}, "rules[0].value"),
        ({"rules": [{"type": "attribute", "name": "a", "min": 1}]}, "rules[0].attributes.a"),
        ({"rules": [{"type": "featured"}] * 21}, "rules"),
    ],
)
def test_wrong_arguments(sqlite_shop: TestShop, arguments: dict[str, Any], field: str) -> None:
    """Every wrong argument is named, and nothing is saved."""
    with pytest.raises(ValidationError) as caught:
        sqlite_shop.collections.save(arguments.pop("name", "N"), **arguments)
    assert field in {each.field for each in caught.value.errors}
    assert () == sqlite_shop.collections.list(active=None)


def test_unknown_names(sqlite_shop: TestShop) -> None:
    """Products, categories and collections that there are not are not found; tags must be there."""
    shop = sqlite_shop
    shop.product()
    for call in (
        lambda: shop.collections.save("N", products=["nothing"]),
        lambda: shop.collections.save("N", rules=[{"type": "category", "value": "nothing"}]),
        lambda: shop.collections.add("nothing", "cafe-a1"),
        lambda: shop.catalog.list(collection="nothing"),
        lambda: shop.collections.tag("nothing", "x"),
    ):
        with pytest.raises(NotFound):
            call()
    for tags in ((), ("",), (5,), ("x" * 61,)):
        with pytest.raises(ValidationError):
            shop.collections.tag("cafe-a1", *tags)
