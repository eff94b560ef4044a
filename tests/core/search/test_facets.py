"""What a search is narrowed to, and what its facets count."""

from collections.abc import Mapping

import pytest
from sqlalchemy import update

from core_shop import TestShop
from mestres_core.catalog.models import product
from mestres_core.errors import ValidationError

GOODS = (
    ("A", "Grãos", "Clara", "Natural", 1000),
    ("B", "Grãos", "Média", "Natural", 2000),
    ("C", "Moídos", "Média", "Lavado", 3000),
    ("D", "Moídos", "Escura", "Lavado", 4000),
)


@pytest.fixture
def cafes(shop: TestShop) -> TestShop:
    for sku, category, roast, process, price in GOODS:
        attributes = {"Torra": roast, "Processo": process}
        shop.product(sku, name=f"Café {sku}", category=category, attributes=attributes, price=price)
    return shop


def _counts(shop: TestShop, **how: object) -> Mapping[str, dict[str, int]]:
    page = shop.search.products("café", **how)
    return {name: {each.value: each.count for each in of} for name, of in page.facets.items()}


def test_a_choice_does_not_narrow_its_own_facet(cafes: TestShop) -> None:
    """Whoever has chosen a roast still sees how many the other roasts would give; the other facets are narrowed."""
    counts = _counts(cafes, attributes={"Torra": "média"})
    assert counts["Torra"] == {"Clara": 1, "Média": 2, "Escura": 1}
    assert counts["Processo"] == {"Natural": 1, "Lavado": 1}
    assert counts["category"] == {"graos": 1, "moidos": 1}


def test_two_choices_narrow_each_other(cafes: TestShop) -> None:
    """Each facet counts what all other choices leave."""
    counts = _counts(cafes, category="graos", attributes={"TORRA": "Clara"})
    assert counts["category"] == {"graos": 1}
    assert counts["Torra"] == {"Clara": 1, "Média": 1}
    assert counts["Processo"] == {"Natural": 1}


def test_a_choice_that_leaves_nothing_can_be_taken_back(cafes: TestShop) -> None:
    """With no match left, the facets chosen in still say what there is."""
    page = cafes.search.products("café", category="graos", attributes={"Torra": "Escura"})
    assert page.items == ()
    assert {each.value for each in page.facets["Torra"]} == {"Clara", "Média"}
    assert {each.value for each in page.facets["category"]} == {"moidos"}


def test_facets_agree_with_what_choosing_gives(cafes: TestShop) -> None:
    """A value's count is the number of products that choosing it finds."""
    for name, counts in _counts(cafes, attributes={"Torra": "Média"}).items():
        for value, count in counts.items():
            how = {"category": value} if name == "category" else {}
            chosen = {"Torra": "Média"} | ({} if name == "category" else {name: value})
            assert cafes.search.products("café", attributes=chosen, **how).total == count, (name, value)


def test_attributes_that_are_renamed_are_counted_and_filtered_by_their_new_names(shop: TestShop) -> None:
    """At once, whatever stands in names and values, and those that are rewritten by their new values."""
    signs = "a\tb\nc\\d\\t"
    shop.product("A", name="Café A", attributes={"Torra": signs, "Peso": "0250"})
    shop.product("B", name="Café B", attributes={"Torra": "b"})
    assert _counts(shop)["Torra"] == {signs: 1, "b": 1}
    assert shop.search.products("café", attributes={"Torra": signs}).total == 1
    with shop.transaction() as tx:
        tx.attributes.define("torra", name="Torra")
        tx.attributes.define("peso", name="Peso", type="number")
        tx.attributes.define("torra", name="Grau")
    assert _counts(shop) == {"Grau": {signs: 1, "b": 1}, "Peso": {"250": 1}}
    assert shop.search.products("café", attributes={"Grau": "B", "Torra": "b"}).total == 0
    assert shop.search.products("café", attributes={"Grau": "B"}).total == 1
    assert shop.search.products("café", attributes={"Peso": "250"}).total == 1


def test_any_of_several_values_will_do(cafes: TestShop) -> None:
    """Of one attribute any value, of several attributes each."""
    page = cafes.search.products("café", attributes={"Torra": ["clara", "média"], "Processo": ("Natural", "Lavado")})
    assert [card.sku for card in page.items] == ["A", "B", "C"]
    page = cafes.search.products("café", attributes={"Torra": ["Clara", "Média"], "Processo": "Lavado"})
    assert [card.sku for card in page.items] == ["C"]


