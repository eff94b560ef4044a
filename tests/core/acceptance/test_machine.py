"""Whatever buyers, clerks, providers and time do, in whatever order, the books stay right: 10,000 steps."""

import os

import pytest
from hypothesis import HealthCheck, Verbosity, settings

from core.acceptance.machine import Machine

LONG = os.environ.get("MESTRES_STRESS") == "long"
STEPS = 80


class TestBooks(Machine.TestCase):  # type: ignore[misc,name-defined]
    """After every step the audit finds nothing. The same steps each time, so that a failure can be looked at again;
    the long form takes others every time."""

    settings = settings(
        max_examples=1000 if LONG else 125,
        stateful_step_count=STEPS,
        deadline=None,
        derandomize=not LONG,
        database=None,
        print_blob=True,
        verbosity=Verbosity.normal,
        suppress_health_check=list(HealthCheck),
    )
    pytestmark = pytest.mark.timeout(7200)
