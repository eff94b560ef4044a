"""What a cache tells those who asked to be told.

Nothing is told of a hit in memory: that path only counts. Everything else is noted where it happens, and told by the
thread or task that comes to an end of what it does for a request: no lock of the cache is held then, the value is where
it belongs, and whoever waits for it has been given it.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final, Literal, get_args

from asgiref.sync import iscoroutinefunction

from mestres_perf.errors import ConfigurationError

_log = logging.getLogger(__name__)

Kind = Literal["hit", "miss", "load", "error", "stale", "refresh", "evict", "refuse", "invalidate", "gap"]
KINDS: Final[frozenset[str]] = frozenset(get_args(Kind))


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a cache has done.

    - `hit`: Redis had the value (hits in memory are counted and not told).
    - `miss`: neither memory nor Redis had it.
    - `load`: a loader has returned, after `seconds`; `error`: it has raised `error`. A batch's load has no key.
    - `stale`: somebody was given a value after its TTL; `reason` says why.
    - `refresh`: a load has begun that nobody waits for; `reason` is "stale" or "early".
    - `evict`: memory had no more room.
    - `refuse`: what was loaded may not be remembered, because it was invalidated meanwhile or Redis did not take it.
    - `invalidate`: a key, tags, or everything (neither of the two); `reason` says whether "here" or "heard".
    - `gap`: messages of other processes were lost, and memory was emptied.
    """

    kind: Kind
    cache: str
    key: Hashable | None = None
    layer: str | None = None
    seconds: float | None = None
    error: BaseException | None = None
    tags: tuple[str, ...] = ()
    reason: str = ""


Listener = Callable[[Event], object]


class Events:
    """The listeners of one cache. `wanted` are the kinds that somebody wants to be told."""

    def __init__(self, cache: str) -> None:
        self.wanted: frozenset[str] = frozenset()
        self._cache = cache
        self._lock = threading.Lock()
        self._listeners: tuple[_Subscription, ...] = ()
        self._noted: deque[Event] = deque()

    def subscribe(self, listener: Listener, kinds: tuple[str, ...]) -> Callable[[], None]:
        """Tell the listener; returns what ends that. Raises ConfigurationError."""
        if not callable(listener) or iscoroutinefunction(listener):
            raise ConfigurationError(f"a listener is a plain function of one event, not {listener!r}")
        unknown = sorted(repr(kind) for kind in kinds if kind not in KINDS)
        if unknown:
            raise ConfigurationError(f"there are no events {', '.join(unknown)}; there are {', '.join(sorted(KINDS))}")
        subscription = _Subscription(listener, frozenset(kinds) or KINDS)
        self._change(lambda those: (*those, subscription))
        return lambda: self._change(lambda those: tuple(each for each in those if each is not subscription))

    def note(
        self,
        kind: Kind,
        key: Hashable | None = None,
        *,
        layer: str | None = None,
        seconds: float | None = None,
        error: BaseException | None = None,
        tags: tuple[str, ...] = (),
        reason: str = "",
    ) -> None:
        """Something has happened; it is told at the next `tell`. May be called under a lock."""
        if kind in self.wanted:
            event = Event(kind, self._cache, key, layer, seconds, error, tags, reason)
            self._noted.append(event)

    def tell(self) -> None:
        """Tell what has been noted, by this thread or another. Never under a lock; never raises."""
        while self._noted:
            try:
                event = self._noted.popleft()
            except IndexError:  # another thread was faster
                return
            self._tell(event)

    def _tell(self, event: Event) -> None:
        for subscription in self._listeners:
            if event.kind in subscription.kinds:
                subscription.tell(event)

    def _change(self, change: Callable[[tuple[_Subscription, ...]], tuple[_Subscription, ...]]) -> None:
        with self._lock:
            self._listeners = change(self._listeners)
            self.wanted = frozenset().union(*(each.kinds for each in self._listeners))


class _Subscription:
    """A listener and what it wants to be told. The first time that it raises is logged, the others are not."""

    __slots__ = ("_has_failed", "kinds", "listener")

    def __init__(self, listener: Listener, kinds: frozenset[str]) -> None:
        self.listener = listener
        self.kinds = kinds
        self._has_failed = False

    def tell(self, event: Event) -> None:
        try:
            self.listener(event)
        except Exception:  # noqa: BLE001 - whatever it is, whoever uses the cache has no part in it
            if not self._has_failed:
                self._has_failed = True
                _log.exception("a listener of the cache %r failed at %r; this is logged once", event.cache, event.kind)
