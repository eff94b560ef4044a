"""What matches a query, in the language of each index. Terms hold only a-z and 0-9: nothing needs escaping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Text, cast, column, func, literal, literal_column, select, table
from sqlalchemy.dialects.postgresql import ARRAY

from mestres_core.catalog.models import product
from mestres_core.db.base import PREFIX
from mestres_core.rules.portuguese import stem_begins
from mestres_core.search.asking import Term
from mestres_core.search.statements import Words, listed

_VECTOR: ColumnElement[Any] = literal_column(f"{PREFIX}product.search_vector")
_DOCUMENT = table(f"{PREFIX}search_document", column("rowid"))
_EVERYTHING: ColumnElement[Any] = literal_column(f"{PREFIX}search_document")


Beginnings = Mapping[str | None, Sequence[str]]
"""The stems that begin as words do that may not be finished: all of them, where a beginning is there."""

_NONE_KNOWN: Beginnings = MappingProxyType({})
LAST_LETTER = "\U0010ffff"
"""No letter comes after it."""


class _Language(NamedTuple):
    """How a full-text index is asked for a word, for the beginning of one, for both of two things, for either."""

    whole: str
    beginning: str
    both: str
    either: str

    def query(
        self,
        wanted: Sequence[tuple[Term, bool]],
        *,
        needed: int | None = None,
        marks: Sequence[Sequence[str]] = (),
        known: Beginnings = _NONE_KNOWN,
    ) -> str:
        """The terms, those with a True also as beginnings; so many of them at least, None for all.

        Beginnings that are `known` are asked for as the stems that begin so.

        Beside them one at least of each of the `marks`, which are those of attributes.
        """
        terms = [self._term(term, known if unfinished else None) for term, unfinished in wanted]
        some = combinations(terms, len(terms) if needed is None else needed)
        found = self.either.join(f"({self.both.join(each)})" for each in some)
        return self.both.join((f"({found})", *self.one_of_each(marks))) if marks else found

    def one_of_each(self, marks: Sequence[Sequence[str]]) -> list[str]:
        """What is to be joined with `both` to the words."""
        return [f"({self.either.join(map(self.whole.format, of))})" for of in marks]

    def _term(self, term: Term, known: Beginnings | None) -> str:
        choices = [self._all(phrase) for phrase in term.phrases]
        if known is not None and term.begins in known:
            choices += [self.whole.format(each) for each in known[term.begins] if each != term.stems[0]]
        elif known is not None and term.begins:
            if term.stems[0].startswith(term.begins):
                del choices[0]  # it is among those
            choices.append(self.beginning.format(term.begins))
        return f"({self.either.join(f'({each})' for each in choices)})"

    def _all(self, phrase: Sequence[str]) -> str:
        return self.both.join(map(self.whole.format, phrase))


LANGUAGES: Mapping[str, _Language] = {
    "postgresql": _Language("{}", "{}:*", " & ", " | "),
    "sqlite": _Language('"{}"', '"{}"*', " AND ", " OR "),
}


def anywhere(
    dialect: str,
    terms: Sequence[Term],
    *,
    missing: int = 0,
    marks: Sequence[Sequence[str]] = (),
    known: Beginnings = _NONE_KNOWN,
) -> str:
    """Products that have every term, or a word that begins with it; so many may be missing."""
    wanted = [(term, True) for term in terms]
    return LANGUAGES[dialect].query(wanted, needed=len(terms) - missing, marks=marks, known=known)


def some(dialect: str, terms: Sequence[Term], marks: Sequence[Sequence[str]]) -> str:
    """Products that have one of the terms at least, as it is."""
    return LANGUAGES[dialect].query([(term, False) for term in terms], needed=1, marks=marks)


def in_title(
    dialect: str,
    terms: Sequence[Term],
    *,
    last_unfinished: bool = False,
    marks: Sequence[Sequence[str]] = (),
    known: Beginnings = _NONE_KNOWN,
) -> str:
    """Products whose names have every term as it is; with `last_unfinished` the last one may be a beginning.

    On SQLite they have the marks too: PostgreSQL's index of names knows nothing of them.
    """
    last = len(terms) - 1
    wanted = [(term, last_unfinished and at == last) for at, term in enumerate(terms)]
    language = LANGUAGES[dialect]
    found = language.query(wanted, known=known)
    if dialect == "postgresql":
        return found
    return language.both.join((f"search_title : ({found})", *language.one_of_each(marks)))


def words(terms: Sequence[Term], *, last_unfinished: bool = False) -> Words:
    """Their shape, for conditions on a row."""
    counts = tuple(tuple(map(len, term.phrases)) for term in terms)
    return Words(counts, tuple(bool(term.begins) for term in terms), last_unfinished)


def parts(terms: Sequence[Term]) -> dict[str, str]:
    """The parameters of such conditions."""
    found = {
        f"stem_{index}_{at}_{nth}": f" {stem} "
        for index, term in enumerate(terms)
        for at, phrase in enumerate(term.phrases)
        for nth, stem in enumerate(phrase)
    }
    return found | {f"begins_{index}": f" {term.begins}" for index, term in enumerate(terms) if term.begins}


def opening(terms: Sequence[Term]) -> dict[str, str]:
    """The parameters of names that begin with the first term, from their first letter."""
    return {"opens": f" {' '.join(terms[0].stems)} %", **under(stem_begins(terms[0].stems[0]))}


def under(beginning: str) -> dict[str, str]:
    """The parameters of names that, folded, begin with these letters: a stretch of the index of names."""
    return {"opens_from": beginning, "opens_to": f"{beginning}{LAST_LETTER}"}


def matches(dialect: str, text: str) -> ColumnElement[bool]:
    """What the index finds, as a condition."""
    if dialect == "postgresql":
        # Written into the statement: PostgreSQL plans by how common the words are, and cannot for a parameter of a
        # statement that it has prepared.
        wanted = func.to_tsquery(literal_column("'simple'"), literal(text, literal_execute=True))
        return _VECTOR.op("@@", is_comparison=True)(wanted)
    return product.c.id.in_(select(_DOCUMENT.c.rowid).where(_EVERYTHING.op("MATCH")(text)))


def among(dialect: str, ids: Sequence[int]) -> ColumnElement[bool]:
    """Those of a list, however long, as one parameter."""
    if dialect == "postgresql":
        # As rows, not as `= ANY`: the planner then looks each one up instead of reading the whole table.
        return product.c.id.in_(select(func.unnest(cast(literal(listed(dialect, ids)), ARRAY(BigInteger)))))
    return product.c.id.in_(select(func.json_each(literal(listed(dialect, ids), Text)).table_valued("value").c.value))
