"""More matches than are ranked: however they are gathered, on whichever database, the answer is the same.

What counts as thousands is set to twelve here, so that a small shop has them.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from core_shop import TestShop
from mestres_core.rules.text import fold
from mestres_examples import generate

FEW = 12
QUERIES = ("café", "bourbon", "moído natural", "mogiana", "fazenda", "catuai vermelho")
FILTERS: tuple[Mapping[str, Any], ...] = (
    {},
    {"category": "graos"},
    {"in_stock": True, "max_price": 9000},
    {"attributes": {"Processo": ["Natural", "Lavado"]}},
    {"attributes": {"Processo": ["Natural", "Lavado", "Honey"], "Torra": "Média"}, "min_price": 3000},
)
WAYS = {
    "walked": {"_STEPS": 4000, "_WALK": 10_000, "_NAMED": 1},
    "given up": {"_STEPS": 3, "_WALK": 10_000, "_NAMED": 10_000},
    "gathered": {"_STEPS": 0, "_WALK": 0, "_NAMED": 4, "_MOST_STEMS": 0},
}
Answer = tuple[list[int], int | None]


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[list[TestShop]]:
    """The same products on SQLite and PostgreSQL, some of them not shown."""
    url = make_url(postgres_url)
    admin = url.set(drivername="postgresql").render_as_string(hide_password=False)
    name = f"mestres_thousands_{uuid.uuid4().hex}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    file = tmp_path_factory.mktemp("thousands") / "shop.db"
    addresses = (f"sqlite:///{file}", url.set(database=name).render_as_string(hide_password=False))
    opened = [TestShop(address) for address in addresses]
    made = enumerate(islice(generate.products(400), 100, None))
    drafts = [replace(draft, active=number % 11 != 0) for number, draft in made]
    for each in opened:
        each.catalog.save_many(drafts)
    yield opened
    for each in opened:
        each.close()
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _answers(shop: TestShop) -> dict[tuple[str, int], Answer]:
    """Of each query with each filter: the products of two pages by number and one more by cursor, and the total."""
    found = {}
    for query in QUERIES:
        for number, chosen in enumerate(FILTERS):
            first, second = (shop.search.products(query, page=page, per_page=7, **chosen) for page in (1, 2))
            third = (
                shop.search.products(query, per_page=7, cursor=second.next_cursor, **chosen) if second.items else second
            )
            found[query, number] = ([card.id for page in (first, second, third) for card in page.items], first.total)
    return found


def test_however_many_match_both_databases_give_the_same(
    shops: list[TestShop], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Walked along the names, given up on the way or gathered by the words: the same products in the same order."""
    few = _answers(shops[0])
    assert _answers(shops[1]) == few
    monkeypatch.setattr("mestres_core.search.finding.FEW", FEW)
    answers = {}
    for way, settings in WAYS.items():
        with monkeypatch.context() as set_so:
            for name, value in settings.items():
                set_so.setattr(f"mestres_core.search.finding.{name}", value)
            answers |= {(way, shop.engine.dialect.name): _answers(shop) for shop in shops}
    expected = answers["gathered", "sqlite"]
    for which, of in answers.items():
        for asked in expected:
            assert of[asked] == expected[asked], (which, asked)
    assert {asked: total for asked, (_, total) in expected.items()} == {
        asked: total for asked, (_, total) in few.items()
    }
    assert sum(total > FEW for _, total in expected.values() if total is not None) > 20


def test_attributes_narrow_thousands(shops: list[TestShop], monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not chosen is on no page, also where names are met one by one and not ranked."""
    monkeypatch.setattr("mestres_core.search.finding.FEW", FEW)
    for shop in shops:
        for query in QUERIES:
            page = shop.search.products(query, per_page=50, attributes={"Processo": ["Natural", "Lavado"]})
            for card in page.items:
                detail = shop.catalog.get(card.slug)
                assert fold(dict(detail.attributes)["Processo"]) in ("natural", "lavado"), (query, card.name)


def test_too_many_have_no_total(shops: list[TestShop], monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the most that are counted there is no total, however they are narrowed."""
    monkeypatch.setattr("mestres_core.search.finding.FEW", FEW)
    monkeypatch.setattr("mestres_core.search.finding.MOST_COUNTED", 20)
    for shop in shops:
        assert shop.search.products("café").total is None
        assert shop.search.products("café", in_stock=True, category="graos").total is None
        assert shop.search.products("café", count=False).total is None
