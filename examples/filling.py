"""Fills a shop with a catalogue and with orders: the same ones each time, and nothing twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import islice

from sqlalchemy import Connection, select
from tqdm import tqdm

from mestres_core import Commerce, ProductDraft
from mestres_core.orders.models import order
from mestres_examples.generate import baskets
from mestres_examples.history import Chapter, goods_of, number_of

_CHUNK = 500
SEASON = timedelta(days=90)
_FACTS = 2000


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


def fill_orders(shop: Commerce, skus: Sequence[str], count: int, *, over: timedelta = SEASON) -> int:
    """Write the orders that are missing up to `count`, spread `over` the last ninety days or as many as it says.

    Returns how many there were to write.
    """
    with shop.engine.connect() as connection:
        placed, goods = _placed(connection), goods_of(connection, skus)
    now = shop.config.clock.now()
    missing = (basket for basket in baskets(count, skus) if number_of(basket) not in placed)
    written = 0
    with tqdm(total=max(0, count - len(placed)), unit=" pedidos", desc="pedidos", leave=False) as bar:
        while some := list(islice(missing, _CHUNK)):
            chapter = Chapter(goods, now)
            for basket in some:
                chapter.add(basket, now - over * (1 - basket.number / (count + 1)))
            with shop.transaction() as services:
                chapter.write(services.outbox.session.connection())
            written += len(some)
            bar.update(len(some))
    return written


def deliver(shop: Commerce) -> int:
    """Mark as delivered what the filling has announced: nobody has listened yet, so nobody need hear it later."""
    delivered = 0
    while done := shop.relay(limit=_FACTS):
        delivered += done
    return delivered


def _placed(connection: Connection) -> set[str]:
    # By their keys nobody can tell: those of long ago are forgotten.
    return set(connection.execute(select(order.c.number)).scalars())
