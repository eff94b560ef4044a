"""Where the two packages meet: a shop's reads through a `mestres_perf` cache, its payment providers behind breakers.

    cache = open_cache("redis://localhost:6379/0")
    cached = with_cache(shop, cache)
    cached.catalog.get("cafe-cerrado")

    api = Api(shop, reads=CachedReads(shop, cache))

What a document depends on is said by tags: `product:{id}`, `category:{id}`, `catalog`, `search`, `cart:{id}`,
`order:{number}` and `orders:{customer}`. The shop's facts become invalidations of those tags twice:

- after each commit, in the thread that committed and before its call returns: whoever has seen a write succeed reads
  its result, and what is rolled back invalidates nothing. The commit of a host's own session counts as well;
- by `shop.relay()`, from the outbox: a process that dies right after its commit, or a Redis that is away just then,
  leaves nothing untrue in Redis for longer than the relay takes.

Whoever calls `shop.relay()` needs `keep_true(shop, cache)` (or CachedReads), on the same Redis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import is_dataclass, replace
from datetime import datetime
from functools import partial
from http import HTTPStatus
from types import ModuleType
from typing import Any, cast
from urllib.parse import quote, unquote

from mestres_core.catalog import dto as catalog_dto
from mestres_core.catalog.service import CatalogService
from mestres_core.commerce import Commerce
from mestres_core.contrib.http import Api, Application, Document, Request
from mestres_core.events.facts import (
    CartChanged,
    CatalogChanged,
    CustomerChanged,
    CustomerErased,
    Fact,
    OrderChanged,
    ProductChanged,
    ReviewChanged,
    StockChanged,
    StockLow,
)
from mestres_core.search import dto as search_dto
from mestres_core.search.service import SearchService
from mestres_core.typing import PaymentEvent, PaymentProvider, PaymentRequest, RefundRequest
from mestres_perf import (
    BackendUnavailable,
    Cache,
    CacheInvalidator,
    Caches,
    CacheWarmer,
    CircuitBreaker,
    Redis,
    Settings,
    WarmReport,
)

# Documents leave by invalidation; the time only bounds what a lost message from another process could do.
_TTL = 300.0
_PREFIX = "shop."
_PATIENCE = 2.0
_NO_TRUST = 1e-9
COMMON_SEARCHES = ("café", "premium", "especial", "arábica")
_loads: ContextVar[list[str]] = ContextVar("mestres_loads")
"""The keys that had to be loaded, for whoever wants to know what a request cost."""


def _dataclasses(*modules: ModuleType) -> tuple[type, ...]:
    found = [each for module in modules for each in vars(module).values() if isinstance(each, type)]
    return tuple(dict.fromkeys(each for each in found if is_dataclass(each)))


TYPES = _dataclasses(catalog_dto, search_dto)
"""What the read services return: `Cache(..., redis=..., types=TYPES)` lets it through Redis."""


def open_cache(redis_url: str = "", *, name: str = "shop", exact: bool = True, **options: Any) -> Cache:
    """A cache for `with_cache`; without an address it lives in this process' memory, and is for one process.

    With `exact` every read asks Redis whether what memory holds is still true, which is one round trip: no read that
    begins after a commit has returned shows what was before it, in whatever process. Without it reads cost nothing,
    and another process' changes are heard within milliseconds. `options` are those of `Cache`.
    """
    settled: dict[str, Any] = {"types": TYPES, "ttl": _TTL, **options}
    if not redis_url:
        return Cache(name, **settled)
    if exact:
        settled = {"backplane": False, "trust": _NO_TRUST, **settled}
    return Cache(name, redis=Redis(redis_url, timeout=_PATIENCE), **settled)


def with_cache(shop: Commerce, cache: Cache) -> CachedShop:
    """The shop, its catalogue and searches read through `cache`; see CachedShop. `keep_true` is called for it."""
    return CachedShop(shop, cache)


class CachedShop:
    """A shop whose reads answer through a cache. Everything that is not named here is the shop's own.

    Cached are `catalog.get`, `list`, `featured`, `categories` and `search.products`, `suggest`, each by its arguments.
    Inside a transaction (`transaction()`, `on(session)`) nothing is: there a caller sees what it has written itself.
    """

    def __init__(self, shop: Commerce, cache: Cache) -> None:
        self.shop = shop
        self.cache = cache
        self.invalidator = keep_true(shop, cache)
        self.catalog: CatalogService = cast("Any", _CachedCatalog(shop, cache))
        self.search: SearchService = cast("Any", _CachedService("search", shop, cache, _SEARCHES))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.shop, name)

    def warm(self, *, featured: int = 50, searches: Sequence[str] = COMMON_SEARCHES) -> int:
        """Load what is asked for most: the category tree, the first list, featured products, common searches.

        Returns how many documents there are. Call it at start; what is there already is not loaded again.
        """
        self.catalog.categories()
        self.catalog.list()
        cards = self.catalog.featured(limit=featured)
        for card in cards:
            self.catalog.get(card.id)
        for words in searches:
            self.search.products(words)
        return 3 + len(cards) + len(searches)


class _CachedService:
    """A service of the shop; `tags` names its cached methods, and what makes each untrue."""

    def __init__(self, name: str, shop: Commerce, cache: Cache, tags: Mapping[str, tuple[str, ...]]) -> None:
        self._name = name
        self._service = getattr(shop, name)
        self._cache = cache
        self._tags = tags

    def __getattr__(self, method: str) -> Any:
        call = getattr(self._service, method)
        if method in self._tags:
            call = partial(self._read, method, call)
            setattr(self, method, call)
        return call

    def _read(self, method: str, call: Callable[..., Any], /, *arguments: Any, **named: Any) -> Any:
        try:
            key = (
                self._name,
                method,
                *map(_keyed, arguments),
                *((each, _keyed(named[each])) for each in sorted(named)),
            )
            hash(key)
        except TypeError:  # not to be told from others: the service says what is wrong with it
            return call(*arguments, **named)
        return self._cache.get_or_load(key, partial(call, *arguments, **named), tags=self._tags[method])


class _CachedCatalog(_CachedService):
    def __init__(self, shop: Commerce, cache: Cache) -> None:
        super().__init__("catalog", shop, cache, _LISTS)

    def get(self, id_or_slug: Any, **named: Any) -> Any:
        """A product by its number: under its own tag. By its slug: which number that is may change with any product."""
        load = partial(self._service.get, id_or_slug, **named)
        if type(id_or_slug) is str and id_or_slug:
            number: tuple[Any, ...] = ("catalog", "number", id_or_slug, *sorted(named.items()))
            return self.get(self._cache.get_or_load(number, lambda: load().card.id, tags=("catalog",)), **named)
        if type(id_or_slug) is not int:
            return load()
        key: tuple[Any, ...] = ("catalog", "get", id_or_slug, *sorted(named.items()))
        return self._cache.get_or_load(key, load, tags=(f"product:{id_or_slug}", "products"))


def _keyed(value: Any) -> Any:
    """An argument as a part of a key: containers by what is in them."""
    if isinstance(value, Mapping):
        return ("mapping", *((each, _keyed(value[each])) for each in sorted(value)))
    if isinstance(value, list | tuple):
        return ("list", *map(_keyed, value))
    return value


_LISTS = dict.fromkeys(("list", "featured", "categories"), ("catalog",))
_SEARCHES = dict.fromkeys(("products", "suggest"), ("search", "catalog"))


class CachedReads:
    """The catalogue's documents through a cache, for `Api(shop, reads=...)`."""

    def __init__(self, shop: Commerce, cache: Cache, *, ttl: float = _TTL) -> None:
        self._cache = cache
        self._ttl = ttl
        self.invalidator = keep_true(shop, cache)

    def fetch(self, key: str, tags: Sequence[str], load: Callable[[], Document]) -> tuple[Document, str | None]:
        """The document, and `hit` or `miss`."""
        state = "hit"

        def loader() -> list[str]:
            nonlocal state
            state = "miss"
            _loads.get([]).append(key)
            document = load()
            return [document.text, document.etag]

        text, etag = self._cache.get_or_load(key, loader, ttl=self._ttl, tags=list(tags))
        return Document(text, etag), state


