"""Writes whose answer nobody needs: they wait for the next statement and are sent with it.

What a round trip costs, on both sides, is most of what a small statement costs. PostgreSQL takes several writes as one
statement (`WITH w0 AS (UPDATE ...), w1 AS (INSERT ...) INSERT ...`), so a session of our own lets them wait. SQLite,
which is asked in the same process, and a host's own session get each one at once.

Invariants: whatever is read, a savepoint, and the commit come after every write before it; two writes to one table are
never in one statement, where their order would not be certain (facts are delivered in the order of their numbers).

PostgreSQL runs the parts of one statement in an order of its own. So whoever lets an UPDATE wait holds its row already,
or says `session.connection()` first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import Connection, Dialect, Engine, Select
from sqlalchemy.exc import DBAPIError, ResourceClosedError
from sqlalchemy.orm import Session

from mestres_core.db.dialects.sql import busy
from mestres_core.db.reading import Questions, streams
from mestres_core.errors import RetryableError

# Beyond 50 parameters or 4096 characters psycopg takes the text of a statement with named parameters (an engine of a
# host's) apart each time that it is sent; that costs less than another round trip.
_MOST_PARAMETERS = 80
_LONGEST = 8192
_WITH = "WITH "
_NUMBERED = re.compile(r"\$(\d+)")


def write(session: Session, statement: Any, row: Mapping[str, Any]) -> None:
    """An INSERT or UPDATE of one set of parameters, without RETURNING: sent at the latest before anything is read."""
    if isinstance(session, PatientSession):
        session.wait(statement, row)
    else:
        session.connection().execute(statement, row)


def write_and_ask(session: Session, statement: Any, row: Mapping[str, Any]) -> Any:
    """An INSERT or UPDATE with RETURNING of plain columns; what waits goes along with it."""
    if isinstance(session, PatientSession):
        return session.ask(statement, row)
    return session.connection().execute(statement, row)


def pages_of(session: Session, statement: Select[Any], size: int) -> Generator[Sequence[Any], None, None]:
    """The rows of a SELECT without parameters, `size` at a time, as the database makes them: memory holds one page.

    Nothing else is asked in the session meanwhile. Whoever does not read to the end closes it, before the transaction
    ends.
    """
    question = session.streaming(statement) if isinstance(session, PatientSession) else None
    if question is not None:
        yield from question.pages(session.connection(), size)
        return
    with session.connection().execute(statement, execution_options={"yield_per": size}) as result:
        yield from result.partitions()


class PatientSession:
    """The session of a unit of work of our own: what services ask of one, over one connection.

    What is sent in it are statements of tables, never entities of an ORM; to keep track of those would cost as much as
    a statement for each transaction. SELECTs that were sent before go straight to the driver (`db/reading.py`).
    """

    def __init__(self, bind: Engine, parts: Parts | None = None, questions: Questions | None = None) -> None:
        """`parts` and `questions` are what all sessions of one engine share: the statements that were sent in them."""
        self.info: dict[Any, Any] = {}
        self._bind = bind
        self._parts = parts or Parts(bind.dialect)
        self._questions = questions or Questions(bind)
        self._waiting: list[tuple[_Part, Mapping[str, Any]]] = []
        self._held: Connection | None = None
        self._ended = False
        self._patient = bind.dialect.driver.startswith(("psycopg", "asyncpg"))

    def get_bind(self) -> Engine:
        """The engine."""
        return self._bind

    def execute(self, statement: Any, params: Any = None, **options: Any) -> Any:
        """As a connection does it."""
        connection = self.connection()
        question = None if options else self._questions.find(statement)
        if question is None:
            return connection.execute(statement, params, **options)
        return question.ask_within(connection, statement, params)

    def streaming(self, statement: Select[Any]) -> Any:
        """What sends it so that its rows can be read one by one; None where SQLAlchemy does it."""
        return self._questions.find(statement, at_once=True) if streams(self._bind.dialect) else None

    def scalar(self, statement: Any, params: Any = None, **options: Any) -> Any:
        """As a connection does it."""
        return self.execute(statement, params, **options).scalar()

    def scalars(self, statement: Any, params: Any = None, **options: Any) -> Any:
        """As a connection does it."""
        return self.execute(statement, params, **options).scalars()

    def connection(self) -> Connection:
        """The connection, in a transaction, with everything sent that had waited."""
        if self._waiting:
            self.send()
        return self._hold()

    def _hold(self) -> Connection:
        held = self._held
        if held is None:
            if self._ended:  # what would be written now nobody would commit, and nobody give the connection back
                raise ResourceClosedError("this transaction has ended: use its services within its block")
            held = self._held = self._bind.connect()
            held.begin()
        return held

    def in_transaction(self) -> bool:
        """Whether anything was sent since the last commit."""
        return self._held is not None and self._held.in_transaction()

    def in_nested_transaction(self) -> bool:
        """Whether a savepoint is open."""
        return self._held is not None and self._held.in_nested_transaction()

    def wait(self, statement: Any, row: Mapping[str, Any]) -> None:
        """Send this with the next statement; at once where the driver is another one.

        So, too, after a savepoint: what is rolled back to it must have been sent.
        """
        if not self._patient or self._ended or self.in_nested_transaction():
            self._hold().execute(statement, row)
            return
        part = self._parts(statement, tuple(row))
        self._make_room(part)
        self._waiting.append((part, row))

    def ask(self, statement: Any, row: Mapping[str, Any]) -> Any:
        """Send this now, together with what waits; its rows."""
        if not self._waiting:
            return self._hold().execute(statement, row)
        part = self._parts(statement, tuple(row))
        self._make_room(part)
        return self._send((*self._waiting, (part, row)))

    def begin_nested(self) -> Any:
        """A savepoint, after everything that had waited; a context manager, as a connection's."""
        return self.connection().begin_nested()

    def send(self) -> None:
        """Send what waits."""
        if self._waiting:
            self._send(self._waiting)

    flush = send

    def commit(self) -> None:
        """After everything that had waited."""
        self.send()
        if self._held is not None:
            self._held.commit()
            self.close()

    def rollback(self) -> None:
        """What waits is forgotten, too."""
        self._waiting = []
        if self._held is not None:
            self._held.rollback()

    def close(self) -> None:
        """Give the connection back, with everything undone that was not committed. What waits is forgotten, too.

        Nothing more is sent in this session.
        """
        self._waiting, self._ended = [], True
        held, self._held = self._held, None
        if held is not None:
            held.close()

    def _make_room(self, part: _Part) -> None:
        parameters, length = part.parameters, part.length
        for waiting, _ in self._waiting:
            parameters += waiting.parameters
            length += waiting.length
            if waiting.table is part.table or parameters > _MOST_PARAMETERS or length > _LONGEST:
                self.send()
                return

    def _send(self, writes: Sequence[tuple[_Part, Mapping[str, Any]]]) -> Any:
        """Raises RetryableError when the database was busy. After an error all of them still wait: no half is kept."""
        named: dict[str, Any] = {}
        for index, (part, row) in enumerate(writes):
            part.fill(named, row, f"w{index}_")
        numbered = writes[-1][0].numbered
        text = _together(tuple(part.text for part, _ in writes[:-1]), writes[-1][0].text, numbered=numbered)
        # Numbered parameters go by their place: each part has filled in its own in their order.
        parameters = tuple(named.values()) if numbered else named
        try:
            answer = self._hold().exec_driver_sql(text, parameters)
        except DBAPIError as error:
            reason = busy(error)
            if reason is None:
                raise
            raise RetryableError(reason) from error
        self._waiting = []
        return answer


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A statement as its driver gets it."""

    text: str
    table: Any
    parameters: int
    length: int
    """Of its text, when it goes along with others."""
    numbered: bool
    """Whether the driver wants `$1`, not `%(name)s`."""
    _given: Mapping[str, Any]
    """The values that stand in the statement itself."""
    _processors: tuple[tuple[str, Callable[[Any], Any] | None], ...]
    """What makes a parameter of each value, in their order."""

    def fill(self, parameters: dict[str, Any], row: Mapping[str, Any], prefix: str) -> None:
        """Add what the driver is to be given for `row`."""
        given = self._given
        for name, process in self._processors:
            value = given[name] if name in given else row[name]
            parameters[prefix + name] = value if process is None else process(value)


class Parts:
    """The statements that have waited in one engine's sessions, each put together once."""

    def __init__(self, dialect: Dialect) -> None:
        self._made = lru_cache(maxsize=256)(partial(_part, dialect))

    def __call__(self, statement: Any, names: tuple[str, ...]) -> _Part:
        """The part for parameters of these names. Raises TypeError for a statement that cannot wait."""
        return self._made(statement, names)


