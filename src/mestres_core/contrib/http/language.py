"""Which of the two languages a client reads."""

from __future__ import annotations

from functools import lru_cache

DEFAULT = "pt-BR"


@lru_cache(maxsize=256)
def negotiate(accept_language: str) -> str:
    """`pt-BR` or `en`: the one that Accept-Language (RFC 9110, section 12.5.4) prefers, else `pt-BR`."""
    best, best_quality = DEFAULT, 0.0
    for entry in accept_language.split(","):
        tag, _, parameters = entry.partition(";")
        locale = {"pt": "pt-BR", "en": "en"}.get(tag.strip().lower().split("-")[0])
        quality = _quality(parameters)
        if locale is not None and quality > best_quality:
            best, best_quality = locale, quality
    return best


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0
