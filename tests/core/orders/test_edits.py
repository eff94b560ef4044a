"""Orders that are changed after they were placed."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from core_shop import TestShop
from mestres_core.errors import Conflict, IllegalTransition, InsufficientStock, NotFound, ValidationError
from mestres_core.events.models import outbox

Bought = tuple[TestShop, str, int, int]


@pytest.fixture
def bought(shop: TestShop) -> Bought:
    """A paid order of 3 pieces of A and 2 of B, and a C that was not bought: the shop, its number, and its lines."""
    shop.product("A", price=1000)
    shop.product("B", price=500)
    shop.product("C", price=700, stock=4)
    order = shop.place(shop.cart(("A", 3), ("B", 2))).order
    return shop, order.number, order.lines[0].id, order.lines[1].id


def test_fewer_pieces_are_owed_back(bought: Bought) -> None:
    """Nothing moves before the commit; then the pieces are free and their share is due."""
    shop, number, a, b = bought
    before = shop.orders.get(number)
    edit = shop.orders.begin_edit(number, reason="mudou de ideia")
    edit = shop.orders.edit_set(edit.id, a, quantity=1)
    assert (edit.status, edit.reason, edit.difference.amount, edit.lines) == (
        "open",
        "mudou de ideia",
        -2000,
        {a: 1, b: 2},
    )
    assert shop.orders.get(number) == before
    order = shop.orders.commit_edit(edit.id, expected=-2000)
    assert (order.refund_due.amount, order.payment_status, order.lines[0].cancelled) == (2000, "refund_due", 2)
    assert shop.available("A") == 9
    assert shop.orders.preview_edit(edit.id).status == "committed"
    assert shop.orders.preview_edit(edit.id).difference.amount == -2000
    assert shop.outbox("OrderEdited") == ["OrderEdited"]
    assert shop.audit().clean


def test_what_goodwill_gave_is_no_part_of_the_difference(bought: Bought) -> None:
    """The buyer is told what the change comes to: of what was given back before nothing is owed again."""
    shop, number, a, _ = bought
    grand = shop.orders.get(number).totals.grand.amount
    shop.orders.refund(number, amount=grand - 300)
    edit = shop.orders.begin_edit(number)
    edit = shop.orders.edit_set(edit.id, a, quantity=1)
    assert edit.difference.amount == -300
    order = shop.orders.commit_edit(edit.id, expected=-300)
    assert (order.refund_due.amount, order.credited) == (300, order.totals.grand)
    assert shop.audit().clean


def test_more_pieces_and_new_goods_are_still_to_be_paid(bought: Bought) -> None:
    """They come as lines of their own; until they are paid, nothing more is shipped."""
    shop, number, a, _ = bought
    grand = shop.orders.get(number).totals.grand.amount
    shop.product("A", price=1200)  # dearer by now: the line keeps its price
    edit = shop.orders.begin_edit(number)
    shop.orders.edit_set(edit.id, a, quantity=5)
    edit = shop.orders.edit_add(edit.id, sku="C", quantity=2)
    assert (edit.difference.amount, edit.added) == (2 * 1000 + 2 * 700, {"A": 2, "C": 2})
    order = shop.orders.commit_edit(edit.id)
    assert [(line.sku, line.quantity, line.total.amount) for line in order.lines] == [
        ("A", 3, 3000),
        ("B", 2, 1000),
        ("A", 2, 2000),
        ("C", 2, 1400),
    ]
    assert (order.totals.grand.amount, order.payment_due.amount) == (grand + 3400, 3400)
    assert (order.payment_status, shop.available("A"), shop.available("C")) == ("partially_paid", 5, 2)
    assert shop.audit().clean
    with pytest.raises(IllegalTransition, match="partially_paid"):
        shop.orders.ship(number)


def test_one_for_another(bought: Bought) -> None:
    """Taking off and adding are settled against each other."""
    shop, number, a, _ = bought
    edit = shop.orders.begin_edit(number)
    shop.orders.edit_set(edit.id, a, quantity=2)
    edit = shop.orders.edit_add(edit.id, sku="C", quantity=1, unit_price=1000)
    assert edit.difference.amount == 0
    order = shop.orders.commit_edit(edit.id)
    assert (order.payment_status, order.refund_due.amount, order.payment_due.amount) == ("paid", 0, 0)
    shop.orders.ship(number)
    assert shop.orders.get(number).status == "completed"
    assert shop.audit().clean


def test_never_below_what_is_shipped(bought: Bought) -> None:
    """Neither when the step is written down, nor when pieces are shipped before the commit."""
    shop, number, a, _ = bought
    shop.orders.ship(number, lines={a: 1})
    edit = shop.orders.begin_edit(number)
    with pytest.raises(ValidationError, match="quantity must be at least 1"):
        shop.orders.edit_set(edit.id, a, quantity=0)
    shop.orders.edit_set(edit.id, a, quantity=1)
    shop.orders.ship(number, lines={a: 1})
    before = shop.orders.get(number)
    with pytest.raises(ValidationError, match=f"lines.{a} must be at least 2"):
        shop.orders.commit_edit(edit.id)
    assert shop.orders.get(number) == before
    shop.orders.edit_set(edit.id, a, quantity=2)
    assert shop.orders.commit_edit(edit.id).lines[0].cancelled == 1
    assert shop.audit().clean


def test_refused_when_it_would_oversell(bought: Bought) -> None:
    """All of the change or nothing: the change stays open and can be put right."""
    shop, number, a, _ = bought
    edit = shop.orders.begin_edit(number)
    shop.orders.edit_set(edit.id, a, quantity=1)
    shop.orders.edit_add(edit.id, sku="C", quantity=5)
    before = shop.orders.get(number)
    with pytest.raises(InsufficientStock):
        shop.orders.commit_edit(edit.id)
    assert (shop.orders.get(number), shop.available("A")) == (before, 7)
    shop.inventory.receive("C", quantity=1)
    assert shop.orders.commit_edit(edit.id).lines[2].quantity == 5
    assert shop.audit().clean


def test_what_was_told_is_what_is_done(bought: Bought) -> None:
    """When the difference has become another than the buyer was told, nothing changes."""
    shop, number, a, _ = bought
    edit = shop.orders.begin_edit(number)
    shop.orders.edit_set(edit.id, a, quantity=1)
    shop.orders.cancel_lines(number, lines={a: 1})
    before = shop.orders.get(number)
    with pytest.raises(Conflict, match="-1000"):
        shop.orders.commit_edit(edit.id, expected=-2000)
    assert shop.orders.get(number) == before
    shop.orders.commit_edit(edit.id, expected=-1000)
    assert shop.audit().clean


def test_taking_everything_away_cancels_the_order(bought: Bought) -> None:
    """As calling the last piece off does."""
    shop, number, a, b = bought
    edit = shop.orders.begin_edit(number)
    for each in (a, b):
        shop.orders.edit_set(edit.id, each, quantity=0)
    order = shop.orders.commit_edit(edit.id)
    assert (order.status, order.refund_due) == ("cancelled", order.totals.grand)
    assert shop.audit().clean


def test_one_change_at_a_time(bought: Bought) -> None:
    """A discarded one makes room; an ended one takes no more steps."""
    shop, number, a, _ = bought
    edit = shop.orders.begin_edit(number)
    with pytest.raises(IllegalTransition):
        shop.orders.begin_edit(number)
    assert shop.orders.discard_edit(edit.id).status == "discarded"
    for call in (
        lambda: shop.orders.discard_edit(edit.id),
        lambda: shop.orders.commit_edit(edit.id),
        lambda: shop.orders.edit_set(edit.id, a, quantity=1),
        lambda: shop.orders.edit_add(edit.id, sku="C", quantity=1),
    ):
        with pytest.raises(IllegalTransition):
            call()
    assert shop.orders.begin_edit(number).id != edit.id


def test_only_placed_orders(bought: Bought) -> None:
    """Neither before they are placed nor after they are done; one that is cancelled meanwhile cannot be committed."""
    shop, number, a, _ = bought
    edit = shop.orders.begin_edit(number)
    shop.orders.edit_set(edit.id, a, quantity=1)
    shop.orders.cancel(number)
    with pytest.raises(IllegalTransition):
        shop.orders.commit_edit(edit.id)
    waiting = shop.buy("A", token="pix").order.number
    for each in (number, waiting):
        with pytest.raises(IllegalTransition):
            shop.orders.begin_edit(each)


def test_wrong_arguments(bought: Bought) -> None:
    """Each is refused by name, and nothing is changed."""
    shop, number, a, _ = bought
    shop.core.catalog.save(name="Só em dólar", key="USD", variants=[{"sku": "USD", "price": 1, "stock": 1}])
    shop.sql("DELETE FROM mc_price WHERE variant_id = (SELECT id FROM mc_variant WHERE sku = 'USD')")
    edit = shop.orders.begin_edit(number)
    calls: list[tuple[type[Exception], str, Callable[[], Any]]] = [
        (NotFound, "order", lambda: shop.orders.begin_edit("MC-0")),
        (ValidationError, "reason", lambda: shop.orders.begin_edit(number, reason="x" * 201)),
        (NotFound, "line", lambda: shop.orders.edit_set(edit.id, 0, quantity=1)),
        (NotFound, "line", lambda: shop.orders.edit_set(edit.id, "1", quantity=1)),
        (NotFound, "sku", lambda: shop.orders.edit_add(edit.id, sku="NONE", quantity=1)),
        (ValidationError, "sku", lambda: shop.orders.edit_add(edit.id, sku="USD", quantity=1)),
        (ValidationError, "sku", lambda: shop.orders.edit_add(edit.id, sku=5, quantity=1)),
        (ValidationError, "unit_price", lambda: shop.orders.edit_add(edit.id, sku="C", quantity=1, unit_price=-1)),
        (ValidationError, "expected", lambda: shop.orders.commit_edit(edit.id, expected=1.5)),
        (ValidationError, "steps", lambda: shop.orders.commit_edit(edit.id)),
        *(
            (ValidationError, "quantity", lambda n=n: shop.orders.edit_set(edit.id, a, quantity=n))
            for n in (-1, 1.5, "2", None, 1000)
        ),
        *(
            (ValidationError, "quantity", lambda n=n: shop.orders.edit_add(edit.id, sku="C", quantity=n))
            for n in (0, True, None, 1000)
        ),
        *((NotFound, "change", lambda n=n: shop.orders.preview_edit(n)) for n in (0, "1", None, 2**63)),
    ]
    for error, message, call in calls:
        with pytest.raises(error, match=message):
            call()
    assert shop.orders.preview_edit(edit.id) == edit


def test_what_is_added_is_taxed_by_todays_rates(bought: Bought) -> None:
    """Added and contained taxes of new lines are kept part by part, and the order's sums grow by them."""
    shop, number, a, _ = bought
    shop.tax.set_rate("IPI", percent=10, country="BR")
    shop.tax.set_rate("ICMS", percent=18, mode="gross", country="BR")
    before = shop.orders.get(number)
    edit = shop.orders.begin_edit(number)
    shop.orders.edit_set(edit.id, a, quantity=4)
    edit = shop.orders.edit_add(edit.id, sku="C", quantity=1)
    assert edit.difference.amount == 1100 + 770
    order = shop.orders.commit_edit(edit.id)
    assert [(line.sku, line.tax.amount, line.tax_included.amount) for line in order.lines[2:]] == [
        ("A", 100, 180),
        ("C", 70, 126),
    ]
    assert (order.totals.tax - before.totals.tax).amount == 170
    assert (order.tax_included - before.tax_included).amount == 306
    assert shop.audit().clean


