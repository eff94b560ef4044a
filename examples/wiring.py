"""What both example apps are made of: the API and the pages over one shop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mestres_core import Commerce
from mestres_core.contrib.http import Api, Application, Reply, Request
from mestres_core.providers.fake import signed_event
from mestres_examples.health import Health
from mestres_examples.pages import Site
from mestres_examples.settings import Settings


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


def wire(shop: Commerce, settings: Settings) -> Wiring:
    """The API and the pages of this shop."""
    api = Api(shop, admin_token=settings.admin_token)

    def pay_pix(payment: Mapping[str, Any]) -> tuple[bytes, Mapping[str, str]]:
        return signed_event(
            key=payment["id"],
            kind="captured",
            amount=payment["amount"]["amount"],
            secret=settings.webhook_secret,
            now=datetime.now(UTC),
        )

    return Wiring(api, Site(api, pay_pix if settings.demo else None), Health(shop))
