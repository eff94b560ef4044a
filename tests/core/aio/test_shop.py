"""The async shop is the plain shop: the same services, statements and errors, awaited."""

import asyncio
import contextlib
import threading
import time

import psycopg
import pytest
from sqlalchemy import event, make_url, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from core_aio import AsyncCard, opened, quoted
from core_shop import ADDRESS, CUSTOMER
from mestres_core import AsyncCommerce, Commerce, configure_sqlite
from mestres_core.aio import make_async_engine
from mestres_core.db import waiting
from mestres_core.db.clock import DatabaseClock
from mestres_core.errors import (
    DatabaseNotReady,
    InsufficientStock,
    NotFound,
    RetryableError,
    TransactionOwnershipError,
    ValidationError,
)
from mestres_core.events.facts import StockChanged
from mestres_core.providers.fake import FakeCard
from mestres_core.rules.tax import Taxed
from mestres_core.search.models import asked
from mestres_core.tax.remote import TaxesNeeded
from mestres_core.testing import Factory
from mestres_core.testing.clock import FakeClock


def sent_by(engine):
    """The statements that an engine sends from now on."""
    sent = []

    @event.listens_for(engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, *_rest):
        if not statement.startswith("BEGIN"):
            sent.append(statement)

    return sent


def test_a_whole_order(aio_url):
    """Saved, listed, searched, put into a cart, quoted, ordered, paid, refunded, told, counted: all of it awaited."""

    async def main():
        async with opened(aio_url) as shop:
            heard = []
            shop.subscribe(heard.append)
            assert (await shop.catalog.list()).total == 2
            found = await shop.search.products("cafe a1")
            assert [card.sku for card in found.items] == ["A1"]
            placed = await shop.checkout.place(**await quoted(shop, quantity=2))
            assert (placed.order.status, placed.order.payment_status) == ("placed", "paid")
            refund = await shop.orders.refund(placed.order.number, amount=500)
            assert refund.status == "refunded"
            assert (await shop.inventory.level("A1")).available == 8
            assert await shop.admin.dashboard()
            await shop.categories.create("Novos")
            await shop.relay()
            assert (await shop.events.status()).waiting == 0  # what the shop does about facts of its own, too
            assert {"OrderChanged", "StockChanged"} <= {fact.type for fact in heard}
            assert (await shop.audit()).clean

    asyncio.run(main())


def test_the_same_statements(aio_url):
    """A call sends as many statements as in the plain shop, of the same kinds, in the same order."""

    async def main():
        async with opened(aio_url) as shop:
            await shop.checkout.place(**await quoted(shop))
            arguments, *left = [await quoted(shop) for _ in range(3)]
            sent = sent_by(shop.engine.sync_engine)
            await shop.catalog.list()
            await shop.catalog.get("cafe-a1")
            await shop.carts.get(arguments["cart_id"])
            await shop.checkout.place(**arguments)
            return left, [each.split()[0] for each in sent]

    (first, arguments), awaited = asyncio.run(main())
    settings = {"clock": FakeClock(), "providers": (FakeCard(),)}
    with Commerce.open(aio_url.replace("+asyncpg", ""), **settings) as shop:
        shop.checkout.place(**first)  # reads the rules, which the other shop has in memory
        sent = sent_by(shop.engine)
        shop.catalog.list()
        shop.catalog.get("cafe-a1")
        shop.carts.get(arguments["cart_id"])
        shop.checkout.place(**arguments)
        assert [each.split()[0] for each in sent] == awaited


def test_beside_the_plain_shop(aio_url):
    """`shop.aio` is the same shop on async connections: what one writes the other reads, and its listeners are told."""
    with Commerce.open(aio_url.replace("+asyncpg", "")) as shop:
        told = []
        shop.on_committed(told.extend)
        shop.catalog.save(name="Café", variants=[{"sku": "A1", "price": 1000, "stock": 5}])
        told.clear()

        async def main():
            level = await shop.aio.inventory.receive("A1", quantity=3)
            assert level.on_hand == 8
            assert await shop.aio.catalog.list() == await asyncio.to_thread(shop.catalog.list)
            await shop.aio.close()

        asyncio.run(main())
        assert shop.inventory.level("A1").on_hand == 8
        assert [type(fact) for fact in told] == [StockChanged]
        assert shop.aio is shop.aio


