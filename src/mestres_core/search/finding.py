"""Asking the database's index: the numbers of what matches, one page of it in order, and what its facets count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, FromClause, Select, func, literal, or_, select, tuple_
from sqlalchemy.orm import Session

from mestres_core.catalog import queries
from mestres_core.catalog.dto import FacetValue, Page, ProductCard
from mestres_core.catalog.models import attribute, card, category, product, variant
from mestres_core.catalog.service import cursor_values
from mestres_core.catalog.vocabulary import frequencies
from mestres_core.db.keyset import Keyset
from mestres_core.rules.text import fold
from mestres_core.search import matching
from mestres_core.search.asking import Term
from mestres_core.search.matching import Ids
from mestres_core.search.models import popularity
from mestres_core.search.narrowing import CATEGORY, Narrowing
from mestres_core.search.popular import PRODUCT

RELEVANCE = "relevance"

_MOST_VALUES = 20
MOST_COUNTED = 10_000
"""Beyond so many matches nobody pages through them: they are not counted."""

FEW = 1_000
"""So many matches are fetched by number, and everything else is asked of those; facets count over so many at most."""

_SCARCE = 10
"""A query that so few products meet is asked again without the words that say little."""

_COMMONEST, _SHARE = 50, 4
"""A word says little that a fourth of the products have, and fifty at least: "café" in a coffee shop."""

_KEYS = ("best", "apart", "typed")
_BEST_SOLD = 500
_SAMPLED = 20_000
_STRETCHES, _STRETCH, _COMMON = 10, 100, 30
_WALK = 48
"""A walk along the names pays from so small a share of the products on that match: measured at 100,000 of them."""


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


# What a page by relevance is sorted by is worked out in its query: only its cursors are made here.
_CURSORS = Keyset(RELEVANCE, (*[product.c.id] * 3, product.c.sort_name, product.c.id), texts=frozenset({3}))


def place_of(cursor: str | None, sort: str) -> tuple[Any, ...] | None:
    """Where the page before ended. Raises ValidationError for a cursor that this sort did not make."""
    if cursor is None:
        return None
    return tuple(_CURSORS.unpack(cursor) if sort == RELEVANCE else queries.unpack_cursor(cursor, sort))


class _Asked(NamedTuple):
    """A query: all its terms, those that a product must have, and what meets them."""

    query: str
    wanted: Sequence[Term]
    needed: Sequence[Term]
    narrowing: Narrowing
    match: ColumnElement[bool]


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
        conditions = [*narrowing.conditions(), *matching.of_values(self._dialect, narrowing.values())]
        asked = _Asked(query, wanted, wanted, narrowing, matching.anywhere(self._dialect, wanted, missing=missing))
        ids = self.ids([*conditions, asked.match], newest=missing > 0)
        if len(wanted) > 1 and ids.number < _SCARCE and not missing and (needed := self._telling(wanted)) != wanted:
            asked = asked._replace(needed=needed, match=matching.anywhere(self._dialect, needed))
            ids = self.ids([*conditions, asked.match])
        rows = self._rows(asked, ids, wish, plain=not missing) if ids.number else ()
        shown, more = rows[: wish.per_page], len(rows) > wish.per_page
        return Page(
            tuple(queries.to_card(row) for row in shown),
            wish.page,
            wish.per_page,
            ids.number if ids.number <= FEW else self._total(asked) if wish.count else None,
            _cursor(shown[-1], wish.sort) if more else None,
            self._facets(ids, asked.match, narrowing) if wish.facets else {},
        )

    def ids(
        self,
        conditions: Sequence[ColumnElement[bool]],
        *,
        source: FromClause = queries.CARD_SOURCE,
        newest: bool = False,
    ) -> Ids:
        """The matches, whichever come first, or the newest; one more than 1,000 when there are more."""
        query = select(product.c.id).select_from(source).where(*conditions).limit(FEW + 1)
        found = (query.order_by(product.c.id.desc()) if newest else query).subquery()
        return Ids(*self._session.execute(select(func.count(), matching.gathered(self._dialect, found.c.id))).one())

    def popular_first(self, wanted: Sequence[Term], begins: ColumnElement[bool], limit: int) -> Sequence[Any]:
        """What the shop puts forward, what is sold, most first, names that begin so, then the rest by name."""
        shown = queries.Filters().conditions()
        sold = func.coalesce(popularity.c.sold, 0)
        by_name = (product.c.sort_name, product.c.id)
        in_row = matching.named(wanted, last_unfinished=True)
        if not self._is_common(in_row):
            ids = self.ids([*shown, matching.in_title(self._dialect, wanted, last_unfinished=True)])
            if ids.number <= FEW:
                best = (product.c.featured.desc(), sold.desc(), begins.desc(), *by_name)
                conditions = [*shown, matching.among(self._dialect, ids)]
                return self._session.execute(_with_sales(queries.cards(conditions)).order_by(*best).limit(limit)).all()
        walked = matching.walked(self._dialect, wanted, title=True, last_unfinished=True)
        plain = product.c.featured.is_(False)
        # However many were sold, only the first of them are looked through.
        ranking = select(popularity.c.id).where(popularity.c.kind == PRODUCT)
        ranking = ranking.order_by(popularity.c.sold.desc(), popularity.c.id.desc()).limit(_BEST_SOLD)
        featured = select(product.c.id).where(product.c.featured.is_(True))
        featured = featured.order_by(product.c.featured.desc(), product.c.id.desc()).limit(_BEST_SOLD)
        among_featured = product.c.id.in_(select(featured.subquery().c.id))
        among_best = product.c.id.in_(select(ranking.subquery().c.id))
        rows: list[Any] = []
        for layer in ([among_featured], [plain, among_best]):
            if len(rows) < limit:
                query = _with_sales(queries.cards([*shown, in_row, *layer]))
                rows += self._session.execute(query.order_by(sold.desc(), *by_name).limit(limit - len(rows))).all()
        rest = [plain, ~among_best]
        layers = [(queries.cards([*shown, *rest, walked, layer]), True) for layer in (begins, ~begins)]
        return [*rows, *self._layers(layers, limit - len(rows))]

    def _is_common(self, condition: ColumnElement[bool]) -> bool:
        """Whether thousands meet it, told by a sample: a thousand rows from here and there.

        A wrong guess costs time, nothing else. Of few products all are looked at anyway.
        """
        products = self._products()
        if products < _SAMPLED:
            return False
        step = products // _STRETCHES
        stretches = (product.c.id.between(at * step, at * step + _STRETCH - 1) for at in range(_STRETCHES))
        query = select(func.count()).select_from(product).where(or_(*stretches), condition)
        return bool(self._session.execute(query).scalar_one() >= _COMMON)

    def _rows(self, asked: _Asked, ids: Ids, wish: Slice, *, plain: bool) -> Sequence[Any]:
        few = ids.number <= FEW
        matches = [*asked.narrowing.conditions(), asked.match]
        # Of thousands that miss a word the newest will do: none of them is what was asked for.
        if few or (not plain and wish.sort == RELEVANCE):
            matches = [product.c.active, *_shown_in(asked.narrowing), matching.among(self._dialect, ids)]
        if wish.sort != RELEVANCE:
            return self._sorted(matches, wish)
        pinned = self._pinned(asked.query)
        if few or not plain:
            return self._ranked(matches, asked.wanted if few else asked.needed, pinned, asked.narrowing, wish)
        return self._broad(asked, pinned, wish)

    def _total(self, asked: _Asked) -> int | None:
        """How many thousands there are, None when there are too many to count.

        Unless prices or stock matter, what has no price in the currency is counted too: to look would take longer than
        all the rest.
        """
        source = queries.CARD_SOURCE if asked.narrowing.by_card else product
        conditions = asked.narrowing.conditions(card=asked.narrowing.by_card)
        conditions += matching.of_values(self._dialect, asked.narrowing.values())
        some = select(product.c.id).select_from(source).where(*conditions, asked.match)
        counted = select(func.count()).select_from(some.limit(MOST_COUNTED + 1).subquery())
        found = int(self._session.execute(counted).scalar_one())
        return found if found <= MOST_COUNTED else None

    def _telling(self, wanted: Sequence[Term]) -> Sequence[Term]:
        """The terms without those that too many products have; all of them when they are all alike."""
        least = max(_COMMONEST, self._products() // _SHARE)
        often = frequencies(self._session, [term.stems[0] for term in wanted if len(term.stems) == 1])
        return [term for term in wanted if often.get(term.stems[0], 0) < least or len(term.stems) > 1] or wanted

    def _products(self) -> int:
        return int(self._session.execute(select(func.max(product.c.id))).scalar() or 0)

    def _broad(self, asked: _Asked, pinned: int | None, wish: Slice) -> Sequence[Any]:
        """A page of thousands, layer by layer: a layer that fills the page spares ranking all that come after it.

        The SKU that was asked for, names that begin with the words, names that have them, then the rest; each by name.
        """
        wanted = asked.needed
        conditions = [*asked.narrowing.conditions(), *matching.of_values(self._dialect, asked.narrowing.values())]
        named = self.ids([matching.in_title(self._dialect, wanted)], source=product)
        begins = matching.begins_with(wanted[0])
        # Whoever walks along the names meets many sooner than they could be sorted, and few later.
        often = frequencies(self._session, [wanted[0].stems[0]]) if len(wanted) == 1 else {}
        walk = min(often.values(), default=MOST_COUNTED) * _WALK > self._products()
        in_name = matching.walked(self._dialect, wanted, title=True)
        if named.number <= FEW:
            in_name, walked = matching.among(self._dialect, named), False
        else:
            walked = walk
        anywhere = matching.walked(self._dialect, wanted, title=False) if walk else asked.match
        layers: list[tuple[list[ColumnElement[bool]], bool]] = [
            ([in_name, begins], walked),
            ([in_name, ~begins], walked),
            ([anywhere, ~matching.named(wanted)], walk),
        ]
        if pinned is not None:
            alone = product.c.id == pinned
            layers = [([asked.match, alone], False), *(([*layer, ~alone], how) for layer, how in layers)]
        reached, place = (-1, None) if wish.after is None else (wish.after[0], wish.after[-2:])
        kept: list[tuple[Select[Any], bool]] = []
        for best, (layer, how) in enumerate(layers, 4 - len(layers)):
            if best >= reached:
                after = [_later((product.c.sort_name, product.c.id), place)] if place and best == reached else []
                keys = [literal(value).label(key) for key, value in zip(_KEYS, (best, 0, 0), strict=True)]
                kept.append((queries.cards([*conditions, *layer, *after]).add_columns(*keys), how))
        return self._layers(kept, wish.skipped + wish.per_page + 1)[wish.skipped :]

    def _layers(self, layers: Sequence[tuple[Select[Any], bool]], limit: int) -> list[Any]:
        """The first so many by name, one layer after the other; True beside those to be met on a walk."""
        rows: list[Any] = []
        for layer, walk in layers:
            if len(rows) < limit:
                # A sort key that is no column keeps the database from walking.
                first = product.c.sort_name if walk else func.coalesce(product.c.sort_name, "")
                query = layer.order_by(first, product.c.id).limit(limit - len(rows))
                rows += self._session.execute(query).all()
        return rows

    def _ranked(
        self,
        matches: Sequence[ColumnElement[bool]],
        wanted: Sequence[Term],
        pinned: int | None,
        narrowing: Narrowing,
        wish: Slice,
    ) -> Sequence[Any]:
        order = (matching.rank(wanted, pinned), matching.apart(wanted), matching.as_typed(wanted))
        keys = [value.label(key) for key, value in zip(_KEYS, order, strict=True)]
        ranked = select(product.c.id, product.c.sort_name, *keys).select_from(queries.CARD_SOURCE).where(*matches)
        found = ranked.subquery()
        places = (*(found.c[key] for key in _KEYS), found.c.sort_name, found.c.id)
        query = select(found).order_by(*places).offset(wish.skipped).limit(wish.per_page + 1)
        if wish.after is not None:
            query = query.where(_later(places, wish.after))
        # What a page shows is looked up for its rows alone.
        page = query.subquery()
        rows = (
            select(*queries.CARD_COLUMNS, *(page.c[key] for key in _KEYS))
            .select_from(queries.CARD_SOURCE.join(page, page.c.id == product.c.id))
            .where(*_shown_in(narrowing))
            .order_by(*(page.c[key] for key in _KEYS), page.c.sort_name, page.c.id)
        )
        return self._session.execute(rows).all()

    def _pinned(self, query: str) -> int | None:
        """The product whose SKU was typed, in any capitals."""
        typed = query.strip()
        skus = {typed, typed.upper(), typed.lower()}
        return self._session.execute(select(variant.c.product_id).where(variant.c.sku.in_(skus))).scalar()

    def _sorted(self, conditions: Sequence[ColumnElement[bool]], wish: Slice) -> Sequence[Any]:
        query = queries.ordered(queries.cards(conditions), queries.SORTS[wish.sort], wish.after)
        return self._session.execute(query.offset(wish.skipped).limit(wish.per_page + 1)).all()

    def _facets(self, ids: Ids, match: ColumnElement[bool], narrowing: Narrowing) -> dict[str, tuple[FacetValue, ...]]:
        """What each value of each facet would leave; a choice within a facet does not narrow that facet itself."""
        found = self._counts(ids, None) if ids.number else {}
        for name in narrowing.chosen:
            values = matching.of_values(self._dialect, narrowing.values(without=name))
            free = self.ids([*narrowing.conditions(without=name), *values, match])
            found = {each: of for each, of in found.items() if _facet_key(each) != name}
            found |= self._counts(free, name) if free.number else {}
        return {name: tuple(found[name][:_MOST_VALUES]) for name in sorted(found)}

    def _counts(self, ids: Ids, only: str | None) -> dict[str, list[FacetValue]]:
        values: dict[str, list[FacetValue]] = {}
        if only in (None, CATEGORY):
            by_category = (
                select(category.c.slug, func.count())
                .select_from(product.join(category, category.c.id == product.c.category_id))
                .where(matching.among(self._dialect, ids))
                .group_by(category.c.slug)
            )
            for short, number in self._session.execute(by_category):
                values.setdefault(CATEGORY, []).append(FacetValue(short, number))
        if only != CATEGORY:
            by_attribute = (
                select(attribute.c.name, attribute.c.value, func.count())
                .where(matching.among(self._dialect, ids, attribute.c.product_id))
                .group_by(attribute.c.name, attribute.c.value)
            )
            if only is not None:
                by_attribute = by_attribute.where(attribute.c.name_folded == only)
            for name, value, number in self._session.execute(by_attribute):
                values.setdefault(name, []).append(FacetValue(value, number))
        return {name: sorted(of, key=lambda value: (-value.count, value.value)) for name, of in values.items()}


def _shown_in(narrowing: Narrowing) -> list[ColumnElement[bool]]:
    return [card.c.currency == narrowing.base.currency]


def _facet_key(name: str) -> str:
    return name if name == CATEGORY else fold(name)


def _with_sales(cards: Select[Any]) -> Select[Any]:
    return cards.outerjoin(popularity, (popularity.c.kind == PRODUCT) & (popularity.c.id == product.c.id))


def _later(places: Sequence[ColumnElement[Any]], after: Sequence[Any]) -> ColumnElement[bool]:
    """Rows after a place in the order of these columns, all of which go up."""
    return tuple_(*places) > tuple_(*(literal(value) for value in after))


def _cursor(row: Any, sort: str) -> str:
    if sort == RELEVANCE:
        return _CURSORS.pack([row.best, row.apart, row.typed, row.sort_name, row.id])
    return queries.pack_cursor(sort, cursor_values(row, sort))
