"""Say what happened."""

from mestres_perf.metrics._decorators import track_performance
from mestres_perf.metrics._registry import Metrics, default_metrics
from mestres_perf.metrics.health import Health
from mestres_perf.metrics.slo import MESTRES_CAFE_SLA, Slo

__all__ = ["MESTRES_CAFE_SLA", "Health", "Metrics", "Slo", "default_metrics", "track_performance"]
