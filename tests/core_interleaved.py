"""One of two processes that write, roll back and read one shop at once: `python core_interleaved.py URL REDIS ...`.

Each product's price is a number that only grows. Beside the database there is a file of the numbers whose commit has
returned; whoever reads looks there first: what he reads then must not be less. A price that was rolled back is one that
nobody may ever see. Prints a line of JSON: what was done, and what was wrong.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import random
import struct
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from mestres_core import Commerce, Services
from mestres_core.catalog.dto import ProductDraft, VariantDraft
from mestres_core.contrib import perf

PRODUCTS = 4
ROLLED_BACK = 10**9
_WRITES = {"save": 4, "transaction": 2, "bulk": 2, "host": 2, "rollback": 4, "savepoint": 2, "host_rollback": 2}
_READS = {"number": 36, "slug": 20, "list": 14, "featured": 6, "search": 6}


class Numbers:
    """What was committed, for all processes; a product is written by one at a time."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("r+b")
        self._map = mmap.mmap(self._file.fileno(), 8 * PRODUCTS)

    def committed(self, which: int) -> int:
        return int(struct.unpack_from("<q", self._map, 8 * which)[0])

    def raise_(self, which: list[int], write: Callable[[dict[int, int]], None]) -> None:
        for each in which:
            fcntl.lockf(self._file, fcntl.LOCK_EX, 1, each)
        try:
            new = {each: self.committed(each) + 1 for each in which}
            write(new)
            for each, number in new.items():
                struct.pack_into("<q", self._map, 8 * each, number)
        finally:
            for each in which:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, each)


def _fields(which: int, price: int) -> dict[str, Any]:
    variants = [VariantDraft(sku=f"P{which}", price=price, stock=5)]
    return {"key": f"P{which}", "name": f"Café {which}", "slug": f"p{which}", "featured": True, "variants": variants}


def save(catalog: Any, which: int, price: int) -> None:
    """Save a product at a price."""
    fields = _fields(which, price)
    catalog.save_many([ProductDraft(**{**fields, "variants": tuple(fields["variants"])})])


class Undone(Exception):
    """Thrown to have a transaction rolled back."""


class Player:
    """Does what the dice say."""

    def __init__(self, shop: Commerce, cached: Any, numbers: Numbers, dice: random.Random) -> None:
        self.shop, self.cached, self.numbers, self.dice = shop, cached, numbers, dice
        self.ids = [shop.catalog.get(f"p{each}").card.id for each in range(PRODUCTS)]
        self.done: Counter[str] = Counter()
        self.wrong: list[str] = []

    def play(self, steps: int) -> None:
        acts = list((_WRITES | _READS).items())
        names, weights = [name for name, _ in acts], [weight for _, weight in acts]
        for _ in range(steps):
            act = self.dice.choices(names, weights)[0]
            self.done["write" if act in _WRITES else "read"] += 1
            which = self.dice.randrange(PRODUCTS)
            if act in _READS:
                self._read(act, which)
            elif "rollback" in act:
                self._undo(act, which)
            else:
                self._write(act, which)

    def _write(self, act: str, which: int) -> None:
        every = [which] if act != "bulk" else sorted(self.dice.sample(range(PRODUCTS), 2))

        def write(prices: dict[int, int]) -> None:
            if act in ("save", "bulk"):
                drafts = [_fields(each, price) for each, price in prices.items()]
                self.shop.catalog.save_many(
                    [ProductDraft(**{**each, "variants": tuple(each["variants"])}) for each in drafts]
                )
            elif act == "host":
                with Session(self.shop.engine) as session, session.begin():
                    save(self.shop.on(session).catalog, which, prices[which])
            elif act == "savepoint":
                with Session(self.shop.engine) as session, session.begin():
                    services = self.shop.on(session)
                    with session.begin_nested() as savepoint:
                        save(services.catalog, which, ROLLED_BACK)
                        savepoint.rollback()
                    save(services.catalog, which, prices[which])
            else:
                with self.shop.transaction() as tx:
                    save(tx.catalog, which, prices[which])
                    tx.catalog.get(self.ids[which])

        self.numbers.raise_(every, write)

    def _undo(self, act: str, which: int) -> None:
        with suppress(Undone):
            if act == "rollback":
                with self.shop.transaction() as tx:
                    self._give_up(tx, which)
            with Session(self.shop.engine) as session, session.begin():
                self._give_up(self.shop.on(session), which)

    def _give_up(self, services: Services, which: int) -> None:
        save(services.catalog, which, ROLLED_BACK)
        self._read("number", which)  # what the transaction has written is not seen outside of it
        raise Undone

    def _read(self, act: str, which: int) -> None:
        least = [self.numbers.committed(each) for each in range(PRODUCTS)]
        catalog, ids = self.cached.catalog, self.ids
        if act in ("number", "slug"):
            cards = [catalog.get(ids[which] if act == "number" else f"p{which}").card]
        elif act == "list":
            cards = list(catalog.list().items)
        elif act == "featured":
            cards = list(catalog.featured(limit=PRODUCTS))
        else:
            cards = list(self.cached.search.products("café").items)
        for card in cards:
            each = ids.index(card.id)
            if not least[each] <= card.price.amount < ROLLED_BACK:
                self.wrong.append(f"{act} {each}: {card.price.amount}, committed was {least[each]}")


def main(url: str, redis: str, path: str, *numbers: str) -> None:
    """Play: numbers are the seed, the steps, and whether the cache hears of commits (0: which must be found out)."""
    seed, steps, told = map(int, numbers)
    with Commerce.open(url) as shop, perf.open_cache(redis) as cache:
        cached = perf.with_cache(shop, cache)
        if not told:
            shop._listeners.clear()
        player = Player(shop, cached, Numbers(Path(path)), random.Random(seed))
        print("ready", flush=True)
        sys.stdin.readline()
        player.play(steps)
        stats = cache.stats()
        result = {"hits": stats.hits, "loads": stats.loads, "failures": stats.redis_failures, **player.done}
        print(json.dumps({**result, "wrong": player.wrong[:5], "wrongs": len(player.wrong)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
