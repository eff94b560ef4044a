"""What is said differently to SQLite and PostgreSQL."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BindParameter,
    Boolean,
    Dialect,
    Integer,
    String,
    Table,
    Text,
    TypeDecorator,
    bindparam,
    cast,
    func,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import FunctionElement

_TAKEN = "23505"
# Two checkouts took the same key at once. Nothing of the second one may stay: tried again, it is a replay or a
# conflict.
_KEYS = re.compile(r"pk_\w+_idempotency")  # a shop may have a prefix of its own
# Two orders at once got the same number of a generator that takes them from what it sees: the second one sees more.
_NUMBERS = re.compile(r"uq_\w+_order_number|UNIQUE constraint failed: \w+_order\.number")
JUST_TAKEN = "the idempotency key was taken just now"
_NUMBER_TAKEN = "the order number was taken just now"
_BUSY_STATES = {"40001": "serialization failure", "40P01": "deadlock", "55P03": "lock timeout"}
# A statement that the server has prepared gives columns of another type than it did: a migration was run meanwhile.
# There is no state for it alone, and the words are in the server's own language. asyncpg has a class for it.
_NOT_SUPPORTED, _BY, _CLASS = "0A000", "RevalidateCachedQuery", "InvalidCachedStatementError"
_MISSING_STATES = frozenset({"42P01", "42703"})
_MISSING_WORDS = ("no such table", "no such column", "has no column named")


def insert(dialect: str, table: Table) -> Any:
    """An INSERT that knows ON CONFLICT; both databases spell it alike, SQLAlchemy does not."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def as_dict(rows: Iterable[Any]) -> dict[Any, Any]:
    """Rows of two columns as a mapping; the typed way to say so differs between SQLAlchemy 2.0 and 2.1."""
    return {row[0]: row[1] for row in rows}


def one_at_a_time(session: Session, dialect: str, number: int) -> None:
    """Let one transaction at a time go past here; SQLite has only one writer anyway.

    What the transaction reads afterwards, it reads as the one before it left it.
    """
    if dialect == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})


def busy(error: DBAPIError) -> str | None:
    """Why the same transaction may pass when tried again, or None when it may not."""
    state = getattr(error.orig, "sqlstate", None)
    if state == _TAKEN:
        name = _constraint(error.orig)
        return JUST_TAKEN if _KEYS.fullmatch(name) else _NUMBER_TAKEN if _NUMBERS.fullmatch(name) else None
    if is_stale(error.orig):
        return "the tables were changed"
    if state is not None:
        return _BUSY_STATES.get(state)
    reason = str(error.orig)
    if _NUMBERS.fullmatch(reason):
        return _NUMBER_TAKEN
    return reason if "database is locked" in reason or "database table is locked" in reason else None


def missing(error: DBAPIError) -> bool:
    """Whether a table or a column is not there: the tables were never made, or are of another version."""
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return state in _MISSING_STATES
    reason = str(error.orig)
    return any(words in reason for words in _MISSING_WORDS)


def is_stale(error: Any) -> bool:
    """Whether a driver's error is of a statement that was prepared before a migration."""
    if getattr(error, "sqlstate", None) == _NOT_SUPPORTED:
        return getattr(getattr(error, "diag", None), "source_function", None) == _BY
    return type(error).__name__ == _CLASS


def _constraint(error: Any) -> str:
    """The name of the constraint that was broken, by the one driver or the other; empty when it is not told."""
    of = getattr(error, "diag", None) or getattr(error, "__cause__", None)
    return str(getattr(of, "constraint_name", None) or "")


class among(FunctionElement[bool]):  # noqa: N801 - an operator's name
    """`among(column, "ids")`: the column is one of the parameter's, however many: the same statement for one and fifty.

    A list within the text (`in_`) makes another statement of each length, to be put together and planned by itself.
    """

    type = Boolean()
    inherit_cache = True

    def __init__(self, column: Any, name: str) -> None:
        super().__init__(column, bindparam(name, type_=_Several(column.type)))


