"""A shop with data in it, as it was before migration 0012, comes through every later one, and back."""

from pathlib import Path

import psycopg
import pytest
from sqlalchemy import inspect, make_url

from core_shop import ADDRESS, CUSTOMER
from mestres_core import Commerce
from mestres_core.db import schema
from mestres_core.db.session import make_engine

DUMPS = Path(__file__).parent / "revision_0011"
STATES = {
    ("cancelled", "declined"): 1,
    ("cancelled", "refunded"): 1,
    ("completed", "paid"): 1,
    ("pending", "pending"): 4,
    ("placed", "authorized"): 1,
    ("placed", "paid"): 3,
    ("placed", "partially_refunded"): 1,
    ("placed", "void"): 1,
}


@pytest.fixture
def engine(database_url):
    """A database that holds what the code of revision 0011 wrote into it."""
    made = make_engine(database_url)
    text = (DUMPS / f"{made.dialect.name}.sql").read_text(encoding="utf-8")
    if made.dialect.name == "sqlite":
        with made.connect() as connection:
            connection.connection.driver_connection.executescript(text)
    else:
        with psycopg.connect(make_url(database_url).set(drivername="postgresql").render_as_string(False)) as connection:
            connection.execute(text)
    yield made
    made.dispose()


def states(engine):
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT status, payment_status, count(*) FROM mc_order GROUP BY 1, 2").all()
    return {(status, payment): count for status, payment, count in rows}


def rows(engine, tables):
    """How many rows each table has, and what all orders and payments come to."""
    with engine.connect() as connection:
        found = {name: connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one() for name in tables}
        found["total"] = connection.exec_driver_sql("SELECT sum(grand_amount) FROM mc_order").scalar_one()
    return found


def test_up_with_data(engine):
    """Orders and payments in every state keep it, the audit finds nothing, and the shop goes on selling."""
    assert schema.version(engine) == "0011"
    shop = Commerce(engine)
    shop.migrate()

    assert schema.version(engine) == schema.HEAD
    assert states(engine) == STATES
    assert shop.audit().violations == ()
    cart = shop.carts.create()
    shop.carts.add(cart.id, sku="CERRADO-250", quantity=1)
    quote = shop.checkout.quote(cart.id, address=ADDRESS)
    placed = shop.checkout.place(
        cart.id,
        quote_hash=quote.hash,
        idempotency_key="after",
        customer=CUSTOMER,
        payment={"method": "card", "token": "tok_ok"},
    )
    assert placed.order.payment_status == "paid"
    assert [item.name for item in shop.search.products("cerrado").items] == ["Café Cerrado"]
    assert shop.audit().violations == ()


def test_down_with_data(engine):
    """Back at 0011 there are the tables and rows of 0011 again; and they come up once more."""
    shop = Commerce(engine)
    tables = sorted(name for name in inspect(engine).get_table_names() if name.startswith("mc_order"))
    before = rows(engine, tables)
    all_before = set(inspect(engine).get_table_names())
    shop.migrate()
    shop.migrate("0011")

    assert schema.version(engine) == "0011"
    assert set(inspect(engine).get_table_names()) == all_before
    assert rows(engine, tables) == before
    assert states(engine) == STATES
    shop.migrate()
    assert shop.audit().violations == ()
