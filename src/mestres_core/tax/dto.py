"""What taxes take and give."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from mestres_core.rules.money import EXACT, ROUNDINGS, Money, Rounding
from mestres_core.rules.tax import LEVELS, Taxed


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxSettings:
    """How a shop rounds taxes, and where its goods come from.

    `level` is what is rounded: each line, each piece (unit), or each rate once for the whole order. `rounding` is
    half_up (away from zero), half_even, half_down, truncate or up. `origin` is the state that goods are sent from
    ("MG"), for rates between states. Raises ValueError for an unknown level or rounding.
    """

    level: str = "line"
    rounding: str = "half_up"
    origin: str = ""

    def __post_init__(self) -> None:
        for name, value, choices in (("level", self.level, LEVELS), ("rounding", self.rounding, tuple(ROUNDINGS))):
            if value not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")

    @property
    def round(self) -> Rounding:
        """The rounding as a function."""
        return ROUNDINGS[self.rounding]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRate:
    """A tax of a class of goods: `ppm` parts per million, where and when it holds.

    Empty text means anywhere, from anywhere, anybody; None means no bound in time. `mode`, `informational` and
    `compound` are those of rules.tax.Rate.
    """

    id: int
    name: str
    tax_class: str
    ppm: int
    mode: str
    informational: bool
    compound: bool
    country: str
    region: str
    origin: str
    customer_type: str
    starts_at: datetime | None
    ends_at: datetime | None
    position: int

    @property
    def percent(self) -> Decimal:
        """The rate in per cent: 180,000 ppm are Decimal("18")."""
        shortest = EXACT.divide(Decimal(self.ppm), Decimal(10_000)).normalize(EXACT)
        return EXACT.add(shortest, Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxPreview:
    """The taxes of some lines.

    `added` is what comes on top of the amounts, `included` what they contain; `by_name` has each tax's sum in minor
    units, also of those that are only shown.
    """

    lines: tuple[Taxed, ...]
    added: Money
    included: Money
    by_name: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTax:
    """One part of an order's taxes, as it was when the order was placed; `line_id` None is the tax of sending it."""

    line_id: int | None
    name: str
    ppm: int
    mode: str
    informational: bool
    amount: Money
