"""What is answered when nothing has all of the words."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core_shop import TestShop
from mestres_core import ProductDraft, VariantDraft

HOSTILE = (
    *("AND OR NOT NEAR(", "search_title : café", '"café', "café*", "^café", "a' OR 1=1; DROP TABLE mc_product; --"),
    *(
        "& | ! <-> :*",
        "café & | !",
        "\\",
        "%",
        "\u202ecafé\u202c",
        "قهوة",
        "☕ café 😀",
        "ca\u0301fe\u0301",
        "a\0b",
        "\ud800",
    ),
    *(
        "de",
        "de da do",
        "o que",
        "x" * 10_000,
        "café " * 2_000,
        "1" * 300 + " kg",
        "1.1.1 kg",
        "½ kg",
        "0 kg",
        "{}[]()",
    ),
)
PIECES = (
    "café",
    "de",
    "1kg",
    "250 g",
    '"',
    "'",
    "*",
    "AND",
    "NOT",
    "(",
    ")",
    ":",
    "-",
    "^",
    "%",
    "_",
    "\\",
    "\0",
    "☕",
    ".",
    "~",
    "=",
    ">",
)


def _skus(shop: TestShop, query: str, **how: object) -> list[str]:
    return [card.sku for card in shop.search.products(query, **how).items]


def test_whatever_is_typed_is_answered(shop: TestShop) -> None:
    """Operators, quotes, signs, other scripts, ten thousand letters, words that say nothing: a page with something."""
    shop.product("A", name="Café de casa 1 kg")
    for query in HOSTILE:
        page = shop.search.products(query)
        assert [card.sku for card in page.items or page.instead] == ["A"], query
        assert (page.instead_by is None) == bool(page.items), query
        shop.search.suggest(query)
        shop.search.spellings(query)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=8))
def test_no_mixture_of_signs_is_an_error(shop: TestShop, pieces: list[str]) -> None:
    """Whatever stands beside whatever, both databases take it."""
    for between in ("", " "):
        query = between.join(pieces)
        shop.search.products(query)
        shop.search.suggest(query)
        shop.search.spellings(query)


def test_of_three_words_one_may_be_missing(shop: TestShop) -> None:
    """Products with all but one are a page like others, told apart by `relaxed`; what has more of them comes first."""
    for number in range(3):
        shop.product(f"A{number}", name=f"Moedor manual {number}")
    shop.product("B", name="Moedor elétrico azul")
    page = shop.search.products("moedor manual azul", per_page=2)
    assert (page.relaxed, page.total, page.instead) == (True, 4, ())
    assert sorted(_skus(shop, "moedor manual azul", page=2, per_page=2) + [c.sku for c in page.items]) == [
        "A0",
        "A1",
        "A2",
        "B",
    ]
    assert not shop.search.products("moedor elétrico azul").relaxed


def test_of_two_words_one_will_do(shop: TestShop) -> None:
    """Where nothing has both: a word that the catalogue does not have must not hide what the other finds."""
    shop.product("A", name="Moedor manual")
    shop.product("B", name="Caneca azul", featured=True)
    page = shop.search.products("moedor azul")
    assert ({card.sku for card in page.items}, page.total, page.relaxed) == ({"A", "B"}, 2, True)
    page = shop.search.products("moedor zassenhaus")
    assert ([card.sku for card in page.items], page.relaxed, page.instead_by) == (["A"], True, None)
    page = shop.search.products("xilofone")
    assert (page.instead_by, [card.sku for card in page.instead]) == ("popular", ["B", "A"])
    assert shop.search.products("xilofone", category=None, max_price=1).instead == ()
    assert shop.search.products("moedor", page=9).instead == ()


def test_of_many_words_the_few_that_are_there_are_shown_apart(shop: TestShop) -> None:
    """Two of three words may be anything: what has the third is no result, but something to look at."""
    shop.product("A", name="Moedor manual")
    page = shop.search.products("moedor zassenhaus antigo")
    assert (page.items, page.total, page.instead_by) == ((), 0, "fewer_words")
    assert [card.sku for card in page.instead] == ["A"]


def test_words_that_say_little_are_not_insisted_on(shop: TestShop) -> None:
    """Where most products are coffee, "café" is not needed, but what has it comes first."""
    texts = [*((f"Café {n}", "") for n in range(60)), ("Blend descafeinado", ""), ("Zeta descafeinado", "Um café.")]
    drafts = [
        ProductDraft(key=name, name=name, description=text, variants=(VariantDraft(sku=name, price=1),))
        for name, text in texts
    ]
    shop.catalog.save_many(drafts)
    assert _skus(shop, "cafés descafeinados") == ["Zeta descafeinado", "Blend descafeinado"]


def test_fields_weigh(shop: TestShop) -> None:
    """Name before attributes and variants, these before categories, these before the description."""
    shop.product("D", name="Um", description="Serve para jasmim.")
    shop.product("C", name="Dois", category="Jasmim")
    shop.product("B", name="Três", attributes={"Notas": "mel, jasmim"})
    shop.product("A", name="Zero jasmim")
    shop.product("E", name="Cinco", description="Jasmineiro.")
    assert _skus(shop, "jasmim") == ["A", "B", "C", "D"]
    assert _skus(shop, "jasmins") == ["A", "B", "C", "D"]


def test_neighbours_come_first(shop: TestShop) -> None:
    """What was typed together and stands together is meant; the form that was typed comes before its plural."""
    shop.product("A", name="A", attributes={"Variedade": "Catuaí Vermelho, Bourbon Amarelo"})
    shop.product("B", name="B", attributes={"Variedade": "Catuaí Amarelo"})
    shop.product("C", name="Canecas ágata")
    shop.product("D", name="Caneca sílica")
    assert _skus(shop, "catuai amarelo") == ["B", "A"]
    assert (_skus(shop, "caneca"), _skus(shop, "canecas")) == (["D", "C"], ["C", "D"])


def test_quantities_are_found_in_any_unit(shop: TestShop) -> None:
    """Of variants too."""
    shop.catalog.save(name="Café A", key="a", variants=[{"sku": "A", "price": 1, "name": "1 kg"}])
    shop.catalog.save(name="Café B", key="b", variants=[{"sku": "B", "price": 1, "name": "250 g"}])
    for query in ("café 1kg", "café 1 quilo", "café 1000g", "cafés de 1.000 gramas", "quilo"):
        assert _skus(shop, query) == ["A"], query
    assert _skus(shop, "250G") == ["B"]


def test_trigrams_help_where_postgresql_has_them(shop: TestShop) -> None:
    """Words that are further away than two slips are found by pg_trgm; without it nothing else changes."""
    shop.product("A", name="Cafeteira italiana")
    has = False
    if shop.engine.dialect.name == "postgresql":
        has = bool(shop.sql("SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_trgm'")[0][0])
    assert shop.search.spellings("cafeteiralinha") == ()
    if has:
        shop.sql("CREATE EXTENSION pg_trgm")
    assert shop.search.spellings("cafeteiralinha") == (("cafeteira",) if has else ())
    assert shop.search.products("cafeteiralinha").corrected == ("cafeteira" if has else None)
    assert shop.search.spellings("cafeteria") == ("cafeteira",)
    assert shop.search.spellings("xilofone") == ()
