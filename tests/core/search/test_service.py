"""Finding products."""

import pytest

from core_shop import TestShop
from mestres_core.errors import CommerceError


def test_words_are_found_however_written(shop: TestShop) -> None:
    """Accents, plurals, capitals and every part of a SKU find a product; facets count what was found."""
    shop.product("CX-250", name="Café Torrefação Especial", category="Grãos", attributes={"Torra": "Clara"})
    for query in ("cafes", "TORREFAÇÕES", "especiais", "CX-250", "café grão", "clara"):
        assert ["CX-250"] == [card.sku for card in shop.search.products(query).items], query
    facets = shop.search.products("cafe").facets
    assert ("graos", 1) == (facets["category"][0].value, facets["category"][0].count)
    assert ("Clara", 1) == (facets["Torra"][0].value, facets["Torra"][0].count)
    assert ["product"] == [each.kind for each in shop.search.suggest("torref")]


@pytest.mark.parametrize(
    "query", ["", "'", '"', "%", "_", "a\0b", "☕😀", "\ud800", "x" * 10_000, "a' OR 1=1 --", "* NEAR("]
)
def test_no_query_breaks_the_search(shop: TestShop, query: str) -> None:
    """Whatever is typed, the answer is a page."""
    shop.product()
    assert 0 == shop.search.products(query).total
    assert () == shop.search.suggest(query)
    assert issubclass(CommerceError, Exception)
