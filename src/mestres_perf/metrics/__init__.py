"""Say what happened."""

from mestres_perf.metrics._decorators import track_performance
from mestres_perf.metrics._registry import Metrics, default_metrics
from mestres_perf.metrics._system import System
from mestres_perf.metrics.health import Health
from mestres_perf.metrics.slo import MESTRES_CAFE_SLA, Slo
from mestres_perf.metrics.vitals import WebVitals

__all__ = [
    "MESTRES_CAFE_SLA",
    "Health",
    "Metrics",
    "Slo",
    "System",
    "WebVitals",
    "default_metrics",
    "track_performance",
]
