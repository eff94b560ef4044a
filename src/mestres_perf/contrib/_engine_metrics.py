"""Watching an SQLAlchemy engine: its connections, the waiting for them, its statements and what the database refuses.

Everything but the waiting is by SQLAlchemy's documented events. There is none before a connection is asked for, so the
waiting is measured by standing before `connect` of this one pool (an attribute of the instance, no subclass). That
relies on an engine asking `engine.pool.connect()`, and on `dispose` putting what `engine.pool.recreate()` makes in the
pool's place, as both are from 2.0 to 2.1; the tests hold the installed version to it.

Which connections are in use is not counted up and down but looked up when somebody asks: those that were given out and
still hold what their place in the pool holds. So no way back can be missed, be it close, invalidate, detach, an error
in somebody else's listener or the garbage collector, and a connection that several share (StaticPool) is one.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import re
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine.base import OptionEngine
from sqlalchemy.engine.interfaces import ExecuteStyle
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import AssertionPool, QueuePool, StaticPool

from mestres_perf._kernel import forks
from mestres_perf.metrics import _catalogue as catalogue
from mestres_perf.metrics._registry import Metrics

OPERATIONS = frozenset({"select", "insert", "update", "delete", "with", "begin", "create", "pragma"})
"""What a text is told apart by; everything else is `other`. A statement of SQLAlchemy's own says what it is itself."""

_FIRST_WORD = re.compile(r"(?:\s|\(|--[^\n]*\n|/\*(?>.*?\*/))*+([a-zA-Z]+)", re.DOTALL)  # after comments and brackets
_USUAL = {way: word for word in ("select", "insert", "update", "delete") for way in (word, word.upper())}
_numbers = itertools.count()
_connecting = ContextVar("_connecting", default=False)


class Pool:
    """The connections of one engine that are in use, over all pools that it has in its life; it holds no engine.

    There can be as many as a QueuePool's size and what may come on top, one in a StaticPool, and infinitely many where
    nothing bounds them, as in a NullPool.
    """

    def __init__(self, engine: Engine, name: str, gone: Callable[[Pool], object]) -> None:
        self.engine = weakref.ref(engine, lambda _: gone(self))
        self.name = name
        self.stop: Callable[[], None] = lambda: None
        self._most = _bound(engine.pool)
        self._out: dict[weakref.ref[Any], Any] = {}
        forks.follow(self)

    @property
    def most(self) -> float:
        """How many there can be; none when the engine is gone."""
        return 0 if self.engine() is None else self._most

    def active(self) -> int:
        """How many are in use now."""
        used = set()
        for reference, record in self._out.copy().items():
            proxy = reference()
            held = None if proxy is None else proxy.dbapi_connection
            if held is not None and held is record.dbapi_connection:
                used.add(id(record))
        return len(used)

    def checkout(self, _connection: Any, record: Any, proxy: Any) -> None:
        """One goes out."""
        self._out[weakref.ref(proxy, self._drop)] = record

    def locks(self) -> Sequence[Any]:
        """None is needed: each change of the dictionary is one step."""
        return ()

    def start_anew(self) -> None:
        """What a parent process has out is not used by its child."""
        self._out.clear()

    def _drop(self, reference: weakref.ref[Any]) -> None:
        self._out.pop(reference, None)


def _bound(pool: Any) -> float:
    if isinstance(pool, QueuePool):
        # There is no public way to ask for it: SQLAlchemy's own `recreate` reads the same attribute.
        more = pool._max_overflow  # noqa: SLF001
        return math.inf if more < 0 else pool.size() + more
    return 1 if isinstance(pool, (StaticPool, AssertionPool)) else math.inf


class Waits:
    """Stands before `connect` of an engine's pool, and of each pool that takes its place."""

    def __init__(self, metrics: Metrics) -> None:
        self._observe = metrics.series(catalogue.CONNECTION_WAIT).child().observe
        self._stopped = False

    def stand_before(self, pool: Any) -> None:
        """Watch a pool, and what becomes of it when its engine is disposed of."""
        ask, make_another = pool.connect, pool.recreate

        def connect() -> Any:
            if self._stopped:
                return ask()
            before = _connecting.set(True)
            began = time.perf_counter()
            try:
                return ask()
            finally:
                self._observe(time.perf_counter() - began)
                _connecting.reset(before)

        def recreate() -> Any:
            other = make_another()
            if not self._stopped:
                self.stand_before(other)
            return other

        for mine in (connect, recreate):
            mine.mestres_perf = (self, vars(pool).get(mine.__name__))  # type: ignore[attr-defined]
            setattr(pool, mine.__name__, mine)

    def stop(self, pool: Any) -> None:
        """Go away. Where somebody else has come to stand before us we only pass on."""
        self._stopped = True
        for name in ("connect", "recreate"):
            who, before = getattr(vars(pool).get(name), "mestres_perf", (None, None))
            if who is self and before is None:
                delattr(pool, name)
            elif who is self:
                setattr(pool, name, before)


