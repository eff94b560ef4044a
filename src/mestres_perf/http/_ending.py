"""The end of a WSGI response, whichever way it comes: read to its end, closed before, or never begun.

And what must not outlast it: a server may neither read a body nor close it, and serves the next request in the same
thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

Seen = Callable[[bytes | Exception | None], object]


def is_file(environ: Mapping[str, Any], body: Iterable[bytes]) -> bool:
    """Whether the server sends it by itself (`wsgi.file_wrapper`), and must be given it as it is."""
    wrapper = environ.get("wsgi.file_wrapper")
    return isinstance(wrapper, type) and isinstance(body, wrapper)


class Ending:
    """Calls `end` once: when the body has been read or is closed, or when the application raises before there is one.

    A file that the server sends by itself must be given to it as it is: then it ends when the application returns.
    """

    def __init__(self, environ: Mapping[str, Any], end: Callable[[], object], seen: Seen | None = None) -> None:
        self._environ = environ
        self._end = end
        self._seen = seen

    def of(self, call: Callable[[], Iterable[bytes]]) -> Iterable[bytes]:
        """Call the application, and watch its body."""
        try:
            body = call()
        except BaseException:
            self._end()
            raise
        if is_file(self._environ, body):
            if self._seen is not None:
                self._seen(None)
            self._end()
            return body
        return (_Sized if hasattr(body, "__len__") else Watched)(body, self._end, self._seen)


class Watched:
    """The body itself; `end` is called once, when it has been read to its end or is closed.

    Some who read a body never close it. `seen` is called with each chunk that the server takes, with None when it has
    taken all, and with what is raised.
    """

    def __init__(self, body: Iterable[bytes], end: Callable[[], object], seen: Seen | None = None) -> None:
        self._body = body
        self._end = end
        self._seen = seen
        self._is_closed = self._is_over = False

    def __iter__(self) -> Iterator[bytes]:
        seen = self._seen
        try:
            for chunk in self._body:
                if seen is not None:
                    seen(chunk)
                yield chunk
        except Exception as error:
            if seen is not None:
                seen(error)
            self._over()
            raise
        if seen is not None:
            seen(None)
        self._over()

    def _over(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._end()

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
            self._over()


class _Sized(Watched):
    """One of so many chunks: of one a server may tell the length. What has none must not look as if it had."""

    def __len__(self) -> int:
        return len(self._body)  # type: ignore[arg-type]  # it has one


def within(
    environ: Mapping[str, Any], around: AbstractContextManager[Any], call: Callable[[], Iterable[bytes]]
) -> Iterable[bytes]:
    """Call an application, take each chunk of its body and close it within `around`, and leave that each time.

    So the server's thread has nothing of a request but while code of the application runs, whatever the server does.
    """
    with around:
        body = call()
    if type(body) in (list, tuple) or is_file(environ, body):  # no code of the application's is left to run
        return body
    return (_SizedSteps if hasattr(body, "__len__") else _Steps)(body, around)


class _Steps:
    """A body of which each chunk is made within something."""

    def __init__(self, body: Iterable[bytes], around: AbstractContextManager[Any]) -> None:
        self._body = body
        self._around = around

    def __iter__(self) -> Iterator[bytes]:
        enter, leave = self._around.__enter__, self._around.__exit__  # looked up once, and not for each chunk
        chunks: Iterator[bytes] | None = None
        while True:
            enter()
            try:
                if chunks is None:
                    chunks = iter(self._body)
                chunk = next(chunks, None)
            finally:
                leave(None, None, None)
            if chunk is None:
                return
            yield chunk

    def close(self) -> None:
        """The server is done."""
        close = getattr(self._body, "close", None)
        if close is not None:
            with self._around:
                close()


class _SizedSteps(_Steps):
    """One of so many chunks, as `_Sized` is."""

    def __len__(self) -> int:
        return len(self._body)  # type: ignore[arg-type]  # it has one
