"""How long to wait before trying again. Pure: chance and time are given.

Full jitter: a wait is drawn evenly between 0 and a bound that doubles with every attempt, so that those who failed
together do not come back together (M. Brooker, "Exponential Backoff And Jitter", 2015).
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

_MOST_DOUBLINGS = 60


def longest_pause(attempt: int, *, base: float, most: float) -> float:
    """The bound of the wait after the attempt of this number, from 1. It does not overflow, whatever the number."""
    return min(most, base * 2.0 ** min(attempt - 1, _MOST_DOUBLINGS))


def asked_pause(outcome: object, *, now: float) -> float | None:
    """For how many seconds an error or a response asks to be left alone; None when it does not.

    It is `retry_after` in seconds, or the header Retry-After of the response, or of the error's response: seconds, or
    a date (RFC 9110, 10.2.3), which is compared with `now`, in seconds since 1970. What makes no sense asks nothing.
    """
    given = getattr(outcome, "retry_after", None)
    if given is None:
        given = _header(outcome) or _header(getattr(outcome, "response", None))
    return None if given is None else _seconds(given, now)


def _header(response: Any) -> str | None:
    headers = getattr(response, "headers", None)
    if not isinstance(headers, Mapping):
        return None
    found = headers.get("Retry-After") or headers.get("retry-after")
    return found if isinstance(found, str) else None


def _seconds(given: object, now: float) -> float | None:
    if isinstance(given, str):
        given = given.strip()
        if given.isascii() and given.isdigit():
            return float(given)
        with contextlib.suppress(ValueError, TypeError, IndexError, OverflowError):
            at = parsedate_to_datetime(given)
            return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now)
        return None
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not math.isfinite(given) or given < 0:
        return None
    return float(given)
