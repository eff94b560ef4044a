"""What matches a query, as SQL conditions of each database. Stems hold only a-z and 0-9: nothing needs escaping."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    and_,
    case,
    column,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
)

from mestres_core.catalog.models import product
from mestres_core.db.base import PREFIX

# Shorter ones begin too many words: they match only as they are.
_SHORTEST_BEGINNING = 3
_VECTOR: ColumnElement[Any] = literal_column(f"{PREFIX}product.search_vector")
_TITLE_VECTOR: ColumnElement[Any] = literal_column(f"{PREFIX}product.search_title_vector")
_DOCUMENT = table(f"{PREFIX}search_document", column("rowid"))
_EVERYTHING: ColumnElement[Any] = literal_column(f"{PREFIX}search_document")


def anywhere(dialect: str, stems: Sequence[str]) -> ColumnElement[bool]:
    """Products that have every stem, or a word that begins with it."""
    return _match(dialect, [(stem, len(stem) >= _SHORTEST_BEGINNING) for stem in stems], title=False)


def in_title(dialect: str, stems: Sequence[str], *, last_unfinished: bool = False) -> ColumnElement[bool]:
    """Products whose names have every stem as it is; with `last_unfinished` the last one may be a beginning."""
    last = len(stems) - 1
    wanted = [(stem, last_unfinished and at == last) for at, stem in enumerate(stems)]
    return _match(dialect, wanted, title=True)


def begins_with(stem: str) -> ColumnElement[bool]:
    """Products whose names begin with this stem, from their first letter."""
    # A stem and its word differ in the last two letters at most: said of `sort_name`, it is a short walk on its index.
    return and_(product.c.search_title.like(f" {stem} %"), sorted_under(stem[:-2] or stem))


def sorted_under(beginning: str) -> ColumnElement[bool]:
    """Products whose names, folded, begin with these letters: a stretch of the index of names."""
    after = f"{beginning[:-1]}{chr(ord(beginning[-1]) + 1)}"
    return and_(product.c.sort_name >= beginning, product.c.sort_name < after)


def among(dialect: str, ids: Sequence[int], of: ColumnElement[int] = product.c.id) -> ColumnElement[bool]:
    """Those of a list, however long, as one parameter."""
    if dialect == "postgresql":
        # As rows, not as `= ANY`: the planner then looks each one up instead of reading the whole table.
        return of.in_(select(func.unnest(literal(list(ids), ARRAY(BigInteger)))))
    return of.in_(select(func.json_each(json.dumps(list(ids))).table_valued("value").c.value))


def rank(stems: Sequence[str], pinned: int | None) -> ColumnElement[int]:
    """How well a product matches; 0 is best.

    The SKU that was asked for; all words in the name, from its beginning; all in the name; all in the name as
    beginnings of words; all of them somewhere; the rest.
    """
    exact = [product.c.search_title.like(f"% {stem} %") for stem in stems]
    beginnings = [product.c.search_title.like(f"% {stem}%") for stem in stems]
    somewhere = [or_(here, product.c.search_body.like(f"% {stem} %")) for here, stem in zip(exact, stems, strict=True)]
    return case(
        (product.c.id == (0 if pinned is None else pinned), literal(0)),
        (and_(*exact, begins_with(stems[0])), literal(1)),
        (and_(*exact), literal(2)),
        (and_(*beginnings), literal(3)),
        (and_(*somewhere), literal(4)),
        else_=literal(5),
    )


def _match(dialect: str, wanted: Sequence[tuple[str, bool]], *, title: bool) -> ColumnElement[bool]:
    if dialect == "postgresql":
        text = " & ".join(f"{stem}:*" if beginning else stem for stem, beginning in wanted)
        vector = _TITLE_VECTOR if title else _VECTOR
        # Written into the statement: PostgreSQL plans by how common the words are, and cannot for a parameter of a
        # statement that it has prepared.
        return vector.op("@@", is_comparison=True)(
            func.to_tsquery(literal_column("'simple'"), literal(text, literal_execute=True))
        )
    text = " ".join(f'"{stem}"{"*" if beginning else ""}' for stem, beginning in wanted)
    found = select(_DOCUMENT.c.rowid).where(_EVERYTHING.op("MATCH")(f"search_title : ({text})" if title else text))
    return product.c.id.in_(found)
