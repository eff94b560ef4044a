"""Reading without a unit of work: a connection, and statements that go straight to the driver.

A read writes nothing, so it needs no session that would keep track of it, and no transaction that would have to be
ended. And most reads send a statement that was put together once: what SQLAlchemy does for each execution, to find out
that it knows the statement and how to read its rows, costs more than the driver does to send it. So a statement that
comes back, the same object, is kept as its text with what turns values into parameters and columns into values.

Whoever listens to the statements of the engine hears every one: they go SQLAlchemy's way then. So does a statement that
failed outside a transaction. It changed nothing, and sent once more its error is the one that SQLAlchemy makes of it, a
lost connection's known as that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Dialect, Engine, PoolProxiedConnection, Select
from sqlalchemy.engine import IteratorResult
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from mestres_core.db.dialects.sql import is_stale
from mestres_core.db.waiting import is_done_at_once

Answer = tuple[SimpleResultMetaData, Sequence[Any]]

_SEEN, _OTHERWISE = object(), object()
_CHANGING = frozenset({"schema_translate_map", "logging_token"})
"""Options of an engine that change what is sent, or what is said of it."""


def rows_of(session: Any, statement: Any, params: Mapping[str, Any]) -> Sequence[Any]:
    """All rows of a SELECT, by place: by name, too, it is not certain."""
    if isinstance(session, ReadingSession):
        rows = session.ask(statement, params)
        if rows is not None:
            return rows[1]
    found: Sequence[Any] = session.execute(statement, params).all()
    return found


def streams(dialect: Dialect) -> bool:
    """Whether the driver can read rows while the server makes more: psycopg, with a libpq that sends many at once."""
    if dialect.driver != "psycopg" or dialect.is_async:
        return False
    from psycopg import capabilities  # noqa: PLC0415 - an extra that is not always installed

    return capabilities.has_stream_chunked()


class ReadingSession:
    """What services ask of a session, as far as they only read: each statement by itself, in no transaction."""

    def __init__(self, engine: Engine, questions: Questions) -> None:
        """`engine` is one that begins no transaction on SQLite to write in."""
        self._engine = engine
        self._questions = questions
        self._pooled: PoolProxiedConnection | None = None
        self._connection: Connection | None = None
        self._changed = False

    def get_bind(self) -> Engine:
        """The engine."""
        return self._engine

    def connection(self) -> Connection:
        """A connection as SQLAlchemy has them, taken from the pool when it is first asked for."""
        if self._connection is None:
            self._let_go()
            self._connection = self._engine.connect()
            self._begin(self._connection.connection)
        return self._connection

    def execute(self, statement: Any, params: Any = None, **options: Any) -> Any:
        """As a connection does it."""
        answer = None if options else self.ask(statement, params)
        if answer is None:
            return self.connection().execute(statement, params, **options)
        return IteratorResult(answer[0], iter(answer[1]))

    def scalar(self, statement: Any, params: Any = None, **options: Any) -> Any:
        """As a connection does it."""
        return self.execute(statement, params, **options).scalar()

    def scalars(self, statement: Any, params: Any = None, **options: Any) -> Any:
        """As a connection does it."""
        return self.execute(statement, params, **options).scalars()

    def ask(self, statement: Any, params: Mapping[str, Any] | None) -> Answer | None:
        """The names of the columns, and the rows; None where SQLAlchemy has to be asked."""
        question = self._questions.find(statement)
        if question is None:
            return None
        try:
            return question.ask(self._at_hand(), params)
        except SQLAlchemyError:  # the pool has no connection for us
            raise
        except Exception:  # noqa: BLE001 - it is sent once more, and what is wrong with it is said then
            self._let_go(broken=True)
            return None
        except BaseException:  # the task was cancelled: half an answer may still be under way
            self._let_go(broken=True)
            if self._connection is not None:
                self._connection.invalidate()
            raise

    def close(self, *, commit: bool) -> None:
        """Give the connection back as it was. A transaction that SQLite has begun ends in a COMMIT, if it may."""
        self._let_go()
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            if commit and connection.in_transaction():
                connection.commit()
        finally:
            try:
                if not connection.invalidated:
                    self._end(connection.connection)
            finally:
                connection.close()

    def _at_hand(self) -> PoolProxiedConnection:
        """The driver's connection: without a `Connection` around it, which would cost as much again."""
        if self._connection is not None:
            return self._connection.connection
        if self._pooled is None:
            self._pooled = self._engine.raw_connection()
            self._begin(self._pooled)
        return self._pooled

    def _begin(self, connection: PoolProxiedConnection) -> None:
        """Have PostgreSQL's driver begin no transaction on it.

        An option of the engine would do the same, and cost as much as to take a connection.
        """
        driver: Any = connection.dbapi_connection
        if self._questions.begins and not driver.autocommit:
            self._questions.set_autocommit(connection, to=True)
            self._changed = True

    def _end(self, connection: PoolProxiedConnection) -> None:
        """Have it as it was: whoever gets it from the pool next may write in it."""
        if not self._changed:
            return
        try:
            self._questions.set_autocommit(connection, to=False)
            self._changed = False
        except BaseException:
            connection.invalidate()
            raise

    def _let_go(self, *, broken: bool = False) -> None:
        """Give back what was taken without a `Connection`; what is broken is closed instead."""
        pooled, self._pooled = self._pooled, None
        if pooled is None:
            return
        if broken:
            self._changed = False
            pooled.invalidate()
            return
        try:
            self._end(pooled)
        finally:
            pooled.close()


