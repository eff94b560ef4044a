"""What search gives besides pages of products."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Something to look at or for: `kind` is product, category or query; `id` is a slug, or None for a query."""

    text: str
    kind: str
    id: str | None


@dataclass(frozen=True, slots=True)
class AskedQuery:
    """A query of the log: `query` are its folded words, `text` is how it was typed last.

    `unanswered` counts the times when no product had what was typed; `results` is how many had it the last time.
    """

    query: str
    text: str
    asked: int
    unanswered: int
    results: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What a check of the index found: the numbers of products whose index is not that of their texts.

    `missing_words` are words of products that no mistyped word could be put right by; `document_index` is whether the
    database's own full-text index agrees with the products.
    """

    products: int
    stale: tuple[int, ...]
    missing_words: tuple[str, ...]
    document_index: bool

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not self.stale and not self.missing_words and self.document_index
