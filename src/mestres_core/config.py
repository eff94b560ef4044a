"""What a shop may be told, and what it does where it is told nothing."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Self

from mestres_core.checkout.service import Times
from mestres_core.events.relay import RelayPolicy
from mestres_core.events.webhooks import WebhookPolicy
from mestres_core.extensions import check_shapes
from mestres_core.inventory.service import PriorityAllocator
from mestres_core.orders.confirming import Notifier
from mestres_core.plugins import PluginLike, plugged
from mestres_core.providers.fake import FakeBoleto, FakeCard, FakePix
from mestres_core.reviews.service import ReviewPolicy
from mestres_core.rules.synonyms import BUILT_IN, Synonyms
from mestres_core.shipping.service import TableRater
from mestres_core.tax.dto import TaxSettings
from mestres_core.typing import (
    AsyncPaymentProvider,
    CartMergePolicy,
    Clock,
    EventSink,
    Ids,
    OrderNumberGenerator,
    PaymentProvider,
    PriceResolver,
    PromotionAction,
    PromotionCondition,
    ReservationPolicy,
    RoundingPolicy,
    SearchBackend,
    ShippingRater,
    StockAllocator,
    TaxCalculator,
)

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no letter that is taken for a digit


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present in UTC."""
        return datetime.now(UTC)


class RandomIds:
    """Names that cannot be guessed, and order numbers that do not queue up behind a counter."""

    def token(self) -> str:
        """192 random bits, as 32 characters that are safe in an address."""
        return secrets.token_urlsafe(24)

    def order_number(self) -> str:
        """`MC-` and ten letters: 50 random bits, so that a clash is not to be expected in a shop's life."""
        return "MC-" + "".join(_LETTERS[byte % 32] for byte in secrets.token_bytes(10))


def _stand_ins() -> Sequence[PaymentProvider]:
    return FakeCard(), FakePix(), FakeBoleto()


@dataclass(frozen=True, kw_only=True)
class Config:
    """What a shop may be told. `webhook_secret` None refuses every webhook; `notifier` None tells buyers nothing.

    `shipping` as it is sends by the shop's zones, and while there are none by one table for Brazil. `tax` None: the
    shop's own rates; `taxes` says how they are rounded.
    `numbers` None gives orders the random numbers of `ids`. `synonyms` is what buyers say for the same thing.
    `search` None: products are found by the database's own index.
    `relay` and `webhooks` say how facts are delivered, to subscribers and to the endpoints of others.

    A shop's own rules (protocols of mestres_core.typing, docs/extending.md): `prices` may answer other prices than the
    shop's; `conditions` and `actions` are words for promotions, `merge_policies` for `carts.merge`, each with what
    makes or does it; `reservations` None goes by `Times.reservation`; `rounding` None rounds halves up, and taxes by
    `taxes`; `sinks` are told every committed fact, as by `subscribe`.

    Raises TypeError for something that lacks what its protocol asks for, ValueError for a word that the shop has
    already.
    """

    providers: Sequence[PaymentProvider | AsyncPaymentProvider] = field(default_factory=_stand_ins)
    shipping: ShippingRater = field(default_factory=TableRater)
    tax: TaxCalculator | None = None
    taxes: TaxSettings = field(default_factory=TaxSettings)
    allocator: StockAllocator = field(default_factory=PriorityAllocator)
    times: Times = field(default_factory=Times)
    webhook_secret: str | None = None
    notifier: Notifier | None = None
    clock: Clock = field(default_factory=SystemClock)
    ids: Ids = field(default_factory=RandomIds)
    numbers: OrderNumberGenerator | None = None
    prices: PriceResolver | None = None
    conditions: Mapping[str, Callable[..., PromotionCondition]] = field(default_factory=dict)
    actions: Mapping[str, Callable[..., PromotionAction]] = field(default_factory=dict)
    merge_policies: Mapping[str, CartMergePolicy] = field(default_factory=dict)
    reservations: ReservationPolicy | None = None
    rounding: RoundingPolicy | None = None
    sinks: Sequence[EventSink] = ()
    reviews: ReviewPolicy = field(default_factory=ReviewPolicy)
    synonyms: Synonyms = BUILT_IN
    search: SearchBackend | None = None
    relay: RelayPolicy = field(default_factory=RelayPolicy)
    webhooks: WebhookPolicy = field(default_factory=WebhookPolicy)

    def __post_init__(self) -> None:
        check_shapes({each.name: getattr(self, each.name) for each in fields(self)})

    @classmethod
    def with_plugins(cls, *plugins: str | PluginLike, **settings: Any) -> Self:
        """What the installed plugins of these names set, and `settings`, which go before them: docs/extending.md.

        Raises PluginError, TypeError for an unknown setting.
        """
        return cls(**plugged(plugins, settings, known=[each.name for each in fields(cls)]))