class Questions:
    """The statements that came back, of one engine; threads share them."""

    def __init__(self, engine: Engine, *, framed: bool = False) -> None:
        """`framed`: each transaction of the engine is told something by SQLAlchemy's way, so every read takes it."""
        self._engine = engine
        self._dialect = engine.dialect
        # A statement that is put together for each call is seen once, and forgotten with it.
        self._known: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
        self._fit = not framed and not _CHANGING & engine.get_execution_options().keys()
        self.begins = engine.dialect.name == "postgresql" and not framed
        """Whether the driver would begin a transaction with the first statement."""
        self._is_awaited = engine.dialect.is_async and engine.dialect.driver.startswith("psycopg")

    def find(self, statement: Any, *, at_once: bool = False) -> _Question | None:
        """How it is sent, if it may go straight to the driver; `at_once` though it was never seen before."""
        if not self._fit or type(statement) is not Select:
            return None
        known = self._known.get(statement)
        if known is None:
            known = self._known[statement] = _SEEN
            if not at_once:
                return None
        if known is _OTHERWISE or self._somebody_listens():
            return None
        if known is _SEEN:
            known = self._known[statement] = _question(self._dialect, statement) or _OTHERWISE
        return known if isinstance(known, _Question) else None

    def set_autocommit(self, connection: PoolProxiedConnection, *, to: bool) -> None:
        """Of a connection that is in no transaction. psycopg has it awaited, though it then waits for nothing."""
        driver: Any = connection.driver_connection
        if not self._is_awaited or not is_done_at_once(driver.set_autocommit(to)):
            cast("Any", connection.dbapi_connection).autocommit = to

    def _somebody_listens(self) -> bool:
        engine, dialect = self._engine.dispatch, self._dialect.dispatch
        return bool(
            engine.before_cursor_execute
            or engine.after_cursor_execute
            or engine.before_execute
            or engine.after_execute
            or engine.engine_connect
            or dialect.do_execute
            or self._engine.echo
        )


