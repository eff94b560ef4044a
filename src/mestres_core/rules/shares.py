"""What each piece of a line has cost its buyer, frozen at placement.

A line of n pieces for which `paid` was paid is worth split(paid, n): the first pieces that are given back carry the
units left over. So any sequence of partial cancellations and returns adds up to what was paid, to the last cent.
"""

from __future__ import annotations

from collections.abc import Sequence

from mestres_core.rules.money import allocate


def share(paid: int, quantity: int, *, given: int, pieces: int) -> int:
    """The minor units that go back with `pieces` more of a line, when `given` of its `quantity` have gone back already.

    It is the sum of split(paid, quantity)[given : given + pieces]. Raises ValueError for more pieces than there are.
    """
    if paid < 0 or given < 0 or pieces < 0 or given + pieces > quantity:
        raise ValueError(f"{pieces} more pieces after {given} of {quantity}, for {paid} minor units")
    return _first(paid, quantity, given + pieces) - _first(paid, quantity, given)


def spread(total: int, amounts: Sequence[int]) -> list[int]:
    """Share an order's discount or tax out over its lines by their amounts; none for an order without lines."""
    return allocate(total, amounts) if amounts else []


def _first(paid: int, quantity: int, pieces: int) -> int:
    each, left_over = divmod(paid, quantity)
    return each * pieces + min(left_over, pieces)
