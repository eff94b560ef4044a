"""One answer of the middleware's own."""

from __future__ import annotations

from typing import NamedTuple


class Page(NamedTuple):
    """Status, content type and body (both empty where there is none), and further headers."""

    status: int
    kind: str = ""
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def all_headers(self) -> list[tuple[str, str]]:
        """What is sent with it."""
        headers = [*self.headers, ("Cache-Control", "no-store")]
        if self.kind:
            headers += [("Content-Type", self.kind), ("Content-Length", str(len(self.body)))]
        return headers
