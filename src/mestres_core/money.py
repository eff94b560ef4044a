"""Money for users of the package: the arithmetic of `mestres_core.rules.money` under its public name."""

from mestres_core.rules.formatting import format_money
from mestres_core.rules.money import (
    ROUNDINGS,
    CurrencyMismatch,
    Money,
    allocate,
    allocate_capped,
    digits,
    percent_of,
    round_half_down,
    round_half_even,
    round_half_up,
    round_to,
    round_up,
    split,
    truncate,
)

__all__ = [
    "ROUNDINGS",
    "CurrencyMismatch",
    "Money",
    "allocate",
    "allocate_capped",
    "digits",
    "format_money",
    "percent_of",
    "round_half_down",
    "round_half_even",
    "round_half_up",
    "round_to",
    "round_up",
    "split",
    "truncate",
]
