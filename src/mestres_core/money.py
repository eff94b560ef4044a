"""Money for users of the package: the arithmetic of `mestres_core.rules.money` under its public name."""

from mestres_core.rules.money import (
    CurrencyMismatch,
    Money,
    allocate,
    digits,
    percent_of,
    round_half_down,
    round_half_even,
    round_half_up,
    split,
    truncate,
)

__all__ = [
    "CurrencyMismatch",
    "Money",
    "allocate",
    "digits",
    "percent_of",
    "round_half_down",
    "round_half_even",
    "round_half_up",
    "split",
    "truncate",
]
