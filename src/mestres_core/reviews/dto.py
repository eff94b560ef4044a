"""What reviews give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewPolicy:
    """How reviews come to be shown.

    With `moderated` somebody of the shop approves each one first; with `verified_only` only who has bought a product
    may review it.
    """

    moderated: bool = True
    verified_only: bool = False


@dataclass(frozen=True, slots=True)
class Review:
    """What a customer thinks of a product: 1 to 5 stars and perhaps some words.

    `author` is the name as it is shown; `status` is pending, approved or rejected (then `reason` may say why);
    `verified`: the customer has bought the product.
    """

    id: int
    product_id: int
    customer_id: int
    rating: int
    title: str
    body: str
    author: str
    status: str
    verified: bool
    reason: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class RatingSummary:
    """The approved reviews of a product: how many, their average to two decimals (None of none), how many by stars."""

    count: int
    average: float | None
    stars: Mapping[int, int]
