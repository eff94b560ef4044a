"""Keep a failing dependency from taking its caller down."""

from mestres_perf.resilience._breaker import CircuitBreaker, Snapshot
from mestres_perf.resilience._rate import RateLimit
from mestres_perf.resilience._states import State

__all__ = ["CircuitBreaker", "RateLimit", "Snapshot", "State"]
