"""What becomes of an order."""

from collections.abc import Callable

import pytest

from core_shop import TestShop
from mestres_core.errors import IllegalTransition, NotFound, ValidationError


def test_a_paid_order_called_off(shop: TestShop) -> None:
    """Cancelling a paid order frees its pieces and owes the money back."""
    shop.product()
    order = shop.orders.cancel(shop.buy(quantity=2).order.number)
    assert ("cancelled", "refund_due", 10) == (order.status, order.payment_status, shop.available())
    assert shop.audit().clean


def test_a_called_off_order_stays_so(shop: TestShop) -> None:
    """Money for an order that was cancelled before it came is owed back; the order does not come back."""
    shop.product()
    order = shop.buy(token="pix").order
    shop.orders.cancel(order.number)
    shop.webhook(order.payments[0].id, "captured", order.totals.grand.amount)
    order = shop.orders.get(order.number)
    assert ("cancelled", "refund_due", 10) == (order.status, order.payment_status, shop.available())
    assert shop.audit().clean


def test_a_shipped_order_has_left_the_stock(shop: TestShop) -> None:
    """Fulfilling takes the pieces off the shelf."""
    shop.product()
    order = shop.orders.fulfill(shop.buy(quantity=2).order.number)
    assert ("completed", "fulfilled") == (order.status, order.fulfillment_status)
    level = shop.inventory.level("A1")
    assert (8, 0) == (level.on_hand, level.allocated)
    assert shop.audit().clean


@pytest.mark.parametrize(
    ("before", "act"),
    [("fulfill", "cancel"), ("fulfill", "fulfill"), ("cancel", "cancel"), ("cancel", "fulfill"), (None, "fulfill")],
)
def test_illegal_steps(shop: TestShop, before: str | None, act: str) -> None:
    """What the table of states does not have is refused and changes nothing."""
    shop.product()
    number = shop.buy(token="tok_ok" if before else "pix").order.number
    if before:
        getattr(shop.orders, before)(number)
    order, stock = shop.orders.get(number), shop.inventory.level("A1")
    with pytest.raises(IllegalTransition):
        getattr(shop.orders, act)(number)
    assert (order, stock) == (shop.orders.get(number), shop.inventory.level("A1"))


def test_orders_are_listed_newest_first(shop: TestShop) -> None:
    """The list has the newest orders with their number of lines."""
    shop.product()
    numbers = [shop.buy(quantity=count).order.number for count in (1, 2, 3)]
    assert [(numbers[2], 1), (numbers[1], 1)] == [(o.number, o.items_count) for o in shop.orders.list(limit=2)]
    calls: list[Callable[[], object]] = [lambda: shop.orders.list(limit=0), lambda: shop.orders.list(limit=1001)]
    for call in calls:
        with pytest.raises(ValidationError):
            call()
    for number in ("MC-0", "a\0", None, 5):
        with pytest.raises(NotFound):
            shop.orders.get(number)


PLANTS = {
    "a level is the sum of its movements": "UPDATE mc_stock_level SET on_hand = on_hand + 1",
    "allocated pieces are those of open orders": "UPDATE mc_stock_level SET allocated = allocated + 1",
    "a card says whether there is stock": "UPDATE mc_product_card SET in_stock = NOT in_stock",
    "every order has a payment attempt": "DELETE FROM mc_payment",
    "every payment belongs to an order": "UPDATE mc_payment SET order_number = 'x'",
    "an order's items are the sum of its lines": "UPDATE mc_order_line SET quantity = 3, total = unit_price * 3",
    "an order line is of its variant's product": "UPDATE mc_order_line SET product_id = product_id + 1",
    "an order's payment status is what its ledgers say": "UPDATE mc_payment SET captured_amount = captured_amount - 1",
    "a payment is what its ledger adds up to": (
        "UPDATE mc_payment_event SET amount = amount - 1 WHERE kind = 'captured'"
    ),
    "an order's discount and taxes are those of its lines and its shipping": "UPDATE mc_order_line SET tax_amount = 1",
    "an order's fulfilment is that of its pieces": "UPDATE mc_order SET fulfillment_status = 'fulfilled'",
    "shipped pieces are those of its parcels": "UPDATE mc_order_line SET shipped_quantity = 1",
    "returned pieces are those of its returns": "UPDATE mc_order_line SET shipped_quantity = 1, returned_quantity = 1",
    "credited pieces are those of its credits": (
        "UPDATE mc_order_line SET cancelled_quantity = 1, credited_quantity = 1"
    ),
    "what is owed no longer is the sum of its credits": "UPDATE mc_order SET credited_amount = 1",
    "pieces are credited by their frozen shares": (
        "INSERT INTO mc_order_credit (order_id, line_id, kind, pieces, amount, reference, created_at)"
        " SELECT order_id, id, 'returned', 0, 1, '', (SELECT created_at FROM mc_order LIMIT 1) FROM mc_order_line"
    ),
    "a captured payment has its event, any other has none": "DELETE FROM mc_payment_event",
    "an order that is under way has closed its cart": "UPDATE mc_cart SET status = 'open'",
    "an idempotency key names an order": "UPDATE mc_idempotency SET order_number = 'x'",
}


