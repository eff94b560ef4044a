"""What may follow what: the transitions of orders and payments, as tables."""

from __future__ import annotations

from collections.abc import Mapping

ORDER: Mapping[str, frozenset[str]] = {
    "pending": frozenset({"placed", "cancelled", "expired"}),
    "placed": frozenset({"completed", "cancelled"}),
    # Money that arrives after the end brings an order back when its goods can still be had.
    "cancelled": frozenset({"placed"}),
    "expired": frozenset({"placed"}),
    "completed": frozenset(),
}

PAYMENT: Mapping[str, frozenset[str]] = {
    "pending": frozenset({"pending", "authorized", "captured", "declined", "failed", "expired"}),
    "authorized": frozenset({"captured"}),
    "declined": frozenset({"captured"}),
    "failed": frozenset({"captured"}),
    "expired": frozenset({"captured"}),
    "captured": frozenset(),
}

# What an ended payment makes of its order.
ORDER_AFTER: Mapping[str, str] = {
    "authorized": "placed",
    "captured": "placed",
    "declined": "cancelled",
    "failed": "cancelled",
    "expired": "expired",
}


def may(table: Mapping[str, frozenset[str]], state: str, target: str) -> bool:
    """Whether `target` may follow `state`."""
    return target in table[state]
