"""Which route a request took: its template, never its path, which anybody may make up."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Protocol

from mestres_perf.metrics._catalogue import UNMATCHED

Known = tuple[str, Collection[str]]
"""A template and its methods."""
_DEEPEST = 16
_GUESSES = 1024
_VARIABLE = re.compile(r"\{([^{}:]+)(?::([^{}]*))?\}")
_PATTERNS = {"path": ".*", "int": "[0-9]+", "float": r"[0-9]+(?:\.[0-9]+)?"}


class Routes(Protocol):
    """How one kind of application tells its routes."""

    def key(self, carrier: Mapping[str, Any]) -> int | str:
        """What the scope or environ of a request has of its route: a text, or the id of the place.

        Asked once for each request, so it has to be quick.
        """
        ...

    def place(self, carrier: Mapping[str, Any]) -> object:
        """The object of which `key` is the id; otherwise the text itself."""
        ...

    def template(self, place: Any, carrier: Mapping[str, Any], method: str) -> tuple[str, bool]:
        """The template, and whether this place always means it."""
        ...

    def known(self) -> Iterable[Known]:
        """The routes that the application has now."""
        ...


class Given:
    """A function of the user's own says the template."""

    def __init__(self, route: Callable[[Any], str]) -> None:
        self._route = route

    def key(self, carrier: Mapping[str, Any]) -> int | str:
        """What the function says."""
        return str(self._route(carrier) or UNMATCHED)

    def place(self, carrier: Mapping[str, Any]) -> object:
        """The same."""
        return self.key(carrier)

    def template(self, place: Any, carrier: Mapping[str, Any], method: str) -> tuple[str, bool]:  # noqa: ARG002
        """The same."""
        return place, True

    def known(self) -> Iterable[Known]:
        """Nothing."""
        return ()


class Guesses:
    """What was found out by a path, where nobody has left word. At most 1024 are remembered."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], str] = {}

    def find(self, path: str, method: str, look: Callable[[], str]) -> str:
        """The template to which this path leads; `look` is called when that is not remembered."""
        known = self._found.get((path, method))
        if known is None:
            known = look()
            if len(self._found) >= _GUESSES:
                self._found.clear()
            self._found[path, method] = known
        return known


def layers(app: Any) -> Iterator[Any]:
    """An application, and what it is wrapped around, as far as that can be seen: from the outside inwards."""
    for _ in range(_DEEPEST):
        if app is None:
            return
        yield app
        owner = getattr(app, "__self__", None)  # of a bound method, such as `app.wsgi_app`
        app = owner if owner is not None else getattr(app, "app", None) or getattr(app, "application", None)


def short(template: str) -> str:
    """`{number}` for Starlette's `{number:int}`: one dashboard serves all frameworks."""
    return _VARIABLE.sub(r"{\1}", template)


def pattern(template: str) -> str:
    """The regular expression of the paths that such a template stands for."""
    parts, end = [], 0
    for found in _VARIABLE.finditer(template):
        parts += [re.escape(template[end : found.start()]), _PATTERNS.get(found[2] or "", "[^/]+")]
        end = found.end()
    return "".join([*parts, re.escape(template[end:])])
