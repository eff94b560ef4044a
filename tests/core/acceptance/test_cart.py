"""The cases of the anchors' carts (A32, A33): what a merge makes of two carts, and one stock behind several lines."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core_shop import TestShop
from mestres_core.errors import InsufficientStock

Lines = dict[str, int]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def standing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestShop]:
    """One shop for all cases of this file: each has carts of its own, and none buys anything."""
    if request.param == "sqlite":
        shop = TestShop(f"sqlite:///{Path(tmp_path_factory.mktemp('carts')) / 'shop.db'}")
        yield from _filled(shop)
        return
    import psycopg
    from sqlalchemy import make_url

    url = make_url(request.getfixturevalue("postgres_url"))
    admin = url.set(drivername="postgresql").render_as_string(hide_password=False)
    name = f"mestres_{uuid.uuid4().hex}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    yield from _filled(TestShop(url.set(database=name).render_as_string(hide_password=False)))
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _filled(shop: TestShop) -> Iterator[TestShop]:
    for sku in ("T1", "T2", "T3"):
        shop.product(sku, stock=50)
    shop.product("FEW", stock=5)
    shop.product("ONE", stock=1)
    shop.product("TWO", stock=2)
    shop.product("MANY", stock=5000)
    for percent in range(1, 7):
        shop.promotions.save_coupon(f"C{percent}", percent=percent)
    yield shop
    shop.close()


def fill(shop: TestShop, lines: Lines, **whose: Any) -> str:
    """A cart with these lines; "T1/fine" is T1 with the wish {"grind": "fine"}."""
    cart: str = shop.carts.create(**whose).id
    for line, quantity in lines.items():
        sku, _, grind = line.partition("/")
        shop.carts.add(cart, sku=sku, quantity=quantity, attributes={"grind": grind} if grind else None)
    return cart


def lines_of(cart: Any) -> Lines:
    """The same of a cart."""
    return {
        "/".join([line.sku, *(str(wish) for wish in line.attributes.values())]): line.quantity for line in cart.lines
    }


@pytest.mark.parametrize(
    ("policy", "existing", "guest", "expected"),
    [
        pytest.param("merge", {"T1": 1}, {"T2": 1}, {"T1": 1, "T2": 1}, id="A32 merge: both (Vendure)"),
        pytest.param("merge", {"T1": 1}, {"T1": 3}, {"T1": 3}, id="A32 merge: guest's quantity wins (Vendure)"),
        pytest.param("merge", {"T1": 3}, {"T1": 1}, {"T1": 1}, id="A32 merge: also a smaller one (Vendure)"),
        pytest.param("merge", {}, {"T1": 2}, {"T1": 2}, id="A32 merge: into an empty cart (Vendure)"),
        pytest.param("merge", {"T1": 2}, {}, {"T1": 2}, id="A32 merge: an empty guest (Vendure)"),
        pytest.param(
            "merge",
            {"T1/fine": 1},
            {"T1/coarse": 2},
            {"T1/fine": 1, "T1/coarse": 2},
            id="A32 merge: other wishes stay two lines (Vendure)",
        ),
        pytest.param("sum", {"T1": 1}, {"T1": 3}, {"T1": 4}, id="A32 sum (Solidus, Spree)"),
        pytest.param(
            "sum", {"T1": 1, "T2": 1}, {"T1": 1, "T3": 2}, {"T1": 2, "T2": 1, "T3": 2}, id="A32 sum: several (Solidus)"
        ),
        pytest.param(
            "sum",
            {"T1/fine": 1, "T1": 1},
            {"T1/fine": 2},
            {"T1/fine": 3, "T1": 1},
            id="A32 sum: by wishes (Solidus line_item_matches)",
        ),
        pytest.param("use_guest", {"T1": 1}, {"T2": 2}, {"T2": 2}, id="A32 use guest (Vendure)"),
        pytest.param("use_guest", {"T1": 1, "T2": 1}, {"T2": 2}, {"T2": 2}, id="A32 use guest: same line (Vendure)"),
        pytest.param("use_guest", {"T1": 1}, {}, {}, id="A32 use guest: an empty one (Vendure)"),
        pytest.param("use_existing", {"T1": 1}, {"T2": 2}, {"T1": 1}, id="A32 use existing (Vendure)"),
        pytest.param("use_existing", {}, {"T2": 2}, {}, id="A32 use existing: an empty one (Vendure)"),
        pytest.param(
            "guest_if_existing_empty", {"T1": 1}, {"T2": 2}, {"T1": 1}, id="A32 guest if empty: it is not (Vendure)"
        ),
        pytest.param("guest_if_existing_empty", {}, {"T2": 2}, {"T2": 2}, id="A32 guest if empty: it is (Vendure)"),
        pytest.param("sum", {"FEW": 3}, {"FEW": 4}, {"FEW": 5}, id="A32 sum: no more than there is"),
        pytest.param("merge", {"FEW/a": 3}, {"FEW/b": 4}, {"FEW/a": 3, "FEW/b": 2}, id="A32 merge: one stock"),
        pytest.param("sum", {"MANY": 600}, {"MANY": 600}, {"MANY": 999}, id="A32 sum: no more than fits in a line"),
    ],
)
def test_merging(standing: TestShop, policy: str, existing: Lines, guest: Lines, expected: Lines) -> None:
    """What a policy makes of an account's and a guest's cart, once; the guest's is closed."""
    account, other = fill(standing, existing, owner="ana"), fill(standing, guest)
    merged = standing.carts.merge(other, into=account, policy=policy)
    assert lines_of(merged) == expected
    assert bool(merged.notes) is (sum(expected.values()) < _wanted(policy, existing, guest))
    assert (merged.id, merged.owner, merged.status) == (account, "ana", "open")
    closed = standing.carts.get(other)
    assert (closed.status, closed.merged_into) == ("merged", account)
    again = standing.carts.merge(other, into=account, policy=policy)
    assert (lines_of(again), again.version) == (expected, merged.version)


