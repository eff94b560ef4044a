"""Connections to Redis with bounds that a web request can bear.

A call costs at most `timeout`. What may be done twice is sent once more when a connection that had been in use turns
out to be closed; what stores a value is not: nobody knows what has become untrue since the first time. After a failure
Redis is left alone for `rest` seconds: then one call tries it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from mestres_perf._kernel.effects import Ask, Fetch
from mestres_perf.backends.redis._address import Places, places_of
from mestres_perf.backends.redis._cluster import ClusterAwaiting, ClusterBlocking, cluster
from mestres_perf.backends.redis._listener import Listener
from mestres_perf.backends.redis._scripts import digest_of, may_be_repeated, text_of
from mestres_perf.backends.redis._where import aaddress_now, address_now
from mestres_perf.backends.redis._wire import ReplyError, SharedWire, Wire, pack, refuse_replaced
from mestres_perf.cache._backplane import Follower
from mestres_perf.errors import BackendUnavailable, ConfigurationError

_ALL_BUSY = "every connection to Redis is in use; raise max_connections"
_PATIENT = 5.0

Command = tuple[str | bytes | int, ...]


class _Unsure(Exception):
    """The connection has ended in the middle of what may not be done twice: that alone is no failure of Redis."""


class Redis:
    """Where a cache's shared layer is. `timeout` and `rest` are seconds; nothing is connected until it is used.

    Besides redis://, rediss:// and unix:// there are `redis+sentinel://host:26379,host2:26379/mymaster/0` and
    `redis+cluster://host:7000,host:7001`. Threads have a connection each, at most `max_connections` (None: no bound); a
    call waits for a free one up to `timeout`. All tasks of a loop share one connection, on which what they ask at the
    same time goes out together. With `retry_on_timeout` a call that had no answer in time is sent once more.
    `protocol` is 2 (RESP2) or 3.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 0.05,
        rest: float = 2.0,
        max_connections: int | None = None,
        retry_on_timeout: bool = False,
        protocol: int = 2,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises ConfigurationError for what is no Redis address, and for a bound below one connection."""
        self.places = places_of(url, protocol=protocol)
        self.url = url
        if max_connections is not None and (type(max_connections) is not int or max_connections < 1):
            raise ConfigurationError(f"max_connections must be a whole number of at least 1, not {max_connections!r}")
        self.timeout = timeout
        self.max_connections = max_connections
        self.retry_on_timeout = retry_on_timeout
        self._rest = rest
        self._clock = clock
        self.failures = 0
        self.down_until = 0.0
        """Until when Redis is left alone; 0.0 while it is well."""
        self._down_since = 0.0
        self._away = 0.0
        self._lock = threading.Lock()
        self._blocking: Blocking | ClusterBlocking | None = None
        self._awaiting: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Awaiting | ClusterAwaiting]
        self._awaiting = weakref.WeakKeyDictionary()
        os.register_at_fork(after_in_child=_forget(weakref.ref(self)))

    def __repr__(self) -> str:
        return f"Redis(timeout={self.timeout})"

    @property
    def is_cluster(self) -> bool:
        """Whether keys lie on several nodes."""
        return self.places.kind == "cluster"

    @property
    def blocking(self) -> Blocking | ClusterBlocking:
        """For threads."""
        known = self._blocking
        if known is not None:
            return known
        with self._lock:
            if self._blocking is None:
                self._blocking = ClusterBlocking(self) if self.places.kind == "cluster" else Blocking(self)
            return self._blocking

    @property
    def awaiting(self) -> Awaiting | ClusterAwaiting:
        """For tasks of the running loop: a connection belongs to one loop."""
        loop = asyncio.get_running_loop()
        known = self._awaiting.get(loop)
        if known is not None:
            return known
        with self._lock:
            for other in [other for other in self._awaiting if other.is_closed()]:
                del self._awaiting[other]
            self._awaiting[loop] = ClusterAwaiting(self) if self.places.kind == "cluster" else Awaiting(self)
            return self._awaiting[loop]

    def ping(self) -> None:
        """Raises BackendUnavailable when Redis does not answer now."""
        self.blocking.ping()

    def listener(self, sequence: str, stream: str, follower: Follower) -> Listener:
        """A thread, not begun yet, that follows a stream over a connection of its own."""
        return Listener(self._control, (sequence, stream), follower)

    def _control(self) -> Any:
        """A client that may wait for an answer for as long as it asks Redis to wait."""
        if self.places.kind == "cluster":
            return cluster(self.places, timeout=_PATIENT)
        return Control(self.places)

    @property
    def away(self) -> float:
        """Seconds from failures to the next answer, all together, up to now."""
        with self._lock:
            return self._away + (self._clock() - self._down_since if self.down_until else 0.0)

    @property
    def rests(self) -> float:
        """For how many seconds more Redis is left alone; 0.0 when it is asked."""
        return max(0.0, self.down_until - self._clock()) if self.down_until else 0.0

    def check(self) -> None:
        """Raises BackendUnavailable while Redis is left alone."""
        if self.down_until:
            with self._lock:
                now = self._clock()
                if now < self.down_until:
                    raise BackendUnavailable("Redis is being left alone after a failure")
                if self.down_until:
                    self.down_until = now + self._rest  # this caller tries; the others wait for what it finds

    def failed(self, error: Exception) -> BackendUnavailable:
        """Leave Redis alone for a while; returns what to raise."""
        with self._lock:
            now = self._clock()
            self.failures += 1
            if not self.down_until:
                self._down_since = now
            self.down_until = now + self._rest
        return BackendUnavailable(f"Redis did not answer: {error}")

    def answered(self) -> None:
        """It is there."""
        if self.down_until:
            with self._lock:
                if self.down_until:
                    self._away += self._clock() - self._down_since
                    self.down_until = 0.0

    def close(self) -> None:
        """Close the connections of threads; those of a loop go with their loop, or by `aclose`."""
        with self._lock:
            blocking, self._blocking = self._blocking, None
        if blocking is not None:
            blocking.close()

    async def aclose(self) -> None:
        """Close the connections of the running loop, and those of threads."""
        with self._lock:
            awaiting = self._awaiting.pop(asyncio.get_running_loop(), None)
        if awaiting is not None:
            await awaiting.close()
        self.close()

    def _start_anew(self) -> None:
        self._lock = threading.Lock()
        self._blocking = None
        self._awaiting = weakref.WeakKeyDictionary()


class _Turns:
    """A connection at a time for so many threads. Raises BackendUnavailable when none is free in time."""

    def __init__(self, bound: int, timeout: float) -> None:
        self._free = threading.BoundedSemaphore(bound)
        self._timeout = timeout

    def __enter__(self) -> None:
        if not self._free.acquire(timeout=self._timeout):
            raise BackendUnavailable(_ALL_BUSY)  # Redis itself is well: nobody else is kept from it

    def __exit__(self, *_: object) -> None:
        self._free.release()


class Control:
    """A connection for whoever may wait: the listener's."""

    def __init__(self, places: Places) -> None:
        self._wire = Wire(address_now(places, _PATIENT), _PATIENT)

    def eval(self, script: str, number: int, *words: str) -> Any:
        """Run a script."""
        return self._said("EVAL", script, number, *words)

    def xread(self, streams: dict[str, str], *, count: int, block: int) -> Any:
        """What is new in a stream, waited for so many milliseconds."""
        ((name, place),) = streams.items()
        return self._said("XREAD", "COUNT", count, "BLOCK", block, "STREAMS", name, place)

    def abort(self) -> None:
        """End it for the thread that waits."""
        self._wire.abort()

    def close(self) -> None:
        """Close it."""
        self._wire.close()

    def _said(self, *words: str | int) -> Any:
        (reply,) = self._wire.exchange(pack([words]), 1)
        if isinstance(reply, ReplyError):
            raise reply
        return reply


