"""Checking arguments: every wrong field is collected, then one ValidationError names them all."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from mestres_core.errors import FieldError, ValidationError
from mestres_core.rules.money import EXACT

_UNSTORABLE = re.compile("[\\0\\ud800-\\udfff]")
_EMAIL = re.compile(r"[^@\s\"(),:;<>\[\]\\]+@[^@\s.]+(\.[^@\s.]+)+")
BIGGEST_ID = 2**63 - 1
BIGGEST_AMOUNT = 10**12
LONGEST_TIME = timedelta(days=36_500)


def storable(value: str) -> bool:
    """Whether a database takes the text: no NUL, no half of a surrogate pair."""
    return _UNSTORABLE.search(value) is None


def _parts(percent: Decimal) -> int | None:
    """Parts per million; None where they are not whole."""
    parts = EXACT.multiply(percent, Decimal(10_000))
    return None if EXACT.remainder(parts, Decimal(1)) else int(parts)


class Checks:
    """Collects what is wrong. The checking methods return the value, or a harmless one when it is wrong."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []

    def wrong(self, field: str, reason: str, /, **data: Any) -> None:
        """Note one wrong field."""
        self.errors.append(FieldError.of(field, reason, **data))

    def text(self, field: str, value: Any, *, limit: int, required: bool = True) -> str:
        """Text of at most `limit` characters, stripped; empty only when not required."""
        if value is None and not required:
            return ""
        if not isinstance(value, str):
            self.wrong(field, "required" if value is None else "not_text")
            return ""
        stripped: str = value.strip()
        if not storable(stripped):
            self.wrong(field, "invalid", reason="control characters")
        elif len(stripped) > limit:
            self.wrong(field, "too_long", limit=limit)
        elif required and not stripped:
            self.wrong(field, "required")
        return stripped

    def whole(self, field: str, value: Any, *, at_least: int, at_most: int) -> int:
        """A whole number within bounds; bool is not one."""
        if type(value) is not int:
            self.wrong(field, "required" if value is None else "not_integer")
            return at_least
        if value < at_least:
            self.wrong(field, "too_small", limit=at_least)
        elif value > at_most:
            self.wrong(field, "too_large", limit=at_most)
        else:
            return value
        return at_least

    def ppm(self, field: str, percent: Any, *, at_most: int = 1000) -> int:
        """Parts per million for a number of per cent, at least 0, with at most four decimals: "18" is 180,000."""
        try:
            exact = Decimal(str(percent)) if isinstance(percent, int | float | str | Decimal) else Decimal("NaN")
        except InvalidOperation:
            exact = Decimal("NaN")
        if percent is None:
            self.wrong(field, "required")
        elif isinstance(percent, bool) or not exact.is_finite() or not 0 <= exact <= at_most or _parts(exact) is None:
            reason = f"must be a number from 0 to {at_most} with at most four decimals"
            self.wrong(field, "invalid", reason=reason)
        else:
            return _parts(exact) or 0
        return 0

    def time(self, field: str, value: Any, *, at_least: timedelta = timedelta(0)) -> timedelta:
        """A length of time of at most a hundred years."""
        if isinstance(value, timedelta) and at_least <= value <= LONGEST_TIME:
            return value
        self.wrong(field, "invalid", reason=f"must be a timedelta of {at_least} to {LONGEST_TIME.days} days")
        return at_least

    def choice(self, field: str, value: Any, choices: Collection[str]) -> str:
        """One of `choices`."""
        if isinstance(value, str) and value in choices:
            return value
        self.wrong(field, "unknown", choices=", ".join(choices))
        return next(iter(choices), "")

    def mapping(self, field: str, value: Any, allowed: Collection[str]) -> Mapping[str, Any]:
        """An object whose keys are all in `allowed`."""
        if not isinstance(value, Mapping):
            self.wrong(field, "required" if value is None else "not_mapping")
            return {}
        for key in value:
            if key not in allowed:
                self.wrong(f"{field}.{str(key)[:40]}", "unexpected")
        return value

    def email(self, field: str, value: Any) -> str:
        """An e-mail address, by its shape."""
        address = self.text(field, value, limit=254)
        if address and not _EMAIL.fullmatch(address):
            self.wrong(field, "invalid_email")
        return address

    def done(self) -> None:
        """Raise ValidationError when anything was wrong."""
        if self.errors:
            raise ValidationError(*self.errors)
