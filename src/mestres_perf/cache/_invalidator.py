"""From what has happened to the tags that it makes untrue."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Callable, Collection, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from mestres_perf.cache._cache import Cache
from mestres_perf.cache._loading import tags_of
from mestres_perf.cache._options import seconds
from mestres_perf.errors import BackendUnavailable

Rule = Callable[[Any], Iterable[str]]
_NOT_TOLD = "Redis could not be told of an invalidation; deliver it again"


class CacheInvalidator:
    """Invalidates caches when something has happened.

        invalidator = CacheInvalidator(cache, rules={PriceChanged: lambda fact: [f"product:{fact.sku}"]})
        invalidator.tell(PriceChanged("A1"))
        invalidator.product(7, category=2)

    `rules` gives the tags of each kind of fact: its class, or for a mapping its `type`. A fact without a rule makes
    nothing untrue. Tell it what is committed, never what may still be rolled back. The methods with an `a` in front are
    for async code.

    With `debounce`, in seconds, what is told within so long of the first is one invalidation at its end, in one round
    trip to Redis: until then old values are still given out. `deliver` never waits. A program that ends waits for what
    is pending; one that is killed does not, and what it had pending is lost.
    """

    def __init__(
        self, *caches: Cache, rules: Mapping[type | str, Rule] | None = None, debounce: float | None = None
    ) -> None:
        """Raises ConfigurationError for a debounce that is no number above zero."""
        self._caches = caches
        self._rules = dict(rules or {})
        self._pending = None if debounce is None else Pending(seconds("debounce", debounce), self._invalidate)

    def tags_of(self, *facts: Any) -> set[str]:
        """The tags of everything that these facts may have made untrue."""
        return {tag for fact in facts for tag in self._rule(fact)(fact)}

    def tell(self, *facts: Any) -> None:
        """Invalidate. While Redis does not answer, this process makes up for it before it reads from Redis again."""
        self.invalidate(*self.tags_of(*facts))

    def deliver(self, fact: Any) -> None:
        """`tell` for a queue that tries again: raises BackendUnavailable when Redis could not be told.

        With it no crash leaves Redis untrue, as long as whatever calls this keeps the fact until it returns.
        """
        self._invalidate(self.tags_of(fact))
        if not all(cache.settle() for cache in self._caches):
            raise BackendUnavailable(_NOT_TOLD)

    def invalidate(self, *tags: str) -> None:
        """Every value with one of these tags is forgotten, in every cache."""
        if self._pending is None:
            self._invalidate(tags)
        else:
            self._pending.add(tags_of(tags))

    async def atell(self, *facts: Any) -> None:
        """`tell` for async code."""
        await self.ainvalidate(*self.tags_of(*facts))

    async def adeliver(self, fact: Any) -> None:
        """`deliver` for async code."""
        await self._ainvalidate(self.tags_of(fact))
        if not all([await cache.asettle() for cache in self._caches]):
            raise BackendUnavailable(_NOT_TOLD)

    async def ainvalidate(self, *tags: str) -> None:
        """`invalidate` for async code."""
        if self._pending is None:
            await self._ainvalidate(tags)
        else:
            self._pending.add(tags_of(tags))

    def flush(self) -> None:
        """Invalidate what is pending now; what was told before is done when this returns."""
        if self._pending is not None:
            self._pending.flush()

    async def aflush(self) -> None:
        """`flush` for async code: it runs in a thread, as a debounced invalidation does."""
        await asyncio.to_thread(self.flush)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.flush()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.aflush()

    def _invalidate(self, tags: Collection[str]) -> None:
        if tags:
            for cache in self._caches:
                cache.invalidate_tags(*sorted(tags))

    async def _ainvalidate(self, tags: Collection[str]) -> None:
        if tags:
            for cache in self._caches:
                await cache.ainvalidate_tags(*sorted(tags))

    def product(self, product: object, *, category: object = None) -> None:
        """A product has changed: its own page, its category, the lists and the searches."""
        self.invalidate(*self.product_tags(product, category=category))

    def category(self, category: object) -> None:
        """A category has changed: its page, and the lists."""
        self.invalidate(*self.category_tags(category))

    def user(self, user: object) -> None:
        """A user has changed: whatever is his, and the list of his orders."""
        self.invalidate(*self.user_tags(user))

    def cart(self, cart: object) -> None:
        """A cart has changed."""
        self.invalidate(*self.cart_tags(cart))

    def order(self, order: object, *, customer: object = None) -> None:
        """An order has changed: its own page, and its customer's list."""
        self.invalidate(*self.order_tags(order, customer=customer))

    async def aproduct(self, product: object, *, category: object = None) -> None:
        """`product` for async code."""
        await self.ainvalidate(*self.product_tags(product, category=category))

    async def acategory(self, category: object) -> None:
        """`category` for async code."""
        await self.ainvalidate(*self.category_tags(category))

    async def auser(self, user: object) -> None:
        """`user` for async code."""
        await self.ainvalidate(*self.user_tags(user))

    async def acart(self, cart: object) -> None:
        """`cart` for async code."""
        await self.ainvalidate(*self.cart_tags(cart))

    async def aorder(self, order: object, *, customer: object = None) -> None:
        """`order` for async code."""
        await self.ainvalidate(*self.order_tags(order, customer=customer))

    @staticmethod
    def product_tags(product: object, *, category: object = None) -> set[str]:
        """What a changed product makes untrue."""
        own = {f"product:{product}", "catalog", "search"}
        return own if category is None else own | {f"category:{category}"}

    @staticmethod
    def category_tags(category: object) -> set[str]:
        """What a changed category makes untrue."""
        return {f"category:{category}", "catalog"}

    @staticmethod
    def user_tags(user: object) -> set[str]:
        """What a changed user makes untrue."""
        return {f"user:{user}", f"orders:{user}"}

    @staticmethod
    def cart_tags(cart: object) -> set[str]:
        """What a changed cart makes untrue."""
        return {f"cart:{cart}"}

    @staticmethod
    def order_tags(order: object, *, customer: object = None) -> set[str]:
        """What a changed order makes untrue."""
        own = {f"order:{order}"}
        return own if customer is None else own | {f"orders:{customer}"}

    def _rule(self, fact: Any) -> Rule:
        if isinstance(fact, Mapping):
            return self._rules.get(fact.get("type", ""), _nothing)
        for kind in type(fact).__mro__:
            if kind in self._rules:
                return self._rules[kind]
        return self._rules.get(type(fact).__name__, _nothing)


