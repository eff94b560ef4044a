"""What matches a query, as SQL conditions of each database. Terms hold only a-z and 0-9: nothing needs escaping."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, pairwise
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Text,
    and_,
    case,
    cast,
    column,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
)

from mestres_core.catalog.models import product
from mestres_core.catalog.texts import BREAK
from mestres_core.db.base import PREFIX
from mestres_core.rules.text import stems
from mestres_core.search.asking import Term

_VECTOR: ColumnElement[Any] = literal_column(f"{PREFIX}product.search_vector")
_TITLE_VECTOR: ColumnElement[Any] = literal_column(f"{PREFIX}product.search_title_vector")
_DOCUMENT = table(f"{PREFIX}search_document", column("rowid"))
_EVERYTHING: ColumnElement[Any] = literal_column(f"{PREFIX}search_document")


_NOWHERE = 100
"""What a term weighs that is only the beginning of a word: more than all terms in descriptions."""


class _Language(NamedTuple):
    """How a full-text index is asked for a word, for the beginning of one, for both of two things, for either."""

    whole: str
    beginning: str
    both: str
    either: str

    def query(self, wanted: Sequence[tuple[Term, bool]], *, needed: int | None = None) -> str:
        """The terms, those with a True also as beginnings; so many of them at least, None for all."""
        terms = [self._term(term, unfinished) for term, unfinished in wanted]
        some = combinations(terms, len(terms) if needed is None else needed)
        return self.either.join(f"({self.both.join(each)})" for each in some)

    def _term(self, term: Term, unfinished: bool) -> str:
        choices = [self.both.join(map(self.whole.format, phrase)) for phrase in term.phrases]
        if unfinished and term.begins:
            if term.stems[0].startswith(term.begins):
                del choices[0]  # it is among those
            choices.append(self.beginning.format(term.begins))
        return f"({self.either.join(f'({each})' for each in choices)})"


LANGUAGES: Mapping[str, _Language] = {
    "postgresql": _Language("{}", "{}:*", " & ", " | "),
    "sqlite": _Language('"{}"', '"{}"*', " AND ", " OR "),
}


def anywhere(dialect: str, terms: Sequence[Term], *, missing: int = 0) -> ColumnElement[bool]:
    """Products that have every term, or a word that begins with it; so many may be missing."""
    return _match(dialect, [(term, True) for term in terms], needed=len(terms) - missing)


def of_values(dialect: str, choices: Sequence[frozenset[str]]) -> list[ColumnElement[bool]]:
    """Nothing new beside the attributes themselves, but of use to PostgreSQL: its index has the words of both."""
    if dialect != "postgresql":
        return []
    texts = [[stems(each) for each in sorted(choice)] for choice in choices]
    queries = [" | ".join(f"({' & '.join(each)})" for each in of) for of in texts if all(of)]
    return [_asked(_VECTOR, query) for query in queries]


def some(dialect: str, terms: Sequence[Term]) -> ColumnElement[bool]:
    """Products that have one of the terms at least, as it is."""
    return _match(dialect, [(term, False) for term in terms], needed=1)


def in_title(dialect: str, terms: Sequence[Term], *, last_unfinished: bool = False) -> ColumnElement[bool]:
    """Products whose names have every term as it is; with `last_unfinished` the last one may be a beginning."""
    last = len(terms) - 1
    wanted = [(term, last_unfinished and at == last) for at, term in enumerate(terms)]
    return _match(dialect, wanted, title=True)


def begins_with(term: Term) -> ColumnElement[bool]:
    """Products whose names begin with this term, from their first letter."""
    # A stem and its word differ in the last two letters at most: said of `sort_name`, it is a short walk on its index.
    first = term.stems[0]
    return and_(product.c.search_title.like(f" {' '.join(term.stems)} %"), sorted_under(first[:-2] or first))


def sorted_under(beginning: str) -> ColumnElement[bool]:
    """Products whose names, folded, begin with these letters: a stretch of the index of names."""
    after = f"{beginning[:-1]}{chr(ord(beginning[-1]) + 1)}"
    return and_(product.c.sort_name >= beginning, product.c.sort_name < after)


class Ids(NamedTuple):
    """Some products, as the database gathered them: their number, and a text that it takes back as it is."""

    number: int
    text: str | None


def gathered(dialect: str, of: ColumnElement[int]) -> ColumnElement[str]:
    """Row numbers as one text: thousands of them come and go for the price of one value."""
    if dialect == "postgresql":
        return cast(func.array_agg(of), Text)
    return func.json_group_array(of)


def among(dialect: str, ids: Ids, of: ColumnElement[int] = product.c.id) -> ColumnElement[bool]:
    """Those of a list, however long, as one parameter."""
    if dialect == "postgresql":
        # As rows, not as `= ANY`: the planner then looks each one up instead of reading the whole table.
        return of.in_(select(func.unnest(cast(literal(ids.text or "{}"), ARRAY(BigInteger)))))
    return of.in_(select(func.json_each(ids.text or "[]").table_valued("value").c.value))


def walked(dialect: str, terms: Sequence[Term], *, title: bool, last_unfinished: bool = False) -> ColumnElement[bool]:
    """The same as `in_title` and `anywhere`, for rows that are met one by one.

    SQLite would gather all matches first; PostgreSQL looks at the row, and knows how common the words are.
    """
    if dialect == "postgresql":
        return in_title(dialect, terms, last_unfinished=last_unfinished) if title else anywhere(dialect, terms)
    if title:
        return named(terms, last_unfinished=last_unfinished)
    here = (product.c.search_title, product.c.search_body)
    return and_(*(or_(*(_has(text, term) for text in here), *(_begins(text, term) for text in here)) for term in terms))


def named(terms: Sequence[Term], *, last_unfinished: bool = False) -> ColumnElement[bool]:
    """Products whose names have every term, as a condition on the row itself."""
    title, last = product.c.search_title, len(terms) - 1
    return and_(
        *(
            or_(_has(title, term), _begins(title, term)) if last_unfinished and at == last else _has(title, term)
            for at, term in enumerate(terms)
        )
    )


def rank(terms: Sequence[Term], pinned: int | None) -> ColumnElement[int]:
    """How well a product matches; 0 is best.

    The SKU that was asked for; all terms in the name, from its beginning; all in the name; all in the name as
    beginnings of words; all of them somewhere; the rest. In the last two, by the fields that have them: name before
    attributes and variants, before categories, before the description, before what only begins so.
    """
    exact = [_has(product.c.search_title, term) for term in terms]
    beginnings = [
        or_(here, product.c.search_title.like(f"% {term.begins}%")) if term.begins else here
        for here, term in zip(exact, terms, strict=True)
    ]
    opens = begins_with(terms[0])
    weights = case((opens, literal(0)), else_=literal(1)) + _sum(
        _weight(here, term) for here, term in zip(exact, terms, strict=True)
    )
    return case(
        (product.c.id == (0 if pinned is None else pinned), literal(0)),
        (and_(*exact, opens), literal(1)),
        (and_(*exact), literal(2)),
        (and_(*beginnings), literal(3)),
        else_=literal(4) + weights,
    )


def as_typed(terms: Sequence[Term]) -> ColumnElement[int]:
    """0 for names that have every word just as it was typed, 1 for others."""
    name = literal(" ").concat(product.c.sort_name).concat(" ")
    return case((and_(*(name.like(f"% {term.typed} %") for term in terms)), literal(0)), else_=literal(1))


def apart(terms: Sequence[Term]) -> ColumnElement[int]:
    """How many neighbours in the query are none in a product: "catuaí vermelho, bourbon amarelo" is not it."""
    return _sum(
        case((or_(product.c.search_title.like(pair), product.c.search_body.like(pair)), literal(0)), else_=literal(1))
        for pair in (
            f"% {' '.join((one.stems[-1], *other.after.split(), other.stems[0]))} %" for one, other in pairwise(terms)
        )
    )


def having(terms: Sequence[Term]) -> ColumnElement[int]:
    """How many of the terms a product has."""
    found = [or_(_has(product.c.search_title, term), _has(product.c.search_body, term)) for term in terms]
    return _sum(case((each, literal(1)), else_=literal(0)) for each in found)


def _sum(of: Iterable[ColumnElement[int]]) -> ColumnElement[int]:
    return sum(of, start=literal(0))


def _has(text: ColumnElement[str], term: Term, *, before: str = "") -> ColumnElement[bool]:
    return or_(*(and_(*(text.like(f"% {stem} %{before}") for stem in phrase)) for phrase in term.phrases))


def _begins(text: ColumnElement[str], term: Term) -> ColumnElement[bool]:
    return text.like(f"% {term.begins}%") if term.begins else false()


def _weight(in_name: ColumnElement[bool], term: Term) -> ColumnElement[int]:
    body = product.c.search_body
    return case(
        (in_name, literal(0)),
        (_has(body, term, before=f"{BREAK}%{BREAK}%"), literal(1)),
        (_has(body, term, before=f"{BREAK}%"), literal(2)),
        (_has(body, term), literal(4)),
        else_=literal(_NOWHERE),
    )


def _match(
    dialect: str, wanted: Sequence[tuple[Term, bool]], *, title: bool = False, needed: int | None = None
) -> ColumnElement[bool]:
    if dialect == "postgresql":
        return _asked(_TITLE_VECTOR if title else _VECTOR, LANGUAGES[dialect].query(wanted, needed=needed))
    text = LANGUAGES[dialect].query(wanted, needed=needed)
    found = select(_DOCUMENT.c.rowid).where(_EVERYTHING.op("MATCH")(f"search_title : ({text})" if title else text))
    return product.c.id.in_(found)


def _asked(vector: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    # Written into the statement: PostgreSQL plans by how common the words are, and cannot for a parameter of a
    # statement that it has prepared.
    return vector.op("@@", is_comparison=True)(
        func.to_tsquery(literal_column("'simple'"), literal(text, literal_execute=True))
    )
