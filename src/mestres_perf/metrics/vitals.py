"""Web vitals: what visitors' browsers measured, checked, rated, and counted once.

Invariant: a beacon is counted as a whole or not at all.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mestres_perf.errors import InvalidVitals
from mestres_perf.metrics import _catalogue as catalogue
from mestres_perf.metrics._registry import Metrics
from mestres_perf.metrics._thresholds import WEB_VITALS

MAX_SAMPLES = 100
"""In one beacon; a page has six metrics."""
_REMEMBERED = 10_000
_LONGEST_TEXT = 128
_MOST_MILLISECONDS = 3_600_000
_MOST_SHIFT = 1000
_MEDIA_TYPES = ("", "text/plain", "application/json")  # sendBeacon says text/plain for a text, nothing for a bare blob
_UNITLESS = "CLS"


@dataclass(frozen=True, slots=True)
class Sample:
    """One metric of one page view; `value` in seconds, for CLS without a unit. Without an id it is always new."""

    name: str
    id: str | None
    value: float


class WebVitals:
    """Counts beacons of the web-vitals library.

    A browser may send the same sample again, so a sample whose name, id and value were the last ones seen is counted
    once; a new value of the same id is a further sample. The last 10,000 ids are remembered.
    """

    def __init__(self, metrics: Metrics, *, remembered: int = _REMEMBERED) -> None:
        self._histograms = {name: metrics.series(metric).child() for name, metric in catalogue.WEB_VITALS.items()}
        self._rated = metrics.series(catalogue.WEB_VITALS_RATED)
        self._remembered = remembered
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._lock = threading.Lock()

    def receive(self, body: bytes, content_type: str = "") -> int:
        """Count a beacon: one sample or a list of them, as JSON; how many of them were new.

        Times come in milliseconds, as browsers measure them. Raises InvalidVitals, which names the field; then nothing
        of the beacon is counted.
        """
        samples = [_sample(given, place) for place, given in _given(body, content_type)]
        new = [sample for sample in samples if self._is_new(sample)]
        for sample in new:
            self._histograms[sample.name].observe(sample.value)
            self._rated.child(sample.name, WEB_VITALS[sample.name].rating(sample.value)).inc()
        return len(new)

    def _is_new(self, sample: Sample) -> bool:
        if sample.id is None:
            return True
        key = (sample.name, sample.id)
        with self._lock:
            new = self._seen.get(key) != sample.value
            self._seen[key] = sample.value
            self._seen.move_to_end(key)
            if len(self._seen) > self._remembered:
                self._seen.popitem(last=False)
        return new


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


def _sample(given: Any, place: str) -> Sample:
    if not isinstance(given, Mapping):
        raise InvalidVitals(
            place.rstrip(".") or "body", 'must be an object such as {"name": "LCP", "value": 1200, ...}'
        )
    name = given.get("name")
    if not isinstance(name, str) or name not in WEB_VITALS:
        raise InvalidVitals(f"{place}name", f"must be one of {', '.join(WEB_VITALS)}")
    value = _measured(given.get("value"), f"{place}value", _MOST_SHIFT if name == _UNITLESS else _MOST_MILLISECONDS)
    if "delta" in given:
        _measured(given["delta"], f"{place}delta", _MOST_MILLISECONDS, least=-_MOST_MILLISECONDS)
    for field in ("rating", "navigationType"):
        if field in given:
            _text(given[field], place + field)
    identity = _text(given["id"], f"{place}id") if "id" in given else None
    return Sample(name, identity, value if name == _UNITLESS else value / 1000)


def _measured(given: Any, field: str, most: float, least: float = 0) -> float:
    known = isinstance(given, int | float) and not isinstance(given, bool)
    if not known or not least <= given <= most:  # NaN is nowhere between
        raise InvalidVitals(field, f"must be a number from {least} to {most}")
    return float(given)


def _text(given: Any, field: str) -> str:
    if not isinstance(given, str) or not 1 <= len(given) <= _LONGEST_TEXT:
        raise InvalidVitals(field, f"must be a text of 1 to {_LONGEST_TEXT} characters")
    return given
