"""Typed attributes: definitions, what they refuse, and lists narrowed by them."""

import threading
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from core_shop import TestShop
from mestres_core.errors import NotFound, ValidationError
from mestres_core.rules.attributes import as_text, from_text


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("text", " Clara ", "Clara"),
        ("number", 1200, "1200"),
        ("number", "12.50", "12.5"),
        ("number", Decimal("-0"), "0"),
        ("number", 1e3, "1000"),
        ("boolean", True, "true"),
        ("boolean", "Não", "false"),
        ("choice", "media", "Média"),
        ("date", date(2026, 7, 1), "2026-07-01"),
        ("date", "2026-07-01", "2026-07-01"),
    ],
)
def test_values_have_one_form(kind: str, value: object, text: str) -> None:
    """However a value is given, it is kept as one text, and read back it is kept as the same."""
    assert as_text(kind, value, ("Clara", "Média")) == text
    assert as_text(kind, from_text(kind, text), ("Clara", "Média")) == text


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", 5),
        ("text", ""),
        ("text", "x" * 401),
        ("number", "many"),
        ("number", True),
        ("number", "NaN"),
        ("number", "1e12"),
        ("number", "0.1234567"),
        ("number", "1e999999999"),
        ("number", "1e-999999999"),
        ("boolean", "perhaps"),
        ("boolean", 1),
        ("choice", "Escura"),
        ("choice", None),
        ("date", "01/07/2026"),
        ("date", 20260701),
    ],
)
def test_what_does_not_fit_is_refused(kind: str, value: object) -> None:
    """A value of another type is refused with what it must be."""
    with pytest.raises(ValueError, match="must be"):
        as_text(kind, value, ("Clara", "Média"))


def test_a_product_is_held_to_its_definitions(shop: TestShop) -> None:
    """Saving takes typed values by name or code, names each wrong one and each required one that is missing."""
    shop.attributes.define("altitude", name="Altitude", type="number", unit="m", required=True)
    shop.attributes.define("torra", name="Torra", type="choice", choices=["Clara", "Média"])
    made = shop.product(attributes={"altitude": 1200, "TORRA": "media", "Notas": "mel"})
    assert dict(made.attributes) == {"Altitude": "1200", "Torra": "Média", "Notas": "mel"}
    typed = {each.code: (each.value, each.unit) for each in shop.attributes.of(made.id)}
    assert typed == {"altitude": (Decimal(1200), "m"), "torra": ("Média", ""), "notas": ("mel", "")}
    with pytest.raises(ValidationError) as caught:
        shop.product("B2", attributes={"Torra": "Escura"})
    assert {e.field for e in caught.value.errors} == {"attributes.Torra", "attributes.Altitude"}
    with pytest.raises(NotFound):
        shop.catalog.get("cafe-b2")
    assert shop.audit().clean


def test_required_only_below_a_category(shop: TestShop) -> None:
    """What is required in a category is required below it, too, and nowhere else."""
    shop.product("A1", category=("Grãos", "Microlotes"))
    shop.attributes.define("lote", type="text", required=True, category="graos")
    shop.product("B2", category="Canecas")
    with pytest.raises(ValidationError, match="lote is required"):
        shop.product("C3", category=("Grãos", "Microlotes"))
    shop.product("C3", category=("Grãos", "Microlotes"), attributes={"lote": "7"})
    with pytest.raises(ValidationError, match="lote is required"):
        shop.attributes.set("cafe-c3", {"lote": None})
    shop.attributes.set("cafe-b2", {"lote": "8"})
    shop.attributes.set("cafe-b2", {"lote": None})


def test_required_in_a_category_whose_slug_is_not_its_names(shop: TestShop) -> None:
    """Two categories of one name are told apart, also when they are called otherwise by now."""
    shop.product("A1", category=("Grãos", "Especiais"))
    shop.product("B2", category=("Moídos", "Especiais"))
    (other,) = shop.categories.subtree("moidos").children
    assert "especiais" != other.slug
    shop.attributes.define("moagem", type="text", required=True, category=other.slug)
    shop.categories.rename("moidos", name="Em pó", new_slug="po")
    shop.product("C3", category=("Grãos", "Especiais"))
    with pytest.raises(ValidationError, match="moagem is required"):
        shop.product("D4", category=("Em pó", "Especiais"))


def test_a_definition_proves_the_values_that_there_are(shop: TestShop) -> None:
    """Free text becomes typed when all of it fits; otherwise the definition is refused and nothing changes."""
    one = shop.product("A1", attributes={"Altitude": "1200.0"})
    shop.product("B2", attributes={"Altitude": "high"})
    with pytest.raises(ValidationError, match="has 'high'"):
        shop.attributes.define("altitude", name="Altitude", type="number")
    assert () == shop.attributes.definitions()
    shop.attributes.set("cafe-b2", {"Altitude": "900"})
    shop.attributes.define("altitude", name="Altitude", type="number")
    assert ["1200"] == [each.text for each in shop.attributes.of(one.id)]
    shop.attributes.define("altitude", name="Altitude (m)", type="number")
    assert ["Altitude (m)"] == [each.name for each in shop.attributes.of(one.id)]
    assert shop.audit().clean
    shop.attributes.remove("altitude")
    assert [("text", "1200")] == [(each.type, each.value) for each in shop.attributes.of(one.id)]
    assert shop.audit().clean


