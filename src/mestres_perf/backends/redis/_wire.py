"""Two connections to one server: one for a thread at a time, one that all tasks of a loop share.

Both send what they are asked in one piece and hand the replies out in order. Only what a cache needs: no subscriptions,
no transactions.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import ssl
import time
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mestres_perf.backends.redis._address import Address

_CHUNK = 65_536
_ELSEWHERE = ("READONLY", "LOADING", "MASTERDOWN")
"""How the errors begin of a server that is not, or not yet, the one to talk to: a master that has been replaced."""
_NOTHING_YET = object()


class ReplyError(Exception):
    """Redis has answered that it will not."""


def pack(commands: Sequence[tuple[str | bytes | int, ...]]) -> bytes:
    """Commands as bytes."""
    packer = _packer()
    try:
        return b"".join(map(packer, commands))
    except UnicodeEncodeError:  # lone surrogates
        return b"".join([packer(tuple(map(_word, command))) for command in commands])


@functools.cache
def _packer() -> Callable[[Any], bytes]:
    import hiredis  # noqa: PLC0415 - only who uses Redis pays for it

    return hiredis.pack_command


def _word(word: str | bytes | int) -> bytes | int:
    return word.encode("utf-8", "surrogatepass") if isinstance(word, str) else word


def _reader() -> Any:
    import hiredis  # noqa: PLC0415 - as above

    return hiredis.Reader(protocolError=OSError, replyError=ReplyError, notEnoughData=_NOTHING_YET)


def _is_push(reply: Any) -> bool:
    kind = type(reply)
    return kind is not bytes and kind is not list and kind.__name__ == "PushNotification"  # RESP3: nobody asked for it


def _let_in(replies: list[Any]) -> None:
    for reply in replies:
        if isinstance(reply, ReplyError):
            raise ConnectionRefusedError(f"Redis does not let us in: {reply}")


def refuse_replaced(replies: list[Any]) -> None:
    """Raises ConnectionResetError when the server says that another one is to be asked."""
    for reply in replies:
        if isinstance(reply, ReplyError) and str(reply).startswith(_ELSEWHERE):
            raise ConnectionResetError(f"not the server to ask: {reply}")


class Wire:
    """A connection for one thread at a time. Every failure closes it. Raises OSError."""

    def __init__(self, address: Address, timeout: float) -> None:
        self._timeout = timeout
        self._reader = _reader()
        self._socket = _connected(address, timeout)
        self.is_used = False
        try:
            greeting = address.greeting()
            if greeting:
                _let_in(self.exchange(pack(greeting), len(greeting)))
        except BaseException:
            self.close()
            raise
        self.is_used = False

    def exchange(self, data: bytes, count: int) -> list[Any]:
        """Send, and wait for so many replies; one that is an error is among them as a ReplyError.

        The time limit is for all of it: replies that come drop by drop are no answer.
        """
        replies: list[Any] = []
        reader, until = self._reader, time.monotonic() + self._timeout
        self._socket.sendall(data)
        is_whole = True
        while True:
            if not is_whole:
                self._socket.settimeout(_left(until))
            chunk = self._socket.recv(_CHUNK)
            if not chunk:
                raise ConnectionResetError("the connection was closed")
            reader.feed(chunk)
            while (reply := reader.gets()) is not _NOTHING_YET:
                if _is_push(reply):
                    continue
                replies.append(reply)
                if len(replies) == count:
                    if not is_whole:
                        self._socket.settimeout(self._timeout)
                    self.is_used = True
                    return replies
            is_whole = False

    @property
    def is_quiet(self) -> bool:
        """Whether nothing has come since the last reply, such as the end of the connection."""
        self._socket.settimeout(0)
        try:
            self._socket.recv(1)
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError):
            self._socket.settimeout(self._timeout)
            return True
        except OSError:
            return False
        return False

    def abort(self) -> None:
        """End it for the thread that waits for a reply; callable from another one."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def __del__(self) -> None:
        # A cache that is dropped unclosed: a warning of a socket would be about something its user has never seen.
        if hasattr(self, "_socket"):
            self._socket.close()


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("no answer in time")
    return left


