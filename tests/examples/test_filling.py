"""A shop filled with a past."""

from datetime import UTC, datetime

from sqlalchemy import func, select

from mestres_core import Commerce
from mestres_core.orders.models import line, order
from mestres_examples import filling, generate


def _fill(shop, orders=60, products=30):
    drafts = list(generate.products(products))
    filling.fill_catalogue(shop, drafts)
    sold = [variant.sku for draft in drafts if draft.active for variant in draft.variants if variant.stock]
    return filling.fill_orders(shop, sold, orders)


def test_the_past_keeps_the_books(database_url):
    """Orders written in bulk pass the audit, and nothing that can be bought has changed for them."""
    with Commerce.open(database_url) as shop:
        _fill(shop, orders=0)
        before = {card.id: card.in_stock for card in shop.catalog.list(per_page=100).items}
        available = {sku: shop.inventory.level(sku).available for sku in ("CERRADO-250", "SALITRE-250")}

        assert _fill(shop) == 60

        report = shop.audit()
        assert (report.violations, report.orders) == ((), 60)
        assert {card.id: card.in_stock for card in shop.catalog.list(per_page=100).items} == before
        assert {sku: shop.inventory.level(sku).available for sku in available} == available


def test_a_second_run_writes_what_is_missing(database_url):
    """Filling goes on where it stopped, and adds nothing when all is there."""
    with Commerce.open(database_url) as shop:
        assert (_fill(shop, 20), _fill(shop, 20), _fill(shop, 25)) == (20, 0, 5)
        assert shop.audit().clean


def test_the_past_ends_today_and_holds_every_state(database_url):
    """Ninety days up to now: shipped, still to be shipped, and declined."""
    with Commerce.open(database_url) as shop:
        _fill(shop, orders=300)
        with shop.engine.connect() as connection:
            states = dict(connection.execute(select(order.c.status, func.count()).group_by(order.c.status)).all())
            newest = connection.execute(select(func.max(order.c.created_at))).scalar_one()
            pieces = connection.execute(select(func.count()).select_from(line)).scalar_one()
    assert set(states) == {"completed", "placed", "cancelled"}
    assert states["completed"] > states["placed"] > 0
    assert 0 <= (datetime.now(UTC) - newest).days < 1
    assert pieces > 300


def test_an_order_of_the_past_reads_like_any_other(database_url):
    """Its lines, totals and payment are all there, and it can be shipped."""
    with Commerce.open(database_url) as shop:
        _fill(shop, orders=200)
        number = next(each.number for each in shop.orders.list(limit=200) if each.status == "placed")
        found = shop.orders.get(number)
        assert sum(each.total.amount for each in found.lines) == found.totals.items.amount
        assert [paid.status for paid in found.payments] == ["captured"]
        assert shop.orders.fulfill(number).fulfillment_status == "fulfilled"
        assert shop.audit().clean
