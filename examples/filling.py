"""Fills a shop with the catalogue and with orders: the same ones each time, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from sqlalchemy import select
from tqdm import tqdm

from mestres_core import Commerce, Config, ProductDraft
from mestres_core.checkout.models import idempotency
from mestres_core.commerce import RandomIds
from mestres_core.providers.fake import signed_event

_CHUNK = 500
_FIRST_ORDER = datetime(2026, 1, 2, 12, tzinfo=UTC)
_SEASON = timedelta(days=90)
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_KEY = "demo-order-"
_MOST_LINES = 3
_PIX_SHARE = 0.4
_DELIVERY = 50

_PEOPLE = (
    ("Ana Souza", "ana.souza@example.com", "529.982.247-25"),
    ("Bruno Lima", "bruno.lima@example.com", "111.444.777-35"),
    ("Carla Nunes", "carla.nunes@example.com", "390.533.447-05"),
    ("Davi Rocha", "davi.rocha@example.com", "168.995.350-09"),
)
_PLACES = (
    ("Rua do Café", "10", "Centro", "Patrocínio", "MG", "38740-000"),
    ("Avenida Paulista", "1578", "Bela Vista", "São Paulo", "SP", "01310-200"),
    ("Rua da Praia", "25", "Centro Histórico", "Porto Alegre", "RS", "90010-000"),
    ("Rua do Sol", "300", "Santo Antônio", "Recife", "PE", "50010-470"),
)


def fill_catalogue(shop: Commerce, drafts: Sequence[ProductDraft]) -> int:
    """Save the products that are missing; returns how many there were to save."""
    known = shop.catalog.list(per_page=1).total or 0
    if known >= sum(draft.active for draft in drafts):
        return 0
    with tqdm(total=len(drafts), unit=" produtos", desc="catálogo", leave=False) as bar:
        for start in range(0, len(drafts), _CHUNK):
            chunk = drafts[start : start + _CHUNK]
            shop.catalog.save_many(chunk)
            bar.update(len(chunk))
    return len(drafts)


def fill_orders(shop: Commerce, skus: Sequence[str], count: int) -> int:
    """Place the orders that are missing up to `count`, of goods that arrive as needed; returns how many were placed."""
    missing = sorted(set(range(count)) - _placed(shop))
    if not skus:
        return 0
    for index in tqdm(missing, unit=" pedidos", desc="pedidos", leave=False, disable=not missing):
        _Buyer(shop, index, count).buy(skus)
    return len(missing)


def _placed(shop: Commerce) -> set[int]:
    query = select(idempotency.c.key).where(idempotency.c.key.startswith(_KEY, autoescape=True))
    with shop.engine.connect() as connection:
        return {int(key.removeprefix(_KEY)) for key in connection.execute(query).scalars()}


@dataclass(frozen=True, slots=True)
class _Then:
    """A clock that stands at the moment of one order."""

    moment: datetime

    def now(self) -> datetime:
        return self.moment


class _Ids(RandomIds):
    """Order numbers that come out the same each time. Tokens stay secret."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def order_number(self) -> str:
        return "MC-" + "".join(self._random.choices(_LETTERS, k=10))


class _Buyer:
    """The buyer of order `index`: who it is, what is bought and how it is paid follow from the index alone."""

    def __init__(self, shop: Commerce, index: int, count: int) -> None:
        self._random = Random(f"order {index}")  # noqa: S311 - the same on every run is what is wanted
        self._moment = _FIRST_ORDER + _SEASON * index / count
        self._secret = shop.config.webhook_secret or "demo"
        config = Config(clock=_Then(self._moment), ids=_Ids(self._random), webhook_secret=self._secret)
        self._shop = Commerce(shop.engine, config)
        self._key = f"{_KEY}{index}"

    def buy(self, skus: Sequence[str]) -> None:
        """Place the order and, when it goes by PIX, pay it."""
        cart = self._shop.carts.create()
        for sku, quantity in self._wishes(skus):
            if self._shop.inventory.level(sku).available < quantity:
                self._shop.inventory.receive(sku, quantity=_DELIVERY, reference=self._key)
            self._shop.carts.add(cart.id, sku=sku, quantity=quantity)
        name, email, document = self._random.choice(_PEOPLE)
        address = dict(
            zip(
                ("street", "number", "district", "city", "state", "postal_code"),
                self._random.choice(_PLACES),
                strict=True,
            )
        )
        quote = self._shop.checkout.quote(cart.id, address={"name": name, **address})
        pix = self._random.random() < _PIX_SHARE
        placed = self._shop.checkout.place(
            cart.id,
            quote_hash=quote.hash,
            idempotency_key=self._key,
            customer={"name": name, "email": email, "document": document},
            payment={"method": "pix"} if pix else {"method": "card", "token": "tok_ok"},
        )
        if pix:
            self._pay(placed.order.payments[0].id, quote.totals.grand.amount)

    def _wishes(self, skus: Sequence[str]) -> Iterator[tuple[str, int]]:
        for sku in self._random.sample(skus, k=min(len(skus), self._random.randint(1, _MOST_LINES))):
            yield sku, self._random.choice((1, 1, 1, 2))

    def _pay(self, payment: str, amount: int) -> None:
        body, headers = signed_event(key=payment, kind="captured", amount=amount, secret=self._secret, now=self._moment)
        self._shop.payments.receive("pix", body=body, headers=headers)
