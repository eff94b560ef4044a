"""How long to wait before something that failed is tried again."""

from __future__ import annotations

from datetime import timedelta


def doubling(attempts: int, *, first: timedelta, longest: timedelta) -> timedelta:
    """The wait after so many failed attempts (at least 1): `first`, then twice as long each time, at most `longest`."""
    # More doublings than that are beyond every longest wait, and beyond what a timedelta holds.
    return min(longest, first * 2 ** min(attempts - 1, 30)) if first <= longest else longest


def by_schedule(attempts: int, schedule: tuple[timedelta, ...]) -> timedelta | None:
    """The wait after so many failed attempts (at least 1); None when the schedule is at its end."""
    return schedule[attempts - 1] if attempts <= len(schedule) else None