def test_a_rating_at_least(cafes: TestShop) -> None:
    """Products that nobody has rated have none."""
    with cafes.transaction() as tx:
        for sku, hundredths in (("A", 450), ("B", 399)):
            tx.outbox.session.execute(
                update(product).where(product.c.name == f"Café {sku}").values(rating_hundredths=hundredths)
            )
    assert [card.sku for card in cafes.search.products("café", min_rating=4).items] == ["A"]
    assert cafes.search.products("café", min_rating=3.99).total == 2
    assert cafes.search.products("café", min_rating=0).total == 2


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"attributes": []}, "attributes"),
        ({"attributes": {"Torra": []}}, "attributes.Torra"),
        ({"attributes": {"Torra": ["x"] * 51}}, "attributes.Torra"),
        ({"attributes": {"Torra": [1]}}, "attributes.Torra"),
        ({"attributes": {"Torra": None}}, "attributes.Torra"),
        ({"attributes": {"": "x"}}, "attributes"),
        ({"attributes": {"Torra": "a\0b"}}, "attributes.Torra"),
        ({"min_rating": 5.1}, "min_rating"),
        ({"min_rating": -1}, "min_rating"),
        ({"min_rating": True}, "min_rating"),
        ({"min_rating": "4"}, "min_rating"),
        ({"min_rating": float("nan")}, "min_rating"),
        ({"min_price": -1}, "min_price"),
        ({"max_price": "x"}, "max_price"),
        ({"in_stock": 1}, "in_stock"),
        ({"sort": "best"}, "sort"),
        ({"page": 0}, "page"),
        ({"per_page": 101}, "per_page"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": "WyJuZXdlc3QiLDFd"}, "cursor"),
        ({"cursor": "WyJyZWxldmFuY2UiLDEsMCwwLDEsMV0"}, "cursor"),
    ],
)
def test_a_wrong_argument_is_named(sqlite_shop: TestShop, arguments: dict[str, object], field: str) -> None:
    """Each is refused by its name."""
    with pytest.raises(ValidationError) as caught:
        sqlite_shop.search.products("café", **arguments)
    assert [error.field for error in caught.value.errors] == [field]


def test_all_wrong_arguments_are_named_at_once(sqlite_shop: TestShop) -> None:
    """One error has them all."""
    with pytest.raises(ValidationError) as caught:
        sqlite_shop.search.products("café", page=0, min_rating=9, attributes={"Torra": []}, currency=1)
    named = {error.field for error in caught.value.errors}
    assert named == {"page", "min_rating", "attributes.Torra", "currency"}


def test_pages_by_cursor_are_the_pages(shop: TestShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """By relevance too, however many match: each product once, in the one order."""
    names = ("Café um", "Café dois", "Moedor de café", "Cafés três", "Bom café", "Cafeteira", "Café", "Filtro")
    for number, name in enumerate(names):
        description = "Serve para café." if name == "Filtro" else ""
        shop.product(f"P{number}", name=name, description=description)
    expected = [card.sku for card in shop.search.products("cafe").items]
    assert len(expected) == 8
    for few, most, steps in ((2000, 10_000, 9), (4, 10_000, 9), (4, 5, 2), (4, 5, 0)):
        monkeypatch.setattr("mestres_core.search.finding.FEW", few)
        monkeypatch.setattr("mestres_core.search.finding._STEPS", steps)  # a walk is given up, or finds all
        monkeypatch.setattr("mestres_core.search.finding._MOST_STEMS", steps)  # beginnings are told, or looked for
        monkeypatch.setattr("mestres_core.search.finding.MOST_COUNTED", most)
        for per_page in (1, 2, 3, 7, 8):
            cursor, found = None, []
            for _ in range(9):
                page = shop.search.products("cafe", per_page=per_page, cursor=cursor)
                found += [card.sku for card in page.items]
                cursor = page.next_cursor
                if cursor is None:
                    break
            if few == 2000:
                assert found == expected, per_page
            assert sorted(found) == sorted(expected), (few, most, per_page)


def test_a_cursor_goes_on_where_the_page_ended(shop: TestShop) -> None:
    """What is put in before it in the meantime moves nothing."""
    for number in range(4):
        shop.product(f"N{number}", name=f"Café {number}")
    first = shop.search.products("café", per_page=2)
    shop.product("A", name="Café 00")
    rest = shop.search.products("café", per_page=2, cursor=first.next_cursor)
    assert [card.sku for card in rest.items] == ["N2", "N3"]
