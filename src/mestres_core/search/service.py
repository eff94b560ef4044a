"""Finding products by words.

Query and index go through the same normaliser (rules/text.py), so both databases find the same products in the same
order. A word matches where a word of the product begins with its stem; words of the name weigh more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select

from mestres_core.catalog import queries
from mestres_core.catalog.dto import FacetValue, Page, ProductCard
from mestres_core.catalog.models import attribute, category, product
from mestres_core.catalog.service import CatalogService, check_paging, cursor_values
from mestres_core.events.work import Work
from mestres_core.rules.checks import Checks, storable
from mestres_core.rules.text import fold, stems
from mestres_core.search.dto import Suggestion

_LONGEST_QUERY = 200
_MOST_WORDS = 8
_MOST_VALUES = 20
_RELEVANCE = "relevance"


class SearchService:
    """Search in one unit of work."""

    def __init__(self, work: Work, catalog: CatalogService) -> None:
        self._session = work.session
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

        The rest as in `catalog.list`; `sort` may also be relevance, the default, whose pages have no cursor. A query
        without words finds nothing. Raises NotFound for an unknown category, ValidationError.
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
        if not wanted:
            return Page((), page, per_page, 0 if count else None, None)
        conditions = [*filters.conditions(), *(_has(stem) for stem in wanted)]
        rows = self._rows(conditions, wanted, sort=sort, page=page, per_page=per_page, cursor=cursor)
        shown, more = rows[:per_page], len(rows) > per_page
        total = self._session.execute(queries.count(conditions)).scalar_one() if count else None
        next_cursor = queries.pack_cursor(sort, cursor_values(shown[-1], sort)) if more and sort != _RELEVANCE else None
        cards = tuple(queries.to_card(row) for row in shown)
        return Page(cards, page, per_page, total, next_cursor, self._facets(conditions))

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
        conditions = [*queries.Filters().conditions(), *(_in_title(stem) for stem in wanted)]
        found = self._session.execute(
            queries.cards(conditions)
            .order_by(product.c.featured.desc(), product.c.sort_name, product.c.id)
            .limit(limit)
        )
        products = [Suggestion(row.name, "product", row.slug) for row in found]
        return tuple([*categories[: max(1, limit // 3)], *products][:limit])

    def _rows(
        self,
        conditions: Sequence[ColumnElement[bool]],
        wanted: Sequence[str],
        *,
        sort: str,
        page: int,
        per_page: int,
        cursor: str | None,
    ) -> Sequence[Any]:
        query = queries.cards(conditions).limit(per_page + 1)
        if sort == _RELEVANCE:
            # A word of the name counts, and once more when the name begins with the query.
            matches = [*map(_in_title, wanted), product.c.search_title.like(f" {wanted[0]}%")]
            weight: ColumnElement[int] = sum((case((match, 1), else_=0) for match in matches), literal(0))
            query = query.order_by(weight.desc(), product.c.sort_name, product.c.id)
            return self._session.execute(query.offset((page - 1) * per_page)).all()
        after = None if cursor is None else queries.unpack_cursor(cursor, sort)
        query = queries.ordered(query, queries.SORTS[sort], after)
        return self._session.execute(query if after else query.offset((page - 1) * per_page)).all()

    def _facets(self, conditions: Sequence[ColumnElement[bool]]) -> dict[str, tuple[FacetValue, ...]]:
        found = select(product.c.id).select_from(queries.CARD_SOURCE).where(*conditions)
        by_category = (
            select(category.c.slug, func.count())
            .select_from(queries.CARD_SOURCE)
            .where(*conditions, category.c.id.is_not(None))
            .group_by(category.c.slug)
        )
        by_attribute = (
            select(attribute.c.name, attribute.c.value, func.count())
            .where(attribute.c.product_id.in_(found))
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


def _in_title(stem: str) -> ColumnElement[bool]:
    return product.c.search_title.like(f"% {stem}%")  # a stem holds only a-z and 0-9: nothing to escape


def _has(stem: str) -> ColumnElement[bool]:
    return or_(_in_title(stem), and_(product.c.search_body.like(f"% {stem}%")))
