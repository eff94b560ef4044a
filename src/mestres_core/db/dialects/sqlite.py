"""SQLite made safe for a shop: WAL, foreign keys, and a write lock taken at the start of a transaction, not in it."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, Engine, event

from mestres_core.db.waiting import in_event_loop, pause, to_the_end

READ_ONLY = "mestres_read_only"
_CONFIGURED = "mestres_sqlite_configured"


def configure_sqlite(engine: Engine, *, busy_timeout: float = 30.0) -> None:
    """Give every connection of `engine` the settings without which SQLite is not safe here.

    `busy_timeout` is in seconds. Transactions begin with BEGIN IMMEDIATE: one that reads first and writes later would
    otherwise fail with "database is locked" as soon as another writes in between. Calling it twice does nothing.
    """
    if is_configured(engine):
        return
    # On the dialect, which an engine shares with all that are derived from it by execution_options().
    setattr(engine.dialect, _CONFIGURED, True)

    @event.listens_for(engine, "connect")
    def connect(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.isolation_level = None  # the driver must not begin transactions on its own
        cursor = dbapi_connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(busy_timeout * 1000)}")
        _write_ahead(cursor, busy_timeout)
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql("BEGIN" if options.get(READ_ONLY) else "BEGIN IMMEDIATE")

    if engine.dialect.is_async:
        event.listen(engine, "invalidate", _give_up)


def _give_up(dbapi_connection: Any, _record: Any, _error: BaseException | None) -> None:
    """End the transaction of a connection that is thrown away because its task was cancelled.

    To close it is not enough: SQLite keeps what somebody may still read from, and its lock with it.
    """
    if in_event_loop():
        with suppress(Exception):  # it may be broken in any way
            to_the_end(dbapi_connection.rollback)


def _write_ahead(cursor: Any, patience: float) -> None:
    """Switch to write-ahead logging. The switch itself does not honour the busy timeout, so it is tried again here."""
    give_up = time.monotonic() + patience
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
            pause(0.005)
        else:
            return


def is_configured(engine: Engine) -> bool:
    """Whether `configure_sqlite` has been applied."""
    return bool(getattr(engine.dialect, _CONFIGURED, False))


class FairLock:
    """A lock that is given in the order of asking: SQLite's own busy handler lets some writers wait for seconds."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._waiting: deque[threading.Event] = deque()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the lock for the length of a with block."""
        turn: threading.Event | None = None
        with self._guard:
            if self._held:
                turn = threading.Event()
                self._waiting.append(turn)
            self._held = True
        if turn is not None:
            self._wait(turn)
        try:
            yield
        finally:
            self._hand_on()

    def _wait(self, turn: threading.Event) -> None:
        try:
            turn.wait()
        except BaseException:  # Ctrl-C while waiting: leave the queue, or hand on what was given meanwhile
            with self._guard:
                if turn in self._waiting:
                    self._waiting.remove(turn)
                    raise
            self._hand_on()
            raise

    def _hand_on(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._held = False
