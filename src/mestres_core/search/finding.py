"""Asking the database's index: the numbers of what matches, one page of it in order, and what its facets count."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func, literal, select, tuple_
from sqlalchemy.orm import Session

from mestres_core.catalog import queries
from mestres_core.catalog.dto import FacetValue, Page, ProductCard
from mestres_core.catalog.models import attribute, category, product, variant
from mestres_core.catalog.service import cursor_values
from mestres_core.catalog.vocabulary import common
from mestres_core.errors import ValidationError
from mestres_core.rules.checks import BIGGEST_ID, storable
from mestres_core.rules.text import fold
from mestres_core.search import matching
from mestres_core.search.asking import Term
from mestres_core.search.models import popularity
from mestres_core.search.narrowing import CATEGORY, Narrowing
from mestres_core.search.popular import PRODUCT

RELEVANCE = "relevance"

_MOST_VALUES = 20
MOST_COUNTED = 10_000
"""Beyond so many matches nobody pages through them: they are not counted."""

FEW = 2_000
"""So many matches are fetched by number, and everything else is asked of those; facets count over so many at most."""

_SCARCE = 10
"""A query that so few products meet is asked again without the words that say little."""

_COMMONEST, _SHARE = 50, 4
"""A word says little that a fourth of the products have, and fifty at least: "café" in a coffee shop."""

_KEYS = ("best", "apart", "typed")
_OPENS, _NAMED = 1, 2  # the ranks (`matching.rank`) of names that begin with the words, and of those that have them


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Which stretch of the matches is wanted. A cursor goes before the number of the page."""

    sort: str
    page: int
    per_page: int
    after: tuple[Any, ...] | None = None

    @property
    def skipped(self) -> int:
        """How many rows lie before it, where no cursor says where it begins."""
        return 0 if self.after is not None else (self.page - 1) * self.per_page