def _wanted(policy: str, existing: Lines, guest: Lines) -> int:
    from mestres_core.rules.merging import POLICIES

    return sum(POLICIES[policy](existing, guest).values())


def test_lines_of_another_currency_are_left_out(standing: TestShop) -> None:
    """A32 (Solidus): they are told in the notes, the account's cart stays as it is, and the guest's is closed."""
    standing.sql(
        "INSERT INTO mc_price (variant_id, currency, amount)"
        " SELECT id, 'USD', 300 FROM mc_variant WHERE sku = 'T1' ON CONFLICT DO NOTHING"
    )
    for policy in ("merge", "use_guest"):
        account, guest = fill(standing, {"T2": 1}), fill(standing, {"T1": 2}, currency="USD")
        merged = standing.carts.merge(guest, into=account, policy=policy)
        assert lines_of(merged) == {"T2": 1}
        assert [(note.sku, note.wanted, note.quantity, note.reason) for note in merged.notes] == [
            ("T1", 2, 0, "currency")
        ]
        assert standing.carts.get(guest).status == "merged"


@pytest.mark.parametrize(
    ("policy", "expected"),
    [("sum", ["C1", "C2", "C3"]), ("use_guest", ["C2", "C3"]), ("use_existing", ["C1", "C2"])],
)
def test_coupons_come_with_the_lines(standing: TestShop, policy: str, expected: list[str]) -> None:
    """The guest's coupons join those of the account, or replace them, as its lines do (Vendure)."""
    account, guest = fill(standing, {"T1": 1}), fill(standing, {"T2": 1})
    for cart, codes in ((account, ("C1", "C2")), (guest, ("C2", "C3"))):
        for code in codes:
            standing.carts.add_coupon(cart, code)
    merged = standing.carts.merge(guest, into=account, policy=policy)
    assert [coupon.code for coupon in merged.coupons] == expected


def test_a_cart_holds_no_more_coupons_than_it_may(standing: TestShop) -> None:
    """Those of the guest that do not fit are told."""
    account, guest = fill(standing, {"T1": 1}), fill(standing, {"T2": 1})
    for number in range(1, 5):
        standing.carts.add_coupon(account, f"C{number}")
    for number in (5, 6):
        standing.carts.add_coupon(guest, f"C{number}")
    merged = standing.carts.merge(guest, into=account)
    assert [coupon.code for coupon in merged.coupons] == ["C1", "C2", "C3", "C4", "C5"]
    assert [(note.sku, note.reason) for note in merged.notes] == [("C6", "coupons")]


Act = Callable[[TestShop, str], Any]


@pytest.mark.parametrize(
    ("lines", "act", "available", "left"),
    [
        pytest.param({}, ("add", "FEW", 6), 5, {}, id="A33 add 6 of 5 (Sylius)"),
        pytest.param({"FEW": 5}, ("add", "FEW", 5), 5, {"FEW": 5}, id="A33 add 5 and 5 of 5 (Sylius)"),
        pytest.param({}, ("add", "FEW", 4), None, {"FEW": 4}, id="A33 add 4 of 5 (Sylius)"),
        pytest.param({"ONE/a": 1}, ("add", "ONE/b", 1), 1, {"ONE/a": 1}, id="A33 one piece, two wishes (vendure#2702)"),
        pytest.param(
            {"TWO/a": 1, "TWO/b": 1},
            ("update", "TWO/a", 2),
            2,
            {"TWO/a": 1, "TWO/b": 1},
            id="A33 line to 2, other line 1, stock 2 (vendure#2736)",
        ),
        pytest.param(
            {"FEW/a": 2, "FEW/b": 1}, ("update", "FEW/a", 4), None, {"FEW/a": 4, "FEW/b": 1}, id="A33 both fit"
        ),
        pytest.param({"FEW": 2}, ("update", "FEW", 6), 5, {"FEW": 2}, id="A33 line to 6 of 5 (Sylius)"),
    ],
)
def test_one_stock_behind_all_lines(
    standing: TestShop, lines: Lines, act: tuple[str, str, int], available: int | None, left: Lines
) -> None:
    """All lines of a SKU together are never more than can be bought."""
    cart = fill(standing, lines)
    what, line, quantity = act
    sku, _, grind = line.partition("/")

    def change() -> Any:
        if what == "add":
            wishes = {"grind": grind} if grind else None
            return standing.carts.add(cart, sku=sku, quantity=quantity, attributes=wishes)
        by_name = dict(zip(lines_of(standing.carts.get(cart)), standing.carts.get(cart).lines, strict=True))
        return standing.carts.update(cart, by_name[line].id, quantity=quantity)

    if available is None:
        change()
    else:
        with pytest.raises(InsufficientStock) as caught:
            change()
        assert caught.value.available == available
    assert lines_of(standing.carts.get(cart)) == left
