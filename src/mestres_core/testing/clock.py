"""A clock that stands still until it is told to move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class FakeClock:
    """The present, as a test wants it: `Commerce.open(url, clock=FakeClock())`, then `clock.advance(minutes=31)`."""

    def __init__(self, start: datetime = datetime(2026, 3, 2, 12, tzinfo=UTC)) -> None:
        if start.tzinfo is None:
            raise ValueError("start must be aware: give it a time zone")
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        return self._now

    def advance(self, *, seconds: float = 0, minutes: float = 0, hours: float = 0, days: float = 0) -> datetime:
        """Let time pass; returns the new present."""
        self._now += timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        return self._now
