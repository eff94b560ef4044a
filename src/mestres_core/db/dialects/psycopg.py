"""How psycopg is spoken to on connections of our own: in PostgreSQL's words, and asked no more than is needed.

By default psycopg translates each statement's `%(name)s` into `$1`, keeps the last 128 translations and none of a long
statement; and SQLAlchemy, which knows the columns of what it has sent before, has it describe every column of every
answer. The two cost as much as everything else that psycopg does for a small statement.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

from psycopg import AsyncRawCursor, AsyncRawServerCursor, RawCursor, RawServerCursor
from sqlalchemy import Engine, event

_Column = tuple[str, int, None, None, None, None, None]


class _Columns(Sequence[_Column]):
    """What DB-API calls a description: made when somebody looks at it."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def __len__(self) -> int:
        return int(self._answer.nfields)

    def __iter__(self) -> Iterator[_Column]:
        return map(self._column, range(len(self)))

    @overload
    def __getitem__(self, index: int) -> _Column: ...
    @overload
    def __getitem__(self, index: slice) -> list[_Column]: ...
    def __getitem__(self, index: Any) -> Any:
        return list(self)[index]

    def _column(self, index: int) -> _Column:
        name = self._answer.fname(index).decode()
        return (name, self._answer.ftype(index), None, None, None, None, None)


class _Quiet:
    """Describes the columns of an answer only to whoever asks for them."""

    pgresult: Any

    @property
    def description(self) -> Any:
        answer = self.pgresult
        return _Columns(answer) if answer is not None and answer.nfields else None


class QuietCursor(_Quiet, RawCursor[Any]):
    """Takes `$1`."""


class AsyncQuietCursor(_Quiet, AsyncRawCursor[Any]):
    """Takes `$1`, too."""


def engine_arguments(*, is_async: bool) -> dict[str, Any]:
    """What `create_engine` is told besides, and `connect` by it."""
    return {
        "paramstyle": "numeric_dollar",
        "use_native_hstore": False,  # it is asked for in psycopg's own words
        "connect_args": {"cursor_factory": AsyncQuietCursor if is_async else QuietCursor},
    }


def prepare(engine: Engine) -> None:
    """Have cursors on the server take `$1`, too: a connection is told of them once it is there."""

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        factory = AsyncRawServerCursor if engine.dialect.is_async else RawServerCursor
        engine.dialect.get_driver_connection(connection).server_cursor_factory = factory