def test_one_transaction(aio_url):
    """A block of calls is committed whole; an error takes all of it back, and is the error that was raised."""

    async def main():
        async with opened(aio_url) as shop:
            async with shop.transaction() as tx:
                cart = await tx.carts.create()
                await asyncio.gather(*(tx.carts.add(cart.id, sku=sku, quantity=1) for sku in ("A1", "B2")))
            assert len((await shop.carts.get(cart.id)).lines) == 2
            with pytest.raises(ZeroDivisionError):
                async with shop.transaction() as tx:
                    await tx.carts.add(cart.id, sku="A1", quantity=1)
                    raise ZeroDivisionError
            with pytest.raises(InsufficientStock):
                async with shop.transaction() as tx:
                    await tx.carts.add(cart.id, sku="A1", quantity=1)
                    await tx.carts.add(cart.id, sku="B2", quantity=500)
            assert [line.quantity for line in (await shop.carts.get(cart.id)).lines] == [1, 1]
            with pytest.raises(TransactionOwnershipError):
                async with shop.transaction() as tx:
                    await tx.checkout.place(**await quoted(tx))
            assert shop.engine.pool.checkedout() == 0

    asyncio.run(main())


@pytest.mark.parametrize("block", ["transaction", "snapshot"])
def test_a_block_ends_after_the_calls_that_are_under_way(aio_url, block):
    """`gather` leaves the others running at the first error: nothing of theirs is kept, and no connection is lost."""

    async def main():
        async with opened(aio_url) as shop:
            with pytest.raises(NotFound):
                async with getattr(shop, block)() as services:
                    others = (services.inventory.level(sku) for sku in ("A1", "B2", "A1"))
                    if block == "transaction":
                        others = (services.inventory.receive(sku, quantity=1) for sku in ("A1", "B2", "A1"))
                    await asyncio.gather(services.carts.get("nowhere"), *others)
            assert shop.engine.pool.checkedout() == 0
            assert [(await shop.inventory.level(sku)).on_hand for sku in ("A1", "B2")] == [10, 10]
            await shop.inventory.receive("A1", quantity=1)
            assert (await shop.audit()).clean

    asyncio.run(main())


@pytest.mark.scenario("C24")
def test_in_the_hosts_session(aio_url):
    """The host's rollback, or its savepoint's, takes the shop's rows along; the services never commit."""

    async def main():
        async with opened(aio_url) as shop:
            async with AsyncSession(shop.engine) as session:
                services = shop.on(session)
                cart = await services.carts.create()
                await services.carts.add(cart.id, sku="A1", quantity=1)
                async with session.begin_nested() as savepoint:
                    await services.carts.add(cart.id, sku="B2", quantity=1)
                    await savepoint.rollback()
                assert len((await services.carts.get(cart.id)).lines) == 1
                await session.rollback()
            with pytest.raises(NotFound):
                await shop.carts.get(cart.id)
            async with AsyncSession(shop.engine) as session, session.begin():
                kept = await shop.on(session).carts.create()
            assert (await shop.carts.get(kept.id)).lines == ()

    asyncio.run(main())


def test_many_buyers_of_the_last_pieces(aio_url):
    """Thirty tasks for ten pieces: ten orders, twenty InsufficientStock, books in order."""

    async def main():
        async with opened(aio_url) as shop:
            wanted = [await quoted(shop) for _ in range(30)]
            outcomes = await asyncio.gather(*(shop.checkout.place(**each) for each in wanted), return_exceptions=True)
            refused = [each for each in outcomes if isinstance(each, BaseException)]
            assert len(refused) == 20
            assert {type(each) for each in refused} == {InsufficientStock}
            assert (await shop.inventory.level("A1")).available == 0
            assert (await shop.audit()).clean

    asyncio.run(main())


def test_an_engine_of_the_hosts(aio_url):
    """On an engine that the host has made nothing is created by itself; SQLite needs `configure_sqlite`, as ever."""

    async def main():
        made = make_async_engine(aio_url)
        engine = create_async_engine(made.url)
        if engine.dialect.name == "sqlite":
            with pytest.raises(DatabaseNotReady, match="configure_sqlite"):
                AsyncCommerce(engine)
            configure_sqlite(engine.sync_engine)
        async with AsyncCommerce(engine) as shop:
            assert shop.engine is engine
            assert (await shop.catalog.list()).items == ()

    asyncio.run(main())


