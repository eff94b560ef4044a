"""Orders as the anchors' users expect them; each row names its case in the research and where it comes from."""

import pytest

from core_shop import CUSTOMER, TestShop
from mestres_core.cart.dto import Totals
from mestres_core.errors import CouponNotApplicable, IllegalTransition
from mestres_core.orders.dto import LineParts, Order
from mestres_core.rules.money import Money


def written(shop: TestShop, lines: list[tuple[int, int]], **sums: int) -> Order:
    """A paid order of (unit price, quantity) lines with these sums of its totals, as checkout would write it."""
    for index, (price, quantity) in enumerate(lines):
        shop.product(f"S{index}", price=price, stock=quantity + 5)
    cart_id = shop.cart(*((f"S{index}", quantity) for index, (_, quantity) in enumerate(lines)))
    quote = shop.quote(cart_id)
    items = quote.totals.items.amount
    off, shipping, tax = (sums.get(name, 0) for name in ("discount", "shipping", "tax"))
    totals = Totals(*(Money(part, "BRL") for part in (items, off, shipping, tax, items - off + shipping + tax)))

    def write(services: object) -> Order:
        made: Order = services.orders.create(  # type: ignore[attr-defined]
            cart_id=cart_id,
            quote_hash=quote.hash,
            lines=quote.lines,
            totals=totals,
            customer=CUSTOMER,
            address=quote.address,
            shipping_method=quote.shipping_method,
            coupons={},
            shipping_tax=sums.get("shipping_tax", 0),
        )
        return made

    order: Order = shop.core.run(write)
    shop.sql("UPDATE mc_cart SET status = 'ordered' WHERE id = :id", id=cart_id)
    payment = f"pay_{order.number}"
    shop.sql(
        "INSERT INTO mc_payment (id, order_number, provider, method, currency, amount, status, acknowledged, reference,"
        " action, leased_until, expires_at, created_at) SELECT :id, number, 'pix', 'pix', currency, grand_amount,"
        " 'pending', :no, '', '{}', created_at, created_at, created_at FROM mc_order WHERE number = :number",
        id=payment,
        no=False,
        number=order.number,
    )
    shop.webhook(payment, "captured", totals.grand.amount)
    paid: Order = shop.orders.get(order.number)
    assert (paid.status, paid.payment_status) == ("placed", "paid")
    return paid


