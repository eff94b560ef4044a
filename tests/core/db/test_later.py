"""Writes that wait for the next statement."""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DBAPIError, ResourceClosedError
from sqlalchemy.orm import Session

from core_shop import TestShop
from mestres_core.catalog.models import variant
from mestres_core.db.base import metadata
from mestres_core.db.later import PatientSession, write, write_and_ask
from mestres_core.db.session import Database
from mestres_core.errors import RetryableError
from mestres_core.events.models import outbox
from mestres_core.inventory.models import level, movement
from mestres_core.testing.clock import FakeClock

NEW = insert(outbox).inline()
SET = update(outbox).where(outbox.c.aggregate_id == "1")
IDS = select(outbox.c.type).where(outbox.c.aggregate == "test").order_by(outbox.c.id)


def row(kind: str, aggregate_id: str = "1") -> dict[str, Any]:
    return {
        "aggregate": "test",
        "aggregate_id": aggregate_id,
        "type": kind,
        "payload": {"text": "50 % %(x)s 'é'", "n": None},
        "created_at": FakeClock().now(),
    }


@contextmanager
def unit(shop: TestShop) -> Iterator[PatientSession]:
    with Database(shop.engine).write() as session:
        assert isinstance(session, PatientSession)
        yield session


def test_what_is_read_comes_after_every_write(shop: TestShop) -> None:
    """A SELECT sees all that was written before it, and so does the commit."""
    with unit(shop) as session:
        write(session, NEW, row("a"))
        write(session, NEW, row("b"))
        assert session.execute(IDS).scalars().all() == ["a", "b"]
        write(session, NEW, row("c"))
    with Session(shop.engine) as session:
        assert session.execute(IDS).scalars().all() == ["a", "b", "c"]
        kept = session.execute(select(outbox.c.payload, outbox.c.created_at).where(outbox.c.type == "c")).one()
        assert tuple(kept) == (row("c")["payload"], row("c")["created_at"])


def test_writes_of_one_row_keep_their_order(shop: TestShop) -> None:
    """An INSERT and two UPDATEs of its row: the last one counts."""
    with unit(shop) as session:
        write(session, NEW, row("a"))
        for kind in ("b", "c"):
            write(session, SET.values(type=kind), {})
    with Session(shop.engine) as session:
        assert session.execute(IDS).scalars().all() == ["c"]


def test_an_error_leaves_nothing(shop: TestShop) -> None:
    """What waits when an error comes is never sent."""
    with pytest.raises(ZeroDivisionError), unit(shop) as session:
        write(session, NEW, row("a"))
        raise ZeroDivisionError
    with Session(shop.engine) as session:
        assert session.execute(IDS).scalars().all() == []


def test_a_savepoint_keeps_what_was_before_it_and_nothing_after(shop: TestShop) -> None:
    """Rolled back to, it undoes exactly what was written since."""
    with unit(shop) as session:
        write(session, NEW, row("before"))
        with pytest.raises(ZeroDivisionError), session.begin_nested():
            write(session, NEW, row("inside"))
            raise ZeroDivisionError
        write(session, NEW, row("after"))
    with Session(shop.engine) as session:
        assert session.execute(IDS).scalars().all() == ["before", "after"]


def test_a_hosts_session_is_written_to_at_once(shop: TestShop) -> None:
    """In somebody else's session nothing waits: they may look, or roll back to a in between."""
    with Session(shop.engine) as session, shop.statements() as sent:
        write(session, NEW, row("a"))
        assert len(sent) == 1
        assert write_and_ask(session, insert(outbox).returning(outbox.c.type), row("b")).scalar_one() == "b"
        session.rollback()


def test_writes_to_several_tables_go_together_on_postgresql(postgres_shop: TestShop) -> None:
    """Three of them, the last with RETURNING, are one statement."""
    postgres_shop.product("S1", stock=1)
    asked = insert(outbox).returning(outbox.c.type)
    with unit(postgres_shop) as session, postgres_shop.statements() as sent:
        write(session, update(level).values(on_hand=7), {})
        write(session, update(variant).values(name="new"), {})
        assert write_and_ask(session, asked, row("last")).scalar_one() == "last"
        assert len(sent) == 1
    assert postgres_shop.inventory.level("S1").on_hand == 7
    assert postgres_shop.sql("SELECT name FROM mc_variant") == [("new",)]