class Statements:
    """Times each statement that is sent, by its kind, and counts what the database refuses.

    It carries out `do_execute` and its sisters itself, as their listeners may: an engine with listeners to
    `before_cursor_execute` takes a slower way through SQLAlchemy for everything. Who listens to them after it is asked
    all the same. Rows that one `execute` inserts in several batches are one statement, as those of an `executemany`
    are. What SQLAlchemy asks a database by itself when it first connects is none.
    """

    def __init__(self, engine: Engine, metrics: Metrics) -> None:
        self._dialect = engine.dialect
        self._series = metrics.queries
        self._errors = metrics.series(catalogue.QUERY_ERRORS)
        self._spent = f"_mestres_perf_{next(_numbers)}"  # of an execution's own batches; others may watch it, too

    def listener(self, name: str) -> Callable[..., bool]:
        """What listens to `do_execute` or a sister of it. It is called for every statement, so it is one function."""
        dialect, others, kinds = self._dialect, self._others, self._series.child
        now, is_connecting, in_batches = time.perf_counter, _connecting.get, ExecuteStyle.INSERTMANYVALUES

        def send(cursor: Any, statement: str, *rest: Any) -> bool:  # parameters, if it may have any, and the context
            context = rest[-1]
            began = now()
            try:
                if len(getattr(dialect.dispatch, name)) == 1 or not others(name, send, (cursor, statement, *rest)):
                    getattr(dialect, name)(cursor, statement, *rest)
            except BaseException:
                self._end(statement, context, now() - began)
                raise
            seconds = now() - began
            if context is not None and context.execute_style is in_batches:
                self._keep(context, seconds)
            elif not is_connecting():
                kinds(operation(statement, context)).observe(seconds)
            return True

        return send

    def failed(self, error: Any) -> None:
        """The database refused a statement, the end of a transaction, or to be connected to."""
        if not isinstance(error.sqlalchemy_exception, DBAPIError) or error.is_pre_ping:
            return  # nothing that the database said, or of a connection that is replaced before anybody notices
        kind = "connect" if error.connection is None else operation(error.statement or "", error.execution_context)
        self._errors.child(kind, type(error.sqlalchemy_exception).__name__).inc()

    def _others(self, name: str, mine: Any, arguments: tuple[Any, ...]) -> bool:
        """Whether somebody who listens after `mine` has carried the statement out."""
        others = itertools.dropwhile(lambda one: one is not mine, tuple(getattr(self._dialect.dispatch, name)))
        next(others, None)  # ours, unless somebody has just stopped watching
        return any(other(*arguments) for other in others)

    def _keep(self, context: Any, seconds: float) -> None:
        """One batch is done. More may follow; `post_exec` of the execution is called after the last one."""
        if self._spent not in context.__dict__:
            context.__dict__[self._spent] = 0.0
            go_on = context.post_exec

            def post_exec() -> None:
                context.__dict__.pop("post_exec", None)
                self._end(context.statement, context, 0.0)
                go_on()

            context.post_exec = post_exec
        context.__dict__[self._spent] += seconds

    def _end(self, statement: str, context: Any, seconds: float) -> None:
        """The last of it has taken so long, whatever came of it."""
        if not _connecting.get():
            spent = 0.0 if context is None else context.__dict__.pop(self._spent, 0.0)
            self._series.child(operation(statement, context)).observe(seconds + spent)


def operation(statement: str, context: Any) -> str:
    """The kind of a statement: one of `OPERATIONS`, or `other`. Never anything of its text."""
    usual = _USUAL.get(statement[:6])
    if usual is not None:
        return usual
    if context is not None and (context.isinsert or context.isupdate or context.isdelete):
        return "insert" if context.isinsert else "update" if context.isupdate else "delete"
    found = _FIRST_WORD.match(statement)
    word = found[1].lower() if found else ""
    if word == "with" and getattr(getattr(context, "compiled", None), "isplaintext", True) is False:
        return "select"  # what changes something was told apart above
    return word if word in OPERATIONS else "other"


class _Door:
    """One at a time begins or stops to watch."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        forks.follow(self)

    def locks(self) -> Sequence[Any]:
        """For a fork."""
        return [self.lock]

    def start_anew(self) -> None:
        """A child has nothing to forget."""


_door = _Door()


def watch(engine: Engine, metrics: Metrics, name: str | None) -> Callable[[], None]:
    """Watch an engine until the result is called, which removes everything again. A second time changes nothing.

    What `execution_options` makes of an engine has the same pool and dialect: it is that engine.
    """
    while isinstance(engine, OptionEngine):
        engine = engine._proxied  # noqa: SLF001 - there is no public way to the engine that it was made of
    with _door.lock:
        for known in tuple(metrics.pools):
            if isinstance(known, Pool) and known.engine() is engine:
                return known.stop
        return _begin(engine, metrics, _free(metrics, _database(engine)) if name is None else name)


def _database(engine: Engine) -> str:
    """The name of a database, of a file without its folder; that of its kind where it has none."""
    found: str = re.split(r"[/\\]", engine.url.database or "")[-1]
    return engine.url.get_backend_name() if found in ("", ":memory:") else found


def _free(metrics: Metrics, wanted: str) -> str:
    """A name that no other pool has: `shop`, or `shop 2`."""
    taken = {known.name for known in tuple(metrics.pools) if isinstance(known, Pool)}
    others = (f"{wanted} {number}" for number in itertools.count(2))
    return next(name for name in itertools.chain([wanted], others) if name not in taken)


def _begin(engine: Engine, metrics: Metrics, name: str) -> Callable[[], None]:
    def forget(mine: Pool) -> None:
        with contextlib.suppress(ValueError):
            metrics.pools.remove(mine)

    pool, waits, statements = Pool(engine, name, forget), Waits(metrics), Statements(engine, metrics)
    listeners: list[tuple[str, Callable[..., Any]]] = [
        ("checkout", pool.checkout),
        *((name, statements.listener(name)) for name in ("do_execute", "do_executemany", "do_execute_no_params")),
        ("handle_error", statements.failed),
    ]
    for what, listener in listeners:
        event.listen(engine, what, listener)
    waits.stand_before(engine.pool)
    metrics.watch_pool(pool)

    def stop() -> None:
        with _door.lock:
            if pool not in metrics.pools:
                return
            forget(pool)
            watched = pool.engine()
            if watched is not None:
                waits.stop(watched.pool)
                for what, listener in listeners:
                    event.remove(watched, what, listener)

    pool.stop = stop
    return stop
