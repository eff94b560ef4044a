"""Finding products."""

from pathlib import Path

import pytest

from core_shop import TestShop
from mestres_core.errors import ValidationError
from mestres_examples import catalogue, filling


def _skus(shop: TestShop, query: str, **how: object) -> list[str]:
    return [card.sku for card in shop.search.products(query, **how).items]


def test_words_are_found_however_written(shop: TestShop) -> None:
    """Accents, plurals, capitals and every part of a SKU find a product; facets count what was found."""
    shop.product("CX-250", name="Café Torrefação Especial", category="Grãos", attributes={"Torra": "Clara"})
    for query in ("cafes", "TORREFAÇÕES", "especiais", "CX-250", "cx250", "café grão", "clara", "torref"):
        assert _skus(shop, query) == ["CX-250"], query
    facets = shop.search.products("cafe").facets
    assert ("graos", 1) == (facets["category"][0].value, facets["category"][0].count)
    assert ("Clara", 1) == (facets["Torra"][0].value, facets["Torra"][0].count)
    assert ["product"] == [each.kind for each in shop.search.suggest("torref")]


def test_what_counts_most_comes_first(shop: TestShop) -> None:
    """The SKU that was typed, then all in the name and at its beginning, all in the name, a beginning, elsewhere."""
    shop.product("E", name="Filtro", description="Serve para café.")
    shop.product("D", name="Cafeteira italiana")
    shop.product("C", name="Moedor de café")
    shop.product("B", name="Café Cerrado")
    shop.product("CAFE", name="Zebra")
    assert _skus(shop, "cafe") == ["CAFE", "B", "C", "D", "E"]
    assert [_skus(shop, "cafe", page=page, per_page=2) for page in (1, 2, 3)] == [["CAFE", "B"], ["C", "D"], ["E"]]


def test_pages_full_of_best_matches_leave_nothing_out(shop: TestShop) -> None:
    """Page after page, each product comes once, whether the best matches fill the pages or not."""
    for number in range(7):
        shop.product(f"N{number}", name=f"Café número {number}")
    for number in range(4):
        shop.product(f"O{number}", name=f"Outro {number}", description="café")
    for per_page in (1, 2, 3, 4, 5, 6, 7, 8, 20):
        pages = [_skus(shop, "café", page=page, per_page=per_page) for page in range(1, 13)]
        assert [sku for page in pages for sku in page] == [f"N{n}" for n in range(7)] + [f"O{n}" for n in range(4)]


def test_every_word_counts(shop: TestShop) -> None:
    """A product must have all of them, wherever they are; when none has, the page says so."""
    shop.product("A", name="Café doce", description="Com notas de caramelo.")
    shop.product("B", name="Café amargo", description="Com notas de cacau.")
    assert (_skus(shop, "café caramelo"), shop.search.products("café caramelo").relaxed) == (["A"], False)
    assert shop.search.products("caramelo amargo").relaxed


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("caramlo", "caramelo"),  # one letter too few
        ("carammelo", "caramelo"),  # one too many
        ("caramilo", "caramelo"),  # a wrong one
        ("craamelo", "caramelo"),  # two exchanged
        ("aramelo", "caramelo"),
        ("Catuaí Caramleo", "catuai caramelo"),
    ],
)
def test_one_slip_is_forgiven(shop: TestShop, typed: str, meant: str) -> None:
    """A word one edit from one of the catalogue finds what that one finds, and the answer says so."""
    shop.product("A", name="Catuaí", description="Notas de caramelo.")
    shop.product("B", name="Outro")
    found = shop.search.products(typed)
    assert ([card.sku for card in found.items], found.corrected) == (["A"], meant)


def test_a_right_word_is_never_changed(shop: TestShop) -> None:
    """A known word stays, also when it finds nothing here, and so does one that nothing is near."""
    shop.product("A", name="Solo fértil", category="Grãos")
    shop.product("B", name="Bolo fértil", category="Moídos")
    for query in ("solo moidos", "xilofone", "abc"):
        found = shop.search.products(query)
        assert (found.corrected, found.relaxed) == (None, query == "solo moidos"), query


def test_of_several_the_most_frequent_is_meant(shop: TestShop) -> None:
    """Where two words are as near, more products decide."""
    shop.product("A", name="Pote verde")
    for number in range(3):
        shop.product(f"B{number}", name="Bote azul")
    assert shop.search.products("lote").corrected == "bote"