def slice_of(*, sort: str, page: int, per_page: int, cursor: str | None) -> Slice:
    """Raises ValidationError for a cursor that this sort did not make."""
    after = None
    if cursor is not None:
        after = tuple(_place(cursor) if sort == RELEVANCE else queries.unpack_cursor(cursor, sort))
    return Slice(sort=sort, page=page, per_page=per_page, after=after)


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
        """One page of the products that have every term but `missing` ones; `total` is None beyond 10,000."""
        conditions = narrowing.conditions()
        asked = _Asked(query, wanted, wanted, narrowing, matching.anywhere(self._dialect, wanted, missing=missing))
        ids = self.ids([*conditions, asked.match], MOST_COUNTED)
        if len(wanted) > 1 and len(ids) < _SCARCE and not missing and (needed := self._telling(wanted)) != wanted:
            asked = asked._replace(needed=needed, match=matching.anywhere(self._dialect, needed))
            ids = self.ids([*conditions, asked.match], MOST_COUNTED)
        rows = self._rows(asked, ids, wish, plain=not missing) if ids else ()
        shown, more = rows[: wish.per_page], len(rows) > wish.per_page
        return Page(
            tuple(queries.to_card(row) for row in shown),
            wish.page,
            wish.per_page,
            len(ids) if len(ids) <= MOST_COUNTED else None,
            _cursor(shown[-1], wish.sort) if more else None,
            self._facets(ids, asked.match, narrowing),
        )

    def _rows(self, asked: _Asked, ids: Sequence[int], wish: Slice, *, plain: bool) -> Sequence[Any]:
        few = len(ids) <= FEW
        matches = [*asked.narrowing.conditions(), asked.match]
        if few:
            here = queries.Filters(currency=asked.narrowing.base.currency).conditions()
            matches = [matching.among(self._dialect, ids), *here]
        if wish.sort != RELEVANCE:
            return self._sorted(matches, wish)
        pinned = self._pinned(asked.query)
        if not few and pinned is None and plain:
            best = self._best(asked.needed, asked.narrowing.conditions(), wish, many=len(ids) > MOST_COUNTED)
            if best is not None:
                return best
        return self._ranked(matches, asked.wanted if few else asked.needed, pinned, wish, few=few)

    def ids(self, conditions: Sequence[ColumnElement[bool]], most: int) -> list[int]:
        """The matches, whichever come first; one more than `most` when there are more."""
        query = select(product.c.id).select_from(queries.CARD_SOURCE).where(*conditions).limit(most + 1)
        return list(self._session.execute(query).scalars())

    def popular_first(self, named: ColumnElement[bool], begins: ColumnElement[bool], limit: int) -> Sequence[Any]:
        """What the shop puts forward, what is sold, most first, names that begin so, then the rest by name."""
        conditions = [*queries.Filters().conditions(), named]
        ids = self.ids(conditions, FEW)
        sold = func.coalesce(popularity.c.sold, 0)
        if len(ids) <= FEW:
            among = [matching.among(self._dialect, ids), *queries.Filters().conditions()]
            best = (product.c.featured.desc(), sold.desc(), begins.desc(), product.c.sort_name, product.c.id)
            return self._session.execute(_with_sales(queries.cards(among)).order_by(*best).limit(limit)).all()
        plain = product.c.featured.is_(False)
        by_name = (product.c.sort_name, product.c.id)
        rows: list[Any] = []
        for layer, order in (
            ([product.c.featured], (sold.desc(), *by_name)),
            ([plain, sold > 0], (sold.desc(), *by_name)),
        ):
            if len(rows) < limit:
                query = _with_sales(queries.cards([*conditions, *layer])).order_by(*order)
                rows += self._session.execute(query.limit(limit - len(rows))).all()
        some = select(product.c.id).where(named).limit(MOST_COUNTED + 1).subquery()
        many = self._session.execute(select(func.count()).select_from(some)).scalar_one() > MOST_COUNTED
        unsold = product.c.id.not_in(select(popularity.c.id).where(popularity.c.kind == PRODUCT))
        rest = [queries.cards([*conditions, plain, unsold, layer]) for layer in (begins, ~begins)]
        return [*rows, *self._layers(rest, limit - len(rows), many=many)]

    def _layers(self, layers: Sequence[Select[Any]], limit: int, *, many: bool) -> list[Any]:
        """The first so many by name, one layer after the other."""
        rows: list[Any] = []
        for index, layer in enumerate(layers):
            if len(rows) == limit:
                break
            # The last layer lies anywhere among the names. Many are soon met on a walk along their index; a few
            # thousand are sooner sorted than met, and a sort key that is no column keeps the database from walking.
            walk = many or index < len(layers) - 1
            first = product.c.sort_name if walk else func.coalesce(product.c.sort_name, "")
            query = layer.order_by(first, product.c.id)
            rows += self._session.execute(query.limit(limit - len(rows))).all()
        return rows

    def _telling(self, wanted: Sequence[Term]) -> Sequence[Term]:
        """The terms without those that too many products have; all of them when they are all alike."""
        products = self._session.execute(select(func.max(product.c.id))).scalar() or 0
        least = max(_COMMONEST, products // _SHARE)
        dull = common(self._session, [term.stems[0] for term in wanted if len(term.stems) == 1], least=least)
        return [term for term in wanted if term.stems[0] not in dull or len(term.stems) > 1] or wanted

    def _best(
        self, wanted: Sequence[Term], filters: Sequence[ColumnElement[bool]], wish: Slice, *, many: bool
    ) -> Sequence[Any] | None:
        """A page that the best matches fill, which come first anyway: then the many others need not be ranked.

        First the names that begin with the words, then those that have them.
        """
        needed = wish.skipped + wish.per_page + 1
        if needed > FEW:
            return None
        reached, place = (_OPENS, None) if wish.after is None else (wish.after[0], wish.after[-2:])
        named, begins = matching.in_title(self._dialect, wanted), matching.begins_with(wanted[0])
        layers = []
        for rank, layer in ((_OPENS, begins), (_NAMED, ~begins)):
            if rank >= reached:
                after = [_later((product.c.sort_name, product.c.id), place)] if place and rank == reached else []
                keys = [literal(value).label(key) for key, value in zip(_KEYS, (rank, 0, 0), strict=True)]
                layers.append(queries.cards([*filters, named, layer, *after]).add_columns(*keys))
        rows = self._layers(layers, needed, many=many)
        return rows[wish.skipped :] if len(rows) == needed else None

    def _ranked(
        self,
        matches: Sequence[ColumnElement[bool]],
        wanted: Sequence[Term],
        pinned: int | None,
        wish: Slice,
        *,
        few: bool,
    ) -> Sequence[Any]:
        order: list[ColumnElement[int]] = [matching.rank(wanted, pinned), literal(0), literal(0)]
        if few:  # of more, the best may be met on a walk along the names, which knows stems only
            order[1:] = [matching.apart(wanted), matching.as_typed(wanted)]
        keys = [value.label(key) for key, value in zip(_KEYS, order, strict=True)]
        found = queries.cards(matches).add_columns(*keys).subquery()
        places = (*(found.c[key] for key in _KEYS), found.c.sort_name, found.c.id)
        query = select(found).order_by(*places)
        if wish.after is not None:
            query = query.where(_later(places, wish.after))
        return self._session.execute(query.offset(wish.skipped).limit(wish.per_page + 1)).all()

    def _pinned(self, query: str) -> int | None:
        """The product whose SKU was typed, in any capitals."""
        typed = query.strip()
        skus = {typed, typed.upper(), typed.lower()}
        return self._session.execute(select(variant.c.product_id).where(variant.c.sku.in_(skus))).scalar()

    def _sorted(self, conditions: Sequence[ColumnElement[bool]], wish: Slice) -> Sequence[Any]:
        query = queries.ordered(queries.cards(conditions), queries.SORTS[wish.sort], wish.after)
        return self._session.execute(query.offset(wish.skipped).limit(wish.per_page + 1)).all()

    def _facets(
        self, ids: Sequence[int], match: ColumnElement[bool], narrowing: Narrowing
    ) -> dict[str, tuple[FacetValue, ...]]:
        """What each value of each facet would leave; a choice within a facet does not narrow that facet itself."""
        chosen = narrowing.chosen
        found = self._counts(ids[:FEW], None) if ids else {}
        for name in chosen:
            free = self.ids([*narrowing.conditions(without=name), match], FEW)
            found = {each: of for each, of in found.items() if _facet_key(each) != name}
            found |= self._counts(free[:FEW], name) if free else {}
        return {name: tuple(found[name][:_MOST_VALUES]) for name in sorted(found)}

    def _counts(self, ids: Sequence[int], only: str | None) -> dict[str, list[FacetValue]]:
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


def _facet_key(name: str) -> str:
    return name if name == CATEGORY else fold(name)


def _with_sales(cards: Select[Any]) -> Select[Any]:
    return cards.outerjoin(popularity, (popularity.c.kind == PRODUCT) & (popularity.c.id == product.c.id))


def _later(places: Sequence[ColumnElement[Any]], after: Sequence[Any]) -> ColumnElement[bool]:
    """Rows after a place in the order of these columns, all of which go up."""
    return tuple_(*places) > tuple_(*(literal(value) for value in after))


def _cursor(row: Any, sort: str) -> str:
    if sort == RELEVANCE:
        return queries.pack_cursor(sort, [row.best, row.apart, row.typed, row.sort_name, row.id])
    return queries.pack_cursor(sort, cursor_values(row, sort))


def _place(cursor: str) -> list[Any]:
    """Where a page by relevance ended. Raises ValidationError."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        values: list[Any]
        made_for, *values = json.loads(base64.urlsafe_b64decode(padded.encode()))
    except (ValueError, TypeError, RecursionError):
        raise ValidationError.of("cursor", "invalid", reason="not a cursor of this list") from None
    if made_for != RELEVANCE or [type(each) for each in values] != [int, int, int, str, int]:
        raise ValidationError.of("cursor", "invalid", reason="made for another order")
    if not all(storable(each) if isinstance(each, str) else abs(each) <= BIGGEST_ID for each in values):
        raise ValidationError.of("cursor", "invalid", reason="made for another order")
    return values