class Blocking:
    """Asks and waits."""

    def __init__(self, owner: Redis) -> None:
        self._owner = owner
        self._idle: list[Wire] = []
        self._closed = False
        bound = owner.max_connections
        self._turns = None if bound is None else _Turns(bound, owner.timeout)

    def ask(self, effect: Ask | Fetch) -> Any:
        """Run a script, or send commands together. Raises BackendUnavailable."""
        owner = self._owner
        if owner.down_until:
            owner.check()
        try:
            if self._turns is None:
                replies = self._replies(effect)
            else:
                with self._turns:
                    replies = self._replies(effect)
        except _Unsure as error:
            raise BackendUnavailable(f"nobody knows whether Redis has heard it: {error}") from error
        except (OSError, ReplyError) as error:
            raise owner.failed(error) from error
        if owner.down_until:
            owner.answered()
        return _answer(effect, replies)

    def _replies(self, effect: Ask | Fetch) -> list[Any]:
        asked, again = _asked(effect), may_be_repeated(effect)
        replies = self._exchange(_written(asked), again=again)
        if ReplyError in map(type, replies):
            unknown = _unknown(asked, replies)
            if unknown:
                _put(replies, unknown, self._exchange([_by_text(ask) for ask in unknown.values()], again=again))
        return replies

    def ping(self) -> None:
        """Raises BackendUnavailable."""
        try:
            self._exchange((("PING",),), again=True)
        except (OSError, ReplyError) as error:
            raise self._owner.failed(error) from error
        self._owner.answered()

    def close(self) -> None:
        """Give the connections back."""
        self._closed = True
        self._close_idle()

    def _exchange(self, commands: Sequence[Command], *, again: bool) -> list[Any]:
        data, patient = pack(commands), self._owner.retry_on_timeout
        while True:
            wire = self._take(unheard=not again)
            was_used = wire.is_used
            try:
                replies = wire.exchange(data, len(commands))
                if ReplyError in map(type, replies):
                    refuse_replaced(replies)
            except TimeoutError:
                wire.close()
                if not patient:
                    raise
                patient = False
            except OSError as error:
                wire.close()
                self._close_idle()
                if not was_used:  # a new one is no connection that was closed while it was idle
                    raise
                if not again:
                    raise _Unsure(error) from error
                again = False
            except BaseException:
                wire.close()  # its replies are still to come
                raise
            else:
                self._give_back(wire)
                return replies

    def _take(self, *, unheard: bool) -> Wire:
        """An idle connection, or a new one; with `unheard` none that has been closed as far as one can know."""
        while self._idle:
            try:
                wire = self._idle.pop()
            except IndexError:  # another thread was quicker
                break
            if not unheard or wire.is_quiet:
                return wire
            wire.close()
        timeout = self._owner.timeout
        return Wire(address_now(self._owner.places, timeout), timeout)

    def _give_back(self, wire: Wire) -> None:
        if self._closed:
            wire.close()
        else:
            self._idle.append(wire)

    def _close_idle(self) -> None:
        with contextlib.suppress(IndexError):  # other threads take some meanwhile
            while True:
                self._idle.pop().close()


