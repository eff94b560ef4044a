"""Keep a failing dependency from taking its caller down."""

from mestres_perf.resilience._breaker import CircuitBreaker
from mestres_perf.resilience._machine import Snapshot
from mestres_perf.resilience._open_time import OpenTime
from mestres_perf.resilience._permit import Permit
from mestres_perf.resilience._rate import RateLimit
from mestres_perf.resilience._sharing import SharedState
from mestres_perf.resilience._states import State
from mestres_perf.resilience._windows import CountWindow, TimeWindow

__all__ = [
    "CircuitBreaker",
    "CountWindow",
    "OpenTime",
    "Permit",
    "RateLimit",
    "SharedState",
    "Snapshot",
    "State",
    "TimeWindow",
]
