"""What search asks of the database. Nothing here runs a statement.

Each shape (which filters, how many words) is put together once, kept as text and filled in: to put one together takes
longer than to send it. In this order: what has the words is found first, by the full-text index, and everything else is
looked up for it. The words are told as a subquery that PostgreSQL cannot look into, so that its plan is the same for
all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    FromClause,
    Integer,
    Select,
    Text,
    TextClause,
    and_,
    bindparam,
    case,
    cast,
    column,
    false,
    func,
    literal_column,
    null,
    or_,
    select,
    table,
    text,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.selectable import Join

from mestres_core.catalog import queries
from mestres_core.catalog.models import card, category, product, stem, variant
from mestres_core.db.base import PREFIX
from mestres_core.search.models import popularity
from mestres_core.search.popular import PRODUCT

_DOCUMENT = table(f"{PREFIX}search_document", column("rowid"))
_EVERYTHING: ColumnElement[Any] = literal_column(f"{PREFIX}search_document")
_VECTORS = {False: "search_vector", True: "search_title_vector"}
_PLACE: ColumnElement[Any] = literal_column(f"{product.name}.ctid")
"""Where PostgreSQL keeps a row: it is found there at once."""

_BY_NAME = (product.c.sort_name, product.c.id)
_SUGGESTED = (
    *(product.c[name] for name in ("id", "sort_name", "name", "slug", "featured")),
    func.coalesce(popularity.c.sold, literal_column("0")).label("sold"),
)
_COMPILERS: dict[str, Any] = {
    "postgresql": PGDialect(paramstyle="named"),  # type: ignore[no-untyped-call]
    "sqlite": SQLiteDialect(paramstyle="named"),
}


class _InTurn(Join):
    """A join whose left side is gone through, and the right side looked up for each row of it."""

    inherit_cache = True


@compiles(_InTurn, "sqlite")
def _in_turn_sqlite(element: Any, compiler: Any, **named: Any) -> str:
    named["asfrom"] = True
    left, right = (compiler.process(side, **named) for side in (element.left, element.right))
    del named["asfrom"]
    return f"{left} CROSS JOIN {right} ON {compiler.process(element.onclause, **named)}"


_WITH_CARD = _InTurn(_DOCUMENT, card, card.c.product_id == _DOCUMENT.c.rowid)
LAST = text(f"SELECT max(id) FROM {product.name}")  # noqa: S608 - a constant
"""The largest number of a product."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Which filters a statement has.

    Those of attributes are words that the index is asked for, beside those of the query. Where names are asked for,
    and where rows are met one by one, `marks` says how many values there are of each.
    """

    categories: bool = False
    min_price: bool = False
    max_price: bool = False
    in_stock: bool = False
    rating: bool = False
    marks: tuple[int, ...] = ()

    @property
    def by_card(self) -> bool:
        """Whether prices or stock matter."""
        return self.min_price or self.max_price or self.in_stock

    def conditions(self, dialect: str, row: FromClause = product) -> list[ColumnElement[bool]]:
        """As SQL, on cards and the rows of products: on SQLite on cards alone, where they say it too."""
        return [*self.on_cards(), *self.on_products(dialect, row, card if dialect == "sqlite" else row)]

    def on_cards(self) -> list[ColumnElement[bool]]:
        """What cards say alone."""
        found: list[ColumnElement[bool]] = [card.c.currency == bindparam("currency")]
        if self.min_price:
            found.append(card.c.price >= bindparam("min_price"))
        if self.max_price:
            found.append(card.c.price <= bindparam("max_price"))
        if self.in_stock:
            found.append(card.c.in_stock == bindparam("in_stock"))
        return found

    def on_products(
        self, dialect: str, row: FromClause = product, category_of: FromClause = product
    ) -> list[ColumnElement[bool]]:
        """What products say themselves: cards need not be looked up for those that it leaves out."""
        found: list[ColumnElement[bool]] = []
        if self.categories:
            found.append(_any_of(dialect, category_of.c.category_id, "categories"))
        if self.rating:
            found.append(row.c.rating_hundredths >= bindparam("rating"))
        return found

    def on_marks(self, dialect: str, row: FromClause, *, names: bool, met: bool) -> list[ColumnElement[bool]]:
        """What attributes say where the question to the index does not: of `names`, or of rows `met` one by one.

        PostgreSQL's index of names has no marks; SQLite's is the same for all, but is not asked of rows that are met.
        """
        if dialect == "postgresql":
            return [_asked(row, title=False)] if self.marks and names else []
        return [_one_of(row, index, of) for index, of in enumerate(self.marks)] if met else []


def _one_of(row: FromClause, index: int, values: int) -> ColumnElement[bool]:
    parameters: Iterator[ColumnElement[str]] = (bindparam(f"mark_{index}_{at}") for at in range(values))
    return or_(*(func.instr(row.c.search_body, each) > literal_column("0") for each in parameters))


@dataclass(frozen=True, slots=True)
class Words:
    """How many stems each phrase of each term has, for conditions on a row.

    Anywhere the terms of `begins` may be beginnings of words, in names the last one when it is `unfinished`.
    """

    terms: tuple[tuple[int, ...], ...]
    begins: tuple[bool, ...]
    unfinished: bool = False

    def within(self, dialect: str, row: FromClause, *, title: bool) -> ColumnElement[bool]:
        """Whether a row has every term in its name, or anywhere."""
        position = func.strpos if dialect == "postgresql" else func.instr

        def holds(where: ColumnElement[str], name: str) -> ColumnElement[bool]:
            return position(where, bindparam(name)) > literal_column("0")

        texts = (row.c.search_title,) if title else (row.c.search_title, row.c.search_body)
        last = len(self.terms) - 1
        found: list[ColumnElement[bool]] = []
        for index, phrases in enumerate(self.terms):
            ways = [
                and_(*(holds(where, f"stem_{index}_{at}_{nth}") for nth in range(stems)))
                for where in texts
                for at, stems in enumerate(phrases)
            ]
            if self.begins[index] and (not title or (self.unfinished and index == last)):
                ways += [holds(where, f"begins_{index}") for where in texts]
            found.append(or_(*ways))
        return and_(*found)


def numbers(dialect: str, name: str) -> Any:
    """Row numbers, however many, that come as one parameter."""
    if dialect == "postgresql":
        return select(func.unnest(cast(cast(bindparam(name), Text), ARRAY(BigInteger))))
    return select(func.json_each(bindparam(name)).table_valued("value").c.value)


def _any_of(dialect: str, of: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """The same as a condition that is looked at row by row."""
    if dialect == "postgresql":
        return of == func.any(cast(cast(bindparam(name), Text), ARRAY(BigInteger)))
    return of.in_(numbers(dialect, name))


def listed(dialect: str, ids: Sequence[int]) -> str:
    """The value of such a parameter."""
    inner = ",".join(map(str, ids))
    return f"{{{inner}}}" if dialect == "postgresql" else f"[{inner}]"


@lru_cache(maxsize=1024)
def found(
    dialect: str, shape: Shape, most: int, *, counted: int | None, newest: bool, facets: bool, every: bool
) -> TextClause:
    """The matches, whichever come first, or the newest; `most` of them and one more when there are more.

    Rows of: their number, the largest of their ids, the product whose SKU is one of `skus`, how many there are in all,
    as `count` counts them up to `counted`, how many of the first have the words in their names, on PostgreSQL; id,
    sort_name, search_title, search_body, search_facets, slug of the category. There is one row at least. Of more than
    `most` no row says what it is sorted by unless `every` does, and none comes at all without `facets`.
    """
    source, limits, total = _found_and_counted(dialect, shape, counted)
    in_name = _asked(product, title=True) if dialect == "postgresql" else false()
    columns: list[Any] = [product.c.id, product.c.sort_name, product.c.search_title, product.c.search_body]
    columns.append(in_name.label("in_name"))
    if facets:
        columns += [product.c.search_facets, category.c.slug]
        source = source.outerjoin(category, category.c.id == product.c.category_id)
    query = select(*columns).select_from(source).where(*limits)
    if newest:
        # SQLite's index is read backwards for its own number, not for the product's that is the same.
        query = query.order_by((_DOCUMENT.c.rowid if dialect == "sqlite" else product.c.id).desc())
    some = query.limit(literal_column(str(most + 1))).cte("found")
    skus: list[Any] = [bindparam(f"sku_{index}") for index in range(3)]
    pinned = select(variant.c.product_id).where(variant.c.sku.in_(skus)).limit(literal_column("1"))
    told = select(
        func.count().label("number"),
        func.max(some.c.id).label("last"),
        pinned.scalar_subquery().label("pinned"),
        total.label("total"),
        func.count(case((some.c.in_name, literal_column("1")))).label("named"),
    )
    whole = told.select_from(some).cte("told")
    few = true() if every else whole.c.number <= literal_column(str(most))
    shown = [each if every else case((few, each)).label(each.name) for each in list(some.c)[:4]]
    shown += [some.c.search_facets, some.c.slug] if facets else []
    return _kept(dialect, select(*whole.c, *shown).select_from(whole.outerjoin(some, true() if facets else few)))


@lru_cache(maxsize=256)
def facets(dialect: str, shape: Shape, most: int, *, category_only: bool) -> TextClause:
    """What `most` of the matches have, whichever come first: slugs of categories, or rows of search_facets."""
    source, matches = _matching(dialect, title=False)
    what: ColumnElement[Any] = product.c.search_facets
    if category_only:
        source = source.outerjoin(category, category.c.id == card.c.category_id)
        what = category.c.slug
    query = select(what).select_from(source).where(*matches, *shape.conditions(dialect))
    return _kept(dialect, query.limit(literal_column(str(most))))


def _found_and_counted(
    dialect: str, shape: Shape, counted: int | None
) -> tuple[FromClause, list[ColumnElement[bool]], ColumnElement[Any]]:
    """Where the matches come from, what they have to meet, and how many there are.

    To count them is to meet each: so where they are counted, those that are wanted are taken from among them.
    """
    if counted is None:
        source, matches = _matching(dialect, title=False)
        return source, [*matches, *shape.conditions(dialect)], null()
    place = _PLACE if dialect == "postgresql" else product.c.id
    found = _counted(dialect, shape, counted, place.label("place")).cte("matches")
    total = select(func.count()).select_from(found).scalar_subquery()
    source = _InTurn(found, product, place == found.c.place)
    if shape.by_card:  # it has a card then: that was looked at
        return source, [], total
    return _InTurn(source, card, card.c.product_id == product.c.id), [card.c.currency == bindparam("currency")], total


@lru_cache(maxsize=256)
def named(dialect: str, shape: Shape, most: int) -> TextClause:
    """All products whose names have the words, which are `most` at most: rows of id, sort_name, search_title."""
    source, matches = _matching(dialect, title=True)
    row: FromClause = product
    if dialect == "postgresql":
        # Else it would look for those that the filters leave too, in other indexes, and those may be many.
        row, matches = _rows(matches).limit(literal_column(str(most))).subquery("walked"), []
        source = row.join(card, card.c.product_id == row.c.id)
    limits = [*shape.conditions(dialect, row), *shape.on_marks(dialect, row, names=True, met=False)]
    return _kept(
        dialect, select(row.c.id, row.c.sort_name, row.c.search_title).select_from(source).where(*matches, *limits)
    )


@lru_cache(maxsize=2)
def titled(dialect: str, most: int) -> TextClause:
    """How many names have the words, `most` and one at most, and the largest of their ids.

    Whether they are shown at all is not looked at: that would take longer than to count them.
    """
    if dialect == "postgresql":
        query = select(product.c.id).where(_asked(product, title=True))
    else:
        query = select(_DOCUMENT.c.rowid.label("id")).where(_in_document(title=True))
    first = query.limit(literal_column(str(most + 1))).subquery()
    told: list[ColumnElement[Any]] = [func.count().label("number"), func.max(first.c.id).label("last")]
    return _kept(dialect, select(*told).select_from(first))


@lru_cache(maxsize=256)
def count(dialect: str, shape: Shape, most: int) -> TextClause:
    """How many products match; of more than `most` one more.

    Unless prices or stock matter, what has no price in the currency is counted too: to look would take longer than all
    the rest.
    """
    some = _counted(dialect, shape, most, product.c.id).subquery()
    return _kept(dialect, select(func.count()).select_from(some))


def _counted(dialect: str, shape: Shape, most: int, what: ColumnElement[Any]) -> Select[Any]:
    source, matches = _matching(dialect, title=False, cards=shape.by_card)
    limits = shape.conditions(dialect) if shape.by_card else [product.c.active, *shape.on_products(dialect)]
    if dialect == "sqlite" and shape.by_card and not shape.rating:
        source, what = _WITH_CARD, _DOCUMENT.c.rowid.label("place")  # nothing else is asked of the product
    return select(what).select_from(source).where(*matches, *limits).limit(literal_column(str(most + 1)))


@lru_cache(maxsize=2)
def cards(dialect: str) -> TextClause:
    """The cards of the products `ids` in `currency`, in no order."""
    wanted = [card.c.currency == bindparam("currency"), product.c.id.in_(numbers(dialect, "ids"))]
    return _kept(dialect, queries.cards(wanted))


@lru_cache(maxsize=1024)
def by_name(
    dialect: str, shape: Shape, words: Words, kind: str, size: int, *, steps: int | None, after: bool
) -> TextClause:
    """The first `size` matches by name: those whose names `begin` so, that are `named` so otherwise, or the `rest`.

    Rows of id, sort_name, name and slug, of the products that `hidden` does not name. With `steps` only so many names
    are looked at, one after the other; without, all that match are gathered and sorted. `after` a name and an id.
    """
    row: FromClause = product
    conditions = _limits(kind, after=after)
    order: list[Any] = [*_BY_NAME]
    if steps is None:
        source, matches = _matching(dialect, title=kind != "rest")
        conditions += matches
        # A sort key that is no column keeps the database from walking.
        order[0] = func.coalesce(product.c.sort_name, literal_column("''"))
    elif dialect == "postgresql":
        # It is bound to walk by a subquery with a limit, whose rows it knows nothing of: it could not tell how many
        # match, and would rather gather them.
        row, conditions = _walked(conditions, steps), []
        order = [row.c.sort_name, row.c.id]
        source = row.join(card, card.c.product_id == row.c.id)
    else:
        end = select(product.c.sort_name).where(*conditions).order_by(*_BY_NAME)
        end = end.limit(literal_column("1")).offset(literal_column(str(steps)))
        conditions.append(product.c.sort_name <= func.coalesce(end.scalar_subquery(), bindparam("last")))
        source = _InTurn(product, card, card.c.product_id == product.c.id)
    in_name, opens = _in_row(dialect, words, row, title=True), _opens(row)
    wanted = {
        "begin": [in_name, opens],
        "named": [in_name, ~opens],
        "rest": [_in_row(dialect, words, row, title=False), ~in_name],
    }[kind]
    conditions += wanted if steps is not None else wanted[1:]
    conditions += shape.on_marks(dialect, row, names=kind != "rest", met=steps is not None)
    conditions += [*shape.conditions(dialect, row), ~row.c.id.in_(numbers(dialect, "hidden"))]
    rows = select(*(row.c[name] for name in ("id", "sort_name", "name", "slug"))).select_from(source)
    return _kept(dialect, rows.where(*conditions).order_by(*order).limit(literal_column(str(size))))


def _walked(limits: Sequence[ColumnElement[bool]], steps: int) -> FromClause:
    return _rows(limits).order_by(*_BY_NAME).limit(literal_column(str(steps))).subquery("walked")


def _rows(limits: Sequence[ColumnElement[bool]]) -> Select[Any]:
    """All that a condition may be about."""
    names = ("id", "sort_name", "name", "slug", "category_id", "rating_hundredths", "search_title")
    vectors: Any = (literal_column(f"{product.name}.{name}").label(name) for name in _VECTORS.values())
    return select(*(product.c[name] for name in names), *vectors).where(*limits)


@lru_cache(maxsize=16)
def beginning(dialect: str, number: int, most: int) -> TextClause:
    """The first `most` stems that begin with each of so many beginnings."""
    parts = [
        select(stem.c.stem)
        .where(stem.c.stem >= bindparam(f"from_{index}"), stem.c.stem < bindparam(f"to_{index}"))
        .order_by(stem.c.stem)
        .limit(literal_column(str(most)))
        .subquery()
        for index in range(number)
    ]
    return _kept(dialect, union_all(*(select(part.c.stem) for part in parts)))


@lru_cache(maxsize=16)
def goes_on(dialect: str, kind: str, steps: int, *, after: bool) -> TextClause:
    """Whether a walk of so many steps did not come to the end: one row, or none."""
    rows = select(product.c.id).where(*_limits(kind, after=after)).order_by(*_BY_NAME)
    return _kept(dialect, rows.limit(literal_column("1")).offset(literal_column(str(steps))))


@lru_cache(maxsize=256)
def sample(dialect: str, words: Words, stretches: int, length: int) -> TextClause:
    """The largest number of a product, and how many names match of so many stretches of so many products each."""
    last = select(func.coalesce(func.max(product.c.id), literal_column("0", Integer)).label("last")).cte("last")
    step = select(last.c.last).scalar_subquery() // literal_column(str(stretches), Integer)
    starts = [step * literal_column(str(at), Integer) for at in range(stretches)]
    some = or_(*(product.c.id.between(start, start + literal_column(str(length - 1), Integer)) for start in starts))
    met = select(func.count()).select_from(product).where(some, words.within(dialect, product, title=True))
    return _kept(dialect, select(last.c.last, met.scalar_subquery().label("met")))


@lru_cache(maxsize=256)
def chosen(dialect: str, words: Words, most: int) -> TextClause:
    """Those of the `most` newest that the shop puts forward, and of the `most` sold best, whose names match."""
    ranking = select(popularity.c.id).where(popularity.c.kind == literal_column(f"'{PRODUCT}'"))
    ranking = ranking.order_by(popularity.c.sold.desc(), popularity.c.id.desc()).limit(literal_column(str(most)))
    forward = select(product.c.id).where(product.c.featured.is_(True))
    forward = forward.order_by(product.c.featured.desc(), product.c.id.desc()).limit(literal_column(str(most)))
    few = select(ranking.subquery().c.id).union(select(forward.subquery().c.id)).subquery("few")
    source: FromClause = _InTurn(few, product, product.c.id == few.c.id)
    source = _with_sales(_InTurn(source, card, card.c.product_id == product.c.id))
    rows = select(*_SUGGESTED).select_from(source)
    return _kept(dialect, rows.where(*Shape().conditions(dialect), words.within(dialect, product, title=True)))


@lru_cache(maxsize=64)
def suggested(dialect: str, most: int, size: int) -> TextClause:
    """The first `size` products whose names match, in the order of suggestions: none when more than `most` do.

    Beside them a row that says how many do, without an id. Names from `opens_from` to `opens_to` come before others.
    They are put in order first: whether they are shown is then looked up for those alone that come first.
    """
    source, matches = _matching(dialect, title=True, cards=False)
    some = select(*_SUGGESTED[:-1]).select_from(source).where(*matches, product.c.active)
    few = some.limit(literal_column(str(most + 1))).cte("found")
    number = select(func.count()).select_from(few).scalar_subquery()
    begins = and_(few.c.sort_name >= bindparam("opens_from"), few.c.sort_name < bindparam("opens_to"))
    first = case((begins, literal_column("0")), else_=literal_column("1")).label("first")
    # Looked up for each, so that nobody reads all that was ever sold to join it.
    of = select(popularity.c.sold).where(
        popularity.c.kind == literal_column(f"'{PRODUCT}'"), popularity.c.id == few.c.id
    )
    sold = func.coalesce(of.scalar_subquery(), literal_column("0")).label("sold")
    ranked = select(*few.c, sold, first).where(number <= literal_column(str(most)))
    ranked = ranked.order_by(*_suggested_first(ranked.selected_columns)).limit(literal_column(str(most)))
    row = ranked.subquery("ranked")
    shown = select(literal_column("0").label("number"), *row.c)
    shown = shown.select_from(_InTurn(row, card, card.c.product_id == row.c.id)).where(*Shape().on_cards())
    shown = shown.order_by(*_suggested_first(row.c)).limit(literal_column(str(size)))
    told = select(number.label("number"), *(null().label(each.name) for each in row.c))
    return _kept(dialect, union_all(told, select(*shown.subquery("shown").c)))


def _suggested_first(row: Any) -> list[ColumnElement[Any]]:
    return [row.featured.desc(), row.sold.desc(), row.first, row.sort_name, row.id]


def _limits(kind: str, *, after: bool) -> list[ColumnElement[bool]]:
    """Where on the index of names a walk begins and ends."""
    found: list[ColumnElement[bool]] = []
    if after:
        found.append(tuple_(*_BY_NAME) > tuple_(bindparam("after_name"), bindparam("after_id")))
    if kind == "begin":
        # The end as a row: PostgreSQL takes a plain range whose ends it does not know for a short one, and sorts it.
        found.append(product.c.sort_name >= bindparam("opens_from"))
        found.append(tuple_(*_BY_NAME) < tuple_(bindparam("opens_to"), literal_column("0")))
    return found


def _under(row: FromClause = product) -> list[ColumnElement[bool]]:
    return [row.c.sort_name >= bindparam("opens_from"), row.c.sort_name < bindparam("opens_to")]


def _opens(row: FromClause) -> ColumnElement[bool]:
    return and_(row.c.search_title.like(bindparam("opens")), *_under(row))


def _with_sales(source: FromClause) -> FromClause:
    sales = and_(popularity.c.kind == literal_column(f"'{PRODUCT}'"), popularity.c.id == product.c.id)
    return source.outerjoin(popularity, sales)


def _in_row(dialect: str, words: Words, row: FromClause, *, title: bool) -> ColumnElement[bool]:
    """The words as a condition on a row that is met one by one: SQLite's index would gather all matches first."""
    return _asked(row, title=title) if dialect == "postgresql" else words.within(dialect, row, title=title)


