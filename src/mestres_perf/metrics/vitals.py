"""Web vitals: what visitors' browsers measured, checked, rated, and counted once.

Invariants: a beacon is counted as a whole or not at all; what has an id is counted once, with the value that was
reported last before somebody looked at the metrics; there are no more labels than pages were named.
"""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from sys import intern
from typing import Any, NamedTuple

from mestres_perf._kernel import forks
from mestres_perf.errors import ConfigurationError, InvalidVitals
from mestres_perf.metrics import _catalogue as catalogue
from mestres_perf.metrics._registry import Metrics
from mestres_perf.metrics._thresholds import WEB_VITALS

MAX_SAMPLES = 100
"""In one beacon; a page has six metrics."""
_REMEMBERED = 10_000
_KEY_BYTES = 16
_LONGEST_TEXT = 128
_LONGEST_PATH = 2048
_MOST_MILLISECONDS = 3_600_000
_MOST_SHIFT = 1000
_MEDIA_TYPES = ("", "text/plain", "application/json")  # sendBeacon says text/plain for a text, nothing for a bare blob
_UNITLESS = "CLS"
_PLACE = re.compile(r"<(?:(\w+)[^:<>]*:)?\w+>|\{\w+(?::(\w+))?\}")
"""Where a route's template has a variable: `<int:number>`, `{number}`, `{rest:path}`."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One metric of one view of a page; `value` in seconds, for CLS without a unit. Without an id it is always new.

    `page` is a path as it came.
    """

    name: str
    id: str | None
    value: float
    page: str


class _Kept(NamedTuple):
    """What is kept of a sample: of all that a stranger has written there is nothing in it but the value."""

    name: str
    value: float
    page: str


class Pages:
    """The names of pages, which are paths ("/about") or the templates of routes ("/products/{slug}")."""

    def __init__(self, templates: Iterable[str]) -> None:
        """Raises ConfigurationError for what is no path."""
        if isinstance(templates, str):
            raise ConfigurationError(f"pages={templates!r}: must be several, such as ('/', '/products/{{slug}}')")
        self._plain: set[str] = set()
        self._patterns: list[tuple[re.Pattern[str], str]] = []
        for template in templates:
            if not isinstance(template, str) or not template.startswith("/"):
                raise ConfigurationError(f"pages: {template!r} must be a path such as '/' or '/products/{{slug}}'")
            if _PLACE.search(template):
                self._patterns.append((_pattern(template), template))
            else:
                self._plain.add(template)

    def __bool__(self) -> bool:
        return bool(self._plain or self._patterns)

    def name(self, path: str) -> str:
        """The page with this path, `__other__` for one that was not named; a query does not matter."""
        path = re.split(r"[?#]", path, maxsplit=1)[0]
        if path in self._plain:
            return path
        return next((name for pattern, name in self._patterns if pattern.fullmatch(path)), catalogue.OTHER_PAGE)


def _pattern(template: str) -> re.Pattern[str]:
    parts, at = [], 0
    for place in _PLACE.finditer(template):
        parts += [re.escape(template[at : place.start()]), ".+" if "path" in place.groups() else "[^/]+"]
        at = place.end()
    return re.compile("".join([*parts, re.escape(template[at:])]))


