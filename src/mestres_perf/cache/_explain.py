"""Why a reader would be given what he would be given.

It looks where a reader looks, in the same order, and changes nothing: what is owed to Redis stays owed, nothing counts
as a use, nothing is loaded or waited for. What it says a following `get` does, as long as nothing happens in between;
`get_or_load` gives the same, and loads when it says "missing".
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from mestres_perf._kernel.effects import Effect
from mestres_perf.cache._core import Core, Request
from mestres_perf.cache._entry import Explanation, Failure, Held, State, TagVersion
from mestres_perf.cache._memory import Seen
from mestres_perf.cache._shared import Inspected

_Judged = tuple[State, str | None, str]
_Plan = Generator[Effect, Any, Explanation]


def explain(core: Core, request: Request) -> _Plan:
    """One round trip to Redis, two when it has a value with tags that memory does not know."""
    seen, looked = core.store.look(request.key), None
    if core.shared is not None:
        looked = yield from core.shared.inspect(request.name, () if seen is None else seen.tags)
    seen = core.store.look(request.key)
    return _Look(core, request, seen, looked, core.store.clock()).explanation()


@dataclass(frozen=True, slots=True)
class _Look:
    """What is in both layers at one moment; `looked` is None without Redis and when it does not answer."""

    core: Core
    request: Request
    seen: Seen | None
    looked: Inspected | None
    now: float

    def explanation(self) -> Explanation:
        state, layer, because = self._judged()
        memory, redis = self._in_memory(), self._in_redis()
        shown = redis if layer == "redis" or memory is None else memory
        began = self.core.flights.since(self.request.key)
        elsewhere = None if self.looked is None or began is not None else self.looked.leased
        return Explanation(
            key=self.request.key,
            layer=layer,
            age=None if shown is None else shown.age,
            ttl_left=None if shown is None else shown.ttl_left,
            tags=() if shown is None else shown.tags,
            loading=began is not None or elsewhere is not None,
            state=state,
            stale_left=None if shown is None else shown.stale_left,
            trusted=self._is_trusted(),
            because=because,
            memory=memory,
            redis=redis,
            versions=self._versions(),
            loading_for=None if began is None else self.now - began,
            loading_elsewhere=elsewhere,
            is_redis_away=self.core.shared is not None and self.looked is None,
        )

    def _judged(self) -> _Judged:
        """What is given, from where, and why: memory first, then Redis, as readers do."""
        seen, window = self.seen, self.request.options.stale_while_revalidate
        if seen is not None and self._is_trusted():
            left = seen.expires - self.now
            if isinstance(seen.value, Failure):
                if left > 0:
                    return "error", "memory", f"remembered error {type(seen.value.error).__name__}"
            elif left > -window:
                return _by_time(left, window, "memory", "")
        if self.core.shared is None:
            return self._missing(self._why_not_memory())
        return self._judged_by_redis(window)

    def _judged_by_redis(self, window: float) -> _Judged:
        looked = self.looked
        if looked is None:
            return self._missing(f"{self._why_not_memory()}, and Redis does not answer")
        if looked.is_owed:
            return self._missing("it was invalidated, which Redis could not be told yet")
        if looked.frame is None:
            return self._missing(self._why_not_memory())
        if looked.found is None:
            return self._missing(_why_untrue(self._versions()))
        if looked.left > -window:
            return _by_time(looked.left, window, "redis", f"{self._why_not_memory()}; in Redis ")
        return self._missing(_expired(looked.left))

    def _missing(self, why: str) -> _Judged:
        began = self.core.flights.since(self.request.key)
        if began is not None:
            return "missing", None, f"a load is under way for {self.now - began:.1f} s ({why})"
        if self.looked is not None and self.looked.leased is not None:
            return "missing", None, f"a load is under way in another process for {self.looked.leased:.1f} s ({why})"
        return "missing", None, why

    def _why_not_memory(self) -> str:
        if self.seen is None:
            return "not in memory" if self.core.shared is not None else "nothing is known of it"
        if not self._is_trusted():
            return f"not trusted: nothing heard from Redis for {self.now - self._heard_at(self.seen):.1f} s"
        return _expired(self.seen.expires - self.now)

    def _heard_at(self, seen: Seen) -> float:
        follower = self.core.follower
        return seen.checked if follower is None else max(seen.checked, follower.horizon(seen.checked) - follower.trust)

    def _is_trusted(self) -> bool:
        return self.seen is not None and self.core.is_trusted(self.seen.checked, self.now)

    def _in_memory(self) -> Held | None:
        seen = self.seen
        if seen is None:
            return None
        left, entry = seen.expires - self.now, seen.entry
        stale = 0.0 if isinstance(seen.value, Failure) else self.request.options.stale
        return Held(self.now - seen.stored, left, left + stale, seen.tags, entry.hits, entry.size or None)

    def _in_redis(self) -> Held | None:
        if self.looked is None or self.looked.frame is None:
            return None
        frame, left = self.looked.frame, self.looked.left
        is_same = self.seen is not None and self.seen.stamp == frame.stamp
        age = self.now - self.seen.stored if is_same and self.seen is not None else None
        return Held(age, left, left + frame.stale / 1000, tuple(tag for tag in frame.versions if tag))

    def _versions(self) -> tuple[TagVersion, ...]:
        if self.looked is None:
            return ()
        then = {} if self.looked.frame is None else self.looked.frame.versions
        tags = dict.fromkeys((*then, *self.looked.versions))
        return tuple(TagVersion(tag, _hex(then.get(tag)), _hex(self.looked.versions.get(tag))) for tag in tags)


def _by_time(left: float, window: float, layer: str, so_far: str) -> _Judged:
    if left > 0:
        return "fresh", layer, f"{so_far}fresh for {left:.1f} s more"
    return "stale", layer, f"{so_far}{_expired(left)}, given for {window + left:.1f} s more while it is renewed"


def _expired(left: float) -> str:
    return f"expired {-left:.1f} s ago"


def _why_untrue(versions: tuple[TagVersion, ...]) -> str:
    gone = [each for each in versions if not each.holds]
    if not gone:
        return "its bytes in Redis cannot be read here"
    if any(not each.tag for each in gone):
        return "everything was invalidated" if gone[0].now else "Redis has forgotten what it knew"
    names = ", ".join(each.tag for each in gone)
    deed = "invalidated" if any(each.now for each in gone) else "forgotten by Redis"
    return f"its tag {names} was {deed}" if len(gone) == 1 else f"its tags {names} were {deed}"


def _hex(version: bytes | None) -> str | None:
    return None if version is None else version.hex()
