"""Digital goods: delivered after the payment, fetched no oftener than allowed."""

import threading
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from core_shop import TestShop
from mestres_core.downloads.models import grant
from mestres_core.errors import Conflict, IllegalTransition, NotFound, ValidationError
from mestres_core.events.facts import Fact, OrderChanged
from mestres_core.orders.models import line, order


@pytest.fixture
def course(shop: TestShop) -> TestShop:
    """A digital product with two files, one of them limited."""
    shop.catalog.save(name="Curso", variants=[{"sku": "C1", "price": 5000, "stock": 100, "digital": True}])
    shop.downloads.attach("C1", name="Apostila", location="s3://books/1.pdf", most_downloads=2, days=30)
    shop.downloads.attach("C1", name="Vídeo", location="s3://video/1.mp4")
    return shop


def test_delivered_once_and_counted(course: TestShop) -> None:
    """A paid order gives its files, the same ones when asked again; each fetch is counted, for all pieces together."""
    number = course.buy("C1", 2).order.number
    book, video = course.downloads.deliver(number)
    assert (4, None, "C1") == (book.left, video.left, video.sku)
    assert (book, video) == course.downloads.deliver(number)
    fetched = [course.downloads.fetch(book.token) for _ in range(4)]
    assert ([3, 2, 1, 0], "s3://books/1.pdf") == ([each.left for each in fetched], fetched[0].location)
    with pytest.raises(Conflict, match="all its downloads"):
        course.downloads.fetch(book.token)
    for _ in range(10):
        assert course.downloads.fetch(video.token).left is None
    assert course.audit().clean


def test_nothing_before_the_payment_and_nothing_after_the_money_is_back(course: TestShop) -> None:
    """An order that is not paid gives nothing; a refund ends what was given."""
    placed = course.place(course.cart(("C1", 1)), "pix")
    number = placed.order.number
    with pytest.raises(IllegalTransition):
        course.downloads.deliver(number)
    paid = course.buy("C1")
    token = course.downloads.deliver(paid.order.number)[0].token
    course.orders.cancel(paid.order.number)
    with pytest.raises(Conflict, match="not paid"):
        course.downloads.fetch(token)
    with pytest.raises(IllegalTransition):
        course.downloads.deliver(paid.order.number)


def test_a_person_is_told_of_the_downloads(course: TestShop) -> None:
    """What was fetched, and when it could be, is held about a person; the key that opens the file is the shop's."""
    order = course.buy("C1").order
    token = course.downloads.deliver(order.number)[0].token
    course.downloads.fetch(token)
    (told,) = course.customers.export(order.customer_id)["orders"]
    assert [each["used"] for each in told["lines"][0]["downloads"]] == [1, 0]
    assert token not in str(told)


def test_what_is_left_of_an_order_is_given_while_money_goes_back(course: TestShop) -> None:
    """Pieces called off take their own downloads along and no others, and a refund that is due holds nothing up."""
    course.product("MUG")
    order = course.place(course.cart(("C1", 3), ("MUG", 1))).order
    bought, mug = order.lines
    assert course.orders.cancel_lines(order.number, lines={bought.id: 1, mug.id: 1}).payment_status == "refund_due"
    assert course.downloads.undelivered(order.number)
    book = course.downloads.deliver(order.number)[0]
    assert (book.left, course.downloads.fetch(book.token).left) == (4, 3)
    course.orders.refund(order.number)
    assert course.downloads.fetch(book.token).left == 2

    course.orders.cancel_lines(order.number, lines={bought.id: 2})
    with pytest.raises(Conflict, match="not paid"):
        course.downloads.fetch(book.token)


def test_the_payments_fact_delivers(course: TestShop) -> None:
    """The fact of the payment grants the files before anybody else hears of it; told twice, it grants them once."""
    heard: list[tuple[str, int]] = []

    def told(fact: Fact) -> None:
        if isinstance(fact, OrderChanged) and fact.payment_status == "paid":
            heard.append((fact.number, len(_granted(course, fact.number))))
            if len(heard) == 1:
                raise ConnectionError("told again later")

    course.subscribe(told)
    waiting, number = course.place(course.cart(("C1", 1)), "pix").order.number, course.buy("C1").order.number
    course.relay()
    course.clock.advance(seconds=10)
    course.relay()
    assert ([(number, 2)] * 2, []) == (heard, _granted(course, waiting))
    assert not course.downloads.undelivered(number)
    assert sorted(each.token for each in course.downloads.deliver(number)) == sorted(_granted(course, number))


def _granted(shop: TestShop, number: str) -> list[str]:
    query = select(grant.c.token).join(line, line.c.id == grant.c.line_id).join(order, order.c.id == line.c.order_id)
    with Session(shop.engine) as session:
        return list(session.scalars(query.where(order.c.number == number)))


def test_time_runs_out(course: TestShop) -> None:
    """A file is there for its days and no longer; one without days stays."""
    book, video = course.downloads.deliver(course.buy("C1").order.number)
    course.clock.advance(days=31)
    with pytest.raises(Conflict, match="time to download"):
        course.downloads.fetch(book.token)
    assert "Vídeo" == course.downloads.fetch(video.token).name


def test_two_at_once(course: TestShop) -> None:
    """Six fetches at once of a file with two left: two get it."""
    token = course.downloads.deliver(course.buy("C1").order.number)[0].token
    results: list[str] = []

    def fetch() -> None:
        try:
            results.append(course.downloads.fetch(token).name)
        except Conflict:
            results.append("no")

    threads = [threading.Thread(target=fetch) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ["Apostila", "Apostila", "no", "no", "no", "no"] == sorted(results)


def test_withdrawn_files_stay_with_those_who_have_them(course: TestShop) -> None:
    """A detached file is not given to new buyers; old ones keep it."""
    token = course.downloads.deliver(course.buy("C1").order.number)[0].token
    course.downloads.detach(course.downloads.files("C1")[0].id)
    assert ["Vídeo"] == [each.name for each in course.downloads.deliver(course.buy("C1").order.number)]
    assert "Apostila" == course.downloads.fetch(token).name


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"name": ""}, "name"),
        ({"location": None}, "location"),
        ({"most_downloads": 0}, "most_downloads"),
        ({"days": "1"}, "days"),
        ({"sku": "A1"}, "sku"),
    ],
)
def test_wrong_arguments(sqlite_shop: TestShop, arguments: dict[str, Any], field: str) -> None:
    """Every wrong argument is named; goods that are sent have no files."""
    shop = sqlite_shop
    shop.product()
    shop.catalog.save(name="Curso", variants=[{"sku": "C1", "price": 1, "stock": 1, "digital": True}])
    given = {"sku": "C1", "name": "n", "location": "x"} | arguments
    with pytest.raises(ValidationError) as caught:
        shop.downloads.attach(given.pop("sku"), **given)
    assert [field] == [each.field for each in caught.value.errors]
    for call in (
        lambda: shop.downloads.attach("Z9", name="n", location="x"),
        lambda: shop.downloads.detach(999),
        lambda: shop.downloads.deliver("MC-0"),
        lambda: shop.downloads.fetch("guessed"),
    ):
        with pytest.raises(NotFound):
            call()