def test_the_index_follows_the_products(shop: TestShop) -> None:
    """What is changed is found by its new words only; what is hidden or rolled back is not found."""
    shop.product("A", name="Café Antigo", key="k")
    shop.catalog.save(name="Café Novo", key="k", variants=[{"sku": "A", "price": 1}])
    assert (_skus(shop, "antigo"), _skus(shop, "novo")) == ([], ["A"])
    shop.catalog.save(name="Café Novo", key="k", active=False, variants=[{"sku": "A", "price": 1}])
    assert _skus(shop, "novo") == []
    with pytest.raises(ZeroDivisionError), shop.transaction() as tx:
        tx.catalog.save(name="Fantasma", variants=[{"sku": "F", "price": 1}])
        raise ZeroDivisionError
    assert (_skus(shop, "fantasma"), shop.search.products("fantazma").corrected) == ([], None)


def test_filters_and_sorting_go_with_words(shop: TestShop) -> None:
    """Category, price, stock and attributes narrow what words find; other sorts have cursors."""
    shop.product("A", name="Café A", price=1000, category="Grãos", attributes={"Torra": "Clara"})
    shop.product("B", name="Café B", price=2000, category="Moídos", attributes={"Torra": "Escura"}, stock=0)
    shop.product("C", name="Café C", price=3000, category="Grãos", attributes={"Torra": "Escura"})
    assert _skus(shop, "café", category="graos") == ["A", "C"]
    assert _skus(shop, "café", min_price=1500, max_price=2500) == ["B"]
    assert _skus(shop, "café", in_stock=True, attributes={"Torra": "escura"}) == ["C"]
    first = shop.search.products("café", sort="-price", per_page=2)
    assert [card.sku for card in first.items] == ["C", "B"]
    assert _skus(shop, "café", sort="-price", per_page=2, cursor=first.next_cursor) == ["A"]


def test_suggestions_begin_as_was_typed(shop: TestShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is put forward comes first, then names that begin so, then the rest; the same however many there are."""
    for sku, name, featured in (("A", "Bule moka", False), ("B", "Moka italiana", False), ("C", "Zinco moka", True)):
        shop.product(sku, name=name, featured=featured)
    for few, most in ((2000, 10_000), (0, 10_000), (0, 0)):
        monkeypatch.setattr("mestres_core.search.finding._SAMPLED", most)  # the layers, also of a small shop
        monkeypatch.setattr("mestres_core.search.finding._COMMON", most)
        monkeypatch.setattr("mestres_core.search.finding.FEW", few)
        monkeypatch.setattr("mestres_core.search.finding.MOST_COUNTED", most)
        assert [each.text for each in shop.search.suggest("mok")] == ["Zinco moka", "Moka italiana", "Bule moka"]


def test_pages_are_the_same_however_many_match(shop: TestShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few matches are ranked, thousands sorted, more walked along the index of names: all in one order."""
    names = ("Café um", "Café dois", "Moedor de café", "Cafés três", "Bom café", "\u201cCafé\u201d quatro")
    for number, name in enumerate(names):
        shop.product(f"P{number}", name=name)
    expected = _skus(shop, "cafe", per_page=3) + _skus(shop, "cafe", per_page=3, page=2)
    assert sorted(expected) == [f"P{number}" for number in range(6)]
    for most in (10_000, 5):
        monkeypatch.setattr("mestres_core.search.finding.FEW", 4)
        monkeypatch.setattr("mestres_core.search.finding.MOST_COUNTED", most)
        assert _skus(shop, "cafe", per_page=3) == expected[:3]


def test_suggestions_go_on_from_what_was_typed(shop: TestShop) -> None:
    """Whole words first, the last one as a beginning; what the shop puts forward comes before the rest."""
    shop.product("A", name="Café Cerrado", category="Cafeteiras")
    shop.product("B", name="Café Catuaí", featured=True)
    shop.product("C", name="Cerâmica")
    assert [(s.kind, s.text) for s in shop.search.suggest("caf")] == [
        ("category", "Cafeteiras"),
        ("product", "Café Catuaí"),
        ("product", "Café Cerrado"),
    ]
    assert [s.text for s in shop.search.suggest("café cer")] == ["Café Cerrado"]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("c", ["Café de Minas", "Cafeteira xx4def2"]),
        ("ca", ["Café de Minas", "Cafeteira xx4def2"]),
        ("café d", ["Café de Minas"]),
        ("café de", ["Café de Minas"]),
        ("café de m", ["Café de Minas"]),
        ("café e", []),
        ("café m", ["Café de Minas"]),
        ("xx4", ["Cafeteira xx4def2"]),
        ("xx4d", ["Cafeteira xx4def2"]),
        ("xx4de", ["Cafeteira xx4def2"]),
        ("de", ["Cafeteira xx4def2", "Café de Minas"]),
        ("250", ["Papel 250 g"]),
    ],
)
def test_a_word_may_end_anywhere(shop: TestShop, typed: str, found: list[str]) -> None:
    """One letter is a beginning, and so is what would be a word that says nothing, were it finished."""
    for name in ("Café de Minas", "Cafeteira xx4def2", "Papel 250 g"):
        shop.product(name[-6:], name=name)
    assert sorted(each.text for each in shop.search.suggest(typed)) == sorted(found)


