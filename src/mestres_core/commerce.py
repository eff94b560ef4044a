"""The composition root: configuration and plugins on one side, services bound to a session on the other.

Three ways in, one set of services:

- `shop.catalog.list(...)`: one call is one transaction, tried again when the database was busy.
- `with shop.transaction() as tx`: several calls, one transaction.
- `shop.on(session)`: the host's own session. The services write in its transaction and never end it.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import wraps
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from sqlalchemy import Engine, MetaData
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session

from mestres_core.admin.service import AdminService
from mestres_core.cart.service import CartService
from mestres_core.catalog.service import CatalogService
from mestres_core.checkout import placing, returning
from mestres_core.checkout.audit import CLAIMS, AuditReport, audit
from mestres_core.checkout.service import CheckoutService, Times
from mestres_core.customers.service import CustomerService
from mestres_core.db import namespaces, schema
from mestres_core.db.base import metadata
from mestres_core.db.rulebook import Rulebook
from mestres_core.db.session import Database, make_engine
from mestres_core.events.facts import Fact
from mestres_core.events.outbox import Outbox
from mestres_core.events.relay import Subscriber, relay
from mestres_core.events.work import Work
from mestres_core.inventory.reservations import ReservationService
from mestres_core.inventory.service import InventoryService, PriorityAllocator
from mestres_core.jobs.service import Jobs
from mestres_core.orders import confirming
from mestres_core.orders.confirming import Notifier
from mestres_core.orders.numbers import RandomNumbers
from mestres_core.orders.service import OrderService
from mestres_core.payments.accounts import GiftCardService, StoreCreditService
from mestres_core.payments.service import PaymentService
from mestres_core.pricing.service import PricingService
from mestres_core.promotions.service import PromotionService
from mestres_core.providers.fake import FakeBoleto, FakeCard, FakePix
from mestres_core.search.service import SearchService
from mestres_core.shipping.service import ShippingService, TableRater
from mestres_core.tax.dto import TaxSettings
from mestres_core.tax.remote import RemoteTaxes, answering
from mestres_core.tax.service import TaxService
from mestres_core.typing import (
    Clock,
    Ids,
    OrderNumberGenerator,
    PaymentProvider,
    ShippingRater,
    StockAllocator,
    TaxCalculator,
)

T = TypeVar("T")
Listener = Callable[[Sequence[Fact]], None]
_log = logging.getLogger(__name__)
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no letter that is taken for a digit
_READS = frozenset(
    (
        "list get categories featured products suggest level of_order order_of of_customer find opens coupon"
        " unconfirmed dashboard report rates zones methods preview of_owner"
        " shipments credits returns preview_edit summary ledger entries balance events"
        " places locations lots recall movements of_reference"
        " all codes facts running prices lists resolve explain"
    ).split()
)
_OWN_TRANSACTIONS = frozenset(
    {
        ("checkout", "place"),
        ("orders", "cancel"),
        ("orders", "capture"),
        ("orders", "refund"),
        ("orders", "pay"),
        ("payments", "void"),
    }
)


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
        return "MC-" + "".join(secrets.choice(_LETTERS) for _ in range(10))


def _stand_ins() -> Sequence[PaymentProvider]:
    return FakeCard(), FakePix(), FakeBoleto()


@dataclass(frozen=True, kw_only=True)
class Config:
    """What a shop may be told. `webhook_secret` None refuses every webhook; `notifier` None tells buyers nothing.

    `shipping` as it is sends by the shop's zones, and while there are none by one table for Brazil. `tax` None: the
    shop's own rates; `taxes` says how they are rounded.
    `numbers` None gives orders the random numbers of `ids`.
    """

    providers: Sequence[PaymentProvider] = field(default_factory=_stand_ins)
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


def _asked_between_transactions(config: Config) -> Config:
    calculator = config.tax
    if calculator is None or not getattr(calculator, "remote", False):
        return config
    return replace(config, tax=RemoteTaxes(calculator))


class Services:
    """Every service, bound to one session."""

    def __init__(self, session: Session, config: Config, rulebook: Rulebook) -> None:
        self.outbox = Outbox(session, config.clock)
        work = Work(session, config.clock, config.ids, self.outbox, rulebook)
        providers = {provider.name: provider for provider in config.providers}
        self.inventory = InventoryService(work, config.allocator)
        self.reservations = ReservationService(work, self.inventory)
        self.catalog = CatalogService(work, self.inventory)
        self.search = SearchService(work, self.catalog)
        self.promotions = PromotionService(work)
        self.pricing = PricingService(work, self.promotions)
        self.customers = CustomerService(work)
        self.tax = TaxService(work, calculator=config.tax, settings=config.taxes)
        self.shipping = ShippingService(work, rater=config.shipping)
        self.carts = CartService(
            work, self.promotions, self.pricing, reservations=self.reservations, idle=config.times.cart
        )
        self.payments = PaymentService(work, providers, config.webhook_secret, self.customers)
        self.gift_cards = GiftCardService(work)
        self.store_credit = StoreCreditService(work, self.customers)
        self.orders = OrderService(
            work,
            inventory=self.inventory,
            payments=self.payments,
            customers=self.customers,
            promotions=self.promotions,
            numbers=config.numbers or RandomNumbers(config.ids),
            tax=self.tax,
            pricing=self.pricing,
        )
        self.checkout = CheckoutService(
            work,
            carts=self.carts,
            orders=self.orders,
            payments=self.payments,
            promotions=self.promotions,
            reservations=self.reservations,
            shipping=self.shipping,
            tax=self.tax,
            times=config.times,
        )
        self.admin = AdminService(work, self.orders)
        # Two rooms tell a higher one what happened without knowing it.
        self.inventory.watcher = self.catalog.stock_moved
        self.payments.on_event = self.checkout.apply
        self.payments.on_replay = self.checkout.replay
        self.inventory.claims = CLAIMS


class Commerce:
    """A shop on a database of its own choice. Open one per process and share it between threads."""

    catalog: CatalogService
    search: SearchService
    inventory: InventoryService
    reservations: ReservationService
    promotions: PromotionService
    tax: TaxService
    shipping: ShippingService
    pricing: PricingService
    customers: CustomerService
    carts: CartService
    checkout: CheckoutService
    orders: OrderService
    payments: PaymentService
    gift_cards: GiftCardService
    store_credit: StoreCreditService
    admin: AdminService

    def __init__(self, engine: Engine, config: Config | None = None) -> None:
        """On an engine that the host has made; SQLite needs `configure_sqlite(engine)` first.

        Raises DatabaseNotReady. The tables are not touched: call `shop.migrate()`, or `Commerce.open`.
        """
        schema.check(engine)
        self.config = _asked_between_transactions(config or Config())
        self.schema: str | None = None
        self._database = Database(engine)
        self._rulebook = Rulebook()
        self._providers = {provider.name: provider for provider in self.config.providers}
        self.jobs = Jobs(self.run, self.read, self.config.clock, self.config.ids)
        self._listeners: list[Listener] = []
        self._subscribers: list[Subscriber] = []
        for name in _SERVICE_TYPES:
            setattr(self, name, cast("Any", _OneCall(self, name)))

    @classmethod
    def open(cls, url: str | URL, *, config: Config | None = None, schema: str | None = None, **settings: Any) -> Self:
        """A shop on the database at `url`; its tables are created or migrated.

        `url` is a `sqlite:///file.db` or `postgresql://...` address; `settings` are the fields of Config. `schema`
        names the PostgreSQL schema that the tables live in, made when it is not there: one database has room for a
        shop in each. Raises DatabaseNotReady for any other database, and for a schema on SQLite; TypeError for an
        unknown setting.
        """
        config = config or Config(**settings)
        if schema is None:
            shop = cls(make_engine(url), config)
        else:
            url = namespaces.prepare(url, schema)
            shop = cls(make_engine(url, options=namespaces.search_path(schema)), config)
            shop.schema = schema
        shop.migrate()
        return shop

    @property
    def engine(self) -> Engine:
        """The engine, for the host's own use."""
        return self._database.engine

    @property
    def metadata(self) -> MetaData:
        """The shop's tables as SQLAlchemy knows them, apart from the metadata of the host."""
        return metadata

    def on(self, session: Session) -> Services:
        """The services in the host's own session: they flush, and never commit or roll back.

        Raises DatabaseNotReady when the session's engine is not set up, or when the session already serves a shop in
        another schema. `checkout.place` is refused there.
        """
        schema.check(session.get_bind().engine)
        namespaces.join(session, self.schema)
        return Services(session, self.config, self._rulebook)

    @contextmanager
    def transaction(self) -> Iterator[Services]:
        """Several calls in one transaction: committed at the end, rolled back by an error."""
        with self._unit(survivors=False) as services:
            yield services

    def run(self, call: Callable[[Services], T]) -> T:
        """One function of the services in one transaction, tried again when the database was busy."""

        def once() -> T:
            with self._unit(survivors=True) as services:
                return call(services)

        return answering(lambda: self._database.retrying(once))

    def read(self, call: Callable[[Services], T]) -> T:
        """The same for a function that only reads."""

        def once() -> T:
            with self._database.read() as session:
                return call(Services(session, self.config, self._rulebook))

        return answering(lambda: self._database.retrying(once))

    def on_committed(self, listener: Listener) -> None:
        """Tell `listener` the facts of each transaction of this object, right after its commit, in its thread.

        It is a hint for caches in this process: a crash loses it, and what others commit is not heard. Whoever must
        not miss anything uses `subscribe`.
        """
        self._listeners.append(listener)

    def subscribe(self, subscriber: Subscriber) -> None:
        """Have `relay` deliver every committed fact to `subscriber`: at least once, in order for each aggregate."""
        self._subscribers.append(subscriber)

    def relay(self, *, limit: int = 100) -> int:
        """Deliver up to `limit` waiting facts to the subscribers; returns how many. Call it from any worker."""
        return relay(self._database, self.config.clock, tuple(self._subscribers), limit=limit)

    def recover(self, *, limit: int = 100) -> int:
        """Find out what became of unfinished payments, captures, voids and refunds; end unpaid orders whose time is up.

        Events that came before their payment was known are applied now. Returns how many ended.

        Call it at start and every few seconds, in one process or in many.
        """
        ended = placing.recover(self.run, self._providers, limit=limit)
        ended += returning.recover(self.run, self._providers, limit=limit)
        return ended + self.run(lambda services: services.payments.replay(limit=limit))

    def process_order(self, number: str) -> bool:
        """Tell the buyer of a placed order, once; whether it was done now. Raises what the notifier raises.

        A worker calls it for each fact that the outbox delivers (`mestres_core.worker`, `mestres_core.contrib.celery`).
        """
        return confirming.confirm(self.run, self.config.notifier, number)

    def audit(self) -> AuditReport:
        """Prove stock, money and payment ledgers; `report.violations` names each broken rule with its rows."""
        return self.read(lambda services: audit(services.outbox.session))

    def migrate(self, revision: str = "head") -> None:
        """Create or upgrade the tables; `revision` may also be "base" or "-1" to go back."""
        schema.migrate(self.engine, revision)

    def close(self) -> None:
        """Give the database connections back."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def _unit(self, *, survivors: bool) -> Iterator[Services]:
        with self._database.write(survivors=survivors) as session:
            services = Services(session, self.config, self._rulebook)
            yield services
        self._tell(services.outbox.facts)

    def _place(self, cart_id: str, **arguments: Any) -> Any:
        return placing.place(self.run, self._providers, {"cart_id": cart_id, **arguments})

    def _cancel(self, number: str, **arguments: Any) -> Any:
        return returning.cancel(self.run, self._providers, number, **arguments)

    def _capture(self, number: str, **arguments: Any) -> Any:
        return returning.capture(self.run, self._providers, number, **arguments)

    def _void(self, number: str) -> Any:
        return returning.void(self.run, self._providers, number)

    def _pay(self, number: str, *, payment: Any) -> Any:
        times = self.config.times
        return placing.pay(self.run, self._providers, number, payment=payment, ends=times.payment, lease=times.lease)

    def _refund(self, number: str, **arguments: Any) -> Any:
        return returning.refund(self.run, self._providers, number, **arguments)

    def _tell(self, facts: Sequence[Fact]) -> None:
        if not facts:
            return
        for listener in self._listeners:
            try:
                listener(facts)
            except Exception:  # noqa: BLE001 - the work is committed: no listener may make it look undone
                _log.exception("a listener failed on %d committed facts", len(facts))


class _OneCall:
    """A service whose every call is a transaction of its own."""

    def __init__(self, shop: Commerce, name: str) -> None:
        self._shop = shop
        self._name = name

    def __getattr__(self, method: str) -> Callable[..., Any]:
        if method.startswith("_"):
            raise AttributeError(method)
        shop, name = self._shop, self._name
        if (name, method) in _OWN_TRANSACTIONS:
            return cast("Callable[..., Any]", getattr(shop, f"_{method}"))
        service_type = _SERVICE_TYPES[name]
        function = getattr(service_type, method)
        run = shop.read if method in _READS else shop.run

        @wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            return run(lambda services: getattr(getattr(services, name), method)(*arguments, **named))

        setattr(self, method, call)
        return call

    def __dir__(self) -> list[str]:
        return [name for name in dir(_SERVICE_TYPES[self._name]) if not name.startswith("_")]


_SERVICE_TYPES: Mapping[str, type] = {
    "catalog": CatalogService,
    "search": SearchService,
    "inventory": InventoryService,
    "reservations": ReservationService,
    "promotions": PromotionService,
    "tax": TaxService,
    "shipping": ShippingService,
    "pricing": PricingService,
    "customers": CustomerService,
    "carts": CartService,
    "checkout": CheckoutService,
    "orders": OrderService,
    "payments": PaymentService,
    "gift_cards": GiftCardService,
    "store_credit": StoreCreditService,
    "admin": AdminService,
}