class Awaiting:
    """Asks and lets others work meanwhile."""

    def __init__(self, owner: Redis) -> None:
        self._owner = owner
        self._wire: SharedWire | None = None
        self._opening: asyncio.Task[SharedWire] | None = None

    async def ask(self, effect: Ask | Fetch) -> Any:
        """Run a script, or send commands together. Raises BackendUnavailable."""
        owner = self._owner
        if owner.down_until:
            owner.check()
        asked = _asked(effect)
        try:
            again = may_be_repeated(effect)
            replies = await self._exchange(_written(asked), again=again)
            if ReplyError in map(type, replies):
                unknown = _unknown(asked, replies)
                if unknown:
                    whole = [_by_text(ask) for ask in unknown.values()]
                    _put(replies, unknown, await self._exchange(whole, again=again))
        except _Unsure as error:
            raise BackendUnavailable(f"nobody knows whether Redis has heard it: {error}") from error
        except (OSError, ReplyError) as error:
            raise self._owner.failed(error) from error
        if owner.down_until:
            owner.answered()
        return _answer(effect, replies)

    async def close(self) -> None:
        """Give the connection back."""
        if self._opening is not None:
            self._opening.cancel()
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()
            await asyncio.sleep(0)  # the loop closes the socket in its next turn

    async def _exchange(self, commands: Sequence[Command], *, again: bool) -> list[Any]:
        data, patient = pack(commands), self._owner.retry_on_timeout
        while True:
            wire = self._wire
            if wire is None or not wire.is_open:
                wire = await self._open()
            was_used = wire.is_used
            try:
                replies = await wire.exchange(data, len(commands))
                if ReplyError in map(type, replies):
                    refuse_replaced(replies)
            except TimeoutError:
                if not patient:
                    raise
                patient = False
            except OSError as error:
                wire.close()
                if not was_used:
                    raise
                if not again:
                    raise _Unsure(error) from error
                again = False
            else:
                return replies

    async def _open(self) -> SharedWire:
        """One connection however many ask for it; whoever gives up leaves it to the others."""
        if self._opening is None or self._opening.done():  # done: cancelled before it had begun
            self._opening = asyncio.create_task(self._opened())
            self._opening.add_done_callback(_ended)  # when everybody who asked for it has given up
        return await asyncio.shield(self._opening)

    async def _opened(self) -> SharedWire:
        try:
            timeout = self._owner.timeout
            self._wire = await SharedWire.open(await aaddress_now(self._owner.places, timeout), timeout)
            return self._wire
        finally:
            self._opening = None


