"""What an order costs beside django-oscar and beside the same statements by hand in psycopg: `make commerce`.

One PostgreSQL that keeps its promises (fsync on), server and client on one processor (a round trip between two costs
four times as much and would hide what is compared), the three by turns in short rounds. A cart add is one request:
load, add, price, commit. Placing an order of three lines is one transaction as Oscar's checkout view runs it, to be
paid on delivery (Oscar's has no payment at all); by card it is begin, charge and apply, two commits, with a stand-in
for the provider that answers at once. Then sixteen clients (four processes of four threads) that pay by card, by turns
for this package and by hand. Exit code 1 when a ratio is above its limit.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from by_hand import ByHand, Recording
from oscar_shop import OscarShop
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.engine import URL
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from mestres_core import Commerce
from mestres_core.config import Config
from mestres_core.providers.fake import FakeCard
from mestres_core.providers.on_delivery import OnDelivery
from servers.postgres import own_postgres

PRODUCTS = 200
LINES = {"place": 3, "card": 3, "add": 2}
LIMITS = {
    "place / oscar": 1 / 8,
    "place / by hand": 2.5,
    "card / oscar": 1 / 8,
    "card / by hand": 2.5,
    "add / oscar": 1 / 10,
    "add / by hand": 3.0,
}
SHARE_OF_16 = 0.40
ADDRESS = {"name": "Ana", "street": "Rua A", "number": "1", "district": "Centro", "city": "São Paulo"}
ADDRESS |= {"state": "SP", "postal_code": "01310-100", "country": "BR"}
CUSTOMER = {"name": "Ana", "email": "ana@example.com"}
CARD = {"method": "card", "token": "tok_ok"}
ON_DELIVERY = {"method": "on_delivery"}


class Ours:
    """This package's own shop."""

    def __init__(self, url: URL, offset: int = 0, *, engine: Engine | None = None) -> None:
        self.shop = Commerce(engine or _engine(url), Config(providers=(FakeCard(), OnDelivery())))
        self._beside = _engine(url)
        self._next = itertools.count(offset)

    def skus(self, lines: int) -> list[str]:
        return [f"CAFE-{next(self._next) % PRODUCTS}" for _ in range(lines)]

    def basket(self, lines: int) -> str:
        cart = self.shop.carts.create()
        for sku in self.skus(lines):
            self.shop.carts.add(cart.id, sku=sku)
        return cart.id

    def add(self, cart: str) -> None:
        self.shop.carts.add(cart, sku=self.skus(1)[0])

    def quote(self, cart: str) -> tuple[str, str]:
        return cart, self.shop.checkout.quote(cart, address=ADDRESS).hash

    def place(self, quoted: tuple[str, str]) -> None:
        self.bought(*quoted, os.urandom(16).hex(), ON_DELIVERY)

    def card(self, quoted: tuple[str, str]) -> None:
        self.bought(*quoted, os.urandom(16).hex(), CARD)

    def bought(self, cart: str, quote: str, key: str, payment: dict[str, str]) -> Any:
        placed = self.shop.checkout.place(
            cart, quote_hash=quote, idempotency_key=key, customer=CUSTOMER, payment=payment
        )
        if placed.order.status != "placed":
            raise RuntimeError(f"the order is {placed.order.payment_status}")
        return placed.order

    def row_of(self, number: str) -> int:
        with self._beside.connect() as connection:  # no part of what is recorded
            return connection.execute(
                text("SELECT id FROM mc_order WHERE number = :number"), {"number": number}
            ).scalar()


def _engine(url: URL):
    from mestres_core.db.session import make_engine

    return make_engine(url)


