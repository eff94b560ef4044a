"""Buyers that run as processes of their own: a crowd that wants the same thing, and one that never stops buying."""

import json
import sys
import threading
from collections import Counter
from datetime import timedelta
from random import Random

from core_shop import ADDRESS, CUSTOMER
from mestres_core import Commerce, Times
from mestres_core.errors import CommerceError
from mestres_core.providers.fake import FakeCard, FakePix


def crowd(shop: Commerce, carts: list[tuple[str, str]], start: threading.Barrier) -> Counter[str]:
    """Every (cart id, quote hash) is bought at the same moment; counts the outcomes by name."""
    outcomes: Counter[str] = Counter()
    lock = threading.Lock()

    def buy(cart_id: str, quote_hash: str) -> None:
        start.wait()
        try:
            shop.checkout.place(
                cart_id,
                quote_hash=quote_hash,
                idempotency_key=cart_id,
                customer=CUSTOMER,
                payment={"method": "card", "token": "tok_ok"},
            )
            outcome = "ordered"
        except Exception as error:  # noqa: BLE001 - the test wants to see every kind of outcome
            outcome = type(error).__name__
        with lock:
            outcomes[outcome] += 1

    threads = [threading.Thread(target=buy, args=cart) for cart in carts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def wish(shop: Commerce, sku: str, quantity: int = 1) -> tuple[str, str]:
    """A cart with its quote."""
    cart = shop.carts.create()
    shop.carts.add(cart.id, sku=sku, quantity=quantity)
    return cart.id, shop.checkout.quote(cart.id, address=ADDRESS).hash


def _crowd_process(url: str) -> None:
    """Reads its carts from standard input, buys when a second line comes, prints the outcomes."""
    with Commerce.open(url) as shop:
        carts = [tuple(cart) for cart in json.loads(sys.stdin.readline())]
        print("ready", flush=True)
        sys.stdin.readline()
        print(json.dumps(crowd(shop, carts, threading.Barrier(len(carts)))), flush=True)


def _endless_process(url: str, memory: str, seed: str) -> None:
    """Buys until it is killed; says how often it has, once a purchase."""
    providers = (FakeCard(memory=memory), FakePix())
    random = Random(int(seed))
    with Commerce.open(url, providers=providers, times=Times(lease=timedelta(0))) as shop:
        done = 0
        while True:
            try:
                cart_id, quote_hash = wish(shop, random.choice(("A", "B")), random.randint(1, 3))
                method = random.choice(("card", "card", "pix"))
                token = random.choice(("tok_ok", "tok_ok", "tok_declined", "tok_down"))
                shop.checkout.place(
                    cart_id,
                    quote_hash=quote_hash,
                    idempotency_key=cart_id,
                    customer=CUSTOMER,
                    payment={"method": method, "token": token},
                )
            except CommerceError:
                pass
            done += 1
            print(done, flush=True)


if __name__ == "__main__":
    {"crowd": _crowd_process, "endless": _endless_process}[sys.argv[1]](*sys.argv[2:])
