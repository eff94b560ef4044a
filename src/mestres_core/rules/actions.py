"""What a promotion takes off. Pure.

An action changes a deal and answers None, or changes nothing and answers why: a stable word. Whatever it wants to take,
no piece goes below its floor and nothing below zero. What is spread over several lines (`on="total"`) is spread by
largest remainder on what is left of them, and what one line's floor refuses goes to the others; what is taken line by
line or piece by piece stays where it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal, Protocol

from mestres_core.errors import ExtensionFailed
from mestres_core.rules.baskets import EVERYTHING, Deal, Selection
from mestres_core.rules.money import Rounding, allocate_capped, round_half_up

WHOLE: Final = 1_000_000  # parts: 10 % is 100,000
On = Literal["line", "unit", "total"]
NO_ITEMS, NO_PIECES, NOTHING_LEFT, NO_SHIPPING = "items", "pieces", "nothing_left", "no_shipping"


class Action(Protocol):
    """Something that a promotion does."""

    def act(self, deal: Deal) -> str | None:
        """None when something was taken off, else why not."""
        ...


def share_of(amount: int, ppm: int, rounding: Rounding = round_half_up) -> int:
    """`ppm` millionths of an amount: what is left is rounded (halves up, unless told otherwise), the rest is it."""
    if rounding is not round_half_up:
        return amount - rounding(Fraction(amount * (WHOLE - ppm), WHOLE))
    return amount - (2 * amount * (WHOLE - ppm) + WHOLE) // (2 * WHOLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PercentOff:
    """`ppm` millionths off the chosen items, at most `maximum` minor units altogether.

    On each `line` by itself, on each piece (`unit`), or on their `total`, spread over them. `pieces`: only off so many
    of them altogether, the cheapest (not on the total).
    """

    ppm: int
    on: On = "line"
    select: Selection = EVERYTHING
    maximum: int | None = None
    pieces: int | None = None

    def act(self, deal: Deal) -> str | None:
        """Reasons: items, nothing_left."""
        lines = deal.lines(self.select)
        if self.on == "total":
            off = share_of(sum(deal.left[place] for place in lines), self.ppm, deal.basket.round)
            return _spread(deal, lines, off if self.maximum is None else min(off, self.maximum))
        counts = _cheapest(deal, lines, self.pieces)
        wanted = [min(deal.room(place), self._off(deal, place, counts.get(place, 0))) for place in lines]
        if self.maximum is not None and sum(wanted) > self.maximum:
            wanted = allocate_capped(self.maximum, wanted, wanted)
        return _take(deal, lines, wanted)

    def _off(self, deal: Deal, place: int, pieces: int) -> int:
        each, odd = divmod(deal.left[place], deal.basket.items[place].quantity)
        dear = min(odd, pieces)  # the odd units lie on the first pieces
        if self.on == "line":
            return share_of(each * pieces + dear, self.ppm, deal.basket.round)
        dearer, cheaper = (share_of(amount, self.ppm, deal.basket.round) for amount in (each + 1, each))
        return dearer * dear + cheaper * (pieces - dear)


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedOff:
    """`amount` minor units off the `total` of the chosen items, off each `line` of them, or off each piece (`unit`).

    `pieces`: only off so many of them altogether, the cheapest (of `unit` only).
    """

    amount: int
    on: On = "total"
    select: Selection = EVERYTHING
    pieces: int | None = None

    def act(self, deal: Deal) -> str | None:
        """Reasons: items, nothing_left."""
        lines = deal.lines(self.select)
        if self.on == "total":
            return _spread(deal, lines, self.amount)
        counts = _cheapest(deal, lines, self.pieces)
        wanted = [min(deal.room(place), self._off(deal, place, counts.get(place, 0))) for place in lines]
        return _take(deal, lines, wanted)

    def _off(self, deal: Deal, place: int, pieces: int) -> int:
        if self.on == "line":
            return self.amount
        each, odd = divmod(deal.left[place], deal.basket.items[place].quantity)
        dear = min(odd, pieces)
        return min(each + 1, self.amount) * dear + min(each, self.amount) * (pieces - dear)


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedPrice:
    """Each chosen piece costs `amount` minor units; one that costs less stays as it is."""

    amount: int
    select: Selection = EVERYTHING

    def act(self, deal: Deal) -> str | None:
        """Reasons: items, nothing_left."""
        lines = deal.lines(self.select)
        over = (deal.left[place] - self.amount * deal.basket.items[place].quantity for place in lines)
        return _take(deal, lines, [max(0, min(deal.room(place), off)) for place, off in zip(lines, over, strict=True)])


PRICED = (PercentOff, FixedOff, FixedPrice)
"""The actions that can change the price of a piece, and so make a catalogue promotion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuyGet:
    """For each `buy_quantity` pieces bought, `get_quantity` others for `ppm` millionths less; at most `times` times.

    `get` None means more of the same choice. Only whole sets count: buy 2 get 2 needs four pieces. The cheapest pieces
    are given, the dearest count as bought; all of them are used, so no other promotion of pieces takes them again.
    "Every third piece free" is buy 2 get 1.
    """

    buy: Selection = EVERYTHING
    buy_quantity: int = 1
    get: Selection | None = None
    get_quantity: int = 1
    ppm: int = WHOLE
    times: int | None = None

    def act(self, deal: Deal) -> str | None:
        """Reasons: items (nothing that is bought), pieces (too few), nothing_left."""
        buys = deal.lines(self.buy)
        gets = buys if self.get is None else deal.lines(self.get)
        if not buys or not gets:
            return NO_ITEMS
        free = {place: deal.free(place) for place in {*buys, *gets}}
        price = {place: deal.worth(place, 1) for place in free}
        only_buy, only_get, both = _counts(free, buys, gets)
        sets = min(
            (only_buy + both) // self.buy_quantity,
            (only_get + both) // self.get_quantity,
            (only_buy + only_get + both) // (self.buy_quantity + self.get_quantity),
        )
        sets = sets if self.times is None else min(sets, self.times)
        if sets < 1:
            return NO_PIECES
        spare = both - max(0, sets * self.buy_quantity - only_buy)
        cheapest = sorted(gets, key=lambda place: (price[place], place))
        got = _pick(cheapest, free, sets * self.get_quantity, shared=frozenset(buys), spare=spare)
        for place, pieces in got.items():
            free[place] -= pieces
        dearest = sorted(buys, key=lambda place: (-price[place], place))
        bought = _pick(dearest, free, sets * self.buy_quantity)
        return self._give(deal, got, bought)

    def _give(self, deal: Deal, got: Mapping[int, int], bought: Mapping[int, int]) -> str | None:
        offs = {}
        for place, pieces in got.items():
            worth = deal.worth(place, pieces)
            above_floor = max(0, worth - deal.basket.items[place].floor * pieces)
            offs[place] = min(share_of(worth, self.ppm, deal.basket.round), above_floor, deal.room(place))
        if not any(offs.values()):
            return NOTHING_LEFT
        for place, pieces in got.items():
            deal.use(place, pieces, offs[place])
        for place, pieces in bought.items():
            deal.use(place, pieces)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Each set of `parts` (so many pieces of a choice) costs `price` minor units together; at most `times` sets.

    Sets are made of the dearest pieces first, and only while they cost more than `price`. Their pieces are used.
    """

    parts: tuple[tuple[Selection, int], ...]
    price: int
    times: int | None = None

    def act(self, deal: Deal) -> str | None:
        """Reasons: pieces (no whole set is there), nothing_left."""
        dearest = [
            sorted(deal.lines(chosen), key=lambda place: (-deal.worth(place, 1), place)) for chosen, _ in self.parts
        ]
        made, reason = 0, NO_PIECES
        while self.times is None or made < self.times:
            one = self._one_set(deal, dearest)
            if one is None:
                break
            sets = self._alike(deal, one, made)
            if not self._make(deal, {place: pieces * sets for place, pieces in one.items()}, sets):
                reason = NOTHING_LEFT
                break
            made += sets
        return None if made else reason

    def _one_set(self, deal: Deal, dearest: Sequence[Sequence[int]]) -> dict[int, int] | None:
        taken: dict[int, int] = {}
        for places, (_, needed) in zip(dearest, self.parts, strict=True):
            free = {place: deal.free(place) - taken.get(place, 0) for place in places}
            picked = _pick(places, free, needed)
            if sum(picked.values()) < needed:
                return None
            for place, pieces in picked.items():
                taken[place] = taken.get(place, 0) + pieces
        return taken

    def _alike(self, deal: Deal, one: Mapping[int, int], made: int) -> int:
        """How many such sets there are, when they can be made at once: from one line for each part."""
        if len(one) > len(self.parts):
            return 1
        sets = min(deal.free(place) // pieces for place, pieces in one.items())
        return sets if self.times is None else min(sets, self.times - made)

    def _make(self, deal: Deal, pieces: Mapping[int, int], sets: int) -> bool:
        worths = [deal.worth(place, count) for place, count in pieces.items()]
        off = sum(worths) - self.price * sets
        if off <= 0:
            return False
        items = deal.basket.items
        rooms = [
            max(0, min(worth - items[place].floor * count, deal.room(place)))
            for worth, (place, count) in zip(worths, pieces.items(), strict=True)
        ]
        shares = allocate_capped(off, worths, rooms)
        if not any(shares):
            return False
        for (place, count), share in zip(pieces.items(), shares, strict=True):
            deal.use(place, count, share)
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippingOff:
    """Shipping for `ppm` millionths less (all of them: free), or `amount` minor units less, never below zero."""

    ppm: int = 0
    amount: int = 0

    def act(self, deal: Deal) -> str | None:
        """Reason: no_shipping (nothing to pay for it, or not known yet)."""
        off = min(deal.shipping, share_of(deal.shipping, self.ppm, deal.basket.round) + self.amount)
        deal.shipping -= off
        return None if off else NO_SHIPPING


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """A shop's own action, called `word` in definitions, held to what every action must keep."""

    word: str
    made: Action

    def act(self, deal: Deal) -> str | None:
        """The action's own reason. Raises ExtensionFailed when it gave more than there is, or made anything dearer."""
        left, shipping = deal.left[:], deal.shipping
        least = [was - deal.room(place) for place, was in enumerate(left)]
        reason = self.made.act(deal)
        if reason is not None and not (isinstance(reason, str) and reason):
            raise self._failed(f"None or a word is expected, not {reason!r}")
        if len(deal.left) != len(left):
            raise self._failed("lines came or went")
        for place, (now, was) in enumerate(zip(deal.left, left, strict=True)):
            if type(now) is not int or not least[place] <= now <= was:
                sku = deal.basket.items[place].sku
                raise self._failed(f"line {sku} must be left with {least[place]} to {was} minor units, not {now!r}")
        if type(deal.shipping) is not int or not 0 <= deal.shipping <= shipping:
            raise self._failed(f"the shipping must be left with 0 to {shipping} minor units, not {deal.shipping!r}")
        return reason

    def _failed(self, reason: str) -> ExtensionFailed:
        return ExtensionFailed(f"action {self.word!r}", reason)


