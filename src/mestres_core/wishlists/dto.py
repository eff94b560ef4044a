"""What wish lists give."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mestres_core.rules.money import Money


@dataclass(frozen=True, slots=True)
class WishlistItem:
    """A wish with today's price and the pieces that can be bought now.

    `price` is None where the variant has none in the currency that was asked for; `active` is False for what the shop
    does not show any more.
    """

    sku: str
    product_id: int
    slug: str
    name: str
    price: Money | None
    available: int
    active: bool
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Wishlist:
    """A list by its name. `share_token` opens it to whoever has it; None: nobody else reads it."""

    id: int
    customer_id: int
    name: str
    share_token: str | None
    items: tuple[WishlistItem, ...]