@pytest.mark.parametrize(
    ("lines", "sums", "first", "second"),
    [
        pytest.param([(5000, 1), (1000, 1)], {"discount": 1000}, 4167, 833, id="A37 vendure 4811"),
        pytest.param([(5000, 1), (1000, 1)], {"discount": 1000, "shipping": 700}, 4167, 833, id="A37 with shipping"),
        pytest.param([(5000, 1), (1000, 1)], {"tax": 600}, 5500, 1100, id="with tax on top, 10 %"),
        pytest.param(
            [(5000, 1), (1000, 1)],
            {"discount": 1000, "tax": 570, "shipping": 700, "shipping_tax": 70},
            4167 + 417,
            833 + 83,
            id="with all of them",
        ),
        pytest.param([(1000, 1), (1000, 1)], {"discount": 1999}, 0, 1, id="all but a cent was taken off"),
    ],
)
def test_refund_shares(
    shop: TestShop, lines: list[tuple[int, int]], sums: dict[str, int], first: int, second: int
) -> None:
    """Each line goes back for what its buyer paid for it; the other still costs its own share."""
    order = written(shop, lines, **sums)
    a, b = (line.id for line in order.lines)
    assert [line.paid.amount for line in order.lines] == [first, second]
    order = shop.orders.cancel_lines(order.number, lines={a: 1})
    assert order.refund_due.amount == first
    shipping = order.totals.shipping + order.shipping_tax
    assert (order.totals.grand - order.credited - shipping).amount == second
    order = shop.orders.cancel_lines(order.number, lines={b: 1})
    assert order.refund_due == order.totals.grand
    assert shop.audit().clean


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        pytest.param((1, 1, 1), (334, 333, 333), id="saleor 12382 piece by piece"),
        pytest.param((2, 1), (667, 333), id="two, then one"),
        pytest.param((3,), (1000,), id="all at once"),
    ],
)
def test_partial_returns_add_up(shop: TestShop, pieces: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """Three pieces of 4.00 with 2.00 off: whatever comes back when, it adds up to 10.00."""
    order = written(shop, [(400, 3)], discount=200)
    line = order.lines[0].id
    shop.orders.ship(order.number)
    given_back = []
    for count in pieces:
        asked = shop.orders.request_return(order.number, lines={line: count})
        shop.orders.receive_return(asked.id)
        shop.orders.refund_return(asked.id)
        given_back.append(shop.orders.refund(order.number).amount.amount)
    assert tuple(given_back) == expected
    assert shop.orders.get(order.number).payment_status == "refunded"
    assert shop.audit().clean


def test_parts_that_are_not_the_totals_are_refused(shop: TestShop) -> None:
    """Whoever writes an order with its lines' parts must have them add up: nothing is written otherwise."""
    shop.product()
    quote = shop.quote(shop.cart(("A1", 1)))
    with pytest.raises(ValueError, match="are not the order's"):
        shop.core.run(
            lambda services: services.orders.create(
                cart_id=quote.cart_id,
                quote_hash=quote.hash,
                lines=quote.lines,
                totals=quote.totals,
                customer=CUSTOMER,
                address=quote.address,
                shipping_method=quote.shipping_method,
                coupons={},
                parts=[LineParts(discount=1)],
            )
        )
    assert (shop.orders.list().items, shop.available()) == ((), 10)


@pytest.mark.parametrize("act", ["cancel", "cancel_lines", "edit"])
@pytest.mark.parametrize("reusable", [True, False], ids=["A31 usable again", "A31 kept used"])
def test_a_cancelled_orders_coupon(shop: TestShop, reusable: bool, act: str) -> None:
    """Sylius: a coupon of one use is usable again when its order is called off, however, unless it is not reusable."""
    shop.product()
    ten = [{"type": "percent", "percent": 10}]
    shop.promotions.save("ten", name="Dez", actions=ten, needs_code=True, reusable=reusable)
    shop.promotions.add_codes("ten", ["ONCE"])

    def buy() -> str:
        cart_id = shop.cart(("A1", 1))
        shop.carts.add_coupon(cart_id, "ONCE")
        number: str = shop.place(cart_id).order.number
        return number

    number = buy()
    line = shop.orders.get(number).lines[0].id
    with pytest.raises(CouponNotApplicable):
        buy()
    if act == "edit":
        edit = shop.orders.begin_edit(number)
        shop.orders.edit_set(edit.id, line, quantity=0)
        shop.orders.commit_edit(edit.id)
    else:
        getattr(shop.orders, act)(number, **({"lines": {line: 1}} if act == "cancel_lines" else {}))
    assert shop.orders.get(number).status == "cancelled"
    if reusable:
        assert shop.orders.get(buy()).totals.discount.amount == 100
    else:
        with pytest.raises(CouponNotApplicable):
            buy()
    assert shop.audit().clean


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(("cancel", "cancel"), id="sylius cancel twice"),
        pytest.param(("fulfill", "cancel"), id="vendure cancel after shipping"),
        pytest.param(("fulfill", "fulfill"), id="medusa fulfil twice"),
        pytest.param(("cancel", "fulfill"), id="spree ship a cancelled one"),
    ],
)
def test_refused_everywhere(shop: TestShop, steps: tuple[str, str]) -> None:
    """What no shop allows."""
    shop.product()
    number = shop.buy().order.number
    getattr(shop.orders, steps[0])(number)
    with pytest.raises(IllegalTransition):
        getattr(shop.orders, steps[1])(number)
