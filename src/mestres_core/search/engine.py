"""Asking an engine beside the database, and feeding it. What it finds is shown as the database has it now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from mestres_core.catalog import indexing, queries
from mestres_core.catalog.dto import FacetValue, Page, ProductCard
from mestres_core.catalog.models import card, category, product, variant
from mestres_core.catalog.texts import BREAK, is_mark
from mestres_core.db.keyset import Keyset
from mestres_core.errors import ExtensionFailed, ValidationError
from mestres_core.rules.checks import BIGGEST_ID
from mestres_core.search.asking import Term
from mestres_core.search.finding import RELEVANCE, Slice
from mestres_core.search.narrowing import Narrowing
from mestres_core.typing import SearchBackend, SearchDocument, SearchHits, SearchRequest, SearchTerm

# An engine's pages are by number, told by how many rows lie before.
_CURSORS = {sort: Keyset(f"engine:{sort}", (product.c.id,)) for sort in (RELEVANCE, *queries.SORTS)}
_CHUNK = 500
_DEEPEST = 10_000
"""Engines refuse to look deeper: what lies behind has no next page."""

_MOST_VALUES = 20
_ROWS = (
    select(
        *(product.c[name] for name in ("id", "sort_name", "search_title", "search_body", "category_id")),
        product.c.rating_hundredths,
        category.c.slug,
        card.c.price,
        card.c.currency,
        card.c.in_stock,
    )
    .select_from(queries.CARD_SOURCE)
    .where(
        product.c.active, card.c.currency == bindparam("currency"), product.c.id.in_(bindparam("ids", expanding=True))
    )
)
_SKUS = select(variant.c.product_id, variant.c.sku).where(
    variant.c.product_id.in_(bindparam("ids", expanding=True)), variant.c.active
)
_PARENTS = select(category.c.id, category.c.parent_id)
_NEXT = select(product.c.id).where(product.c.id > bindparam("after")).order_by(product.c.id).limit(_CHUNK)


class EngineFinder:
    """The same questions as `Finder` answers, put to an engine."""

    def __init__(self, session: Session, backend: SearchBackend) -> None:
        self._session = session
        self._backend = backend

    def find(
        self, query: str, wanted: Sequence[Term], narrowing: Narrowing, wish: Slice, *, missing: int = 0
    ) -> Page[ProductCard]:
        """One page. A product that has gone since it was indexed is left out of it."""
        base = narrowing.base
        first = wish.skipped if wish.after is None else int(wish.after[0])
        request = SearchRequest(
            typed=query.strip(),
            terms=tuple(SearchTerm(term.phrases, term.begins) for term in wanted),
            missing=missing,
            currency=base.currency,
            categories=base.categories,
            min_price=base.min_price,
            max_price=base.max_price,
            in_stock=base.in_stock,
            min_rating=narrowing.rating,
            attributes=narrowing.attributes,
            sort=wish.sort,
            first=first,
            number=wish.per_page,
            facets=wish.facets,
        )
        hits = _hits(self._backend.search(request))
        shown = [product.c.active, card.c.currency == base.currency, product.c.id.in_(hits.ids)]
        rows = {row.id: row for row in self._session.execute(queries.cards(shown))} if hits.ids else {}
        after = first + wish.per_page
        return Page(
            tuple(queries.to_card(rows[number]) for number in hits.ids if number in rows),
            wish.page,
            wish.per_page,
            hits.total,
            _CURSORS[wish.sort].pack([after]) if after < min(hits.total, _DEEPEST) else None,
            {name: _values(counts) for name, counts in sorted(hits.facets.items())},
        )


def _hits(answer: Any) -> SearchHits:
    """What the engine found. Raises ExtensionFailed: on PostgreSQL the database would end the caller's transaction."""
    if (
        not isinstance(answer, SearchHits)
        or not all(type(each) is int and 0 < each <= BIGGEST_ID for each in answer.ids)
        or type(answer.total) is not int
        or answer.total < 0
    ):
        reason = f"row numbers and how many there are in all are expected, not {answer!r}"
        raise ExtensionFailed("the search engine", reason)
    return answer


def place_of(cursor: str | None, sort: str) -> tuple[int] | None:
    """Where the page before ended, when an engine made it; None for other cursors. Raises ValidationError."""
    if cursor is None:
        return None
    for made_for in (sort, *_CURSORS):
        with suppress(ValidationError):
            (after,) = _CURSORS[made_for].unpack(cursor)
            if made_for == sort and 0 <= after < _DEEPEST:
                return (after,)
            break
    else:
        return None
    raise ValidationError.of("cursor", "invalid", reason="made for another order")


def documents(session: Session, ids: Sequence[int], *, currency: str = "BRL") -> list[SearchDocument]:
    """These products as an engine takes them; those that are not shown any more are missing."""
    of = {"ids": list(ids)}
    texts = indexing.texts_of(session, ids)
    parents: Mapping[int, int | None] = {row.id: row.parent_id for row in session.execute(_PARENTS)}
    skus: dict[int, list[str]] = {}
    for number, sku in session.execute(_SKUS, of):
        skus.setdefault(number, []).append(sku)
    found = []
    for row in session.execute(_ROWS, {**of, "currency": currency}):
        facts, groups, rest = _fields(row.search_body)
        found.append(
            SearchDocument(
                row.id,
                row.sort_name,
                row.search_title.strip(),
                facts,
                groups,
                rest,
                tuple(skus.get(row.id, ())),
                row.slug,
                _path(parents, row.category_id),
                dict(texts[row.id].attributes),
                row.price,
                row.currency,
                bool(row.in_stock),
                row.rating_hundredths,
            )
        )
    return found


def all_documents(session: Session, progress: Any = None) -> Iterator[list[SearchDocument]]:
    """Every product that is shown, in portions."""
    after, done = 0, 0
    total = int(session.execute(select(func.count()).select_from(product)).scalar_one())
    while ids := session.execute(_NEXT, {"after": after}).scalars().all():
        yield documents(session, ids)
        after, done = ids[-1], done + len(ids)
        if progress is not None:
            progress(done, total)


def feed(session: Session, backend: SearchBackend, product_id: int) -> None:
    """Bring one product's document up to date, whatever has happened to it. Doing it twice does no harm."""
    found = documents(session, [product_id])
    if found:
        backend.save(found)
    else:
        backend.remove([product_id])


def _fields(body: str) -> tuple[str, str, str]:
    """The stems of facts, groups and the rest."""
    stems = [each for each in body.split() if not is_mark(each)]
    first = stems.index(BREAK)
    second = stems.index(BREAK, first + 1)
    return " ".join(stems[:first]), " ".join(stems[first + 1 : second]), " ".join(stems[second + 1 :])


def _values(counts: Mapping[str, int]) -> tuple[FacetValue, ...]:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(FacetValue(value, number) for value, number in ranked[:_MOST_VALUES])


def _path(parents: Mapping[int, int | None], at: int | None) -> tuple[int, ...]:
    found: list[int] = []
    while at is not None:
        found.append(at)
        at = parents[at]
    return tuple(found)
