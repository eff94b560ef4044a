"""What customers give."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody who has bought: `email` in small letters, name and document as they were given first."""

    id: int
    email: str
    name: str
    document: str
    created_at: datetime