def test_migrating(tmp_path, postgres_database):
    """An async driver makes the tables, and takes them away."""

    async def main(url):
        async with await AsyncCommerce.open(url) as shop:
            assert (await shop.catalog.list()).total == 0
            await shop.migrate("base")
            async with shop.engine.connect() as connection:
                names = await connection.run_sync(lambda plain: plain.dialect.get_table_names(plain))
            assert [name for name in names if name.startswith("mc_") and name != "mc_alembic_version"] == []

    asyncio.run(main(f"sqlite:///{tmp_path / 'new.db'}"))
    asyncio.run(main(postgres_database.replace("+psycopg", "+asyncpg")))


def test_in_memory():
    """A database in memory is one connection's: an async shop has it alone; a plain shop has no async face on it."""

    async def main():
        async with await AsyncCommerce.open("sqlite://") as shop:
            await shop.catalog.save(name="Café", variants=[{"sku": "A1", "price": 1000, "stock": 5}])
            both = await asyncio.gather(shop.catalog.list(), shop.inventory.receive("A1", quantity=1))
            assert both[0].total == 1

    asyncio.run(main())
    with Commerce.open("sqlite://") as shop, pytest.raises(DatabaseNotReady, match="in memory"):
        _ = shop.aio


def test_in_memory_when_cancelled():
    """A cancelled task's connection is thrown away, what is in the memory stays."""

    async def cancelled(call, waits):
        task = asyncio.ensure_future(call)
        for _ in range(waits):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def main():
        async with await AsyncCommerce.open("sqlite://") as shop:
            await shop.catalog.save(name="Café", variants=[{"sku": "A1", "price": 1000, "stock": 5}])
            thrown = []
            event.listen(shop.engine.sync_engine, "invalidate", lambda *_: thrown.append(1))
            for waits in range(1, 40, 3):
                await cancelled(shop.inventory.receive("A1", quantity=1000), waits)
            assert thrown
            assert (await shop.inventory.level("A1")).on_hand % 1000 == 5
            assert (await shop.audit()).clean

    asyncio.run(main())


def test_in_memory_when_closed():
    """Nothing is kept of a shop in memory that was closed."""

    async def main():
        shop = await AsyncCommerce.open("sqlite://")
        await shop.catalog.save(name="Café", variants=[{"sku": "A1", "price": 1000, "stock": 5}])
        await shop.close()
        with pytest.raises(DatabaseNotReady, match="missing"):
            await shop.catalog.list()
        await shop.close()

    asyncio.run(main())


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
def test_what_was_prepared_before_a_migration_is_prepared_anew(postgres_database, driver):
    """A shop that goes on while another process migrates: neither a read nor a transaction fails, again or at all."""
    url = make_url(postgres_database)
    with Commerce.open(url) as plain:
        number = Factory(plain).order().number

    async def main():
        async with await AsyncCommerce.open(url.set(drivername=f"postgresql+{driver}")) as shop:
            for column_type in ("json", "jsonb", "json"):
                for _ in range(4):
                    assert (await shop.orders.get(number)).number == number
                    assert (await shop.run(lambda services: services.orders.get(number))).number == number
                statement = f"ALTER TABLE mc_order ALTER COLUMN address TYPE {column_type} USING address::{column_type}"
                with psycopg.connect(url.set(drivername="postgresql").render_as_string(False)) as other:
                    other.execute(statement)
            for _ in range(4):
                assert (await shop.run(lambda services: services.orders.get(number))).number == number

    asyncio.run(main())


