"""Joining customers, telling a person all that is held, and forgetting them with the books kept."""

import json
import threading
from typing import Any

import pytest
from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from core_shop import ADDRESS, TestShop
from mestres_core import Money, metadata
from mestres_core.errors import ErasureRefused, NotFound, ValidationError
from mestres_core.privacy.erasing import EMAIL, NAME

ANA = {"name": "Ana Terra Zambrano", "email": "Ana.Zambrano@example.com", "document": "529.982.247-25"}
THERE = ADDRESS | {
    "name": "Ana Terra Zambrano",
    "street": "Rua Zambrano",
    "number": "4711",
    "complement": "Apto 815",
    "district": "Bairro Zambrano",
    "city": "Cidade Zambrano",
    "postal_code": "38747-110",
}
# Whatever of these is found in the database after an erasure has been overlooked.
TRACES = ("zambrano", "529.982", "4711", "apto 815", "38747", "user-ana", "99999-4711", "para a vovó", "veio moído")


def _buy(shop: TestShop, *, token: str = "tok_ok", owner: str | None = None, customer: Any = ANA) -> Any:
    cart = shop.carts.create(owner=owner)
    shop.carts.add(cart.id, sku="A1", quantity=2, attributes={"gravação": "para a vovó"})
    quote = shop.checkout.quote(cart.id, address=THERE, customer=customer)
    return shop.checkout.place(**(shop.arguments(quote, token=token) | {"customer": customer})).order


def _life(shop: TestShop) -> int:
    """A customer who has left traces everywhere: an account with orders in many states."""
    product = shop.product(stock=100)
    shop.promotions.save("p", name="P", actions=TEN, most_uses_per_customer=9)
    shop.customers.save_group("vip")
    first = _buy(shop)
    me: int = shop.customers.account("user-ana", email=ANA["email"], name=ANA["name"], verified=True).id
    shop.customers.update(me, phone="(34) 99999-4711", group="vip", document=ANA["document"])
    shop.orders.fulfill(first.number)
    back = shop.orders.request_return(first.number, lines={first.lines[0].id: 1}, note="veio moído")
    shop.orders.receive_return(back.id)
    shop.orders.refund_return(back.id)
    shop.orders.refund(first.number)
    _buy(shop, owner="user-ana")
    _buy(shop, token="pix", owner="user-ana")
    shop.orders.cancel(_buy(shop, owner="user-ana").number)
    shop.carts.add(shop.carts.create(owner="user-ana").id, sku="A1", attributes={"gravação": "para a vovó"})
    shop.customers.add_address(me, label="Casa Zambrano", **THERE)
    shop.customers.give_consent(me, "newsletter", version="1", source="checkout")
    review = shop.reviews.submit(me, product_id=product.id, rating=4, title="Zambrano diz", body="para a vovó")
    shop.reviews.approve(review.id)
    mine = shop.wishlists.create(me, name="Zambrano casa")
    shop.wishlists.add(mine.id, customer_id=me, sku="A1")
    shop.store_credit.grant(me, amount=500)
    shop.customers.token(me)
    shop.reservations.reserve("user-ana", items={"A1": 1})
    return me


WAITING = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
TEN = [{"type": "percent", "percent": 10}]


def _everything(shop: TestShop) -> str:
    """Every row of every table, as text."""
    with shop.engine.connect() as connection:
        return "\n".join(
            f"{table.name} {tuple(row)}"
            for table in metadata.sorted_tables
            for row in connection.execute(text(f"SELECT * FROM {table.name}"))
        )


def _traces(shop: TestShop) -> list[str]:
    lines = _everything(shop).lower().splitlines()
    return [line for line in lines if any(trace in line for trace in TRACES)]


