"""Whether a database answers, asked without waiting in its pool's queue."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

from sqlalchemy import Engine

from mestres_perf.errors import ConfigurationError

_LONG = 30


class DatabaseReady:
    """`ready=DatabaseReady(engine)` for `instrument`: whether the database answers, said within `within` seconds.

    It asks over a connection of its own, opened and closed for it in a thread of its own. So a pool of which every
    connection is out delays no answer and is no reason to say no: who is busy is not broken. A database that hangs is
    a no after `within` seconds, and at once as long as that question has no answer. One question is under way at a
    time; its answer is good for `good_for` seconds. One without an answer is given up after thirty times `within`.
    Raises ConfigurationError for times that are not above 0.
    """

    def __init__(self, engine: Any, *, within: float = 1.0, good_for: float = 1.0) -> None:
        if not (within > 0 and good_for > 0):
            raise ConfigurationError(f"within={within!r}, good_for={good_for!r}: both must be above 0 seconds")
        self._engine: Engine = getattr(engine, "sync_engine", engine)
        self._within, self._good_for = within, good_for
        self._lock = threading.Lock()
        self._asked: _Question | None = None

    def __call__(self) -> bool:
        """Whether it answers."""
        with self._lock:
            asked = self._asked
            if asked is None or asked.is_old(self._good_for, _LONG * self._within):
                asked = self._asked = _Question(self._engine)
                patience = self._within
            else:
                patience = asked.patience(self._within)
        return asked.answer(patience)


class _Question:
    """One question to a database, asked when it is made."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._asked = time.monotonic()
        self._answered = 0.0
        self._yes = False
        self._done = threading.Event()
        threading.Thread(target=self._ask, name="mestres-perf-database-ready", daemon=True).start()

    def is_old(self, answered: float, open_: float) -> bool:
        """Whether it was answered longer ago than that, or is open for longer."""
        now = time.monotonic()
        return now - self._answered > answered if self._done.is_set() else now - self._asked > open_

    def patience(self, within: float) -> float:
        """What is left of the time that an answer may take."""
        return max(0.0, self._asked + within - time.monotonic())

    def answer(self, patience: float) -> bool:
        """Yes, or no, also when there is no answer in time."""
        return self._done.wait(patience) and self._yes

    def _ask(self) -> None:
        try:
            if self._engine.dialect.is_async:
                from sqlalchemy.util import greenlet_spawn  # noqa: PLC0415 - who has async engines has greenlets

                asyncio.run(greenlet_spawn(self._ping))
            else:
                self._ping()
            self._yes = True
        except Exception:  # noqa: BLE001 - whatever it is: the database does not answer
            self._yes = False
        self._answered = time.monotonic()
        self._done.set()

    def _ping(self) -> None:
        pool = self._engine.pool
        connection = type(pool).recreate(pool).connect()  # as its class does it: who watches the pool has no part in it
        asked: Any = connection.dbapi_connection
        connection.detach()  # from here on it is nobody's but ours
        try:
            self._engine.dialect.do_ping(asked)
        finally:
            self._engine.dialect.do_close(asked)
