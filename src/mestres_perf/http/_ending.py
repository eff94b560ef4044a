"""The end of a WSGI response, whichever way it comes: read to its end, closed before, or never begun."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any


class Ending:
    """Calls `end` once: when the server closes the body, or when the application raises before there is one.

    A file that the server sends by itself must be given to it as it is: then it ends when the application returns.
    """

    def __init__(self, environ: Mapping[str, Any], end: Callable[[], object]) -> None:
        self._wrapper = environ.get("wsgi.file_wrapper")
        self._end = end

    def of(self, call: Callable[[], Iterable[bytes]]) -> Iterable[bytes]:
        """Call the application, and watch its body."""
        try:
            body = call()
        except BaseException:
            self._end()
            raise
        if isinstance(self._wrapper, type) and isinstance(body, self._wrapper):
            self._end()
            return body
        return _Sized(body, self._end) if hasattr(body, "__len__") else Watched(body, self._end)


class Watched:
    """The body itself; `end` is called once, when the server has closed it."""

    def __init__(self, body: Iterable[bytes], end: Callable[[], object]) -> None:
        self._body = body
        self._end = end
        self._is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        """The server is done."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            self._end()


class _Sized(Watched):
    """One of so many chunks: of one a server may tell the length. What has none must not look as if it had."""

    def __len__(self) -> int:
        return len(self._body)  # type: ignore[arg-type]  # it has one
