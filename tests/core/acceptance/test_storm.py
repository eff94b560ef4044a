"""The acts of machine.py by many threads at once on PostgreSQL: whatever meets whatever, the books stay right."""

import os
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from core.acceptance.machine import TENDERS, TOLD, Machine, furnished
from core_shop import TestShop
from mestres_core.errors import RetryableError

ROUNDS, ACTS, THREADS = (20, 100, 8) if os.environ.get("MESTRES_STRESS") == "long" else (2, 40, 6)


class Storm(Machine):
    """One thread's buyers and clerks; all have the same shop."""

    def __init__(self, url: str, memory: Path, number: int) -> None:
        self._opened = lambda: furnished(url, memory=memory)
        super().__init__()
        self.seen = number * 1_000_000  # keys are the buyer's own
        self.random = random.Random(number)

    def opened(self) -> TestShop:
        return self._opened()

    def act(self) -> None:
        """Any of them; every other one is an order, for the rest to have something to act on."""
        number, one_of = self.random.randint, self.random.choice
        pick, sku, some = number(0, 4), one_of("ABC"), number(1, 3)
        some_money, where = one_of([None, number(1, 2500)]), one_of(["default", "loja"])
        acts: list[Callable[[], Any]] = [
            lambda: self.add(pick, sku, some),
            lambda: self.change(pick, number(0, 4)),
            lambda: self.coupon(pick, one_of(["DEZ", "NIVER"]), into=number(0, 2) > 0),
            lambda: self.log_in(pick, one_of(["merge", "sum", "use_guest", "use_existing"])),
            lambda: self.reserve(pick),
            self.ask_again,
            lambda: self.pay_the_rest(pick, one_of(["tok_ok", "tok_auth", "gift", "credit", "pix"])),
            lambda: self.webhook(pick, one_of([*TOLD, "captured", "captured"]), off=number(0, 9) == 0),
            lambda: self.refund(pick, some_money),
            lambda: self.capture(pick, some_money),
            lambda: self.end(pick, one_of(["cancel", "fulfill", "void"])),
            lambda: self.some_pieces(pick, some, one_of(["ship", "cancel_lines"])),
            lambda: self.send_back(pick, some, scrap=number(0, 2) == 0, end=one_of(["refund", "reject", "wait"])),
            lambda: self.edit(pick, sku, number(0, 3), one_of(["commit", "discard", "wait"])),
            lambda: self.stock(sku, number(5, 30), "receive", where),
            lambda: self.transfer(sku, some, back=number(0, 1) == 1),
            lambda: self.allow_backorders(sku, number(0, 3), where),
            lambda: self.account(number(1, 3000), one_of(["top_up", "debit", "grant", "take", "on"])),
            lambda: self.change_promotions(number(0, 4000), number(1, 40)),
            self.erase_the_buyer,
            lambda: self.reprice(sku, number(1, 4000)),
            lambda: self.time_passes(one_of([0, 1, 20, 31])),
        ]
        if number(0, 1) or not self.numbers:
            self.add_and_buy(pick, sku, some, one_of(TENDERS), halfway=number(0, 2) == 0)
        else:
            one_of(acts)()


@pytest.mark.stress
def test_the_books_stay_right(migrated_database: str, tmp_path: Path) -> None:
    """After each round the audit finds nothing, and nobody got an error that is not of this package's own.

    To be told that the database is busy is one of them, where a clerk meets many buyers; it is not what most are told.
    """
    furnished(migrated_database, new=True).close()
    storms = [Storm(migrated_database, tmp_path / "card", number) for number in range(THREADS)]

    busy = []

    def some_acts(storm: Storm) -> None:
        for _ in range(ACTS):
            try:
                storm.act()
            except RetryableError as error:
                busy.append(error)

    for _ in range(ROUNDS):
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(some_acts, storms))
        report = storms[0].shop.audit()
        assert report.clean, report.violations
    assert report.orders > ROUNDS * ACTS
    assert len(busy) <= ROUNDS * ACTS * THREADS // 100, busy
    for storm in storms:
        storm.shop.close()
