"""Fills a shop with a catalogue and with orders: the same ones each time, and nothing twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from sqlalchemy import select
from tqdm import tqdm

from mestres_core import Commerce, Config, ProductDraft
from mestres_core.checkout.models import idempotency
from mestres_core.commerce import RandomIds
from mestres_core.errors import PaymentDeclined
from mestres_core.providers.fake import signed_event
from mestres_examples.generate import Basket, baskets

_CHUNK = 500
_FIRST_ORDER = datetime(2026, 1, 2, 12, tzinfo=UTC)
_SEASON = timedelta(days=90)
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_KEY = "demo-order-"
_DELIVERY = 50
_PIX_OF_FIVE = 2


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
    placed = _placed(shop)
    missing = [basket for basket in baskets(count, skus) if basket.number not in placed]
    for basket in tqdm(missing, unit=" pedidos", desc="pedidos", leave=False, disable=not missing):
        _Purchase(shop, basket, _FIRST_ORDER + _SEASON * basket.number / count).make()
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


class _Purchase:
    """One basket, bought at its moment."""

    def __init__(self, shop: Commerce, basket: Basket, moment: datetime) -> None:
        ids = _Ids(Random(f"order {basket.number}"))  # noqa: S311 - the same on every run is what is wanted
        self._secret = shop.config.webhook_secret or "demo"
        self._shop = Commerce(shop.engine, Config(clock=_Then(moment), ids=ids, webhook_secret=self._secret))
        self._basket = basket
        self._moment = moment
        self._key = f"{_KEY}{basket.number}"

    def make(self) -> None:
        """Place the order and, when it goes by PIX, pay it."""
        shop, basket = self._shop, self._basket
        cart = shop.carts.create()
        for line in basket.lines:
            if shop.inventory.level(line.sku).available < line.quantity:
                shop.inventory.receive(line.sku, quantity=_DELIVERY, reference=self._key)
            shop.carts.add(cart.id, sku=line.sku, quantity=line.quantity)
        quote = shop.checkout.quote(cart.id, address={"name": basket.name, **asdict(basket.address)})
        pix = basket.payment_token == "tok_ok" and basket.number % 5 < _PIX_OF_FIVE  # noqa: S105 - a name, no secret
        try:
            placed = shop.checkout.place(
                cart.id,
                quote_hash=quote.hash,
                idempotency_key=self._key,
                customer={"name": basket.name, "email": basket.email, "document": basket.document},
                payment={"method": "pix"} if pix else {"method": "card", "token": basket.payment_token},
            )
        except PaymentDeclined:
            return  # some cards are, and the shop remembers it
        if pix:
            self._pay(placed.order.payments[0].id, quote.totals.grand.amount)

    def _pay(self, payment: str, amount: int) -> None:
        body, headers = signed_event(key=payment, kind="captured", amount=amount, secret=self._secret, now=self._moment)
        self._shop.payments.receive("pix", body=body, headers=headers)
