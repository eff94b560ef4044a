"""Keep a failing dependency from taking its caller down."""

from mestres_perf.resilience._adaptive_limit import AdaptiveLimit, Outcome
from mestres_perf.resilience._breaker import CircuitBreaker, Snapshot
from mestres_perf.resilience._budget import RetryBudget
from mestres_perf.resilience._bulkhead import Bulkhead
from mestres_perf.resilience._deadline import deadline
from mestres_perf.resilience._fallback import Fallback
from mestres_perf.resilience._part import Guard, Part
from mestres_perf.resilience._policy import Policy
from mestres_perf.resilience._rate import Admission, RateLimit
from mestres_perf.resilience._retry import Retry, repeatable_request
from mestres_perf.resilience._states import State
from mestres_perf.resilience._timeout import Timeout

__all__ = [
    "AdaptiveLimit",
    "Admission",
    "Bulkhead",
    "CircuitBreaker",
    "Fallback",
    "Guard",
    "Outcome",
    "Part",
    "Policy",
    "RateLimit",
    "Retry",
    "RetryBudget",
    "Snapshot",
    "State",
    "Timeout",
    "deadline",
    "repeatable_request",
]