def _ended(opening: asyncio.Task[SharedWire]) -> None:
    if not opening.cancelled():
        opening.exception()  # has been told to whoever waits; asking keeps asyncio from warning


def _by_digest(ask: Ask) -> Command:
    return ("EVALSHA", digest_of(ask.name), len(ask.keys), *ask.keys, *ask.arguments)


def _by_text(ask: Ask) -> Command:
    return ("EVAL", text_of(ask.name), len(ask.keys), *ask.keys, *ask.arguments)


def _asked(effect: Ask | Fetch) -> Sequence[Ask | Command]:
    return (effect,) if isinstance(effect, Ask) else effect.commands


def _written(asked: Sequence[Ask | Command]) -> list[Command]:
    return [_by_digest(one) if isinstance(one, Ask) else one for one in asked]


def _unknown(asked: Sequence[Ask | Command], replies: list[Any]) -> dict[int, Ask]:
    """The scripts, by place, that Redis has never heard of or has forgotten: they are sent once more, in full.

    So is what was announced after one of them: others shall hear of a change when it has been made.
    """
    unknown: dict[int, Ask] = {}
    for place, (one, reply) in enumerate(zip(asked, replies, strict=True)):
        if isinstance(one, Ask):
            is_unknown = isinstance(reply, ReplyError) and str(reply).startswith("NOSCRIPT")
            if is_unknown or (unknown and one.name == "announce"):
                unknown[place] = one
    return unknown


def _put(replies: list[Any], places: Iterable[int], better: list[Any]) -> None:
    for place, reply in zip(places, better, strict=True):
        replies[place] = reply


def _answer(effect: Ask | Fetch, replies: list[Any]) -> Any:
    """What a plan is told. Redis that refuses a command is there all the same: it is not left alone for that."""
    if ReplyError in map(type, replies):
        raise BackendUnavailable(f"Redis has refused: {next(each for each in replies if type(each) is ReplyError)}")
    return replies[0] if isinstance(effect, Ask) else replies


def _forget(reference: weakref.ref[Redis]) -> Callable[[], None]:
    def after_fork() -> None:
        redis = reference()
        if redis is not None:
            redis._start_anew()  # noqa: SLF001 - the two belong together

    return after_fork
