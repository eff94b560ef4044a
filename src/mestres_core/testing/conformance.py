"""What extensions must do, as checks that a host runs against its own.

    def test_my_rater():
        check_shipping_rater(MyRater(), address=ADDRESS)

Each raises AssertionError with what was wrong. A payment provider has a suite of its own: `check_provider`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any, Final

from mestres_core.rules.merging import LineKey
from mestres_core.rules.money import Money
from mestres_core.rules.stock import StockPlace
from mestres_core.rules.tax import Taxed
from mestres_core.typing import (
    CartMergePolicy,
    RoundingPolicy,
    ShippingOption,
    ShippingRater,
    StockAllocator,
    TaxCalculator,
    TaxLine,
)

_AMOUNTS: Final = (0, 1, 99, 1000, 123_457)
_LONGEST_ID: Final = 40


def check_tax_calculator(
    calculator: TaxCalculator, *, address: Mapping[str, str], currency: str = "BRL", tax_class: str = "standard"
) -> None:
    """Every line is answered in its order with its key, and its net, taxes and gross add up; no line is no answer."""
    _must(isinstance(getattr(calculator, "remote", None), bool), "`remote` says whether it waits for a network")
    lines = [
        TaxLine(key=number, amount=amount, quantity=quantity, tax_class=tax_class)
        for number, (amount, quantity) in enumerate(itertools.product(_AMOUNTS, (1, 3)))
    ]
    for some in (lines, lines[:1], []):
        answer = calculator.calculate(
            some,
            address=address,
            currency=currency,
            at=datetime(2026, 3, 2, 12, tzinfo=UTC),
            customer_type="individual",
            origin="",
        )
        told = tuple(answer)
        _must([each.key for each in told] == [each.key for each in some], "each line is answered, in its order")
        for line, taxed in zip(some, told, strict=True):
            _must(isinstance(taxed, Taxed), f"an answer is a Taxed, not {type(taxed).__name__}")
            _must(taxed.gross - taxed.added == line.amount, f"of {line.amount}, gross - added is the amount")
            _must(taxed.net + taxed.added + taxed.included == taxed.gross, f"of {line.amount}, the parts are the gross")
            _must(taxed.net >= 0, f"of {line.amount}, the net is not below zero")


def check_shipping_rater(rater: ShippingRater, *, address: Mapping[str, str], currency: str = "BRL") -> None:
    """Options have stable ids of their own, prices in the cart's currency, days; the same question has one answer."""
    for weight, total in itertools.product((0, 1, 250, 30_000), (0, 1000, 10**7)):
        asked: dict[str, Any] = {
            "weight_grams": weight,
            "items_total": total,
            "currency": currency,
            "address": dict(address),
        }
        first, second = tuple(rater.options(**asked)), tuple(rater.options(**asked))
        _must(first == second, f"the same question has the same answer ({weight} g, {total})")
        for option in first:
            _is_option(option, currency)
        _must(len({each.id for each in first}) == len(first), "each option has an id of its own")


def _is_option(option: Any, currency: str) -> None:
    _must(isinstance(option, ShippingOption), f"an option is a ShippingOption, not {type(option).__name__}")
    _must(isinstance(option.id, str) and 0 < len(option.id) <= _LONGEST_ID, "an id is text of 1 to 40 characters")
    _must(option.price.currency == currency, f"{option.id} costs {currency}, not {option.price.currency}")
    _must(option.price >= Money(0, currency), f"{option.id} does not cost less than nothing")
    _must(option.days >= 0 and option.parcels >= 1, f"{option.id} takes days, and is at least one parcel")


def check_allocator(allocator: StockAllocator, *, address: Mapping[str, str] | None = None) -> None:
    """From no place is more taken than can be bought there, and never more than was wanted; places stay as they are."""
    for rooms in ((5, 0), (0, 5), (2, 3), (1, 1), (0, 0)):
        places = {
            1: tuple(
                StockPlace(location_id=of, location=f"place {of}", priority=of, on_hand=room, allocated=0, reserved=0)
                for of, room in enumerate(rooms, start=1)
            )
        }
        for wanted in (1, 2, 5):
            answer = allocator.allocate(wanted={1: wanted}, places=places, address=address)
            taken = answer.get(1, {})
            _must(sum(taken.values()) <= wanted, f"of {wanted} wanted, no more is given: {dict(taken)}")
            for of, pieces in taken.items():
                room = dict(enumerate(rooms, start=1)).get(of, 0)
                _must(type(pieces) is int and 0 <= pieces <= room, f"place {of} has {room}, not {pieces!r}")


def check_merge_policy(policy: CartMergePolicy) -> None:
    """Only lines that a cart has, with quantities of 0 or more; both carts that it was given stay as they are."""
    one, two = LineKey(1, "", "A"), LineKey(2, "fine", "B")
    carts: Sequence[Mapping[LineKey, int]] = ({}, {one: 1}, {two: 3}, {one: 2, two: 1})
    for existing, guest in itertools.product(carts, repeat=2):
        given = dict(existing), dict(guest)
        answer = policy.merge(existing=given[0], guest=given[1])
        _must(given == (existing, guest), "the carts it is given are not changed")
        _must({*answer} <= {*existing, *guest}, f"only lines of either cart, not {[*answer]}")
        _must(all(type(each) is int and each >= 0 for each in answer.values()), "quantities are whole, 0 or more")


def check_rounding(policy: RoundingPolicy, *, currency: str = "BRL") -> None:
    """One of the two whole numbers around the amount, an int, and the same one whenever it is asked."""
    for number in range(1, 60):
        amount = Fraction(number, 8) + number**3
        first, second = policy.round(amount, currency=currency), policy.round(amount, currency=currency)
        around = (math.floor(amount), math.ceil(amount))
        _must(type(first) is int and first in around, f"{amount} becomes {around[0]} or {around[1]}, not {first!r}")
        _must(first == second, f"{amount} always becomes the same")


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(f"not so: {what}")
