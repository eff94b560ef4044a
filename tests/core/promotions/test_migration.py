"""What becomes of the coupons of shops that had them before promotions."""

from sqlalchemy import inspect, text

from core_shop import TestShop
from mestres_core import Commerce
from mestres_core.db import schema
from mestres_core.db.session import make_engine

_COUPONS = """
    INSERT INTO mc_coupon
        (code, kind, value, currency, minimum, starts_at, ends_at, most_uses, uses, active, created_at)
    VALUES ('CAFE10', 'percent', 1250, 'BRL', 3000, NULL, '2030-01-01 00:00:00+00:00', 2, 1, true, '2026-01-01'),
           ('VELHO', 'fixed', 500, 'BRL', 0, NULL, NULL, NULL, 0, false, '2026-01-01')
"""
_CART = "INSERT INTO mc_cart (id, currency, status, version, created_at, updated_at) VALUES " + ", ".join(
    f"('c{number}', 'BRL', 'ordered', 1, '2026-01-01', '2026-01-01')" for number in range(3)
)
_ORDERS = """
    INSERT INTO mc_order (number, cart_id, quote_hash, status, payment_status, fulfillment_status, currency,
        items_amount, discount_amount, shipping_amount, tax_amount, grand_amount, customer_id, customer, address,
        shipping_method, coupons, access_token, created_at, updated_at, confirmed_at)
    VALUES
""" + ", ".join(
    f"""('N{number}', 'c{number}', 'h', '{status}', 'paid', 'unfulfilled', 'BRL', 4000, 500, 0, 0, 3500, 7, '{{}}',
        '{{}}', 'pac', '[["CAFE10", 500]]', 't', '2026-01-01', '2026-01-01', '2026-01-01')"""
    for number, status in enumerate(("placed", "cancelled"))
)


def test_coupons_become_codes_and_back(database_url: str) -> None:
    """Every coupon is there with its worth, time, limit and uses, its orders hold it, and going back loses nothing."""
    engine = make_engine(database_url)
    schema.migrate(engine, "0006")
    with engine.begin() as connection:
        for statement in (_COUPONS, _CART, _ORDERS):
            connection.execute(text(statement))
    engine.dispose()
    with Commerce.open(database_url) as shop:
        cafe, old = shop.promotions.list()
        assert (cafe.code, cafe.kind, cafe.value, cafe.minimum) == ("CAFE10", "percent", 1250, 3000)
        assert (cafe.most_uses, cafe.uses, cafe.active) == (2, 1, True)
        assert cafe.ends_at is not None
        assert cafe.ends_at.year == 2030
        assert (old.code, old.kind, old.value, old.active) == ("VELHO", "fixed", 500, False)
        with shop.engine.connect() as connection:
            held = connection.execute(text("SELECT order_number, code, customer, amount, state FROM mc_promotion_use"))
            assert [tuple(row) for row in held] == [("N0", "CAFE10", "7", 500, "taken")]
        assert "a code is used as often as orders take it" not in {each.rule for each in shop.audit().violations}
        with shop.transaction() as tx:
            tx.promotions.give_back("N0")
        assert shop.promotions.coupon("CAFE10").uses == 0
        shop.migrate(f"-{int(schema.HEAD) - 6}")
        assert not inspect(shop.engine).has_table("mc_promotion")
        with shop.engine.connect() as connection:
            columns = "code, kind, value, currency, minimum, most_uses, uses"
            rows = connection.execute(text(f"SELECT {columns} FROM mc_coupon ORDER BY code")).all()
        assert [tuple(row) for row in rows] == [
            ("CAFE10", "percent", 1250, "BRL", 3000, 2, 0),
            ("VELHO", "fixed", 500, "BRL", 0, None, 0),
        ]


def test_a_floor_below_zero_is_not_stored(shop: TestShop) -> None:
    """The database itself refuses what the service would never write."""
    shop.product()
    with shop.engine.connect() as connection:
        found = {each["name"] for each in inspect(connection).get_check_constraints("mc_price")}
    assert "ck_mc_price_floor" in found
