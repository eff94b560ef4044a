"""Reviews: one for each customer and product, moderated, verified, added up."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core_shop import TestShop
from mestres_core.errors import AlreadyReviewed, NotFound, ValidationError
from mestres_core.reviews.service import ReviewPolicy


def _customer(shop: TestShop, name: str = "Ana") -> int:
    found: int = shop.customers.create(email=f"{name}@example.com".lower(), name=f"{name} Souza").id
    return found


def _rating(shop: TestShop, product_id: int) -> float | None:
    found: float | None = shop.catalog.get(product_id).card.rating
    return found


def test_a_review_is_shown_when_it_is_approved(shop: TestShop) -> None:
    """Before, neither the list nor the product's rating knows of it; afterwards both do, and the catalogue tells."""
    product = shop.product()
    made = shop.reviews.submit(_customer(shop), product_id=product.id, rating=4, title="Bom", body="Muito bom.")
    assert (made.status, made.author, made.verified) == ("pending", "Ana", False)
    assert (shop.reviews.of_product(product.id).items, _rating(shop, product.id)) == ((), None)
    assert [each.id for each in shop.reviews.pending().items] == [made.id]
    shown = shop.reviews.approve(made.id)
    assert shop.outbox("ReviewChanged", "ProductChanged")[-2:] == ["ProductChanged", "ReviewChanged"]
    assert shop.reviews.of_product(product.id).items == (shown,)
    assert (_rating(shop, product.id), shop.catalog.list().items[0].rating) == (4.0, 4.0)
    summary = shop.reviews.summary(product.id)
    assert (summary.count, summary.average, summary.stars[4]) == (1, 4.0, 1)
    other = shop.product("B2").id
    assert {of: each.average for of, each in shop.reviews.summaries([product.id, other, True]).items()} == {
        product.id: 4.0,
        other: None,
    }
    assert shop.reviews.pending().items == ()
    assert shop.audit().clean


def test_every_change_brings_the_average_along(shop: TestShop) -> None:
    """Approving, rejecting, editing and deleting; the average has two decimals, half away from zero."""
    product = shop.product()
    ids = [
        shop.reviews.submit(_customer(shop, f"C{n}"), product_id=product.id, rating=stars).id
        for n, stars in enumerate((5, 4, 4, 4, 4, 4, 4, 4))
    ]
    for each in ids:
        shop.reviews.approve(each)
        shop.reviews.approve(each)  # again: counted once
    assert _rating(shop, product.id) == 4.13  # 4.125
    shop.reviews.reject(ids[0], reason="spam")
    assert (_rating(shop, product.id), shop.reviews.get(ids[0]).reason) == (4.0, "spam")
    owner = shop.reviews.get(ids[1]).customer_id
    edited = shop.reviews.edit(ids[1], customer_id=owner, rating=1)
    assert (edited.status, shop.reviews.summary(product.id).count) == ("pending", 6)
    shop.reviews.approve(ids[1])
    assert _rating(shop, product.id) == 3.57
    for each in ids:
        shop.reviews.delete(each)
    assert (_rating(shop, product.id), shop.reviews.summary(product.id).average) == (None, None)
    assert shop.audit().clean


