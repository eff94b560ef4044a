"""Days on which Brazil's banks settle: not Saturdays, Sundays, and the national holidays of the banks.

The holidays are those of Banco Central's resolution on banking days: the fixed ones, and those that go by Easter
(carnival's Monday and Tuesday, Good Friday, Corpus Christi). Holidays of one state or town do not count.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache
from typing import Final

# Brasília has kept this offset all year since summer time was given up in 2019.
_BRASILIA: Final = timezone(timedelta(hours=-3))
_FIXED: Final = ((1, 1), (4, 21), (5, 1), (9, 7), (10, 12), (11, 2), (11, 15), (12, 25))
_BLACK_CONSCIOUSNESS: Final = (11, 20)
_SINCE: Final = 2024  # law 14.759/2023
_BY_EASTER: Final = (-48, -47, -2, 60)
_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5


def is_banking_day(day: date) -> bool:
    """Whether banks settle on this day."""
    return day.weekday() < _SATURDAY and day not in _holidays(day.year)


def banking_days_after(day: date, count: int) -> date:
    """The `count`th banking day after `day`; with 0 the day itself, or the next banking day if it is none."""
    return _walk(day, count, _DAY)


def banking_days_before(day: date, count: int) -> date:
    """The `count`th banking day before `day`; with 0 the day itself, or the banking day before if it is none."""
    return _walk(day, count, -_DAY)


def day_of(moment: datetime) -> date:
    """The day that it is in Brasília."""
    return moment.astimezone(_BRASILIA).date()


def end_of_day(day: date) -> datetime:
    """The last second of a day in Brasília, in UTC."""
    return datetime.combine(day, time(23, 59, 59), _BRASILIA).astimezone(UTC)


def _walk(day: date, count: int, step: timedelta) -> date:
    if count < 0:
        raise ValueError(f"count must not be negative, not {count}")
    if not count:
        while not is_banking_day(day):
            day += step
    while count:
        day += step
        count -= is_banking_day(day)
    return day


@lru_cache(maxsize=16)
def _holidays(year: int) -> frozenset[date]:
    fixed = _FIXED if year < _SINCE else (*_FIXED, _BLACK_CONSCIOUSNESS)
    easter = _easter(year)
    return frozenset((*(date(year, *each) for each in fixed), *(easter + timedelta(days=each) for each in _BY_EASTER)))


def _easter(year: int) -> date:
    """Easter Sunday, by the Gregorian computus of Butcher (Nature, 1876)."""
    golden, (century, rest) = year % 19, divmod(year, 100)
    leap, left = divmod(century, 4)
    correction = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap - correction + 15) % 30
    quarter, over = divmod(rest, 4)
    weekday = (32 + 2 * left + 2 * quarter - epact - over) % 7
    shift = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * shift + 114, 31)
    return date(year, month, day + 1)
