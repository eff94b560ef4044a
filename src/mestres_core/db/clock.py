"""One clock for all application servers: the database's."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from mestres_core.db.session import connect_arguments, normal_url
from mestres_core.db.waiting import ask


class DatabaseClock:
    """What the database's clock says: `Commerce.open(url, clock=DatabaseClock(url))`.

    Servers whose own clocks differ then agree on what has expired, and none is misled when its clock is set. The
    database is asked once a minute, over a connection of its own; in between this machine's steady clock counts on.
    SQLite's database is on this machine, and so is its clock. Raises DatabaseNotReady for other databases.
    """

    def __init__(self, url: str | URL, *, ask_every: float = 60.0) -> None:
        parsed = normal_url(url)
        self._engine: Engine | None = None
        if parsed.get_backend_name() == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")  # also where the shop's own driver is an async one
            self._engine = create_engine(parsed, poolclass=NullPool, connect_args=connect_arguments(parsed))
        self._ask_every = ask_every
        self._lock = threading.Lock()
        self._known: tuple[datetime, float] | None = None

    def now(self) -> datetime:
        """The present, in UTC."""
        if self._engine is None:
            return datetime.now(UTC)
        known = self._known
        if known is None or self._is_old(known):
            known = ask(self._renew)
        moment, at = known
        return moment + timedelta(seconds=time.monotonic() - at)

    def _is_old(self, known: tuple[datetime, float]) -> bool:
        return time.monotonic() - known[1] >= self._ask_every

    def _renew(self) -> tuple[datetime, float]:
        with self._lock:
            if self._known is None or self._is_old(self._known):
                self._known = self._ask()
            return self._known

    def _ask(self) -> tuple[datetime, float]:
        assert self._engine is not None
        with self._engine.connect() as connection:
            before = time.monotonic()
            moment: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
            after = time.monotonic()
        # It was read somewhere between: the middle is off by half the way there and back at most.
        return moment.astimezone(UTC), (before + after) / 2
