"""Orders that were there before their lines had shares."""

from core_shop import TestShop


def test_orders_of_before_get_their_shares_parcels_and_credits(shop: TestShop) -> None:
    """Discounts are shared out as they would be today, a shipped order has its parcel, money given back its credit."""
    shop.product("A", price=5000)
    shop.product("B", price=1000)
    shop.promotions.save_coupon("TEN", amount=1000)
    cart_id = shop.cart(("A", 1), ("B", 1))
    shop.carts.add_coupon(cart_id, "TEN")
    discounted = shop.place(cart_id).order.number
    shipped = shop.orders.fulfill(shop.buy("A", 2).order.number).number
    kind = shop.buy("B").order.number
    shop.orders.refund(kind, amount=300)
    before = {number: shop.orders.get(number) for number in (discounted, shipped, kind)}
    parcels = [each.lines for each in shop.orders.shipments(shipped)]
    while shop.sql("SELECT version_num FROM mc_alembic_version") != [("0009",)]:
        shop.migrate("-1")
    shop.migrate()
    assert {number: shop.orders.get(number) for number in before} == before
    assert [line.discount.amount for line in shop.orders.get(discounted).lines] == [833, 167]
    assert [each.lines for each in shop.orders.shipments(shipped)] == parcels
    assert [each.kind for each in shop.orders.credits(kind)] == ["goodwill"]
    assert shop.audit().clean
