"""The checks of extensions find what is wrong, and nothing in what is right."""

import math
from dataclasses import replace

import pytest

from mestres_core import Money
from mestres_core.inventory.service import PriorityAllocator
from mestres_core.rules.merging import POLICIES, LineKey
from mestres_core.rules.tax import Rate, Taxable, tax
from mestres_core.shipping.rating import TableRater
from mestres_core.testing import (
    ADDRESS,
    check_allocator,
    check_merge_policy,
    check_rounding,
    check_shipping_rater,
    check_tax_calculator,
)
from mestres_core.typing import ShippingOption

HERE = {**ADDRESS, "country": "BR"}


class Calculator:
    """A tenth of everything, changed by `spoil`."""

    def __init__(self, spoil=lambda taxed: taxed, *, remote=False):
        self.spoil = spoil
        self.remote = remote

    def calculate(self, lines, *, address, currency, at, customer_type, origin):
        rate = (Rate(name="Tenth", ppm=100_000),)
        return self.spoil(
            tax(Taxable(key=line.key, amount=line.amount, quantity=line.quantity, rates=rate) for line in lines)
        )


class Does:
    """Any extension, that answers by a function."""

    def __init__(self, answer):
        self.options = self.allocate = self.merge = self.round = answer


def _option(**changed):
    fields = {"id": "pac", "name": "PAC", "price": Money(1000, "BRL"), "days": 5, "parcels": 1} | changed
    return Does(lambda **_: (ShippingOption(**fields),))


class Moody:
    """Never twice the same."""

    def __init__(self):
        self.asked = 0

    def options(self, **_):
        self.asked += 1
        return (ShippingOption("pac", "PAC", Money(self.asked, "BRL"), days=1),)

    def round(self, amount, *, currency):
        self.asked += 1
        return math.floor(amount) + (self.asked % 2 if amount.denominator > 1 else 0)


def test_what_is_right():
    """The shop's own, and a few of others, pass."""
    check_tax_calculator(Calculator(), address=HERE)
    check_shipping_rater(TableRater(), address=HERE)
    check_allocator(PriorityAllocator())
    for policy in POLICIES.values():
        check_merge_policy(Does(lambda *, existing, guest, policy=policy: policy(existing, guest)))
    check_rounding(Does(lambda amount, currency: math.ceil(amount) + 0 * len(currency)))


def _first(change):
    return lambda taxed: (change(taxed[0]), *taxed[1:]) if taxed else ()


WRONG = {
    "taxes: remote": (check_tax_calculator, Calculator(remote=None), "remote"),
    "taxes: a line lacks": (check_tax_calculator, Calculator(lambda taxed: taxed[1:]), "in its order"),
    "taxes: turned round": (check_tax_calculator, Calculator(lambda taxed: taxed[::-1]), "in its order"),
    "taxes: the amount": (
        check_tax_calculator,
        Calculator(_first(lambda each: replace(each, gross=each.gross + 1))),
        "gross - added",
    ),
    "taxes: the sum": (check_tax_calculator, Calculator(_first(lambda each: replace(each, net=each.net - 1))), "parts"),
    "rater: currency": (check_shipping_rater, _option(price=Money(1, "USD")), "costs BRL"),
    "rater: below zero": (check_shipping_rater, _option(price=Money(-1, "BRL")), "less than nothing"),
    "rater: id": (check_shipping_rater, _option(id=""), "an id is text"),
    "rater: days": (check_shipping_rater, _option(days=-1), "takes days"),
    "rater: moody": (check_shipping_rater, Moody(), "same answer"),
    "rater: a tuple": (check_shipping_rater, Does(lambda **_: (5,)), "a ShippingOption, not int"),
    "allocator: too many": (check_allocator, Does(lambda *, wanted, places, address: {1: {1: 99}}), "no more is given"),
    "allocator: not there": (check_allocator, Does(lambda *, wanted, places, address: {1: {7: 1}}), "place 7 has 0"),
    "merge: a third line": (
        check_merge_policy,
        Does(lambda *, existing, guest: {LineKey(9, ""): 1}),
        "lines of either cart",
    ),
    "merge: below zero": (check_merge_policy, Does(lambda *, existing, guest: dict.fromkeys(guest, -1)), "0 or more"),
    "merge: changes": (check_merge_policy, Does(lambda *, existing, guest: guest.clear() or existing), "not changed"),
    "rounding: a float": (check_rounding, Does(lambda amount, currency: float(amount) + 0), "becomes"),
    "rounding: far": (check_rounding, Does(lambda amount, *, currency: math.ceil(amount) + 1), "becomes"),
    "rounding: moody": (check_rounding, Moody(), "always becomes the same"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named(name):
    """Each mistake is found by its check, which says what must be so."""
    check, extension, says = WRONG[name]
    where = {} if check in (check_merge_policy, check_rounding) else {"address": HERE}
    with pytest.raises(AssertionError, match=says):
        check(extension, **where)