def test_nothing_of_an_erased_person_is_left_and_the_books_are(shop: TestShop) -> None:
    """No table holds a trace of the person; every amount, tax and payment is what it was, and the audit is clean."""
    me = _life(shop)
    shop.relay(limit=1000)
    job = shop.jobs.export("orders")
    shop.jobs.run(limit=5)
    assert shop.jobs.get(job.id).status == "done"
    assert shop.audit().clean
    assert len(_traces(shop)) > 15
    before = [shop.orders.get(each.number) for each in shop.orders.of_customer(me).items]
    figures = shop.admin.dashboard()

    done = shop.customers.erase(me)

    assert _traces(shop) == []
    assert shop.audit().clean
    for was, order in zip(before, shop.orders.of_customer(me).items, strict=True):
        now = shop.orders.get(order.number)
        assert (now.totals, now.payments and now.payments[0].captured, now.status, now.payment_status) == (
            was.totals,
            was.payments and was.payments[0].captured,
            was.status,
            was.payment_status,
        )
        assert [(line.sku, line.quantity, line.total) for line in now.lines] == [
            (line.sku, line.quantity, line.total) for line in was.lines
        ]
        assert (now.customer["name"], now.customer["email"], now.address["state"]) == (NAME, EMAIL, "MG")
        assert (now.address["street"], now.address["country"], now.owner) == ("", "BR", None)
    assert shop.admin.dashboard() == figures
    assert (done.erased["orders"], done.erased["customer"], done.erased["export_files"]) == (4, 1, 1)
    kept = {each.what: (each.rows, each.reason) for each in done.kept}
    assert kept["orders"] == (4, "fiscal_record")
    assert kept["store_credit"] == (1, "debt")
    assert set(kept) == {
        "orders",
        "payments",
        "refunds",
        "shipments",
        "promotion_uses",
        "store_credit",
        "consents",
        "reviews",
    }
    for each in done.kept:
        assert each.describe() != each.describe("pt-BR")
    assert shop.catalog.get(1).card.rating == 4.0
    assert shop.outbox("CustomerErased") == ["CustomerErased"]
    with pytest.raises(NotFound):
        shop.customers.find(ANA["email"])


def test_carts_that_were_joined_at_a_sign_in_are_the_persons(shop: TestShop) -> None:
    """Export and erasure know what the person put into carts, and where it was to go, before they signed in."""
    shop.product(stock=100)
    me = shop.customers.account("user-ana", email=ANA["email"]).id
    bystander = shop.carts.create().id
    shop.carts.add(bystander, sku="A1", attributes={"gravação": "de outra pessoa"})

    def guest() -> str:
        cart: str = shop.carts.create().id
        shop.carts.add(cart, sku="A1", attributes={"gravação": "para a vovó"})
        shop.checkout.quote(cart, address=THERE)
        return cart

    first, second, account = guest(), guest(), shop.carts.create(owner="user-ana").id
    shop.carts.merge(first, into=second)
    shop.carts.merge(second, into=account)

    told = {each["id"]: each["quotes"] for each in shop.customers.export(me)["carts"]}
    assert set(told) == {first, second, account}
    assert told[first][0]["content"]["address"]["street"] == "Rua Zambrano"
    shop.customers.erase(me)
    assert _traces(shop) == []
    assert shop.carts.get(bystander).lines[0].attributes == {"gravação": "de outra pessoa"}


def test_what_could_not_be_delivered_names_nobody(shop: TestShop) -> None:
    """A subscriber's error may say to whom a message was to go; the facts still wait, and others' errors stay."""
    shop.product(stock=100)
    order = _buy(shop)
    _buy(shop, customer={"name": "Bia Outra", "email": "bia@example.com"})
    shop.reviews.submit(order.customer_id, product_id=1, rating=5)

    def refused(fact: Any) -> None:
        if fact.type in ("OrderChanged", "ReviewChanged"):
            number = getattr(fact, "number", order.number)
            raise ConnectionError(f"550 {shop.orders.get(number).customer['email']} is no mailbox")

    shop.subscribe(refused)
    shop.relay(limit=1000)

    def named() -> list[str]:
        return [line for line in _traces(shop) if line.startswith("mc_outbox")]

    assert len(named()) == 2
    waiting = shop.events.status().waiting

    assert shop.customers.erase(order.customer_id).erased["delivery_errors"] == 2
    assert named() == []
    assert shop.sql("SELECT count(*) FROM mc_outbox WHERE last_error LIKE '%bia@%'") == [(1,)]
    assert shop.events.status().waiting > waiting


def test_erasing_again_changes_nothing(sqlite_shop: TestShop) -> None:
    """The second answer has nothing erased, the first moment, and the same rows kept; a rollback undoes the first."""
    shop = sqlite_shop
    me = _life(shop)
    before = _everything(shop)

    def erase_and_fail() -> None:
        with shop.transaction() as tx:
            tx.customers.erase(me)
            raise KeyError

    with pytest.raises(KeyError):
        erase_and_fail()
    assert _everything(shop) == before

    first = shop.customers.erase(me)
    everything = _everything(shop)
    shop.clock.advance(days=1)
    again = shop.customers.erase(me)
    assert (dict(again.erased), again.erased_at, again.kept) == ({}, first.erased_at, first.kept)
    assert _everything(shop) == everything
    person = shop.customers.get(me)
    assert (person.name, person.reference, person.group, person.erased_at) == (NAME, None, None, first.erased_at)


