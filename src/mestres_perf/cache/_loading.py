"""What a loader may say about the value that it is loading."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from typing import Any

from mestres_perf.cache._entry import MISS
from mestres_perf.errors import ConfigurationError


class Loading:
    """The load under way, for the loader that asks `loading()` for it.

    `ttl` in seconds, when it is not to be that of the options; `keep` is False for a value that is not to be
    remembered; `stale` is the value that is to be replaced, or MISS; `tag(...)` adds tags. In a batch loader all this
    is said of every key, and `of(key)` is for one of them.
    """

    __slots__ = ("added", "keep", "parts", "stale", "ttl")

    def __init__(self, stale: Any = MISS) -> None:
        self.ttl: float | None = None
        self.keep = True
        self.stale = stale
        self.added: dict[str, None] = {}
        self.parts: Mapping[Any, Loading] = {}

    def of(self, key: Any) -> Loading:
        """In a batch loader, what is said of one of its keys. Raises ConfigurationError for any other key."""
        try:
            return self.parts[key]
        except KeyError:
            raise ConfigurationError(f"{key!r} is none of the keys that this loader was given") from None

    def spread(self) -> None:
        """What was said of the whole batch holds for each key of which nothing else was said."""
        for part in self.parts.values():
            part.ttl = self.ttl if part.ttl is None else part.ttl
            part.keep = part.keep and self.keep
            part.added = {**self.added, **part.added}

    def tag(self, *tags: str) -> None:
        """Give the value more tags. Raises ConfigurationError."""
        self.added.update(dict.fromkeys(tags_of(tags)))


current: ContextVar[Loading | None] = ContextVar("mestres_perf_loading", default=None)


def loading() -> Loading:
    """The load that the caller is the loader of. Raises ConfigurationError outside a loader."""
    found = current.get()
    if found is None:
        raise ConfigurationError("loading() is for loaders, while a cache calls them")
    return found


def tags_of(tags: Iterable[str]) -> tuple[str, ...]:
    """Tags in order, each once. Raises ConfigurationError."""
    named = (tags,) if isinstance(tags, str) else tuple(dict.fromkeys(tags))
    for tag in named:
        if not isinstance(tag, str) or not tag or "\n" in tag:
            raise ConfigurationError(f"a tag is text without line breaks, not {tag!r}")
    return named
