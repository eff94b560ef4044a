"""Whoever is cancelled leaves nothing half done: all of it or nothing, and every connection back in its pool."""

import asyncio
from collections import Counter
from contextlib import suppress

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from core_aio import AsyncCard, CancelledAt, opened, quoted
from mestres_core.errors import PaymentDeclined
from mestres_core.events.facts import OrderChanged

_MOST_WAITS = 400


async def rows(shop, statement, **values):
    async with shop.engine.connect() as connection:
        found = (await connection.execute(text(statement), values)).all()
        await connection.commit()
        return found


async def number_of(shop, table):
    return (await rows(shop, f"SELECT count(*) FROM {table}"))[0][0]


def taken(shop):
    """How many connections are not in the pool."""
    return shop.engine.pool.checkedout()


@pytest.mark.parametrize("again", [False, True], ids=["once", "again-and-again"])
def test_a_checkout_cancelled_at_any_wait(aio_url, again):
    """Cancelled at the n-th wait, for every n: no order, a paid one, or one that is over and holds nothing.

    Only where the provider had been asked does the order wait, until `recover` has asked what became of that.
    """

    async def main():
        card = AsyncCard()
        async with opened(aio_url, stock=5000, providers=(card,)) as shop:
            ended, at, paid, seen = False, 0, 0, Counter()
            while not ended:
                at += 1 if not again else 2
                assert at < _MOST_WAITS
                arguments = await quoted(shop)
                charged, cancelled = len(card.charged), len(card.cancelled)
                ended = await CancelledAt(at, again=again).run(shop.checkout.place(**arguments))
                assert taken(shop) == 0
                shop.config.clock.advance(seconds=1)
                found = await rows(
                    shop, "SELECT status, number FROM mc_order WHERE cart_id = :cart", cart=arguments["cart_id"]
                )
                states = [row.status for row in found]
                if len(card.charged) > charged:
                    assert states == ["placed"]
                    paid += 1
                elif len(card.cancelled) > cancelled:
                    assert states == ["pending"]
                    shop.config.clock.advance(minutes=1)
                    assert await shop.recover() == 1
                else:
                    assert states in ([], ["cancelled"])
                seen[str(states)] += 1
                if not states:
                    assert (await shop.checkout.place(**arguments)).order.payment_status == "paid"
                    paid += 1
                assert (await shop.inventory.level("A1")).available == 5000 - paid
            assert seen["[]"]
            assert len(set(card.charged)) == len(card.charged) == paid
            report = await shop.audit()
            assert report.violations == ()

    asyncio.run(main())


def test_a_transaction_cancelled_at_any_wait(aio_url):
    """A block of several calls, cancelled at the n-th wait for every n: nothing of it is there, or all."""

    async def main():
        async def work(shop):
            async with shop.transaction() as tx:
                cart = await tx.carts.create()
                await tx.carts.add(cart.id, sku="A1", quantity=1)
                await tx.inventory.receive("A1", quantity=1)

        async with opened(aio_url) as shop:
            at, ended = 0, False
            while not ended:
                at += 1
                before = await number_of(shop, "mc_cart")
                ended = await CancelledAt(at).run(work(shop))
                assert taken(shop) == 0
                carts, lines = await number_of(shop, "mc_cart"), await number_of(shop, "mc_cart_line")
                assert carts == lines
                assert (await shop.inventory.level("A1")).on_hand == 10 + carts
                assert carts - before == 1 if ended else carts - before in (0, 1)
            assert at > 3

    asyncio.run(main())


def test_the_hosts_session_is_the_hosts(aio_url):
    """Cancelled within the host's transaction: the host's rollback takes all of it back, and its session goes on."""

    async def main():
        async def work(shop, session):
            services = shop.on(session)
            cart = await services.carts.create()
            await services.carts.add(cart.id, sku="A1", quantity=1)

        async with opened(aio_url) as shop:
            at, ended = 0, False
            while not ended:
                at += 1
                async with AsyncSession(shop.engine) as session:
                    ended = await CancelledAt(at).run(work(shop, session))
                    await session.rollback()
                    assert (await session.execute(text("SELECT count(*) FROM mc_cart"))).scalar() == 0
                    await session.commit()
                assert taken(shop) == 0
            assert at > 3

    asyncio.run(main())


def test_a_read_cancelled_at_any_wait(aio_url):
    """A list that nobody waits for any more gives its connection back, and the next one is right."""

    async def main():
        async with opened(aio_url) as shop:
            at, ended = 0, False
            while not ended:
                at += 1
                ended = await CancelledAt(at, again=at % 2 == 0).run(shop.catalog.list())
                assert taken(shop) == 0
                assert (await shop.catalog.list()).total == 2

    asyncio.run(main())


def test_a_commit_that_has_begun_is_finished(aio_url):
    """Cancelled while the database commits: it is committed, whoever listens to commits is told, then comes the end."""

    async def main():
        async with opened(aio_url) as shop:
            told = []
            shop.on_committed(told.extend)
            started = asyncio.Event()
            commit = shop.engine.dialect.do_commit

            def slow(connection):
                started.set()
                commit(connection)

            shop.engine.dialect.do_commit = slow
            task = asyncio.create_task(shop.inventory.receive("A1", quantity=5))
            await started.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            shop.engine.dialect.do_commit = commit
            assert (await shop.inventory.level("A1")).on_hand == 15
            assert [fact.type for fact in told] == ["StockChanged"]
            assert taken(shop) == 0

    asyncio.run(main())