@pytest.mark.parametrize("many", [2, 30])
def test_rows_of_one_table_keep_their_order(shop: TestShop, many: int) -> None:
    """Their numbers follow the order in which they were written: facts are delivered by them."""
    with unit(shop) as session:
        for number in range(many):
            write(session, NEW, row(f"w{number}"))
    with Session(shop.engine) as session:
        assert session.execute(IDS).scalars().all() == [f"w{n}" for n in range(many)]


def test_a_statement_that_cannot_wait_is_refused(postgres_shop: TestShop) -> None:
    """One whose values the database layer would have to make up is a mistake of whoever wrote it."""
    several = update(level).where(level.c.sku.in_(["a", "b"])).values(on_hand=1)
    with pytest.raises(TypeError, match="cannot wait"), unit(postgres_shop) as session:
        write(session, several, {})


def test_no_table_makes_values_up() -> None:
    """Statements that wait are compiled without SQLAlchemy's defaults: no table may have any."""
    made_up = [
        column for table in metadata.tables.values() for column in table.columns if column.default or column.onupdate
    ]
    assert made_up == []


def test_an_order_is_begun_in_three_statements(postgres_shop: TestShop) -> None:
    """The cart with its lines and the rules' stamp, the stock, and everything that is written."""
    postgres_shop.product("S1")
    postgres_shop.buy("S1")
    asked = postgres_shop.arguments(postgres_shop.quote(postgres_shop.cart(("S1", 1))))
    with postgres_shop.statements() as sent:
        postgres_shop.checkout.begin(**asked)
    assert len(sent) == 3, sent


def test_a_savepoint_is_all_or_nothing(shop: TestShop) -> None:
    """What waited before it stays, what was written in one that failed is gone, also what still waited then."""
    with unit(shop) as session:
        write(session, NEW, row("before"))
        with pytest.raises(ZeroDivisionError), session.begin_nested():
            write(session, NEW, row("sent"))
            session.execute(IDS).all()
            write(session, NEW, row("waiting"))
            raise ZeroDivisionError
        with session.begin_nested():
            write(session, NEW, row("kept"))
        write(session, NEW, row("after"))
    with Session(shop.engine) as session:
        assert session.execute(IDS).scalars().all() == ["before", "kept", "after"]


@pytest.mark.parametrize("look", ["scalar", "scalars", "flush"])
def test_every_way_to_look_comes_after_every_write(shop: TestShop, look: str) -> None:
    """Whatever a session is asked with, what was written before is there."""
    with unit(shop) as session:
        write(session, NEW, row("a"))
        if look == "flush":
            session.flush()
        else:
            found: Any = getattr(session, look)(IDS)
            assert (found if look == "scalar" else found.all()) in ("a", ["a"])
        assert session.execute(IDS).scalars().all() == ["a"]


def test_half_a_unit_is_not_kept(postgres_shop: TestShop) -> None:
    """A write that fails leaves none of those it went with, even when its error is passed over."""
    postgres_shop.product("S1", stock=3)
    wrong = row("a") | {"aggregate": "no\0text"}
    with pytest.raises((RetryableError, DBAPIError, ValueError)), unit(postgres_shop) as session:
        write(session, update(level).values(on_hand=7), {})
        write(session, NEW, wrong)
        with contextlib.suppress(DBAPIError, ValueError):
            session.send()
    assert postgres_shop.inventory.level("S1").on_hand == 3


def test_a_commit_that_would_keep_nothing_says_so(postgres_shop: TestShop) -> None:
    """PostgreSQL answers the COMMIT of a failed transaction with ROLLBACK: that is not taken for a success."""
    with pytest.raises(RetryableError, match="passed over"), unit(postgres_shop) as session:
        session.execute(insert(outbox).inline(), row("a"))
        with contextlib.suppress(DBAPIError):
            session.execute(text("SELECT 1 / 0"))


@pytest.mark.parametrize("block", ["transaction", "snapshot"])
def test_what_has_ended_is_over(shop: TestShop, block: str) -> None:
    """Services that are used after their block are refused: nobody would commit that, nor give its connection back."""
    shop.product("A", stock=1)
    with getattr(shop, block)() as services:
        assert services.inventory.level("A").on_hand == 1
    with pytest.raises(ResourceClosedError, match="has ended"):
        services.inventory.receive("A", quantity=1)
    with pytest.raises(ResourceClosedError, match="has ended"):
        write(services.outbox.session, insert(movement), {})
    with pytest.raises(ResourceClosedError, match="has ended"):
        services.inventory.level("A")
    assert shop.engine.pool.checkedout() == 0
    shop.inventory.receive("A", quantity=1)
    assert shop.inventory.level("A").on_hand == 2
