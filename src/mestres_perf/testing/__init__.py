"""For the tests of applications: a Redis in memory that can fail, and a simulation that tries to find stale values."""

from mestres_perf.testing._faulty import Faulty
from mestres_perf.testing._redis import MemoryRedis
from mestres_perf.testing._simulation import Outcome, Violation, simulate

__all__ = ["Faulty", "MemoryRedis", "Outcome", "Violation", "simulate"]
