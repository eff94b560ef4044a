"""The routes of Flask, and what Django leaves in an environ. Neither is imported.

A rule does not know where werkzeug's DispatcherMiddleware has mounted its application. So the mounts are walked once,
and a rule's map tells which application, and with it which prefix, is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from mestres_perf.http import _django as django
from mestres_perf.http._routes import Guesses, Known, layers
from mestres_perf.metrics._catalogue import UNMATCHED

_REQUEST = "werkzeug.request"
_VARIABLE = re.compile(r"<(?:[^<>]*:)?([^<>:]+)>")
_GIVEN_FREELY = {"HEAD", "OPTIONS"}
_BELOW = "/{path}"
_DEEPEST = 16


class _Place(NamedTuple):
    """An application and the mounts that lead to it; no `flask` where it is none, and its routes are unknown."""

    prefix: str
    flask: Any


class WSGIRoutes:
    """The routes of `app`, which may be Flask, Django, or any other callable, or mount such."""

    def __init__(self, app: Any) -> None:
        places = sorted(_places(app, "", 0), key=lambda place: -len(place.prefix))
        self._has_routes = any(place.flask is not None or place.prefix for place in places)
        self._places = places if self._has_routes else []
        self._is_django = django.follow(app)
        self._guesses = Guesses()

    def key(self, environ: Mapping[str, Any]) -> int | str:
        """The id of Flask's rule, or Django's route."""
        place = self.place(environ)
        return place if place.__class__ is str else id(place)

    def place(self, environ: Mapping[str, Any]) -> object:
        """Flask's rule or Django's route."""
        request = environ.get(_REQUEST)
        if request is not None:
            return getattr(request, "url_rule", None)
        return environ.get(django.ROUTE)

    def template(self, place: Any, environ: Mapping[str, Any], method: str) -> tuple[str, bool]:
        """The template of a place; what Flask has forgotten, or not left where it can be seen, is looked up again."""
        if place.__class__ is str:
            return django.spelled(place), True
        if place is not None:
            prefixes = [each.prefix for each in self._places if each.flask is not None and _is_of(place, each.flask)]
            if len(prefixes) < 2:  # noqa: PLR2004 - mounted once, or not seen where
                return "".join(prefixes) + _spelled(place.rule), True
            script = environ.get("SCRIPT_NAME", "")
            return next((each for each in prefixes if script.endswith(each)), "") + _spelled(place.rule), False
        if not self._has_routes:
            return UNMATCHED, not self._is_django
        failure = getattr(environ.get(_REQUEST), "routing_exception", None)
        if failure is not None and not hasattr(failure, "valid_methods"):
            return UNMATCHED, False
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        return self._guesses.find(path, method, lambda: self._look(environ, method)), False

    def known(self) -> Iterable[Known]:
        """The routes that the application has now."""
        if self._is_django:
            return django.known()
        return [
            (prefix + _spelled(rule.rule), (set(rule.methods or ()) - _GIVEN_FREELY) or {"GET"})
            for prefix, flask in self._places
            if flask is not None
            for rule in flask.url_map.iter_rules()
        ]

    def _look(self, environ: Mapping[str, Any], method: str) -> str:
        try:
            (prefix, flask), path = self._at(environ)
            if flask is None:
                return prefix + _BELOW if prefix else UNMATCHED
            routes = flask.url_map.bind_to_environ({**environ, "PATH_INFO": path})
            try:
                rule, _ = routes.match(method=method, return_rule=True)
            except Exception as failure:  # noqa: BLE001 - one of werkzeug's, which is not imported here
                # Of a path that is known, but not with this method (405), it is the route all the same.
                rule, _ = routes.match(method=getattr(failure, "valid_methods")[0], return_rule=True)  # noqa: B009
        except Exception:  # noqa: BLE001 - there is no such route, or the request is not even HTTP
            return UNMATCHED
        return prefix + _spelled(rule.rule)

    def _at(self, environ: Mapping[str, Any]) -> tuple[_Place, str]:
        """Whose request it is, and the path there: a mount has moved its prefix to SCRIPT_NAME, unless in a copy."""
        script, path = environ.get("SCRIPT_NAME", ""), environ.get("PATH_INFO", "")
        for place in self._places:
            if place.prefix and script.endswith(place.prefix):
                return place, path
        return next(
            (place, path.removeprefix(place.prefix))
            for place in self._places
            if path == place.prefix or path.startswith(f"{place.prefix}/")
        )


def _places(app: Any, prefix: str, depth: int) -> Iterator[_Place]:
    for layer in layers(app):
        if hasattr(layer, "url_map"):
            yield _Place(prefix, layer)
            return
        mounts = getattr(layer, "mounts", None)
        if isinstance(mounts, Mapping) and depth < _DEEPEST:  # applications may mount each other
            for path, mounted in mounts.items():
                yield from _places(mounted, prefix + path, depth + 1)
    yield _Place(prefix, None)


def _is_of(rule: Any, flask: Any) -> bool:
    return getattr(rule, "map", None) is flask.url_map


def _spelled(rule: str) -> str:
    """Flask's `<int:number>` as the `{number}` that other frameworks write: one dashboard serves all."""
    return _VARIABLE.sub(r"{\1}", rule)
