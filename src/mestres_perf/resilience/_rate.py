"""A rate limit for each key: in this process's memory, or in Redis for all processes together.

Invariant: over any stretch of time a key is admitted at most `burst` times plus `rate` times its seconds: by this
process, or by all of them while Redis answers. A Redis that does not answer is no error for anybody: each process then
admits its share, `rate` by `workers`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, NamedTuple, TypeVar

from mestres_perf._kernel.effects import Ask
from mestres_perf.errors import BackendUnavailable, ConfigurationError, RateLimited
from mestres_perf.resilience._cells import Cells, read_rate
from mestres_perf.resilience._part import Part, renewed_in_child, whole
from mestres_perf.resilience._windows import Tally
from mestres_perf.typing import SharedLayer

R = TypeVar("R")
_MOST_KEYS = 100_000
_MICRO = 1_000_000


class Admission(NamedTuple):
    """What a limit has decided. `retry_after` is seconds, 0.0 when the call may go on.

    `remaining` calls may follow at once, and after `reset` seconds without any there are `limit` again.
    """

    limit: int
    remaining: int
    reset: float
    retry_after: float

    @property
    def is_admitted(self) -> bool:
        """Whether the call may go on."""
        return self.retry_after <= 0

    def headers(self) -> dict[str, str]:
        """`RateLimit-*`, in whole seconds rounded up, and `Retry-After` when the call may not go on."""
        said = {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(math.ceil(self.reset)),
        }
        if not self.is_admitted:
            said["Retry-After"] = str(math.ceil(self.retry_after))
        return said


class RateLimit(Part):
    """Admits `rate` calls of each key ("10/s", "300/min", "1000/h"), and `burst` at once on top of an even flow.

    `burst` may be part of the rate ("10/min; burst 20"); by default it is what the rate allows in one of its units, 300
    for "300/min", and at least 1. At most `max_keys` keys are remembered: who was seen longest ago goes first, and may
    then burst again.

    With `redis` (a `mestres_perf.Redis`) all processes that use the same `name` share one count, on Redis's own clock.
    While Redis does not answer each admits its share of the rate: say in `workers` how many processes there are.

    As a part of a policy, or as a decorator, it refuses with RateLimited; `key` says, by the call's arguments, who is
    calling, and all are one without it.
    """

    def __init__(
        self,
        rate: str,
        *,
        burst: int | None = None,
        key: Callable[..., Hashable] | None = None,
        redis: SharedLayer | None = None,
        name: str = "rate",
        workers: int = 1,
        max_keys: int = _MOST_KEYS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises ConfigurationError."""
        read = read_rate(rate, burst)
        if whole("workers", workers, 1) > 1 and redis is None:
            raise ConfigurationError(f"workers={workers}: they can share a limit only in Redis; give redis=Redis(url)")
        self.rate = rate
        self.burst = read.burst
        self.name = name
        self._key = key
        self._redis = redis
        self.is_shared = redis is not None
        """Whether the count is in Redis, so that to check is to wait."""
        self._interval = read.interval
        self._arguments = (repr(read.interval * _MICRO), read.burst)
        local = read.shared_by(workers)
        self._local_interval, self._local_burst = local.interval, local.burst
        self._cells = Cells(local, whole("max_keys", max_keys, 1), clock)
        self._take, self._take_and_tell = self._cells.take, self._cells.take_and_tell
        self._admitted, self._limited, self._errors = Tally(), Tally(), Tally()  # by Redis, and without it
        renewed_in_child(self._cells)

    def __repr__(self) -> str:
        return f"RateLimit({self.rate!r}, burst={self.burst})"

    @property
    def admitted(self) -> int:
        """How many calls this process has let go on."""
        return self._admitted.read() + self._cells.admitted

    @property
    def limited(self) -> int:
        """How many calls this process has told to wait."""
        return self._limited.read() + self._cells.limited

    @property
    def errors(self) -> int:
        """How often Redis did not answer."""
        return self._errors.read()

    def acquire(self, key: Hashable = "") -> float:
        """Admit one call of `key`: 0.0 when it may go on, else how many seconds from now it may."""
        if self._redis is None:
            return self._take(key)
        return self.check(key).retry_after

    async def aacquire(self, key: Hashable = "") -> float:
        """`acquire` for async code: it waits for Redis without holding up the loop."""
        if self._redis is None:
            return self._take(key)
        return (await self.acheck(key)).retry_after

    def check(self, key: Hashable = "") -> Admission:
        """`acquire`, with everything that a response may tell the caller."""
        if self._redis is None:
            wait, busy = self._take_and_tell(key)
            return _admission(self._local_burst, self._local_interval, wait, busy)
        try:
            reply = self._redis.blocking.ask(self._question(key))
        except BackendUnavailable:
            next(self._errors.numbers)
            return self._locally(key)
        return self._told(reply)

    async def acheck(self, key: Hashable = "") -> Admission:
        """`check` for async code."""
        if self._redis is None:
            return self._locally(key)
        try:
            reply = await self._redis.awaiting.ask(self._question(key))
        except BackendUnavailable:
            next(self._errors.numbers)
            return self._locally(key)
        return self._told(reply)

    def call(self, function: Callable[..., R], *arguments: Any, **named: Any) -> R:
        """Call it. Raises RateLimited."""
        wait = self.acquire("" if self._key is None else self._key(*arguments, **named))
        if wait > 0:
            raise RateLimited(self.rate, wait)
        return function(*arguments, **named)

    async def acall(self, function: Callable[..., Awaitable[R]], *arguments: Any, **named: Any) -> R:
        """Await it. Raises RateLimited."""
        wait = await self.aacquire("" if self._key is None else self._key(*arguments, **named))
        if wait > 0:
            raise RateLimited(self.rate, wait)
        return await function(*arguments, **named)

    def _question(self, key: Hashable) -> Ask:
        return Ask("rate", (f"{self.name}:{key}",), self._arguments)

    def _told(self, reply: Any) -> Admission:
        wait, busy = (int(each) / _MICRO for each in reply)
        next(self._limited.numbers if wait else self._admitted.numbers)
        return _admission(self.burst, self._interval, wait, busy)

    def _locally(self, key: Hashable) -> Admission:
        wait, busy = self._take_and_tell(key)
        return _admission(self._local_burst, self._local_interval, wait, busy)


def _admission(burst: int, interval: float, wait: float, busy: float) -> Admission:
    remaining = 0 if wait else int(burst - busy / interval + 1e-6)
    return Admission(burst, max(0, remaining), busy, wait)