def test_lists_by_typed_attributes(shop: TestShop) -> None:
    """A value in any form, one of several, or a range narrows a list; the total counts the same."""
    shop.attributes.define("altitude", type="number")
    shop.attributes.define("colheita", type="date")
    shop.attributes.define("segredo", filterable=False)
    for sku, height, day in (("A", 900, "2025-06-01"), ("B", 1200, "2026-06-01"), ("C", "1350.5", "2026-07-01")):
        shop.product(sku, attributes={"altitude": height, "colheita": day, "segredo": "x"})

    def skus(**attributes: Any) -> str:
        page = shop.catalog.list(sort="name", attributes=attributes)
        assert page.total == len(page.items)
        return "".join(card.sku for card in page.items)

    assert ("B", "B", "AC", "BC", "AB", "C", "", "ABC") == (
        skus(altitude=1200),
        skus(altitude=["1200.0"]),
        skus(altitude=[900, "1350.5"]),
        skus(altitude={"min": 1000}),
        skus(altitude={"min": 900, "max": 1200}),
        skus(colheita={"min": "2026-06-15"}),
        skus(altitude={"min": 900}, colheita="2024-01-01"),
        skus(altitude={}),
    )
    for wrong in (
        {"altitude": ["high"]},
        {"segredo": ["x"]},
        {"other": {"min": 1}},
        {"altitude": {"least": 1}},
        {"altitude": []},
    ):
        with pytest.raises(ValidationError):
            skus(**wrong)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"code": ""}, "code"),
        ({"type": "colour"}, "type"),
        ({"type": "choice"}, "choices"),
        ({"choices": ["a"]}, "choices"),
        ({"type": "choice", "choices": ["a", "A"]}, "choices"),
        ({"type": "choice", "choices": "ab"}, "choices"),
        ({"unit": "x" * 21}, "unit"),
        ({"required": 1}, "required"),
        ({"filterable": None}, "filterable"),
        ({"position": -1}, "position"),
    ],
)
def test_wrong_definitions(sqlite_shop: TestShop, arguments: dict[str, Any], field: str) -> None:
    """Every wrong argument of a definition is named."""
    with pytest.raises(ValidationError) as caught:
        sqlite_shop.attributes.define(arguments.pop("code", "c"), **arguments)
    assert field in {each.field for each in caught.value.errors}


def test_wrong_values(sqlite_shop: TestShop) -> None:
    """Setting refuses what does not fit, names it, and leaves everything else as it was, too."""
    shop = sqlite_shop
    shop.attributes.define("altitude", type="number", required=True)
    made = shop.product(attributes={"altitude": 1})
    for wrong in ({"altitude": "high", "b": "c"}, {"altitude": None}, {"": "x"}, {"b": 5}, [1], {"b": "\0"}):
        with pytest.raises(ValidationError):
            shop.attributes.set(made.id, wrong)
    assert [("altitude", Decimal(1))] == [(each.code, each.value) for each in shop.attributes.of(made.id)]
    with pytest.raises(NotFound):
        shop.attributes.set("nothing", {"a": "b"})
    with pytest.raises(NotFound):
        shop.attributes.get("nothing")


def test_one_attribute_named_twice(shop: TestShop) -> None:
    """By code and by name, or in two spellings: which of the values counts nobody can know, so it is refused."""
    shop.attributes.define("roast", name="Torra")
    made = shop.product()
    for twice in ({"roast": "Clara", "Torra": "Escura"}, {"Lote": "1", "lote": "2"}, {"Torra": None, "torra": "Clara"}):
        with pytest.raises(ValidationError) as caught:
            shop.attributes.set(made.id, twice)
        assert [each.reason for each in caught.value.errors] == ["duplicate"]
    assert shop.attributes.of(made.id) == ()
    with pytest.raises(ValidationError, match=r"attributes\.Torra"):
        shop.product("B2", attributes={"roast": "Clara", "Torra": "Escura"})


def test_a_definition_is_found_by_its_code(sqlite_shop: TestShop) -> None:
    """Spaces around a code do not count, and the name of one definition may be the code of another."""
    shop = sqlite_shop
    assert shop.attributes.define(" height ", name="Altitude", type="number").code == "height"
    made = shop.product(attributes={"Altitude": 900})
    shop.attributes.define(" height ", name="Altura", type="number")
    assert [("height", "Altura")] == [(each.code, each.name) for each in shop.attributes.of(made.id)]

    shop.attributes.define("a", name="B")
    shop.attributes.define("b", name="A")
    shop.attributes.set(made.id, {"A": "of b", "B": "of a"})
    shop.attributes.define("a", name="B", unit="m")
    assert {("a", "of a", "m"), ("b", "of b", "")} < {
        (each.code, each.value, each.unit) for each in shop.attributes.of(made.id)
    }


def test_a_value_is_not_set_past_a_definition(postgres_shop: TestShop) -> None:
    """What is defined waits for the values that are being set, and proves them, too."""
    shop = postgres_shop
    made, refused = shop.product(), []

    def define() -> None:
        try:
            shop.attributes.define("altitude", type="number")
        except ValidationError as wrong:
            refused.append(wrong)

    defining = threading.Thread(target=define)
    with shop.transaction() as tx:
        tx.attributes.set(made.id, {"altitude": "high"})
        defining.start()
        defining.join(0.3)
    defining.join()
    assert ["type"] == [each.field for wrong in refused for each in wrong.errors]
    assert ["high"] == [each.value for each in shop.attributes.of(made.id)]
