"""Checking what is said of prices and lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from mestres_core.pricing.dto import SpecialPrice
from mestres_core.promotions.inputs import check_flag, check_span
from mestres_core.rules.checks import BIGGEST_AMOUNT, Checks

MOST_PRICES = 100
_MOST_PIECES = 10**6
_FIELDS = tuple(field.name for field in fields(SpecialPrice))


def check_buyer(checks: Checks, *, group: Any, channel: Any, at: Any) -> None:
    """A group or None, a channel, an aware moment or None."""
    if group is not None:
        checks.text("group", group, limit=80)
    checks.text("channel", channel, limit=40)
    if at is not None and (not isinstance(at, datetime) or at.tzinfo is None):
        checks.wrong("at", "invalid", reason="must be a datetime with a time zone")


def check_list(checks: Checks, values: Mapping[str, Any]) -> None:
    """The columns of a price list."""
    checks.text("name", values["name"], limit=120, required=False)
    for field, column, limit in (("group", "customer_group", 80), ("channel", "channel", 40)):
        if values[column] is not None:
            checks.text(field, values[column], limit=limit)
    checks.whole("priority", values["priority"], at_least=-(10**6), at_most=10**6)
    check_flag(checks, "sale", values["sale"])
    check_flag(checks, "active", values["active"])
    check_span(checks, values["starts_at"], values["ends_at"])


def check_prices(checks: Checks, prices: Any) -> list[SpecialPrice]:
    """Prices beside the plain one; two of the same group, channel, time and quantity are refused."""
    if not isinstance(prices, list | tuple):
        checks.wrong("prices", "not_list")
        return []
    if len(prices) > MOST_PRICES:
        checks.wrong("prices", "too_many", limit=MOST_PRICES)
        return []
    found: dict[tuple[Any, ...], SpecialPrice] = {}
    for number, each in enumerate(prices):
        draft = _price(f"prices[{number}]", each, checks)
        if draft is None:
            continue
        identity = (draft.min_quantity, draft.group, draft.channel, draft.starts_at, draft.ends_at)
        if identity in found:
            checks.wrong(f"prices[{number}]", "invalid", reason="is there twice")
        found[identity] = draft
    return list(found.values())


def _price(at: str, value: Any, checks: Checks) -> SpecialPrice | None:
    before = len(checks.errors)
    given = asdict(value) if isinstance(value, SpecialPrice) else checks.mapping(at, value, _FIELDS)
    checks.whole(f"{at}.amount", given.get("amount"), at_least=0, at_most=BIGGEST_AMOUNT)
    checks.whole(f"{at}.min_quantity", given.get("min_quantity", 1), at_least=1, at_most=_MOST_PIECES)
    for field, limit in (("group", 80), ("channel", 40)):
        if given.get(field) is not None:
            checks.text(f"{at}.{field}", given[field], limit=limit)
    span = Checks()
    check_span(span, given.get("starts_at"), given.get("ends_at"))
    for error in span.errors:
        checks.wrong(f"{at}.{error.field}", error.reason, **dict(error.data))
    return None if len(checks.errors) > before else SpecialPrice(**given)
