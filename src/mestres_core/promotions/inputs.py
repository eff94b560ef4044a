"""Checking what is said of promotions and codes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mestres_core.promotions.definitions import NO_WORDS, Words, check_catalogue, read_actions, read_conditions
from mestres_core.rules.checks import BIGGEST_AMOUNT, Checks
from mestres_core.rules.money import Money

LONGEST_CODE = 40
LONGEST_KEY = 80
_MOST_TIMES = 2**31 - 1
_WHOLE = 10_000  # basis points
_HIGHEST = 1_000_000


def folded(code: str) -> str:
    """A code as it is kept: in capitals, without blanks around it."""
    return code.strip().upper()


def check_code(checks: Checks, code: object, field: str = "code") -> str:
    """A code of 1 to 40 characters."""
    text = folded(checks.text(field, code, limit=LONGEST_CODE))
    if len(text) > LONGEST_CODE:  # some letters are two as capitals
        checks.wrong(field, "too_long", limit=LONGEST_CODE)
    return text


def check_worth(checks: Checks, percent: float | None, amount: int | None) -> dict[str, Any]:
    """What a coupon does, as an action."""
    if (percent is None) == (amount is None):
        checks.wrong("percent", "invalid", reason="give either percent or amount")
        return {}
    if percent is None:
        return {"type": "fixed", "amount": checks.whole("amount", amount, at_least=1, at_most=BIGGEST_AMOUNT)}
    if isinstance(percent, bool) or not isinstance(percent, int | float):
        checks.wrong("percent", "invalid", reason="must be a number above 0, at most 100")
        return {}
    points = round(percent * 100) if 0 < percent <= 100 else 0  # noqa: PLR2004 - per cent
    if not 0 < points <= _WHOLE or abs(points - percent * 100) > 1e-9:  # noqa: PLR2004
        checks.wrong("percent", "invalid", reason="must be above 0, at most 100, with at most two decimals")
    return {"type": "percent", "percent": points / 100}


def check_currency(checks: Checks, currency: Any) -> None:
    """A code of three capital letters."""
    try:
        Money(0, currency)
    except (ValueError, TypeError) as error:
        checks.wrong("currency", "invalid", reason=str(error))


def check_span(checks: Checks, starts_at: Any, ends_at: Any) -> None:
    """Two moments in their order, or None for no bound."""
    for name, value in (("starts_at", starts_at), ("ends_at", ends_at)):
        if value is not None and (not isinstance(value, datetime) or value.tzinfo is None):
            checks.wrong(name, "invalid", reason="must be a datetime with a time zone")
            return
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        checks.wrong("ends_at", "invalid", reason="must be after starts_at")


def check_limit(checks: Checks, field: str, value: Any, *, at_most: int = _MOST_TIMES) -> None:
    """A number of at least one, or None for no limit."""
    if value is not None:
        checks.whole(field, value, at_least=1, at_most=at_most)


def check_flag(checks: Checks, field: str, value: Any) -> None:
    """True or false."""
    if not isinstance(value, bool):
        checks.wrong(field, "not_boolean")


def check_promotion(checks: Checks, of: Mapping[str, Any], words: Words = NO_WORDS) -> dict[str, Any]:
    """The fields of `PromotionService.save`; returns the columns to be written."""
    conditions = read_conditions(checks, of["conditions"], words)
    actions = read_actions(checks, of["actions"], words)
    name = checks.text("name", of["name"], limit=120)
    checks.choice("kind", of["kind"], ("cart", "catalog"))
    checks.choice("lane", of["lane"], ("pre", "default", "post"))
    checks.choice("stacking", of["stacking"], ("all", "best", "stop"))
    checks.whole("priority", of["priority"], at_least=-_HIGHEST, at_most=_HIGHEST)
    if of["currency"] is not None:
        check_currency(checks, of["currency"])
    check_span(checks, of["starts_at"], of["ends_at"])
    for field in ("active", "needs_code", "reusable", "exclusive"):
        check_flag(checks, field, of[field])
    for field in ("most_uses", "most_uses_per_customer"):
        check_limit(checks, field, of[field])
    check_limit(checks, "budget", of["budget"], at_most=BIGGEST_AMOUNT)
    if of["budget"] is not None and of["currency"] is None:
        checks.wrong("currency", "required")
    if of["kind"] == "catalog":
        check_catalogue(checks, conditions, actions)
        for field in ("most_uses", "most_uses_per_customer", "budget", "needs_code"):
            if of[field]:
                checks.wrong(field, "invalid", reason="a catalogue promotion is for everybody")
    checks.done()
    kept = ("conditions", "actions", "priority", "lane", "exclusive", "stacking")
    definition = {field: _plain(of[field]) for field in kept}
    columns = {field: value for field, value in of.items() if field not in kept}
    return columns | {"name": name, "definition": definition}


def _plain(value: Any) -> Any:
    """As JSON takes it: tuples and sets become lists."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(value)
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
