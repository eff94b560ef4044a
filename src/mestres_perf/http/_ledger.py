"""Where a middleware writes down its requests: for each method and route one record that has its cells at hand.

Invariants: what is kept grows with routes, never with requests. An error in here is counted, now and then logged, and
never reaches a response.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from mestres_perf.http._routes import Given, Routes
from mestres_perf.metrics import _catalogue as catalogue
from mestres_perf.metrics._catalogue import METHODS, OTHER_METHOD, UNMATCHED
from mestres_perf.metrics._registry import Metrics

FROM_THE_FIRST = ("200", "500", "503")
"""Statuses that a route has at zero: a counter that is born at one has no rate, and nobody hears of a first error."""
_LOGGED_EVERY = 60.0
_STATUSES = range(100, 600)
_SUCCESSES = range(200, 300)
_OTHER_STATUS = "_OTHER"
_log = logging.getLogger(__name__)


class Record:
    """The cells of one method and route."""

    __slots__ = ("_broken", "_labels", "_metrics", "_succeeded", "answered", "duration", "first_byte")

    def __init__(self, metrics: Metrics, method: str, template: str, succeeded: Callable[[], None]) -> None:
        """`succeeded` is called with the first of each status of 200 to 299."""
        self._metrics = metrics
        self._succeeded = succeeded
        self._labels = (method, template)
        self._broken: Callable[[], None] | None = None
        self.answered: dict[Any, Callable[[], None]] = {}
        self.duration: Callable[[float], None] = metrics.duration.child(method, template).observe
        self.first_byte: Callable[[float], None] = metrics.first_byte.child(method, template).observe

    def counting(self, status: Any) -> Callable[[], None]:
        """What counts an answer with this status: a number, an HTTPStatus, or the digits of one.

        What HTTP does not know is one value of the label, however many numbers an application makes up.
        """
        number = int(status)
        is_one = number in _STATUSES
        counting: Callable[[], None] = self._metrics.requests.child(
            *self._labels, str(number) if is_one else _OTHER_STATUS
        ).inc
        if is_one:
            self.answered[status] = counting
        if number in _SUCCESSES:
            self._succeeded()
        return counting

    def break_off(self) -> None:
        """Count an answer that broke off in the middle."""
        if self._broken is None:
            self._broken = self._metrics.broken.child(*self._labels).inc
        self._broken()


Records = dict[int | str, Record]
"""The records of one method, by what a request's route is known by: a template, or the id of an object."""


class Ledger:
    """The records of one middleware. `routes` says which route a request took."""

    def __init__(self, metrics: Metrics, routes: Routes) -> None:
        self.clock = metrics.clock
        self.book = metrics.book
        self.in_progress: Callable[[float], None] = metrics.in_progress.inc
        self.records: dict[str, Records] = {method: {} for method in (*METHODS, OTHER_METHOD)}
        self.others = self.records[OTHER_METHOD]
        self._metrics = metrics
        self._routes = routes
        self._key = routes.key
        self._errors = metrics.series(catalogue.METRICS_ERRORS)
        self._by_template: dict[tuple[str, str], Record] = {}
        self._kept: list[object] = []
        self._most = metrics.max_series
        self._is_prepared = False
        self._has_warned = isinstance(routes, Given)  # who says the routes knows of which there is nothing to say
        self._logged: float | None = None

    def find(self, records: Records, carrier: Mapping[str, Any]) -> Record:
        """The record of the request whose scope or environ this is; `records` are those of its method."""
        try:
            key = self._key(carrier)
            return records[key] if key in records else self._add(records, key, carrier)
        except Exception:  # noqa: BLE001 - a user's own function may raise anything
            self.failed()
            return self._record(self._method(records), UNMATCHED)

    def prepare(self) -> None:
        """Once, with the first request or page: the routes that are known by then begin at zero."""
        if self._is_prepared:
            return
        self._is_prepared = True
        try:
            wanted = {
                (method, template): None for template, methods in self._routes.known() for method in sorted(methods)
            }
            room = self._most // (2 * len(FROM_THE_FIRST))  # the other half is for what really happens
            for method, template in list(wanted)[:room]:
                self._begin(method, template)
        except Exception:  # noqa: BLE001 - routes are the application's own objects
            self.failed()

    def failed(self) -> None:
        """For an `except`: what could not be counted as it should be is counted as that, and logged once a minute."""
        try:
            self._errors.child().inc()
            now = self.clock()
            if self._logged is None or now - self._logged >= _LOGGED_EVERY:
                self._logged = now
                _log.exception("a request could not be counted as it should be")
        except Exception:  # noqa: BLE001 - whatever it was, the response comes first
            _log.exception("an error could not be counted")

    def _add(self, records: Records, key: int | str, carrier: Mapping[str, Any]) -> Record:
        self.prepare()
        place = key if isinstance(key, str) else self._routes.place(carrier)
        method = self._method(records)
        template, is_certain = self._routes.template(place, carrier, method)
        record = self._record(method, template)
        if is_certain and len(self._kept) < self._most:
            self._kept.append(place)  # as long as it is here, no other object has its id
            records[key] = record
        return record

    def _record(self, method: str, template: str) -> Record:
        found = self._by_template.get((method, template))
        if found is not None:
            return found
        is_strange = template == UNMATCHED and method != "OPTIONS"  # which what is around an application may answer
        record = Record(self._metrics, method, template, self._warn if is_strange else _nothing)
        if len(self._by_template) < self._most:
            self._begin(method, template)
            self._by_template[method, template] = record
        return record

    def _warn(self) -> None:
        if not self._has_warned:
            self._has_warned = True
            _log.warning(
                "a request has succeeded of which the route is not known: it is counted as %s. "
                "PerformanceMiddleware(..., route=...), or instrument, can be told the template of a request",
                UNMATCHED,
            )

    def _begin(self, method: str, template: str) -> None:
        for status in FROM_THE_FIRST:
            self._metrics.requests.child(method if method in METHODS else OTHER_METHOD, template, status)

    def _method(self, records: Records) -> str:
        return next(method for method, those in self.records.items() if those is records)


def _nothing() -> None:
    """Nobody need be told."""