def test_one_review_of_each_customer_and_product(shop: TestShop) -> None:
    """The second is refused and names the first; at once, too; after a deletion there may be another one."""
    product, ana = shop.product(), _customer(shop)
    refused: list[int] = []
    barrier = threading.Barrier(4)

    def submit() -> None:
        barrier.wait()
        try:
            shop.reviews.submit(ana, product_id=product.id, rating=5)
        except AlreadyReviewed as error:
            refused.append(error.data["review_id"])

    threads = [threading.Thread(target=submit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (mine,) = shop.reviews.of_customer(ana)
    assert refused == [mine.id] * 3
    shop.reviews.delete(mine.id)
    assert shop.reviews.submit(ana, product_id=product.id, rating=1).rating == 1


def test_approvals_at_once_all_count(shop: TestShop) -> None:
    """Six reviews of one product approved at the same moment: the stars are six."""
    product = shop.product()
    ids = [shop.reviews.submit(_customer(shop, f"C{n}"), product_id=product.id, rating=n % 5 + 1).id for n in range(6)]
    barrier = threading.Barrier(6)

    def approve(review_id: int) -> None:
        barrier.wait()
        shop.reviews.approve(review_id)

    threads = [threading.Thread(target=approve, args=(each,)) for each in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shop.reviews.summary(product.id).count == 6
    assert _rating(shop, product.id) == 2.67
    assert shop.audit().clean


def test_who_has_bought_is_verified(shop: TestShop) -> None:
    """Paid goods count, unpaid and called off ones do not; what is bought later is seen at the approval."""
    product, other = shop.product(), shop.product("B2")
    buyer = shop.buy().order.customer_id
    assert shop.reviews.submit(buyer, product_id=product.id, rating=5).verified
    early = shop.reviews.submit(buyer, product_id=other.id, rating=5)
    waiting = shop.buy("B2", token="pix").order
    assert not shop.reviews.edit(early.id, customer_id=buyer, rating=4).verified
    shop.webhook(waiting.payments[0].id, "captured", waiting.totals.grand.amount)
    assert shop.reviews.approve(early.id).verified


def test_a_refund_that_is_due_takes_no_purchase_away(sqlite_shop: TestShop) -> None:
    """Who has called one of two products off has still bought the other, and has not bought the first."""
    shop = sqlite_shop
    kept, gone = shop.product(), shop.product("B2")
    order = shop.place(shop.cart(("A1", 1), ("B2", 1))).order
    assert shop.orders.cancel_lines(order.number, lines={order.lines[1].id: 1}).payment_status == "refund_due"
    assert shop.reviews.submit(order.customer_id, product_id=kept.id, rating=5).verified
    assert not shop.reviews.submit(order.customer_id, product_id=gone.id, rating=5).verified


def test_a_shop_where_only_buyers_review_unmoderated(open_shop: Callable[..., TestShop]) -> None:
    """The policy of a shop: shown at once, and refused to others."""
    shop = open_shop(reviews=ReviewPolicy(moderated=False, verified_only=True))
    product = shop.product()
    with pytest.raises(ValidationError, match="bought"):
        shop.reviews.submit(_customer(shop, "Bia"), product_id=product.id, rating=5)
    buyer = shop.buy().order.customer_id
    assert shop.reviews.submit(buyer, product_id=product.id, rating=3).status == "approved"
    assert _rating(shop, product.id) == 3.0
    shop.reviews.edit(shop.reviews.of_customer(buyer)[0].id, customer_id=buyer, rating=5)
    assert _rating(shop, product.id) == 5.0


def test_pages_of_reviews(shop: TestShop) -> None:
    """By every order each review comes once, and filters narrow the list."""
    product = shop.product()
    for n, stars in enumerate((3, 5, 1, 5, 3)):
        made = shop.reviews.submit(_customer(shop, f"C{n}"), product_id=product.id, rating=stars)
        shop.reviews.approve(made.id)
    expected = {"newest": [3, 5, 1, 5, 3], "highest": [5, 5, 3, 3, 1], "lowest": [1, 3, 3, 5, 5]}
    for sort, stars in expected.items():
        found, cursor = [], None
        while True:
            page = shop.reviews.of_product(product.id, sort=sort, per_page=2, cursor=cursor)
            found += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
        assert [each.rating for each in found] == stars
        assert len({each.id for each in found}) == 5
    assert len(shop.reviews.of_product(product.id, rating=5).items) == 2
    assert shop.reviews.of_product(product.id, verified=True).items == ()
    assert shop.reviews.of_product(2**70).items == ()


def _submit(**wrong: Any) -> Callable[[TestShop, int], Any]:
    return lambda shop, product: shop.reviews.submit(1, **{"product_id": product, "rating": 5, **wrong})


@pytest.mark.parametrize(
    ("call", "fields"),
    [
        (_submit(rating=0), {"rating"}),
        (_submit(rating=6), {"rating"}),
        (_submit(rating=4.5, title="t" * 121, body=5), {"rating", "title", "body"}),
        (_submit(rating=True, author="a" * 121), {"rating", "author"}),
        (lambda shop, _: shop.reviews.reject(1, reason=5), {"reason"}),
        (lambda shop, _: shop.reviews.of_product(1, sort="best", rating=9), {"sort", "rating"}),
        (lambda shop, _: shop.reviews.of_product(1, per_page=101, verified=1), {"per_page", "verified"}),
        (lambda shop, _: shop.reviews.of_product(1, sort="highest", cursor="9-1"), {"cursor"}),
        (lambda shop, _: shop.reviews.pending(cursor="-1"), {"cursor"}),
    ],
)
def test_wrong_arguments(sqlite_shop: TestShop, call: Callable[[TestShop, int], Any], fields: set[str]) -> None:
    """Every wrong field by name, and nothing is written."""
    _customer(sqlite_shop)
    with pytest.raises(ValidationError) as refused:
        call(sqlite_shop, sqlite_shop.product().id)
    assert {error.field for error in refused.value.errors} == fields
    assert sqlite_shop.reviews.of_customer(1) == ()


def test_what_is_unknown(sqlite_shop: TestShop) -> None:
    """Neither an unknown customer, product or review, nor a review of somebody else."""
    shop = sqlite_shop
    product, ana, bia = shop.product(), _customer(shop), _customer(shop, "Bia")
    made = shop.reviews.submit(ana, product_id=product.id, rating=5)
    for call in (
        lambda: shop.reviews.submit(999, product_id=product.id, rating=5),
        lambda: shop.reviews.submit(bia, product_id=999, rating=5),
        lambda: shop.reviews.edit(made.id, customer_id=bia, rating=1),
        lambda: shop.reviews.get(999),
        lambda: shop.reviews.approve(True),
        lambda: shop.reviews.reject(999),
        lambda: shop.reviews.delete(999),
        lambda: shop.reviews.of_customer(999),
    ):
        with pytest.raises(NotFound):
            call()


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        ("UPDATE mc_review_summary SET stars_4 = 2", "a product's stars are those of its approved reviews"),
        ("UPDATE mc_review SET status = 'rejected'", "stars are given by approved reviews"),
        ("UPDATE mc_product SET rating_hundredths = 500", "a product's rating is the average of its stars"),
        ("UPDATE mc_product SET rating_hundredths = NULL", "a product's rating is the average of its stars"),
    ],
)
def test_the_audit_sees_wrong_stars(sqlite_shop: TestShop, damage: str, rule: str) -> None:
    """Damage done by hand is named by its rule."""
    shop = sqlite_shop
    product = shop.product()
    shop.reviews.approve(shop.reviews.submit(_customer(shop), product_id=product.id, rating=4).id)
    assert shop.audit().clean
    shop.sql(damage)
    assert [each.rule for each in shop.audit().violations] == [rule]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(st.tuples(st.sampled_from(["submit", "approve", "reject", "edit", "delete"]), st.integers(0, 2))))
def test_any_sequence_keeps_the_books(sqlite_shop: TestShop, acts: list[tuple[str, int]]) -> None:
    """After any sequence of acts the average is that of the approved reviews, counted anew."""
    shop = sqlite_shop
    product = shop.product().id
    people = [shop.customers.account(f"u{n}", email=f"u{n}@example.com", name="U").id for n in range(3)]
    with shop.transaction() as tx:
        for act, who in acts:
            mine = tx.reviews.of_customer(people[who])
            if act == "submit" and not mine:
                tx.reviews.submit(people[who], product_id=product, rating=who + 2)
            elif mine and act == "edit":
                tx.reviews.edit(mine[0].id, customer_id=people[who], rating=mine[0].rating % 5 + 1)
            elif mine and act != "submit":
                getattr(tx.reviews, act)(mine[0].id)
        stars = [each.rating for who in people for each in tx.reviews.of_customer(who) if each.status == "approved"]
        assert tx.reviews.summary(product).count == len(stars)
        assert tx.catalog.get(product).card.rating == (round(sum(stars) / len(stars), 2) if stars else None)
    assert shop.audit().clean
