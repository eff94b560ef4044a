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
from mestres_core.catalog.vocabulary import common, corrected, spellings
from mestres_core.events.work import Work
from mestres_core.rules.checks import Checks, storable
from mestres_core.rules.synonyms import BUILT_IN, Synonyms
from mestres_core.rules.text import fold
from mestres_core.search import matching
from mestres_core.search.asking import LONGEST_QUERY, Term, terms
from mestres_core.search.dto import Suggestion

_MOST_VALUES = 20
_MOST_COUNTED = 10_000
"""Beyond so many matches nobody pages through them: they are not counted."""

_FEW = 2_000
"""So many matches are fetched by number, and everything else is asked of those; facets count over so many at most."""

_SCARCE = 10
"""A query that so few products meet is asked again without the words that say little."""

_ENOUGH = 3
"""A query of so many words is answered with products that miss one, when none has all."""

_COMMONEST, _SHARE = 50, 4
"""A word says little that a fourth of the products have, and fifty at least: "café" in a coffee shop."""

_RELEVANCE = "relevance"


class SearchService:
    """Search in one unit of work."""

    def __init__(self, work: Work, catalog: CatalogService, synonyms: Synonyms = BUILT_IN) -> None:
        self._synonyms = synonyms
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
        10,000 matches `total` is None; beyond 2,000 the facets count over 2,000 of them. When fewer than ten products
        match, words that a fourth of all products have are not insisted on. When none does, mistyped words are put
        right, and `corrected` says so; then, of three words or more, one may be missing, and the page is `relaxed`.
        An empty page has something else to look at, `instead`. Raises NotFound for an unknown category,
        ValidationError.
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
        wanted = terms(query, self._synonyms)
        if not wanted:
            nothing: Page[ProductCard] = Page((), page, per_page, 0 if count else None, None)
            return self._instead(nothing, (), filters) if page == 1 else nothing
        how: dict[str, Any] = {"sort": sort, "page": page, "per_page": per_page, "cursor": cursor}
        found = self._search(query, wanted, filters, **how)
        if found.total == 0 and (meant := corrected(self._session, query[:LONGEST_QUERY])) is not None:
            query, wanted = meant, terms(meant, self._synonyms)
            found = replace(self._search(query, wanted, filters, **how), corrected=meant)
        if found.total == 0 and len(wanted) >= _ENOUGH:
            relaxed = self._search(query, wanted, filters, missing=1, **how)
            found = replace(relaxed, corrected=found.corrected, relaxed=relaxed.total != 0)
        if found.total == 0 and page == 1:
            found = self._instead(found, wanted, filters)
        return found if count else replace(found, total=None)

    def suggest(self, query: str, *, limit: int = 10) -> tuple[Suggestion, ...]:
        """Categories, then products, that go on from what was typed. Raises ValidationError."""
        checks = Checks()
        checks.whole("limit", limit, at_least=1, at_most=50)
        checks.done()
        wanted = terms(query, self._synonyms, unfinished=True)
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
        found = self._featured_first(named, matching.sorted_under(typed), limit)
        products = [Suggestion(row.name, "product", row.slug) for row in found]
        return tuple([*categories[: max(1, limit // 3)], *products][:limit])

    def spellings(self, word: str, *, limit: int = 5) -> tuple[str, ...]:
        """What a mistyped word may mean, folded, the likeliest first; nothing for a word that the catalogue has.

        Words that one edit makes of it, or two when they have eight letters, or that sound like it. Raises
        ValidationError.
        """
        checks = Checks()
        checks.whole("limit", limit, at_least=1, at_most=50)
        checks.done()
        if not isinstance(word, str) or not storable(word):
            return ()
        return tuple(spellings(self._session, word[:LONGEST_QUERY], limit=limit))

    def _featured_first(self, named: ColumnElement[bool], begins: ColumnElement[bool], limit: int) -> Sequence[Any]:
        """What the shop puts forward, then the names that begin so, then the rest; each by name."""
        conditions = [*queries.Filters().conditions(), named]
        ids = self._ids(conditions, _FEW)
        if len(ids) <= _FEW:
            among = [matching.among(self._dialect, ids), *queries.Filters().conditions()]
            order = (product.c.featured.desc(), begins.desc(), product.c.sort_name, product.c.id)
            return self._session.execute(queries.cards(among).order_by(*order).limit(limit)).all()
        plain = product.c.featured.is_(False)
        layers = ((product.c.featured,), (plain, begins), (plain, ~begins))
        some = select(product.c.id).where(named).limit(_MOST_COUNTED + 1).subquery()
        many = self._session.execute(select(func.count()).select_from(some)).scalar_one() > _MOST_COUNTED
        return self._layers(conditions, layers, limit, many=many)

    def _layers(
        self,
        conditions: Sequence[ColumnElement[bool]],
        layers: Sequence[Sequence[ColumnElement[bool]]],
        limit: int,
        *,
        many: bool,
    ) -> list[Any]:
        """The first so many by name, one layer after the other."""
        rows: list[Any] = []
        for index, layer in enumerate(layers):
            if len(rows) == limit:
                break
            # The last layer lies anywhere among the names. Many are soon met on a walk along their index; a few
            # thousand are sooner sorted than met, and a sort key that is no column keeps the database from walking.
            walk = many or index < len(layers) - 1
            first = product.c.sort_name if walk else func.coalesce(product.c.sort_name, "")
            query = queries.cards([*conditions, *layer]).order_by(first, product.c.id)
            rows += self._session.execute(query.limit(limit - len(rows))).all()
        return rows

    def _search(
        self,
        query: str,
        wanted: Sequence[Term],
        filters: queries.Filters,
        *,
        sort: str,
        page: int,
        per_page: int,
        cursor: str | None,
        missing: int = 0,
    ) -> Page[ProductCard]:
        conditions = filters.conditions()
        needed: Sequence[Term] = wanted
        match = matching.anywhere(self._dialect, wanted, missing=missing)
        ids = self._ids([*conditions, match], _MOST_COUNTED)
        if len(wanted) > 1 and len(ids) < _SCARCE and not missing and (needed := self._telling(wanted)) != wanted:
            match = matching.anywhere(self._dialect, needed)
            ids = self._ids([*conditions, match], _MOST_COUNTED)
        matches = [*conditions, match]
        few = len(ids) <= _FEW
        if few:
            matches = [matching.among(self._dialect, ids), *queries.Filters(currency=filters.currency).conditions()]
        if sort == _RELEVANCE:
            pinned = self._pinned(query)
            best = None
            if not few and pinned is None and not missing:
                many = len(ids) > _MOST_COUNTED
                best = self._best(needed, conditions, page=page, per_page=per_page, many=many)
            rows = best or self._ranked(
                matches, wanted if few else needed, pinned, few=few, page=page, per_page=per_page
            )
        else:
            rows = self._sorted(matches, sort=sort, page=page, per_page=per_page, cursor=cursor)
        shown, more = rows[:per_page], len(rows) > per_page
        next_cursor = queries.pack_cursor(sort, cursor_values(shown[-1], sort)) if more and sort != _RELEVANCE else None
        total = len(ids) if len(ids) <= _MOST_COUNTED else None
        cards = tuple(queries.to_card(row) for row in shown)
        return Page(cards, page, per_page, total, next_cursor, self._facets(ids[:_FEW]) if ids else {})

    def _instead(
        self, nothing: Page[ProductCard], wanted: Sequence[Term], filters: queries.Filters
    ) -> Page[ProductCard]:
        """The empty page with something else to look at, and why that."""
        conditions = filters.conditions()
        if len(wanted) > 1:
            ids = self._ids([*conditions, matching.some(self._dialect, wanted)], _FEW)
            among = [matching.among(self._dialect, ids[:_FEW]), *conditions]
            best = (matching.having(wanted).desc(), matching.rank(wanted, None), product.c.sort_name, product.c.id)
            query = queries.cards(among).order_by(*best).limit(nothing.per_page)
            if ids and (rows := self._session.execute(query).all()):
                return replace(nothing, instead=tuple(map(queries.to_card, rows)), instead_by="fewer_words")
        order = (product.c.featured.desc(), product.c.id.desc())  # the index of featured products, read backwards
        query = queries.cards(conditions).order_by(*order).limit(nothing.per_page)
        cards = tuple(map(queries.to_card, self._session.execute(query)))
        return replace(nothing, instead=cards, instead_by="popular" if cards else None)

    def _ids(self, conditions: Sequence[ColumnElement[bool]], most: int) -> list[int]:
        """The matches, whichever come first; one more than `most` when there are more."""
        query = select(product.c.id).select_from(queries.CARD_SOURCE).where(*conditions).limit(most + 1)
        return list(self._session.execute(query).scalars())

    def _telling(self, wanted: Sequence[Term]) -> Sequence[Term]:
        """The terms without those that too many products have; all of them when they are all alike."""
        products = self._session.execute(select(func.max(product.c.id))).scalar() or 0
        least = max(_COMMONEST, products // _SHARE)
        dull = common(self._session, [term.stems[0] for term in wanted if len(term.stems) == 1], least=least)
        return [term for term in wanted if term.stems[0] not in dull or len(term.stems) > 1] or wanted

    def _best(
        self, wanted: Sequence[Term], filters: Sequence[ColumnElement[bool]], *, page: int, per_page: int, many: bool
    ) -> Sequence[Any] | None:
        """A page that the best matches fill, which come first anyway: then the many others need not be ranked.

        First the names that begin with the words, then those that have them.
        """
        first, needed = (page - 1) * per_page, page * per_page + 1
        if needed > _FEW:
            return None
        named, begins = matching.in_title(self._dialect, wanted), matching.begins_with(wanted[0])
        rows = self._layers([*filters, named], ((begins,), (~begins,)), needed, many=many)
        return rows[first:] if len(rows) == needed else None

    def _ranked(
        self,
        matches: Sequence[ColumnElement[bool]],
        wanted: Sequence[Term],
        pinned: int | None,
        *,
        few: bool,
        page: int,
        per_page: int,
    ) -> Sequence[Any]:
        order = [matching.rank(wanted, pinned), product.c.sort_name, product.c.id]
        if few:  # of more, the best may be met on a walk along the names, which knows stems only
            order[1:1] = [matching.apart(wanted), matching.as_typed(wanted)]
        query = queries.cards(matches).order_by(*order)
        return self._session.execute(query.offset((page - 1) * per_page).limit(per_page + 1)).all()

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

    def _facets(self, ids: Sequence[int]) -> dict[str, tuple[FacetValue, ...]]:
        by_category = (
            select(category.c.slug, func.count())
            .select_from(product.join(category, category.c.id == product.c.category_id))
            .where(matching.among(self._dialect, ids))
            .group_by(category.c.slug)
        )
        by_attribute = (
            select(attribute.c.name, attribute.c.value, func.count())
            .where(matching.among(self._dialect, ids, attribute.c.product_id))
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
