"""Money in whole minor units, and the one rounding policy of this package.

Amounts are integers of the currency's smallest unit (4590 is R$ 45,90). Halves round away from zero. A total is shared
out by largest remainder: everyone gets the floor of their exact share, the units left over go to the largest
remainders, ties to the lower index, and a negative total is the mirror image of the positive one. docs/policy.md has
every rule with an example.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Context, Decimal
from fractions import Fraction
from typing import Final

Number = int | float | Decimal | Fraction | str
Rounding = Callable[[Number], int]
"""From an exact number to a whole one: round_half_up and its kin."""

# ISO 4217 minor units other than two. Locale libraries differ from the standard (IQD, RSD, LBP and others), so the
# table is kept here.
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_FOUR = "CLF UYW"
_DIGITS: Final = {code: count for count, codes in ((0, _NONE), (3, _THREE), (4, _FOUR)) for code in codes.split()}
EXACT: Final = Context(prec=60)
"""For arithmetic with Decimals: a host may have set another precision for its own."""
_CODE: Final = re.compile(r"[A-Z]{3}")


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies were added or compared."""

    def __init__(self, left: str, right: str) -> None:
        super().__init__(f"cannot combine {left} with {right}: convert one of them first")


def digits(currency: str) -> int:
    """How many decimal places a currency has by ISO 4217 (BRL 2, JPY 0, KWD 3)."""
    return _DIGITS.get(currency, 2)


@dataclass(frozen=True, slots=True)
class Money:
    """`amount` minor units of `currency` (ISO 4217, three capital letters).

    Raises TypeError when the amount is not an int and ValueError when the currency is not a code.
    """

    amount: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.amount) is not int:
            raise TypeError(f"amount must be an int of minor units, not {self.amount!r}")
        if not isinstance(self.currency, str) or _CODE.fullmatch(self.currency) is None:
            raise ValueError(f"currency must be three capital letters such as 'BRL', not {self.currency!r}")

    @classmethod
    def parse(cls, value: Number, currency: str) -> Money:
        """From major units: Money.parse("45.90", "BRL") is 4590 minor units. Halves go away from zero."""
        return cls(round_half_up(_exact(value) * 10 ** digits(currency)), currency)

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other), self.currency)

    def __mul__(self, factor: int) -> Money:
        if type(factor) is not int:
            raise TypeError("multiply money by a whole number; for a share use allocate()")
        return Money(self.amount * factor, self.currency)

    __rmul__ = __mul__

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def __bool__(self) -> bool:
        return self.amount != 0

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._same(other)

    def __gt__(self, other: Money) -> bool:
        return self.amount > self._same(other)

    def __ge__(self, other: Money) -> bool:
        return self.amount >= self._same(other)

    def _same(self, other: Money) -> int:
        if not isinstance(other, Money):
            raise TypeError(f"money goes with money of the same currency, not with {other!r}")
        if other.currency != self.currency:
            raise CurrencyMismatch(self.currency, other.currency)
        return other.amount

    def to_decimal(self) -> Decimal:
        """In major units: Money(4590, "BRL").to_decimal() == Decimal("45.90")."""
        return Decimal(self.amount).scaleb(-digits(self.currency), EXACT)


def allocate(total: int, weights: Sequence[Number]) -> list[int]:
    """Share `total` out by `weights`, losing nothing: the shares add up to it.

    Largest remainder, ties to the lower index; allocate(-x, w) is -allocate(x, w). When all weights are zero the
    shares are even. Raises ValueError for no weights or a negative one.
    """
    if type(total) is not int:
        raise TypeError(f"total must be an int of minor units, not {total!r}")
    shares = _shared(abs(total), _whole_weights(weights))
    return [-share for share in shares] if total < 0 else shares


def allocate_capped(total: int, weights: Sequence[Number], caps: Sequence[int]) -> list[int]:
    """`allocate`, but nobody gets more than their cap (minor units); what no cap has room for stays unspent.

    Whoever's share would exceed the cap gets the cap; the rest is shared out among the others by their weights, until
    all shares fit. So a cap that is not reached changes nothing, and total - sum(shares) is what was not spent. A
    weight of zero gets nothing unless all of them are zero. allocate_capped(-x, w, c) is -allocate_capped(x, w, c).
    Raises as `allocate` does, and ValueError for a negative cap or another number of caps than of weights.
    """
    if type(total) is not int:
        raise TypeError(f"total must be an int of minor units, not {total!r}")
    whole = _whole_weights(weights)
    if len(caps) != len(whole):
        raise ValueError(f"there must be one cap for each weight: {len(caps)} caps, {len(whole)} weights")
    if any(type(cap) is not int or cap < 0 for cap in caps):
        raise ValueError("caps must be whole minor units, not negative")
    shares, left = [0] * len(whole), abs(total)
    open_ = [index for index, weight in enumerate(whole) if weight]
    while open_ and left:
        weight = sum(whole[index] for index in open_)
        full = [index for index in open_ if left * whole[index] > caps[index] * weight]
        if not full:
            for index, share in zip(open_, _shared(left, [whole[index] for index in open_]), strict=True):
                shares[index] = share
            break
        for index in full:
            shares[index] = caps[index]
            left -= caps[index]
        open_ = [index for index in open_ if index not in set(full)]
    return [-share for share in shares] if total < 0 else shares


