"""Paths that a middleware leaves alone, or treats in a way of their own: each stands for all below it, too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mestres_perf.errors import ConfigurationError


def path_of(environ: Mapping[str, Any]) -> str:
    """The path of a WSGI request as people write it: WSGI has each of its bytes as a letter."""
    path: str = environ.get("PATH_INFO", "")
    return path if path.isascii() else path.encode("latin-1", "replace").decode("utf-8", "replace")


class Paths:
    """`"/health"` stands for itself and all that begins with `/health/`, and not for `/healthy`."""

    __slots__ = ("_below", "_paths")

    def __init__(self, label: str, given: Iterable[str]) -> None:
        """Raises ConfigurationError, which names the argument `label`."""
        given = given if isinstance(given, str) else tuple(given)
        self._paths = frozenset() if isinstance(given, str) else frozenset(path.rstrip("/") for path in given)
        if isinstance(given, str) or not all(path.startswith("/") for path in given):
            raise ConfigurationError(f"{label}={given!r}: must be paths such as ('/health', '/metrics')")
        if "" in self._paths:
            raise ConfigurationError(f"{label}={given!r}: '/' is every path, and leaves the middleware nothing to do")
        self._below = tuple(f"{path}/" for path in self._paths)

    def __contains__(self, path: str) -> bool:
        return path in self._paths or path.startswith(self._below)

    def __len__(self) -> int:
        return len(self._paths)


def excluded(given: Iterable[str]) -> Paths | frozenset[str]:
    """The paths of an option `exclude`; where there are none, to look for one is no call. Raises ConfigurationError."""
    return Paths("exclude", given) or frozenset()
