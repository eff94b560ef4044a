"""What becomes of facts that cannot be delivered."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from core_shop import TestShop
from mestres_core.errors import NotFound, ValidationError
from mestres_core.events.facts import Fact
from mestres_core.events.models import outbox
from mestres_core.events.relay import RelayPolicy
from mestres_core.rules.backoff import by_schedule, doubling

_SECOND = timedelta(seconds=1)


class Ears:
    """A subscriber that refuses the facts of some aggregates, and remembers the others."""

    def __init__(self, *refused: str) -> None:
        self.refused = set(refused)
        self.asked: list[str] = []
        self.heard: list[str] = []

    def __call__(self, fact: Fact) -> None:
        name = f"{fact.aggregate} {fact.aggregate_id} {fact.fact_id}"
        self.asked.append(name)
        if fact.aggregate in self.refused:
            raise ConnectionError("nobody there")
        self.heard.append(name)


@pytest.fixture
def sold(open_shop: Callable[..., TestShop]) -> Iterator[TestShop]:
    """A shop that gives up after three attempts; a cart changed twice and a product once are waiting in its outbox.

    Whatever a test does with them, the audit's rules of the outbox hold afterwards.
    """
    shop = open_shop(relay=RelayPolicy(max_attempts=3, first_wait=10 * _SECOND))
    shop.product()
    cart = shop.cart(("A1", 1))
    shop.carts.add(cart, sku="A1")
    yield shop
    assert shop.audit().clean


def _relay_all(shop: TestShop) -> int:
    done = 0
    while more := shop.relay():
        done += more
    return done


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 5), (2, 10), (3, 20), (4, 40), (9, 1280), (10, 2560), (11, 3600), (10**6, 3600)]
)
def test_waits_double(attempts: int, seconds: int) -> None:
    """Each wait is twice the one before, up to the longest, however many there were."""
    assert doubling(attempts, first=5 * _SECOND, longest=timedelta(hours=1)) == seconds * _SECOND


def test_a_schedule_ends() -> None:
    """After the last wait of a schedule there is none."""
    schedule = (_SECOND, 5 * _SECOND)
    assert [by_schedule(attempt, schedule) for attempt in (1, 2, 3)] == [_SECOND, 5 * _SECOND, None]


@pytest.mark.parametrize("wrong", [{"max_attempts": 0}, {"max_attempts": 1.5}, {"claim": timedelta(0)}])
def test_a_policy_that_makes_no_sense(wrong: dict[str, Any]) -> None:
    """It is refused when it is made, not when it is needed."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        RelayPolicy(**wrong)


def test_a_failed_fact_waits_longer_each_time(sold: TestShop) -> None:
    """Only the failing aggregate waits: 10 seconds, then 20; the others have been delivered meanwhile."""
    ears = Ears("cart")
    sold.subscribe(ears)
    asked = []
    for _ in range(4):
        _relay_all(sold)
        asked.append(sum(name.startswith("cart") for name in ears.asked))
        sold.clock.advance(seconds=10)
    assert asked == [1, 2, 2, 3]
    assert [name.split()[0] for name in ears.heard] == ["product"]


def test_after_the_last_attempt_it_is_a_dead_letter(sold: TestShop) -> None:
    """It is listed with its error; its aggregate waits behind it, other aggregates do not."""
    ears = Ears("cart")
    sold.subscribe(ears)
    for _ in range(5):
        _relay_all(sold)
        sold.clock.advance(hours=2)
    sold.product("B1")
    assert _relay_all(sold) == 1

    (letter,) = sold.events.dead_letters()
    assert (letter.type, letter.attempts, letter.error) == ("CartChanged", 3, "ConnectionError: nobody there")
    status = sold.events.status()
    assert (status.waiting, status.retrying, status.dead) == (1, 0, 1)
    assert status.oldest == letter.created_at
    assert sum(name.startswith("cart") for name in ears.asked) == 3


@pytest.mark.parametrize("end", ["retry", "retry_all", "discard"])
def test_what_becomes_of_a_dead_letter(sold: TestShop, end: str) -> None:
    """Retried it is delivered, discarded it is not; either way what it held back follows, in order."""
    ears = Ears("cart")
    sold.subscribe(ears)
    for _ in range(3):
        _relay_all(sold)
        sold.clock.advance(hours=2)
    (letter,) = sold.events.dead_letters()
    ears.refused.clear()
    ears.heard.clear()

    getattr(sold.events, end)(*(() if end == "retry_all" else (letter.fact_id,)))
    _relay_all(sold)

    numbers = [int(name.split()[2]) for name in ears.heard]
    assert numbers == ([letter.fact_id] if end != "discard" else []) + [letter.fact_id + 1]
    assert (sold.events.dead_letters(), sold.events.status().waiting) == ((), 0)
    with pytest.raises(NotFound):
        sold.events.retry(letter.fact_id)


@pytest.mark.parametrize(
    ("method", "arguments", "field"),
    [
        ("retry", {"fact_id": 0}, "fact_id"),
        ("discard", {"fact_id": "1"}, "fact_id"),
        ("dead_letters", {"limit": 0}, "limit"),
        ("dead_letters", {"after": -1}, "after"),
        ("dead_letters", {"limit": 1001}, "limit"),
        ("cleanup", {"limit": True}, "limit"),
    ],
)
def test_wrong_arguments(sqlite_shop: TestShop, method: str, arguments: dict[str, Any], field: str) -> None:
    """Each is refused by name."""
    with pytest.raises(ValidationError) as refused:
        getattr(sqlite_shop.events, method)(**arguments)
    assert [error.field for error in refused.value.errors] == [field]


