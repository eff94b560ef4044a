"""What sending goods costs: zones, tables by weight and value, parcels. Pure.

A zone is a place; a method is a way to send things into one zone. Where zones overlap, each method counts by the most
specific zone that has it: a range of postal codes before a state, a state before a country, a country before
everywhere, and of two ranges the narrower.

Goods from several locations go in a parcel for each, and what is heavier than a parcel may be in several. What depends
on weight is paid for each parcel and adds up; what depends on the value of the goods is paid once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Final

from mestres_core.rules.money import round_half_up

_MILLION: Final = 1_000_000
_KILOGRAM: Final = 1000
_POSTAL_LENGTH: Final = 12
_BASE: Final = 36  # digits, then letters


@dataclass(frozen=True, slots=True)
class Rate:
    """A way to send something, in `days` working days.

    `base` and `per_kg` (every started kilogram after the first) are minor units; from `free_over` minor units of
    goods on it is free (None: never).
    """

    id: str
    name: str
    days: int
    base: int
    per_kg: int
    free_over: int | None = None

    def price(self, *, weight_grams: int, items_total: int) -> int:
        """Minor units for goods of this weight and value."""
        if self.free_over is not None and items_total >= self.free_over:
            return 0
        further_kilograms = max(0, -(-weight_grams // 1000) - 1)
        return self.base + self.per_kg * further_kilograms


BRAZIL: Sequence[Rate] = (
    Rate("pac", "PAC", days=8, base=1590, per_kg=350, free_over=19900),
    Rate("sedex", "SEDEX", days=3, base=2890, per_kg=690),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippingItem:
    """Pieces to be sent: their weight and size each (0: not known), and where they are sent from.

    `digital` goods are not sent at all. Goods of one `location` travel together.
    """

    weight_grams: int
    quantity: int = 1
    length_mm: int = 0
    width_mm: int = 0
    height_mm: int = 0
    digital: bool = False
    location: str = ""
    sku: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A place: every condition that is not empty must be met.

    `countries` are ISO codes, `regions` states (UF), `postal_codes` ranges (first, last), both included. A postal code
    of a range may be a beginning only: ("387", "389") is every CEP from 38700-000 to 38999-999.
    """

    code: str
    countries: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    postal_codes: tuple[tuple[str, str], ...] = ()

    def rank(self, address: Mapping[str, str]) -> tuple[int, int, bool, bool] | None:
        """How specific it is for an address, the greater the more; None when the address is not in it."""
        if self.countries and (address.get("country") or "BR") not in self.countries:
            return None
        if self.regions and (address.get("state") or "").upper() not in self.regions:
            return None
        width = 0
        if self.postal_codes:
            spans = [_range(first, last) for first, last in self.postal_codes]
            widths = [span.width for span in spans if span.has(address)]
            if not widths:
                return None
            width = min(widths)
        return (bool(self.postal_codes), -width, bool(self.regions), bool(self.countries))


class PostalRange:
    """Postal codes from `first` to `last`, compared letter by letter, digits before letters."""

    __slots__ = ("_first", "_last")

    def __init__(self, first: str, last: str) -> None:
        self._first = _number(first, "0")
        self._last = _number(last, "z")

    @property
    def width(self) -> int:
        """How many codes there could be in it; below 0 for a range that ends before it begins."""
        return self._last - self._first

    def has(self, address: Mapping[str, str]) -> bool:
        """Whether the address's postal code is in it."""
        code = plain_postal_code(address.get("postal_code") or "")
        return bool(code) and self._first <= _number(code, "0") <= self._last


_range = lru_cache(maxsize=4096)(PostalRange)


def plain_postal_code(code: str) -> str:
    """Letters and digits only, in capitals: 38740-000 is 38740000; empty when there is anything else, or too much."""
    plain = code.replace("-", "").replace(" ", "").upper()
    return plain if plain.isascii() and plain.isalnum() and len(plain) <= _POSTAL_LENGTH else ""