class Hand:
    """The same statements by hand, for goods of its own; carts and quotes are made by the package, untimed."""

    def __init__(self, url: URL, offset: int = 0) -> None:
        # What is recorded has its parameters named.
        self._ours = Ours(url, offset, engine=create_engine(url, connect_args={"prepare_threshold": 2}))
        self._skus = self._ours.skus(3)
        self._hand = ByHand(url)
        self._recordings = {kind: self._recorded(kind) for kind in LINES}

    def basket(self, lines: int) -> str:
        cart = self._ours.shop.carts.create()
        for sku in self._skus[:lines]:
            self._ours.shop.carts.add(cart.id, sku=sku)
        return cart.id

    def quote(self, cart: str) -> tuple[str, str]:
        return self._ours.quote(cart)

    def add(self, cart: str) -> None:
        self._hand.play(self._recordings["add"], {"cart": cart})

    def place(self, quoted: tuple[str, str], kind: str = "place") -> None:
        cart, quote = quoted
        self._hand.play(self._recordings[kind], {"cart": cart, "quote": quote})

    def card(self, quoted: tuple[str, str]) -> None:
        self.place(quoted, "card")

    def statements(self, kind: str) -> int:
        return self._recordings[kind].statements

    def _recorded(self, kind: str) -> Recording:
        """One call of the package, after three others: its customer is known by then."""
        shop = self._ours.shop
        for _ in range(3):
            getattr(self._ours, kind)(prepared(self, kind))
        made = prepared(self, kind)
        if kind == "add":
            return Recording(shop.engine, lambda: self._added(str(made)))
        return Recording(shop.engine, lambda: self._placed(*made, CARD if kind == "card" else ON_DELIVERY))

    def _added(self, cart: str) -> tuple[dict[str, str], None]:
        self._ours.shop.carts.add(cart, sku=self._skus[2])
        return {"cart": cart}, None

    def _placed(self, cart: str, quote: str, payment: dict[str, str]) -> tuple[dict[str, str], int]:
        key = os.urandom(16).hex()
        order = self._ours.bought(cart, quote, key, payment)
        names = {"cart": cart, "quote": quote, "key": key, "number": order.number, "token": order.access_token}
        return names | {"payment": order.payments[0].id}, self._ours.row_of(order.number)


