"""Which request is being served here: known to every layer below, and to each log record, without being passed."""

from __future__ import annotations

from contextvars import ContextVar
from types import TracebackType
from typing import Final, Generic, TypeVar

T = TypeVar("T")

REQUEST_ID: Final[ContextVar[str]] = ContextVar("mestres_request_id", default="")
"""The id of the request; empty outside of one."""

TRACE_ID: Final[ContextVar[str]] = ContextVar("mestres_trace_id", default="")
"""The trace that it is part of, 32 hexadecimal digits; empty where nobody traces."""


class Bound(Generic[T]):
    """`with bound:` a variable has a value of its own here, and nowhere else; it may be entered again and again.

    For code that is called in steps, as a generator is: what it sets the variable to holds when it goes on, and never
    stays with whoever has called it. It is for one thread at a time.
    """

    __slots__ = ("_before", "_value", "_variable")

    def __init__(self, variable: ContextVar[T], value: T) -> None:
        self._variable = variable
        self._value = value

    def __enter__(self) -> None:
        self._before = self._variable.get()
        self._variable.set(self._value)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._value = self._variable.get()
        self._variable.set(self._before)
