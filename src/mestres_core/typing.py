"""The protocols that a host may implement, and the values that pass through them. Nothing here does anything."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, Protocol

from mestres_core.rules.baskets import Deal
from mestres_core.rules.merging import LineKey
from mestres_core.rules.money import Money
from mestres_core.rules.pricing import Price
from mestres_core.rules.shipping import ShippingItem
from mestres_core.rules.stock import StockPlace
from mestres_core.rules.tax import Taxed
from mestres_core.rules.tax_rates import STANDARD


class Clock(Protocol):
    """Where the present comes from."""

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        ...


class Ids(Protocol):
    """Where names for new things come from."""

    def token(self) -> str:
        """An unguessable name (128 bits or more): carts, access tokens, payment keys."""
        ...

    def order_number(self) -> str:
        """A number that people read to each other, at most 32 characters, unique within the shop."""
        ...


class OrderNumberGenerator(Protocol):
    """What orders are called."""

    def next(self, session: Any, *, channel: str) -> str:
        """A number that no order of any channel has: at most 32 characters.

        `session` is that of the order's own transaction: what is written in it is kept if and only if the order is.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRequest:
    """A line whose piece is to be priced.

    `quantity` is how many pieces of the variant its cart holds altogether. `prices` has every price that the shop keeps
    for the variant in this currency, and `amount` is what the shop's own rule makes of them (minor units; None: it has
    no price for this buyer). `group` is the buyer's customer group, `owner` the host's own name for the buyer (None for
    a guest, and where no cart is asked about). `at` is the present, aware.
    """

    sku: str
    variant_id: int
    product_id: int
    quantity: int
    currency: str
    channel: str
    group: str | None
    owner: str | None
    at: datetime
    prices: tuple[Price, ...]
    amount: int | None


class PriceResolver(Protocol):
    """What a piece costs a buyer, where tables of prices do not say it all: contracts, another system's prices."""

    def resolve(self, requests: Sequence[PriceRequest], *, session: Any) -> Sequence[int | None]:
        """Minor units for a piece of each, in their order; None: as the shop's own rule has it.

        Asked once for all lines of a cart, at each reading of it; `session` is that of the reading, so that a table of
        the host's costs one statement and no network is waited for. The minimum price (`set_floor`) holds all the same,
        and catalogue promotions lower what is answered. Lists of products show the plain price.
        """
        ...


class PromotionCondition(Protocol):
    """Something that a basket must be. `Config.conditions` has the makers of a shop's own by their word.

    The maker (a dataclass will do) is called with the fields of the definition as keywords; what it refuses by
    TypeError or ValueError is a ValidationError of `promotions.save`.
    """

    def unmet(self, deal: Deal) -> tuple[str, Mapping[str, Any]] | None:
        """None when it holds, else a stable word of its own and what explains it.

        `deal.basket` has the lines, the buyer and the place; nothing may be changed. The mapping may have the sentence
        that people read, as "en" and "pt-BR".
        """
        ...


class PromotionAction(Protocol):
    """Something that a promotion does to a basket. `Config.actions` has the makers of a shop's own by their word."""

    def act(self, deal: Deal) -> str | None:
        """Take something off with `deal.take(place, minor_units)`, or answer with a stable word why not.

        `deal.room(place)` is the most that a line can give, `deal.left[place]` what it costs now; `deal.shipping` may
        be lowered. Nothing may become dearer, or fall below zero or a floor: ExtensionFailed.
        """
        ...


class CartMergePolicy(Protocol):
    """What becomes of the lines of two carts when a guest signs in; `Config.merge_policies` has them by name."""

    def merge(self, *, existing: Mapping[LineKey, int], guest: Mapping[LineKey, int]) -> Mapping[LineKey, int]:
        """How many pieces of each line the account's cart is to hold, from what each of the two carts holds.

        A line that is left out, or has 0, goes. Stock and the largest quantity of a line are seen to afterwards, and
        the cart's notes tell what was cut. Lines that neither cart has are refused: ExtensionFailed.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationRequest:
    """A cart whose pieces might be set aside.

    `step` is "cart" (its lines have changed just now) or "quote" (a total was promised). `items` are its pieces by SKU,
    `total` what they come to now.
    """

    step: str
    cart_id: str
    items: Mapping[str, int]
    total: Money
    channel: str
    customer_group: str | None
    owner: str | None


class ReservationPolicy(Protocol):
    """When a cart's pieces are set aside, and for how long."""

    def hold(self, request: ReservationRequest) -> timedelta | None:
        """For how long (1 second to 30 days) exactly these pieces are the cart's; None: nothing is set aside now.

        None at the step "cart" lets an earlier reservation run out as it is. Only the cart's own order can take what is
        set aside; when its time is over anybody can. A change whose pieces cannot be had any more is refused:
        InsufficientStock.
        """
        ...


