"""A shop's own rounding, held to what rounding is. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from mestres_core.errors import ExtensionFailed
from mestres_core.rules.money import Number, Rounding


def within(own: Callable[..., Any], currency: str) -> Rounding:
    """`own(amount, currency=...)` as a rounding: of amounts below zero it is the mirror image.

    The rounding raises ExtensionFailed for an answer that is not one of the two whole numbers around the amount.
    """

    def rounding(value: Number) -> int:
        exact = Fraction(repr(value)) if isinstance(value, float) else Fraction(value)
        size = abs(exact)
        if size.denominator == 1:
            return int(exact)
        answer = own(size, currency=currency)
        if type(answer) is not int or answer not in (math.floor(size), math.ceil(size)):
            reason = f"{size} must become {math.floor(size)} or {math.ceil(size)}, not {answer!r}"
            raise ExtensionFailed("the rounding policy", reason)
        return -answer if exact < 0 else answer

    return rounding