@contextmanager
def server() -> Iterator[URL]:
    """A PostgreSQL for the three shops, each in a database of its own; two of them have the same tables."""
    with own_postgres(durable=True) as url:
        admin = _engine(make_url(url)).execution_options(isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            for name in ("ours", "hand", "oscar"):
                connection.execute(text(f"CREATE DATABASE {name}"))
        admin.dispose()
        yield make_url(url)


def fill(url: URL) -> None:
    with Commerce.open(url) as shop:
        for number in range(PRODUCTS):
            sku = f"CAFE-{number}"
            shop.catalog.save(name=f"Café {number}", variants=[{"sku": sku, "price": 4590, "weight_grams": 250}])
            shop.inventory.receive(sku, quantity=1_000_000)


def prepared(shop: Any, kind: str) -> object:
    """A cart of so many lines, with its quote when it is to be placed."""
    basket = shop.basket(LINES[kind])
    return basket if kind == "add" else shop.quote(basket)


def timed(call: Callable[[object], None], made: object) -> float:
    begin = time.perf_counter()
    call(made)
    return time.perf_counter() - begin


def one_client(shops: dict[str, object], rounds: int) -> dict[str, dict[str, float]]:
    """Median seconds by operation and shop."""
    found: dict[str, dict[str, list[float]]] = {kind: {name: [] for name in shops} for kind in LINES}
    for _ in tqdm(range(rounds), desc="rounds", leave=False, file=sys.stderr):
        for name, shop in shops.items():
            for kind in LINES:
                baskets = [prepared(shop, kind) for _ in range(3)]
                call = getattr(shop, kind, None) or shop.place  # Oscar's has no payment
                found[kind][name] += [timed(call, basket) for basket in baskets]
    return {
        kind: {name: statistics.median(times) for name, times in by_shop.items()} for kind, by_shop in found.items()
    }


_everybody: Any = None
"""Where the processes of the clients meet before each round."""


def _meet_at(barrier: Any) -> None:
    global _everybody  # noqa: PLW0603 - the one way to hand a barrier to a pool's processes
    _everybody = barrier


def clients(kind: str, url: str, orders: int, offset: int) -> float:
    """Orders a second of four threads, until the first has placed so many, each after three that nobody counts."""
    made = {"ours": Ours, "hand": Hand}[kind]
    shared = Ours(make_url(url), offset) if kind == "ours" else None
    shops = [shared or made(make_url(url), offset + 50 * each) for each in range(4)]
    done = [0] * 4
    ready, over = threading.Barrier(4, action=_everybody.wait), threading.Event()

    def run(index: int) -> float:
        shop = shops[index]
        baskets = [prepared(shop, "card") for _ in range(orders + 3)]
        for basket in baskets[:3]:
            shop.card(basket)
        ready.wait()
        begin = time.perf_counter()
        for basket in baskets[3:]:
            shop.card(basket)
            if over.is_set():  # this one was not placed in time
                break
            done[index] += 1
        over.set()
        return time.perf_counter() - begin

    with ThreadPoolExecutor(4) as pool:
        took = min(pool.map(run, range(4)))
    return sum(done) / took


def sixteen(urls: dict[str, URL], rounds: int, orders: int) -> dict[str, float]:
    """Orders a second of sixteen clients, medians over rounds by turns."""
    found: dict[str, list[float]] = {name: [] for name in urls}
    context = get_context("spawn")
    meeting = (context.Barrier(4),)
    with ProcessPoolExecutor(4, mp_context=context, initializer=_meet_at, initargs=meeting) as pool:
        for _ in tqdm(range(rounds), desc="16 clients", leave=False, file=sys.stderr):
            for name, url in urls.items():
                address = url.render_as_string(hide_password=False)
                jobs = [pool.submit(clients, name, address, orders, 40 * each) for each in range(4)]
                found[name].append(sum(job.result() for job in jobs))
    return {name: statistics.median(rates) for name, rates in found.items()}


def pin(url: URL) -> None:
    """This process and the server (what it starts from now on too) on one processor."""
    processor = {max(os.sched_getaffinity(0))}
    pid = int((Path(str(url.query["host"])) / "data" / "postmaster.pid").read_text(encoding="utf-8").split()[0])
    for one in (0, pid):
        os.sched_setaffinity(one, processor)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=60, help="each has three of everything")
    parser.add_argument("--orders", type=int, default=30, help="of each of sixteen clients, in a round")
    parser.add_argument("--no-oscar", action="store_true", help="skip it: its tables take a while to be made")
    options = parser.parse_args()
    with server() as url:
        urls = {name: url.set(database=name) for name in ("ours", "hand", "oscar")}
        for name in ("ours", "hand"):
            fill(urls[name])
        everybody = os.sched_getaffinity(0)
        pin(url)
        shops: dict[str, object] = {"ours": Ours(urls["ours"]), "hand": Hand(urls["hand"])}
        if not options.no_oscar:
            shops["oscar"] = OscarShop(urls["oscar"], PRODUCTS)
        counts = {kind: shops["hand"].statements(kind) for kind in LINES}
        medians = one_client(shops, options.rounds)
        for one in (0, *_children(url)):
            os.sched_setaffinity(one, everybody)
        rates = sixteen({name: urls[name] for name in ("ours", "hand")}, max(3, options.rounds // 12), options.orders)
    return report(counts, medians, rates)


def _children(url: URL) -> list[int]:
    pid = int((Path(str(url.query["host"])) / "data" / "postmaster.pid").read_text(encoding="utf-8").split()[0])
    tasks = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(int(task) for task in tasks)]


def report(counts: dict[str, tuple[int, int]], medians: dict[str, dict[str, float]], rates: dict[str, float]) -> int:
    fine = True
    for kind, by_shop in medians.items():
        print(f"{kind}: {', '.join(f'{name} {1000 * median:.2f} ms' for name, median in by_shop.items())}")
        print(f"  {counts[kind]} statements")
        for other, label in (("oscar", "oscar"), ("hand", "by hand")):
            if other in by_shop:
                ratio, limit = by_shop["ours"] / by_shop[other], LIMITS[f"{kind} / {label}"]
                fine &= ratio <= limit
                print(f"  {ratio:.3f} of {label} (limit {limit:.3f}) {'ok' if ratio <= limit else 'MISSED'}")
    share = rates["ours"] / rates["hand"]
    fine &= share >= SHARE_OF_16
    print(f"16 clients: {rates['ours']:.0f} orders/s ours, {rates['hand']:.0f} by hand")
    print(f"  {share:.2f} of by hand (at least {SHARE_OF_16:.2f}) {'ok' if share >= SHARE_OF_16 else 'MISSED'}")
    return 0 if fine else 1


if __name__ == "__main__":
    raise SystemExit(main())
