"""A shop for one test: in memory, with a clock that stands still, ids that repeat and providers that cost nothing."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy.orm import Session

from mestres_core.commerce import Commerce
from mestres_core.config import Config
from mestres_core.db.session import make_engine
from mestres_core.providers.fake import FakeBoleto, FakeCard, FakePix
from mestres_core.testing.clock import FakeClock
from mestres_core.testing.ids import SequentialIds

SECRET: Final = "testing"  # noqa: S105 - of test shops, known to everybody
"""What the webhooks of a memory shop are signed with."""

_template: list[sqlite3.Connection] = []
_lock = threading.Lock()


def memory_shop(**settings: Any) -> Commerce:
    """An empty shop in memory, of its own; it is gone when it is closed. `settings` as for `Commerce.open`.

    Unless they say otherwise it has a `FakeClock`, `SequentialIds`, the three stand-in providers, none of which waits,
    and `SECRET` as its webhook secret. All threads share its one connection, so nothing in it really happens at once:
    races want a database in a file, or PostgreSQL.
    """
    defaults: dict[str, Any] = {
        "clock": FakeClock(),
        "ids": SequentialIds(),
        "providers": (FakeCard(sleep=lambda _seconds: None), FakePix(), FakeBoleto()),
        "webhook_secret": SECRET,
    }
    plugins = settings.pop("plugins", ())
    config = settings.pop("config", None)
    engine = make_engine("sqlite://")
    _fill(engine)
    return Commerce(engine, config or Config.with_plugins(*plugins, **(defaults | settings)))


@contextmanager
def rolled_back(shop: Commerce) -> Iterator[Session]:
    """A session of which nothing stays: whatever is committed in it, by the host too, is undone at the end.

    `shop.on(session)` gives the services. Its commits are savepoints of a transaction that is rolled back, so a host's
    tests can share one database that is filled once.
    """
    with shop.engine.connect() as connection:
        outer = connection.begin()
        with Session(bind=connection, join_transaction_mode="create_savepoint") as session:
            yield session
        outer.rollback()


def _fill(engine: Any) -> None:
    """Give the database its tables: migrated once in a process, copied ever after."""
    with _lock:
        if not _template:
            first = make_engine("sqlite://")
            Commerce(first).migrate()
            copy = sqlite3.connect(":memory:", check_same_thread=False)
            _copy(first, copy)
            first.dispose()
            _template.append(copy)
        raw = engine.raw_connection()
        _template[0].backup(raw.driver_connection)
        raw.close()


def _copy(engine: Any, into: sqlite3.Connection) -> None:
    raw = engine.raw_connection()
    raw.driver_connection.backup(into)
    raw.close()
