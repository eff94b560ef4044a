"""Many rows in one statement."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from mestres_core.db.bulk import InsertMany, UpdateMany
from mestres_core.events.models import outbox
from mestres_core.inventory.models import level

NOW = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)
OUTBOX = ("aggregate", "aggregate_id", "type", "payload", "created_at")
INSERT = InsertMany(outbox, *OUTBOX)
RETURNING = InsertMany(outbox, *OUTBOX, returning=(outbox.c.aggregate_id, outbox.c.id))
RECEIVE = UpdateMany(level, key=("variant_id",), add=("on_hand", "allocated"))


def facts(count):
    payload = {"name": 'Café "ouro"; \\ \N{HOT BEVERAGE}', "n": None, "deep": [1, {"a": True}]}
    return [
        {
            "aggregate": "test",
            "aggregate_id": str(n),
            "type": "It's",
            "payload": payload | {"n": n},
            "created_at": NOW,
        }
        for n in range(count)
    ]


@pytest.mark.parametrize("count", [1, 3, 250])
def test_rows_are_written_as_given_and_in_order(shop, count):
    """Text, JSON and moments arrive unchanged, and the rows' numbers follow the order of the rows."""
    with Session(shop.engine) as session:
        INSERT(session, facts(count))
        session.commit()
        found = session.execute(
            select(*(outbox.c[name] for name in OUTBOX)).where(outbox.c.aggregate == "test").order_by(outbox.c.id)
        )
        assert [row._asdict() for row in found] == facts(count)


def test_what_was_written_comes_back(shop):
    """`returning` gives the columns of each row."""
    with Session(shop.engine) as session:
        written = RETURNING(session, facts(5)).all()
        kept = session.execute(select(outbox.c.aggregate_id, outbox.c.id).where(outbox.c.aggregate == "test")).all()
        assert sorted(written) == sorted(kept)
        assert len(written) == 5


def test_numbers_are_added_to_many_rows(shop):
    """Each row gets its own numbers, the others none."""
    for sku in "ABC":
        shop.product(sku, stock=10)
    ids = dict(shop.sql("SELECT sku, variant_id FROM mc_stock_level"))
    with Session(shop.engine) as session:
        rows = [
            {"variant_id": ids["A"], "on_hand": 5, "allocated": 0},
            {"variant_id": ids["C"], "on_hand": -1, "allocated": 2},
        ]
        RECEIVE(session, rows)
        session.commit()

    assert dict(shop.sql("SELECT sku, on_hand * 100 + allocated FROM mc_stock_level")) == {
        "A": 1500,
        "B": 1000,
        "C": 902,
    }


def test_postgresql_gets_one_statement(open_shop, database_url):
    """However many rows there are, PostgreSQL is asked once."""
    shop = open_shop()
    with shop.statements() as sent, Session(shop.engine) as session:
        INSERT(session, facts(50))
    assert len(sent) == 1
