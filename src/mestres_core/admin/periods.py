"""Days as the shop's people count them: from midnight to midnight in America/Sao_Paulo.

Databases group by the hour in UTC, which both can; the hours become days here, so that no database needs to know time
zones, and a day that a clock change made shorter or longer is still that day.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from mestres_core.rules.checks import Checks

ZONE = ZoneInfo("America/Sao_Paulo")
LONGEST = 3660
_DEFAULT_DAYS = 30
_ISO = len("2026-01-31")
_EARLIEST, _LATEST = date(1971, 1, 1), date(9000, 12, 31)  # what can be said of it in UTC and on both databases


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days, both `first` and `last` included."""

    first: date
    last: date

    @property
    def begin(self) -> datetime:
        """The first moment."""
        return midnight(self.first)

    @property
    def end(self) -> datetime:
        """The first moment that is too late."""
        return midnight(self.last + timedelta(days=1))


def midnight(day: date) -> datetime:
    """When the day begins, in UTC."""
    return datetime.combine(day, time(), ZONE).astimezone(UTC)


def today(now: datetime) -> date:
    """The shop's day at that moment."""
    return now.astimezone(ZONE).date()


@lru_cache(maxsize=100_000)
def day_of(hour: int) -> date:
    """The shop's day of an hour, counted from 1970 in UTC."""
    return datetime.fromtimestamp(hour * 3600, UTC).astimezone(ZONE).date()


def _week(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _month(day: date) -> date:
    return day.replace(day=1)


GROUPS: dict[str, Callable[[date], date]] = {"day": lambda day: day, "week": _week, "month": _month}
"""From a day to the first day of its group; weeks begin on Monday."""


def check_period(checks: Checks, first: Any, last: Any, *, now: datetime) -> Period:
    """The period that `from` and `to` mean: dates or ISO texts; without them the 30 days up to today."""
    until = _day(checks, "to", last) or today(now)
    since = _day(checks, "from", first) or until - timedelta(days=_DEFAULT_DAYS - 1)
    if not checks.errors:
        if since > until:
            checks.wrong("to", "invalid", reason="it is before from")
        elif (until - since).days >= LONGEST:
            checks.wrong("from", "invalid", reason=f"more than {LONGEST} days before to")
    return Period(since, until)


def _day(checks: Checks, field: str, value: Any) -> date | None:
    if value is None:
        return None
    day = value if isinstance(value, date) and not isinstance(value, datetime) else _parsed(value)
    if day is None or not _EARLIEST <= day <= _LATEST:
        checks.wrong(field, "invalid", reason="not a date such as 2026-01-31")
        return None
    return day


def _parsed(value: Any) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == _ISO else None
    except ValueError:
        return None
