"""Accounts of the host's users, groups, address books, consents."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from core_shop import ADDRESS, CUSTOMER, TestShop
from mestres_core.errors import NotFound, ValidationError

HOME = {**ADDRESS, "complement": "", "country": "BR"}


def _wrong(call: Callable[[], Any]) -> set[tuple[str, str]]:
    with pytest.raises(ValidationError) as refused:
        call()
    return {(error.field, error.reason) for error in refused.value.errors}


def test_an_account_is_made_once(shop: TestShop) -> None:
    """Whoever signs in has one account by the host's own name for them, whatever the address says later."""
    ana = shop.customers.account("user-1", email="Ana@Example.com", name="Ana Souza")
    assert (ana.email, ana.reference, ana.is_guest) == ("ana@example.com", "user-1", False)
    assert shop.customers.account("user-1", email="other@example.com") == ana
    assert shop.customers.of_reference("user-1") == ana
    assert shop.outbox("CustomerChanged") == ["CustomerChanged"]


def test_a_guest_becomes_an_account_only_when_the_address_is_proved(shop: TestShop) -> None:
    """Anybody can type an address: without proof the orders that were bought with it are nobody's."""
    shop.product()
    guest = shop.buy().order.customer_id
    assert _wrong(lambda: shop.customers.account("user-1", email="ana@example.com")) == {("email", "duplicate")}
    ana = shop.customers.account("user-1", email="ana@example.com", verified=True)
    assert (ana.id, ana.reference) == (guest, "user-1")
    assert shop.orders.of_customer(ana.id).total == 1
    refused = _wrong(lambda: shop.customers.account("user-2", email="ana@example.com", verified=True))
    assert refused == {("email", "duplicate")}


def test_what_is_wrong_with_a_customer(sqlite_shop: TestShop) -> None:
    """Every wrong field is named in one refusal, and nothing is written."""
    shop = sqlite_shop
    found = _wrong(
        lambda: shop.customers.create(
            email="x", name="n" * 121, document="111.111.111-11", phone="abc", reference="", group="vip"
        )
    )
    assert found == {
        ("email", "invalid_email"),
        ("name", "too_long"),
        ("document", "invalid_document"),
        ("phone", "invalid"),
        ("reference", "required"),
        ("group", "unknown"),
    }
    assert shop.customers.list().items == ()


@pytest.mark.parametrize("document", ["529.982.247-25", "11222333000181", "12.ABC.345/01DE-35", ""])
def test_documents_that_are_taken(sqlite_shop: TestShop, document: str) -> None:
    """CPF and CNPJ, the alphanumeric one too, with or without dots; or none."""
    assert sqlite_shop.customers.create(email="a@example.com", document=document).document == document


@pytest.mark.parametrize("document", ["529.982.247-24", "00000000000", "00000000000000", "12.ABC.345/01DE-36", "12"])
def test_documents_that_are_refused(sqlite_shop: TestShop, document: str) -> None:
    """A wrong check digit, equal digits, a wrong length."""
    found = _wrong(lambda: sqlite_shop.customers.create(email="a@example.com", document=document))
    assert found == {("document", "invalid_document")}


def test_changing_a_customer(shop: TestShop) -> None:
    """What is given changes, None stays, the empty text clears; an address of somebody else is refused."""
    shop.customers.save_group("vip", name="VIP")
    ana = shop.customers.create(email="ana@example.com", name="Ana", document="52998224725", group="vip")
    shop.customers.create(email="bia@example.com")
    changed = shop.customers.update(ana.id, email="ANA.S@example.com", phone="(34) 99999-0000", document="")
    assert (changed.email, changed.name, changed.document) == ("ana.s@example.com", "Ana", "")
    assert (changed.phone, changed.group) == ("(34) 99999-0000", "vip")
    assert _wrong(lambda: shop.customers.update(ana.id, email="BIA@example.com")) == {("email", "duplicate")}
    assert shop.customers.update(ana.id, group="").group is None
    assert shop.customers.update(ana.id) == shop.customers.get(ana.id)


def test_two_accounts_of_one_address_at_once(shop: TestShop) -> None:
    """Eight sign-ups with one address: one account, seven clear refusals."""
    made, refused, barrier = [], [], threading.Barrier(8)

    def sign_up(number: int) -> None:
        barrier.wait()
        try:
            made.append(shop.customers.create(email="ana@example.com", reference=f"user-{number}"))
        except ValidationError as error:
            refused.extend((each.field, each.reason) for each in error.errors)

    threads = [threading.Thread(target=sign_up, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), refused) == (1, [("email", "duplicate")] * 7)


def test_a_refused_address_leaves_the_hosts_transaction_usable(shop: TestShop) -> None:
    """What was written before the refusal, and what comes after it, is kept."""
    shop.customers.create(email="ana@example.com")
    with shop.transaction() as tx:
        bia = tx.customers.create(email="bia@example.com")
        with pytest.raises(ValidationError):
            tx.customers.create(email="ana@example.com")
        tx.customers.update(bia.id, name="Bia")
    assert shop.customers.get(bia.id).name == "Bia"