def _part(dialect: Dialect, statement: Any, names: tuple[str, ...]) -> _Part:
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    prefetched = (*compiled.insert_prefetch, *compiled.update_prefetch)
    if prefetched or compiled.post_compile_params or compiled.literal_execute_params or "%%" in compiled.string:
        raise TypeError(f"this statement cannot wait: {compiled.string}")
    binds = compiled.binds
    return _Part(
        text=compiled.string,
        table=statement.table,
        parameters=len(binds),
        length=len(compiled.string) + 4 * len(binds) + 10,
        numbered=compiled.positional,
        _given={name: bind.value for name, bind in binds.items() if not bind.required},
        _processors=tuple(
            (name, binds[name].type.dialect_impl(dialect).bind_processor(dialect))
            for name in compiled.positiontup or binds
        ),
    )


@lru_cache(maxsize=512)
def _together(before: tuple[str, ...], last: str, *, numbered: bool = False) -> str:
    if numbered:
        texts = list(_counted_on((*before, last)))
    else:
        texts = [text.replace("%(", f"%(w{index}_") for index, text in enumerate((*before, last))]
    if not before:
        return texts[0]
    named = ", ".join(f"w{index} AS ({text})" for index, text in enumerate(texts[:-1]))
    own = texts[-1].startswith(_WITH)
    return f"WITH {named}, {texts[-1].removeprefix(_WITH)}" if own else f"WITH {named} {texts[-1]}"


def _counted_on(texts: Iterable[str]) -> Iterator[str]:
    """Statements whose numbered parameters go on where those of the one before it end."""
    most = 0
    for text in texts:
        before, numbers = most, [int(each) for each in _NUMBERED.findall(text)]
        yield _NUMBERED.sub(lambda found, before=before: f"${int(found[1]) + before}", text)  # type: ignore[misc]
        most += max(numbers, default=0)
