"""What both example apps are made of: the shop, its API and its pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mestres_core import Commerce
from mestres_core.contrib import perf
from mestres_core.contrib.http import Api, Application, Reads, Reply, Request
from mestres_core.providers.fake import FakeCard, FakePix, signed_event
from mestres_examples.health import Health
from mestres_examples.pages import Site
from mestres_examples.settings import Settings
from mestres_perf import Cache, Redis

_COMMON = ("/", "/produtos", "/api/v1/products", "/api/v1/categories")


@dataclass(frozen=True, slots=True)
class Wiring:
    """The parts, for a framework to serve."""

    api: Api
    site: Site
    health: Health

    @property
    def applications(self) -> Mapping[str, Application]:
        """Everything to be served, by name."""
        return {"api": self.api, "pages": self.site, "health": self.health}

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
    """The shop, with stand-ins for payment providers."""
    # The stand-in is "down" for one token only, so its breaker need not hold everybody else back for long.
    providers = perf.guarded((FakeCard(), FakePix()), reset_timeout=5)
    return Commerce.open(settings.database_url, webhook_secret=settings.webhook_secret, providers=providers)


def wire(shop: Commerce, settings: Settings) -> Wiring:
    """The API and the pages of this shop."""
    api = Api(shop, admin_token=settings.admin_token, reads=_cached(shop, settings))

    def pay_pix(payment: Mapping[str, Any]) -> tuple[bytes, Mapping[str, str]]:
        return signed_event(
            key=payment["id"],
            kind="captured",
            amount=payment["amount"]["amount"],
            secret=settings.webhook_secret,
            now=datetime.now(UTC),
        )

    parts = Wiring(api, Site(api, pay_pix if settings.demo else None), Health(shop))
    parts.warm()
    return parts


def _cached(shop: Commerce, settings: Settings) -> Reads | None:
    if not settings.cache:
        return None
    redis = Redis(settings.redis_url) if settings.redis_url else None
    return perf.CachedReads(shop, Cache("shop", redis=redis))