@dataclass(slots=True, eq=False)
class _Question:
    """A statement as its driver gets it."""

    text: str
    _given: dict[str, Any]
    """The values that stand in the statement itself."""
    _order: tuple[str, ...] | None
    """The parameters by place, where the driver wants them so."""
    _processors: tuple[tuple[str, Callable[[Any], Any]], ...]
    _types: tuple[Any, ...]
    _dialect: Dialect
    _rows: tuple[SimpleResultMetaData, tuple[tuple[int, Callable[[Any], Any]], ...]] | None = None
    """The names of the columns, and by place what makes values of those where the driver does not.

    Both are known from the first answer on.
    """

    def ask(self, connection: PoolProxiedConnection, params: Mapping[str, Any] | None) -> Answer:
        """The names of its columns, and all its rows. Raises whatever the driver does."""
        values = self._values(params)
        cursor = connection.cursor()
        try:
            cursor.execute(self.text, values)
            rows = cursor.fetchall()
            names, columns = self._rows or self._read(cursor.description)
        finally:
            cursor.close()
        if columns:
            rows = [_processed(row, columns) for row in rows]
        return names, rows

    def ask_within(self, connection: Connection, statement: Any, params: Mapping[str, Any] | None) -> Any:
        """Its result in the transaction of a connection. Raises what SQLAlchemy makes of a driver's error."""
        dialect = self._dialect
        try:
            names, rows = self.ask(connection.connection, params)
        except dialect.loaded_dbapi.Error as error:
            if dialect.is_disconnect(error, cast("Any", connection.connection.dbapi_connection), None):
                return connection.execute(statement, params)  # which finds the connection lost, and the pool old
            if is_stale(error):
                connection.invalidate(error)  # SQLAlchemy, which would have it prepared anew, does not know of it
            of = dialect.loaded_dbapi.Error
            raise DBAPIError.instance(self.text, params, error, of, dialect=dialect) from error
        except Exception:  # noqa: BLE001 - a value that is none: SQLAlchemy says which
            return connection.execute(statement, params)
        except BaseException as error:  # the task was cancelled: half an answer may still be under way
            connection.invalidate(error)
            raise
        return IteratorResult(names, iter(rows))

    def pages(self, connection: Connection, size: int) -> Iterator[Sequence[Any]]:
        """Its rows, `size` at a time, while the server makes the next ones: where the driver `streams`.

        Raises what SQLAlchemy makes of a driver's error.
        """
        dialect, driver = self._dialect, connection.connection.driver_connection
        cursor: Any = connection.connection.cursor()
        try:
            with closing(cursor.stream(self.text, self._values(None), size=size)) as rows:
                while page := list(islice(rows, size)):
                    _, columns = self._rows or self._read(cursor.description)
                    yield [_processed(row, columns) for row in page] if columns else page
        except dialect.loaded_dbapi.Error as error:
            if lost := dialect.is_disconnect(error, cast("Any", driver), None):
                connection.invalidate(error)
            of = dialect.loaded_dbapi.Error
            raise DBAPIError.instance(
                self.text, None, error, of, connection_invalidated=lost, dialect=dialect
            ) from error
        finally:
            cursor.close()

    def _values(self, params: Mapping[str, Any] | None) -> Any:
        """The parameters as the driver takes them."""
        values = {**self._given, **params} if params else self._given.copy()
        for name, process in self._processors:
            values[name] = process(values[name])
        return values if self._order is None else tuple(values[name] for name in self._order)

    def _read(self, description: Any) -> Any:
        """Raises ValueError where the columns are not those of the statement."""
        found = (
            kind.dialect_impl(self._dialect).result_processor(self._dialect, column[1])
            for kind, column in zip(self._types, description, strict=True)
        )
        processors = tuple((index, process) for index, process in enumerate(found) if process is not None)
        self._rows = SimpleResultMetaData([column[0] for column in description]), processors
        return self._rows


def _processed(row: Any, columns: tuple[tuple[int, Callable[[Any], Any]], ...]) -> tuple[Any, ...]:
    values = list(row)
    for index, process in columns:
        values[index] = process(values[index])
    return tuple(values)


def _question(dialect: Dialect, statement: Select[Any]) -> _Question | None:
    """None for a statement that has options of its own, or whose text depends on its values, as that of a list does."""
    compiled = statement.compile(dialect=dialect)
    binds = compiled.binds
    if (
        statement.get_execution_options()
        or compiled.post_compile_params
        or compiled.literal_execute_params
        or compiled.escaped_bind_names
        or any(bind.callable is not None for bind in binds.values())
    ):
        return None
    return _Question(
        text=compiled.string,
        _given={name: bind.value for name, bind in binds.items() if not bind.required},
        _order=tuple(compiled.positiontup or ()) if compiled.positional else None,
        _processors=tuple(
            (name, process)
            for name, bind in binds.items()
            if (process := cast("Any", bind.type).dialect_impl(dialect).bind_processor(dialect)) is not None
        ),
        _types=tuple(column.type for column in statement.selected_columns),
        _dialect=dialect,
    )
