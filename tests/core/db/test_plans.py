"""How PostgreSQL does what a call asks of it."""

import subprocess
import sys
from pathlib import Path

import pytest

from core_shop import TestShop
from mestres_core import ProductDraft
from mestres_core.catalog.dto import VariantDraft
from mestres_core.db.plans import plans
from mestres_core.errors import DatabaseNotReady
from mestres_examples import filling
from servers.migrated import MigratedDatabases

_MESTRES = Path(sys.executable).with_name("mestres")


@pytest.fixture(scope="module")
def shop(migrated: MigratedDatabases):  # type: ignore[no-untyped-def]
    """A shop with enough products for indexes to be worth while."""
    url = migrated.lend()
    made = TestShop(url)
    made.catalog.save_many(
        [
            ProductDraft(
                key=f"k{n}",
                name=f"Café premium {n}",
                variants=(VariantDraft(sku=f"S{n}", price=1000 + n, stock=1, weight_grams=250),),
            )
            for n in range(2000)
        ]
    )
    filling.fill_orders(made.core, [f"S{n}" for n in range(2000)], 1500)
    made.sql("ANALYZE")
    yield made
    made.close()
    migrated.put_right(url)


def test_every_statement_of_a_call_has_its_plan(shop: TestShop) -> None:
    """The statements that were sent, each with its time, its pages and the indexes that it used."""
    found = plans(shop.engine, lambda: shop.catalog.list(per_page=20))
    count, page = found
    assert "LIMIT" in page.statement
    assert page.indexes
    assert "mc_product" not in page.scanned
    assert "count(*)" in count.statement
    assert all(plan.seconds > 0 and plan.pages_hit + plan.pages_read > 0 for plan in found)


def test_nothing_is_written_twice(shop: TestShop) -> None:
    """Only what reads is run again."""
    cart = shop.cart()
    before = shop.carts.get(cart).version
    found = plans(shop.engine, lambda: shop.carts.add(cart, sku="S1"))
    assert shop.carts.get(cart).version == before + 1
    assert all(plan.statement.startswith("SELECT") for plan in found)


def test_sqlite_is_refused(sqlite_shop: TestShop) -> None:
    """It does not tell the times of its plans, and the message says what does."""
    with pytest.raises(DatabaseNotReady, match="postgresql"):
        plans(sqlite_shop.engine, lambda: None)


def test_the_critical_queries(shop: TestShop) -> None:
    """The command judges the three queries of the specification and names the indexes they use."""
    shop.buy("S1")
    url = shop.engine.url.render_as_string(hide_password=False)
    command = [_MESTRES, "plans", "--database", url, "--runs", "2", "--verbose"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    for name in ("a page of products", "a search for products", "a customer's orders"):
        assert name in run.stdout
    assert "ix_mc_order_customer_id" in run.stdout
    assert "SELECT" in run.stdout