def test_lists_of_customers(shop: TestShop) -> None:
    """Newest first, in pages that miss nobody, by group, guests or accounts."""
    shop.customers.save_group("vip")
    ids = [shop.customers.create(email=f"a{n}@example.com", group="vip" if n % 2 else None).id for n in range(5)]
    account = shop.customers.account("u", email="u@example.com").id
    page = shop.customers.list(per_page=4)
    rest = shop.customers.list(per_page=4, cursor=page.next_cursor)
    assert [each.id for each in (*page.items, *rest.items)] == [account, *reversed(ids)]
    assert rest.next_cursor is None
    assert [each.id for each in shop.customers.list(group="vip").items] == [ids[3], ids[1]]
    assert [each.id for each in shop.customers.list(guests=False).items] == [account]
    found = _wrong(lambda: shop.customers.list(per_page=0, guests="yes", cursor="x"))
    assert found == {("per_page", "too_small"), ("guests", "not_boolean"), ("cursor", "invalid")}


def test_a_group_decides_a_carts_prices(shop: TestShop) -> None:
    """A cart that is made for an account, or given to it, has its group's prices; who says another group gets that."""
    shop.product(price=1000)
    shop.customers.save_group("wholesale", name="Atacado")
    shop.pricing.set_prices("A1", prices=[{"amount": 700, "group": "wholesale"}])
    account = shop.customers.create(email="ana@example.com", reference="user-1", group="wholesale")
    cart = shop.carts.create(owner="user-1")
    assert cart.customer_group == "wholesale"
    assert shop.carts.add(cart.id, sku="A1").totals.items.amount == 700
    guest = shop.carts.create()
    assert shop.carts.assign(guest.id, owner="user-1").customer_group == "wholesale"
    assert shop.carts.create(owner="user-1", customer_group="retail").customer_group == "retail"
    assert shop.carts.create(owner="user-2").customer_group is None
    assert shop.customers.groups()[0].name == "Atacado"
    assert shop.customers.delete_group("wholesale") == 1
    assert shop.customers.get(account.id).group is None
    with pytest.raises(NotFound, match="customer group"):
        shop.customers.delete_group("wholesale")


def test_an_address_book(shop: TestShop) -> None:
    """The first address is the default for both; a new default takes over; a checkout takes the fields as they are."""
    shop.product()
    ana = shop.customers.create(email="ana@example.com").id
    home = shop.customers.add_address(ana, label="Casa", **ADDRESS)
    assert (dict(home.fields), home.default_shipping, home.default_billing) == (HOME, True, True)
    work = shop.customers.add_address(ana, label="Trabalho", default_shipping=True, **{**ADDRESS, "number": "20"})
    assert [each.label for each in shop.customers.addresses(ana)] == ["Trabalho", "Casa"]
    assert shop.customers.default_address(ana) == work
    assert shop.customers.default_address(ana, "billing").id == home.id
    moved = shop.customers.update_address(ana, home.id, street="Rua Nova", default_shipping=True)
    assert (moved.street, moved.number, moved.default_shipping) == ("Rua Nova", "10", True)
    assert not shop.customers.address(ana, work.id).default_shipping
    assert shop.checkout.quote(shop.cart(("A1", 1)), address=work.fields).address["number"] == "20"
    shop.customers.remove_address(ana, home.id)
    assert shop.customers.default_address(ana, "billing").id == work.id
    shop.customers.remove_address(ana, work.id)
    assert (shop.customers.addresses(ana), shop.customers.default_address(ana)) == ((), None)


def test_what_is_wrong_with_an_address(sqlite_shop: TestShop) -> None:
    """Every wrong field by name: a CEP of other digits, a state that is none, a field that there is not."""
    shop = sqlite_shop
    ana = shop.customers.create(email="ana@example.com").id
    bia = shop.customers.create(email="bia@example.com").id
    bad = {**ADDRESS, "postal_code": "1234", "state": "XX", "street": "", "planet": "Mars"}
    assert _wrong(lambda: shop.customers.add_address(ana, default_shipping="yes", **bad)) == {
        ("postal_code", "invalid_postal_code"),
        ("state", "unknown"),
        ("street", "required"),
        ("address.planet", "unexpected"),
        ("default_shipping", "not_boolean"),
    }
    abroad = {**ADDRESS, "country": "pt", "state": "Lisboa", "postal_code": "1100-048"}
    theirs = shop.customers.add_address(bia, **abroad)
    assert theirs.country == "PT"
    for call in (
        lambda: shop.customers.address(ana, theirs.id),
        lambda: shop.customers.remove_address(ana, theirs.id),
        lambda: shop.customers.update_address(ana, theirs.id, street="x"),
        lambda: shop.customers.add_address(999, **ADDRESS),
        lambda: shop.customers.addresses(True),
    ):
        with pytest.raises(NotFound):
            call()
    for _ in range(50):
        shop.customers.add_address(ana, **ADDRESS)
    assert _wrong(lambda: shop.customers.add_address(ana, **ADDRESS)) == {("addresses", "too_many")}


