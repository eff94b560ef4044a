"""A shared layer that fails when a test wants it to."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from mestres_perf.cache._backplane import Follower, Message
from mestres_perf.cache._options import seconds as duration
from mestres_perf.errors import BackendUnavailable, ConfigurationError
from mestres_perf.typing import SharedLayer


class Faulty:
    """Around any shared layer: `Cache(redis=Faulty(Redis(...)))`, or `Faulty(MemoryRedis())` without a server.

    What is set holds until something else is set, or `heal()`. `seed` decides what is left to chance. `calls` counts
    what was asked, `failed` what was answered with BackendUnavailable.
    """

    def __init__(self, redis: SharedLayer, *, seed: int = 0) -> None:
        self.calls = 0
        self.failed = 0
        self._redis = redis
        self._dice = random.Random(seed)  # noqa: S311 - nothing secret
        self._lock = threading.Lock()
        self._wait = 0.0
        self._fails: Callable[[int], bool] = _never
        self._is_lost_after = False
        self._mangle: Callable[[list[Message]], list[Message] | None] = _as_they_are
        self._followers: list[_Between] = []

    @property
    def is_cluster(self) -> bool:
        """As the layer inside says."""
        return bool(getattr(self._redis, "is_cluster", False))

    def fail(self) -> None:
        """Every call fails at once, and reaches nobody."""
        self._set(fails=_always)

    def lose_answers(self) -> None:
        """Every call is performed, and fails all the same: the answer was lost on the way."""
        self._set(fails=_always, is_lost_after=True)

    def hang(self, seconds: float) -> None:
        """Every call fails after so many seconds, as one does that has waited for its timeout."""
        self._set(fails=_always, wait=duration("hang", seconds))

    def slow(self, seconds: float) -> None:
        """Every call is answered so many seconds later."""
        self._set(wait=duration("slow", seconds))

    def fail_every(self, number: int) -> None:
        """Each call with a number that this divides fails: 3 for every third from now on."""
        if type(number) is not int or number < 1:
            raise ConfigurationError(f"fail_every takes a whole number of at least 1, not {number!r}")
        begin = self.calls
        self._set(fails=lambda call: (call - begin) % number == 0)

    def fail_some(self, share: float) -> None:
        """Each call fails with this chance, 0 to 1."""
        chance = _share(share)
        self._set(fails=lambda _: self._dice.random() < chance)

    def drop_messages(self, share: float = 1.0) -> None:
        """Of the messages from other processes this share, 0 to 1, is lost."""
        chance = _share(share)
        self._mangle = lambda messages: [each for each in messages if self._dice.random() >= chance]

    def repeat_messages(self) -> None:
        """Every message comes twice."""
        self._mangle = lambda messages: [each for each in messages for _ in range(2)]

    def shuffle_messages(self) -> None:
        """Messages that are heard together come in another order."""
        self._mangle = lambda messages: self._dice.sample(messages, len(messages))

    def hold_messages(self) -> None:
        """Messages wait until `heal()`; nor is there any sign of life from Redis."""
        self._mangle = _hold

    def heal(self) -> None:
        """All is well again; what was held comes now."""
        self._set()
        self._mangle = _as_they_are
        for follower in tuple(self._followers):
            follower.release()

    @property
    def blocking(self) -> _Blocking:
        """For threads."""
        return _Blocking(self, self._redis)

    @property
    def awaiting(self) -> _Awaiting:
        """For tasks."""
        return _Awaiting(self, self._redis)

    def listener(self, sequence: str, stream: str, follower: Follower) -> Any:
        """The listener of the layer inside, with the faults between it and the follower."""
        begin = getattr(self._redis, "listener", None)
        if begin is None:
            return _Deaf()
        between = _Between(follower, self._mangled)
        self._followers.append(between)
        return begin(sequence, stream, between)

    def close(self) -> None:
        """Close the layer inside."""
        self._redis.close()

    async def aclose(self) -> None:
        """Close the layer inside."""
        await self._redis.aclose()

    def begin(self) -> tuple[float, bool, bool]:
        """A call: the seconds that it takes, whether it fails, and whether it is performed for all that."""
        with self._lock:
            self.calls += 1
            fails = self._fails(self.calls)
            self.failed += fails
            return self._wait, fails, self._is_lost_after

    def _mangled(self, messages: list[Message]) -> list[Message] | None:
        return self._mangle(messages)  # as it is by now

    def _set(
        self, *, fails: Callable[[int], bool] | None = None, wait: float = 0.0, is_lost_after: bool = False
    ) -> None:
        with self._lock:
            self._fails, self._wait, self._is_lost_after = fails or _never, wait, is_lost_after


class _Blocking:
    def __init__(self, faults: Faulty, redis: SharedLayer) -> None:
        self._faults, self._redis = faults, redis

    def ask(self, effect: Any) -> Any:
        wait, fails, performed = self._faults.begin()
        if wait:
            time.sleep(wait)
        answer = self._redis.blocking.ask(effect) if performed or not fails else None
        if fails:
            raise BackendUnavailable("a fault that the test has asked for")
        return answer


class _Awaiting:
    def __init__(self, faults: Faulty, redis: SharedLayer) -> None:
        self._faults, self._redis = faults, redis

    async def ask(self, effect: Any) -> Any:
        wait, fails, performed = self._faults.begin()
        if wait:
            await asyncio.sleep(wait)
        answer = await self._redis.awaiting.ask(effect) if performed or not fails else None
        if fails:
            raise BackendUnavailable("a fault that the test has asked for")
        return answer


class _Between:
    """Stands for a follower. It remembers itself how far it has read: what it drops does not come again."""

    def __init__(self, follower: Follower, mangle: Callable[[list[Message]], list[Message] | None]) -> None:
        self.trust, self.clock, self.place = follower.trust, follower.clock, follower.place
        self._follower = follower
        self._mangle = mangle
        self._held: list[tuple[list[Message], float, bool, int]] = []

    def begin(self, place: str, number: int) -> None:
        self._follower.begin(place, number)
        self.place = self.place or place

    def hear(self, messages: Sequence[Message], *, asked_at: float, is_all: bool, number: int) -> None:
        if messages:
            self.place = messages[-1].place
        mangled = self._mangle(list(messages))
        if mangled is None:
            self._held.append((list(messages), asked_at, is_all, number))
        else:
            self._follower.hear(mangled, asked_at=asked_at, is_all=is_all, number=number)

    def release(self) -> None:
        held, self._held = self._held, []
        for messages, asked_at, is_all, number in held:
            self._follower.hear(messages, asked_at=asked_at, is_all=is_all, number=number)


class _Deaf:
    """Where the layer inside cannot be listened to."""

    def ensure(self) -> None:
        pass

    def close(self) -> None:
        pass


def _share(share: float) -> float:
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
        raise ConfigurationError(f"a share is a number from 0 to 1, not {share!r}")
    return float(share)


def _always(_call: int) -> bool:
    return True


def _never(_call: int) -> bool:
    return False


def _as_they_are(messages: list[Message]) -> list[Message] | None:
    return messages


def _hold(_messages: list[Message]) -> list[Message] | None:
    return None
