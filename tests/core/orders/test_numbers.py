"""What orders are called."""

import itertools
import os
import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from core_shop import TestShop
from mestres_core.errors import InsufficientStock, RetryableError
from mestres_core.orders.numbers import SequentialNumbers
from mestres_core.testing import race

LONG = os.environ.get("MESTRES_STRESS") == "long"


def test_numbers_are_random_by_default(shop: TestShop) -> None:
    """Nobody learns from them how much is sold."""
    shop.product()
    numbers = {shop.buy().order.number for _ in range(3)}
    assert len(numbers) == 3
    assert all(number.startswith("MC-") and len(number) == 13 for number in numbers)


def test_they_count_up_in_their_channel(open_shop: Callable[..., TestShop]) -> None:
    """From 1, each channel by itself, with its own prefix."""
    shop = open_shop(numbers=SequentialNumbers({"loja": "LJ"}, digits=4))

    def number(channel: str) -> str:
        taken: str = shop.core.run(lambda services: shop.config.numbers.next(services.outbox.session, channel=channel))
        return taken

    assert [number("loja"), number("default"), number("loja")] == ["LJ0001", "DEFAULT-0001", "LJ0002"]
    shop.product()
    assert [shop.buy().order.number for _ in range(2)] == ["DEFAULT-0002", "DEFAULT-0003"]
    assert shop.orders.get("DEFAULT-0003").channel == "default"


def test_an_order_that_fails_gives_its_number_back(open_shop: Callable[..., TestShop]) -> None:
    """The gap policy: what was not committed leaves no gap; a declined order keeps its number."""
    shop = open_shop(numbers=SequentialNumbers(start=100))
    shop.product(stock=1)
    cart = shop.cart(("A1", 1))
    other = shop.cart(("A1", 1))
    assert shop.place(cart).order.number == "DEFAULT-000100"
    with pytest.raises(InsufficientStock):
        shop.place(other)
    shop.inventory.receive("A1", quantity=5)
    with pytest.raises(Exception, match="declined"):
        shop.place(other, "tok_declined")
    assert shop.place(other).order.number == "DEFAULT-000102"
    assert shop.orders.get("DEFAULT-000101").status == "cancelled"


class Counted:
    """Numbers by how many orders there are, as a host might write it; with `most` it begins again there."""

    def __init__(self, most: int = 1000) -> None:
        self.most = most

    def next(self, session: Any, *, channel: str) -> str:
        count: int = session.execute(text("SELECT count(*) FROM mc_order")).scalar_one()
        return f"N{count % self.most + 1}"


def test_two_that_see_the_same_take_numbers_one_after_the_other(open_shop: Callable[..., TestShop]) -> None:
    """An order whose number was taken by another one in that moment is written again, with the next."""
    shop = open_shop(numbers=Counted())
    shop.product()
    wanted = [shop.arguments(shop.quote(shop.cart(("A1", 1)))) for _ in range(4)]
    outcomes = race(*(lambda each=each: shop.checkout.place(**each).order.number for each in wanted))
    assert sorted(str(each.value) for each in outcomes) == ["N1", "N2", "N3", "N4"]
    assert shop.audit().clean


def test_a_number_that_is_never_free(open_shop: Callable[..., TestShop]) -> None:
    """Is told after some tries, by an error of the shop's own, and nothing of the order stays."""
    shop = open_shop(numbers=Counted(most=1))
    shop.product()
    shop.buy()
    with pytest.raises(RetryableError, match="number"):
        shop.buy()
    assert shop.available() == 9
    assert shop.audit().clean


@pytest.mark.parametrize(
    ("prefixes", "digits", "start"),
    [
        ({"a": "X-", "b": "X-"}, 6, 1),
        ({"a": "X1"}, 6, 1),
        ({"a": ""}, 6, 1),
        ({"a": "X" * 27}, 6, 1),
        ({}, 0, 1),
        ({}, 19, 1),
        ({}, 6, -1),
        ({}, "6", 1),
    ],
)
def test_prefixes_whose_numbers_could_meet(prefixes: dict[str, str], digits: int, start: int) -> None:
    """They are refused when the shop is made, not when the numbers meet."""
    with pytest.raises(ValueError, match=r"prefix|digits"):
        SequentialNumbers(prefixes, digits=digits, start=start)


@pytest.mark.parametrize("channel", ["Loja", "b", "x1"])
def test_a_channel_whose_name_makes_no_prefix(sqlite_shop: TestShop, channel: str) -> None:
    """Its numbers could be another channel's: it needs a prefix of its own."""
    numbers = SequentialNumbers({"a": "B-"})
    taken: list[str] = []

    def take(services: object) -> None:
        taken.append(numbers.next(services.outbox.session, channel=channel))  # type: ignore[attr-defined]

    if channel == "x1":
        sqlite_shop.core.run(take)
        assert taken == ["X1-000001"]
        return
    with pytest.raises(ValueError, match="prefix"):
        sqlite_shop.core.run(take)


@pytest.mark.scenario("C25")
def test_many_threads_take_numbers_at_once(open_shop: Callable[..., TestShop]) -> None:
    """All are different, and those of committed transactions are 1 to n without a gap; the others gave theirs back."""
    shop = open_shop(numbers=SequentialNumbers())
    each = 500 if LONG else 12
    kept: list[str] = []
    lost = itertools.count()
    barrier = threading.Barrier(16)

    class Undone(Exception):
        """The order could not be written."""

    def take(services: object, index: int) -> str:
        number: str = shop.config.numbers.next(services.outbox.session, channel="default")  # type: ignore[attr-defined]
        if index % 5 == 4:
            raise Undone
        return number

    def buy() -> None:
        barrier.wait()
        for index in range(each):
            try:
                kept.append(shop.core.run(lambda services, index=index: take(services, index)))
            except Undone:
                next(lost)

    threads = [threading.Thread(target=buy) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert next(lost) == 16 * (each // 5)
    assert sorted(kept) == [f"DEFAULT-{number:06d}" for number in range(1, len(kept) + 1)]