class RoundingPolicy(Protocol):
    """How a part of a minor unit becomes a whole one, in taxes and in what a percentage takes off."""

    def round(self, amount: Fraction, *, currency: str) -> int:
        """One of the two whole numbers around `amount` (which is not negative), or itself when it is whole."""
        ...


class Event(Protocol):
    """A fact as the outbox delivers it (mestres_core.events.facts has them all)."""

    type: str
    aggregate: str

    @property
    def fact_id(self) -> int | None:
        """The fact's number: a repetition has the same."""
        ...

    @property
    def aggregate_id(self) -> str:
        """What it speaks of: a product's, cart's or order's name. Facts of one aggregate come in order."""
        ...

    def payload(self) -> dict[str, Any]:
        """Its fields as JSON."""
        ...


class EventSink(Protocol):
    """Somebody who is told every committed fact: mail, a search engine, another system."""

    def __call__(self, fact: Any, /) -> None:
        """Take one fact (an `Event`): at least once, in order for each aggregate. What it raises is tried again."""
        ...


@dataclass(frozen=True, slots=True)
class ShippingOption:
    """A way to send a cart to an address: `id` is stable ("sedex"), `days` the working days it takes.

    `parcels` is how many parcels that is.
    """

    id: str
    name: str
    price: Money
    days: int
    parcels: int = 1


class ShippingRater(Protocol):
    """Which ways there are to send something somewhere."""

    def options(
        self, *, weight_grams: int, items_total: int, currency: str, address: Mapping[str, str]
    ) -> Sequence[ShippingOption]:
        """The ways to send `weight_grams` worth `items_total` minor units to `address`; none if it cannot be sent.

        The weight is that of goods which are sent (digital ones are not), `items_total` what goods cost after
        discounts.
        """
        ...


class ParcelRater(Protocol):
    """A rater that wants to see the goods: a `ShippingRater` that also has `parcels` is asked by that instead."""

    def parcels(
        self, *, items: Sequence[ShippingItem], items_total: int, currency: str, address: Mapping[str, str]
    ) -> Sequence[ShippingOption]:
        """The ways to send these goods, of which none is digital; none if they cannot be sent."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxLine:
    """What a calculator is asked about: `amount` minor units after discounts for all `quantity` pieces.

    `tax_class` is the variant's ("standard" unless set), "shipping" for sending. `codes` are what else the host knows
    of the goods, such as {"ncm": "0901.21.00"}.
    """

    key: Hashable
    amount: int
    quantity: int = 1
    tax_class: str = STANDARD
    sku: str = ""
    codes: Mapping[str, str] = field(default_factory=dict)


class TaxCalculator(Protocol):
    """Somebody who knows taxes better than tables: a host's own function, or a service behind a network."""

    remote: bool
    """True when it may wait for a network: then it is never called while a transaction is open, and the same question
    is answered from memory for 15 minutes."""

    def calculate(
        self,
        lines: Sequence[TaxLine],
        *,
        address: Mapping[str, str],
        currency: str,
        at: datetime,
        customer_type: str,
        origin: str,
    ) -> Sequence[Taxed]:
        """The taxes of each line, in their order, with their keys.

        For each, gross - added must be the line's amount and net + added + included the gross; whatever else is
        answered counts as a failure. `address` has country and state ("BR", "MG"), `customer_type` is individual or
        business, `origin` the state that goods are sent from.
        """
        ...


