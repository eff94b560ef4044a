"""Finding products by words.

Query and index go through the same normaliser (rules/text.py), and what counts most is decided by the same rules on
both databases, so both find the same products in the same order: see `matching.rank`. A query that finds nothing is
asked again with its mistyped words put right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, func, select

from mestres_core.catalog import queries
from mestres_core.catalog.dto import FacetValue, Page, ProductCard
from mestres_core.catalog.models import attribute, category, product, variant
from mestres_core.catalog.service import CatalogService, check_paging, cursor_values
from mestres_core.catalog.vocabulary import corrected
from mestres_core.events.work import Work
from mestres_core.rules.checks import Checks, storable
from mestres_core.rules.text import fold, stems
from mestres_core.search import matching
from mestres_core.search.dto import Suggestion

_LONGEST_QUERY = 200
_MOST_WORDS = 8
_MOST_VALUES = 20
_MOST_COUNTED = 10_000
"""Beyond so many matches nobody pages through them: they are not counted, and facets count over so many of them."""

_RELEVANCE = "relevance"


class SearchService:
    """Search in one unit of work."""

    def __init__(self, work: Work, catalog: CatalogService) -> None:
        self._session = work.session
        self._dialect = work.dialect
        self._catalog = catalog

    def products(
        self,
        query: str,
        *,
        category: str | None = None,
        page: int = 1,
        per_page: int = 20,
        cursor: str | None = None,
        sort: str = _RELEVANCE,
        min_price: int | None = None,
        max_price: int | None = None,
        in_stock: bool | None = None,
        attributes: Mapping[str, str] | None = None,
        currency: str = "BRL",
        count: bool = True,
    ) -> Page[ProductCard]:
        """Products that have every word of `query`, with facet counts over all of them.

        The rest as in `catalog.list`; `sort` may also be relevance, the default, whose pages have no cursor. Beyond
        10,000 matches `total` is None, and the facets count over 10,000 of them. When nothing matches and a word is one
        edit away from one that the catalogue has, that is searched for, and `corrected` says so. A query without words
        finds nothing. Raises NotFound for an unknown category, ValidationError.
        """
        checks = Checks()
        check_paging(checks, page=page, per_page=per_page)
        checks.choice("sort", sort, (_RELEVANCE, *queries.SORTS))
        filters = self._catalog.filters(
            checks,
            category=category,
            min_price=min_price,
            max_price=max_price,
            in_stock=in_stock,
            attributes=attributes,
            currency=currency,
        )
        wanted = _words(query)
        nothing: Page[ProductCard] = Page((), page, per_page, 0 if count else None, None)
        if not wanted:
            return nothing
        how: dict[str, Any] = {"sort": sort, "page": page, "per_page": per_page, "cursor": cursor, "count": count}
        found = self._search(query, wanted, filters.conditions(), **how)
        if found.items or page > 1 or cursor is not None:
            return found
        meant = corrected(self._session, query[:_LONGEST_QUERY])
        if meant is None:
            return found
        return replace(self._search(meant, _words(meant), filters.conditions(), **how), corrected=meant)

    def suggest(self, query: str, *, limit: int = 10) -> tuple[Suggestion, ...]:
        """Categories, then products, that go on from what was typed. Raises ValidationError."""
        checks = Checks()
        checks.whole("limit", limit, at_least=1, at_most=50)
        checks.done()
        wanted = _words(query)
        if not wanted:
            return ()
        typed = fold(query.strip())
        names = select(category.c.name, category.c.slug).order_by(category.c.position, category.c.id)
        categories = [
            Suggestion(name, "category", short)
            for name, short in self._session.execute(names)
            if any(word.startswith(typed) for word in (fold(name), *fold(name).split()))
        ]
        named = matching.in_title(self._dialect, wanted, last_unfinished=True)
        found = self._featured_first([*queries.Filters().conditions(), named], limit)
        products = [Suggestion(row.name, "product", row.slug) for row in found]
        return tuple([*categories[: max(1, limit // 3)], *products][:limit])

    def _featured_first(self, conditions: Sequence[ColumnElement[bool]], limit: int) -> Sequence[Any]:
        """By name, what the shop puts forward before the rest: two walks along an index instead of one big sort."""
        rows: list[Any] = []
        for featured in (True, False):
            query = queries.cards([*conditions, product.c.featured.is_(featured)])
            query = query.order_by(product.c.sort_name, product.c.id).limit(limit - len(rows))
            rows += self._session.execute(query).all() if len(rows) < limit else []
        return rows

    def _search(
        self,
        query: str,
        wanted: Sequence[str],
        filters: Sequence[ColumnElement[bool]],
        *,
        sort: str,
        page: int,
        per_page: int,
        cursor: str | None,
        count: bool,
    ) -> Page[ProductCard]:
        conditions = [*filters, matching.anywhere(self._dialect, wanted)]
        if sort == _RELEVANCE:
            rows = self._by_relevance(query, wanted, filters, page=page, per_page=per_page)
        else:
            rows = self._sorted(conditions, sort=sort, page=page, per_page=per_page, cursor=cursor)
        shown, more = rows[:per_page], len(rows) > per_page
        next_cursor = queries.pack_cursor(sort, cursor_values(shown[-1], sort)) if more and sort != _RELEVANCE else None
        cards = tuple(queries.to_card(row) for row in shown)
        total = self._count(conditions) if count else None
        facets = self._facets(conditions) if rows else {}
        return Page(cards, page, per_page, total, next_cursor, facets)

    def _by_relevance(
        self, query: str, wanted: Sequence[str], filters: Sequence[ColumnElement[bool]], *, page: int, per_page: int
    ) -> Sequence[Any]:
        pinned = self._pinned(query)
        offset, by_name = (page - 1) * per_page, (product.c.sort_name, product.c.id)
        if pinned is None:
            # The best matches come first anyway. When they fill the page, the many others need not be ranked at all.
            best = [*filters, matching.in_title(self._dialect, wanted), matching.begins_with(wanted[0])]
            rows = self._session.execute(
                queries.cards(best).order_by(*by_name).offset(offset).limit(per_page + 1)
            ).all()
            if len(rows) > per_page:
                return rows
        every = queries.cards([*filters, matching.anywhere(self._dialect, wanted)])
        ranked = every.order_by(matching.rank(wanted, pinned), *by_name)
        return self._session.execute(ranked.offset(offset).limit(per_page + 1)).all()

    def _pinned(self, query: str) -> int | None:
        """The product whose SKU was typed, in any capitals."""
        typed = query.strip()
        skus = {typed, typed.upper(), typed.lower()}
        return self._session.execute(select(variant.c.product_id).where(variant.c.sku.in_(skus))).scalar()

    def _sorted(
        self, conditions: Sequence[ColumnElement[bool]], *, sort: str, page: int, per_page: int, cursor: str | None
    ) -> Sequence[Any]:
        after = None if cursor is None else queries.unpack_cursor(cursor, sort)
        query = queries.ordered(queries.cards(conditions), queries.SORTS[sort], after).limit(per_page + 1)
        return self._session.execute(query if after else query.offset((page - 1) * per_page)).all()

    def _count(self, conditions: Sequence[ColumnElement[bool]]) -> int | None:
        few = _matches(conditions, _MOST_COUNTED + 1)
        total = self._session.execute(select(func.count()).select_from(few)).scalar_one()
        return total if total <= _MOST_COUNTED else None

    def _facets(self, conditions: Sequence[ColumnElement[bool]]) -> dict[str, tuple[FacetValue, ...]]:
        found = _matches(conditions, _MOST_COUNTED)
        by_category = (
            select(category.c.slug, func.count())
            .select_from(found.join(category, category.c.id == found.c.category_id))
            .group_by(category.c.slug)
        )
        by_attribute = (
            select(attribute.c.name, attribute.c.value, func.count())
            .select_from(found.join(attribute, attribute.c.product_id == found.c.id))
            .group_by(attribute.c.name, attribute.c.value)
        )
        values: dict[str, list[FacetValue]] = {}
        for short, number in self._session.execute(by_category):
            values.setdefault("category", []).append(FacetValue(short, number))
        for name, value, number in self._session.execute(by_attribute):
            values.setdefault(name, []).append(FacetValue(value, number))
        ranked = {
            name: sorted(of, key=lambda value: (-value.count, value.value)) for name, of in sorted(values.items())
        }
        return {name: tuple(of[:_MOST_VALUES]) for name, of in ranked.items()}


def _words(query: str) -> list[str]:
    if not isinstance(query, str) or not storable(query):
        return []
    return list(dict.fromkeys(stems(query[:_LONGEST_QUERY])))[:_MOST_WORDS]


def _matches(conditions: Sequence[ColumnElement[bool]], most: int) -> Any:
    """The first so many products, whichever come."""
    query = select(product.c.id, product.c.category_id).select_from(queries.CARD_SOURCE).where(*conditions)
    return query.limit(most).subquery()
