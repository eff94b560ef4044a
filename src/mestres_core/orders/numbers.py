"""What orders are called.

`RandomNumbers` is the default: nobody waits, nobody learns from a number how much is sold. `SequentialNumbers` counts
up in each channel, for shops that must.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, update

from mestres_core.db.dialects.sql import insert as upsert
from mestres_core.errors import ExtensionFailed
from mestres_core.orders.models import counter
from mestres_core.rules.checks import storable
from mestres_core.typing import Ids, OrderNumberGenerator

LONGEST = 32
_NEXT = (
    update(counter)
    .where(counter.c.channel == bindparam("of"))
    .values(last=counter.c.last + 1)
    .returning(counter.c.last)
)
_MOST_DIGITS = 18


class RandomNumbers:
    """Numbers that `ids` makes up, the same in every channel."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids

    def next(self, session: Any, *, channel: str) -> str:  # noqa: ARG002 - as the protocol has it
        """A new number; nothing is written."""
        return self._ids.order_number()


class SequentialNumbers:
    """PREFIX000001, PREFIX000002 and so on, counted in each channel by itself.

    Gap policy: the number is taken in the order's own transaction. The orders of a channel that were committed have
    the numbers from `start` on without a gap, in the order of their commits; an order that could not be written gives
    its number back. An order that is cancelled, declined or has expired keeps its number. The price: from taking the
    number to the commit, a channel places one order at a time.
    """

    def __init__(self, prefixes: Mapping[str, str] | None = None, *, digits: int = 6, start: int = 1) -> None:
        """`prefixes` by channel; any other channel's is its name in capitals and a hyphen ("DEFAULT-").

        Raises ValueError for prefixes that two channels share, that end in a digit (the numbers of two channels could
        meet), or that leave no room for `digits` within 32 characters.
        """
        self._prefixes = dict(prefixes or {})
        if not (type(digits) is int and 1 <= digits <= _MOST_DIGITS) or type(start) is not int or start < 0:
            raise ValueError("digits must be a whole number of 1 to 18, start one of at least 0")
        self._digits = digits
        self._start = start
        if len(set(self._prefixes.values())) < len(self._prefixes):
            raise ValueError("two channels have the same prefix: their numbers would meet")
        for channel in self._prefixes:
            self._prefix(channel)

    def next(self, session: Any, *, channel: str) -> str:
        """The channel's next number. Raises ValueError for a channel whose own name makes no prefix."""
        prefix = self._prefix(channel)
        taken = session.execute(_NEXT, {"of": channel}).scalar()
        if taken is None:
            first = {"channel": channel, "last": self._start - 1}
            session.execute(upsert(session.get_bind().dialect.name, counter).values(first).on_conflict_do_nothing())
            taken = session.execute(_NEXT, {"of": channel}).scalar_one()
        return f"{prefix}{taken:0{self._digits}d}"

    def _prefix(self, channel: str) -> str:
        own = self._prefixes.get(channel)
        prefix = f"{channel.upper()}-" if own is None else own
        if own is None and (channel != channel.lower() or prefix in self._prefixes.values()):
            raise ValueError(f"channel {channel!r} needs a prefix of its own: {prefix!r} may be another channel's")
        if not prefix or prefix[-1].isdigit() or len(prefix) + self._digits > LONGEST:
            raise ValueError(f"{prefix!r} is no prefix: it must not end in a digit, and leave room for the digits")
        return prefix


def next_number(numbers: OrderNumberGenerator, session: Any, *, channel: str) -> str:
    """What a generator calls the next order. Raises ExtensionFailed for what is no number."""
    number: Any = numbers.next(session, channel=channel)
    if not isinstance(number, str) or not 0 < len(number) <= LONGEST or not storable(number):
        raise ExtensionFailed("the order numbers", f"text of 1 to {LONGEST} characters is expected, not {number!r}")
    return number
