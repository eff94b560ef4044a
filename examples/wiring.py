"""What both example apps are made of: the shop, its API and its pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from mestres_core import Commerce
from mestres_core.contrib import perf
from mestres_core.contrib.http import Api, Application, Reply, Request
from mestres_core.providers.fake import FakeCard, FakePix, signed_event
from mestres_examples.pages import Site
from mestres_examples.settings import Settings
from mestres_perf import Cache, Metrics, RateLimit, Redis, instrument
from mestres_perf.contrib.sqlalchemy import instrument_engine

A = TypeVar("A")
_COMMON = ("/", "/produtos", "/api/v1/products", "/api/v1/categories")


@dataclass(frozen=True, slots=True)
class Wiring:
    """The parts, for a framework to serve."""

    api: Api
    site: Site
    metrics: Metrics

    @property
    def applications(self) -> Mapping[str, Application]:
        """Everything to be served, by name."""
        return {"api": self.api, "pages": self.site}

    def instrument(self, app: A) -> A:
        """Count and time the framework's application, and have it answer /metrics and /health/*."""
        return instrument(app, metrics=self.metrics, ready=self.is_ready, vitals=f"{self.api.prefix}/vitals")

    def is_ready(self) -> bool:
        """Whether the shop may be used: its database answers."""
        self.api.shop.catalog.featured(limit=1)
        return True

    def not_found(self, method: str, path: str) -> Reply:
        """Answer for an address that no route knows: the API's way below its prefix, a page everywhere else."""
        request = Request(method, path)
        return self.api.handle(request) if path.startswith(self.api.prefix) else self.site.not_found(request)

    def warm(self) -> None:
        """Ask for what is asked for most, so that the first visitor finds it in the cache."""
        for path in _COMMON:
            (self.api if path.startswith(self.api.prefix) else self.site).handle(Request("GET", path))
        for card in self.api.shop.catalog.featured():
            self.api.handle(Request("GET", f"{self.api.prefix}/products/{card.slug}"))


def open_shop(settings: Settings) -> Commerce:
    """The shop, with stand-ins for payment providers, each behind a breaker."""
    # The stand-in is "down" for one token only, so its breaker need not hold everybody else back for long.
    providers = perf.guarded((FakeCard(), FakePix()), reset_timeout=5)
    return Commerce.open(settings.database_url, webhook_secret=settings.webhook_secret, providers=providers)


def wire(shop: Commerce, settings: Settings) -> Wiring:
    """The API and the pages of this shop."""
    metrics = Metrics()
    instrument_engine(shop.engine, metrics)
    metrics.watch_breaker(*(provider.breaker for provider in shop.config.providers if hasattr(provider, "breaker")))
    reads = None
    if settings.cache:
        cache = Cache("shop", redis=Redis(settings.redis_url) if settings.redis_url else None)
        metrics.watch_cache(cache)
        reads = perf.CachedReads(shop, cache)
    limit = RateLimit(settings.rate_limit).acquire if settings.rate_limit else None
    api = Api(shop, admin_token=settings.admin_token, reads=reads, limit=limit)

    def pay_pix(payment: Mapping[str, Any]) -> tuple[bytes, Mapping[str, str]]:
        return signed_event(
            key=payment["id"],
            kind="captured",
            amount=payment["amount"]["amount"],
            secret=settings.webhook_secret,
            now=datetime.now(UTC),
        )

    parts = Wiring(api, Site(api, pay_pix if settings.demo else None), metrics)
    parts.warm()
    return parts
