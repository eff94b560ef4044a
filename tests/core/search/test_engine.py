"""An engine beside the database."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
from sqlalchemy import update

from core_shop import TestShop
from mestres_core.catalog.models import product
from mestres_core.errors import SearchUnavailable, ValidationError
from mestres_core.typing import SearchDocument, SearchHits, SearchRequest


class Memory:
    """An engine as small as one can be: every stem counts the same."""

    def __init__(self) -> None:
        self.documents: dict[int, SearchDocument] = {}
        self.requests: list[SearchRequest] = []
        self.ill = False

    def search(self, request: SearchRequest) -> SearchHits:
        self._answer()
        self.requests.append(request)
        found = sorted(each.id for each in self.documents.values() if self._meets(each, request))
        return SearchHits(found[request.first : request.first + request.number], len(found), {"category": {"graos": 7}})

    def save(self, documents: Sequence[SearchDocument]) -> None:
        self._answer()
        self.documents |= {each.id: each for each in documents}

    def remove(self, ids: Sequence[int]) -> None:
        self._answer()
        for each in ids:
            self.documents.pop(each, None)

    def replace(self, documents: Iterable[Sequence[SearchDocument]]) -> None:
        self.documents = {each.id: each for some in documents for each in some}

    def _answer(self) -> None:
        if self.ill:
            raise SearchUnavailable("ill")

    @staticmethod
    def _meets(each: SearchDocument, request: SearchRequest) -> bool:
        words = {*each.title.split(), *each.facts.split(), *each.groups.split(), *each.rest.split()}
        met = sum(any({*phrase} <= words for phrase in term.phrases) for term in request.terms)
        return met >= len(request.terms) - request.missing


@pytest.fixture
def engine() -> Memory:
    return Memory()


@pytest.fixture
def beside(open_shop: Callable[..., TestShop], engine: Memory) -> TestShop:
    return open_shop(search=engine)


def _relay(shop: TestShop) -> None:
    while shop.relay():
        pass


def _skus(shop: TestShop, query: str, **how: object) -> list[str]:
    return [card.sku for card in shop.search.products(query, **how).items]


def test_the_outbox_feeds_it(beside: TestShop, engine: Memory) -> None:
    """What is saved, changed, hidden or sold out is there once the outbox is delivered, in stems."""
    made = beside.product(
        "A",
        name="Cafés Caramelo",
        category=["Grãos", "Microlotes"],
        attributes={"Torra": "Clara"},
        description="Doces.",
    )
    assert engine.documents == {}
    _relay(beside)
    document = engine.documents[made.id]
    assert (document.title, document.rest, document.skus) == ("cafe caramelo", "doce", ("A",))
    assert (document.values, document.in_stock, document.price) == ({"Torra": "Clara"}, True, 1000)
    assert len(document.categories) == 2
    beside.inventory.set("A", on_hand=0)
    _relay(beside)
    assert engine.documents[made.id].in_stock is False
    beside.catalog.save(name="Chá", key="A", variants=[{"sku": "A", "price": 1}], active=False)
    _relay(beside)
    assert engine.documents == {}


def test_it_is_asked_instead_of_the_database(beside: TestShop, engine: Memory) -> None:
    """Its order, its total and its facets count; what it says is shown as the database has it now."""
    for sku in "ABC":
        beside.product(sku, name=f"Café {sku}")
    _relay(beside)
    page = beside.search.products("cafés", per_page=2, attributes={"Torra": "Clara"}, in_stock=True, min_rating=4)
    assert ([card.sku for card in page.items], page.total) == (["A", "B"], 3)
    assert page.facets["category"][0].count == 7
    request = engine.requests[-1]
    assert request.attributes == {"torra": frozenset({"clara"})}
    assert (request.in_stock, request.min_rating, request.terms[0].phrases) == (True, 400, (("cafe",),))
    assert _skus(beside, "cafés", per_page=2, cursor=page.next_cursor) == ["C"]
    with beside.transaction() as tx:
        tx.outbox.session.execute(update(product).where(product.c.name == "Café B").values(active=False))
    assert _skus(beside, "café") == ["A", "C"]


def test_mistyped_and_missing_words_are_helped_there_too(beside: TestShop) -> None:
    """The words are put right by the catalogue's own vocabulary; of three, one may be missing."""
    beside.product("A", name="Moedor manual")
    _relay(beside)
    assert beside.search.products("moedro").corrected == "moedor"
    page = beside.search.products("moedor manual vermelho")
    assert (page.relaxed, page.total) == (True, 1)
    assert beside.search.products("xilofone").instead_by == "popular"


def test_while_it_is_ill_the_database_answers(beside: TestShop, engine: Memory) -> None:
    """Search goes on, also from a page to the next; what could not be told is told later."""
    for sku in "ABC":
        beside.product(sku, name=f"Café {sku}")
    _relay(beside)
    page = beside.search.products("café", per_page=2)
    engine.ill = True
    assert _skus(beside, "café") == ["A", "B", "C"]
    assert _skus(beside, "café", per_page=2, cursor=page.next_cursor) == ["C"]
    ours = beside.search.products("café", per_page=2)
    made = beside.product("D", name="Café D")
    _relay(beside)
    engine.ill = False
    assert _skus(beside, "café", per_page=2, cursor=ours.next_cursor) == ["C", "D"]
    assert made.id not in engine.documents
    beside.clock.advance(minutes=10)
    _relay(beside)
    assert made.id in engine.documents


@pytest.mark.parametrize(
    "hits",
    [None, ([1], 1), SearchHits(["1"], 1), SearchHits([2**63], 1), SearchHits([1], None), SearchHits([1], -1)],  # type: ignore[list-item, arg-type]
    ids=repr,
)
def test_an_answer_that_is_none_is_the_databases(open_shop: Callable[..., TestShop], hits: Any) -> None:
    """In the caller's transaction, too, which goes on: the database is never asked for what is no row number."""

    class Odd(Memory):
        def search(self, request: SearchRequest) -> SearchHits:
            return hits  # type: ignore[no-any-return]

    shop = open_shop(search=Odd())
    shop.product("A", name="Café A")
    with shop.transaction() as tx:
        assert [card.sku for card in tx.search.products("café").items] == ["A"]
        tx.catalog.save(name="Chá", variants=[{"sku": "B", "price": 1000}])
    assert shop.catalog.list().total == 2


def test_a_rebuild_fills_it_anew(beside: TestShop, engine: Memory) -> None:
    """All that is shown, and nothing else."""
    beside.product("A", name="Café A")
    beside.catalog.save(name="Oculto", variants=[{"sku": "B", "price": 1}], active=False)
    engine.documents[999] = dataclasses.replace(
        SearchDocument(999, "", "", "", "", "", (), None, (), {}, 0, "BRL", True, None)
    )
    beside.search.rebuild()
    assert [each.title for each in engine.documents.values()] == ["cafe a"]


def test_a_cursor_of_another_order_is_refused(beside: TestShop) -> None:
    """As the database does."""
    for sku in "ABC":
        beside.product(sku, name=f"Café {sku}")
    _relay(beside)
    cursor = beside.search.products("café", per_page=1).next_cursor
    with pytest.raises(ValidationError):
        beside.search.products("café", per_page=1, cursor=cursor, sort="price")