def _connected(address: Address, timeout: float) -> socket.socket:
    if address.path is not None:
        plain = socket.socket(socket.AF_UNIX)
        plain.settimeout(timeout)
        try:
            plain.connect(address.path)
        except BaseException:
            plain.close()
            raise
        return plain
    plain = socket.create_connection((address.host, address.port), timeout)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if address.tls is None:
        return plain
    try:
        return address.tls.wrap_socket(plain, server_hostname=address.host)
    except BaseException:
        plain.close()
        raise


class _Question:
    """What one task waits for."""

    __slots__ = ("count", "future", "replies")

    def __init__(self, count: int, future: asyncio.Future[list[Any]]) -> None:
        self.count = count
        self.future = future
        self.replies: list[Any] = []


class SharedWire(asyncio.Protocol):
    """A connection that all tasks of a loop share: what they ask in one turn of the loop goes out in one piece.

    Replies come in the order of the questions. A task that gives up leaves its place: its replies are read and dropped.
    When the oldest question has waited for longer than the time limit the connection is given up as a whole.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._reader = _reader()
        self._transport: asyncio.Transport | None = None
        self._asked: deque[_Question] = deque()
        self._since = 0.0
        self._out: list[bytes] = []
        self._watch: asyncio.TimerHandle | None = None
        self.is_open = False
        self.is_used = False

    @classmethod
    async def open(cls, address: Address, within: float) -> SharedWire:
        """Raises OSError, also when the server does not let us in."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(within):
            if address.path is not None:
                _, wire = await loop.create_unix_connection(lambda: cls(within), address.path)
            else:
                _, wire = await loop.create_connection(lambda: cls(within), address.host, address.port, ssl=address.tls)
        greeting = address.greeting()
        try:
            if greeting:
                _let_in(await wire.exchange(pack(greeting), len(greeting)))
        except BaseException:
            wire.close()
            raise
        wire.is_used = False
        return wire

    def exchange(self, data: bytes, count: int) -> asyncio.Future[list[Any]]:
        """To be awaited: so many replies. Raises OSError."""
        question = _Question(count, self._loop.create_future())
        if not self.is_open:
            question.future.set_exception(ConnectionResetError("the connection was closed"))
            return question.future
        if not self._asked:
            self._since = self._loop.time()
            if self._watch is None:
                self._watch = self._loop.call_later(self._timeout, self._look_at_the_clock)
        self._asked.append(question)
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(data)
        return question.future

    def close(self) -> None:
        """Give it up: whoever waits is told."""
        self._end(ConnectionResetError("the connection was closed"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The loop has connected."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.is_open = True

    def connection_lost(self, error: Exception | None) -> None:
        """The other side, or the network, has closed it."""
        self._end(error or ConnectionResetError("the connection was closed"))

    def data_received(self, data: bytes) -> None:
        """Some bytes have come."""
        self._reader.feed(data)
        gets, asked = self._reader.gets, self._asked
        while True:
            try:
                reply = gets()
            except OSError as error:
                return self._end(error)
            if reply is _NOTHING_YET:
                return None
            if _is_push(reply) or not asked:
                continue
            question = asked[0]
            question.replies.append(reply)
            if len(question.replies) == question.count:
                asked.popleft()
                self._since = self._loop.time()
                self.is_used = True
                if not question.future.done():
                    question.future.set_result(question.replies)

    def _flush(self) -> None:
        out, self._out = self._out, []
        if len(out) == len(self._asked):  # nothing was under way: the time begins when it is sent
            self._since = self._loop.time()
        if self._transport is not None:
            self._transport.write(b"".join(out))

    def _look_at_the_clock(self) -> None:
        self._watch = None
        if not self._asked:
            return
        left = self._since + self._timeout - self._loop.time()
        if left <= 0:
            self._end(TimeoutError("no answer in time"))
        else:
            self._watch = self._loop.call_later(left, self._look_at_the_clock)

    def _end(self, error: Exception) -> None:
        self.is_open = False
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
        while self._asked:
            question = self._asked.popleft()
            if not question.future.done():
                question.future.set_exception(error)
