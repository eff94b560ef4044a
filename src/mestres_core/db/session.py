"""Who owns the transaction. A `Database` owns its engine; one call on it is one transaction.

Invariant: a unit of work either commits whole or leaves nothing. Reads never end in ROLLBACK: that would throw the
PostgreSQL driver's prepared statements away and make every read plan again.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any, TypeVar, cast
from weakref import WeakSet

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, InvalidatePoolError, NoSuchModuleError
from sqlalchemy.orm import Session
from sqlalchemy.pool import Pool, StaticPool

from mestres_core.db.dialects.sql import busy, missing
from mestres_core.db.dialects.sqlite import READ_ONLY, FairLock, configure_sqlite
from mestres_core.db.later import Parts, PatientSession
from mestres_core.db.reading import Questions, ReadingSession
from mestres_core.db.waiting import LoopLock, pause, to_the_end
from mestres_core.errors import CommerceError, DatabaseNotReady, OutcomeUnknown, RetryableError

T = TypeVar("T")
COMMITTED = "committed"
"""The key in a session's `info` when what was written in it is kept."""
_ATTEMPTS = 5
_IN_ERROR = 3  # libpq's number
_IDLE = 5.0  # seconds
_LIMITS = {"lock_timeout": "10s", "idle_in_transaction_session_timeout": "60s"}
_REMEDY = "use a sqlite:///file.db or postgresql://... address"
_PREPARED = 500  # statements that asyncpg keeps for a connection
POOL = {"pool_size": 20, "max_overflow": 30, "pool_timeout": 30, "pool_recycle": 3600}
"""The connections of a process to PostgreSQL."""


def normal_url(url: str | URL) -> URL:
    """A plain postgresql:// means psycopg 3. Raises DatabaseNotReady for any database but these two."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:  # the address itself is not told: there may be a password in it
        raise DatabaseNotReady("this is no address of a database", _REMEDY) from error
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise DatabaseNotReady(f"{parsed.get_backend_name()} is not supported", _REMEDY)
    return parsed


def make_engine(url: str | URL, *, options: str = "") -> Engine:
    """An engine with the settings this package needs: pool of 20 + 30, lock timeout 10 s, SQLite configured.

    `options` are told to the PostgreSQL server with those of our own, such as `-c search_path=...`. Raises
    DatabaseNotReady, also when the driver is missing.
    """
    parsed = normal_url(url)
    if parsed.get_backend_name() == "sqlite":
        memory = parsed.database in (None, "", ":memory:")
        arguments = connect_arguments(parsed)
        engine = create_engine(parsed, connect_args=arguments, **({"poolclass": StaticPool} if memory else {}))
        configure_sqlite(engine)
        return engine
    arguments = connect_arguments(parsed)
    if options:
        arguments["options"] = f"{arguments['options']} {options}"
    try:
        made = create_engine(parsed, **with_driver(parsed, {**POOL, "connect_args": arguments}))
    except NoSuchModuleError as error:
        raise DatabaseNotReady(f"{parsed.drivername} is no driver of SQLAlchemy's", _REMEDY) from error
    except ImportError as missing:
        raise DatabaseNotReady(
            f"{missing.name or missing} is not installed", "pip install 'mestres[postgres]'"
        ) from missing
    prepare(made)
    return made


def with_driver(url: URL, arguments: Mapping[str, Any], *, is_async: bool = False) -> dict[str, Any]:
    """The arguments of `create_engine`, with those that the driver wants."""
    if url.get_driver_name() != "psycopg":
        return dict(arguments)
    from mestres_core.db.dialects import psycopg  # noqa: PLC0415 - an extra that is not always installed

    more = psycopg.engine_arguments(is_async=is_async)
    return {**arguments, **more, "connect_args": {**arguments["connect_args"], **more["connect_args"]}}


def prepare(engine: Engine) -> None:
    """What the connections of a PostgreSQL engine of our own are told."""
    if engine.dialect.driver.startswith("psycopg"):
        from mestres_core.db.dialects import psycopg  # noqa: PLC0415 - an extra that is not always installed

        psycopg.prepare(engine)
    ask_the_idle(engine)
    if not engine.dialect.is_async:  # an async engine's connections belong to an event loop, and go with it
        _ours.add(engine)


_ours: WeakSet[Engine] = WeakSet()
_inherited: list[Pool] = []


def _in_a_child() -> None:
    """After a fork: the connections in the pools are the parent's. They are kept, since nobody may close them here."""
    for engine in tuple(_ours):
        _inherited.append(engine.pool)
        engine.dispose(close=False)


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_in_a_child)


