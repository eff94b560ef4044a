"""What the events of one payment add up to. Their order does not matter, and neither does how often one is told.

An event that names its operation (the key of a capture, a void or a refund, or a bank's id of a transfer) speaks of
that operation alone; one that names none speaks of everything so far. So what was captured is the larger of the two:
the most that was told of the whole, and the sum of what was told of each operation. Voids and refunds are added up
alike.

Money is believed when it is the whole payment. A part is believed when the payment was authorized, or when the shop
asked for that very part; any other amount is disputed: it stays in the ledger for people, and counts for nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

FAILURES = frozenset({"capture_failed", "void_failed", "refund_failed"})
UNPAID = ("declined", "failed", "expired")
KINDS = frozenset({"pending", "authorized", "captured", "voided", "refunded", *UNPAID, *FAILURES})
"""Every kind of event that a ledger may hold."""

TAKEN = frozenset({"captured", "partially_captured"})
HELD = frozenset({"authorized", "partially_captured"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One event: `amount` in minor units; `operation` is what it speaks of, empty for everything so far."""

    kind: str
    amount: int
    operation: str = ""


@dataclass(frozen=True, slots=True)
class Balance:
    """What was promised, taken, released and given back, in minor units, and the status that follows.

    `accepted` tells of each entry whether it counts. `open` is what may still be captured. `status`: pending,
    authorized, partially_captured (more may follow), captured, voided, declined, failed, expired.
    """

    authorized: int
    captured: int
    voided: int
    refunded: int
    status: str
    accepted: tuple[bool, ...]

    @property
    def open(self) -> int:
        """Minor units that are authorized and neither captured nor released."""
        return max(self.authorized - self.captured - self.voided, 0)


def fold(amount: int, entries: Sequence[Entry], *, asked: Collection[str] = ()) -> Balance:
    """The balance of a payment of `amount` after these events, in any order; `asked`: captures the shop asked for."""
    promised = [each.amount for each in entries if each.kind == "authorized" and each.amount <= amount]
    authorized = max(promised, default=0)
    believed = _believed(amount, entries, asked, promised=bool(promised))
    captured = _total(
        [each for each, counts in zip(entries, believed, strict=True) if counts and each.kind == "captured"]
    )
    held = authorized if promised else amount
    lapsed = promised and any(each.kind == "expired" for each in entries)
    voids = [each for each in entries if each.kind == "voided"]
    voided = max(0, min(held if lapsed else _total(voids), held - captured))
    refunded = min(_total([each for each in entries if each.kind == "refunded"]), captured)
    any_captured = any(counts and each.kind == "captured" for each, counts in zip(entries, believed, strict=True))
    if any_captured:
        status = "partially_captured" if authorized > captured + voided else "captured"
    elif promised:
        status = "voided" if (voids or lapsed) and voided >= authorized else "authorized"
    elif voids:
        status = "voided"
    else:
        status = next((each.kind for each in entries if each.kind in UNPAID), "pending")
    return Balance(authorized, captured, voided, refunded, status, tuple(believed))


def unexplained(entries: Sequence[Entry], kind: str) -> int:
    """How much of what was told of the whole no operation accounts for, in minor units."""
    told = [each for each in entries if each.kind == kind]
    return _total(told) - _total([each for each in told if each.operation])


def _believed(amount: int, entries: Sequence[Entry], asked: Collection[str], *, promised: bool) -> list[bool]:
    """Of each entry whether it counts."""
    parts: dict[str, int] = {}
    believed = []
    for each in entries:
        counts = each.amount <= amount or each.kind not in ("authorized", "captured")
        if each.kind == "captured" and counts:
            counts = each.amount == amount or promised or each.operation in asked
            if counts and each.operation:
                others = sum(part for operation, part in parts.items() if operation != each.operation)
                counts = others + max(each.amount, parts.get(each.operation, 0)) <= amount
                if counts:
                    parts[each.operation] = max(each.amount, parts.get(each.operation, 0))
        believed.append(counts)
    return believed


def _total(entries: Sequence[Entry]) -> int:
    whole = max((each.amount for each in entries if not each.operation), default=0)
    parts: dict[str, int] = {}
    for each in entries:
        if each.operation:
            parts[each.operation] = max(each.amount, parts.get(each.operation, 0))
    return max(whole, sum(parts.values()))
