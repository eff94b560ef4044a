"""What caches, shared breakers and rate limits need of Redis, in memory, with a clock that somebody moves."""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Callable
from typing import Any

from mestres_perf._kernel.effects import Ask, Fetch
from mestres_perf.cache._backplane import Follower, Message
from mestres_perf.errors import BackendUnavailable


class MemoryRedis:
    """A shared layer for `Cache(redis=MemoryRedis())`, `SharedState(MemoryRedis())` and `RateLimit`, for one process.

    `is_down` makes every call fail. It knows the commands and scripts that these use, and nothing else.
    """

    def __init__(self, clock: Callable[[], float] = lambda: 0.0) -> None:
        """`clock` gives seconds; the default never lets anything expire."""
        self.is_down = False
        self.calls = 0
        self.messages: list[tuple[int, dict[str, Any]]] = []
        self._clock = clock
        self._values: dict[str, tuple[bytes, float | None]] = {}
        self._scores: dict[str, dict[str, float]] = {}
        self._last_message = 0
        self._lock = threading.RLock()
        self._listeners: list[MemoryListener] = []
        self._beginnings = 0

    @property
    def blocking(self) -> MemoryRedis:
        """For threads."""
        return self

    @property
    def awaiting(self) -> _Awaiting:
        """For tasks."""
        return _Awaiting(self)

    def ask(self, effect: Ask | Fetch) -> Any:
        """Raises BackendUnavailable while it is down."""
        with self._lock:
            self.calls += 1
            if self.is_down:
                raise BackendUnavailable("switched off")
            asked = (effect,) if isinstance(effect, Ask) else effect.commands
            replies = [self._said(command) for command in asked]
        for sequence in {one.keys[0] for one in asked if isinstance(one, Ask) and one.name == "announce"}:
            for listener in tuple(self._listeners):
                listener.hear(sequence)
        return replies[0] if isinstance(effect, Ask) else replies

    def listener(self, sequence: str, _stream: str, follower: Follower) -> MemoryListener:
        """Who tells the follower of another cache, in the thread that invalidates, before it returns."""
        return MemoryListener(self, self._listeners, sequence, follower)

    def flush(self) -> None:
        """Lose everything."""
        self._values.clear()
        self._scores.clear()
        self.messages.clear()

    def forget(self, share: Callable[[], bool]) -> None:
        """Lose the keys for which `share` says so, as a server does that is short of memory."""
        self._values = {key: value for key, value in self._values.items() if not share()}

    def position(self, sequence: str) -> tuple[str, int]:
        """Where the stream of messages ends, and the number of the last one; a new beginning when it was lost."""
        self._beginnings += 1_000_000
        self._set(sequence, self._beginnings, "NX")
        return str(self._last_message), self.number(sequence)

    def number(self, sequence: str) -> int:
        """The number of the last message; -1 when it was lost."""
        return int(self._get(sequence) or -1)

    def after(self, sequence: str, place: int) -> list[Message]:
        """The messages of a sequence after a place."""
        return [
            Message(str(at), said["n"], said["o"], said["k"], tuple(said["p"].split("\n")) if said["p"] else ())
            for at, said in tuple(self.messages)
            if at > place and said["q"] == sequence
        ]

    def close(self) -> None:
        """Nothing to do."""

    async def aclose(self) -> None:
        """Nothing to do."""

    def _said(self, command: Any) -> Any:
        if isinstance(command, Ask):
            return getattr(self, f"_run_{command.name}")(*command.keys, *command.arguments)
        return getattr(self, f"_{str(command[0]).lower()}")(*command[1:])

    def _get(self, key: str) -> bytes | None:
        value, until = self._values.get(key, (None, None))
        if until is not None and until <= self._clock():
            del self._values[key]
            return None
        return value

    def _mget(self, *keys: str) -> list[bytes | None]:
        return [self._get(key) for key in keys]

    def _pttl(self, key: str) -> int:
        if self._get(key) is None:
            return -2
        until = self._values[key][1]
        return -1 if until is None else int((until - self._clock()) * 1000)

    def _del(self, *keys: str) -> int:
        return sum(self._values.pop(key, None) is not None for key in keys)

    def _incr(self, key: str) -> int:
        number = int(self._get(key) or 0) + 1
        self._values[key] = (str(number).encode(), None)
        return number

    def _set(self, key: str, value: Any, *options: Any) -> bytes | None:
        there = self._get(key) is not None
        if ("NX" in options and there) or ("XX" in options and not there):
            return None
        until = None
        if "EX" in options or "PX" in options:
            unit = "EX" if "EX" in options else "PX"
            until = self._clock() + options[options.index(unit) + 1] / (1 if unit == "EX" else 1000)
        self._values[key] = (value if isinstance(value, bytes) else str(value).encode(), until)
        return b"OK"

    def _run_lease(self, value: str, lease: str, token: str, milliseconds: int, stamp: bytes) -> int:
        there = (self._get(value) or b"")[2:10]
        if there and there != stamp:
            return 1
        if self._set(lease, token, "NX", "PX", milliseconds) or self._get(lease) == token.encode():
            return 2
        return 3

    def _run_fill(self, value: str, lease: str, token: str, frame: bytes, milliseconds: int) -> int:
        if self._get(lease) != token.encode():
            return 0
        self._del(lease)
        self._set(value, frame, "PX", milliseconds)
        return 1

    def _run_set(self, value: str, lease: str, frame: bytes, milliseconds: int) -> int:
        self._del(lease)
        self._set(value, frame, "PX", milliseconds)
        return 1

    def _run_release(self, lease: str, token: str) -> int:
        return self._del(lease) if self._get(lease) == token.encode() else 0

    def _run_renew(self, lease: str, token: str, milliseconds: int) -> int:
        if self._get(lease) != token.encode():
            return 0
        self._set(lease, token, "PX", milliseconds)
        return 1

    def _run_announce(self, sequence: str, _stream: str, kept: int, origin: str, kind: str, parts: str) -> int:
        number = self._incr(sequence)
        self._last_message += 1
        self.messages.append((self._last_message, {"q": sequence, "n": number, "o": origin, "k": kind, "p": parts}))
        del self.messages[:-kept]
        return number

    def _run_breaker_sync(self, reporters: str, opened: str, healings: str, lease: str, *said: Any) -> list[int]:
        """See scripts/breaker_sync.lua: the arguments and the answer are the same."""
        own, good, has_calls, left, found, known, wanted = said
        now = self._clock() * 1000
        reported, those_open = self._above(reporters, now - good), self._above(opened, now)
        holds = self._get(lease) == own.encode()
        if found == "healed":
            self._incr(healings)
            those_open.clear()
            if holds:
                self._del(lease)
        healed = int(self._get(healings) or 0)
        if healed:
            self._set(healings, healed, "PX", max(good, 3_600_000))
        knows = found == "healed" or healed in (0, known)
        if has_calls:
            reported[own] = now
        those_open.pop(own, None)
        if left > 0 and knows:
            those_open[own] = now + left
        yet = max(1, math.floor(max(those_open.values()) - now)) if those_open else 0
        if found == "failed" and left > 0 and holds:
            self._set(lease, own, "PX", left)
        leased = bool(wanted and knows) and (self._get(lease) or own.encode()) == own.encode()
        if leased:
            self._set(lease, own, "PX", wanted)
        return [len(reported), len(those_open), yet, healed, int(leased)]

    def _above(self, key: str, least: float) -> dict[str, float]:
        """A sorted set, without what is not above."""
        kept = {name: score for name, score in self._scores.get(key, {}).items() if score > least}
        self._scores[key] = kept
        return kept

    def _run_rate(self, key: str, interval: str, burst: int) -> list[int]:
        """See scripts/rate.lua."""
        now, between = self._clock() * 1_000_000, float(interval)
        busy = min(max(float(self._get(key) or now) - now, 0.0), between * burst)
        wait = busy - between * (burst - 1)
        if wait > between * 0.001:
            return [math.ceil(wait), math.ceil(busy)]
        busy += between
        self._set(key, repr(now + busy), "PX", math.ceil(busy / 1000))
        return [0, math.ceil(busy)]


