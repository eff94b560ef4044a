"""Who owns the transaction, and what happens when the database is busy."""

import os
import threading
from contextlib import suppress

import psycopg
import pytest
from sqlalchemy import event, func, make_url, select, text
from sqlalchemy.exc import NotSupportedError

from mestres_core import Commerce
from mestres_core.db import session
from mestres_core.db.dialects.sqlite import FairLock
from mestres_core.db.session import Database, make_engine
from mestres_core.errors import OutcomeUnknown, RetryableError
from mestres_core.testing import Factory


def test_busy_is_a_typed_error(tmp_path):
    """A database that stays locked gives RetryableError after five tries, not the driver's own words."""
    engine = make_engine(f"sqlite:///{tmp_path / 'busy.db'}")
    impatient = make_engine(engine.url)
    event.listen(impatient, "connect", lambda raw, _: raw.execute("PRAGMA busy_timeout = 0"))
    tries = []

    def write():
        tries.append(1)
        with Database(impatient).write() as session:
            session.execute(text("SELECT 1"))

    with Database(engine).write() as session:
        session.execute(text("SELECT 1"))
        with pytest.raises(RetryableError, match="locked"):
            Database(impatient).retrying(write)
    assert len(tries) == 5
    engine.dispose()
    impatient.dispose()


def test_a_deadlock_is_tried_again(migrated_database):
    """Two transactions that lock two rows crosswise both end well: the one that is stopped is tried again."""
    with Commerce.open(migrated_database) as shop:
        for sku in ("A", "B"):
            shop.catalog.save(name=sku, variants=[{"sku": sku, "price": 1}])
        met = threading.Barrier(2)
        tries = []
        errors = []

        def move(first, second):
            def call(services):
                tries.append(1)
                services.inventory.receive(first, quantity=1)
                if len(tries) <= 2:
                    met.wait(10)
                services.inventory.receive(second, quantity=1)

            try:
                shop.run(call)
            except Exception as error:  # noqa: BLE001 - the test wants to see whatever it is
                errors.append(error)

        threads = [threading.Thread(target=move, args=pair) for pair in (("A", "B"), ("B", "A"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert errors == []
        assert len(tries) == 3
        assert [2, 2] == [shop.inventory.level(sku).on_hand for sku in ("A", "B")]
        assert shop.audit().clean


def test_the_fair_lock_is_given_in_the_order_of_asking():
    """Whoever asks first is served first, and the lock is free when all are done."""
    lock = FairLock()
    order = []
    threads = []
    with lock.hold():
        for number in range(10):
            waiting = len(lock._waiting)
            thread = threading.Thread(target=lambda n=number: _take(lock, order, n))
            threads.append(thread)
            thread.start()
            while len(lock._waiting) == waiting:
                pass
    for thread in threads:
        thread.join()

    assert list(range(10)) == order
    assert not lock._held


def _take(lock, order, number):
    with lock.hold():
        order.append(number)


def _cut(engine):
    """End every connection of this database but one's own, as a restart or a firewall would."""
    other = make_engine(engine.url)
    with other.connect() as connection:
        ended = connection.execute(
            text(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        ).scalar()
    other.dispose()
    return ended


def test_a_lost_connection_is_replaced(migrated_database):
    """A call that finds its pooled connection dead is made again over a new one, reading and writing alike."""
    with Commerce.open(migrated_database) as shop:
        shop.catalog.save(name="A", variants=[{"sku": "A", "price": 1}])

        assert _cut(shop.engine) >= 1
        assert shop.inventory.receive("A", quantity=3).on_hand == 3
        for _ in range(3):  # from the third time on it goes straight to the driver
            assert shop.inventory.level("A").on_hand == 3
        assert _cut(shop.engine) >= 1
        assert shop.inventory.level("A").on_hand == 3


def test_a_connection_lost_at_the_end_is_not_tried_again(migrated_database):
    """Whether a commit arrived that nobody answered cannot be known: that is said, and nothing is tried again."""
    with Commerce.open(migrated_database) as shop:
        shop.catalog.save(name="A", variants=[{"sku": "A", "price": 1}])
        tries = []

        def receive(services):
            tries.append(1)
            services.inventory.receive("A", quantity=1)
            _cut(shop.engine)

        with pytest.raises(OutcomeUnknown):
            shop.run(receive)
        assert len(tries) == 1
        assert shop.inventory.level("A").on_hand == 0


def test_what_was_prepared_before_a_migration_is_prepared_anew(postgres_database):
    """A process that goes on while another one migrates: its connections have statements whose columns have changed."""
    with Commerce.open(postgres_database) as shop:
        order = Factory(shop).order()

        def get(services):
            return services.orders.get(order.number)

        for column_type in ("json", "jsonb"):
            for _ in range(3):
                assert shop.run(get).address == order.address
            with psycopg.connect(
                make_url(postgres_database).set(drivername="postgresql").render_as_string(False)
            ) as by:
                by.execute(f"ALTER TABLE mc_order ALTER COLUMN address TYPE {column_type} USING address::{column_type}")
        assert shop.run(get).address == order.address
        # Another thing that PostgreSQL does not support, under the same number, is not tried again.
        with pytest.raises(NotSupportedError):
            shop.run(lambda tx: tx.outbox.session.execute(text("SELECT DISTINCT id FROM mc_order FOR UPDATE")))


def test_after_a_fork_parent_and_child_have_connections_of_their_own(migrated_database):
    """A shop that was opened and used before a server forks (`gunicorn --preload`) works on both sides."""
    with Commerce.open(migrated_database) as shop:
        shop.catalog.save(name="A", variants=[{"sku": "A", "price": 1}])

        def use():
            for _ in range(5):
                shop.inventory.receive("A", quantity=1)
                assert len(shop.catalog.list()) == 1

        child = os.fork()
        if not child:
            status = 1
            with suppress(BaseException):
                use()
                status = 0
            os._exit(status)
        use()
        assert os.waitpid(child, 0)[1] == 0
        use()
        assert shop.inventory.level("A").on_hand == 15
        assert shop.audit().clean


def test_what_an_address_tells_the_server_is_told(postgres_database):
    """Its `options` go with ours, and win: a search path that was lost would put the tables in another place."""
    told = "-c search_path=elsewhere -c lock_timeout=3s"
    engine = make_engine(make_url(postgres_database).update_query_dict({"options": told}))
    settings = ("search_path", "lock_timeout", "idle_in_transaction_session_timeout")
    with engine.connect() as connection:
        found = [connection.scalar(select(func.current_setting(name))) for name in settings]
    engine.dispose()
    assert found == ["elsewhere", "3s", "1min"]


def test_only_idle_connections_are_asked_whether_they_live(postgres_database, monkeypatch):
    """A connection that was used a moment ago costs no round trip; one that lay idle is asked."""
    engine = make_engine(postgres_database)
    pings = []
    ping = engine.dialect.do_ping
    monkeypatch.setattr(engine.dialect, "do_ping", lambda connection: pings.append(1) or ping(connection))

    def ask():
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    ask()
    ask()
    assert pings == []
    monkeypatch.setattr(session, "_IDLE", -1.0)
    ask()
    assert len(pings) == 1
    _cut(engine)
    ask()
    assert len(pings) == 2
    engine.dispose()