def test_a_provider_that_is_not_waited_for(aio_url):
    """Cancelled while the provider is asked: the charge is called off, the order waits until `recover` has asked."""

    async def main():
        card = AsyncCard()
        card.gate = asyncio.Event()
        async with opened(aio_url, providers=(card,)) as shop:
            arguments = await quoted(shop)
            task = asyncio.create_task(shop.checkout.place(**arguments))
            await card.asked.wait()
            assert taken(shop) == 0  # no transaction is open meanwhile
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (len(card.cancelled), card.charged) == (1, [])
            assert (await shop.inventory.level("A1")).available == 9
            again = await shop.checkout.place(**arguments)
            assert (again.replayed, again.order.status) == (True, "pending")

            shop.config.clock.advance(minutes=1)
            assert await shop.recover() == 1
            assert (await shop.orders.get(again.order.number)).status == "cancelled"
            assert (await shop.inventory.level("A1")).available == 10
            assert (await shop.audit()).clean

    asyncio.run(main())


def test_money_that_has_moved_is_written_down(aio_url):
    """Cancelled after the provider's answer: the order is paid."""

    async def main():
        class Last(AsyncCard):
            async def charge(self, request):
                answer = await super().charge(request)
                asyncio.get_running_loop().call_soon(task.cancel)  # runs when the answer's transaction waits
                return answer

        card = Last()
        async with opened(aio_url, providers=(card,)) as shop:
            arguments = await quoted(shop)
            task = asyncio.create_task(shop.checkout.place(**arguments))
            with pytest.raises(asyncio.CancelledError):
                await task
            placed = await shop.checkout.place(**arguments)
            assert placed.replayed
            assert placed.order.payment_status == "paid"
            assert len(card.charged) == 1

    asyncio.run(main())


def test_a_time_limit_is_a_time_limit(sqlite_url):
    """`asyncio.timeout` around a call gives TimeoutError, and the task that had it goes on uncancelled."""

    async def main():
        card = AsyncCard()
        card.gate = asyncio.Event()
        async with opened(sqlite_url, providers=(card,)) as shop:
            arguments = await quoted(shop)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(None) as limit:
                    task = asyncio.current_task()
                    card.asked.clear()
                    asyncio.get_running_loop().create_task(_expire(card.asked, limit))
                    await shop.checkout.place(**arguments)
            assert task.cancelling() == 0
            await asyncio.sleep(0)
            assert taken(shop) == 0

    asyncio.run(main())


async def _expire(asked, limit):
    await asked.wait()
    limit.reschedule(asyncio.get_running_loop().time())


def test_whoever_leaves_the_queue_keeps_nobody_waiting(sqlite_url):
    """On SQLite one writes at a time: those who are cancelled while they wait for their turn do not take it along."""

    async def main():
        async with opened(sqlite_url) as shop:
            async with shop.transaction() as tx:
                await tx.carts.create()
                waiting = [asyncio.create_task(shop.inventory.receive("A1", quantity=1)) for _ in range(4)]
                for _ in range(3):
                    await asyncio.sleep(0)
                for task in waiting[:3]:
                    task.cancel()
                await asyncio.gather(*waiting[:3], return_exceptions=True)
            await waiting[3]
            assert (await shop.inventory.level("A1")).on_hand == 11
            assert taken(shop) == 0

    asyncio.run(main())


def test_a_refund_cancelled_at_any_wait(sqlite_url):
    """Cancelled at the n-th wait for every n: with the same key it is given back once in the end."""

    async def main():
        card = AsyncCard()
        async with opened(sqlite_url, providers=(card,)) as shop:
            at, ended = 0, False
            while not ended:
                at += 2
                placed = await shop.checkout.place(**await quoted(shop))
                number, key = placed.order.number, f"refund-{at}"
                refund = shop.orders.refund(number, amount=100, idempotency_key=key)
                ended = await CancelledAt(at, again=True).run(refund)
                shop.config.clock.advance(minutes=1)  # the lease of whoever has gone runs out
                await shop.recover()
                await shop.orders.refund(number, amount=100, idempotency_key=key)
                assert (await shop.orders.get(number)).refunded.amount == 100
                assert taken(shop) == 0
                if await number_of(shop, "mc_order") > 8:
                    break
            assert (await shop.audit()).clean

    asyncio.run(main())


def test_the_told_of_a_survivor(sqlite_url):
    """An error that keeps what was written (a declined card) is told to whoever listens to commits."""

    async def main():
        async with opened(sqlite_url) as shop:
            told = []
            shop.on_committed(told.extend)
            with suppress(PaymentDeclined):
                await shop.checkout.place(**await quoted(shop, token="tok_declined"))
            assert any(isinstance(fact, OrderChanged) and fact.status == "cancelled" for fact in told)

    asyncio.run(main())