def keep_true(shop: Commerce, *caches: Cache) -> CacheInvalidator:
    """Have what the shop commits invalidate these caches: at once, and again by whoever relays the outbox."""
    invalidator = CacheInvalidator(*caches, rules=_RULES)
    shop.on_committed(lambda facts: invalidator.tell(*facts))
    shop.subscribe(invalidator.deliver)
    return invalidator


def _product_changed(fact: ProductChanged) -> Iterable[str]:
    return CacheInvalidator.product_tags(fact.product_id, category=fact.category_id)


def _stock_changed(fact: StockChanged) -> Iterable[str]:
    # Lists show whether there is any; only a product's own page says how many.
    return {f"product:{fact.product_id}"} | ({"catalog", "search"} if fact.availability_flipped else set())


def _order_changed(fact: OrderChanged) -> Iterable[str]:
    return CacheInvalidator.order_tags(fact.number, customer=fact.customer_id)


_RULES: Mapping[type | str, Callable[[Any], Iterable[str]]] = {
    ProductChanged: _product_changed,
    CatalogChanged: lambda _fact: {"catalog", "products", "search"},
    StockChanged: _stock_changed,
    StockLow: lambda _fact: (),  # every change of pieces is a StockChanged, too
    CartChanged: lambda fact: CacheInvalidator.cart_tags(fact.cart_id),
    OrderChanged: _order_changed,
    CustomerChanged: lambda fact: {f"orders:{fact.customer_id}"},
    CustomerErased: lambda fact: {f"orders:{fact.customer_id}"},
    ReviewChanged: lambda fact: {f"product:{fact.product_id}", "catalog", "search"},  # lists show stars, too
}


