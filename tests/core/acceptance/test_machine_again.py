"""The other half of the steps of test_machine.py, which are others: they depend on the machine's name."""

from core.acceptance.machine import OnSqlite, how_long


class MachineAgain(OnSqlite):
    """The same shop."""


class TestBooksAgain(MachineAgain.TestCase):  # type: ignore[misc,name-defined]
    """After every step the audit finds nothing."""

    settings = how_long()