class MemoryListener:
    """Follows the messages of one sequence for as long as its follower lives."""

    def __init__(self, redis: MemoryRedis, listeners: list[MemoryListener], sequence: str, follower: Follower) -> None:
        self._redis = redis
        self._listeners = listeners
        self._sequence = sequence
        self._follower = weakref.ref(follower)
        self._lock = threading.Lock()

    def ensure(self) -> None:
        """Listen, unless it does, or nobody is there."""
        follower = self._follower()
        if follower is None or self in self._listeners or self._redis.is_down:
            return
        follower.begin(*self._redis.position(self._sequence))
        self._listeners.append(self)

    def hear(self, sequence: str) -> None:
        """Something was said."""
        follower = self._follower()
        if follower is None:
            self.close()
        elif sequence == self._sequence:
            with self._lock:
                asked_at, number = follower.clock(), self._redis.number(sequence)
                messages = self._redis.after(sequence, int(follower.place))
                follower.hear(messages, asked_at=asked_at, is_all=True, number=number)

    def close(self) -> None:
        """Stop listening."""
        if self in self._listeners:
            self._listeners.remove(self)


class _Awaiting:
    """The same for tasks."""

    def __init__(self, redis: MemoryRedis) -> None:
        self._redis = redis

    async def ask(self, effect: Ask | Fetch) -> Any:
        return self._redis.ask(effect)
