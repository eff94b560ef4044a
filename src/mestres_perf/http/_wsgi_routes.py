"""The routes of Flask, and what Django leaves in an environ. Neither is imported."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from mestres_perf.http import _django as django
from mestres_perf.http._routes import Guesses, Known, layers
from mestres_perf.metrics._catalogue import UNMATCHED

_REQUEST = "werkzeug.request"
_VARIABLE = re.compile(r"<(?:[^<>]*:)?([^<>:]+)>")
_GIVEN_FREELY = {"HEAD", "OPTIONS"}


class WSGIRoutes:
    """The routes of `app`, which may be Flask, Django, or any other callable."""

    def __init__(self, app: Any) -> None:
        self._flask: Any = next((layer for layer in layers(app) if hasattr(layer, "url_map")), None)
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
            return _spelled(place.rule), True
        if self._flask is None:
            return UNMATCHED, not self._is_django
        failure = getattr(environ.get(_REQUEST), "routing_exception", None)
        if failure is not None and not hasattr(failure, "valid_methods"):
            return UNMATCHED, False
        path = environ.get("PATH_INFO", "")
        return self._guesses.find(path, method, lambda: self._look(environ, method)), False

    def known(self) -> Iterable[Known]:
        """The routes that the application has now."""
        if self._is_django:
            return django.known()
        rules = [] if self._flask is None else self._flask.url_map.iter_rules()
        return [(_spelled(rule.rule), (set(rule.methods or ()) - _GIVEN_FREELY) or {"GET"}) for rule in rules]

    def _look(self, environ: Mapping[str, Any], method: str) -> str:
        try:
            routes = self._flask.url_map.bind_to_environ(environ)
            try:
                rule, _ = routes.match(method=method, return_rule=True)
            except Exception as failure:  # noqa: BLE001 - one of werkzeug's, which is not imported here
                # Of a path that is known, but not with this method (405), it is the route all the same.
                rule, _ = routes.match(method=getattr(failure, "valid_methods")[0], return_rule=True)  # noqa: B009
        except Exception:  # noqa: BLE001 - there is no such route, or the request is not even HTTP
            return UNMATCHED
        return _spelled(rule.rule)


def _spelled(rule: str) -> str:
    """Flask's `<int:number>` as the `{number}` that other frameworks write: one dashboard serves all."""
    return _VARIABLE.sub(r"{\1}", rule)
