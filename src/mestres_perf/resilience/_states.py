"""The states of a breaker, and what may follow what."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class State(StrEnum):
    """closed: calls pass. open: calls are refused. half_open: one call finds out. forced_open: refused until reset."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    FORCED_OPEN = "forced_open"


TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.CLOSED: frozenset({State.OPEN, State.FORCED_OPEN}),
    State.OPEN: frozenset({State.HALF_OPEN, State.FORCED_OPEN, State.CLOSED}),
    State.HALF_OPEN: frozenset({State.CLOSED, State.OPEN, State.FORCED_OPEN}),
    State.FORCED_OPEN: frozenset({State.CLOSED}),
}
