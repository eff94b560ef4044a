"""What may follow what: the transitions of orders, returns and changes, as tables.

An order has three axes. `status` is set by what people and payments do, by the table ORDER. `payment_status` and
`fulfillment_status` are worked out here, from sums of the ledgers, and kept beside it; what a payment may become,
rules/ledger.py says. Every table is checked when this
file is imported: a state that is not in its table, or that nothing leads to, is a mistake of the programmer's.
"""

from __future__ import annotations

from collections.abc import Mapping

Transitions = Mapping[str, frozenset[str]]


def checked(start: str, table: Mapping[str, str]) -> Transitions:
    """A table from "state: states that may follow". Raises ValueError for states unknown or out of reach."""
    transitions = {state: frozenset(following.split()) for state, following in table.items()}
    named = frozenset({start}).union(*transitions.values())
    if unknown := named - transitions.keys():
        raise ValueError(f"states without a row: {', '.join(sorted(unknown))}")
    reached = {start}
    while more := frozenset().union(*(transitions[state] for state in reached)) - reached:
        reached |= more
    if lost := transitions.keys() - reached:
        raise ValueError(f"states that nothing leads to: {', '.join(sorted(lost))}")
    return transitions


ORDER: Transitions = checked(
    "pending",
    {
        "pending": "placed cancelled expired",
        "placed": "completed cancelled",
        # Money that arrives after the end brings an order back when its goods can still be had.
        "cancelled": "placed",
        "expired": "placed",
        "completed": "",
    },
)

RETURN: Transitions = checked(
    "requested",
    {
        "requested": "received rejected",
        "received": "refunded rejected",
        "refunded": "",
        "rejected": "",
    },
)

CHANGE: Transitions = checked("open", {"open": "committed discarded", "committed": "", "discarded": ""})

# What an ended payment makes of its order.
ORDER_AFTER: Mapping[str, str] = {
    "authorized": "placed",
    "captured": "placed",
    "declined": "cancelled",
    "failed": "cancelled",
    "expired": "expired",
}

ENDED_UNPAID = frozenset({"declined", "failed", "expired"})
"""The payment statuses of orders that came to nothing for want of money; money that comes later may bring them back."""

SHIPPABLE = frozenset({"paid", "partially_refunded", "refund_due"})
"""The payment statuses with which a placed order's goods may leave the house."""


def may(table: Transitions, state: str, target: str) -> bool:
    """Whether `target` may follow `state`."""
    return target in table[state]


def fulfillment_status(*, shipped: int, open_: int) -> str:
    """From the pieces of an order that were shipped, and those that are still to be shipped."""
    if not shipped:
        return "unfulfilled"
    return "partially_fulfilled" if open_ else "fulfilled"


def payment_status(*, due: int, captures: int, captured: int, authorized: int, refunded: int, otherwise: str) -> str:
    """From the ledgers, in minor units.

    `due` is what the order is worth to the shop now (0 once it is called off), `captures` the number of captured
    attempts (an order of 0.00 is paid by one), and `otherwise` what an order is without any money: pending, or how it
    ended.
    """
    if captures:
        kept = captured - refunded
        if kept > due:
            return "refund_due"
        if kept < due:
            return "partially_paid"
        if refunded:
            return "partially_refunded" if kept else "refunded"
        return "paid"
    return "authorized" if authorized and authorized >= due > 0 else otherwise
