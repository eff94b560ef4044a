"""Measure an application by using it: against its targets, as `ab` does, and by scenarios; or ask its Prometheus."""

from mestres_perf.load._render import k6_script, locustfile
from mestres_perf.load._runner import run
from mestres_perf.load.ab import AB_RUNS, AbResult, AbRun, bench
from mestres_perf.load.live import Live, judge
from mestres_perf.load.scenarios import SCENARIOS, STEPS, THRESHOLDS, Scenario, Stage, Step, Thresholds
from mestres_perf.load.targets import Check, check

__all__ = [
    "AB_RUNS",
    "SCENARIOS",
    "STEPS",
    "THRESHOLDS",
    "AbResult",
    "AbRun",
    "Check",
    "Live",
    "Scenario",
    "Stage",
    "Step",
    "Thresholds",
    "bench",
    "check",
    "judge",
    "k6_script",
    "locustfile",
    "run",
]
