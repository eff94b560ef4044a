"""Which calls were the hottest, kept from one life of a process to the next, in a file or in the cache's own Redis."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from mestres_perf.cache._cache import Cache
from mestres_perf.cache._decorate import Cached
from mestres_perf.cache._entry import MISS
from mestres_perf.cache._keys import prefix_of
from mestres_perf.errors import ConfigurationError

Call = tuple[tuple[Any, ...], dict[str, Any]]
_KEY = "mestres_perf hot calls"
_LIFE = 30 * 24 * 3600.0
_AS_THEY_ARE = (str, int, float, bool, type(None))
_WORDS: dict[type, tuple[Callable[[Any], str], Callable[[str], Any]]] = {
    Decimal: (str, Decimal),
    UUID: (str, UUID),
    date: (date.isoformat, date.fromisoformat),
    datetime: (datetime.isoformat, datetime.fromisoformat),
}
_READ = {kind.__name__: read for kind, (_, read) in _WORDS.items()}


class HotCalls:
    """The hottest calls of some decorated functions; each function's are kept under its own name."""

    def __init__(self, cache: Cache, file: Path | None) -> None:
        self._cache = cache
        self._file = file
        self._followed: dict[str, tuple[Cached[Any, Any], int]] = {}

    def follow(self, function: Cached[Any, Any], most: int) -> tuple[str, Callable[[], list[Call]]]:
        """The function's name here, and what reads its calls of the last life. Raises ConfigurationError."""
        if not hasattr(function, "hottest") or not hasattr(function, "uncached"):
            raise ConfigurationError(f"hot calls are those of a function that is decorated, not of {function!r}")
        if type(most) is not int or most < 1:
            raise ConfigurationError(f"most must be a whole number of at least 1, not {most!r}")
        if self._file is None and self._cache.core.shared is None:
            raise ConfigurationError("hot calls need a place: CacheWarmer(cache, file=...), or a cache with Redis")
        name = prefix_of(function)
        self._followed[name] = (function, most)
        return name, lambda: self._read().get(name, [])[:most]

    def save(self) -> int:
        """Write down which they are now; returns how many. Raises OSError, ConfigurationError."""
        if not self._followed:
            raise ConfigurationError("there is nothing to save: declare functions with hot()")
        now = {name: function.hottest(most) for name, (function, most) in self._followed.items()}
        calls = self._read_if_any() | {name: kept for name, found in now.items() if (kept := _kept(found))}
        text = json.dumps({name: [_packed(call) for call in of] for name, of in calls.items()})
        if self._file is None:
            self._cache.set(_KEY, text, ttl=_LIFE)
        else:
            _replace(self._file, text)
        return sum(len(calls.get(name, ())) for name in self._followed)

    def _read_if_any(self) -> dict[str, list[Call]]:
        try:
            return self._read()
        except ValueError:  # damaged: it is written anew
            return {}

    def _read(self) -> dict[str, list[Call]]:
        """Raises ValueError for what `save` has not written."""
        if self._file is None:
            found = self._cache.get(_KEY)
            text = "{}" if found is MISS else found
        else:
            text = self._file.read_text(encoding="utf-8") if self._file.exists() else "{}"
        try:
            return {name: [_unpacked(call) for call in calls] for name, calls in json.loads(text).items()}
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"the hot calls are damaged: {error}") from error


def _kept(calls: list[Call]) -> list[Call]:
    """Those whose arguments can be written down."""
    return [(places, names) for places, names in calls if all(_is_known(part) for part in (*places, *names.values()))]


def _is_known(value: Any) -> bool:
    return type(value) in (*_AS_THEY_ARE, *_WORDS)


def _packed(call: Call) -> list[Any]:
    places, names = call
    return [[_word(part) for part in places], {name: _word(part) for name, part in names.items()}]


def _word(value: Any) -> Any:
    kind = type(value)
    return value if kind in _AS_THEY_ARE else {kind.__name__: _WORDS[kind][0](value)}


def _unpacked(call: Any) -> Call:
    places, names = call
    return tuple(_value(part) for part in places), {name: _value(part) for name, part in names.items()}


def _value(part: Any) -> Any:
    if not isinstance(part, dict):
        return part
    ((word, text),) = part.items()
    return _READ[word](text)


def _replace(file: Path, text: str) -> None:
    """All of it or nothing: whoever reads meanwhile, or after a crash, finds one or the other whole."""
    number, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as fresh:
            fresh.write(text)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