def _spread(deal: Deal, lines: Sequence[int], off: int) -> str | None:
    if not lines:
        return NO_ITEMS
    shares = allocate_capped(off, [deal.left[place] for place in lines], [deal.room(place) for place in lines])
    return _take(deal, lines, shares)


def _take(deal: Deal, lines: Sequence[int], offs: Sequence[int]) -> str | None:
    if not any(offs):
        return NOTHING_LEFT if lines else NO_ITEMS
    for place, off in zip(lines, offs, strict=True):
        deal.take(place, off)
    return None


def _cheapest(deal: Deal, lines: Sequence[int], most: int | None) -> dict[int, int]:
    """How many pieces of each line an action is for: all, or the cheapest `most` of them."""
    items = deal.basket.items
    free = {place: items[place].quantity for place in lines}
    if most is None:
        return free
    return _pick(sorted(lines, key=lambda place: (deal.left[place] // free[place], place)), free, most)


def _counts(free: Mapping[int, int], buys: Iterable[int], gets: Iterable[int]) -> tuple[int, int, int]:
    buying, getting = set(buys), set(gets)
    only_buy = sum(free[place] for place in buying - getting)
    only_get = sum(free[place] for place in getting - buying)
    return only_buy, only_get, sum(free[place] for place in buying & getting)


def _pick(
    places: Iterable[int],
    free: Mapping[int, int],
    needed: int,
    *,
    shared: frozenset[int] = frozenset(),
    spare: int = 0,
) -> dict[int, int]:
    """So many pieces off the first of these lines; off the `shared` ones together no more than `spare`."""
    picked = {}
    for place in places:
        pieces = min(needed, free[place], spare) if place in shared else min(needed, free[place])
        if pieces:
            picked[place] = pieces
            needed -= pieces
            spare -= pieces if place in shared else 0
    return picked
