"""Checking what is said of a cart: whose it is, and the buyer's wishes for a line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from mestres_core.cart.dto import Wishes
from mestres_core.rules.checks import Checks, storable
from mestres_core.rules.money import Money

MOST_WISHES = 20
_LONGEST_NAME = 60
_LONGEST_VALUE = 400
_BIGGEST = 2**53


def check_currency(checks: Checks, currency: Any) -> str:
    """A code of three capital letters."""
    try:
        Money(0, currency)
    except (ValueError, TypeError) as error:
        checks.wrong("currency", "invalid", reason=str(error))
    return str(currency)


def check_version(checks: Checks, version: Any) -> None:
    """A version that the caller expects, or None."""
    if version is not None:
        checks.whole("expected_version", version, at_least=0, at_most=2**31 - 1)


def check_optional(checks: Checks, field: str, value: Any, *, limit: int) -> str | None:
    """Text of 1 to `limit` characters, or None."""
    return None if value is None else checks.text(field, value, limit=limit)


def check_wishes(checks: Checks, value: Any) -> tuple[Wishes, str]:
    """(the wishes by name, a key that is equal for equal wishes and empty for none).

    At most 20 names of 1 to 60 characters; values are text (at most 400 characters), whole numbers or booleans.
    """
    if value is None:
        return {}, ""
    if not isinstance(value, Mapping):
        checks.wrong("attributes", "not_mapping")
        return {}, ""
    if len(value) > MOST_WISHES:
        checks.wrong("attributes", "too_many", limit=MOST_WISHES)
        return {}, ""
    wishes: dict[str, str | int | bool] = {}
    for name, wish in value.items():
        if not isinstance(name, str) or not storable(name) or not 0 < len(name.strip()) <= _LONGEST_NAME:
            checks.wrong("attributes", "invalid", reason="names must be text of 1 to 60 characters")
        elif isinstance(wish, str):
            wishes[name.strip()] = checks.text(f"attributes.{name}", wish, limit=_LONGEST_VALUE, required=False)
        elif isinstance(wish, bool) or (isinstance(wish, int) and -_BIGGEST < wish < _BIGGEST):
            wishes[name.strip()] = wish
        else:
            checks.wrong(f"attributes.{name}", "invalid", reason="must be text, a whole number, true or false")
    return wishes, _key(wishes)


def _key(wishes: Wishes) -> str:
    if not wishes:
        return ""
    text = json.dumps(wishes, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
