"""What search gives besides pages of products."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Something to look at or for: `kind` is product, category or query; `id` is a slug, or None for a query."""

    text: str
    kind: str
    id: str | None