def test_more_of_a_line_keeps_the_buyers_wishes_and_new_goods_come_at_todays_tier(shop: TestShop) -> None:
    """A second line of the same wishes; a price that counts from so many pieces on counts here, too."""
    shop.product("A", price=1000)
    shop.product("C", price=700)
    shop.pricing.set_prices("C", prices=[{"amount": 600, "min_quantity": 2}])
    cart_id = shop.cart()
    shop.carts.add(cart_id, sku="A", quantity=1, attributes={"grind": "fine"})
    order = shop.place(cart_id).order
    edit = shop.orders.begin_edit(order.number)
    shop.orders.edit_set(edit.id, order.lines[0].id, quantity=3)
    edit = shop.orders.edit_add(edit.id, sku="C", quantity=2)
    assert edit.difference.amount == 2 * 1000 + 2 * 600
    order = shop.orders.commit_edit(edit.id)
    assert [(line.sku, line.quantity, dict(line.attributes)) for line in order.lines[1:]] == [
        ("A", 2, {"grind": "fine"}),
        ("C", 2, {}),
    ]
    assert shop.audit().clean


def grown(shop: TestShop, number: str) -> int:
    """Add a C to an order; what is due for it."""
    edit = shop.orders.begin_edit(number)
    edit = shop.orders.edit_add(edit.id, sku="C", quantity=1)
    due: int = shop.orders.commit_edit(edit.id).payment_due.amount
    assert due == edit.difference.amount == 700
    return due


