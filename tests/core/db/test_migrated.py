"""The databases that these tests lend each other."""

from contextlib import closing

import psycopg
from sqlalchemy import make_url

from core_shop import TestShop


def _connect(url: str) -> psycopg.Connection:
    return psycopg.connect(make_url(url).set(drivername="postgresql").render_as_string(hide_password=False))


def test_what_comes_back_is_as_it_was_lent(migrated) -> None:
    """Rows, numbers and open transactions of one test are nothing to the next; another shape is another database."""
    first = migrated.lend()
    with closing(TestShop(first)) as shop:
        fresh = [shop.sql("SELECT * FROM mc_rulebook"), shop.sql("SELECT * FROM mc_location ORDER BY 1")]
        shop.product("A")
        shop.tax.set_rate("ICMS", percent=7)
        assert shop.buy("A").order.payment_status == "paid"
    left_open = _connect(first)
    left_open.execute("UPDATE mc_product SET name = 'somebody forgot to roll back'")
    migrated.put_right(first)
    left_open.close()

    again = migrated.lend()
    assert again == first
    with closing(TestShop(again)) as shop:
        assert [shop.sql("SELECT * FROM mc_rulebook"), shop.sql("SELECT * FROM mc_location ORDER BY 1")] == fresh
        assert (shop.catalog.list().items, shop.sql("SELECT * FROM mc_order"), shop.outbox()) == ((), [], [])
        assert shop.product("A").id == 1
        shop.sql("ALTER TABLE mc_product ADD COLUMN theirs integer")
    migrated.put_right(again)

    other = migrated.lend()
    assert other != first
    migrated.put_right(other)