def ask_the_idle(engine: Engine) -> None:
    """Have a connection that lay in the pool for more than five seconds asked whether it is still there.

    To ask each time (`pool_pre_ping`) costs every transaction a round trip. One that is lost while it is in use is
    noticed by the statement that fails, and `Database` begins that transaction again.
    """

    @event.listens_for(engine, "checkin")
    def put_back(_connection: Any, record: Any) -> None:
        record.info["used"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def take_out(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get("used", float("inf")) <= _IDLE:
            return
        try:
            engine.dialect.do_ping(connection)
        except Exception as error:
            raise InvalidatePoolError from error


def connect_arguments(url: URL) -> dict[str, object]:
    """What the driver is told for each connection, whoever makes the engine.

    The `options` of an address, such as a search path or limits of its own, come after ours and win.
    """
    if url.get_backend_name() == "sqlite":
        return {"check_same_thread": False}
    if url.get_driver_name() == "asyncpg":
        return {"server_settings": _LIMITS, "prepared_statement_cache_size": _PREPARED}
    told = url.query.get("options", ())
    options = [f"-c {name}={value}" for name, value in _LIMITS.items()] + ([told] if isinstance(told, str) else [*told])
    return {"prepare_threshold": 2, "options": " ".join(options)}


@contextmanager
def _translated(*, ending: bool = False) -> Iterator[None]:
    """What the driver calls a deadlock, a lock timeout or a locked database is a RetryableError.

    So is a lost connection: what was written over it is gone. But where the transaction is `ending`, nobody knows.
    A table that is not there is DatabaseNotReady.
    """
    try:
        yield
    except DBAPIError as error:
        if missing(error):
            raise DatabaseNotReady("a table or a column is missing", "call shop.migrate()") from error
        reason = busy(error) or ("connection lost" if error.connection_invalidated and not ending else None)
        if reason is None:
            raise
        raise RetryableError(reason) from error


def _is_fit(error: BaseException) -> bool:
    """Whether the connection is as before: after a driver's error or a cancellation it may be gone, or refuse all."""
    return isinstance(error, Exception) and not isinstance(error, DBAPIError)


def _has_failed(session: PatientSession) -> bool:
    """Whether PostgreSQL would answer COMMIT with ROLLBACK, and say no word of it."""
    if not session.in_transaction():
        return False
    info = getattr(session.connection().connection.driver_connection, "info", None)
    return getattr(info, "transaction_status", None) == _IN_ERROR


def _commit(session: PatientSession) -> None:
    """Raises OutcomeUnknown when the connection is lost at it: the database may have committed or not."""
    with _translated():
        session.send()
        if _has_failed(session):
            raise RetryableError("a statement of the transaction failed, and its error was passed over")
    try:
        with _translated(ending=True):
            session.commit()
        session.info[COMMITTED] = True
    except DBAPIError as error:
        if error.connection_invalidated:
            raise OutcomeUnknown from error
        raise


def _end_snapshot(session: PatientSession, *, commit: bool) -> None:
    try:
        if commit:
            session.commit()
    finally:
        session.close()


def _end(session: PatientSession, *, keep: bool) -> None:
    try:
        if keep:
            _commit(session)
    finally:
        session.close()


class Database:
    """An engine and the ways to use it: `read`, `snapshot` and `write`."""

    def __init__(self, engine: Engine, *, framed: bool = False) -> None:
        """`framed`: reads need a transaction too, since each transaction of the engine is told where to look."""
        self.engine = engine
        self.dialect = engine.dialect.name
        self._framed = framed or self.dialect == "sqlite"
        frozen = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        option = {READ_ONLY: True} if self.dialect == "sqlite" else frozen
        self._frozen = engine.execution_options(**option)
        self._reader = self._frozen if self.dialect == "sqlite" else engine
        self._parts = Parts(engine.dialect)
        self._questions = Questions(engine, framed=framed)
        self._shared = isinstance(engine.pool, StaticPool)  # one connection for all threads: one at a time
        self._writer_lock: FairLock | LoopLock = LoopLock() if engine.dialect.is_async else FairLock()

    def in_another_loop(self) -> None:
        """Forget the event loop that is gone."""
        self._writer_lock = LoopLock()

    @property
    def alone(self) -> bool:
        """Whether there is one connection for all: nobody else does anything while it is being used."""
        return self._shared

    def read(self, call: Callable[[Session], T]) -> T:
        """What `call` makes of a session for reading; nothing may be written in it."""
        if self._shared:
            with self._turn(write=False):
                return self._read(call)
        return self._read(call)

    def _read(self, call: Callable[[Session], T]) -> T:
        session = ReadingSession(self._reader, self._questions)
        try:
            answer = call(cast("Session", session))
        except BaseException as error:
            with _translated():
                self._end_reading(session, commit=_is_fit(error))
                raise
        with _translated():
            self._end_reading(session, commit=True)
        return answer

    def _end_reading(self, session: ReadingSession, *, commit: bool) -> None:
        if self._framed:
            to_the_end(partial(session.close, commit=commit))
        else:
            session.close(commit=commit)  # nothing is waited for: there is no transaction to be ended

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """A session all of whose statements see the database as it was at the first one.

        Whatever is committed meanwhile; nobody waits for it, and nothing may be written in it.
        """
        with self._turn(write=False), _translated():
            session = PatientSession(self._frozen, self._parts, self._questions)
            try:
                yield cast("Session", session)
            except BaseException as error:
                to_the_end(partial(_end_snapshot, session, commit=_is_fit(error)))
                raise
            to_the_end(partial(_end_snapshot, session, commit=True))

    @contextmanager
    def write(self, *, survivors: bool = False) -> Iterator[Session]:
        """A session whose work is committed at the end, or rolled back when an error leaves the block.

        With `survivors`, for a single call, errors that have written something worth keeping are committed too. Raises
        RetryableError when the database was busy or the connection was lost on the way, OutcomeUnknown when it was lost
        at the commit. A task cancelled once the commit has begun is so after its end; `info[COMMITTED]` tells.
        """
        with self._turn(write=True):
            session = PatientSession(self.engine, self._parts, self._questions)
            try:
                with _translated():
                    yield cast("Session", session)
            except BaseException as error:
                keep = survivors and isinstance(error, CommerceError) and error.survives
                to_the_end(partial(_end, session, keep=keep))
                raise
            to_the_end(partial(_end, session, keep=True))

    def retrying(self, call: Callable[[], T]) -> T:
        """Run a whole transaction up to five times while the database says "busy". Raises RetryableError after that."""
        for attempt in range(_ATTEMPTS):
            try:
                return call()
            except RetryableError:
                if attempt == _ATTEMPTS - 1:
                    raise
                pause(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - spreads retries, guards nothing
        raise AssertionError("unreachable")

    def _turn(self, *, write: bool) -> AbstractContextManager[None]:
        needs_turn = self._shared or (write and self.dialect == "sqlite")
        return self._writer_lock.hold() if needs_turn else nullcontext()
