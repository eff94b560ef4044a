"""What is said differently to SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, Integer, String, Table, cast, func, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import FunctionElement

_TAKEN = "23505"
# Two checkouts took the same key at once. Nothing of the second one may stay: tried again, it is a replay or a
# conflict.
_KEYS = "pk_mc_idempotency"
JUST_TAKEN = "the idempotency key was taken just now"
_BUSY_STATES = {"40001": "serialization failure", "40P01": "deadlock", "55P03": "lock timeout"}


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
        return JUST_TAKEN if _constraint(error.orig) == _KEYS else None
    if state is not None:
        return _BUSY_STATES.get(state)
    reason = str(error.orig)
    return reason if "database is locked" in reason or "database table is locked" in reason else None


def _constraint(error: Any) -> str | None:
    """The name of the constraint that was broken, by the one driver or the other."""
    of = getattr(error, "diag", None) or getattr(error, "__cause__", None)
    found = getattr(of, "constraint_name", None)
    return None if found is None else str(found)


class json_rows(FunctionElement[Any]):  # noqa: N801 - a function's name
    """`json_rows(a, b)`: every row's columns as one JSON value `[[a, b], ...]`, in no definite order.

    So another table's rows come along with a statement that is sent anyhow. No rows give NULL or an empty list. SQLite
    gives moments as text without a zone: `moment_in_json` reads both.
    """

    type = JSON()
    inherit_cache = True


@compiles(json_rows, "sqlite")
def _json_rows_sqlite(element: Any, compiler: Any, **named: Any) -> str:
    return f"json_group_array(json_array({compiler.process(element.clauses, **named)}))"


@compiles(json_rows, "postgresql")
def _json_rows_postgresql(element: Any, compiler: Any, **named: Any) -> str:
    return f"json_agg(json_build_array({compiler.process(element.clauses, **named)}))"


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
        return cast(func.strftime("%s", column, type_=String), Integer) // 3600
    return func.date_bin(text("interval '1 hour'"), column, text("timestamptz 'epoch'"))


def hour_number(hour: Any) -> int:
    """The number of the hour, counted from 1970 in UTC."""
    return int(hour.timestamp()) // 3600 if isinstance(hour, datetime) else int(hour)
