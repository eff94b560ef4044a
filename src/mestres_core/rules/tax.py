"""Taxes of lines. Pure: whole minor units in, whole minor units out.

The amount of a line is what the buyer sees after discounts. What a rate of r does to it depends on the rate's mode:

- exclusive: r of the amount is added to it (sales tax, IPI).
- inclusive: the amount contains r of the net, so amount * r / (1 + r) is tax (VAT in shop prices).
- gross, "por dentro": r of the amount itself is tax and contained in it (ICMS): 18 % of 100,00 is 18,00.

Several rates of one mode stand beside each other. A compound one stands on those before it: an exclusive one is also
of what they have added, an inclusive one also of what they contain, a gross one is of the amount without them.
Inclusive rates are of the net that contains no tax at all, so also none of the gross ones. An informational rate is
worked out like any other of its mode, and shown, but is part of nothing.

Each part of each line is rounded by itself ("line"); or of each piece, times the pieces ("unit"); or once for the whole
order and shared out to its lines by largest remainder ("order"). Whatever is chosen, net + parts = gross.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Final

from mestres_core.rules.money import Rounding, allocate, round_half_up

EXCLUSIVE: Final = "exclusive"
INCLUSIVE: Final = "inclusive"
GROSS: Final = "gross"
MODES: Final = (EXCLUSIVE, INCLUSIVE, GROSS)
LEVELS: Final = ("line", "unit", "order")
MILLION: Final = 1_000_000
"""Rates are in parts per million: 18 % is 180,000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A tax of `ppm` parts per million (230,000 is 23 %).

    `mode` is exclusive, inclusive or gross. `informational`: shown, but neither added nor contained. `compound`: stands
    on the rates of the same mode before it. Raises ValueError for another mode, a negative rate, a gross one of 100 %.
    """

    name: str
    ppm: int
    mode: str = EXCLUSIVE
    informational: bool = False
    compound: bool = False

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}, not {self.mode!r}")
        if type(self.ppm) is not int or self.ppm < 0:
            raise ValueError(f"ppm must be a whole number, not below zero, not {self.ppm!r}")
        if self.mode == GROSS and self.ppm >= MILLION:
            raise ValueError("a rate on the gross price must be below 100 %")

    @property
    def added(self) -> bool:
        """Whether the buyer pays it on top of the amount."""
        return self.mode == EXCLUSIVE and not self.informational

    @property
    def contained(self) -> bool:
        """Whether the amount contains it."""
        return self.mode != EXCLUSIVE and not self.informational


@dataclass(frozen=True, slots=True, kw_only=True)
class Taxable:
    """A line to be taxed: `amount` minor units after discounts for all `quantity` pieces of it."""

    key: Hashable
    amount: int
    quantity: int = 1
    rates: tuple[Rate, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Taxed:
    """A line and its taxes in minor units: `net` contains none of them, `gross` is what the buyer pays.

    `parts` has (rate, minor units) in the order of the rates. net + the parts that are not informational = gross, and
    gross - added is the amount that was given.
    """

    key: Hashable
    net: int
    gross: int
    parts: tuple[tuple[Rate, int], ...] = ()

    @property
    def added(self) -> int:
        """What comes on top of the amount."""
        return sum(tax for rate, tax in self.parts if rate.added)

    @property
    def included(self) -> int:
        """What the amount contains."""
        return sum(tax for rate, tax in self.parts if rate.contained)


def tax(taxables: Iterable[Taxable], *, level: str = "line", rounding: Rounding = round_half_up) -> tuple[Taxed, ...]:
    """The taxes of each line, in the given order.

    `level` says what is rounded: each "line", each piece ("unit"), or each rate's sum over the whole "order". Raises
    ValueError for another level, a negative amount, a quantity below one, gross rates of 100 % or more together.
    """
    lines = tuple(taxables)
    if level not in LEVELS:
        raise ValueError(f"level must be one of {', '.join(LEVELS)}, not {level!r}")
    for line in lines:
        _check(line)
    if level == "order":
        return _by_order(lines, rounding)
    by = _of_units if level == "unit" else _of_line
    return tuple(_taxed(line, by(line, rounding)) for line in lines)


def _check(line: Taxable) -> None:
    if type(line.amount) is not int or line.amount < 0:
        raise ValueError(f"amount must be whole minor units, not below zero, not {line.amount!r}")
    if type(line.quantity) is not int or line.quantity < 1:
        raise ValueError(f"quantity must be a whole number of at least 1, not {line.quantity!r}")
    if sum(rate.ppm for rate in line.rates if rate.mode == GROSS and rate.contained) >= MILLION:
        raise ValueError("rates on the gross price must be below 100 % together")


def _taxed(line: Taxable, taxes: Sequence[int]) -> Taxed:
    parts = tuple(zip(line.rates, taxes, strict=True))
    added = sum(tax for rate, tax in parts if rate.added)
    contained = sum(tax for rate, tax in parts if rate.contained)
    return Taxed(key=line.key, net=line.amount - contained, gross=line.amount + added, parts=parts)


def _of_line(line: Taxable, rounding: Rounding) -> list[int]:
    return [_rounded(line.amount, share, rounding) for share in _shares(line.rates)]


def _of_units(line: Taxable, rounding: Rounding) -> list[int]:
    """Each piece is rounded by itself. The pieces of a line differ by one minor unit at most, as `split` makes them."""
    small, larger = divmod(line.amount, line.quantity)
    return [
        _rounded(small + 1, share, rounding) * larger + _rounded(small, share, rounding) * (line.quantity - larger)
        for share in _shares(line.rates)
    ]


def _rounded(amount: int, share: Fraction, rounding: Rounding) -> int:
    if rounding is not round_half_up:
        return rounding(amount * share)
    whole, rest = divmod(amount * share.numerator, share.denominator)  # the same as the line above, ten times as fast
    return whole + (2 * rest >= share.denominator)


def _by_order(lines: Sequence[Taxable], rounding: Rounding) -> tuple[Taxed, ...]:
    """Each rate's sum over the order is rounded once; its lines get their shares of it by largest remainder."""
    exact: dict[tuple[Rate, int], list[tuple[int, Fraction]]] = {}
    taxes = [[0] * len(line.rates) for line in lines]
    for index, line in enumerate(lines):
        for place, (rate, share) in enumerate(zip(line.rates, _shares(line.rates), strict=True)):
            exact.setdefault((rate, line.rates[:place].count(rate)), []).append((index, line.amount * share))
    for (rate, nth), amounts in exact.items():
        whole = rounding(sum((amount for _, amount in amounts), Fraction(0)))
        for (index, _), part in zip(amounts, allocate(whole, [amount for _, amount in amounts]), strict=True):
            taxes[index][_nth(lines[index].rates, rate, nth)] = part
    return tuple(_taxed(line, parts) for line, parts in zip(lines, taxes, strict=True))