def _number(code: str, filling: str) -> int:
    return int(plain_postal_code(code).ljust(_POSTAL_LENGTH, filling), _BASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A way to send things into a zone, in `days` working days. All amounts are minor units.

    For each parcel: `base`; the first of `by_weight` (grams at most, amount) that is not too light; beyond the last one
    `per_kg` for every started kilogram, and without `per_kg` no such parcel is sent. Once: the last of `by_price`
    (goods from this value on, amount) that is reached, below the first it is not offered; `ppm` parts per million of
    the goods' value, halves up; and `per_item` for every piece. The sum is at least `minimum` and at most `maximum`;
    nothing when the goods are worth `free_over` or more. The value of goods is what they cost after discounts.

    A parcel weighs at most `max_weight_grams`, more go in several; a piece that weighs more, has a side longer than
    `max_side_mm` or three sides longer than `max_sides_mm` together cannot be sent. It is not offered for goods lighter
    than `min_weight_grams` or worth more than `max_items_total`, all together.
    """

    code: str
    name: str
    days: int
    currency: str
    base: int = 0
    by_weight: tuple[tuple[int, int], ...] = ()
    per_kg: int | None = None
    by_price: tuple[tuple[int, int], ...] = ()
    ppm: int = 0
    per_item: int = 0
    minimum: int = 0
    maximum: int | None = None
    free_over: int | None = None
    max_weight_grams: int | None = None
    max_side_mm: int | None = None
    max_sides_mm: int | None = None
    min_weight_grams: int = 0
    max_items_total: int | None = None

    def suits(self, items: Sequence[ShippingItem], value: int) -> bool:
        """Whether it is offered for these goods of this value at all."""
        return (
            all(self.takes(item) for item in items)
            and sum(item.weight_grams * item.quantity for item in items) >= self.min_weight_grams
            and (self.max_items_total is None or value <= self.max_items_total)
        )

    def price(self, parcels: Iterable[tuple[int, int]], value: int, pieces: int) -> int | None:
        """Minor units for parcels (grams, how many) with goods of this value; None when it cannot be."""
        total = self.per_item * pieces
        for grams, count in parcels:
            by_weight = self._of_weight(grams)
            if by_weight is None:
                return None
            total += (self.base + by_weight) * count
        by_price = [amount for least, amount in self.by_price if value >= least]
        if self.by_price and not by_price:
            return None
        if self.free_over is not None and value >= self.free_over:
            return 0
        total += by_price[-1] if by_price else 0
        total = max(self.minimum, total + round_half_up(Fraction(value * self.ppm, _MILLION)))
        return total if self.maximum is None else min(self.maximum, total)

    def _of_weight(self, grams: int) -> int | None:
        for most, amount in self.by_weight:
            if grams <= most:
                return amount
        most, amount = self.by_weight[-1] if self.by_weight else (0, 0)
        if self.per_kg is not None:
            return amount + self.per_kg * -(-(grams - most) // _KILOGRAM)
        return None if self.by_weight else 0

    def takes(self, item: ShippingItem) -> bool:
        """Whether one piece is light and small enough."""
        sides = (item.length_mm, item.width_mm, item.height_mm)
        return (
            (self.max_weight_grams is None or item.weight_grams <= self.max_weight_grams)
            and (self.max_side_mm is None or max(sides) <= self.max_side_mm)
            and (self.max_sides_mm is None or sum(sides) <= self.max_sides_mm)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A method and what it costs for certain goods: minor units, and in how many parcels."""

    method: Method
    amount: int
    parcels: int


class ShippingTable:
    """Every zone of a shop with its methods; a method that is None is not offered in that zone."""

    def __init__(self, zones: Iterable[tuple[Zone, Sequence[tuple[str, str, Method | None]]]]) -> None:
        """Each zone's methods come with their code and currency."""
        self._zones = tuple(zones)

    def __bool__(self) -> bool:
        return bool(self._zones)

    def offers(
        self, items: Iterable[ShippingItem], *, value: int, currency: str, address: Mapping[str, str]
    ) -> tuple[Offer, ...]:
        """What there is for these goods at this address, the cheapest first, then the quickest."""
        sent = [item for item in items if not item.digital]
        found = []
        for method in self._methods(currency, address):
            if not method.suits(sent, value):
                continue
            parcels = pack(sent, method.max_weight_grams)
            amount = method.price(parcels, value, sum(item.quantity for item in sent))
            if amount is not None:
                found.append(Offer(method=method, amount=amount, parcels=sum(count for _, count in parcels)))
        return tuple(sorted(found, key=lambda each: (each.amount, each.method.days, each.method.code)))

    def _methods(self, currency: str, address: Mapping[str, str]) -> Iterable[Method]:
        ranked = [(zone.rank(address), zone.code, methods) for zone, methods in self._zones]
        inside = sorted(((rank, code, methods) for rank, code, methods in ranked if rank is not None), key=_by_rank)
        best: dict[str, Method | None] = {}
        for _, _, methods in inside:
            best |= {code: method for code, of_currency, method in methods if of_currency == currency}
        return [method for method in best.values() if method is not None]


def _by_rank(entry: tuple[tuple[int, int, bool, bool], str, object]) -> tuple[tuple[int, int, bool, bool], str]:
    return entry[:2]


def pack(items: Sequence[ShippingItem], most_grams: int | None) -> tuple[tuple[int, int], ...]:
    """Parcels for these goods as (grams, how many of that weight): those of each location by themselves.

    Without `most_grams` one for each location; else the heaviest pieces first, each into the first parcel that has
    room. Raises ValueError for a piece that is heavier.
    """
    if most_grams is not None and any(item.weight_grams > most_grams for item in items):
        raise ValueError(f"a piece is heavier than a parcel may be: {most_grams} g")
    by_location: dict[str, list[ShippingItem]] = {}
    for item in items:
        by_location.setdefault(item.location, []).append(item)
    parcels: list[tuple[int, int]] = []
    for there in by_location.values():
        if most_grams is None:
            parcels.append((sum(item.weight_grams * item.quantity for item in there), 1))
        else:
            parcels += _first_fit(sorted(there, key=lambda item: -item.weight_grams), most_grams)
    return tuple(parcels)


def _first_fit(items: Iterable[ShippingItem], most: int) -> list[tuple[int, int]]:
    """Equal parcels are counted, not listed: a thousand pieces cost as many steps as one."""
    parcels: list[tuple[int, int]] = [(0, 1)]
    for item in items:
        left, packed = item.quantity, []
        for grams, count in parcels:
            fit = left if not item.weight_grams else (most - grams) // item.weight_grams
            full = min(count, left // fit) if fit else 0
            packed += [(grams + fit * item.weight_grams, full)] if full else []
            left -= fit * full
            rest = count - full
            if fit and left and rest:  # one more takes what is left
                packed.append((grams + left * item.weight_grams, 1))
                left, rest = 0, rest - 1
            packed += [(grams, rest)] if rest else []
        if left:
            each = most // item.weight_grams
            packed += [(each * item.weight_grams, left // each)] if left >= each else []
            packed += [(left % each * item.weight_grams, 1)] if left % each else []
        parcels = packed
    return parcels
