"""What was searched for, and what is suggested of it."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from core_shop import TestShop
from mestres_core.errors import ValidationError
from mestres_core.search.models import asked
from mestres_core.search.querylog import QueryLog, normal


def _rows(shop: TestShop, **how: object) -> list[tuple[str, int, int]]:
    return [(row.query, row.asked, row.unanswered) for row in shop.search.asked(**how)]


def _wait_for_the_log() -> None:
    for thread in threading.enumerate():
        if thread.name == "mestres-search-log":
            thread.join()


def test_every_search_is_counted(shop: TestShop) -> None:
    """Once a search, not once a page, under its folded words; the report says which were in vain."""
    shop.product("A", name="Café Caramelo")
    for query in ("Café", "CAFÉ ", "cafe", "xilofone", "caramleo"):
        shop.search.products(query)
    shop.search.products("café", page=2)
    assert _rows(shop) == [("cafe", 3, 0), ("caramleo", 1, 1), ("xilofone", 1, 1)]
    assert [row.query for row in shop.search.without_results()] == ["caramleo", "xilofone"]
    assert _rows(shop, limit=1) == [("cafe", 3, 0)]
    row = shop.search.asked()[0]
    assert (row.text, row.results) == ("cafe", 1)


def test_the_log_is_written_when_it_is_time(shop: TestShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search writes nothing; the first one after a while, or a worker, writes what has gathered."""

    def written() -> int:
        _wait_for_the_log()
        return len(shop.read(lambda s: s.outbox.session.execute(select(asked.c.query)).all()))

    shop.search.products("café")
    assert written() == 0
    monkeypatch.setattr("mestres_core.search.querylog._DUE_SECONDS", 0.0)
    shop.search.products("moedor")
    assert written() == 2
    monkeypatch.undo()
    shop.search.products("caneca")
    assert shop.search.flush() == 1
    assert (written(), shop.search.flush()) == (3, 0)


def test_closing_a_shop_writes_its_log(open_shop: Callable[..., TestShop]) -> None:
    """What a process has counted is not lost with it."""
    first, second = open_shop(), open_shop()
    first.search.products("moedor")
    first.close()
    assert _rows(second) == [("moedor", 1, 1)]


def test_what_is_personal_is_not_kept(shop: TestShop) -> None:
    """E-mail addresses and numbers of documents and telephones are left out, and so is what has no words."""
    for query in ("ana@exemplo.com", "123.456.789-09", "11 98765-4321", "☕", "", "\0"):
        shop.search.products(query)
    assert _rows(shop) == []


def test_the_log_of_a_busy_shop_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody writes it, it stops growing."""
    monkeypatch.setattr("mestres_core.search.querylog._MOST_KEPT", 3)
    log = QueryLog()
    for number in range(9):
        log.note(f"café {number}", 1)
    assert len(log.take()) == 3


def test_what_could_not_be_written_is_written_later(shop: TestShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ill database loses no count, and makes no search look failed."""
    monkeypatch.setattr("mestres_core.search.querylog._DUE_SECONDS", 0.0)

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as ill:
        ill.setattr("mestres_core.search.querylog.write", fail)
        shop.search.products("café")
        _wait_for_the_log()
        shop.search.products("café")
        _wait_for_the_log()
    assert _rows(shop) == [("cafe", 2, 2)]


def test_threads_count_together(shop: TestShop) -> None:
    """None of their searches is lost between them."""
    log = QueryLog()
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        for number in range(200):
            log.note(f"q{number % 7}", number % 2)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sum(count.asked for count in log.take().values()) == 800
    assert not log.due(at_once=True)


def test_past_queries_are_suggested_by_how_often_they_were_asked(shop: TestShop) -> None:
    """As they were typed, when they found something and were asked twice at least."""
    shop.product("A", name="Zebu")
    for query, times, results in (
        ("Café Cerrado", 2, 5),
        ("café caramelo", 3, 9),
        ("cafe em vão", 9, 0),
        ("café de um só", 1, 5),
        ("moedor", 9, 9),
    ):
        for _ in range(times):
            shop.search.log(query, results=results)
    shop.search.flush()
    found = shop.search.suggest("CAF")
    assert [(each.kind, each.text, each.id) for each in found] == [
        ("query", "café caramelo", None),
        ("query", "Café Cerrado", None),
    ]
    assert [each.text for each in shop.search.suggest("café ce")] == ["Café Cerrado"]


def test_what_is_sold_most_is_suggested_first(shop: TestShop) -> None:
    """After what the shop puts forward, before what only begins so; categories likewise."""
    for sku, name, category in (
        ("A", "Moka azul", "Mokas um"),
        ("B", "Moka branca", "Mokas dois"),
        ("C", "Bule moka", "Mokas três"),
    ):
        shop.product(sku, name=name, category=category, stock=50)
    shop.product("F", name="Zinco moka", featured=True)
    texts = [each.text for each in shop.search.suggest("moka")]
    assert texts == ["Mokas um", "Mokas dois", "Mokas três", "Zinco moka", "Moka azul", "Moka branca", "Bule moka"]
    shop.place(shop.cart(("C", 3)))
    shop.place(shop.cart(("B", 1)))
    assert shop.search.count_sales() == 2
    texts = [each.text for each in shop.search.suggest("moka")]
    assert texts == ["Mokas três", "Mokas dois", "Mokas um", "Zinco moka", "Bule moka", "Moka branca", "Moka azul"]
    shop.clock.advance(days=91)
    assert shop.search.count_sales() == 0


def test_old_queries_are_forgotten(shop: TestShop) -> None:
    """What nobody asks any more is dropped; since says what was asked lately."""
    shop.search.log("café", results=1)
    shop.search.flush()
    shop.clock.advance(days=10)
    shop.search.log("moedor", results=1)
    since = shop.clock.now() - timedelta(days=1)
    assert _rows(shop, since=since) == [("moedor", 1, 0)]
    assert shop.search.forget(older_than=timedelta(days=5)) == 1
    assert _rows(shop) == [("moedor", 1, 0)]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda search: search.asked(limit=0),
        lambda search: search.without_results(limit=1001),
        lambda search: search.asked(since="ontem"),
        lambda search: search.log("café", results=-1),
        lambda search: search.log(None, results=1),
        lambda search: search.count_sales(days=0),
        lambda search: search.suggest("a", limit=51),
        lambda search: search.spellings("a", limit=0),
    ],
)
def test_a_wrong_argument_is_refused(sqlite_shop: TestShop, wrong: object) -> None:
    """Before anything is done."""
    with pytest.raises(ValidationError):
        wrong(sqlite_shop.search)


def test_a_query_has_one_name() -> None:
    """However it is written."""
    assert normal("  Café,  1 KG! ") == normal("cafe 1000g") == "cafe 1000g"
