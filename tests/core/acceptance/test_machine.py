"""Whatever buyers, clerks, providers and time do, in whatever order, the books stay right: 10,000 steps.

Half of them are here and half in test_machine_again.py, so that two processes can share the work.
"""

from core.acceptance.machine import OnSqlite, how_long


class TestBooks(OnSqlite.TestCase):  # type: ignore[misc,name-defined]
    """After every step the audit finds nothing."""

    settings = how_long()
