"""What a coupon takes off. Pure.

Rules: a percentage is taken off each line by itself, `line - round(line * (100 - percent) / 100)`, halves away from
zero; a fixed amount never takes off more than is there; coupons count in the order in which they were put in, each on
what the earlier ones have left.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from mestres_core.rules.money import allocate, percent_of

PERCENT = "percent"
FIXED = "fixed"


def taken_off(kind: str, value: int, lines: Sequence[int]) -> list[int]:
    """What `value` (basis points, or minor units) takes off each of these line amounts (minor units)."""
    if kind == PERCENT:
        return [percent_of(line, Fraction(value, 100)) for line in lines]
    total = sum(lines)
    return allocate(min(value, total), lines) if total else [0] * len(lines)
