"""In the host's own transaction: what the host takes back, the shop has never done."""

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core_shop import ADDRESS, CUSTOMER
from mestres_core import Commerce
from mestres_core.errors import InsufficientStock, TransactionOwnershipError
from mestres_core.events.models import outbox
from mestres_core.orders.models import order

PAYMENT = {"method": "card", "token": "tok_ok"}


@pytest.fixture
def shop(database_url, fill):
    fill(database_url)
    with Commerce.open(database_url) as shop:
        shop.catalog.save(name="Café", variants=[{"sku": "A", "price": 1000, "stock": 5}])
        yield shop


def begin(services, quantity=2):
    cart = services.carts.create()
    services.carts.add(cart.id, sku="A", quantity=quantity)
    quote = services.checkout.quote(cart.id, address=ADDRESS)
    return services.checkout.begin(
        cart.id, quote_hash=quote.hash, idempotency_key=cart.id, customer=CUSTOMER, payment=PAYMENT
    )


def counts(shop):
    with shop.engine.connect() as connection:
        orders = connection.execute(select(func.count()).select_from(order)).scalar_one()
        facts = connection.execute(select(func.count()).select_from(outbox)).scalar_one()
    return orders, facts


@pytest.mark.scenario("C24")
def test_rollback_leaves_nothing(shop):
    """After the host's rollback there is no order, no outbox row, and the stock is untouched."""
    before = counts(shop)
    with Session(shop.engine) as session:
        begin(shop.on(session))
        session.rollback()

    assert before == counts(shop)
    assert (shop.inventory.level("A").on_hand, shop.inventory.level("A").allocated) == (5, 0)
    assert shop.audit().clean


def test_commit_is_the_hosts(shop):
    """The services never commit: others see the order only after the host has committed."""
    with Session(shop.engine) as session:
        services = shop.on(session)
        services.catalog.list()
        if shop.engine.dialect.name == "postgresql":
            begin(services)
            assert counts(shop)[0] == 0
        else:
            begin(services)
        session.commit()

    assert counts(shop)[0] == 1
    assert shop.audit().clean


@pytest.mark.scenario("C24")
def test_savepoint(shop):
    """What a host's savepoint takes back is gone; the rest of its transaction stays."""
    with Session(shop.engine) as session:
        services = shop.on(session)
        kept = begin(services)
        with pytest.raises(InsufficientStock), session.begin_nested():
            begin(services, quantity=3)
            begin(services, quantity=3)
        session.commit()

    assert counts(shop)[0] == 1
    assert shop.inventory.level("A").allocated == 2
    assert shop.orders.get(kept.order.number).status == "pending"
    assert shop.audit().clean


def test_place_needs_its_own_transactions(shop):
    """A call that talks to a payment provider is refused inside the host's transaction."""
    with Session(shop.engine) as session, pytest.raises(TransactionOwnershipError):
        shop.on(session).checkout.place("c", quote_hash="q", idempotency_key="k", customer=CUSTOMER, payment=PAYMENT)


def test_several_calls_in_one_transaction(shop):
    """An error inside `shop.transaction()` takes every call of the block back."""
    before = counts(shop)
    with pytest.raises(ZeroDivisionError), shop.transaction() as tx:
        begin(tx)
        1 / 0  # noqa: B018

    assert before == counts(shop)
    assert shop.inventory.level("A").allocated == 0


@pytest.mark.scenario("C24")
def test_a_merge_is_taken_back_with_the_hosts_work(shop):
    """After the host's rollback, whole or to a savepoint, both carts are as they were, and may be merged again."""
    account, guest = shop.carts.create(owner="ana"), shop.carts.create()
    shop.carts.add(guest.id, sku="A", quantity=2)
    with Session(shop.engine) as session:
        services = shop.on(session)
        with pytest.raises(ZeroDivisionError), session.begin_nested():
            services.carts.merge(guest.id, into=account.id)
            _ = 1 / 0
        assert services.carts.get(guest.id).status == "open"
        services.carts.merge(guest.id, into=account.id)
        session.rollback()

    assert shop.carts.get(guest.id).status == "open"
    assert shop.carts.get(account.id).lines == ()
    assert [line.quantity for line in shop.carts.merge(guest.id, into=account.id).lines] == [2]


@pytest.mark.scenario("C24")
def test_a_promotion_is_not_used_up_by_what_is_rolled_back(shop):
    """The host's rollback gives a single-use coupon back, and keeps no tax, no use, no reservation."""
    shop.promotions.save_coupon("ONCE", percent=10, most_uses=1)
    shop.tax.set_rate("VAT", percent=10)
    with Session(shop.engine) as session:
        services = shop.on(session)
        cart = services.carts.create()
        services.carts.add(cart.id, sku="A")
        services.carts.add_coupon(cart.id, "ONCE")
        quote = services.checkout.quote(cart.id, address=ADDRESS)
        services.checkout.begin(cart.id, quote_hash=quote.hash, idempotency_key="k", customer=CUSTOMER, payment=PAYMENT)
        session.rollback()

    assert shop.promotions.coupon("ONCE").uses == 0
    with shop.engine.connect() as connection:
        for table in ("mc_promotion_use", "mc_order_tax", "mc_order", "mc_payment", "mc_idempotency"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() == 0
    assert shop.audit().clean
