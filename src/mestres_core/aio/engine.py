"""Engines with async drivers: psycopg or asyncpg for PostgreSQL, aiosqlite for SQLite."""

from __future__ import annotations

import sqlite3
import uuid
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

from mestres_core.db.dialects.sqlite import configure_sqlite
from mestres_core.db.session import POOL, connect_arguments, normal_url, prepare, with_driver
from mestres_core.errors import DatabaseNotReady

_MEMORY = {"vfs": "memdb", "uri": "true"}
_DRIVERS = {"postgresql": ("psycopg", "asyncpg"), "sqlite": ("aiosqlite",)}


def async_url(url: str | URL) -> URL:
    """The address with a driver that can be awaited: the one it names, else psycopg or aiosqlite."""
    parsed = normal_url(url)
    backend = parsed.get_backend_name()
    first, *others = _DRIVERS[backend]
    driver = parsed.get_driver_name()
    return parsed.set(drivername=f"{backend}+{driver if driver in others else first}")


def make_async_engine(url: str | URL) -> AsyncEngine:
    """An async engine with the settings of `make_engine`. Raises DatabaseNotReady, also when the driver is missing."""
    parsed = async_url(url)
    arguments: dict[str, Any] = {"connect_args": connect_arguments(parsed)}
    kept: _Kept | None = None
    if parsed.get_backend_name() == "postgresql":
        arguments |= POOL
    elif _in_memory(parsed):
        arguments["poolclass"] = StaticPool
        kept = _Kept()
        parsed = parsed.set(database=kept.name, query={**parsed.query, **_MEMORY})
    try:
        made = create_async_engine(parsed, **with_driver(parsed, arguments, is_async=True))
    except ImportError as missing:
        raise DatabaseNotReady(
            f"{missing.name or missing} is not installed", "pip install 'mestres[async]'"
        ) from missing
    if kept is not None:
        event.listen(made.sync_engine, "connect", kept.open)
        event.listen(made.sync_engine, "engine_disposed", kept.close)
    if parsed.get_backend_name() == "sqlite":
        configure_sqlite(made.sync_engine)
    else:
        prepare(made.sync_engine)
    return made


class _Kept:
    """A database in memory that outlives its connection.

    SQLAlchemy throws a connection away when the task that waits for it is cancelled, and what is in the memory of one
    connection alone would go with it. So the database has a name, and a second connection that does nothing.
    """

    def __init__(self) -> None:
        self.name = f"file:/mestres-{uuid.uuid4().hex}"
        self._keeper: sqlite3.Connection | None = None

    def open(self, _connection: object, _record: object) -> None:
        if self._keeper is None:
            query = "&".join(f"{name}={value}" for name, value in _MEMORY.items())
            self._keeper = sqlite3.connect(f"{self.name}?{query}", uri=True, check_same_thread=False)
            self._keeper.execute("PRAGMA schema_version").fetchall()  # it is opened by the first look into it

    def close(self, _engine: object) -> None:
        if self._keeper is not None:
            self._keeper.close()
        self._keeper = None


def engine_beside(engine: Engine) -> AsyncEngine:
    """An async engine on the database of a plain one. Raises DatabaseNotReady."""
    if engine.dialect.name == "sqlite" and _in_memory(engine.url):
        raise DatabaseNotReady(
            "a database in memory belongs to one connection", "use a file, or AsyncCommerce.open('sqlite://') alone"
        )
    return make_async_engine(engine.url)


def _in_memory(url: URL) -> bool:
    return url.database in (None, "", ":memory:")