def test_delivered_facts_are_cleaned_away(sold: TestShop) -> None:
    """Thirty days after it was delivered a fact goes; what waits, and dead letters, stay however old."""
    sold.subscribe(Ears("cart"))
    for _ in range(3):
        _relay_all(sold)
        sold.clock.advance(hours=2)
    assert sold.events.cleanup() == 0
    sold.clock.advance(days=31)
    assert sold.events.cleanup() == 1
    assert sold.outbox() == ["CartChanged", "CartChanged"]


def test_a_worker_that_was_too_slow_delivers_no_more(sold: TestShop) -> None:
    """When its claim has run out in the middle, the rest is another worker's: the slow one lets go of it."""
    got: list[tuple[str, str]] = []

    def slow(fact: Fact) -> None:
        got.append(("slow", fact.type))
        sold.clock.advance(seconds=61)

    sold.subscribe(slow)
    assert sold.relay() == 1
    assert len(got) == 1


def test_a_host_that_rolls_back_keeps_its_dead_letters(sold: TestShop) -> None:
    """Inside a transaction a discard is part of it, and undone with it."""
    sold.subscribe(Ears("cart"))
    for _ in range(3):
        _relay_all(sold)
        sold.clock.advance(hours=2)
    (letter,) = sold.events.dead_letters()
    with pytest.raises(ZeroDivisionError), sold.transaction() as tx:
        tx.events.discard(letter.fact_id)
        raise ZeroDivisionError
    assert sold.events.dead_letters() == (letter,)


_KILLER = """
import os, sys
from datetime import timedelta
from mestres_core import Commerce
from mestres_core.events.relay import RelayPolicy
from mestres_core.testing.clock import FakeClock

def deliver(fact):
    if fact.aggregate == "cart":
        os.kill(os.getpid(), 9)

policy = RelayPolicy(max_attempts=2, claim=timedelta(seconds=60))
clock = FakeClock()
clock.advance(hours=int(sys.argv[2]))
with Commerce.open(sys.argv[1], relay=policy, clock=clock) as shop:
    shop.subscribe(deliver)
    while shop.relay():
        pass
"""


@pytest.mark.process
@pytest.mark.scenario("C13")
def test_a_fact_that_kills_its_workers(sqlite_shop: TestShop) -> None:
    """It is a dead letter in the end, and its neighbours, which the dead worker held too, are delivered."""
    sqlite_shop.product()
    sqlite_shop.cart(("A1", 1))
    sqlite_shop.product("B1")
    codes = []
    for hour in (1, 2, 3):
        command = [sys.executable, "-c", _KILLER, str(sqlite_shop.engine.url), str(hour)]
        codes.append(subprocess.run(command, check=False).returncode)
    assert codes == [-9, -9, 0]
    (letter,) = sqlite_shop.events.dead_letters()
    assert (letter.type, letter.attempts) == ("CartChanged", 2)
    assert sqlite_shop.events.status().waiting == 0


_MANY = """
import sys, time
from mestres_core import Commerce

with Commerce.open(sys.argv[1]) as shop, open(sys.argv[2], "a", buffering=1) as told:
    shop.subscribe(lambda fact: told.write(f"{fact.fact_id} {fact.aggregate_id} {fact.payload()['low_at']}\\n"))
    print("ready", flush=True)
    sys.stdin.readline()
    while shop.events.status().waiting:
        if not shop.relay(limit=int(sys.argv[3])):
            time.sleep(0.05)  # the others hold something of every aggregate
"""


@pytest.mark.process
@pytest.mark.scenario("C13")
def test_ten_thousand_facts_by_three_processes(open_shop: Callable[..., TestShop], tmp_path: Path) -> None:
    """10,000 facts of 50 aggregates by three workers: each aggregate's in order, none lost, none delivered twice.

    The order is that of one log which all three append to, line by line. On SQLite, where workers take turns, the short
    form has a tenth of them.
    """
    shop = open_shop()
    long = shop.engine.dialect.name == "postgresql" or os.environ.get("MESTRES_STRESS") == "long"
    count = 10_000 if long else 1_000
    rows = [
        {
            "aggregate": "stock",
            "aggregate_id": f"S{number % 50}",
            "type": "StockLow",
            "payload": {"sku": f"S{number % 50}", "variant_id": 1, "available": 0, "low_at": number // 50},
            "created_at": shop.clock.now(),
        }
        for number in range(count)
    ]
    with shop.engine.begin() as connection:
        connection.execute(insert(outbox), rows)
    told = tmp_path / "told"
    url = shop.engine.url.render_as_string(hide_password=False)
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", _MANY, url, str(told), "500"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    threads = [threading.Thread(target=worker.communicate, args=("go\n",)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [worker.returncode for worker in workers] == [0, 0, 0]

    lines = [line.split() for line in told.read_text(encoding="utf-8").splitlines()]
    assert len({number for number, _, _ in lines}) == len(lines) == count
    of_each: dict[str, list[int]] = {}
    for _, aggregate, position in lines:
        of_each.setdefault(aggregate, []).append(int(position))
    assert {name: positions == list(range(count // 50)) for name, positions in of_each.items()} == dict.fromkeys(
        of_each, True
    )
