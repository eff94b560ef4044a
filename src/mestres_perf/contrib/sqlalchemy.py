"""An SQLAlchemy engine with a pool fit for production; and watching one, by events only."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.pool import QueuePool, StaticPool

from mestres_perf.metrics._registry import Metrics
from mestres_perf.settings import PoolSettings

_FIRST_WORD = re.compile(r"[a-zA-Z]+")
_KNOWN = frozenset({"select", "insert", "update", "delete", "begin", "create", "with", "pragma"})
_STARTED = "mestres_perf_started"


def make_engine(
    url: str | URL, *, pool: PoolSettings | None = None, metrics: Metrics | None = None, **options: Any
) -> Engine:
    """An engine whose pool is that of the settings: 20 connections, 30 more when needed, tried before use.

    Who waits for a connection longer than `pool.timeout` gets SQLAlchemy's TimeoutError. An SQLite file has the same
    bounds, and nothing to try or to replace; SQLite in memory is one connection that all threads share. A plain
    `postgresql://` means psycopg 3. With `metrics` the engine is watched; `options` go to `create_engine`.
    """
    parsed = make_url(url)
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    engine = create_engine(parsed, **{**_pool_options(parsed, pool or PoolSettings()), **options})
    if metrics is not None:
        instrument_engine(engine, metrics)
    return engine


def _pool_options(url: URL, pool: PoolSettings) -> dict[str, Any]:
    bounds = {
        "poolclass": QueuePool,
        "pool_size": pool.size,
        "max_overflow": pool.max_overflow,
        "pool_timeout": pool.timeout,
    }
    if url.get_backend_name() != "sqlite":
        return {**bounds, "pool_recycle": pool.recycle, "pool_pre_ping": pool.pre_ping}
    if url.database in (None, "", ":memory:") or "mode=memory" in str(url):
        return {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
    return bounds


class WatchedPool:
    """The connections of one engine's pool that are out: a set, so that no path back is counted twice."""

    def __init__(self, engine: Engine) -> None:
        size = getattr(engine.pool, "size", None)
        self.most = (size() if size else 1) + max(0, getattr(engine.pool, "_max_overflow", 0))
        self._out: set[int] = set()

    def active(self) -> int:
        """How many are in use now."""
        return len(self._out)

    def checkout(self, _connection: Any, record: Any, _proxy: Any) -> None:
        """One goes out."""
        self._out.add(id(record))

    def checkin(self, _connection: Any, record: Any) -> None:
        """One comes back, whole or broken."""
        self._out.discard(id(record))

    def detach(self, _connection: Any, record: Any) -> None:
        """One leaves the pool for good."""
        self._out.discard(id(record))


def instrument_engine(engine: Engine, metrics: Metrics) -> Callable[[], None]:
    """Watch `engine`; returns what stops it. Statements are told apart by their first word, never by their text."""
    pool = WatchedPool(engine)

    def before(connection: Any, *_: Any) -> None:
        connection.info.setdefault(_STARTED, []).append(time.perf_counter())

    def after(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        _observe(metrics, connection.info, statement)

    def failed(context: Any) -> None:
        if context.connection is not None and context.statement is not None:
            _observe(metrics, context.connection.info, context.statement)

    listeners: list[tuple[Any, str, Callable[..., Any]]] = [
        (engine, "checkout", pool.checkout),
        (engine, "checkin", pool.checkin),
        (engine, "detach", pool.detach),
        (engine, "before_cursor_execute", before),
        (engine, "after_cursor_execute", after),
        (engine, "handle_error", failed),
    ]
    for target, name, listener in listeners:
        event.listen(target, name, listener)
    metrics.watch_pool(pool)

    def stop() -> None:
        for target, name, listener in listeners:
            event.remove(target, name, listener)
        metrics.pools.remove(pool)

    return stop


def _observe(metrics: Metrics, info: dict[str, Any], statement: str) -> None:
    started = info.get(_STARTED)
    if started:
        word = _FIRST_WORD.match(statement.lstrip())
        operation = word.group().lower() if word else "other"
        seconds = time.perf_counter() - started.pop()
        metrics.queries.child(operation if operation in _KNOWN else "other").observe(seconds)
