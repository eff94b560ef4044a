"""Connections to Redis with bounds that a web request can bear.

redis-py's own defaults let a request wait for seconds when Redis is down. Here a call costs at most `timeout`, is never
tried again, and after a failure Redis is left alone for `rest` seconds: then one call tries it again.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from mestres_perf._kernel.effects import Ask, Fetch
from mestres_perf.backends.redis._listener import Listener
from mestres_perf.backends.redis._scripts import digest_of, text_of
from mestres_perf.cache._backplane import Follower
from mestres_perf.errors import BackendUnavailable, ConfigurationError

_ALL_BUSY = "every connection to Redis is in use; raise max_connections"


class Redis:
    """Where a cache's shared layer is. `timeout` and `rest` are seconds; nothing is connected until it is used.

    At most `max_connections` are open for threads and as many for each loop (None: no bound); a call waits for a free
    one up to `timeout`. With `retry_on_timeout` a call that had no answer in time is sent once more.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 0.05,
        rest: float = 2.0,
        max_connections: int | None = None,
        retry_on_timeout: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises ConfigurationError for what is no Redis address, and for a bound below one connection."""
        if not url.startswith(("redis://", "rediss://", "unix://")):
            raise ConfigurationError(f"a Redis address begins with redis://, rediss:// or unix://, not {url!r}")
        self.url = url
        if max_connections is not None and (type(max_connections) is not int or max_connections < 1):
            raise ConfigurationError(f"max_connections must be a whole number of at least 1, not {max_connections!r}")
        self.timeout = timeout
        self.max_connections = max_connections
        self.retry_on_timeout = retry_on_timeout
        self._rest = rest
        self._clock = clock
        self._down_until = 0.0
        self._lock = threading.Lock()
        self._blocking: Blocking | None = None
        self._awaiting: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Awaiting] = weakref.WeakKeyDictionary()
        os.register_at_fork(after_in_child=_forget(weakref.ref(self)))

    def __repr__(self) -> str:
        return f"Redis(timeout={self.timeout})"

    @property
    def blocking(self) -> Blocking:
        """For threads."""
        with self._lock:
            if self._blocking is None:
                self._blocking = Blocking(self)
            return self._blocking

    @property
    def awaiting(self) -> Awaiting:
        """For tasks of the running loop: a connection belongs to one loop."""
        loop = asyncio.get_running_loop()
        with self._lock:
            if loop not in self._awaiting:
                self._awaiting[loop] = Awaiting(self)
            return self._awaiting[loop]

    def ping(self) -> None:
        """Raises BackendUnavailable when Redis does not answer now."""
        self.blocking.ping()

    def listener(self, sequence: str, stream: str, follower: Follower) -> Listener:
        """A thread, not begun yet, that follows a stream over a connection of its own."""
        return Listener(self._control, (sequence, stream), follower)

    def _control(self) -> Any:
        """A client that may wait for an answer for as long as it asks Redis to wait."""
        import redis  # noqa: PLC0415 - only who uses Redis pays for it

        return redis.Redis.from_url(
            self.url, socket_timeout=5.0, socket_connect_timeout=1.0, single_connection_client=True
        )

    def check(self) -> None:
        """Raises BackendUnavailable while Redis is left alone."""
        if self._down_until:
            with self._lock:
                now = self._clock()
                if now < self._down_until:
                    raise BackendUnavailable("Redis is being left alone after a failure")
                if self._down_until:
                    self._down_until = now + self._rest  # this caller tries; the others wait for what it finds

    def failed(self, error: Exception) -> BackendUnavailable:
        """Leave Redis alone for a while; returns what to raise."""
        with self._lock:
            self._down_until = self._clock() + self._rest
        return BackendUnavailable(f"Redis did not answer: {error}")

    def answered(self) -> None:
        """It is there."""
        if self._down_until:
            self._down_until = 0.0

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


class Blocking:
    """Asks and waits."""

    def __init__(self, owner: Redis) -> None:
        import redis  # noqa: PLC0415 - only who uses Redis pays for it
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415

        self._owner = owner
        self._errors = (redis.RedisError, OSError)
        self._unknown_script = redis.exceptions.NoScriptError
        self._client: Any = redis.Redis.from_url(
            owner.url,
            socket_timeout=owner.timeout,
            socket_connect_timeout=owner.timeout,
            retry=Retry(NoBackoff(), int(owner.retry_on_timeout), supported_errors=(redis.TimeoutError,)),
            retry_on_timeout=owner.retry_on_timeout,
            decode_responses=False,
        )
        bound = owner.max_connections
        self._turns: AbstractContextManager[Any] = nullcontext() if bound is None else _Turns(bound, owner.timeout)

    def ask(self, effect: Ask | Fetch) -> Any:
        """Run a script, or send commands together. Raises BackendUnavailable."""
        if isinstance(effect, Fetch):
            return self._fetch(effect)
        self._owner.check()
        arguments = (len(effect.keys), *effect.keys, *effect.arguments)
        try:
            with self._turns:
                try:
                    reply = self._client.execute_command("EVALSHA", digest_of(effect.name), *arguments)
                except self._unknown_script:
                    reply = self._client.execute_command("EVAL", text_of(effect.name), *arguments)
        except self._errors as error:
            raise self._owner.failed(error) from error
        self._owner.answered()
        return reply

    def _fetch(self, effect: Fetch) -> Any:
        self._owner.check()
        try:
            with self._turns, self._client.pipeline(transaction=False) as pipeline:
                for command in effect.commands:
                    pipeline.execute_command(*command)
                replies = pipeline.execute()
        except self._errors as error:
            raise self._owner.failed(error) from error
        self._owner.answered()
        return replies

    def ping(self) -> None:
        """Raises BackendUnavailable."""
        try:
            self._client.ping()
        except self._errors as error:
            raise self._owner.failed(error) from error
        self._owner.answered()

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()


class Awaiting:
    """Asks and lets others work meanwhile."""

    def __init__(self, owner: Redis) -> None:
        import redis.asyncio  # noqa: PLC0415 - only who uses Redis pays for it
        from redis.asyncio.retry import Retry  # noqa: PLC0415
        from redis.backoff import NoBackoff  # noqa: PLC0415

        self._owner = owner
        self._errors = (redis.RedisError, OSError)
        self._unknown_script = redis.exceptions.NoScriptError
        self._client: Any = redis.asyncio.Redis.from_url(
            owner.url,
            socket_timeout=owner.timeout,
            socket_connect_timeout=owner.timeout,
            retry=Retry(NoBackoff(), int(owner.retry_on_timeout), supported_errors=(redis.TimeoutError,)),
            retry_on_timeout=owner.retry_on_timeout,
            decode_responses=False,
        )
        bound = owner.max_connections
        self._turns = None if bound is None else asyncio.Semaphore(bound)

    async def ask(self, effect: Ask | Fetch) -> Any:
        """Run a script, or send commands together. Raises BackendUnavailable."""
        if self._turns is None:
            return await self._ask(effect)
        try:
            async with asyncio.timeout(self._owner.timeout):
                await self._turns.acquire()
        except TimeoutError:
            raise BackendUnavailable(_ALL_BUSY) from None
        try:
            return await self._ask(effect)
        finally:
            self._turns.release()

    async def _ask(self, effect: Ask | Fetch) -> Any:
        self._owner.check()
        if isinstance(effect, Fetch):
            return await self._fetch(effect)
        arguments = (len(effect.keys), *effect.keys, *effect.arguments)
        try:
            try:
                reply = await self._client.execute_command("EVALSHA", digest_of(effect.name), *arguments)
            except self._unknown_script:
                reply = await self._client.execute_command("EVAL", text_of(effect.name), *arguments)
        except self._errors as error:
            raise self._owner.failed(error) from error
        self._owner.answered()
        return reply

    async def _fetch(self, effect: Fetch) -> Any:
        try:
            async with self._client.pipeline(transaction=False) as pipeline:
                for command in effect.commands:
                    pipeline.execute_command(*command)
                replies = await pipeline.execute()
        except self._errors as error:
            raise self._owner.failed(error) from error
        self._owner.answered()
        return replies

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()


def _forget(reference: weakref.ref[Redis]) -> Callable[[], None]:
    def after_fork() -> None:
        redis = reference()
        if redis is not None:
            redis._start_anew()  # noqa: SLF001 - the two belong together

    return after_fork
