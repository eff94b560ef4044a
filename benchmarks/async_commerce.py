"""What the async shop does in a second beside the plain one, on the same PostgreSQL: `make async`.

Both run the same services in one process: the plain shop in `--at-once` threads, the async one in as many tasks, by
psycopg and by asyncpg, on uvloop (as uvicorn has it; `--loop asyncio` for the other). By turns in short rounds, so
that whatever else the machine does hits all of them; the ratio is the median of the rounds' ratios. Then the same for
each second of this process's processor time, which other programs on the machine hardly touch. "Mixed" is ten
listings, eight details, two carts and an order in turn. Exit code 1 when asyncpg does less than nine tenths of the
plain shop there.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import statistics
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from mestres_core import AsyncCommerce, Commerce
from mestres_core.providers.fake import FakeCard
from servers.postgres import own_postgres

PRODUCTS = 200
LIMIT = 0.90
ADDRESS = {"name": "Ana", "street": "Rua A", "number": "1", "district": "Centro", "city": "São Paulo"}
ADDRESS |= {"state": "SP", "postal_code": "01310-100", "country": "BR"}
CUSTOMER = {"name": "Ana", "email": "ana@example.com"}
CARD = {"method": "card", "token": "tok_ok"}
_numbers = itertools.count()


class AwaitedCard:
    """A stand-in that answers at once, awaited as a real one would be."""

    name = "card"
    methods = ("card",)

    def __init__(self) -> None:
        self._card = FakeCard()

    async def charge(self, request: Any) -> Any:
        return self._card.charge(request)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._card, name)


def _sku() -> str:
    return f"CAFE-{next(_numbers) % PRODUCTS}"


def listing(shop: Commerce) -> None:
    shop.catalog.list(per_page=20, count=False)


def detail(shop: Commerce) -> None:
    shop.catalog.get(1 + next(_numbers) % PRODUCTS)


def add(shop: Commerce) -> None:
    shop.carts.add(shop.carts.create().id, sku=_sku())


def order(shop: Commerce) -> None:
    cart = shop.carts.create()
    shop.carts.add(cart.id, sku=_sku())
    quote = shop.checkout.quote(cart.id, address=ADDRESS)
    shop.checkout.place(cart.id, quote_hash=quote.hash, idempotency_key=cart.id, customer=CUSTOMER, payment=CARD)


async def alisting(shop: AsyncCommerce) -> None:
    await shop.catalog.list(per_page=20, count=False)


async def adetail(shop: AsyncCommerce) -> None:
    await shop.catalog.get(1 + next(_numbers) % PRODUCTS)


async def aadd(shop: AsyncCommerce) -> None:
    await shop.carts.add((await shop.carts.create()).id, sku=_sku())


async def aorder(shop: AsyncCommerce) -> None:
    cart = await shop.carts.create()
    await shop.carts.add(cart.id, sku=_sku())
    quote = await shop.checkout.quote(cart.id, address=ADDRESS)
    await shop.checkout.place(cart.id, quote_hash=quote.hash, idempotency_key=cart.id, customer=CUSTOMER, payment=CARD)


def mixed(shop: Commerce) -> None:
    MIX[next(_numbers) % len(MIX)][0](shop)


async def amixed(shop: AsyncCommerce) -> None:
    await MIX[next(_numbers) % len(MIX)][1](shop)


ACTS: dict[str, tuple[Callable[[Commerce], None], Callable[[AsyncCommerce], Awaitable[None]]]] = {
    "listing of 20": (listing, alisting),
    "detail": (detail, adetail),
    "cart and add": (add, aadd),
    "cart, quote, order": (order, aorder),
    "mixed": (mixed, amixed),
}
MIX = [*[ACTS["listing of 20"], ACTS["detail"]] * 8, *[ACTS["listing of 20"]] * 2, *[ACTS["cart and add"]] * 2]
MIX.append(ACTS["cart, quote, order"])


Rates = tuple[float, float]
"""How often in a second, and in a second of the processor."""


def by_threads(shop: Commerce, act: Callable[[Commerce], None], at_once: int, seconds: float) -> Rates:
    done = [0] * at_once
    start, used = time.perf_counter(), time.process_time()

    def work(number: int) -> None:
        while time.perf_counter() - start < seconds:
            act(shop)
            done[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(at_once)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return sum(done) / (time.perf_counter() - start), sum(done) / (time.process_time() - used)


async def by_tasks(
    shop: AsyncCommerce, act: Callable[[AsyncCommerce], Awaitable[None]], at_once: int, seconds: float
) -> Rates:
    done = 0
    start, used = time.perf_counter(), time.process_time()

    async def work() -> None:
        nonlocal done
        while time.perf_counter() - start < seconds:
            await act(shop)
            done += 1

    await asyncio.gather(*(work() for _ in range(at_once)))
    return done / (time.perf_counter() - start), done / (time.process_time() - used)


def measure(url: str, options: argparse.Namespace) -> dict[str, dict[str, list[Rates]]]:
    """The rate of each act by each way, round by round."""
    found: dict[str, dict[str, list[Rates]]] = {act: {} for act in ACTS}
    with (
        Commerce.open(url, providers=(FakeCard(),)) as shop,
        asyncio.Runner(loop_factory=loops(options.loop)) as runner,
    ):
        fill(shop)
        ways = {
            driver: runner.run(
                AsyncCommerce.open(make_url(url).set(drivername=f"postgresql+{driver}"), providers=(AwaitedCard(),))
            )
            for driver in ("psycopg", "asyncpg")
        }
        for number in range(options.rounds + 1):  # the first warms them all up
            for name, (act, awaited) in ACTS.items():
                rates = {"threads": by_threads(shop, act, options.at_once, options.seconds)}
                for driver, other in ways.items():
                    rates[driver] = runner.run(by_tasks(other, awaited, options.at_once, options.seconds))
                if number:
                    for way, rate in rates.items():
                        found[name].setdefault(way, []).append(rate)
        for other in ways.values():
            runner.run(other.close())
    return found


def loops(name: str) -> Callable[[], asyncio.AbstractEventLoop] | None:
    if name == "asyncio":
        return None
    import uvloop

    return uvloop.new_event_loop


def fill(shop: Commerce) -> None:
    """A small shop: what is compared does not depend on its size."""
    if shop.catalog.list(per_page=1).total:
        return
    for number in range(PRODUCTS):
        variant = {"sku": f"CAFE-{number}", "price": 1000 + number, "stock": 10_000_000, "weight_grams": 250}
        shop.catalog.save(name=f"Café {number}", category="Grãos", variants=[variant])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--loop", choices=("uvloop", "asyncio"), default="uvloop")
    parser.add_argument("--url", help="a PostgreSQL that is there; else one of its own")
    options = parser.parse_args()
    if options.url:
        found = measure(options.url, options)
    else:
        with own_postgres(durable=True) as url:
            found = measure(url, options)
    print(f"{options.at_once} at once, a second        threads   psycopg   asyncpg   ratios      by processor time")
    for name, rates in found.items():
        medians = "".join(f"{statistics.median(each[0] for each in rates[way]):10.0f}" for way in rates)
        (wall, cpu), (awall, acpu) = (ratios(rates[driver], rates["threads"]) for driver in ("psycopg", "asyncpg"))
        print(f"{name:22}{medians}   {wall:.2f} {awall:.2f}   {cpu:.2f} {acpu:.2f}")
    print(f"mixed, by asyncpg: {awall:.2f} of the plain shop; at least {LIMIT} is asked for")
    return 0 if awall >= LIMIT else 1


def ratios(ours: list[Rates], theirs: list[Rates]) -> Rates:
    """The medians of the rounds' ratios."""
    of = [[a[which] / b[which] for a, b in zip(ours, theirs, strict=True)] for which in (0, 1)]
    return statistics.median(of[0]), statistics.median(of[1])


if __name__ == "__main__":
    sys.exit(main())
