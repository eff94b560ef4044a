"""What a visitor of the shop does, step by step: each step is recorded under the name of the target that it is for."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from mestres_perf.errors import UnusableTarget
from mestres_perf.load._client import Answer, Client, products
from mestres_perf.metrics.slo import MESTRES_CAFE_SLA, Slo

CART_EVERY = 10
"""One visit of so many fills a cart."""
BUY_EVERY = 50
"""And one of so many buys, which is usual in shops."""

_FEATURES = MESTRES_CAFE_SLA.features
_PAGES = 5
_LONG = 5
_WORDS = 20
_SMALLEST = 10
_SIZES = 41  # a prime: sizes and words come together in ever new pairs
_IN_CART = 2
_MORE = "more"  # needed on the way, without a target of its own
_ADDRESS = {
    "name": "Ana Souza",
    "street": "Rua do Café",
    "number": "10",
    "district": "Centro",
    "city": "Patrocínio",
    "state": "MG",
    "postal_code": "38740-000",
    "country": "BR",
}
_CUSTOMER = {"name": "Ana Souza", "email": "ana@example.com", "document": "529.982.247-25"}


class Record:
    """Every answer, by the name of what it was measured for. Threads may add at once."""

    def __init__(self) -> None:
        self._answers: defaultdict[str, list[Answer]] = defaultdict(list)

    def add(self, slo: Slo | None, answer: Answer) -> Answer:
        """Keep one answer; `slo` is None for a step without a target of its own."""
        self._answers[_MORE if slo is None else slo.name].append(answer)
        return answer

    def of(self, slo: Slo) -> list[Answer]:
        """The answers for one target."""
        return self._answers.get(slo.name, [])

    def all(self) -> list[Answer]:
        """All answers."""
        return [answer for answers in self._answers.values() for answer in answers]


@dataclass(frozen=True, slots=True)
class Plan:
    """With what to ask: ids of products, words of their names, and pieces that may be bought (one SKU each)."""

    pages: int
    ids: Sequence[Any]
    words: Sequence[str]
    pieces: Sequence[str]

    def reads(self, number: int) -> Iterator[tuple[Slo, str]]:
        """The addresses that visit `number` reads, with their targets.

        Pages and products repeat, as they do in a shop. Searches hardly ever do: their times are those of searching.
        """
        listing, detail, search = _FEATURES.product_listing, _FEATURES.product_detail, _FEATURES.search
        word, size = self.words[number % len(self.words)], _SMALLEST + number % _SIZES
        wanted, meant = (f"/api/v1/products?per_page={size}&search={quote(text)}" for text in (word, misspelt(word)))
        yield listing.response_time, self._page(number % self.pages)
        yield detail.response_time, f"/api/v1/products/{self.ids[number % len(self.ids)]}"
        yield search.simple_search, wanted
        yield search.filtered_search, f"{wanted}&in_stock=true&min_price=1&sort=price"
        yield search.autocomplete, f"/api/v1/search/suggest?q={quote(word[: 2 + number % 3])}"
        yield search.fuzzy_search, meant

    def in_use(self) -> list[str]:
        """The pages and products that visits read again and again, each once."""
        return [*map(self._page, range(self.pages)), *(f"/api/v1/products/{one}" for one in self.ids)]

    @staticmethod
    def _page(index: int) -> str:
        return f"/api/v1/products?page={1 + index}&per_page=20"


def misspelt(word: str) -> str:
    """The word with two different letters, in its middle or after it, the wrong way round."""
    half = len(word) // 2
    middle = next((place for place in range(half, len(word)) if word[place] != word[place - 1]), half)
    return word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :]


def plan(client: Client, *, purchases: int) -> Plan:
    """Look around in the shop. Raises UnusableTarget when there is too little in stock to buy `purchases` pieces."""
    found = products(client)
    long = (part for one in found for part in str(one["name"]).split() if part.isalpha() and len(part) >= _LONG)
    words = list(dict.fromkeys(word.lower() for word in long))[:_WORDS] or ["café"]
    full = [page for page in range(1, _PAGES + 1) if client.get(f"/api/v1/products?page={page}").data("products")]
    ids = [one["id"] for one in found]
    pieces = _pieces(client, ids, purchases) if purchases else []
    return Plan(len(full), ids, words, pieces)


def _pieces(client: Client, ids: Sequence[Any], purchases: int) -> list[str]:
    stock = {
        variant["sku"]: int(variant["available"])
        for one in ids
        for variant in client.get(f"/api/v1/products/{one}").data("product", "variants")
    }
    # In turn, so that no single product bears all the purchases. A cart must be able to hold two at any time.
    turns = ((turn, sku) for sku, left in stock.items() for turn in range(min(purchases, left - _IN_CART)))
    pieces = [sku for _, sku in sorted(turns)]
    if len(pieces) < purchases:
        raise UnusableTarget(
            f"{purchases} pieces would be bought and {len(pieces)} can be: ask for fewer, or only read"
        )
    return pieces


def visit(client: Client, number: int, plan: Plan, record: Record) -> None:
    """One visit: everybody reads, some fill a cart, a few buy. A step that fails ends what builds upon it."""
    for slo, path in plan.reads(number):
        record.add(slo, client.get(path))
    if not plan.pieces or number % CART_EVERY:
        return
    sku = plan.pieces[number // BUY_EVERY % len(plan.pieces)]
    cart = _fill(client, sku, record)
    if cart is not None and number % BUY_EVERY == 0:
        _buy(client, cart, sku, record)


def _fill(client: Client, sku: str, record: Record) -> str | None:
    """Put something in a new cart, change it, take it out; the path of the cart."""
    targets = _FEATURES.cart_operations
    created = record.add(None, client.send("POST", "/api/v1/carts", {}))
    if created.failed:
        return None
    cart = f"/api/v1/carts/{created.data('cart', 'id')}"
    added = record.add(targets.add_item, _add(client, cart, sku))
    if added.failed:
        return None
    line = f"{cart}/lines/{added.data('cart', 'lines', 0, 'id')}"
    record.add(targets.update_quantity, client.send("PATCH", line, {"quantity": _IN_CART}))
    removed = record.add(targets.remove_item, client.send("DELETE", line))
    return None if removed.failed else cart


def _add(client: Client, cart: str, sku: str) -> Answer:
    return client.send("POST", f"{cart}/lines", {"sku": sku, "quantity": 1})


def _buy(client: Client, cart: str, sku: str, record: Record) -> None:
    targets = _FEATURES.checkout_process
    if record.add(_FEATURES.cart_operations.add_item, _add(client, cart, sku)).failed:
        return
    quoted = record.add(targets.cart_to_checkout, client.send("POST", f"{cart}/quote", {"address": _ADDRESS}))
    if quoted.failed:
        return
    body = {
        "quote_hash": quoted.data("quote", "hash"),
        "customer": _CUSTOMER,
        "payment": {"method": "card", "token": "tok_ok"},
    }
    key = {"Idempotency-Key": uuid.uuid4().hex}
    placed = record.add(targets.payment_processing, client.send("POST", f"{cart}/checkout", body, key))
    if placed.failed:
        return
    order = placed.data("order")
    address = f"/api/v1/orders/{order['number']}"
    record.add(targets.order_confirmation, client.get(address, Authorization=f"Bearer {order['access_token']}"))