def test_the_same_address_is_somebody_new_afterwards(sqlite_shop: TestShop) -> None:
    """Who buys again with the address, or signs up again, is not the erased customer."""
    shop = sqlite_shop
    me = _life(shop)
    shop.customers.erase(me)
    again = _buy(shop)
    assert again.customer_id != me
    assert shop.customers.account("user-ana", email=ANA["email"], verified=True).id == again.customer_id
    for call in (
        lambda: shop.customers.token(me),
        lambda: shop.reviews.submit(me, product_id=1, rating=5),
        lambda: shop.wishlists.create(me),
        lambda: shop.customers.add_address(me, **ADDRESS),
        lambda: shop.customers.update(me, name="Ana"),
        lambda: shop.customers.attach(me, "user-x"),
        lambda: shop.customers.give_consent(me, "newsletter"),
    ):
        with pytest.raises(NotFound):
            call()
    assert shop.audit().clean


def test_an_erased_order_lives_on(sqlite_shop: TestShop) -> None:
    """It is still paid, sent, and given back: what the law lets a shop keep is enough for that."""
    shop = sqlite_shop
    shop.product(stock=100)
    order, waiting = _buy(shop), _buy(shop, token="pix")
    shop.customers.erase(order.customer_id)
    shop.webhook(waiting.payments[0].id, "captured", waiting.totals.grand.amount)
    assert shop.orders.get(waiting.number).payment_status == "paid"
    shop.orders.fulfill(order.number)
    shop.orders.cancel(waiting.number)
    assert shop.orders.refund(waiting.number).amount == waiting.totals.grand
    assert _traces(shop) == []
    assert shop.audit().clean


def test_an_erasure_may_wait_for_orders_under_way(sqlite_shop: TestShop) -> None:
    """Asked to refuse, it names the orders and changes nothing; when they are sent it goes through."""
    shop = sqlite_shop
    shop.product(stock=100)
    order = _buy(shop)
    with pytest.raises(ErasureRefused, match=order.number) as refused:
        shop.customers.erase(order.customer_id, open_orders="refuse")
    assert refused.value.orders == (order.number,)
    assert shop.customers.get(order.customer_id).erased_at is None
    shop.orders.fulfill(order.number)
    assert shop.customers.erase(order.customer_id, open_orders="refuse").erased["orders"] == 1


def test_a_hosts_own_session(shop: TestShop) -> None:
    """In the host's ORM session everything works as alone, and the host's rollback takes all of it back."""
    product = shop.product(stock=100)
    guest = _buy(shop).customer_id
    before = _everything(shop)
    with Session(shop.engine) as session:
        mine = shop.on(session)
        me = mine.customers.account("user-9", email="me@example.com").id
        with pytest.raises(ValidationError, match="email"):
            mine.customers.create(email="me@example.com")
        mine.customers.add_address(me, **ADDRESS)
        mine.reviews.approve(mine.reviews.submit(me, product_id=product.id, rating=3).id)
        mine.wishlists.add(mine.wishlists.create(me).id, customer_id=me, sku="A1")
        assert mine.customers.merge(guest, into=me).moved["orders"] == 1
        assert len(mine.customers.export(me)["orders"]) == 1
        assert mine.customers.erase(me).erased["orders"] == 1
        session.rollback()
    assert _everything(shop) == before


def test_buying_while_being_erased(shop: TestShop) -> None:
    """An order with the address that is just being erased waits for the erasure, and is somebody new's."""
    shop.product(stock=100)
    first = _buy(shop).customer_id
    quote = shop.checkout.quote(shop.cart(("A1", 1)), address=THERE)
    placed: list[int] = []

    def buy() -> None:
        arguments = shop.arguments(quote) | {"customer": ANA}
        placed.append(shop.checkout.place(**arguments).order.customer_id)

    buyer = threading.Thread(target=buy)
    with shop.transaction() as tx:
        tx.customers.erase(first)
        buyer.start()
        while shop.engine.dialect.name == "postgresql" and not shop.sql(WAITING):
            buyer.join(0.01)
            assert buyer.is_alive(), "the order did not wait for the erasure"
    buyer.join()
    assert placed != [first]
    assert shop.customers.find(ANA["email"]).id == placed[0]
    assert shop.audit().clean


