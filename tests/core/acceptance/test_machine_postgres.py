"""The acts of test_machine.py on PostgreSQL, whose locks and statements are others: 1,000 steps."""

from hypothesis.stateful import run_state_machine_as_test

from core.acceptance.machine import Machine, furnished, how_long
from core_shop import TestShop
from servers.migrated import MigratedDatabases

SEQUENCES = 10


def test_the_books_stay_right(migrated: MigratedDatabases) -> None:
    """After every step the audit finds nothing."""

    class OnPostgres(Machine):
        def opened(self) -> TestShop:
            self.url = migrated.lend()
            return furnished(self.url, new=True)

        def written(self) -> object:
            # Only who writes is given a transaction's number; somebody else's makes us look once more than needed.
            return self.shop.sql("SELECT txid_snapshot_xmax(txid_current_snapshot())")[0][0]

        def teardown(self) -> None:
            super().teardown()
            migrated.put_right(self.url)

    run_state_machine_as_test(OnPostgres, settings=how_long(SEQUENCES))
