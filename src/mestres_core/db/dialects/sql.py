"""What is said differently to SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, Integer, String, Table, cast, extract, func, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

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
    if state is not None:
        return _BUSY_STATES.get(state)
    reason = str(error.orig)
    return reason if "database is locked" in reason or "database table is locked" in reason else None


def hour_of(dialect: str, column: Any) -> Any:
    """The number of the hour, counted from 1970 in UTC, in which a moment lies."""
    if dialect == "sqlite":
        return cast(func.strftime("%s", column, type_=String), Integer) // 3600
    return cast(func.floor(extract("epoch", column) / 3600), BigInteger)