class _Several(TypeDecorator[Any]):
    """Values as one parameter: an array, or to SQLite JSON."""

    impl = Text
    cache_ok = True

    def __init__(self, of: Any) -> None:
        super().__init__()
        self.of = of

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """The database's own."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else postgresql.ARRAY(self.of))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """As it takes it."""
        return json.dumps(list(value)) if dialect.name == "sqlite" else list(value)


@compiles(among, "sqlite")
def _among_sqlite(element: Any, compiler: Any, **named: Any) -> str:
    column, several = (compiler.process(each, **named) for each in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({several}))"  # noqa: S608 - our own columns


@compiles(among, "postgresql")
def _among_postgresql(element: Any, compiler: Any, **named: Any) -> str:
    column, several = (compiler.process(each, **named) for each in element.clauses)
    return f"{column} = ANY ({several})"


def written(name: str, type_: Any) -> BindParameter[Any]:
    """A parameter that says where a range begins or ends, and is written into the statement.

    Of a statement that it prepared PostgreSQL forgets how much lies between two values, and takes all ranges for short
    ones: a month's figures then take up to three times as long.
    """
    return bindparam(name, type_=type_, literal_execute=True)


class json_rows(FunctionElement[Any]):  # noqa: N801 - a function's name
    """`json_rows(a, b)`: every row's columns as one JSON value `[[a, b], ...]`, in no definite order.

    So another table's rows come along with a statement that is sent anyhow. No rows give NULL or an empty list. SQLite
    gives moments as text without a zone: `moment_in_json` reads both.
    """

    type = JSON()
    inherit_cache = True


@compiles(json_rows, "sqlite")
def _json_rows_sqlite(element: Any, compiler: Any, **named: Any) -> str:
    parts = [_part_of_json(each, compiler.process(each, **named)) for each in element.clauses]
    return f"json_group_array(json_array({', '.join(parts)}))"


def _part_of_json(element: Any, text: str) -> str:
    """To SQLite JSON is text until it is told otherwise."""
    return f"json({text})" if isinstance(element.type, JSON) else text


@compiles(json_rows, "postgresql")
def _json_rows_postgresql(element: Any, compiler: Any, **named: Any) -> str:
    return f"json_agg(json_build_array({compiler.process(element.clauses, **named)}))"


class moment_text(FunctionElement[str]):  # noqa: N801 - a function's name
    """A moment as ISO 8601 in UTC, as Python writes it but with a Z: without a fraction when that is nothing.

    Where a million moments become text, to make objects of them first takes four times as long.
    """

    type = String()
    inherit_cache = True


@compiles(moment_text, "sqlite")
def _moment_text_sqlite(element: Any, compiler: Any, **named: Any) -> str:
    column = compiler.process(element.clauses, **named)
    return f"replace(replace({column}, ' ', 'T') || 'Z', '.000000Z', 'Z')"


@compiles(moment_text, "postgresql")
def _moment_text_postgresql(element: Any, compiler: Any, **named: Any) -> str:
    column = compiler.process(element.clauses, **named)
    form = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
    return f"replace(to_char({column} AT TIME ZONE 'UTC', '{form}'), '.000000Z', 'Z')"


def moment_in_json(value: str | None) -> datetime | None:
    """A moment that came within JSON, aware, in UTC."""
    if value is None:
        return None
    found = datetime.fromisoformat(value)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def hour_of(dialect: str, column: Any) -> Any:
    """The hour in which a moment lies, to group by: `hour_number` makes a number of it.

    PostgreSQL reckons with moments as they are stored: the seconds since 1970 it would make with decimals, which takes
    as long again as all the rest of a report.
    """
    if dialect == "sqlite":
        whole = func.substr(column, 1, 19)  # of a fraction SQLite makes milliseconds, and of the last half one an hour
        return cast(func.strftime("%s", whole, type_=String), Integer) // 3600
    return func.date_bin(text("interval '1 hour'"), column, text("timestamptz 'epoch'"))


def hour_number(hour: Any) -> int:
    """The number of the hour, counted from 1970 in UTC."""
    return int(hour.timestamp()) // 3600 if isinstance(hour, datetime) else int(hour)