def test_all_that_is_held_is_told(shop: TestShop) -> None:
    """One call gives everything as JSON: no section is missing, no secret is in it, and nobody else's data."""
    me = _life(shop)
    other = _buy(shop, customer={"name": "Bia Outra", "email": "bia@example.com"}).customer_id
    told = shop.customers.export(me)
    written = json.dumps(told, ensure_ascii=False)
    assert json.loads(written) == told
    assert (told["customer"]["email"], told["customer"]["reference"]) == (ANA["email"].lower(), "user-ana")
    assert [len(told[name]) for name in ("orders", "carts", "addresses", "reviews", "wishlists", "consents")] == [
        4,
        5,
        1,
        1,
        1,
        1,
    ]
    order = told["orders"][0]
    assert (order["customer"]["document"], order["address"]["street"]) == ("529.982.247-25", "Rua Zambrano")
    assert [len(order[name]) for name in ("lines", "payments", "refunds", "shipments", "returns")] == [1, 1, 1, 1, 1]
    assert order["lines"][0]["attributes"] == {"gravação": "para a vovó"}
    assert [event["kind"] for event in order["payments"][0]["events"]] == ["captured", "refunded"]
    assert (told["store_credit"][0]["balance"], told["store_credit"][0]["entries"][0]["amount"]) == (500, 500)
    assert [each["owner"] for each in told["reservations"]] == ["user-ana"]
    assert told["wishlists"][0]["items"][0]["variant_id"] == 1
    quotes = [quote for each in told["carts"] for quote in each["quotes"]]
    assert {each["content"]["address"]["number"] for each in quotes} == {"4711"}
    assert "Bia" not in written
    secrets = [row[0] for row in shop.sql("SELECT access_token FROM mc_order UNION SELECT token_hash FROM mc_customer")]
    assert not [secret for secret in secrets if secret and secret in written]
    assert "Bia Outra" in json.dumps(shop.customers.export(other))
    with pytest.raises(NotFound):
        shop.customers.export(999)


def test_what_is_told_costs_no_more_for_more_orders(sqlite_shop: TestShop) -> None:
    """As many statements for ten orders as for one."""
    shop = sqlite_shop
    shop.product(stock=100)
    counts = []
    for orders in (1, 3):
        for _ in range(orders):
            me = _buy(shop).customer_id
        with shop.statements() as sent:
            shop.customers.export(me)
        counts.append(len(sent))
    assert counts[0] == counts[1]


def _names_people(table: Table) -> bool:
    return bool({"customer_id", "owner", "customer"} & set(table.c.keys()))


def test_no_table_that_names_a_customer_is_forgotten() -> None:
    """Whoever adds a table with a customer in it tells the export; a keeper that overlooks one fails here."""
    from mestres_core.privacy import erasing, exporting

    told = {value.name for value in vars(exporting).values() if isinstance(value, Table)}
    told |= {table.name for _, table, _ in (*exporting._BELOW_ORDERS, *exporting._BELOW_NUMBERS)}
    told |= {exporting.orders.order.name, exporting.payments.account.name}
    touched = {value.name for value in vars(erasing).values() if isinstance(value, Table)}
    named = {name for name, table in metadata.tables.items() if _names_people(table)}
    assert named - told == set()
    assert named - touched == {"mc_promotion_customer"}  # counts uses by a number that names nobody any more