class WebVitals:
    """Counts beacons of the web-vitals library.

    A browser may report a metric of a page view again: the same, or with a value that has grown. What has an id is
    therefore kept until somebody looks at the metrics, and counted then, with its last value; what comes later of the
    same id is not counted again. The last 10,000 ids are remembered, by this process. Where `pages` are named, vitals
    are counted by page as well.
    """

    def __init__(self, metrics: Metrics, *, pages: Iterable[str] = (), remembered: int = _REMEMBERED) -> None:
        """Raises ConfigurationError for a page that is no path."""
        self._pages = Pages(pages)
        self._histograms = {name: metrics.series(metric).child() for name, metric in catalogue.WEB_VITALS.items()}
        self._rated = metrics.series(catalogue.WEB_VITALS_RATED)
        self._by_page = metrics.series(catalogue.WEB_VITALS_PAGES) if self._pages else None
        self._remembered = remembered
        self._pending: OrderedDict[bytes, _Kept] = OrderedDict()
        self._counted: OrderedDict[bytes, None] = OrderedDict()
        self._lock = threading.Lock()
        metrics.before_reading(self.settle)
        forks.follow(self)

    def receive(self, body: bytes, content_type: str = "", page: str = "") -> int:
        """Take a beacon: one sample or a list of them, as JSON; how many of them were of an id not seen before.

        Times come in milliseconds, as browsers measure them. `page` is the path of samples that have no `page` of their
        own. What is measured under a name that is not known is passed over. Raises InvalidVitals, which names the
        field; then nothing of the beacon is counted.
        """
        samples = [_sample(given, place, page) for place, given in _given(body, content_type)]
        return sum(self._take(sample) for sample in samples if sample is not None)

    def settle(self) -> None:
        """Count what was kept."""
        with self._lock:
            due = list(self._pending.values())
            self._counted.update(dict.fromkeys(self._pending))
            self._pending.clear()
            while len(self._counted) > self._remembered:
                self._counted.popitem(last=False)
        self._count(due)

    def locks(self) -> Sequence[threading.Lock]:
        """For a fork."""
        return [self._lock]

    def start_anew(self) -> None:
        """In a forked child: what is kept is the parent's to count."""
        self._pending.clear()

    def _take(self, sample: Sample) -> bool:
        page = "" if self._by_page is None else self._pages.name(sample.page)
        kept = _Kept(sample.name, sample.value, page)
        if sample.id is None:
            self._count([kept])
            return True
        key = _key(sample.name, sample.id)
        with self._lock:
            if key in self._counted:
                self._counted.move_to_end(key)
                return False
            is_new = key not in self._pending
            self._pending[key] = kept
            is_full = len(self._pending) >= self._remembered
        if is_full:
            self.settle()
        return is_new

    def _count(self, samples: Iterable[_Kept]) -> None:
        for sample in samples:
            rating = WEB_VITALS[sample.name].rating(sample.value)
            self._histograms[sample.name].observe(sample.value)
            self._rated.child(sample.name, rating).inc()
            if self._by_page is not None:
                self._by_page.child(sample.name, sample.page, rating).inc()


def _key(name: str, identity: str) -> bytes:
    """By what it is known again: of the same size however long the id is."""
    return blake2b(f"{name} {identity}".encode("utf-8", "surrogatepass"), digest_size=_KEY_BYTES).digest()


def _given(body: bytes, content_type: str) -> list[tuple[str, Any]]:
    """The samples as they came, each with the place that its errors speak of."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in _MEDIA_TYPES:
        raise InvalidVitals("Content-Type", "must be text/plain or application/json")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):  # also: not UTF-8, a number of thousands of digits
        raise InvalidVitals("body", "must be JSON: one sample or a list of them") from None
    if not isinstance(content, list):
        return [("", content)]
    if not 1 <= len(content) <= MAX_SAMPLES:
        raise InvalidVitals("body", f"must have 1 to {MAX_SAMPLES} samples, not {len(content)}")
    return [(f"{index}.", given) for index, given in enumerate(content)]


def _sample(given: Any, place: str, page: str) -> Sample | None:
    """None: it is measured under a name that is not known, as newer browsers and libraries may do."""
    if not isinstance(given, Mapping):
        raise InvalidVitals(
            place.rstrip(".") or "body", 'must be an object such as {"name": "LCP", "value": 1200, ...}'
        )
    name = given.get("name")
    if not isinstance(name, str):
        raise InvalidVitals(f"{place}name", f"must be one of {', '.join(WEB_VITALS)}")
    if name not in WEB_VITALS:
        return None
    value = _measured(given.get("value"), f"{place}value", _MOST_SHIFT if name == _UNITLESS else _MOST_MILLISECONDS)
    if "delta" in given:
        _measured(given["delta"], f"{place}delta", _MOST_MILLISECONDS, least=-_MOST_MILLISECONDS)
    for field in ("rating", "navigationType"):
        if field in given:
            _text(given[field], place + field)
    if "page" in given:
        page = _text(given["page"], f"{place}page", _LONGEST_PATH)
    identity = _text(given["id"], f"{place}id") if "id" in given else None
    return Sample(intern(name), identity, value if name == _UNITLESS else value / 1000, page)


def _measured(given: Any, field: str, most: float, least: float = 0) -> float:
    known = isinstance(given, int | float) and not isinstance(given, bool)
    if not known or not least <= given <= most:  # NaN is nowhere between
        raise InvalidVitals(field, f"must be a number from {least} to {most}")
    return float(given)


def _text(given: Any, field: str, most: int = _LONGEST_TEXT) -> str:
    if not isinstance(given, str) or not 1 <= len(given) <= most:
        raise InvalidVitals(field, f"must be a text of 1 to {most} characters")
    return given