class StockAllocator(Protocol):
    """Which locations serve an order."""

    def allocate(
        self,
        *,
        wanted: Mapping[int, int],
        places: Mapping[int, Sequence[StockPlace]],
        address: Mapping[str, str] | None,
    ) -> Mapping[int, Mapping[int, int]]:
        """{variant_id: {location_id: pieces}} for `wanted` {variant_id: pieces}.

        `places` are those of each variant in order of priority, as they are under the lock: no other order changes them
        meanwhile. `address` is where the order goes, None for a reservation. From no place more than its `buyable` may
        be taken. Whoever gives less than was wanted refuses the order: InsufficientStock. Called only when a variant
        is kept at several locations; never touches the database.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRequest:
    """What a provider is asked to charge.

    `key` is the same on every retry of one attempt and makes the charge idempotent; `token` is what the buyer's browser
    got from the provider (a card), empty for methods that need none. `customer` has the buyer's name, email and, if
    given, document (CPF or CNPJ): a slip is made out to somebody.
    """

    key: str
    provider: str
    order_number: str
    amount: Money
    method: str
    token: str
    expires_at: datetime
    customer: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentEvent:
    """What a provider reports, by answer or by webhook.

    `id` is unique per provider; `key` is the request's; `amount` is in minor units; `action` is what the buyer must do
    next, if anything. `kind`:

    - pending: the provider has the request, and somebody must still do something;
    - authorized, captured, voided (an authorization, or a request that nobody paid, was released), refunded;
    - declined, failed, expired: no money came, and none will;
    - capture_failed, void_failed, refund_failed: a clear no to an operation.

    `operation` is what it speaks of: the key of a CaptureRequest, VoidRequest or RefundRequest, or the bank's own id of
    a transfer. Without one, `amount` is all that was authorized, captured, voided or refunded of this payment so far.
    """

    provider: str
    id: str
    key: str
    kind: str
    amount: int
    reference: str = ""
    action: Mapping[str, Any] = field(default_factory=dict)
    operation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequest:
    """What a provider is asked to give back: `amount` of the charge `payment_key`.

    `key` is the same on every retry of one refund and makes it idempotent. `reference` is what the provider called the
    charge (the endToEndId of a PIX).
    """

    key: str
    payment_key: str
    provider: str
    amount: Money
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureRequest:
    """What a provider is asked to take of an authorized charge: `amount` of `payment_key`.

    `key` is the same on every retry of one capture. With `final` nothing more will be captured, and what is left of the
    authorization may be released.
    """

    key: str
    payment_key: str
    provider: str
    amount: Money
    final: bool
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidRequest:
    """What a provider is asked to release: `amount`, all that is still open of the charge `payment_key`."""

    key: str
    payment_key: str
    provider: str
    amount: Money
    reference: str = ""


class PaymentProvider(Protocol):
    """Somebody who takes the buyer's money. Never called while a transaction is open, unless it is `AtHome`.

    A provider may have more than this: see `PartialCaptures`, `Voids`, `PaymentTerms` and `AtHome`. What it does not
    have is not asked of it. `mestres_core.testing.providers` checks a provider of your own.
    """

    name: str
    methods: tuple[str, ...]

    def charge(self, request: PaymentRequest) -> PaymentEvent:
        """Take the money, or say what must happen first. The same `request.key` never charges twice.

        Raises anything when the outcome is not known: the core then asks `lookup` later.
        """
        ...

    def capture(self, key: str) -> PaymentEvent:
        """Take the money of an authorized charge. Asked again, it answers the same and takes nothing more."""
        ...

    def refund(self, request: RefundRequest) -> PaymentEvent:
        """Give money back: kind `refunded`, or `failed` when it never will. The same key never gives back twice."""
        ...

    def lookup(self, key: str) -> PaymentEvent | None:
        """What became of the charge with this key; None when it never arrived."""
        ...

    def read_event(self, *, body: bytes, headers: Mapping[str, str], secret: str, now: datetime) -> PaymentEvent | None:
        """Check a webhook's signature and read it; None when it speaks of nothing that matters to payments.

        Raises InvalidSignature or ValidationError.
        """
        ...


class AtHome(Protocol):
    """A provider that asks nobody: whatever it answers, it works out itself, at once, and keeps nothing of it."""

    at_home: bool
    """True: `place` calls its `charge` within the order's own transaction, and its captures are all by `capture_part`,
    which is told the amount."""


class AsyncPaymentProvider(Protocol):
    """The same for `shop.aio`: whatever waits for the network is awaited, and cancelled with the buyer's request.

    A plain `PaymentProvider` serves there, too, in a thread. This one serves nowhere else.
    """

    name: str
    methods: tuple[str, ...]

    async def charge(self, request: PaymentRequest) -> PaymentEvent:
        """As of `PaymentProvider`."""
        ...

    async def capture(self, key: str) -> PaymentEvent:
        """As of `PaymentProvider`."""
        ...

    async def refund(self, request: RefundRequest) -> PaymentEvent:
        """As of `PaymentProvider`."""
        ...

    async def lookup(self, key: str) -> PaymentEvent | None:
        """As of `PaymentProvider`."""
        ...

    def read_event(self, *, body: bytes, headers: Mapping[str, str], secret: str, now: datetime) -> PaymentEvent | None:
        """As of `PaymentProvider`; it waits for nothing, and is called within a transaction."""
        ...


class PartialCaptures(Protocol):
    """A provider that takes an authorized charge in parts."""

    several_captures: bool
    """False when the first capture releases what is left."""

    def capture_part(self, request: CaptureRequest) -> PaymentEvent:
        """Take a part: kind captured with the request's key as `operation`, or capture_failed."""
        ...


