"""Keep a failing dependency from taking its caller down."""

from mestres_perf.resilience._adaptive_limit import AdaptiveLimit, Outcome
from mestres_perf.resilience._breaker import CircuitBreaker
from mestres_perf.resilience._budget import RetryBudget
from mestres_perf.resilience._bulkhead import Bulkhead
from mestres_perf.resilience._deadline import deadline
from mestres_perf.resilience._fallback import Fallback
from mestres_perf.resilience._machine import Snapshot
from mestres_perf.resilience._open_time import OpenTime
from mestres_perf.resilience._part import Guard, Part
from mestres_perf.resilience._permit import Permit
from mestres_perf.resilience._policy import Policy
from mestres_perf.resilience._rate import Admission, RateLimit
from mestres_perf.resilience._retry import Retry, repeatable_request
from mestres_perf.resilience._sharing import SharedState
from mestres_perf.resilience._states import State
from mestres_perf.resilience._timeout import Timeout
from mestres_perf.resilience._windows import CountWindow, TimeWindow

__all__ = [
    "AdaptiveLimit",
    "Admission",
    "Bulkhead",
    "CircuitBreaker",
    "CountWindow",
    "Fallback",
    "Guard",
    "OpenTime",
    "Outcome",
    "Part",
    "Permit",
    "Policy",
    "RateLimit",
    "Retry",
    "RetryBudget",
    "SharedState",
    "Snapshot",
    "State",
    "TimeWindow",
    "Timeout",
    "deadline",
    "repeatable_request",
]
