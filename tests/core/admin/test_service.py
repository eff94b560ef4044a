"""Figures: what they mean, that they add up, and what they cost."""

from datetime import UTC, date, datetime
from functools import partial

import pytest
from sqlalchemy import event

from core_sales import fill_orders, fill_products
from mestres_core.admin.reports import KINDS
from mestres_core.errors import ValidationError
from mestres_core.money import Money
from mestres_core.testing.clock import FakeClock

_WHOLE = {"from_": "2025-01-01", "to": "2026-12-31"}


@pytest.fixture
def sold(shop):
    """A shop with 60 products and 600 orders in every state, in two currencies."""
    fill_products(shop.core, 60)
    fill_orders(shop.core, 600)
    return shop


def brl(amount):
    return Money(amount, "BRL")


def test_an_empty_shop_has_a_dashboard(shop):
    """Where nothing was sold every figure is zero, and a share of nothing is None."""
    made = shop.admin.dashboard()

    assert {name: [one.orders for one in sales] for name, sales in made.sales.items()} == {
        "today": [0],
        "7_days": [0],
        "30_days": [0],
    }
    assert (made.conversion, made.payment_failure_share, made.top_products, made.low_stock) == (None, None, (), ())


def test_the_dashboard_shows_what_was_bought(shop):
    """Orders, revenue, ticket, best seller, low stock, carts and payments of a few known purchases."""
    shop.product("A1", price=1000, stock=9)
    shop.product("B1", price=500, stock=100)
    hidden = {"name": "Not for sale", "variants": [{"sku": "C1", "price": 1, "stock": 1}], "active": False}
    assert shop.catalog.save(**hidden) is None
    first, second = shop.buy("A1", 4), shop.buy("B1", 1)
    shop.buy("B1", 2, "pix")
    shop.cart(("B1", 1))
    grands = [placed.order.totals.grand.amount for placed in (first, second)]
    made = shop.admin.dashboard()
    today = made.sales["today"][0]

    assert (today.orders, today.paid_orders, today.gross) == (3, 2, brl(sum(grands)))
    assert today.average_ticket == brl((sum(grands) + 1) // 2)
    assert made.sales["today"] == made.sales["7_days"] == made.sales["30_days"]
    assert made.orders_by_status == {"pending": 1, "placed": 2}
    assert [(row.name, row.quantity, row.revenue) for row in made.top_products] == [
        ("Café A1", 4, brl(4000)),
        ("Café B1", 1, brl(500)),
    ]
    assert [(row.sku, row.available) for row in made.low_stock] == [("A1", 5)]
    assert made.low_stock_count == 1
    assert (made.carts, made.carts_ordered, made.conversion) == (4, 3, 0.75)
    assert made.payments_by_status == {"captured": 2, "pending": 1}
    assert [each.number for each in made.latest_orders][1:] == [second.order.number, first.order.number]


def test_money_given_back_is_no_revenue(shop):
    """What was given back or is due back is subtracted; a part is subtracted as a part."""
    shop.product("A1", price=1000, stock=50)
    whole, part, _kept = (shop.buy("A1") for _ in range(3))
    shop.orders.refund(whole.order.number)
    shop.orders.refund(part.order.number, amount=300)
    grand = whole.order.totals.grand.amount
    sales = shop.admin.dashboard().sales["today"][0]

    assert (sales.gross, sales.refunds, sales.revenue) == (brl(3 * grand), brl(grand + 300), brl(2 * grand - 300))


def _by_hand(shop):
    """Gross and refunds of all orders, added up in Python by the definition."""
    taken = ("paid", "refund_due", "refunded", "partially_refunded")
    given = {}
    for number, amount in shop.sql("SELECT order_number, amount FROM mc_refund WHERE status = 'refunded'"):
        given[number] = given.get(number, 0) + amount
    sums = {}
    for number, currency, status, grand in shop.sql(
        "SELECT number, currency, payment_status, grand_amount FROM mc_order"
    ):
        gross, back = sums.setdefault(currency, [0, 0])
        all_of_it = status in ("refund_due", "refunded")
        sums[currency] = [
            gross + (grand if status in taken else 0),
            back + (grand if all_of_it else given.get(number, 0)),
        ]
    return sums


@pytest.mark.parametrize("group_by", ["day", "week", "month"])
def test_sales_add_up(sold, group_by):
    """The total of the sales is the sum of their rows, and the sum of all orders by the definition."""
    report = sold.admin.report("sales", **_WHOLE, group_by=group_by)
    by_hand = _by_hand(sold)

    assert {total.gross.currency for total in report.totals} == {"BRL", "USD"}
    for total in report.totals:
        rows = [row for row in report.rows if row.gross.currency == total.gross.currency]
        assert sum(row.orders for row in rows) == total.orders
        assert sum(row.revenue.amount for row in rows) == total.revenue.amount
        assert [total.gross.amount, total.refunds.amount] == by_hand[total.gross.currency]
    assert sum(total.orders for total in report.totals) == 600
    periods = [row.period for row in report.rows]
    assert periods == sorted(periods)
    assert all(group_by != "week" or period.weekday() == 0 for period in periods)
    assert all(group_by != "month" or period.day == 1 for period in periods)


def test_products_add_up(sold):
    """Products and categories have the same total: that of the lines of orders that are paid and kept."""
    products, categories = (
        sold.admin.report("products", **_WHOLE, group_by=group) for group in ("product", "category")
    )
    kept = "o.payment_status IN ('paid', 'partially_refunded') AND o.currency = 'BRL'"
    [(pieces, money)] = sold.sql(
        f"SELECT SUM(l.quantity), SUM(l.total) FROM mc_order_line l JOIN mc_order o ON o.id = l.order_id WHERE {kept}"
    )

    assert products.totals == categories.totals
    assert (products.totals[0].quantity, products.totals[0].revenue) == (pieces, brl(int(money)))
    for report in (products, categories):
        rows = [row for row in report.rows if row.revenue.currency == "BRL"]
        assert sum(row.revenue.amount for row in rows) == money
        assert [row.revenue.amount for row in report.rows] == sorted(
            (row.revenue.amount for row in report.rows), reverse=True
        )


def test_customers_add_up(sold):
    """Customers have the total of the sales, those who brought in most first."""
    report = sold.admin.report("customers", **_WHOLE)

    assert report.totals == sold.admin.report("sales", **_WHOLE).totals
    assert sum(row.orders for row in report.rows) == 600
    assert report.rows[0].email.endswith("@example.com")
    assert report.rows[0].revenue.amount == max(row.revenue.amount for row in report.rows)


def test_inventory_adds_up(sold):
    """Stock by SKU and by category has one total, and what was sold is what the products say."""
    by_sku, by_category = (sold.admin.report("inventory", **_WHOLE, group_by=by) for by in ("sku", "category"))
    sold_pieces = sum(total.quantity for total in sold.admin.report("products", **_WHOLE).totals)

    assert by_sku.totals == by_category.totals
    assert len(by_sku.rows) == 60
    assert sum(row.on_hand for row in by_sku.rows) == by_sku.totals[0].on_hand == sum(i % 50 for i in range(60))
    assert by_sku.totals[0].sold == sold_pieces


def test_long_reports_are_cut_but_not_their_totals(sold, monkeypatch):
    """Rows beyond the limit are left out, which the report says; its totals are still over everything."""
    whole = sold.admin.report("products", **_WHOLE)
    monkeypatch.setattr("mestres_core.admin.reports.MOST_ROWS", 5)
    for kind in ("products", "customers", "inventory"):
        assert len(sold.admin.report(kind, **_WHOLE).rows) == 5
        assert sold.admin.report(kind, **_WHOLE).truncated
    assert sold.admin.report("products", **_WHOLE).totals == whole.totals


def test_days_are_those_of_sao_paulo(open_shop):
    """An order before 03:00 UTC belongs to the day before, one at 03:00 to the new day; both ends of a period count."""
    clock = FakeClock(datetime(2026, 3, 1, 2, 59, 59, 999_999, tzinfo=UTC))
    shop = open_shop(clock=clock)
    shop.product(stock=10)
    shop.buy()
    clock.advance(seconds=1)
    shop.buy()
    shop.buy()
    report = shop.admin.report("sales", from_=date(2026, 2, 28), to="2026-03-01")

    assert [(row.period, row.orders) for row in report.rows] == [(date(2026, 2, 28), 1), (date(2026, 3, 1), 2)]
    assert shop.admin.report("sales", from_="2026-02-28", to="2026-02-28").totals[0].orders == 1
    assert shop.admin.dashboard().sales["today"][0].orders == 2


@pytest.mark.parametrize(
    ("kind", "arguments", "field"),
    [
        ("profit", {}, "kind"),
        (["sales"], {}, "kind"),
        ("sales", {"group_by": "hour"}, "group_by"),
        ("products", {"group_by": "day"}, "group_by"),
        ("sales", {"from_": "01/02/2026"}, "from"),
        ("sales", {"from_": "2026-02-30"}, "from"),
        ("sales", {"to": "20260131"}, "to"),
        ("sales", {"to": "0001-01-01"}, "to"),
        ("sales", {"to": 5}, "to"),
        ("sales", {"from_": datetime(2026, 1, 1, tzinfo=UTC)}, "from"),
        ("sales", {"from_": "2026-02-01", "to": "2026-01-31"}, "to"),
        ("sales", {"from_": "1999-01-01", "to": "2026-01-31"}, "from"),
    ],
)
def test_wrong_arguments_are_named(sqlite_shop, kind, arguments, field):
    """A kind, grouping or date that is none is refused with the name of its field."""
    with pytest.raises(ValidationError) as caught:
        sqlite_shop.admin.report(kind, **arguments)

    assert [error.field for error in caught.value.errors] == [field]


def test_the_best_products_are_those_of_the_report(shop):
    """Of all currencies: the report groups by currency what the dashboard asks of one after the other."""
    fill_products(shop.core, 60)
    fill_orders(shop.core, 600)

    best = shop.admin.dashboard(limit=50).top_products

    assert best == shop.admin.report("products").rows[:50]
    assert {row.revenue.currency for row in best} == {"BRL", "USD"}


def test_figures_cost_as_many_statements_however_much_was_sold(shop):
    """Dashboard and reports send as many for an empty shop as for 600 orders, but for a second currency."""

    def sent():
        calls = {kind: partial(shop.admin.report, kind, **_WHOLE) for kind in KINDS}
        found = {}
        for name, call in {"dashboard": shop.admin.dashboard, **calls}.items():
            with shop.statements() as statements:
                call()
            found[name] = len(statements)
        return found

    none = sent()
    fill_products(shop.core, 60)
    fill_orders(shop.core, 600)

    currencies = len(shop.admin.dashboard().sales["30_days"])
    assert currencies == 2
    assert sent() == {**none, "dashboard": none["dashboard"] + currencies - 1}
    assert max(none.values()) <= 7


def test_postgresql_knows_how_long_a_period_is(postgres_shop):
    """Where it begins and ends stands in the statement: prepared without, it would be planned for a short one."""
    postgres_shop.product("A1", price=1000, stock=9)
    postgres_shop.buy("A1")
    sent = []
    event.listen(postgres_shop.engine, "before_cursor_execute", lambda *call: sent.append(call[2:4]))
    postgres_shop.admin.dashboard()
    for kind in KINDS:
        postgres_shop.admin.report(kind)
    begins = [values for sql, values in sent if "created_at >=" in sql]
    assert len(begins) >= len(KINDS)
    assert not any(isinstance(value, datetime) for values in begins for value in values)


def test_what_runs_low_is_found_by_an_index(postgres_shop):
    """PostgreSQL knows the index by what its expression says: written otherwise, every level would be looked at."""
    postgres_shop.product("A1", price=1000, stock=3)
    sent = []
    event.listen(postgres_shop.engine, "before_cursor_execute", lambda *call: sent.append(call[2:4]))
    postgres_shop.admin.dashboard()
    low = [(sql, values) for sql, values in sent if "FROM mc_stock_level" in sql]
    assert len(low) == 2
    with postgres_shop.engine.connect() as connection:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        for sql, values in low:
            plan = connection.exec_driver_sql(f"EXPLAIN {sql}", values).scalars().all()
            assert any("ix_mc_stock_level_available" in step for step in plan), "\n".join(plan)