class Voids(Protocol):
    """A provider that releases authorizations when it is told to. Without it they lapse by themselves."""

    def void(self, request: VoidRequest) -> PaymentEvent:
        """Release what is open: kind voided with the request's key as `operation`, or void_failed.

        A request that nobody has paid yet (PIX, boleto) is called off.
        """
        ...


class PaymentTerms(Protocol):
    """A provider with a time to pay of its own; without it the shop's `Times.payment` counts."""

    def expires_at(self, *, now: datetime) -> datetime:
        """When a charge that is made now can no longer be paid."""
        ...


@dataclass(frozen=True, slots=True)
class SearchDocument:
    """A product as an engine beside the database is to find it. All words are stems already: an engine adds no others.

    `title` is of the name, `facts` of variants and attributes, `groups` of categories, `rest` of the description.
    `values` are its attributes by name; `categories` are row numbers from its own up to the root; `rating` is in
    hundredths.
    """

    id: int
    sort_name: str
    title: str
    facts: str
    groups: str
    rest: str
    skus: tuple[str, ...]
    category: str | None
    categories: tuple[int, ...]
    values: Mapping[str, str]
    price: int
    currency: str
    in_stock: bool
    rating: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest:
    """What an engine beside the database is asked.

    Of `terms` all but `missing` are needed; a term is met by any of its phrases, which are tuples of stems, or, from
    the name on, by a word that begins with `begins`. `attributes` are by folded name, of whose folded values any will
    do; prices are in minor units; `sort` is relevance, newest, price, -price or name.
    """

    typed: str
    terms: Sequence[SearchTerm]
    missing: int = 0
    currency: str = "BRL"
    categories: Sequence[int] | None = None
    min_price: int | None = None
    max_price: int | None = None
    in_stock: bool | None = None
    min_rating: int | None = None
    attributes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    sort: str = "relevance"
    first: int = 0
    number: int = 20
    facets: bool = True


@dataclass(frozen=True, slots=True)
class SearchTerm:
    """One thing that a product must have."""

    phrases: tuple[tuple[str, ...], ...]
    begins: str | None


@dataclass(frozen=True, slots=True)
class SearchHits:
    """What an engine answers: row numbers, best first, how many there are in all, and what facets count.

    `facets` has `category` (by slug) and attributes by name; a facet's counts ignore the choice within it.
    """

    ids: Sequence[int]
    total: int
    facets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


class SearchBackend(Protocol):
    """A search engine beside the database, for shops that outgrow it. It is fed by the outbox.

    Every method raises what it likes when the engine cannot be had: the shop then answers from the database, and the
    outbox tries again.
    """

    def search(self, request: SearchRequest) -> SearchHits:
        """The products that meet a request."""
        ...

    def save(self, documents: Sequence[SearchDocument]) -> None:
        """Take in products, or what they have become; findable when this returns."""
        ...

    def remove(self, ids: Sequence[int]) -> None:
        """Forget products; those that are not known are no error."""
        ...

    def replace(self, documents: Iterable[Sequence[SearchDocument]]) -> None:
        """Make the whole index anew from these, in whatever portions; the old one answers until it is done."""
        ...
