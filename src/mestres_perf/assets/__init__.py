"""The operations kit: the files by which the programs around an application are configured."""

from __future__ import annotations

from mestres_perf.assets._kit import FILES, write
from mestres_perf.assets._rules import prometheus_rules
from mestres_perf.assets._settings import Settings

__all__ = ["FILES", "Settings", "prometheus_rules", "write"]
