"""From what has happened to the tags that it makes untrue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mestres_perf.cache._cache import Cache
from mestres_perf.errors import BackendUnavailable

Rule = Callable[[Any], Iterable[str]]


class CacheInvalidator:
    """Invalidates caches when something has happened.

        invalidator = CacheInvalidator(cache, rules={PriceChanged: lambda fact: [f"product:{fact.sku}"]})
        invalidator.tell(PriceChanged("A1"))
        invalidator.product(7, category=2)

    `rules` gives the tags of each kind of fact: its class, or for a mapping its `type`. A fact without a rule makes
    nothing untrue. Tell it what is committed, never what may still be rolled back.
    """

    def __init__(self, *caches: Cache, rules: Mapping[type | str, Rule] | None = None) -> None:
        self._caches = caches
        self._rules = dict(rules or {})

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
        self.tell(fact)
        if not all(cache.settle() for cache in self._caches):
            raise BackendUnavailable("Redis could not be told of an invalidation; deliver it again")

    def invalidate(self, *tags: str) -> None:
        """Every value with one of these tags is forgotten, in every cache."""
        if tags:
            for cache in self._caches:
                cache.invalidate_tags(*sorted(tags))

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


def _nothing(_fact: Any) -> Iterable[str]:
    return ()