def test_what_is_due_can_be_paid_and_then_all_of_it_is_shipped(bought: Bought) -> None:
    """A refused card leaves it due and the order as it is; the next one pays it, once."""
    shop, number, _, _ = bought
    grown(shop, number)
    order = shop.orders.pay(number, payment={"method": "card", "token": "tok_declined"})
    assert (order.status, order.payment_status, order.payment_due.amount) == ("placed", "partially_paid", 700)
    order = shop.orders.pay(number, payment={"method": "card", "token": "tok_ok"})
    assert (order.payment_status, order.payment_due.amount) == ("paid", 0)
    with pytest.raises(IllegalTransition, match="from paid"):
        shop.orders.pay(number, payment={"method": "card", "token": "tok_ok"})
    assert shop.orders.fulfill(number).status == "completed"
    assert shop.audit().clean


def test_one_payment_of_what_is_due_at_a_time(bought: Bought) -> None:
    """While a PIX is awaited no second one is begun: nobody pays twice."""
    shop, number, _, _ = bought
    grown(shop, number)
    waiting = shop.orders.pay(number, payment={"method": "pix"})
    pix = next(each for each in waiting.payments if each.method == "pix")
    assert (waiting.payment_due.amount, pix.action["type"]) == (700, "pix")
    with pytest.raises(IllegalTransition, match="payment_pending"):
        shop.orders.pay(number, payment={"method": "card", "token": "tok_ok"})
    shop.webhook(pix.id, "captured", 700)
    assert shop.orders.get(number).payment_status == "paid"
    assert shop.audit().clean


