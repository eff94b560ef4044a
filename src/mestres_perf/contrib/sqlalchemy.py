"""Watch an SQLAlchemy engine: connections in use, how many there may be, time by kind of statement. By events only."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, event

from mestres_perf.metrics._registry import Metrics

_FIRST_WORD = re.compile(r"[a-zA-Z]+")
_KNOWN = frozenset({"select", "insert", "update", "delete", "begin", "create", "with", "pragma"})
_STARTED = "mestres_perf_started"


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
