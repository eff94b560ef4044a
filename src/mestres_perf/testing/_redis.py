"""What a cache needs of Redis, in memory, with a clock that somebody moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mestres_perf._kernel.effects import Ask, Fetch
from mestres_perf.errors import BackendUnavailable


class MemoryRedis:
    """A shared layer for `Cache(redis=MemoryRedis())`, for one process; `is_down` makes every call fail.

    It knows the commands and scripts that a cache uses, and nothing else.
    """

    def __init__(self, clock: Callable[[], float] = lambda: 0.0) -> None:
        """`clock` gives seconds; the default never lets anything expire."""
        self.is_down = False
        self.calls = 0
        self.messages: list[tuple[int, dict[str, Any]]] = []
        self._clock = clock
        self._values: dict[str, tuple[bytes, float | None]] = {}
        self._last_message = 0
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
        self.calls += 1
        if self.is_down:
            raise BackendUnavailable("switched off")
        return self._said(effect) if isinstance(effect, Ask) else [self._said(command) for command in effect.commands]

    def flush(self) -> None:
        """Lose everything."""
        self._values.clear()
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

    def _run_announce(self, sequence: str, _stream: str, kept: int, origin: str, kind: str, parts: str) -> int:
        number = self._incr(sequence)
        self._last_message += 1
        self.messages.append((self._last_message, {"n": number, "o": origin, "k": kind, "p": parts}))
        del self.messages[:-kept]
        return number


class _Awaiting:
    """The same for tasks."""

    def __init__(self, redis: MemoryRedis) -> None:
        self._redis = redis

    async def ask(self, effect: Ask | Fetch) -> Any:
        return self._redis.ask(effect)