def test_a_wrong_way_to_pay(bought: Bought) -> None:
    """It is refused by name and nothing is written down."""
    shop, number, _, _ = bought
    grown(shop, number)
    wrong: list[Any] = [None, [], [{"method": "pix"}], {"method": "cheque"}, {"method": "card"}]
    for payment in wrong:
        with pytest.raises(ValidationError, match="payment"):
            shop.orders.pay(number, payment=payment)
    assert len(shop.orders.get(number).payments) == 1


@pytest.mark.parametrize("goodwill", [0, 300])
def test_a_change_that_takes_everything_says_the_shipping_too(bought: Bought, goodwill: int) -> None:
    """Nothing was sent: the order is called off, and all that was paid and is not yet given back becomes due."""
    shop, number, a, b = bought
    if goodwill:
        shop.orders.refund(number, amount=goodwill)
    grand = shop.orders.get(number).totals.grand.amount
    edit = shop.orders.edit_set(shop.orders.begin_edit(number).id, a, quantity=0)
    assert edit.difference.amount == -3000
    edit = shop.orders.edit_set(edit.id, b, quantity=0)
    assert edit.difference.amount == goodwill - grand
    order = shop.orders.commit_edit(edit.id, expected=edit.difference.amount)
    assert (order.status, order.refund_due.amount) == ("cancelled", grand - goodwill)
    assert shop.orders.preview_edit(edit.id).difference == edit.difference
    assert shop.audit().clean


def test_the_fact_of_pieces_called_off_says_what_becomes_due(bought: Bought) -> None:
    """With the last piece of what was never sent, the shipping as well."""
    shop, number, a, b = bought
    grand = shop.orders.get(number).totals.grand.amount
    shop.orders.cancel_lines(number, lines={a: 3})
    shop.orders.cancel_lines(number, lines={b: 2})
    with shop.engine.connect() as connection:
        found = connection.execute(select(outbox.c.payload).where(outbox.c.type == "OrderEdited").order_by(outbox.c.id))
        assert [each["difference"] for each in found.scalars()] == [-3000, 3000 - grand]
