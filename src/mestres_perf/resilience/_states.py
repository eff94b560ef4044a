"""The states of a breaker, and what may follow what."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class State(StrEnum):
    """closed: calls pass. open: calls are refused. half_open: a few calls find out. The others are set by hand.

    forced_open: calls are refused. disabled: calls pass and nothing is counted. metrics_only: calls pass and are
    counted, and nothing opens. Only a hand ends these three.
    """

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    FORCED_OPEN = "forced_open"
    DISABLED = "disabled"
    METRICS_ONLY = "metrics_only"


_BY_HAND = frozenset({State.FORCED_OPEN, State.DISABLED, State.METRICS_ONLY})

TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.CLOSED: _BY_HAND | {State.OPEN},
    State.OPEN: _BY_HAND | {State.HALF_OPEN, State.CLOSED},
    State.HALF_OPEN: _BY_HAND | {State.CLOSED, State.OPEN},
    State.FORCED_OPEN: (_BY_HAND | {State.CLOSED}) - {State.FORCED_OPEN},
    State.DISABLED: (_BY_HAND | {State.CLOSED}) - {State.DISABLED},
    State.METRICS_ONLY: (_BY_HAND | {State.CLOSED}) - {State.METRICS_ONLY},
}
