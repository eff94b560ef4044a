"""Shops of any size to search in: the products of mestres_examples.generate, written in bulk.

Beyond a hundred thousand these are copied by the database, each copy with a number of its own behind the name: to make
the texts of a million would take half an hour. Of copies only what search reads is there. A shop that grows keeps what
it has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, insert
from sqlalchemy.orm import Session
from tqdm import tqdm

from mestres_core import Commerce, ProductDraft
from mestres_core.catalog.models import attribute, card, category, price, product, variant
from mestres_core.catalog.texts import Texts
from mestres_core.catalog.vocabulary import learn, learn_stems
from mestres_core.rules.text import fold, slug
from mestres_examples import generate

_CHUNK = 2000
_MADE = 100_000
_COPIED = 20_000
"""So many at a time."""

# What differs in a copy; what is not named here is the same, and of the rest only cards and variants are copied.
_COPIES = {
    product: {
        "id": "id + {far}",
        "key": "key || '-{copy}'",
        "slug": "slug || '-{copy}'",
        "name": "name || ' / {copy}'",
        "sort_name": "sort_name || ' / {copy}'",
        "search_title": "search_title || '{copy} '",
    },
    variant: {"id": "id + {variants}", "product_id": "product_id + {far}", "sku": "sku || '-{copy}'"},
    card: {"product_id": "product_id + {far}", "sku": "sku || '-{copy}'"},
}
_THEN = datetime(2026, 1, 1, tzinfo=UTC)
_GIN = ("search_vector", "search_title_vector")


def fill(shop: Commerce, number: int) -> None:
    """Write so many products into an empty shop: what `save_many` writes of them that search reads, without stock."""
    for _ in grown(shop, [number]):
        pass


def grown(shop: Commerce, sizes: Sequence[int]) -> Iterator[int]:
    """The same for one size after the other, in the same shop; each when it is reached."""
    drafts = generate.products(min(sizes[-1], _MADE))
    categories: dict[tuple[str, ...], int] = {}
    have = 0
    for size in sizes:
        with _without_gin(shop), tqdm(total=size - have, unit=" products", leave=False) as bar:
            while have < size:
                with shop.engine.begin() as connection:
                    some = list(islice(drafts, min(_CHUNK, size - have)))
                    _write(connection, some, have + 1, categories)
                    more = len(some) or _copy(connection, have, size)
                have += more
                bar.update(more)
        yield size


@contextmanager
def _without_gin(shop: Commerce) -> Iterator[None]:
    """PostgreSQL makes its indexes of words in one go, which is quicker; then both databases count what is where."""
    postgresql = shop.engine.dialect.name == "postgresql"
    with shop.engine.begin() as connection:
        for column in _GIN if postgresql else ():
            connection.exec_driver_sql(f"DROP INDEX ix_mc_product_{column}")
    yield
    with shop.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for column in _GIN if postgresql else ():
            connection.exec_driver_sql(f"CREATE INDEX ix_mc_product_{column} ON mc_product USING gin ({column})")
        connection.exec_driver_sql("VACUUM ANALYZE" if postgresql else "ANALYZE")


def _copy(connection: Connection, have: int, number: int) -> int:
    """The products that were made, once more, as far as there is room for them up to `number`; how many those are."""
    copy, first = divmod(have, _MADE)
    last = min(_MADE, number - copy * _MADE, first + _COPIED)
    told = {"copy": copy, "far": copy * _MADE, "variants": 4 * copy * _MADE}
    for table, changed in _COPIES.items():
        names = [column.name for column in table.c]
        values = [changed.get(name, name).format(**told) for name in names]
        key = "id" if table is product else "product_id"
        connection.exec_driver_sql(
            f"INSERT INTO {table.name} ({', '.join(names)}) "
            f"SELECT {', '.join(values)} FROM {table.name} WHERE {key} > {first} AND {key} <= {last}"
        )
    return last - first


def _write(
    connection: Connection, drafts: Sequence[ProductDraft], first: int, categories: dict[tuple[str, ...], int]
) -> None:
    rows: dict[Any, list[dict[str, Any]]] = {each: [] for each in (category, product, variant, price, card, attribute)}
    texts = []
    for number, draft in enumerate(drafts, first):
        for depth in range(1, len(draft.category) + 1):
            _category(draft.category[:depth], categories, rows[category])
        found = Texts(
            draft.name,
            draft.description,
            tuple(draft.category),
            draft.attributes,
            tuple(text for each in draft.variants for text in (each.sku, each.name)),
        )
        texts.append(found.all())
        rows[product].append(_product(draft, number, categories[tuple(draft.category)], found))
        rows[attribute] += [
            {
                "product_id": number,
                "name": name,
                "value": value,
                "name_folded": fold(name),
                "value_folded": fold(value),
                "position": position,
            }
            for position, (name, value) in enumerate(draft.attributes.items())
        ]
        for position, each in enumerate(draft.variants):
            row = 4 * number + position
            rows[variant].append(
                {
                    "id": row,
                    "product_id": number,
                    "sku": each.sku,
                    "name": each.name,
                    "position": position,
                    "weight_grams": 1,
                    "active": True,
                }
            )
            rows[price].append({"variant_id": row, "currency": "BRL", "amount": each.price})
        if draft.active:
            rows[card].append(_card(draft, number, categories[tuple(draft.category)]))
    for table, of in rows.items():
        if of:
            connection.execute(insert(table), of)
    with Session(connection) as session:
        learn(session, connection.dialect.name, texts)
        found_by = (row[name] for row in rows[product] for name in ("search_title", "search_body"))
        learn_stems(session, connection.dialect.name, found_by)


def _card(draft: ProductDraft, number: int, of: int) -> dict[str, Any]:
    prices = [each.price for each in draft.variants]
    return {
        "product_id": number,
        "currency": "BRL",
        "price": min(prices),
        "max_price": max(prices),
        "variants": len(prices),
        "sku": draft.variants[0].sku,
        "image": None,
        "in_stock": any(each.stock for each in draft.variants),
        "category_id": of,
    }


def _category(path: tuple[str, ...], known: dict[tuple[str, ...], int], rows: list[dict[str, Any]]) -> None:
    if path not in known:
        known[path] = len(known) + 1
        rows.append(
            {
                "id": known[path],
                "parent_id": known.get(path[:-1]),
                "slug": slug(" ".join(path)),
                "name": path[-1],
                "position": known[path],
            }
        )


def _product(draft: ProductDraft, number: int, of: int, texts: Texts) -> dict[str, Any]:
    return {
        "id": number,
        "key": draft.key,
        "slug": f"{slug(draft.name)[:150]}-{number}",
        "name": draft.name,
        "sort_name": fold(draft.name),
        "description": draft.description,
        "category_id": of,
        "active": draft.active,
        "featured": draft.featured,
        "search_title": texts.title(),
        "search_body": texts.body(),
        "search_facets": texts.facets(),
        "content_hash": "",
        "created_at": _THEN,
        "updated_at": _THEN,
    }
