"""Asking the database's index: what matches, one page of it in order, and what its facets count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from mestres_core.catalog import queries
from mestres_core.catalog.dto import FacetValue, Page, ProductCard
from mestres_core.catalog.models import LONGEST_STEM, product
from mestres_core.catalog.service import cursor_values
from mestres_core.catalog.texts import facet_of
from mestres_core.catalog.vocabulary import frequencies
from mestres_core.db.keyset import Keyset
from mestres_core.rules.text import fold
from mestres_core.search import matching, statements
from mestres_core.search.asking import Term
from mestres_core.search.narrowing import CATEGORY, Narrowing
from mestres_core.search.ranking import Place, Ranking
from mestres_core.search.statements import listed

RELEVANCE = "relevance"

_MOST_VALUES = 20
MOST_COUNTED = 10_000
"""Beyond so many matches nobody pages through them: they are not counted."""

FEW = 1_000
"""So many matches are all ranked; beyond, they come by name. Facets count over so many at most."""

_SCARCE = 10
"""A query that so few products meet is asked again without the words that say little."""

_COMMONEST, _SHARE = 50, 4
"""A word says little that a fourth of the products have, and fifty at least: "café" in a coffee shop."""

_NAMED = 4
"""Names are walked along, and not counted first, where a fourth of the matches have the words in theirs."""

_MOST_STEMS = 64
_MOST_STEMS_OF_NAMES = 16
"""Of few letters many words begin, and most of them are in no name: beyond, to look for each takes longer."""

_BEST_SOLD = 500
_SAMPLED = 20_000
_STRETCHES, _STRETCH, _COMMON = 10, 40, 12
_WALK = 48
"""On SQLite a walk along the names pays from so small a share of the products on that match: measured at 100,000."""

_STEPS = 4_000
"""A walk is given up after so many names: what matches may all lie at the other end of the alphabet."""

_SIZES = (12, 24, 52, 104, 208)
"""Statements are kept for these numbers of rows: a few more than are wanted may come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Which stretch of the matches is wanted, and what beside it. A cursor goes before the number of the page."""

    sort: str
    page: int
    per_page: int
    after: tuple[Any, ...] | None = None
    count: bool = True
    facets: bool = True

    @property
    def skipped(self) -> int:
        """How many rows lie before it, where no cursor says where it begins."""
        return 0 if self.after is not None else (self.page - 1) * self.per_page


# A page by relevance is put in order here: only its cursors are those of a list.
_CURSORS = Keyset(RELEVANCE, (*[product.c.id] * 3, product.c.sort_name, product.c.id), texts=frozenset({3}))


def place_of(cursor: str | None, sort: str) -> tuple[Any, ...] | None:
    """Where the page before ended. Raises ValidationError for a cursor that this sort did not make."""
    if cursor is None:
        return None
    return tuple(_CURSORS.unpack(cursor) if sort == RELEVANCE else queries.unpack_cursor(cursor, sort))


class _Found(NamedTuple):
    """What matches: their number, up to a thousand and one, the largest of their ids, and a row for each.

    `pinned` is the product whose SKU was typed; `total` how many thousands there are, where they were counted; `named`,
    on PostgreSQL, how many of the first thousand have the words in their names. Rows say what they are ranked by only
    when there are few.
    """

    number: int
    last: int
    pinned: int | None
    total: int | None
    named: int
    rows: Sequence[Any]


class _Asked(NamedTuple):
    """A query: all its terms, those that a product must have, how many of them may be missing, and the filters."""

    query: str
    wanted: Sequence[Term]
    needed: Sequence[Term]
    missing: int
    narrowing: Narrowing
    known: matching.Beginnings

    def match(self, dialect: str, narrowing: Narrowing | None = None) -> str:
        """What the index is asked for."""
        marks = (narrowing or self.narrowing).marks()
        return matching.anywhere(dialect, self.needed, missing=self.missing, marks=marks, known=self.known)


class _Names:
    """Products by name, met on a walk along the index of names or gathered by their words."""

    def __init__(
        self,
        session: Session,
        dialect: str,
        terms: Sequence[Term],
        *,
        last_unfinished: bool = False,
        marks: Sequence[Sequence[str]] = (),
    ) -> None:
        self._session = session
        self._dialect = dialect
        self._words = matching.words(terms, last_unfinished=last_unfinished)
        self._given: dict[str, Any] = {**matching.parts(terms)}
        self._given["title"] = matching.in_title(dialect, terms, last_unfinished=last_unfinished, marks=marks)
        self._given |= {"last": matching.LAST_LETTER, **matching.opening(terms)}

    def number(self) -> Any:
        """How many there are, counted up to a thousand and one, and the largest id of them."""
        return self._session.execute(statements.titled(self._dialect, FEW), self._given).one()

    def all(self, narrowing: Narrowing, given: Mapping[str, Any]) -> Sequence[Any]:
        """All that the filters leave, in no order; for `given` see `first`."""
        values = self._given | narrowing.parameters(self._dialect) | dict(given)
        return self._session.execute(statements.named(self._dialect, narrowing.shape_of_names, FEW), values).all()

    def first(
        self,
        kind: str,
        number: int,
        narrowing: Narrowing,
        given: Mapping[str, Any],
        *,
        walk: bool,
        after: Sequence[Any] | None = None,
    ) -> Sequence[Any]:
        """The first so many of a kind, see `statements.by_name`; `given` are its parameters that are not known here."""
        size = next((each for each in _SIZES if each >= number), number)
        values = self._given | narrowing.parameters(self._dialect) | dict(given)
        if after is not None:
            values |= {"after_name": after[0], "after_id": after[1]}
        how = (self._dialect, narrowing.shape_of_names, self._words, kind, size)
        if walk:
            query = statements.by_name(*how, steps=_STEPS, after=after is not None)
            rows = self._session.execute(query, values).all()
            if len(rows) >= number or not self._goes_on(kind, values, after=after is not None):
                return rows[:number]
        query = statements.by_name(*how, steps=None, after=after is not None)
        return self._session.execute(query, values).all()[:number]

    def _goes_on(self, kind: str, values: Mapping[str, Any], *, after: bool) -> bool:
        query = statements.goes_on(self._dialect, "begin" if kind == "begin" else "", _STEPS, after=after)
        return self._session.execute(query, values).first() is not None


class Finder:
    """The database's own index, asked in one unit of work."""

    def __init__(self, session: Session, dialect: str) -> None:
        self._session = session
        self._dialect = dialect

    def find(
        self, query: str, wanted: Sequence[Term], narrowing: Narrowing, wish: Slice, *, missing: int = 0
    ) -> Page[ProductCard]:
        """One page of the products that have every term but `missing` ones.

        `total` is None when there are more than 10,000, or more than 1,000 and nobody wants them counted.
        """
        asked = _Asked(query, wanted, wanted, missing, narrowing, self._beginnings(wanted, _MOST_STEMS))
        found = self._found(asked, wish)
        if len(wanted) > 1 and found.number < _SCARCE and not missing and (needed := self._telling(wanted)) != wanted:
            asked = asked._replace(needed=needed)
            found = self._found(asked, wish)
        cards, cursor = self._page(asked, found, wish) if found.number else ((), None)
        return Page(
            cards,
            wish.page,
            wish.per_page,
            found.number if found.number <= FEW else self._total(asked, found) if wish.count else None,
            cursor,
            self._facets(asked, found) if wish.facets else {},
        )

    def having_most(self, wanted: Sequence[Term], narrowing: Narrowing, limit: int) -> tuple[ProductCard, ...]:
        """Products that have some of the terms: those with more of them first. Of thousands only some are looked at."""
        match = matching.some(self._dialect, wanted, narrowing.marks())
        title = matching.in_title(self._dialect, wanted)
        rows = self._matches(match, title, narrowing, "", every=True).rows
        ranking = Ranking(wanted)
        places = ((-ranking.having(row.search_title, row.search_body), ranking.place(*row[5:9])) for row in rows)
        best = nsmallest(limit, ((more, place.best, place.sort_name, place.id) for more, place in places))
        return self._cards([each[-1] for each in best], narrowing)

    def popular_first(self, wanted: Sequence[Term], typed: str, limit: int) -> Sequence[Any]:
        """What the shop puts forward, what is sold, most first, names that begin so, then the rest by name."""
        shown = Narrowing(base=queries.Filters())
        under = matching.under(typed)
        given = matching.parts(wanted) | shown.parameters(self._dialect) | under
        known = self._beginnings(wanted[-1:], _MOST_STEMS_OF_NAMES)
        given["title"] = matching.in_title(self._dialect, wanted, last_unfinished=True, known=known)
        words = matching.words(wanted, last_unfinished=True)
        if not self._is_common(words, given):
            query = statements.suggested(self._dialect, FEW, limit)
            rows = self._session.execute(query, given).all()
            if all(row.number <= FEW for row in rows):
                found = [row for row in rows if row.id is not None]
                return sorted(found, key=lambda row: (not row.featured, -row.sold, row.first, row.sort_name, row.id))
        chosen = self._session.execute(statements.chosen(self._dialect, words, _BEST_SOLD), given).all()
        chosen = sorted(chosen, key=lambda row: (not row.featured, -row.sold, row.sort_name, row.id))
        return [*chosen[:limit], *self._other_names(wanted, under, [row.id for row in chosen], limit)][:limit]

    def _other_names(
        self, wanted: Sequence[Term], under: Mapping[str, str], known: Sequence[int], limit: int
    ) -> Sequence[Any]:
        names = _Names(self._session, self._dialect, wanted, last_unfinished=True)
        given = {**under, "opens": "%", "hidden": listed(self._dialect, known)}
        shown = Narrowing(base=queries.Filters())
        rows: list[Any] = []
        for kind in ("begin", "named"):
            if len(known) + len(rows) < limit:
                rows += names.first(kind, limit - len(known) - len(rows), shown, given, walk=True)
        return rows

    def _is_common(self, words: statements.Words, given: Mapping[str, Any]) -> bool:
        """Whether thousands of names match, told by a sample: some hundred rows from here and there.

        A wrong guess costs time, nothing else. Of few products all are looked at anyway.
        """
        sample = self._session.execute(statements.sample(self._dialect, words, _STRETCHES, _STRETCH), given).one()
        return bool(sample.last >= _SAMPLED and sample.met >= _COMMON)

    def _beginnings(self, wanted: Sequence[Term], most: int) -> matching.Beginnings:
        """The stems that begin like words which may not be finished, where there are not too many of them.

        To ask an index for a beginning is to have it gather all words that begin so, however many products they have:
        of stems that are told it finds the next product at once.
        """
        begins = list({each.begins for each in wanted if each.begins and _can_be_told(each.begins)})
        if not begins:
            return {}
        given = {f"from_{index}": each for index, each in enumerate(begins)}
        given |= {f"to_{index}": f"{each}{matching.LAST_LETTER}" for index, each in enumerate(begins)}
        query = statements.beginning(self._dialect, len(begins), most + 1)
        stems = self._session.execute(query, given).scalars().all()
        found = {each: sorted({one for one in stems if one.startswith(each)}) for each in begins}
        return {
            each: [each, *of]
            for each, of in found.items()
            if len(of) <= most and not any(len(one) == LONGEST_STEM for one in of)
        }

    def _found(self, asked: _Asked, wish: Slice) -> _Found:
        """Of thousands that miss a word the newest will do: none of them is what was asked for."""
        missing = asked.missing > 0
        match = asked.match(self._dialect)
        how = {"facets": wish.facets, "newest": missing, "every": missing, "count": wish.count and not missing}
        title = matching.in_title(self._dialect, asked.needed)
        return self._matches(match, title, asked.narrowing, asked.query, **how)

    def _matches(
        self,
        match: str,
        title: str,
        narrowing: Narrowing,
        query: str,
        *,
        newest: bool = False,
        facets: bool = False,
        every: bool = False,
        count: bool = False,
    ) -> _Found:
        counted = MOST_COUNTED if count else None
        ask = statements.found(
            self._dialect, narrowing.shape, FEW, counted=counted, newest=newest, facets=facets, every=every
        )
        typed = query.strip()
        skus = dict(zip(("sku_0", "sku_1", "sku_2"), (typed, typed.upper(), typed.lower()), strict=True))
        given = {"match": match, "title": title, **narrowing.parameters(self._dialect), **skus}
        rows = self._session.execute(ask, given).all()
        number, last, pinned, total, named = rows[0][:5]
        return _Found(number, last or 0, pinned, total, named, rows if number and len(rows) == number else ())

    def _page(self, asked: _Asked, found: _Found, wish: Slice) -> tuple[tuple[ProductCard, ...], str | None]:
        """The cards of a page, and where it ends if there are more."""
        if wish.sort != RELEVANCE:
            return self._sorted(asked, found, wish)
        if found.number <= FEW or asked.missing:
            places = self._ranked(asked, found, wish)
        else:
            places = self._broad(asked, found, wish)
        shown = places[: wish.per_page]
        cards = self._cards([place.id for place in shown], asked.narrowing)
        return cards, _CURSORS.pack(shown[-1]) if len(places) > wish.per_page else None

    def _ranked(self, asked: _Asked, found: _Found, wish: Slice) -> Sequence[Place]:
        ranking = Ranking(asked.wanted if found.number <= FEW else asked.needed, found.pinned)
        places: Iterable[Place] = (ranking.place(*row[5:9]) for row in found.rows)
        if wish.after is not None:
            after = wish.after
            places = (place for place in places if place > after)
        return nsmallest(wish.skipped + wish.per_page + 1, places)[wish.skipped :]

    def _cards(self, ids: Sequence[int], narrowing: Narrowing) -> tuple[ProductCard, ...]:
        """The cards of these products, in their order."""
        if not ids:
            return ()
        given = {"ids": listed(self._dialect, ids), "currency": narrowing.base.currency}
        rows = {row.id: row for row in self._session.execute(statements.cards(self._dialect), given)}
        return tuple(queries.to_card(rows[number]) for number in ids if number in rows)

    def _total(self, asked: _Asked, found: _Found) -> int | None:
        """How many thousands there are, None when there are too many to count."""
        number = found.total
        if number is None:
            query = statements.count(self._dialect, asked.narrowing.shape, MOST_COUNTED)
            given = {"match": asked.match(self._dialect), **asked.narrowing.parameters(self._dialect)}
            number = int(self._session.execute(query, given).scalar_one())
        return number if number <= MOST_COUNTED else None

    def _telling(self, wanted: Sequence[Term]) -> Sequence[Term]:
        """The terms without those that too many products have; all of them when they are all alike."""
        products = self._session.execute(statements.LAST).scalar() or 0
        least = max(_COMMONEST, int(products) // _SHARE)
        often = frequencies(self._session, [term.stems[0] for term in wanted if len(term.stems) == 1])
        return [term for term in wanted if often.get(term.stems[0], 0) < least or len(term.stems) > 1] or wanted

    def _broad(self, asked: _Asked, found: _Found, wish: Slice) -> Sequence[Place]:
        """A page of thousands, layer by layer: a layer that fills the page spares ranking all that come after it.

        The SKU that was asked for, names that begin with the words, names that have them, then the rest; each by name.
        """
        limit = wish.skipped + wish.per_page + 1
        pinned = self._pinned(asked, found)
        places = [Place(0, 0, 0, row.sort_name, row.id) for row in pinned]
        if wish.after is not None:
            places = [place for place in places if place > wish.after]
        given = {"match": asked.match(self._dialect), "hidden": listed(self._dialect, [row.id for row in pinned])}
        names = _Names(self._session, self._dialect, asked.needed, marks=asked.narrowing.marks())
        last, few = self._named(asked, found, names, given)
        kinds: Sequence[str] = ("begin", "named", "rest")
        if few is not None:
            hidden = {row.id for row in pinned}
            ranked = (self._place_of_name(asked, row) for row in few if row.id not in hidden)
            places += sorted(place for place in ranked if wish.after is None or place > wish.after)
            kinds = ("rest",)
        for kind in kinds:
            best = {"begin": 1, "named": 2, "rest": 3}[kind]
            if len(places) >= limit or (wish.after is not None and best < wish.after[0]):
                continue
            after = wish.after[-2:] if wish.after is not None and best == wish.after[0] else None
            walk = kind == "begin" or self._pays(last if kind == "named" else found.last)
            rows = names.first(kind, limit - len(places), asked.narrowing, given, walk=walk, after=after)
            places += [Place(best, 0, 0, row.sort_name, row.id) for row in rows]
        return places[wish.skipped : limit]

    def _named(
        self, asked: _Asked, found: _Found, names: _Names, given: Mapping[str, Any]
    ) -> tuple[int, Sequence[Any] | None]:
        """How far a thousand names that have the words reach, see `_pays`; and where there are not so many, all."""
        if found.named >= FEW // _NAMED:
            return found.last, None
        titled = names.number()
        few = names.all(asked.narrowing, given) if titled.number <= FEW else None
        return max(found.last, titled.last or 0), few

    def _pays(self, last: int) -> bool:
        """Whether a walk along the names soon meets as many matches as are wanted.

        SQLite gives the first matches in the order of their ids: where the last of them is says how many there are.
        PostgreSQL does not, and walks four times as fast.
        """
        return self._dialect == "postgresql" or last <= FEW * _WALK

    def _place_of_name(self, asked: _Asked, row: Any) -> Place:
        opens = Ranking(asked.needed).opens(row.sort_name, row.search_title)
        return Place(1 if opens else 2, 0, 0, row.sort_name, row.id)

    def _pinned(self, asked: _Asked, found: _Found) -> Sequence[Any]:
        """The product whose SKU was typed, if it is among the matches."""
        if found.pinned is None:
            return ()
        only = matching.among(self._dialect, [found.pinned])
        here = [*asked.narrowing.conditions(), matching.matches(self._dialect, asked.match(self._dialect)), only]
        return self._session.execute(queries.cards(here)).all()

    def _sorted(self, asked: _Asked, found: _Found, wish: Slice) -> tuple[tuple[ProductCard, ...], str | None]:
        """A page by newest, price or name."""
        conditions = asked.narrowing.conditions()
        if found.number <= FEW:
            conditions = [*conditions[:1], matching.among(self._dialect, [row.id for row in found.rows])]
        else:
            conditions.append(matching.matches(self._dialect, asked.match(self._dialect)))
        query = queries.ordered(queries.cards(conditions), queries.SORTS[wish.sort], wish.after)
        rows = self._session.execute(query.offset(wish.skipped).limit(wish.per_page + 1)).all()
        shown = rows[: wish.per_page]
        more = len(rows) > wish.per_page
        cursor = queries.pack_cursor(wish.sort, cursor_values(shown[-1], wish.sort)) if more else None
        return tuple(map(queries.to_card, shown)), cursor

    def _facets(self, asked: _Asked, found: _Found) -> dict[str, tuple[FacetValue, ...]]:
        """What each value of each facet would leave; a choice within a facet does not narrow that facet itself."""
        counts = _counts(found.rows)
        for name in asked.narrowing.chosen:
            free = asked.narrowing.free_of(name)
            query = statements.facets(self._dialect, free.shape, FEW + 1, category_only=name == CATEGORY)
            given = {"match": asked.match(self._dialect, free), **free.parameters(self._dialect)}
            rows = self._session.execute(query, given).all()
            counts = {each: of for each, of in counts.items() if _facet_key(each) != name} | _counts(rows, name)
        return {name: _commonest(counts[name]) for name in sorted(counts)}


def _can_be_told(begins: str) -> bool:
    """Whether the stems that begin so are kept as they are."""
    return begins.isalpha() and len(begins) < LONGEST_STEM


def _counts(rows: Sequence[Any], only: str | None = None) -> dict[str, list[tuple[int, str]]]:
    """How many of these products have each value of each facet, or of one, as (-number, value)."""
    counts: dict[str, list[tuple[int, str]]] = {}
    if only in (None, CATEGORY):
        groups = Counter([row.slug for row in rows if row.slug is not None])
        if groups:
            counts[CATEGORY] = [(-number, short) for short, number in groups.items()]
    if only != CATEGORY:
        lines = Counter("\n".join([row.search_facets for row in rows if row.search_facets]).split("\n"))
        del lines[""]
        for line, number in lines.items():
            name, value = facet_of(line)
            counts.setdefault(name, []).append((-number, value))
    if only in (None, CATEGORY):
        return counts
    return {name: of for name, of in counts.items() if fold(name) == only}


def _commonest(counts: Sequence[tuple[int, str]]) -> tuple[FacetValue, ...]:
    return tuple(FacetValue(value, -number) for number, value in nsmallest(_MOST_VALUES, counts))


def _facet_key(name: str) -> str:
    return name if name == CATEGORY else fold(name)
