"""An SQLAlchemy engine with a pool fit for production; watching one; and asking whether its database answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.engine import URL
from sqlalchemy.pool import QueuePool, StaticPool

from mestres_perf.contrib._engine_metrics import watch
from mestres_perf.contrib._engine_ready import DatabaseReady
from mestres_perf.errors import ConfigurationError
from mestres_perf.metrics._registry import Metrics
from mestres_perf.settings import PoolSettings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

__all__ = ["DatabaseReady", "instrument_engine", "make_engine"]


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


def instrument_engine(engine: Engine | AsyncEngine, metrics: Metrics, *, name: str | None = None) -> Callable[[], None]:
    """Watch `engine`; returns what stops it and removes everything again. A second time changes nothing.

    `metrics` then has the connections in use and how many there can be (`+Inf` where nothing bounds them), both under
    the label `pool`: the name of its database, or `name`. Engines that are given one name are counted together, as many
    that come and go should be. It also has the waiting for a connection, the statements by kind, and the errors by kind
    and class: never anything of a statement's text.
    """
    if name is not None and (not isinstance(name, str) or not name):
        raise ConfigurationError(f"name={name!r}: must be a name, such as 'reports', or None for that of the database")
    return watch(engine if isinstance(engine, Engine) else engine.sync_engine, metrics, name)