@pytest.mark.parametrize(
    "query",
    [  # noqa: RUF005
        "",
        "'",
        '"',
        "%",
        "_",
        "a\0b",
        "☕😀",
        "\ud800",
        "x" * 10_000,
        "a' OR 1=1 --",
        "* NEAR(",
        "AND OR NOT",
        "a:*",
        "!",
    ]
    + ["search_title : x", "& | !", "- ^ :A", "\u202eefac", "de do da " * 500, "{}[]()", "1" * 300],
)
def test_no_query_breaks_the_search(shop: TestShop, query: str) -> None:
    """Whatever is typed, the answer is a page."""
    shop.product("Q9", name="Zebu")
    assert shop.search.products(query).total == 0
    assert shop.search.suggest(query) == ()


def test_a_wrong_argument_is_named(shop: TestShop) -> None:
    """Sort, page and limit are checked before anything is asked."""
    for call in (
        lambda: shop.search.products("a", sort="best"),
        lambda: shop.search.products("a", page=0),
        lambda: shop.search.suggest("a", limit=0),
    ):
        with pytest.raises(ValidationError):
            call()


_QUERIES = (
    "café|cafés|cafe especial|torra média|torra clara|mogiana|cerrado|bourbon|catuaí|chocolate|caramelo|frutas|natural"
    "|cereja descascado|moído|moidos|grãos|graos|250 g|250g|1 kg|500|cápsula|capsulas|filtro|filtros|papel|moedor"
    "|moedores|prensa|chaleira|balança|xícara|caneca|presente|kit|cesta|italiana|aeropress|v60|hario|coador|garrafa"
    "|descafeinado|espresso|expresso|orgânico|minas|sul de minas|chapada|bahia|cacau|mel|doce|acidez|caramleo|moedro"
    "|xicara branca|cafeteira|cerado|mojiana|presnte"
).split("|")


@pytest.fixture(scope="module")
def two_shops(tmp_path_factory: pytest.TempPathFactory, postgres_url: str):  # type: ignore[no-untyped-def]
    """The demo catalogue on both databases."""
    import uuid

    import psycopg
    from sqlalchemy import make_url

    url = make_url(postgres_url)
    admin = url.set(drivername="postgresql").render_as_string(hide_password=False)
    name = f"mestres_search_{uuid.uuid4().hex}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    folder: Path = tmp_path_factory.mktemp("search")
    addresses = (f"sqlite:///{folder / 'shop.db'}", url.set(database=name).render_as_string(hide_password=False))
    shops = [TestShop(address) for address in addresses]
    for each in shops:
        filling.fill_catalogue(each.core, list(catalogue.load()))
    yield shops
    for each in shops:
        each.close()
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize("query", _QUERIES)
def test_both_databases_find_the_same_in_the_same_order(two_shops, query: str) -> None:  # type: ignore[no-untyped-def]
    """The demo catalogue answers alike on SQLite and PostgreSQL: products, order, total, facets, correction."""
    pages = [shop.search.products(query, per_page=50) for shop in two_shops]
    one, other = ([card.slug for card in page.items] for page in pages)
    assert one == other
    assert (pages[0].total, pages[0].facets, pages[0].corrected) == (
        pages[1].total,
        pages[1].facets,
        pages[1].corrected,
    )
    suggestions = [shop.search.suggest(query) for shop in two_shops]
    assert suggestions[0] == suggestions[1]


def test_products_from_before_the_index(shop: TestShop) -> None:
    """Upgrading takes in the products that are there: they are found, mistyped too; going back and forth loses none."""
    shop.product("A", name="Café Caramelo", category="Grãos", attributes={"Torra": "Clara"})
    shop.migrate("0002")
    shop.migrate()
    shop.migrate("0018")
    shop.migrate()
    assert shop.search.check().clean
    page = shop.search.products("caramel", attributes={"torra": "clara"})
    assert [(each.value, each.count) for each in page.facets["Torra"]] == [("Clara", 1)]
    for query in ("caramelo", "carmelo", "claras", "grão", "A"):
        assert _skus(shop, query) == ["A"], query
    shop.product("B", name="Outro Caramelo")
    assert _skus(shop, "caramelos") == ["A", "B"]
