"""Where the two packages meet: a shop's reads through a `mestres_perf` cache, its payment providers behind breakers.

    cache = Cache("shop")
    api = Api(shop, reads=CachedReads(shop, cache))

What a document depends on is said by tags: `product:{id}`, `category:{id}`, `catalog` and `search`. After each commit
the shop's facts become invalidations of those tags, in the thread that committed and before its call returns: whoever
has seen a write succeed reads its result. Commits of other processes reach this one only through the cache's backplane.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from mestres_core.commerce import Commerce
from mestres_core.contrib.http import Document
from mestres_core.events.facts import Fact, ProductChanged, StockChanged
from mestres_core.typing import PaymentEvent, PaymentProvider, PaymentRequest, RefundRequest
from mestres_perf import Cache, CircuitBreaker

# Documents leave by invalidation; the time only bounds what a lost message from another process could do.
_TTL = 300.0


class CachedReads:
    """The catalogue's documents through a cache, for `Api(shop, reads=...)`."""

    def __init__(self, shop: Commerce, cache: Cache, *, ttl: float = _TTL) -> None:
        self._cache = cache
        self._ttl = ttl
        shop.on_committed(self._forget)

    def fetch(self, key: str, tags: Sequence[str], load: Callable[[], Document]) -> tuple[Document, str | None]:
        """The document, and `hit` or `miss`."""
        state = "hit"

        def loader() -> list[str]:
            nonlocal state
            state = "miss"
            document = load()
            return [document.text, document.etag]

        text, etag = self._cache.get_or_load(key, loader, ttl=self._ttl, tags=list(tags))
        return Document(text, etag), state

    def _forget(self, facts: Sequence[Fact]) -> None:
        tags = tags_of(facts)
        if tags:
            self._cache.invalidate_tags(*sorted(tags))


def tags_of(facts: Iterable[Fact]) -> set[str]:
    """The tags of everything that these facts may have made untrue."""
    tags: set[str] = set()
    for fact in facts:
        match fact:
            case ProductChanged(product_id=product, category_id=category):
                tags |= {f"product:{product}", "catalog", "search"}
                if category is not None:
                    tags.add(f"category:{category}")
            case StockChanged(product_id=product, availability_flipped=flipped):
                tags.add(f"product:{product}")
                if flipped:
                    tags |= {"catalog", "search"}
    return tags


class GuardedProvider:
    """A payment provider behind a circuit breaker.

    While the breaker is open a charge fails at once instead of waiting for a provider that does not answer. To the shop
    that is a charge without a clear answer, as any other failure: the order stays pending, and `shop.recover()` finds
    out that the provider never heard of it.
    """

    def __init__(self, provider: PaymentProvider, breaker: CircuitBreaker) -> None:
        self.name = provider.name
        self.methods = provider.methods
        self.breaker = breaker
        self._provider = provider

    def charge(self, request: PaymentRequest) -> PaymentEvent:
        """Charge through the breaker. A declined card is an answer, not a failure. Raises CircuitOpenError."""
        return self.breaker.call(self._provider.charge, request)

    def capture(self, key: str) -> PaymentEvent:
        """Capture through the breaker. Raises CircuitOpenError."""
        return self.breaker.call(self._provider.capture, key)

    def refund(self, request: RefundRequest) -> PaymentEvent:
        """Refund through the breaker. Raises CircuitOpenError: the refund stays pending and is asked for again."""
        return self.breaker.call(self._provider.refund, request)

    def lookup(self, key: str) -> PaymentEvent | None:
        """What became of a charge; asking is not held back by the breaker, or nothing would ever be found out."""
        return self._provider.lookup(key)

    def read_event(self, *, body: bytes, headers: Mapping[str, str], secret: str, now: datetime) -> PaymentEvent:
        """Read a webhook: what the provider sends by itself needs no breaker."""
        return self._provider.read_event(body=body, headers=headers, secret=secret, now=now)


def guarded(
    providers: Iterable[PaymentProvider], *, failure_threshold: int = 5, reset_timeout: float = 60.0
) -> tuple[PaymentProvider, ...]:
    """Each provider behind a breaker of its own."""
    return tuple(
        GuardedProvider(
            provider,
            CircuitBreaker(
                f"payments.{provider.name}", failure_threshold=failure_threshold, reset_timeout=reset_timeout
            ),
        )
        for provider in providers
    )