def test_the_log_of_searches(aio_url, caplog):
    """It is written in the event loop, which nobody waits for, and what is left of it when the shop is closed."""

    written_log = select(asked.c.query, asked.c.asked)

    async def search(shop, words, times):
        for _ in range(times):
            await shop.search.products(words)

    async def main():
        async with opened(aio_url) as shop:
            await search(shop, "café", 500)
            await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name() == "mestres-search-log"))
            written = await shop.read(lambda services: services.work.session.execute(written_log).all())
            assert written == [("cafe", 500)]
            await search(shop, "filtro", 2)
        async with await AsyncCommerce.open(aio_url) as shop:
            assert [(row.query, row.asked) for row in await shop.search.asked()] == [("cafe", 500), ("filtro", 2)]

    asyncio.run(main())
    assert caplog.messages == []


def test_event_loops(aio_url):
    """A loop that comes after a closed one gets new connections; one beside a living one is refused, and told why."""
    shop = AsyncCommerce(make_async_engine(aio_url))
    for _ in range(2):

        async def in_turn():
            assert (await shop.catalog.list()).total == 0
            await shop.close()

        asyncio.run(in_turn())

    async def main():
        await shop.catalog.list()

        def elsewhere():
            with pytest.raises(DatabaseNotReady, match="another event loop"):
                asyncio.run(shop.catalog.list())

        await asyncio.to_thread(elsewhere)
        await shop.close()

    asyncio.run(main())


def test_a_loop_that_ended_without_goodbye(sqlite_url):
    """A loop that was closed while connections were in the pool: the next one gets new ones."""
    shop = AsyncCommerce(make_async_engine(sqlite_url))
    kept = []
    event.listen(shop.engine.sync_engine, "connect", lambda connection, _record: kept.append(connection))
    leaving = asyncio.new_event_loop()
    leaving.run_until_complete(shop.catalog.list())
    leaving.close()

    async def main():
        assert (await shop.catalog.list()).total == 0
        await shop.carts.create()
        assert len(kept) == 2
        await shop.close()
        await kept[0].driver_connection.close()

    asyncio.run(main())


def test_wrong_addresses(tmp_path, monkeypatch):
    """An address that cannot be used gives one error that says what would do."""
    with pytest.raises(DatabaseNotReady, match="mysql"):
        asyncio.run(AsyncCommerce.open("mysql://localhost/shop"))
    with pytest.raises(TypeError):
        asyncio.run(AsyncCommerce.open(f"sqlite:///{tmp_path / 'shop.db'}", no_such_setting=1))
    monkeypatch.setitem(__import__("sys").modules, "aiosqlite", None)
    with pytest.raises(DatabaseNotReady, match=r"aiosqlite.*mestres\[async\]"):
        asyncio.run(AsyncCommerce.open(f"sqlite:///{tmp_path / 'shop.db'}"))


