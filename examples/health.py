"""Whether the shop is alive, and whether it may be used."""

from __future__ import annotations

from collections.abc import Sequence

from mestres_core import Commerce
from mestres_core.contrib.http import Reply, Request

_TEXT = (("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store"))


class Health:
    """`/health/live`: this process answers. `/health/ready`: so does its database."""

    prefix = ""

    def __init__(self, shop: Commerce) -> None:
        self._shop = shop

    @property
    def templates(self) -> Sequence[str]:
        """The two addresses."""
        return ("/health/live", "/health/ready")

    def handle(self, request: Request) -> Reply:
        """Answer with 200 or 503."""
        if request.method not in ("GET", "HEAD"):
            return Reply(405, b"", (*_TEXT, ("Allow", "GET, HEAD")))
        up = request.path == "/health/live" or self._is_ready()
        body = b"" if request.method == "HEAD" else b"ok\n" if up else b"not ready\n"
        return Reply(200 if up else 503, body, _TEXT)

    def _is_ready(self) -> bool:
        try:
            self._shop.catalog.list(per_page=1, count=False)
        except Exception:  # noqa: BLE001 - whatever it is, the shop cannot be used now
            return False
        return True
