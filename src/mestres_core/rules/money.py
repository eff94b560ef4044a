"""Money in whole minor units, and the one rounding policy of this package.

Amounts are integers of the currency's smallest unit (4590 is R$ 45,90). Halves round away from zero. A total is shared
out by largest remainder: everyone gets the floor of their exact share, the units left over go to the largest
remainders, ties to the lower index, and a negative total is the mirror image of the positive one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Final

Number = int | float | Decimal | Fraction | str

# ISO 4217 minor units other than two. Locale libraries differ from the standard (IQD, RSD, LBP and others), so the
# table is kept here.
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_FOUR = "CLF UYW"
_DIGITS: Final = {code: count for count, codes in ((0, _NONE), (3, _THREE), (4, _FOUR)) for code in codes.split()}
_CODE_LENGTH: Final = 3


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
        code = self.currency
        if not (isinstance(code, str) and len(code) == _CODE_LENGTH and code.isascii() and code.isupper()):
            raise ValueError(f"currency must be three capital letters such as 'BRL', not {code!r}")

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
        if other.currency != self.currency:
            raise CurrencyMismatch(self.currency, other.currency)
        return other.amount

    def to_decimal(self) -> Decimal:
        """In major units: Money(4590, "BRL").to_decimal() == Decimal("45.90")."""
        return Decimal(self.amount).scaleb(-digits(self.currency))


def allocate(total: int, weights: Sequence[Number]) -> list[int]:
    """Share `total` out by `weights`, losing nothing: the shares add up to it.

    Largest remainder, ties to the lower index; allocate(-x, w) is -allocate(x, w). When all weights are zero the
    shares are even. Raises ValueError for no weights or a negative one.
    """
    if type(total) is not int:
        raise TypeError(f"total must be an int of minor units, not {total!r}")
    exact = [_exact(weight) for weight in weights]
    if not exact:
        raise ValueError("weights must not be empty: there is nobody to give the total to")
    if any(weight < 0 for weight in exact):
        raise ValueError("weights must not be negative")
    if not any(exact):
        exact = [Fraction(1)] * len(exact)
    if total < 0:
        return [-share for share in allocate(-total, exact)]
    whole = sum(exact)
    quotas = [total * weight / whole for weight in exact]
    shares = [int(quota) for quota in quotas]
    by_remainder = sorted(range(len(quotas)), key=lambda index: (shares[index] - quotas[index], index))
    for index in by_remainder[: total - sum(shares)]:
        shares[index] += 1
    return shares


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


def percent_of(amount: int, percent: Number, rounding: Callable[[Number], int] = round_half_up) -> int:
    """What remains to be taken off a line for `percent` of it: line - round(line * (100 - percent) / 100)."""
    return amount - rounding(Fraction(amount) * (100 - _exact(percent)) / 100)


def _exact(value: Number) -> Fraction:
    if isinstance(value, bool):
        raise TypeError(f"{value!r} is not a number")
    # A float means what it prints: 2.675 is taken as 2.675, not as the binary 2.67499999..., so it rounds as written.
    return Fraction(repr(value)) if isinstance(value, float) else Fraction(value)


def _round(value: Number, mode: str) -> int:
    exact = _exact(value)
    whole, rest = divmod(abs(exact.numerator), exact.denominator)
    twice = 2 * rest
    up = {
        ROUND_HALF_UP: twice >= exact.denominator,
        ROUND_HALF_DOWN: twice > exact.denominator,
        ROUND_HALF_EVEN: twice > exact.denominator or (twice == exact.denominator and whole % 2 == 1),
        ROUND_DOWN: False,
    }[mode]
    rounded = whole + (1 if up and rest else 0)
    return -rounded if exact < 0 else rounded
