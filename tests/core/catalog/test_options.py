"""Options and the matrix of variants: one variant for each combination."""

from typing import Any

import pytest

from core_shop import TestShop
from mestres_core.errors import NotFound, ValidationError

OPTIONS = {"Peso": ["250 g", "1 kg"], "Moagem": ["Grãos", "Fina"]}


@pytest.fixture
def coffee(shop: TestShop) -> TestShop:
    """A product of three variants whose options are known, none assigned."""
    variants = [{"sku": sku, "price": 1000, "stock": 1} for sku in ("A", "B", "C")]
    shop.catalog.save(name="Café", variants=variants)
    shop.variants.set_options("cafe", OPTIONS)
    return shop


def test_the_matrix(coffee: TestShop) -> None:
    """Every combination is a cell, the last option changing fastest; the variant that has it stands in it."""
    coffee.variants.assign("A", {"Peso": "250 g", "Moagem": "Grãos"})
    coffee.variants.assign("B", {"moagem": "FINA", "peso": "1 KG"})
    cells = [(tuple(cell.options.values()), cell.sku) for cell in coffee.variants.matrix("cafe")]
    assert cells == [
        (("250 g", "Grãos"), "A"),
        (("250 g", "Fina"), None),
        (("1 kg", "Grãos"), None),
        (("1 kg", "Fina"), "B"),
    ]
    assert "B" == coffee.variants.find("cafe", {"Peso": "1 kg", "Moagem": "Fina"}).sku
    assert {"Peso": "250 g", "Moagem": "Grãos"} == coffee.variants.of("A")
    assert ["250 g / Grãos", "1 kg / Fina", ""] == [each.name for each in coffee.catalog.get("cafe").variants]
    with pytest.raises(NotFound):
        coffee.variants.find("cafe", {"Peso": "1 kg", "Moagem": "Grãos"})
    assert coffee.audit().clean


def test_no_combination_twice(coffee: TestShop) -> None:
    """A combination that a variant has is refused to another, by name; one that was withdrawn gives it up."""
    coffee.variants.assign("A", {"Peso": "1 kg", "Moagem": "Fina"})
    with pytest.raises(ValidationError, match="already taken: A"):
        coffee.variants.assign("B", {"Peso": "1 kg", "Moagem": "fina"})
    assert {} == coffee.variants.of("B")
    coffee.variants.assign("A", {"Peso": "1 kg", "Moagem": "Fina"})
    coffee.catalog.save(name="Café", variants=[{"sku": "B", "price": 1000}])
    coffee.variants.assign("B", {"Peso": "1 kg", "Moagem": "Fina"})
    assert ({}, "B") == (coffee.variants.of("A"), coffee.variants.find("cafe", {"Peso": "1 kg", "Moagem": "Fina"}).sku)
    assert coffee.audit().clean


def test_options_grow_and_are_kept(coffee: TestShop) -> None:
    """Values are added and put in order; what a variant has is not taken away, nor an option while one has any."""
    coffee.variants.assign("A", {"Peso": "1 kg", "Moagem": "Fina"})
    found = coffee.variants.set_options("cafe", {"Moagem": ["Fina", "Grossa"], "Peso": ["1 kg", "500 g"]})
    assert [("Moagem", ("Fina", "Grossa")), ("Peso", ("1 kg", "500 g"))] == [(o.name, o.values) for o in found]
    assert "A" == coffee.variants.find("cafe", {"Peso": "1 kg", "Moagem": "Fina"}).sku
    for wrong in ({"Moagem": ["Grossa"], "Peso": ["1 kg"]}, {"Peso": ["1 kg"]}, {}, {**OPTIONS, "Cor": ["azul"]}):
        with pytest.raises(ValidationError):
            coffee.variants.set_options("cafe", wrong)
    coffee.variants.unassign("A")
    assert () == coffee.variants.set_options("cafe", {})
    assert () == coffee.variants.matrix("cafe")
    assert coffee.audit().clean


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ([1], "options"),
        ({"": ["a"]}, "options"),
        ({"a": "bc"}, "options.a"),
        ({"a": []}, "options.a"),
        ({"a": ["x", "X"]}, "options.a"),
        ({"a": ["x"], "Á": ["y"]}, "options.Á"),
        ({"a": ["x" * 61]}, "options.a[0]"),
        ({str(n): ["x"] for n in range(6)}, "options"),
        ({str(n): [str(v) for v in range(13)] for n in range(3)}, "options"),
    ],
)
def test_wrong_options(sqlite_shop: TestShop, options: Any, field: str) -> None:
    """Every wrong option and value is named."""
    sqlite_shop.product()
    with pytest.raises(ValidationError) as caught:
        sqlite_shop.variants.set_options("cafe-a1", options)
    assert field in {each.field for each in caught.value.errors}


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"Peso": "1 kg"}, "options.Moagem"),
        ({"Peso": "2 kg", "Moagem": "Fina"}, "options.Peso"),
        ({"Peso": "1 kg", "Moagem": "Fina", "Cor": "azul"}, "options.Cor"),
        (None, "options"),
    ],
)
def test_wrong_combinations(sqlite_shop: TestShop, options: Any, field: str) -> None:
    """A combination names every option, each with one of its values."""
    shop = sqlite_shop
    shop.product()
    with pytest.raises(ValidationError, match="set_options"):
        shop.variants.assign("A1", options)
    shop.variants.set_options("cafe-a1", OPTIONS)
    with pytest.raises(ValidationError) as caught:
        shop.variants.assign("A1", options)
    assert field in {each.field for each in caught.value.errors}
    with pytest.raises(NotFound):
        shop.variants.assign("Z9", OPTIONS)


def test_the_audit_sees_a_half_combination(coffee: TestShop) -> None:
    """A variant that has lost a value is named."""
    coffee.variants.assign("A", {"Peso": "1 kg", "Moagem": "Fina"})
    coffee.sql("DELETE FROM mc_variant_option WHERE option_id = (SELECT min(id) FROM mc_option)")
    broken = {violation.rule: violation.rows for violation in coffee.audit().violations}
    assert ("A",) == broken["a variant has a value of every option, or of none"]
