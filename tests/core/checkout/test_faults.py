"""A database that fails at any moment: whatever is asked for happens once, or not at all, and the books stay right."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from core_shop import TestShop
from mestres_core.errors import OutcomeUnknown, RetryableError
from mestres_core.typing import PaymentEvent

LONG = os.environ.get("MESTRES_STRESS") == "long"
FAULTS = ("40001", "40P01", "55P03")  # serialization failure, deadlock, lock timeout
TABLES = (
    "mc_cart mc_cart_line mc_quote mc_order mc_order_line mc_payment mc_payment_event mc_refund"
    " mc_stock_movement mc_idempotency mc_outbox mc_customer"
).split()


class Broken(Exception):
    """What a driver says; `sqlstate` is PostgreSQL's."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("database is locked")
        self.sqlstate = sqlstate


@contextmanager
def failing(shop: TestShop, at: int, *, times: int = 1) -> Iterator[list[int]]:
    """The statement number `at` of each transaction fails, `times` times; gives the numbers of all that were sent."""
    sent: list[int] = []
    count, left = 0, times

    def begin(_connection: Any) -> None:
        nonlocal count
        count = 0

    def send(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        nonlocal count, left
        if statement.startswith("BEGIN"):
            return
        count += 1
        sent.append(count)
        if count == at and left:
            left -= 1
            raise OperationalError(
                statement, {}, Broken(FAULTS[at % 3] if shop.engine.dialect.name != "sqlite" else None)
            )

    event.listen(shop.engine, "begin", begin)
    event.listen(shop.engine, "before_cursor_execute", send)
    try:
        yield sent
    finally:
        event.remove(shop.engine, "begin", begin)
        event.remove(shop.engine, "before_cursor_execute", send)


@contextmanager
def lost_at_commit(shop: TestShop, *, done: bool, nth: int = 1) -> Iterator[None]:
    """The connection is lost at the `nth` commit from now, after the database had `done` it or before."""
    dialect = shop.engine.dialect
    original, left = dialect.do_commit, nth

    def commit(connection: Any) -> None:
        nonlocal left
        left -= 1
        if left or done:
            original(connection)
        if not left:
            connection.dbapi_connection.close()
            raise _gone(dialect)

    dialect.do_commit = commit  # type: ignore[method-assign]
    try:
        yield
    finally:
        dialect.do_commit = original  # type: ignore[method-assign]


def _gone(dialect: Any) -> Exception:
    if dialect.name == "sqlite":
        return dialect.dbapi.ProgrammingError("Cannot operate on a closed database.")  # type: ignore[no-any-return]
    return dialect.dbapi.OperationalError("server closed the connection unexpectedly")  # type: ignore[no-any-return]


def counts(shop: TestShop) -> dict[str, int]:
    """How many rows there are in each table that a checkout writes."""
    query = " UNION ALL ".join(f"SELECT '{table}', count(*) FROM {table}" for table in TABLES)
    return {row[0]: row[1] for row in shop.sql(query)}


def _begin(shop: TestShop) -> Callable[[], Any]:
    arguments = shop.arguments(shop.quote(shop.cart(("A1", 1), ("B2", 2))))
    return lambda: shop.checkout.begin(**arguments)


def _apply(shop: TestShop) -> Callable[[], Any]:
    begun = shop.checkout.begin(**shop.arguments(shop.quote(shop.cart(("A1", 1)))))
    request = begun.request
    happened = PaymentEvent(
        provider="card", id=f"e_{request.key}", key=request.key, kind="captured", amount=request.amount.amount
    )
    return lambda: shop.checkout.apply(happened)


def _cancel(shop: TestShop) -> Callable[[], Any]:
    number = shop.buy().order.number
    return lambda: shop.orders.cancel(number)


def _refund(shop: TestShop) -> Callable[[], Any]:
    number = shop.buy().order.number
    return lambda: shop.orders.refund(number, amount=100)


def _merge(shop: TestShop) -> Callable[[], Any]:
    account, guest = shop.cart(("A1", 1)), shop.cart(("A1", 2), ("B2", 1))
    return lambda: shop.carts.merge(guest, into=account, policy="sum")


ACTS = {"begin": _begin, "apply": _apply, "cancel": _cancel, "refund": _refund, "merge": _merge}


@pytest.mark.scenario("C22")
@pytest.mark.parametrize("act", list(ACTS))
def test_a_fault_at_any_statement(shop: TestShop, monkeypatch: pytest.MonkeyPatch, act: str) -> None:
    """Each statement fails once: the work is done, once. Each fails for ever: RetryableError, and not one row more."""
    shop.product(stock=1000)
    shop.product("B2", stock=1000)
    shop.buy()  # so that every later order is of a known customer
    unhurried = SimpleNamespace(sleep=lambda _seconds: None, monotonic=time.monotonic)
    monkeypatch.setattr("mestres_core.db.waiting.time", unhurried)
    do = ACTS[act](shop)
    before = counts(shop)
    with failing(shop, 0) as sent:
        do()
    done = {table: rows - before[table] for table, rows in counts(shop).items()}
    statements = max(sent)
    assert statements > 2
    for at in range(1, statements + 1):
        do = ACTS[act](shop)
        before = counts(shop)
        with failing(shop, at):
            do()
        assert {table: rows - before[table] for table, rows in counts(shop).items()} == done, at
    for at in range(1, statements + 1, 1 if LONG else 3):
        do = ACTS[act](shop)
        before = counts(shop)
        with failing(shop, at, times=1000), pytest.raises(RetryableError):
            do()
        if act != "refund":  # which has three transactions: what the first has written down is found by `recover`
            assert counts(shop) == before, at
    shop.clock.advance(minutes=1)
    shop.recover()
    assert shop.audit().clean


@pytest.mark.scenario("C23")
@pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
def test_a_connection_lost_at_the_commit(shop: TestShop, done: bool) -> None:
    """Nobody knows whether `begin` was committed: the same key gives one order, whatever it was."""
    shop.product()
    arguments = shop.arguments(shop.quote(shop.cart(("A1", 1))), key="k")
    with lost_at_commit(shop, done=done), pytest.raises(OutcomeUnknown):
        shop.checkout.begin(**arguments)
    assert len(shop.orders.list()) == done
    again = shop.checkout.begin(**arguments)
    assert again.replayed is done
    assert [again.order.number] == [order.number for order in shop.orders.list()]
    assert shop.available() == 9


@pytest.mark.scenario("C23")
@pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
@pytest.mark.parametrize("nth", [1, 2], ids=["begin", "apply"])
def test_placing_finds_out_by_itself(shop: TestShop, done: bool, nth: int) -> None:
    """`place` begins once more under its key: the buyer is charged once and gets a paid order, not a replay."""
    shop.product()
    arguments = shop.arguments(shop.quote(shop.cart(("A1", 1))), key="k")
    with lost_at_commit(shop, done=done, nth=nth):
        placed = shop.checkout.place(**arguments)
    assert (placed.order.payment_status, placed.replayed) == ("paid", False)
    assert [placed.order.number] == [order.number for order in shop.orders.list()]
    assert shop.checkout.place(**arguments).replayed
    assert shop.available() == 9
    assert shop.audit().clean