@pytest.mark.parametrize("rule", PLANTS)
def test_the_audit_names_what_is_wrong(shop: TestShop, rule: str) -> None:
    """Each broken rule is named with its rows."""
    shop.product()
    shop.buy()
    assert shop.audit().clean
    shop.sql(PLANTS[rule])
    found = {violation.rule: violation.rows for violation in shop.audit().violations}
    assert rule in found
    assert found[rule]


def test_the_audit_sees_through_missing_constraints(sqlite_shop: TestShop) -> None:
    """What only a database without its CHECKs allows is named too."""
    shop = sqlite_shop
    shop.product()
    shop.buy()
    shop.sql("UPDATE mc_stock_level SET allocated = on_hand + 1")
    shop.sql("UPDATE mc_order SET grand_amount = grand_amount + 1")
    shop.sql("UPDATE mc_order_line SET returned_quantity = 1")
    found = {violation.rule for violation in shop.audit().violations}
    assert {
        "nothing is oversold",
        "an order's total is the sum of its parts",
        "no more comes back than was shipped",
    } <= found


@pytest.mark.parametrize("status", [None, "placed", "cancelled", "completed"])
def test_orders_are_listed_in_pages(shop: TestShop, status: str | None) -> None:
    """Cursors visit every order once, newest first, also those of one status; a count is given when asked for."""
    shop.product(stock=100)
    placed = [(shop.buy().order.number, "placed") for _ in range(7)][::-1]
    for index in (0, 3, 6):
        shop.orders.cancel(placed[index][0])
        placed[index] = (placed[index][0], "cancelled")
    expected = [number for number, of in placed if status in (None, of)]
    seen: list[str] = []
    page = shop.orders.list(status=status, limit=2, count=True)
    assert page.total == len(expected)
    while True:
        seen += [each.number for each in page]
        if page.next_cursor is None:
            break
        shop.buy()  # what is new comes before, and is not met on the way
        page = shop.orders.list(status=status, limit=2, cursor=page.next_cursor)
        assert page.total is None
    assert seen == expected


@pytest.mark.parametrize(
    ("field", "wrong"),
    [("limit", 0), ("limit", 1001), ("limit", "5"), ("status", "lost"), ("status", 3), ("cursor", "x"), ("cursor", 7)],
)
def test_wrong_pages_of_orders(shop: TestShop, field: str, wrong: object) -> None:
    """What is wrong is named."""
    with pytest.raises(ValidationError) as caught:
        shop.orders.list(**{field: wrong})
    assert [each.field for each in caught.value.errors] == [field]


def test_a_list_without_a_count_is_one_statement(shop: TestShop) -> None:
    """A page of all orders, and of a customer's, costs no counting unless it is asked for."""
    shop.product()
    customer = shop.buy().order.customer_id
    for call, number in (
        (shop.orders.list, 1),
        (lambda: shop.orders.of_customer(customer, count=False), 2),
    ):
        with shop.statements() as sent:
            assert call().total is None
        assert len(sent) == number