@pytest.mark.parametrize(
    ("service", "call", "arguments"),
    [
        ("catalog", "list", {"page": 0}),
        ("carts", "create", {"currency": 7}),
        ("carts", "add", {"cart_id": "x", "sku": 1, "quantity": -1}),
        ("checkout", "quote", {"cart_id": "x", "address": {}}),
        ("inventory", "receive", {"sku": "A1", "quantity": "many"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_arguments(sqlite_url, service, call, arguments):
    """What the plain shop refuses the async one refuses, with the same error."""

    async def main():
        async with opened(sqlite_url) as shop:
            with pytest.raises(ValidationError):
                await getattr(getattr(shop, service), call)(**arguments)

    asyncio.run(main())


def test_no_such_call(sqlite_url):
    """A call that no service has is an AttributeError when it is named, not when it is awaited."""

    async def main():
        async with opened(sqlite_url) as shop:
            for name in ("lst", "_session"):
                with pytest.raises(AttributeError):
                    getattr(shop.catalog, name)
            with pytest.raises(AttributeError):
                _ = shop.catalogue
            assert "list" in dir(shop.catalog)
            assert asyncio.iscoroutinefunction(shop.catalog.list)

    asyncio.run(main())


def test_a_busy_database_blocks_nobody(sqlite_url, monkeypatch):
    """A transaction that is tried again waits in the event loop; the fifth refusal is RetryableError."""

    async def main():
        async with opened(sqlite_url) as shop:

            def asleep(_seconds):
                raise AssertionError("the event loop was blocked")

            monkeypatch.setattr(waiting.time, "sleep", asleep)
            tries = []

            @event.listens_for(shop.engine.sync_engine, "before_cursor_execute")
            def busy(_connection, _cursor, statement, *_rest):
                if "mc_stock" in statement and len(tries) < most:
                    tries.append(statement)
                    raise OperationalError(statement, {}, Exception("database is locked"))

            most = 2
            assert (await shop.inventory.receive("A1", quantity=1)).on_hand == 11
            tries, most = [], 5
            with pytest.raises(RetryableError):
                await shop.inventory.receive("A1", quantity=1)
            assert len(tries) == 5

    asyncio.run(main())


class PlainCard(FakeCard):
    """A provider that blocks until somebody in the event loop lets it go on."""

    def __init__(self):
        super().__init__()
        self.asked, self.go_on = threading.Event(), threading.Event()
        self.threads = []

    def charge(self, request):
        self.threads.append(threading.current_thread())
        self.asked.set()
        assert self.go_on.wait(30)
        return super().charge(request)


def test_a_plain_provider_blocks_nobody(sqlite_url):
    """A provider that is not async is asked in a thread: the loop goes on, and no connection is taken meanwhile."""

    async def main():
        card = PlainCard()
        async with opened(sqlite_url, providers=(card,)) as shop:
            placing = asyncio.create_task(shop.checkout.place(**await quoted(shop)))
            assert await asyncio.to_thread(card.asked.wait, 30)
            assert (await shop.catalog.list()).total == 2
            assert shop.engine.pool.checkedout() == 0
            card.go_on.set()
            assert (await placing).order.payment_status == "paid"
            assert threading.current_thread() not in card.threads

    asyncio.run(main())


def test_an_async_provider(aio_url):
    """An async provider is awaited by place, refund and recover alike; the plain shop refuses it before it acts."""

    async def main():
        card = AsyncCard()
        async with opened(aio_url, providers=(card,)) as shop:
            placed = await shop.checkout.place(**await quoted(shop))
            assert placed.order.payment_status == "paid"
            assert (await shop.orders.refund(placed.order.number, amount=100)).status == "refunded"
            begun = await shop.checkout.begin(**await quoted(shop))
            await card.charge(begun.request)  # and then the process dies
            shop.config.clock.advance(minutes=1)
            assert await shop.recover() == 1
            assert (await shop.orders.get(begun.order.number)).payment_status == "paid"

    asyncio.run(main())
    with Commerce.open(aio_url.replace("+asyncpg", ""), providers=(AsyncCard(),)) as shop:
        cart = shop.carts.create()
        shop.carts.add(cart.id, sku="A1")
        quote = shop.checkout.quote(cart.id, address=ADDRESS)
        with pytest.raises(TypeError, match=r"shop\.aio"):
            shop.checkout.place(
                cart.id,
                quote_hash=quote.hash,
                idempotency_key="k",
                customer=CUSTOMER,
                payment={"method": "card", "token": "tok_ok"},
            )
        assert shop.carts.get(cart.id).status == "open"


def test_whoever_is_told(sqlite_url):
    """Listeners, subscribers and notifiers may be async, then they are awaited, or plain, then they run in a thread."""

    async def main():
        loop_thread, heard = threading.current_thread(), []

        def plain(told):
            heard.append(("plain", threading.current_thread() is loop_thread, told))

        async def awaited(told):
            await asyncio.sleep(0)
            heard.append(("async", threading.current_thread() is loop_thread, told))

        class Notifier:
            async def order_confirmed(self, order):
                await awaited(order)

        async with opened(sqlite_url, notifier=Notifier()) as shop:
            shop.on_committed(plain)
            shop.on_committed(awaited)
            await shop.inventory.receive("A1", quantity=1)
            assert [(kind, here) for kind, here, _ in heard] == [("plain", False), ("async", True)]
            heard.clear()
            placed = await shop.checkout.place(**await quoted(shop))
            heard.clear()
            assert await shop.process_order(placed.order.number)
            assert [told.number for _, _, told in heard] == [placed.order.number]
            assert not await shop.process_order(placed.order.number)
            heard.clear()
            shop.subscribe(plain)
            shop.subscribe(awaited)
            delivered = await shop.relay()
            assert delivered > 0
            assert [(kind, here) for kind, here, _ in heard] == [("plain", False), ("async", True)] * delivered

    asyncio.run(main())


def test_an_async_subscriber_of_the_plain_shop(sqlite_url):
    """A plain shop cannot await: an async subscriber's facts stay where they are, with the reason beside them."""
    with Commerce.open(sqlite_url) as shop:

        async def awaited(_fact):
            raise AssertionError

        shop.subscribe(awaited)
        shop.catalog.save(name="Café", variants=[{"sku": "A1", "price": 1000, "stock": 5}])
        assert shop.relay() == 0
        with shop.engine.connect() as connection:
            reasons = connection.execute(text("SELECT last_error FROM mc_outbox WHERE last_error IS NOT NULL")).all()
        assert reasons
        assert "shop.aio" in reasons[0][0]


class RemoteTax:
    """A calculator behind a network; it waits for it in the event loop."""

    remote = True

    def __init__(self):
        self.asked = 0

    async def calculate(self, lines, **_about):
        await asyncio.sleep(0)
        self.asked += 1
        return [Taxed(key=each.key, net=each.amount, gross=each.amount) for each in lines]


def test_remote_taxes(sqlite_url):
    """A remote calculator is awaited with no transaction open; within one, `TaxesNeeded` says what to ask."""

    async def main():
        taxes = RemoteTax()
        async with opened(sqlite_url, tax=taxes) as shop:
            assert (await shop.checkout.place(**await quoted(shop))).order.payment_status == "paid"
            assert taxes.asked == 1
            cart = await shop.carts.create()
            await shop.carts.add(cart.id, sku="A1", quantity=3)
            with pytest.raises(TaxesNeeded) as needed:
                async with shop.transaction() as tx:
                    await tx.checkout.quote(cart.id, address=ADDRESS)
            await shop.ask(needed.value)
            async with shop.transaction() as tx:
                assert await tx.checkout.quote(cart.id, address=ADDRESS)
            assert taxes.asked == 2

    asyncio.run(main())


def test_the_databases_clock(migrated_database):
    """The database's clock is asked in a thread, and the event loop is not held up by whoever asks it."""

    async def main():
        clock = DatabaseClock(migrated_database.replace("+psycopg", "+asyncpg"), ask_every=0.0)
        asking, renew = [], clock._renew
        clock._renew = lambda: asking.append(threading.current_thread()) or renew()
        async with await AsyncCommerce.open(migrated_database, clock=clock) as shop:
            await asyncio.gather(*(shop.carts.create() for _ in range(5)))
        assert asking
        assert threading.current_thread() not in asking

    asyncio.run(main())


def test_a_file_that_comes_in_parts(sqlite_url):
    """The file that a job has made is read part by part, awaited."""

    async def main():
        async with opened(sqlite_url) as shop:
            job = await shop.jobs.export("products", format="csv")
            assert await shop.jobs.run() == 1
            result = await shop.jobs.result(job.id)
            data = b"".join([part async for part in result.chunks])
            assert (len(data), data.count(b"\n")) == (result.size, 3)

    asyncio.run(main())


def test_a_function_of_the_plain_services(sqlite_url):
    """`run` and `read` take a plain function, which runs in one transaction as it would in the plain shop."""

    async def main():
        async with opened(sqlite_url) as shop:

            def both(services):
                cart = services.carts.create()
                services.carts.add(cart.id, sku="A1", quantity=1)
                return cart.id

            cart_id = await shop.run(both)
            assert await shop.read(lambda services: len(services.carts.get(cart_id).lines)) == 1

    asyncio.run(main())


def test_a_loop_is_never_held_up(sqlite_url):
    """While writers queue up for SQLite's one turn, the event loop turns: nobody waits in it but by awaiting."""

    async def main():
        async with opened(sqlite_url, stock=1000) as shop:
            async with shop.transaction() as tx:
                await tx.carts.create()
                writers = [asyncio.create_task(shop.inventory.receive("A1", quantity=1)) for _ in range(20)]
                started = time.monotonic()
                await asyncio.sleep(0.02)
                assert time.monotonic() - started < 20  # a blocked loop would wait for SQLite's busy timeout, 30 s
                assert not any(each.done() for each in writers)
            await asyncio.gather(*writers)
            assert (await shop.inventory.level("A1")).on_hand == 1020

    asyncio.run(main())