def test_two_defaults_at_once(shop: TestShop) -> None:
    """Four addresses, each to be the default, all at once: one is."""
    ana = shop.customers.create(email="ana@example.com").id
    barrier = threading.Barrier(4)

    def add() -> None:
        barrier.wait()
        shop.customers.add_address(ana, default_shipping=True, **ADDRESS)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    book = shop.customers.addresses(ana)
    assert (len(book), sum(each.default_shipping for each in book), sum(each.default_billing for each in book)) == (
        4,
        1,
        1,
    )


def test_consents_are_a_history(sqlite_shop: TestShop) -> None:
    """What was said last counts, and all that was said before can be proved."""
    shop = sqlite_shop
    ana = shop.customers.create(email="ana@example.com").id
    assert not shop.customers.has_consent(ana, "newsletter")
    shop.customers.give_consent(ana, "newsletter", version="2026-01", source="checkout")
    shop.clock.advance(seconds=60)
    assert shop.customers.has_consent(ana, "newsletter")
    shop.customers.withdraw_consent(ana, "newsletter", source="link in a mail")
    shop.customers.give_consent(ana, "profiling")
    assert not shop.customers.has_consent(ana, "newsletter")
    assert {name: each.granted for name, each in shop.customers.consents(ana).items()} == {
        "newsletter": False,
        "profiling": True,
    }
    history = shop.customers.consent_history(ana)
    assert [(each.purpose, each.granted, each.version) for each in history] == [
        ("newsletter", True, "2026-01"),
        ("newsletter", False, ""),
        ("profiling", True, ""),
    ]
    assert history[0].created_at < history[1].created_at
    assert _wrong(lambda: shop.customers.give_consent(ana, "News Letter!", version="v" * 41)) == {
        ("purpose", "invalid"),
        ("version", "too_long"),
    }
    with pytest.raises(NotFound):
        shop.customers.give_consent(999, "newsletter")


def test_the_buyer_keeps_what_was_typed_first(sqlite_shop: TestShop) -> None:
    """An order with an account's address is the account's, and changes nothing of it."""
    shop = sqlite_shop
    shop.product()
    ana = shop.customers.account("user-1", email="ana@example.com", name="Ana Maria")
    arguments = shop.arguments(shop.quote(shop.cart(("A1", 1)))) | {"customer": {**CUSTOMER, "name": "A. S."}}
    assert shop.checkout.place(**arguments).order.customer_id == ana.id
    assert shop.customers.get(ana.id).name == "Ana Maria"


def test_going_back_and_forth_with_customers(shop: TestShop) -> None:
    """Back before accounts, a customer with orders is the guest that it was; forth again everything works."""
    shop.product()
    me = shop.buy().order.customer_id
    shop.customers.attach(me, "user-1")
    shop.customers.add_address(me, **ADDRESS)
    shop.wishlists.add(shop.wishlists.create(me).id, customer_id=me, sku="A1")
    shop.reviews.approve(shop.reviews.submit(me, product_id=1, rating=5).id)
    shop.migrate("0013")
    shop.migrate()
    assert (shop.customers.get(me).reference, shop.customers.addresses(me)) == (None, ())
    assert (shop.catalog.get(1).card.rating, shop.wishlists.of_customer(me)) == (None, ())
    assert shop.reviews.submit(me, product_id=1, rating=4).verified
    assert shop.audit().clean


def test_two_first_visits_at_once_are_one_account(shop: TestShop) -> None:
    """Six requests of one user who has just signed up: one account, and each of them gets it."""
    found, barrier = [], threading.Barrier(6)

    def visit() -> None:
        barrier.wait()
        found.append(shop.customers.account("user-1", email="reference@example.com").id)

    threads = [threading.Thread(target=visit) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), len(set(found))) == (6, 1)


@pytest.mark.parametrize(
    ("call", "fields"),
    [
        (lambda c: c.account("", email="x", name=5, verified=1), {"reference", "email", "name", "verified"}),
        (lambda c: c.account("u" * 121, email=None), {"reference", "email"}),
        (lambda c: c.attach(1, ""), {"reference"}),
        (lambda c: c.attach(1, 5), {"reference"}),
        (
            lambda c: c.update(1, email="", phone="1", document="1", group="none"),
            {"email", "phone", "document", "group"},
        ),
        (lambda c: c.save_group("V I P", name="n" * 121), {"code", "name"}),
        (lambda c: c.default_address(1, "home"), {"kind"}),
        (lambda c: c.withdraw_consent(1, "", source="s" * 121), {"purpose", "source"}),
        (lambda c: c.erase(1, open_orders=True), {"open_orders"}),
        (lambda c: c.merge(1, into=1), {"into"}),
    ],
)
def test_wrong_arguments(sqlite_shop: TestShop, call: Callable[[Any], Any], fields: set[str]) -> None:
    """Every wrong field by name, and the customer is as before."""
    customers = sqlite_shop.customers
    before = customers.create(email="ana@example.com")
    assert {field for field, _ in _wrong(lambda: call(customers))} == fields
    assert (customers.get(1), customers.list().items) == (before, (before,))
