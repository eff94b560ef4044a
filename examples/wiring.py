"""What both example apps are made of: the shop, its API and its pages."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote

from mestres_core import Commerce, Config, configure_sqlite
from mestres_core.contrib import perf
from mestres_core.contrib.http import Api, Application, Reply, Request
from mestres_core.contrib.mail import MailFolder
from mestres_core.db.session import connect_arguments, normal_url
from mestres_core.providers.fake import FakeBoleto, FakeCard, FakePix, signed_event
from mestres_examples.layers import INNER, OUTER, surrounded
from mestres_examples.pages import Assets, Site
from mestres_examples.settings import Settings
from mestres_perf import Caches, Metrics, RateLimit, configure_logging, instrument
from mestres_perf.contrib.sqlalchemy import DatabaseReady, instrument_engine, make_engine
from mestres_perf.http import Vitals

A = TypeVar("A")
# Behind nginx on the same machine visitors are counted one by one, not as one client.
_VITALS = Vitals("/api/v1/vitals", trusted_proxies=("127.0.0.0/8", "::1", "unix"))
_log = logging.getLogger(__name__)
_PAGES = ("/", "/produtos", *(f"/busca?q={quote(words)}" for words in perf.COMMON_SEARCHES))


@dataclass(frozen=True, slots=True)
class Wiring:
    """The parts, for a framework to serve."""

    api: Api
    site: Site
    assets: Assets
    metrics: Metrics
    caches: Caches
    cached: bool

    @property
    def applications(self) -> Mapping[str, Application]:
        """Everything to be served, by name."""
        return {"api": self.api, "pages": self.site, "assets": self.assets}

    def instrument(self, app: A) -> A:
        """Surround the framework's application: it is counted and timed, compressed, limited, logged.

        It answers /metrics and /health/*, too.
        """
        inner = surrounded(app, INNER)
        ready = DatabaseReady(self.api.shop.engine)
        counted = instrument(inner, metrics=self.metrics, ready=ready, vitals=_VITALS)
        return surrounded(counted, OUTER)

    def not_found(self, method: str, path: str) -> Reply:
        """Answer for an address that no route knows: the API's way below its prefix, a page everywhere else."""
        request = Request(method, path)
        of_api = path.startswith(tuple(self.api.prefixes))
        return self.api.handle(request) if of_api else self.site.not_found(request)

    def warm(self) -> None:
        """Load what is asked for most, so that the first visitor finds it in the cache, if there is one."""
        if not self.cached:
            return
        warmer = perf.warmer(self.api, self.caches["default"])
        warmer.visit("pages", _PAGES, perf.visitor(self.site))
        for entry in warmer.warm().entries:
            for error in entry.errors:
                _log.warning("not warmed: %s: %s", entry.name, error)


def open_shop(settings: Settings) -> Commerce:
    """The shop, with stand-ins for payment providers, each behind a breaker."""
    # The stand-in is "down" for one token only, so its breaker need not hold everybody else back for long.
    providers = perf.guarded((FakeCard(), FakePix(), FakeBoleto()), reset_timeout=5)
    url = normal_url(settings.database_url)
    engine = make_engine(url, pool=settings.perf.pool, connect_args=connect_arguments(url))
    if engine.dialect.name == "sqlite":
        configure_sqlite(engine)
    notifier = MailFolder(settings.mail_dir) if settings.mail_dir else None
    config = Config(webhook_secret=settings.webhook_secret, providers=providers, notifier=notifier)
    shop = Commerce(engine, config)
    shop.migrate()
    return shop


def wire(shop: Commerce, settings: Settings) -> Wiring:
    """The API and the pages of this shop."""
    if settings.json_logs:
        configure_logging()
    metrics = Metrics()
    instrument_engine(shop.engine, metrics)
    metrics.watch_breaker(*(provider.breaker for provider in shop.config.providers if hasattr(provider, "breaker")))
    reads = None
    caches = perf.open_caches(settings.redis_url, settings.perf)
    if settings.cache:
        metrics.watch_cache(caches["default"])
        reads = perf.CachedReads(shop, caches["default"])
    limit = None
    if settings.rate_limit:  # one count for all processes, where there is a Redis
        limit = RateLimit(settings.rate_limit, redis=caches.redis("default"), name="api").acquire
    api = Api(shop, admin_token=settings.admin_token, reads=reads, limit=limit)

    def pay_pix(payment: Mapping[str, Any]) -> tuple[bytes, Mapping[str, str]]:
        return signed_event(
            key=payment["id"],
            kind="captured",
            amount=payment["amount"]["amount"],
            secret=settings.webhook_secret,
            now=datetime.now(UTC),
        )

    assets = Assets()
    pay = pay_pix if settings.demo else None
    site = Site(api, caches.sessions(cookie="sessao"), assets, pay, settings.admin_token)
    parts = Wiring(api, site, assets, metrics, caches, settings.cache)
    parts.warm()
    return parts
