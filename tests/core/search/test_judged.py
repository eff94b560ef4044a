"""How well search does by people's judgement, on both databases."""

from __future__ import annotations

import os
import sys
import tomllib
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from core_shop import TestShop
from mestres_core.catalog.dto import ProductDraft
from mestres_core.catalog.feed import Feed, read_mapping
from mestres_examples import catalogue

sys.path.insert(0, str(Path(__file__).parent))
import judged

ROOT = Path(__file__).parents[3]
DATA = ROOT.parent / "shared" / "data"
LONG = os.environ.get("MESTRES_STRESS") == "long"
LOTS = ("arabica", "robusta")
# The real lots are judged in the long form, where their files lie beside the checkout.
JUDGED = ("demo", "lots") if LONG and (DATA / "cqi_arabica.csv.gz").exists() else ("demo",)
Shops = tuple[list[TestShop], list[ProductDraft]]


def _lots() -> Iterator[ProductDraft]:
    for species in LOTS:
        path = DATA / f"cqi_{species}.csv.gz"
        rules = read_mapping(ROOT / "examples" / "mappings" / f"cqi_{species}.toml")
        yield from (each for each in Feed(path, rules) if isinstance(each, ProductDraft))


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[Shops]:
    """The demo catalogue, in the long form with the real lots among it, on SQLite and PostgreSQL."""
    drafts = [*catalogue.load(), *(_lots() if "lots" in JUDGED else ())]
    url = make_url(postgres_url)
    admin = url.set(drivername="postgresql").render_as_string(hide_password=False)
    name = f"mestres_judged_{uuid.uuid4().hex}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    folder = tmp_path_factory.mktemp("judged")
    addresses = (f"sqlite:///{folder / 'shop.db'}", url.set(database=name).render_as_string(hide_password=False))
    opened = [TestShop(address) for address in addresses]
    for each in opened:
        for start in range(0, len(drafts), 200):
            each.catalog.save_many(drafts[start : start + 200])
    yield opened, drafts
    for each in opened:
        each.close()
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _found(shop: TestShop, query: str) -> list[str]:
    return [card.sku for card in shop.search.products(query, per_page=10).items]


@pytest.mark.parametrize("name", JUDGED)
def test_people_find_what_they_look_for(shops: Shops, name: str) -> None:
    """NDCG@10 is 0.90 and MRR 0.92 at least, no query is without results, and both databases answer alike."""
    opened, drafts = shops
    queries = list(judged.read(name, drafts))
    answers = [(each, _found(opened[0], each.text)) for each in queries]
    scores = [(judged.ndcg(found, each.grades), each.text) for each, found in answers]
    firsts = [judged.reciprocal_rank(found, each.grades) for each, found in answers]
    empty = [each.text for each, found in answers if not found]
    gain, rank = sum(score for score, _ in scores) / len(scores), sum(firsts) / len(firsts)
    print(f"\n{name}: {len(queries)} queries, NDCG@10 {gain:.4f}, MRR {rank:.4f}, {len(empty)} without results")
    print("  worst: " + ", ".join(f"{text} {score:.2f}" for score, text in sorted(scores)[:20]))
    assert empty == []
    assert gain >= 0.90, sorted(scores)[:20]
    assert rank >= 0.92, sorted(scores)[:20]
    for each, found in answers:
        assert _found(opened[1], each.text) == found, each.text


def test_the_words_are_judged_by_people() -> None:
    """There are 120 queries at least, each once."""
    tables = (tomllib.loads((judged.FOLDER / f"{name}.toml").read_text(encoding="utf-8")) for name in ("demo", "lots"))
    texts = [row["text"] for table in tables for row in table["query"]]
    assert len(texts) == len(set(texts)) >= 120
