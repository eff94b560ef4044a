"""Finding products by words.

Query and index go through the same normaliser (rules/text.py), and what counts most is decided by the same rules on
both databases, so both find the same products in the same order: see `ranking`. A query that finds nothing is
asked again with its mistyped words put right.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select

from mestres_core.catalog import queries
from mestres_core.catalog.dto import Highlight, Page, ProductCard
from mestres_core.catalog.models import category, product
from mestres_core.catalog.service import CatalogService, check_paging
from mestres_core.catalog.vocabulary import corrected, spellings
from mestres_core.db.dialects.sql import as_dict
from mestres_core.events.work import Work
from mestres_core.rules.checks import Checks, storable
from mestres_core.rules.highlighting import marked, snippet, spans
from mestres_core.rules.synonyms import BUILT_IN, Synonyms
from mestres_core.rules.text import fold
from mestres_core.search import engine, popular, querylog, upkeep
from mestres_core.search.asking import LONGEST_QUERY, Term, terms
from mestres_core.search.dto import AskedQuery, IndexReport, Suggestion
from mestres_core.search.finding import MOST_COUNTED, RELEVANCE, Finder, Slice, place_of
from mestres_core.search.models import popularity
from mestres_core.search.narrowing import Narrowing, attribute_values, rating
from mestres_core.search.querylog import QueryLog
from mestres_core.typing import SearchBackend

_log = logging.getLogger(__name__)

_DESCRIPTIONS = select(product.c.id, product.c.description).where(product.c.id.in_(bindparam("ids", expanding=True)))
_MOST_REPORTED = 1000
_CATEGORIES = (
    select(category.c.name, category.c.slug)
    .outerjoin(popularity, (popularity.c.kind == popular.CATEGORY) & (popularity.c.id == category.c.id))
    .order_by(popularity.c.sold.desc().nulls_last(), category.c.position, category.c.id)
)


class SearchService:
    """Search in one unit of work."""

    def __init__(
        self,
        work: Work,
        catalog: CatalogService,
        synonyms: Synonyms = BUILT_IN,
        *,
        log: QueryLog | None = None,
        backend: SearchBackend | None = None,
    ) -> None:
        self._work = work
        self._synonyms = synonyms
        self._session = work.session
        self.dialect = work.dialect
        self._catalog = catalog
        self._log = log or QueryLog()
        self._finder = Finder(work.session, work.dialect)
        self._engine = None if backend is None else engine.EngineFinder(work.session, backend)

    def products(
        self,
        query: str,
        *,
        category: str | None = None,
        page: int = 1,
        per_page: int = 20,
        cursor: str | None = None,
        sort: str = RELEVANCE,
        min_price: int | None = None,
        max_price: int | None = None,
        in_stock: bool | None = None,
        min_rating: float | None = None,
        attributes: Mapping[str, str | Sequence[str]] | None = None,
        currency: str = "BRL",
        count: bool = True,
        facets: bool = True,
        highlight: bool = False,
    ) -> Page[ProductCard]:
        """Products that have every word of `query`, with facet counts over all of them.

        The rest as in `catalog.list`; of an attribute several values may be given, any of which will do; `min_rating`
        is from 0 to 5; `sort` may also be relevance, the default. A facet's counts ignore what is chosen within that
        facet: they say what choosing another value would give. With `highlight` the page has `highlights`.

        Beyond 10,000 matches `total` is None; beyond 1,000 the facets count over 1,000 of them, and fields weigh less:
        see `docs/search.md`. `count=False` and `facets=False` leave them out and save time. When fewer than ten
        products match, words that a fourth of all products have are not insisted on. When none does, mistyped words
        are put right, and `corrected` says so; then, of several words, one may be missing, and the page is
        `relaxed`. An empty page has something else to look at, `instead`. Raises NotFound for an unknown category,
        ValidationError.
        """
        checks = Checks()
        check_paging(checks, page=page, per_page=per_page)
        checks.choice("sort", sort, (RELEVANCE, *queries.SORTS))
        values = attribute_values(checks, attributes)
        rated = rating(checks, min_rating)
        for name, value in (("count", count), ("facets", facets), ("highlight", highlight)):
            if not isinstance(value, bool):
                checks.wrong(name, "not_boolean")
        base = self._catalog.filters(
            checks,
            category=category,
            min_price=min_price,
            max_price=max_price,
            in_stock=in_stock,
            attributes=None,
            currency=currency,
        )
        narrowing = Narrowing(base=base, attributes=values, rating=rated)
        theirs = None if self._engine is None else engine.place_of(cursor, sort)
        after = theirs or place_of(cursor, sort)
        wish = Slice(sort=sort, page=page, per_page=per_page, after=after, count=count, facets=facets)
        wanted, found = self._answer(query, narrowing, wish)
        if isinstance(query, str) and page == 1 and cursor is None:
            self._log.note(query, _as_typed(found))
        if highlight:
            found = replace(found, highlights=self._highlights(found.items, wanted))
        return found if count else replace(found, total=None)

    def suggest(self, query: str, *, limit: int = 10) -> tuple[Suggestion, ...]:
        """What goes on from what was typed: categories, past queries, then products; of each what is asked for most.

        A past query was asked twice at least and found something. Products that the shop puts forward come first, then
        those that are sold most, then those whose names begin so. Raises ValidationError.
        """
        checks = Checks()
        checks.whole("limit", limit, at_least=1, at_most=50)
        checks.done()
        wanted = terms(query, self._synonyms, unfinished=True)
        if not wanted:
            return ()
        typed = fold(query.strip())
        categories = [
            Suggestion(name, "category", short)
            for name, short in self._session.execute(_CATEGORIES)
            if any(word.startswith(typed) for word in (fold(name), *fold(name).split()))
        ]
        share = max(1, limit // 3)
        past = [Suggestion(each, "query", None) for each in querylog.suggestions(self._session, query, share)]
        found = self._finder.popular_first(wanted, typed, limit)
        products = [Suggestion(row.name, "product", row.slug) for row in found]
        return tuple([*categories[:share], *past, *products][:limit])

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

    def log(self, query: str, *, results: int) -> None:
        """Count a search that was answered elsewhere, by a cache for example. Raises ValidationError."""
        checks = Checks()
        checks.text("query", query, limit=10_000)
        checks.whole("results", results, at_least=0, at_most=10**9)
        checks.done()
        self._log.note(query, results)

    def flush(self) -> int:
        """Write what was searched for since the last time; how many queries. A worker calls it, and so does the log."""
        counts = self._log.take()
        try:
            querylog.write(self._session, self.dialect, counts, self._work.clock.now())
        except BaseException:
            self._log.give_back(counts)
            raise
        return len(counts)

    def asked(self, *, limit: int = 50, since: datetime | None = None) -> tuple[AskedQuery, ...]:
        """What is searched for, the most asked first; `since` leaves out what was not asked since. ValidationError."""
        return self._reported(limit, since, without_results=False)

    def without_results(self, *, limit: int = 50, since: datetime | None = None) -> tuple[AskedQuery, ...]:
        """What is searched for in vain: no product had it as it was typed. Raises ValidationError."""
        return self._reported(limit, since, without_results=True)

    def forget(self, *, older_than: timedelta = timedelta(days=365)) -> int:
        """Drop queries that nobody has asked for so long; how many. Raises ValidationError."""
        checks = Checks()
        checks.time("older_than", older_than)
        checks.done()
        return querylog.forget(self._session, self._work.clock.now() - older_than)

    def count_sales(self, *, days: int = 90) -> int:
        """Count what was sold in so many days, for the order of suggestions; of how many products anything was.

        A worker calls it every hour. Raises ValidationError.
        """
        checks = Checks()
        checks.whole("days", days, at_least=1, at_most=3650)
        checks.done()
        return popular.count(self._session, self.dialect, self._work.clock.now() - timedelta(days=days))

    def check(self, *, progress: upkeep.Progress | None = None) -> IndexReport:
        """Prove that every product is found by what its texts say now. `progress` is told (done, of how many)."""
        return upkeep.check(self._session, self.dialect, progress)

    def rebuild(self, *, progress: upkeep.Progress | None = None) -> int:
        """Index every product anew where it is not right, and count all words; how many were not right.

        `shop.search.rebuild()` works in small transactions, while the shop is open.
        """
        made, total = upkeep.Rebuild(self._work.clock.now()), upkeep.count(self._session)
        while made.chunk(self._session, self.dialect):
            if progress is not None:
                progress(made.done, total)
        made.finish(self._session, self.dialect)
        return made.changed

    def _answer(self, query: str, narrowing: Narrowing, wish: Slice) -> tuple[Sequence[Term], Page[ProductCard]]:
        """The terms that were asked for in the end, and their page."""
        wanted: Sequence[Term] = terms(query, self._synonyms)
        first = wish.page == 1
        if not wanted:
            nothing: Page[ProductCard] = Page((), wish.page, wish.per_page, 0, None)
            return (), self._instead(nothing, (), narrowing) if first else nothing
        found = self._find(query, wanted, narrowing, wish)
        if found.total == 0 and (meant := corrected(self._session, query[:LONGEST_QUERY])) is not None:
            query, wanted = meant, terms(meant, self._synonyms)
            found = replace(self._find(query, wanted, narrowing, wish), corrected=meant)
        if found.total == 0 and len(wanted) > 1:
            relaxed = self._find(query, wanted, narrowing, wish, missing=1)
            found = replace(relaxed, corrected=found.corrected, relaxed=relaxed.total != 0)
        if found.total == 0 and first:
            found = self._instead(found, wanted, narrowing)
        return wanted, found

    def _find(
        self, query: str, wanted: Sequence[Term], narrowing: Narrowing, wish: Slice, *, missing: int = 0
    ) -> Page[ProductCard]:
        """One page of the engine's, where there is one and it answers; else of the database's."""
        if self._engine is not None and (wish.after is None or len(wish.after) == 1):
            try:
                return self._engine.find(query, wanted, narrowing, wish, missing=missing)
            except Exception as error:  # noqa: BLE001 - whatever an engine's client raises, the database can answer
                _log.warning("the search engine gave no answer: %s", error)
            if wish.after is not None:
                wish = replace(wish, after=None, page=wish.after[0] // wish.per_page + 1)
        return self._finder.find(query, wanted, narrowing, wish, missing=missing)

    def _instead(self, nothing: Page[ProductCard], wanted: Sequence[Term], narrowing: Narrowing) -> Page[ProductCard]:
        """The empty page with something else to look at, and why that."""
        if len(wanted) > 1:
            cards = self._finder.having_most(wanted, narrowing, nothing.per_page)
            if cards:
                return replace(nothing, instead=cards, instead_by="fewer_words")
        order = (product.c.featured.desc(), product.c.id.desc())  # the index of featured products, read backwards
        query = queries.cards(narrowing.conditions()).order_by(*order).limit(nothing.per_page)
        cards = tuple(map(queries.to_card, self._session.execute(query)))
        return replace(nothing, instead=cards, instead_by="popular" if cards else None)

    def _highlights(self, cards: Sequence[ProductCard], wanted: Sequence[Term]) -> dict[int, Highlight]:
        if not cards or not wanted:
            return {}
        stems = {stem for term in wanted for phrase in term.phrases for stem in phrase}
        begins = {term.begins for term in wanted if term.begins}
        texts = self._session.execute(_DESCRIPTIONS, {"ids": [card.id for card in cards]})
        descriptions = as_dict(texts)
        found = {}
        for card in cards:
            description = descriptions.get(card.id, "")
            where = spans(description, stems, begins)
            found[card.id] = Highlight(marked(card.name, spans(card.name, stems, begins)), snippet(description, where))
        return found

    def _reported(self, limit: int, since: datetime | None, *, without_results: bool) -> tuple[AskedQuery, ...]:
        checks = Checks()
        checks.whole("limit", limit, at_least=1, at_most=_MOST_REPORTED)
        if since is not None and (not isinstance(since, datetime) or since.tzinfo is None):
            checks.wrong("since", "invalid", reason="must be a datetime with a time zone")
        checks.done()
        self.flush()
        return querylog.report(self._session, limit=limit, since=since, without_results=without_results)


def _as_typed(found: Page[ProductCard]) -> int:
    """How many products have what was typed, as far as they were counted."""
    if found.corrected is not None or found.relaxed:
        return 0
    return MOST_COUNTED if found.total is None else found.total
