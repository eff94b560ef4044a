"""What downloads give: frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Download:
    """A file that comes with a variant. `location` is the host's own name for it and is never shown to a buyer."""

    id: int
    sku: str
    name: str
    location: str
    most_downloads: int | None
    days: int | None


@dataclass(frozen=True, slots=True)
class DownloadGrant:
    """That a buyer may fetch a file: by `token`, `left` times more (None: no limit), until `expires_at`."""

    token: str
    order_number: str
    sku: str
    name: str
    left: int | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the host is to send now, and how often it may be asked for again."""

    name: str
    location: str
    left: int | None
