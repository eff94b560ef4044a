"""The routes of Starlette and FastAPI, and what Django leaves in a scope. None of them is imported.

A router leaves the route that it chose in the scope, without the prefixes of the mounts around it; `root_path` has
these, but as the client wrote them. So all routes are walked once, from the application inwards.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from mestres_perf.http import _django as django
from mestres_perf.http._routes import Guesses, Known, layers, pattern, short
from mestres_perf.metrics._catalogue import UNMATCHED

_CONTEXT = "effective_route_context"
_BELOW = "/{path:path}"
_STRANGERS = 100
_AGAIN = 1.0
_SHARE = 0.01
"""Routes are walked again for what nobody knows at most once in a second, and for a hundredth of the time."""
_DEEPEST = 16


class _Found(NamedTuple):
    """A route. `marks` are what a scope may have of it; `methods` is empty when it takes all.

    `is_end` says that a router below it has nothing more to choose.
    """

    raw: str
    marks: tuple[object, ...]
    methods: frozenset[str] = frozenset()
    is_end: bool = True

    @property
    def template(self) -> str:
        return short(self.raw)


class ASGIRoutes:
    """The routes of `app`, or of the application that has this middleware within itself."""

    def __init__(self, app: Any, clock: Callable[[], float] = time.perf_counter) -> None:
        self._root = app
        self._clock = clock
        self._may_walk_again = clock()
        self._is_django = django.follow(app)
        self._by_mark: dict[int, _Found | None] = {}
        self._strangers: list[object] = []
        self._found: list[_Found] = []
        self._ends: list[tuple[re.Pattern[str], _Found]] = []
        self._guesses = Guesses()

    def begin(self, scope: Mapping[str, Any]) -> None:
        """Where the first request comes in: an application around this middleware is in its scope."""
        self._root = scope.get("app") or self._root

    def key(self, scope: Mapping[str, Any]) -> int | str:
        """The id of the place, or what Django has left."""
        if "route" in scope and "fastapi" not in scope:
            return id(scope["route"])
        place = self.place(scope)
        return place if place.__class__ is str else id(place)

    def place(self, scope: Mapping[str, Any]) -> object:
        """What the routers have left in the scope.

        FastAPI since 0.137 keeps the whole template of an included router in a context; `route.path` has lost its
        prefix. Of a route that is not its own it leaves the endpoint alone.
        """
        route = scope.get("route")
        fastapi = scope.get("fastapi")
        if fastapi is not None:
            context = fastapi.get(_CONTEXT)
            if context is not None and (route is None or context.original_route is route):
                return context
        if route is None:
            return scope.get("endpoint") or scope.get(django.ROUTE)
        return route

    def template(self, place: Any, scope: Mapping[str, Any], method: str) -> tuple[str, bool]:
        """The template of a place; what nobody has left is found out by the path."""
        if place.__class__ is str:
            return django.spelled(place), True
        if place is None:
            # A router that has been here and has left no route has none. Where none has been, somebody answered before
            # it or gave it a copy of the scope.
            if _routes_of(self._root) is None:
                return UNMATCHED, True
            return (UNMATCHED if "router" in scope else self._guess(scope, method)), False
        found = self._at(place)
        if found is not None and found.is_end:
            return found.template, True
        return self._guess(scope, method), False

    def known(self) -> Iterable[Known]:
        """The routes that the application has now."""
        if self._is_django:
            return django.known()
        self._walk()
        return [
            (found.template, found.methods - {"OPTIONS"} - ({"HEAD"} if "GET" in found.methods else set()) or {"GET"})
            for found in self._found
            if found.is_end
        ]

    def _at(self, place: object) -> _Found | None:
        """The route of a mark; None when it is that of several, or of none that is known."""
        if id(place) not in self._by_mark and len(self._strangers) < _STRANGERS:
            self._walk()
            if id(place) not in self._by_mark:
                self._strangers.append(place)
                self._by_mark[id(place)] = _stranger(place)
        return self._by_mark.get(id(place))

    def _walk(self) -> None:
        began = self._clock()
        self._found = list(_walked(_routes_of(self._root) or (), ""))
        by_mark = {id(stranger): _stranger(stranger) for stranger in self._strangers}
        for found in self._found:
            for mark in found.marks:
                # What stands for two routes, such as those of an application that is mounted twice, is told apart by
                # the path.
                by_mark[id(mark)] = found if by_mark.get(id(mark), found) == found else None
        self._by_mark = by_mark
        self._ends = [(re.compile(pattern(found.raw)), found) for found in self._found if found.is_end]
        self._guesses = Guesses()
        ended = self._clock()
        self._may_walk_again = ended + max(_AGAIN, (ended - began) / _SHARE)

    def _guess(self, scope: Mapping[str, Any], method: str) -> str:
        path = scope["path"].removeprefix(scope.get("app_root_path", scope.get("root_path", "")))

        def look() -> str:
            fitting = [found for matching, found in self._ends if matching.fullmatch(path)]
            allowed = [found for found in fitting if not found.methods or method in found.methods]
            return (allowed or fitting)[0].template if fitting else UNMATCHED

        found = self._guesses.find(path, method, look)
        if found == UNMATCHED and self._clock() >= self._may_walk_again:
            self._walk()  # by now there may be routes that were not there the last time
            found = self._guesses.find(path, method, look)
        return found


def _routes_of(app: Any) -> Collection[Any] | None:
    for layer in layers(app):
        routes = getattr(layer, "routes", None)
        if isinstance(routes, (list, tuple)):
            return routes
    return None


def _path(route: Any) -> str:
    path = getattr(route, "path", None)
    return path if isinstance(path, str) else ""


def _stranger(place: object) -> _Found | None:
    return _Found(_path(place), (place,)) if _path(place) else None


def _walked(routes: Iterable[Any], prefix: str, depth: int = 0) -> Iterator[_Found]:
    for route in routes:
        contexts = getattr(route, "effective_route_contexts", None)
        if contexts is None:
            yield from _walked_one(route, (route, getattr(route, "endpoint", None)), prefix, depth)
        else:
            for context in contexts():
                inner = context.starlette_route or context
                yield from _walked_one(inner, (context, inner), prefix, depth)


def _walked_one(route: Any, marks: tuple[object, ...], prefix: str, depth: int) -> Iterator[_Found]:
    if hasattr(route, "routes"):  # a Mount, or a Host, which has no path
        below = _routes_of(route.app)
        prefix += _path(route)
        yield _Found(prefix + _BELOW, (*marks, route.app), is_end=below is None)
        if depth < _DEEPEST:  # applications may mount each other
            yield from _walked(below or (), prefix, depth + 1)
    elif hasattr(route, "methods") and _path(route):  # others are websockets
        marks = tuple(mark for mark in marks if mark is not None)
        yield _Found(prefix + _path(route), marks, frozenset(route.methods or ()))