def test_a_guest_joins_an_account(shop: TestShop) -> None:
    """Orders, credit, uses, lists, addresses move; old number and old address are the account's from then on."""
    product = shop.product(stock=100)
    shop.promotions.save("p", name="P", actions=TEN, most_uses_per_customer=9)
    guest = _buy(shop).customer_id
    me = shop.customers.account("user-ana", email="ana@novo.example.com").id
    _buy(shop, customer={**ANA, "email": "ana@novo.example.com"})
    for who, amount in ((guest, 300), (me, 200)):
        shop.store_credit.grant(who, amount=amount, idempotency_key="welcome")
        shop.wishlists.add(shop.wishlists.create(who).id, customer_id=who, sku="A1")
        shop.customers.add_address(who, **ADDRESS)
        shop.reviews.approve(shop.reviews.submit(who, product_id=product.id, rating=1 if who == guest else 5).id)
    shop.wishlists.create(guest, name="Outra")
    shop.customers.give_consent(guest, "newsletter")

    done = shop.customers.merge(guest, into=me)

    assert dict(done.moved) == {
        "orders": 1,
        "store_credit": 1,
        "promotion_uses": 1,
        "wishlists": 2,
        "addresses": 1,
        "consents": 1,
    }
    assert (done.customer.id, done.customer.name, done.customer.document) == (me, ANA["name"], ANA["document"])
    assert shop.orders.of_customer(me).total == 2
    assert shop.store_credit.balance(me) == Money(500, "BRL")
    assert [each.name for each in shop.wishlists.of_customer(me)] == ["Favoritos", "Outra"]
    assert sum(each.default_shipping for each in shop.customers.addresses(me)) == 1
    assert (shop.reviews.summary(product.id).average, shop.customers.has_consent(me, "newsletter")) == (5.0, True)
    assert shop.customers.get(guest) == shop.customers.find(ANA["email"]) == shop.customers.get(me)
    assert (shop.orders.of_customer(guest).total, shop.store_credit.balance(guest).amount) == (2, 500)
    assert _buy(shop).customer_id == me
    assert dict(shop.customers.merge(guest, into=me).moved) == {}
    assert shop.audit().clean
    assert shop.customers.export(guest)["earlier_addresses"] == [ANA["email"].lower()]
    shop.customers.erase(guest)
    assert _traces(shop) == []
    assert shop.audit().clean


def test_who_cannot_be_joined(sqlite_shop: TestShop) -> None:
    """An account, itself, somebody erased or joined elsewhere, nobody."""
    shop = sqlite_shop
    guest, me = (shop.customers.create(email=f"{name}@example.com").id for name in ("guest", "me"))
    account = shop.customers.account("user-1", email="account@example.com").id
    gone = shop.customers.create(email="gone@example.com").id
    shop.customers.erase(gone)
    for source, into, field in (
        (account, me, "customer_id"),
        (me, me, "into"),
        (guest, gone, "into"),
        (gone, me, "customer_id"),
    ):
        with pytest.raises(ValidationError, match=field):
            shop.customers.merge(source, into=into)
    for source, into in ((999, me), (guest, 999), (True, me), (guest, "1")):
        with pytest.raises(NotFound):
            shop.customers.merge(source, into=into)
    with pytest.raises(ValidationError, match="open_orders"):
        shop.customers.erase(me, open_orders="keep")
    shop.customers.merge(guest, into=me)
    with pytest.raises(ValidationError, match="into"):
        shop.customers.merge(account, into=account)
    shop.customers.merge(me, into=account)
    assert shop.customers.get(guest).id == account  # a chain is made short
    assert shop.audit().clean


def test_two_merges_at_once_move_everything_once(shop: TestShop) -> None:
    """The same guest joined from four places: one moves, the others change nothing, credit is there once."""
    shop.product(stock=100)
    guest = _buy(shop).customer_id
    me = shop.customers.account("user-1", email="me@example.com").id
    shop.store_credit.grant(guest, amount=300)
    shop.store_credit.grant(me, amount=1)
    barrier, moved = threading.Barrier(4), []

    def merge() -> None:
        barrier.wait()
        moved.append(dict(shop.customers.merge(guest, into=me).moved))

    threads = [threading.Thread(target=merge) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(moved, key=len) == [{}, {}, {}, {"orders": 1, "store_credit": 1}]
    assert shop.store_credit.balance(me).amount == 301
    assert shop.audit().clean


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        ("UPDATE mc_order SET customer_id = 2", "a merged customer's orders are the other's"),
        ("UPDATE mc_customer SET merged_into = 99 WHERE id = 2", "a merged customer went into one that is there"),
        ("UPDATE mc_customer SET erased_at = created_at WHERE id = 1", "an erased customer's orders name nobody"),
        ("UPDATE mc_customer SET erased_at = created_at WHERE id = 3", "an erased customer has no address"),
    ],
)
def test_the_audit_sees_who_was_not_forgotten(sqlite_shop: TestShop, damage: str, rule: str) -> None:
    """Damage done by hand is named by its rule."""
    shop = sqlite_shop
    shop.product()
    shop.buy()
    shop.customers.create(email="second@example.com")
    shop.customers.add_address(shop.customers.create(email="third@example.com").id, **ADDRESS)
    shop.customers.merge(2, into=1)
    assert shop.audit().clean
    shop.sql(damage)
    assert [each.rule for each in shop.audit().violations] == [rule]
