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
def shop(database_url):
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