def split(total: int, n: int) -> list[int]:
    """Share `total` out into `n` parts that differ by at most one: 1000 by 3 is [334, 333, 333].

    Raises ValueError when `n` is below one.
    """
    if type(n) is not int or n < 1:
        raise ValueError(f"n must be a whole number of at least 1, not {n!r}")
    return allocate(total, [1] * n)


def round_half_up(value: Number) -> int:
    """To the nearest whole; halves away from zero (2.5 -> 3, -2.5 -> -3). The default of this package."""
    return _round(value, ROUND_HALF_UP)


def round_half_even(value: Number) -> int:
    """To the nearest whole; halves to the even neighbour (2.5 -> 2, 3.5 -> 4)."""
    return _round(value, ROUND_HALF_EVEN)


def round_half_down(value: Number) -> int:
    """To the nearest whole; halves towards zero (12.5 -> 12)."""
    return _round(value, ROUND_HALF_DOWN)


def truncate(value: Number) -> int:
    """Towards zero (2.9 -> 2, -2.9 -> -2)."""
    return _round(value, ROUND_DOWN)


def round_up(value: Number) -> int:
    """Away from zero (2.1 -> 3, -2.1 -> -3)."""
    return _round(value, ROUND_UP)


ROUNDINGS: Final[Mapping[str, Rounding]] = {
    "half_up": round_half_up,
    "half_even": round_half_even,
    "half_down": round_half_down,
    "truncate": truncate,
    "up": round_up,
}
"""The roundings by the names that settings have for them."""


def round_to(amount: int, step: int, rounding: Rounding = round_half_up) -> int:
    """To a multiple of `step` minor units: prices that are paid in coins of five, or card amounts in steps of ten.

    Raises ValueError when `step` is below one.
    """
    if type(step) is not int or step < 1:
        raise ValueError(f"step must be a whole number of at least 1, not {step!r}")
    return rounding(Fraction(amount, step)) * step


def percent_of(amount: int, percent: Number, rounding: Rounding = round_half_up) -> int:
    """What remains to be taken off a line for `percent` of it: line - round(line * (100 - percent) / 100)."""
    return amount - rounding(Fraction(amount) * (100 - _exact(percent)) / 100)


def _exact(value: Number) -> Fraction:
    if isinstance(value, bool):
        raise TypeError(f"{value!r} is not a number")
    # A float means what it prints: 2.675 is taken as 2.675, not as the binary 2.67499999..., so it rounds as written.
    return Fraction(repr(value)) if isinstance(value, float) else Fraction(value)


def _whole_weights(weights: Sequence[Number]) -> list[int]:
    """The weights as whole numbers in the same proportion; all ones when all are zero. Raises ValueError."""
    if all(type(weight) is int for weight in weights):
        whole: list[int] = list(weights)  # type: ignore[arg-type] # the line above
    else:
        exact = [_exact(weight) for weight in weights]
        common = math.lcm(*(weight.denominator for weight in exact))
        whole = [int(weight * common) for weight in exact]
    if not whole:
        raise ValueError("weights must not be empty: there is nobody to give the total to")
    if min(whole) < 0:
        raise ValueError("weights must not be negative")
    return whole if any(whole) else [1] * len(whole)


def _shared(total: int, weights: Sequence[int]) -> list[int]:
    """Largest remainder, for a total that is not negative and weights of which one is above zero."""
    whole = sum(weights)
    parts = [divmod(total * weight, whole) for weight in weights]
    shares = [share for share, _ in parts]
    left = total - sum(shares)
    if left:
        for index in sorted(range(len(parts)), key=lambda index: -parts[index][1])[:left]:
            shares[index] += 1
    return shares


def _round(value: Number, mode: str) -> int:
    exact = value if type(value) is Fraction else _exact(value)
    whole, rest = divmod(abs(exact.numerator), exact.denominator)
    twice = 2 * rest
    up = {
        ROUND_HALF_UP: twice >= exact.denominator,
        ROUND_HALF_DOWN: twice > exact.denominator,
        ROUND_HALF_EVEN: twice > exact.denominator or (twice == exact.denominator and whole % 2 == 1),
        ROUND_DOWN: False,
        ROUND_UP: True,
    }[mode]
    rounded = whole + (1 if up and rest else 0)
    return -rounded if exact < 0 else rounded