def tags_of(facts: Iterable[Fact]) -> set[str]:
    """The tags of everything that these facts may have made untrue."""
    return CacheInvalidator(rules=_RULES).tags_of(*facts)


def open_caches(redis_url: str = "", settings: Settings | None = None) -> Caches:
    """The shop's named caches: every process that opens them on one Redis shares what they hold.

    `caches["default"]` is for `CachedReads`. Without an address, here or in the settings, they live in memory.
    """
    return Caches(redis_url, settings=settings, prefix=_PREFIX)


def warmer(
    api: Api, cache: Cache, *, featured: int = 50, searches: Sequence[str] = COMMON_SEARCHES, concurrency: int = 4
) -> CacheWarmer:
    """What is asked for most, declared: the featured products, the category tree, the first list, common searches.

    The cache is filled by asking the API, which reads through it. More can be added with `visit` and `visitor`.
    """
    declared = CacheWarmer(cache, concurrency=concurrency)
    visit, root = visitor(api), api.prefixes[0]

    def products() -> list[str]:
        return [f"{root}/products/{card.slug}" for card in api.shop.catalog.featured(limit=featured)]

    declared.visit("featured products", products, visit)
    declared.visit("category tree", [f"{root}/categories"], visit)
    declared.visit("product list", [f"{root}/products"], visit)
    declared.visit("common searches", [f"{root}/products?search={quote(words)}" for words in searches], visit)
    return declared


def visitor(application: Application) -> Callable[[str], bool]:
    """A function that requests an address of the application, and says whether the cache had to load for it."""

    def visit(address: str) -> bool:
        path, _, query = address.partition("?")
        loads: list[str] = []
        token = _loads.set(loads)
        try:
            reply = application.handle(Request("GET", unquote(path), query))
        finally:
            _loads.reset(token)
        if reply.status >= HTTPStatus.BAD_REQUEST:
            raise RuntimeError(f"{address} answered {reply.status}")
        return bool(loads)

    return visit


def warm_shared(shop: Commerce, *, redis_url: str = "", progress: bool = False) -> WarmReport:
    """Fill the Redis of running applications from outside of them; the address is MESTRES_REDIS_URL if not given.

    Raises ValueError when there is no address or a setting is wrong, ConnectionError when Redis does not answer.
    """
    given = Settings.from_environment()
    # Nobody waits for this as a visitor does: what takes long is still stored.
    settings = replace(given, redis=replace(given.redis, timeout=max(_PATIENCE, given.redis.timeout)))
    with open_caches(redis_url, settings) as caches:
        client = caches.redis("default")
        if client is None:
            raise ValueError("there is no Redis: set MESTRES_REDIS_URL; a cache in another process's memory is its own")
        try:
            client.ping()
            cache = caches["default"]
            report = warmer(Api(shop, reads=CachedReads(shop, cache)), cache).warm(progress)
            client.ping()  # without it what was loaded last has gone nowhere
        except BackendUnavailable as error:
            raise ConnectionError(str(error)) from error
        finally:
            client.close()
        return report


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

    def __getattr__(self, name: str) -> Any:
        """What only some providers have: parts and voids through the breaker, the rest as it is."""
        if name.startswith("_"):
            raise AttributeError(name)
        found = getattr(self._provider, name)
        return partial(self.breaker.call, found) if name in ("capture_part", "void") else found

    def lookup(self, key: str) -> PaymentEvent | None:
        """What became of a charge; asking is not held back by the breaker, or nothing would ever be found out."""
        return self._provider.lookup(key)

    def read_event(self, *, body: bytes, headers: Mapping[str, str], secret: str, now: datetime) -> PaymentEvent | None:
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
