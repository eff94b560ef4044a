"""Wrong arguments of a kind that nobody sends on purpose: one typed error each, and nothing changed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from core_shop import CUSTOMER, TestShop
from mestres_core import ProductDraft, VariantDraft
from mestres_core.errors import NotFound, ValidationError

_FIRST = datetime.min.replace(tzinfo=UTC)
_BEFORE_COMPUTERS = datetime(1969, 12, 31, tzinfo=UTC)
_CARD = {"method": "card", "token": "tok_ok"}
_V = VariantDraft(sku="V", price=1)
_SAVED = {"name": "N", "variants": [{"sku": "N", "price": 1}]}


def _begin(cart_id: Any) -> Callable[[TestShop], Any]:
    rest: Any = {"quote_hash": "h", "idempotency_key": "k", "customer": CUSTOMER, "payment": _CARD}
    return lambda shop: shop.checkout.place(cart_id, **rest)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda shop: shop.catalog.featured(currency="\ud800"), "currency"),
        (lambda shop: shop.catalog.featured(currency=2**64), "currency"),
        (lambda shop: shop.catalog.get("a1", currency=Decimal(1)), "currency"),
        (lambda shop: shop.catalog.save(**_SAVED, slug=True), "slug"),
        (lambda shop: shop.catalog.save(**_SAVED, slug=b"n"), "slug"),
        (lambda shop: shop.catalog.save_many(None), "drafts"),
        (lambda shop: shop.catalog.save_many("drafts"), "drafts"),
        (lambda shop: shop.catalog.save_many([{}]), "drafts[0]"),
        (lambda shop: shop.catalog.save_many([ProductDraft(key="k", name="N", variants=None)]), "variants"),
        (
            lambda shop: shop.catalog.save_many([ProductDraft(key="k", name="N", variants=[{"sku": "K"}])]),
            "variants[0].price",
        ),
        (
            lambda shop: shop.catalog.save_many([ProductDraft(key="k", name="N", variants=(_V,), category=1)]),
            "category",
        ),
        (
            lambda shop: shop.collections.save("C", rules=[{"type": "attribute", "name": [], "value": "x"}]),
            "rules[0].name",
        ),
        (lambda shop: shop.search.products("cafe", facets=[]), "facets"),
        (lambda shop: shop.search.products("cafe", count=None), "count"),
        (lambda shop: shop.search.forget(older_than=None), "older_than"),
        (lambda shop: shop.search.forget(older_than=timedelta.max), "older_than"),
        (lambda shop: shop.checkout.forget(older_than=timedelta.max), "older_than"),
        (lambda shop: shop.orders.unconfirmed(older_than=timedelta(-1)), "older_than"),
        (lambda shop: shop.orders.unconfirmed(older_than=timedelta(1), limit=float("nan")), "limit"),
        (lambda shop: shop.payments.receive("pix", body=None, headers={}), "body"),
        (lambda shop: shop.payments.receive("pix", body=b"{}", headers=None), "headers"),
        (lambda shop: shop.payments.receive("pix", body=b"{}", headers={1: "x"}), "headers"),
        (lambda shop: shop.relay(limit=-1), "limit"),
        (lambda shop: shop.relay(limit="x"), "limit"),
        (lambda shop: shop.send_webhooks(limit=-1), "limit"),
        (lambda shop: shop.recover(limit=None), "limit"),
        (lambda shop: shop.reviews.summaries(7), "product_ids"),
        (lambda shop: shop.tax.set_rate("VAT", percent=1, ends_at=_FIRST), "ends_at"),
        (lambda shop: shop.tax.set_rate("VAT", percent=1, ends_at=_BEFORE_COMPUTERS), "ends_at"),
        (lambda shop: shop.tax.set_icms([], internal={"MG": 18}), "origin"),
        (lambda shop: shop.wishlists.of_customer(1, currency="\ud800"), "currency"),
    ],
)
def test_a_wrong_argument_is_named(sqlite_shop: TestShop, call: Callable[[TestShop], Any], field: str) -> None:
    """By its field, in a ValidationError."""
    sqlite_shop.product()
    customer = sqlite_shop.customers.create(email="ana@example.com")
    sqlite_shop.wishlists.create(customer.id)
    before = sqlite_shop.outbox()
    with pytest.raises(ValidationError) as caught:
        call(sqlite_shop)
    assert [error.field for error in caught.value.errors] == [field]
    assert sqlite_shop.outbox() == before


@pytest.mark.parametrize(
    "call",
    [
        _begin(Decimal(1)),
        _begin({1}),
        lambda shop: shop.payments.receive([], body=b"{}", headers={}),
    ],
)
def test_what_cannot_be_an_id_is_not_found(sqlite_shop: TestShop, call: Callable[[TestShop], Any]) -> None:
    """There is nothing that it could name."""
    with pytest.raises(NotFound):
        call(sqlite_shop)


def test_what_nothing_can_be_known_of(sqlite_shop: TestShop) -> None:
    """Questions with an answer for what is not there have it for what cannot be, too."""
    sqlite_shop.product()
    customer = sqlite_shop.customers.create(email="ana@example.com")
    assert sqlite_shop.payments.of_order("\ud800") == sqlite_shop.payments.of_order(2**70) == ()  # type: ignore[arg-type]
    assert sqlite_shop.customers.group_of("\ud800") is None
    assert not sqlite_shop.customers.has_consent(customer.id, [])  # type: ignore[arg-type]
    assert sqlite_shop.reviews.summaries([[], 2**70, True]) == {}  # type: ignore[list-item]


def test_the_end_of_time(sqlite_shop: TestShop) -> None:
    """The last moment that there is can be asked for."""
    sqlite_shop.product(price=1000)
    last = datetime.max.replace(tzinfo=UTC)
    assert sqlite_shop.pricing.lowest_price("A1", at=last).amount == 1000
    assert sqlite_shop.pricing.save_list("natal", name=None).name == ""  # type: ignore[arg-type]