def _asked(row: FromClause, *, title: bool) -> ColumnElement[bool]:
    name = product.name if row is product else "walked"
    vector: ColumnElement[Any] = literal_column(f"{name}.{_VECTORS[title]}")
    wanted = select(func.to_tsquery(literal_column("'simple'"), bindparam("title" if title else "match")))
    return vector.op("@@", is_comparison=True)(wanted.scalar_subquery())


def _matching(dialect: str, *, title: bool, cards: bool = True) -> tuple[FromClause, list[ColumnElement[bool]]]:
    """Products that have the words, as `match`, in their names as `title`; with their cards.

    SQLite looks at the card first, which says in a narrow index most of what filters ask: a product's row is wide.
    """
    if dialect == "postgresql":
        matches = _asked(product, title=title)
        return _InTurn(product, card, card.c.product_id == product.c.id) if cards else product, [matches]
    source, matches = (_WITH_CARD if cards else _DOCUMENT), _in_document(title=title)
    return _InTurn(source, product, product.c.id == _DOCUMENT.c.rowid), [matches]


def _in_document(*, title: bool) -> ColumnElement[bool]:
    return _EVERYTHING.op("MATCH", is_comparison=True)(bindparam("title" if title else "match"))


def _kept(dialect: str, query: Select[Any] | CompoundSelect[Any]) -> TextClause:
    compiled = query.compile(dialect=_COMPILERS[dialect])
    # SQLite's dialect says OFFSET 0 with a parameter of its own.
    return text(str(compiled)).bindparams(**{name: to for name, to in compiled.params.items() if to is not None})