class Pending:
    """Tags that wait: `delay` seconds after the first has come all go to `invalidate` together, in a thread.

    Invariant: when `flush` returns, whatever was added before it was called has been invalidated. After a fork the
    child begins the wait anew: its memory is its own.
    """

    def __init__(self, delay: float, invalidate: Callable[[Collection[str]], None]) -> None:
        self._delay = delay
        self._invalidate = invalidate
        self._tags: set[str] = set()
        self._timer: threading.Timer | None = None
        self._locks()
        itself = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _begin_anew(itself))

    def add(self, tags: Iterable[str]) -> None:
        """Within `delay` seconds these will be invalidated."""
        with self._lock:
            self._tags.update(tags)
            if self._tags and self._timer is None:
                self._timer = threading.Timer(self._delay, self.flush)
                self._timer.name = "mestres-debounce"
                self._timer.start()

    def flush(self) -> None:
        """Invalidate them now."""
        with self._flushing:  # whoever comes second waits for what the first has taken
            with self._lock:
                tags, self._tags = self._tags, set()
                timer, self._timer = self._timer, None
            if timer is not None:
                timer.cancel()
            self._invalidate(tags)

    def begin_anew(self) -> None:
        """In a child: no lock is held, no timer runs."""
        self._locks()
        self.add(())

    def _locks(self) -> None:
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._timer = None


def _begin_anew(pending: weakref.ref[Pending]) -> None:
    known = pending()
    if known is not None:
        known.begin_anew()


def _nothing(_fact: Any) -> Iterable[str]:
    return ()
