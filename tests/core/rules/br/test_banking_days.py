"""Days on which Brazil's banks settle."""

from datetime import UTC, date, datetime

import pytest

from mestres_core.rules.br.banking_days import (
    banking_days_after,
    banking_days_before,
    day_of,
    end_of_day,
    is_banking_day,
)


@pytest.mark.parametrize(
    ("day", "settles"),
    [
        pytest.param("2026-03-02", True, id="a Monday"),
        pytest.param("2026-03-07", False, id="a Saturday"),
        pytest.param("2026-02-16", False, id="carnival's Monday"),
        pytest.param("2026-02-17", False, id="carnival's Tuesday"),
        pytest.param("2026-02-18", True, id="Ash Wednesday"),
        pytest.param("2026-04-03", False, id="Good Friday"),
        pytest.param("2026-06-04", False, id="Corpus Christi"),
        pytest.param("2026-11-20", False, id="Black Consciousness, since 2024"),
        pytest.param("2023-11-20", True, id="not before"),
        pytest.param("2026-12-25", False, id="Christmas"),
    ],
)
def test_banking_days(day: str, settles: bool) -> None:
    """Weekends and the banks' national holidays are none."""
    assert is_banking_day(date.fromisoformat(day)) is settles


def test_counting() -> None:
    """Days without banks are skipped both ways; none asked for means the nearest one."""
    friday, monday = date(2026, 3, 6), date(2026, 3, 9)
    assert banking_days_after(friday, 1) == monday
    assert banking_days_before(monday, 1) == friday
    assert banking_days_after(date(2026, 3, 7), 0) == monday
    assert banking_days_before(date(2026, 3, 8), 0) == friday
    with pytest.raises(ValueError, match="negative"):
        banking_days_after(friday, -1)


def test_days_are_brasilias() -> None:
    """A day ends at midnight there, three hours after midnight in UTC."""
    assert end_of_day(date(2026, 3, 2)) == datetime(2026, 3, 3, 2, 59, 59, tzinfo=UTC)
    assert day_of(datetime(2026, 3, 3, 2, 59, tzinfo=UTC)) == date(2026, 3, 2)
