"""What becomes of two carts when a guest signs in: how many pieces of each line, and what the stock then allows.

A line is known by its key: the variant and the buyer's wishes for it. Two lines of one variant with different wishes
are two keys that share one stock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple


class LineKey(NamedTuple):
    """What tells a line: its variant, and the key of the buyer's wishes ("" for none)."""

    variant_id: int
    wishes: str
    sku: str = ""


Pieces = Mapping[LineKey, int]


def _merge(existing: Pieces, guest: Pieces) -> dict[LineKey, int]:
    """Both; where both have a line, the guest's quantity, which was the buyer's latest wish."""
    return {**existing, **guest}


def _sum(existing: Pieces, guest: Pieces) -> dict[LineKey, int]:
    """Both, added up."""
    return {**existing, **{key: pieces + existing.get(key, 0) for key, pieces in guest.items()}}


def _use_guest(existing: Pieces, guest: Pieces) -> dict[LineKey, int]:  # noqa: ARG001 - as every policy
    """The guest's lines only."""
    return dict(guest)


def _use_existing(existing: Pieces, guest: Pieces) -> dict[LineKey, int]:  # noqa: ARG001
    """The account's lines only."""
    return dict(existing)


def _guest_if_existing_empty(existing: Pieces, guest: Pieces) -> dict[LineKey, int]:
    """The guest's lines only when the account has none."""
    return dict(existing or guest)


POLICIES: Mapping[str, Callable[[Pieces, Pieces], dict[LineKey, int]]] = MappingProxyType(
    {
        "merge": _merge,
        "sum": _sum,
        "use_guest": _use_guest,
        "use_existing": _use_existing,
        "guest_if_existing_empty": _guest_if_existing_empty,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`available`: pieces that can be bought now, by variant; at most `of_one` in a line and `lines` lines."""

    available: Mapping[int, int]
    of_one: int
    lines: int


@dataclass(frozen=True, slots=True)
class Clipped:
    """A line that became smaller than the policy wanted; `reason` is stock, limit or lines."""

    wanted: int
    quantity: int
    reason: str


def clip(wanted: Pieces, existing: Pieces, limits: Limits) -> tuple[dict[LineKey, int], dict[LineKey, Clipped]]:
    """The quantities that the limits allow, and what was clipped.

    A line that does not grow stays as it is, even if its goods have been sold meanwhile: checkout speaks of that. What
    grows or is new takes, in its order, what the variant's other lines leave over.
    """
    kept = {key: pieces for key, pieces in wanted.items() if pieces <= existing.get(key, 0)}
    left = dict(limits.available)
    for key, pieces in kept.items():
        left[key[0]] = left.get(key[0], 0) - pieces
    clipped: dict[LineKey, Clipped] = {}
    for key, pieces in wanted.items():
        if key in kept:
            continue
        had = existing.get(key, 0)
        allowed, reason = pieces, ""
        if allowed > limits.of_one:
            allowed, reason = limits.of_one, "limit"
        if allowed > left.get(key[0], 0):
            allowed, reason = max(left.get(key[0], 0), 0), "stock"
        if not had and allowed and len(kept) >= limits.lines:
            allowed, reason = 0, "lines"
        allowed = max(allowed, had)  # signing in takes nothing away
        if allowed:
            kept[key] = allowed
            left[key[0]] = left.get(key[0], 0) - allowed
        if allowed < pieces:
            clipped[key] = Clipped(pieces, allowed, reason)
    return {key: kept[key] for key in wanted if key in kept}, clipped