def _nth(rates: Sequence[Rate], rate: Rate, nth: int) -> int:
    return [place for place, each in enumerate(rates) if each == rate][nth]


@lru_cache(maxsize=512)  # the lines of a cart have few different rates between them
def _shares(rates: tuple[Rate, ...]) -> tuple[Fraction, ...]:
    """What part of the line's amount each rate takes, exactly."""
    contained = Fraction(0)  # of the amount, by rates on the gross price
    gross: list[Fraction] = []
    for rate in rates:
        share = Fraction(rate.ppm, MILLION) * (1 - contained if rate.compound else 1) if rate.mode == GROSS else None
        if share is not None:
            gross.append(share)
            contained += share if rate.contained else 0
    within = _inclusive([rate for rate in rates if rate.mode == INCLUSIVE], 1 - contained)
    added = Fraction(0)
    shares = []
    for rate in rates:
        if rate.mode == GROSS:
            share = gross.pop(0)
        elif rate.mode == INCLUSIVE:
            share = within.pop(0)
        else:
            share = Fraction(rate.ppm, MILLION) * (1 + added if rate.compound else 1)
            added += share if rate.added else 0
        shares.append(share)
    return tuple(shares)


def _inclusive(rates: Sequence[Rate], amount: Fraction | int) -> list[Fraction]:
    """The parts of inclusive rates in `amount`, which contains all of them that are not informational.

    An informational one is worked out as if the amount contained it, too.
    """
    of_net = []
    tower = Fraction(1)  # the net and the taxes on it so far, as a multiple of the net
    for rate in rates:
        part = Fraction(rate.ppm, MILLION) * (tower if rate.compound else 1)
        of_net.append(part)
        tower += part if rate.contained else 0
    return [
        amount / (tower if rate.contained else tower + part) * part for rate, part in zip(rates, of_net, strict=True)
    ]
