"""The shop as its host holds it: who owns the transaction, and what takes several.

Three ways in, one set of services, and each of them async by `shop.aio`:

- `shop.catalog.list(...)`: one call is one transaction, tried again when the database was busy.
- `with shop.transaction() as tx`: several calls, one transaction.
- `shop.on(session)`: the host's own session. The services write in its transaction and never end it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial, wraps
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from sqlalchemy import Engine, MetaData
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session, scoped_session

from mestres_core.checkout import placing, returning
from mestres_core.checkout.audit import AuditReport, audit
from mestres_core.config import Config
from mestres_core.db import namespaces
from mestres_core.db import schema as db_schema
from mestres_core.db.base import metadata
from mestres_core.db.rulebook import Rulebook
from mestres_core.db.session import COMMITTED, Database, make_engine, normal_url
from mestres_core.db.waiting import Aside, ask, is_async, to_the_end
from mestres_core.downloads.service import PAID
from mestres_core.events.facts import CatalogChanged, Fact, OrderChanged, OrderEdited, ProductChanged, StockChanged
from mestres_core.events.hosted import facts_of
from mestres_core.events.relay import Subscriber, relay
from mestres_core.events.sending import send
from mestres_core.events.webhooks import fan_out
from mestres_core.jobs.service import Jobs
from mestres_core.orders import confirming
from mestres_core.plugins import PluginLike
from mestres_core.search.engine import all_documents, feed
from mestres_core.search.querylog import QueryLog
from mestres_core.search.upkeep import Progress, Rebuild, count, reindex_below
from mestres_core.services import SERVICE_TYPES, ServiceNames, Services
from mestres_core.tax.remote import RemoteTaxes, answering
from mestres_core.typing import (
    PaymentProvider,
)

if TYPE_CHECKING:
    from mestres_core.aio import AsyncCommerce

T = TypeVar("T")
Listener = Callable[[Sequence[Fact]], object]
_log = logging.getLogger(__name__)
_READS = frozenset(
    (
        "list get categories featured products suggest spellings level of_order order_of of_customer find opens coupon"
        " unconfirmed dashboard report rates zones methods preview of_owner"
        " shipments credits returns preview_edit summary ledger entries balance events"
        " places locations lots recall movements of_reference"
        " of definitions tree path subtree options matrix chosen tags history lowest_price files"
        " undelivered"
        " all codes facts running prices lists resolve explain check"
        " of_reference groups group_of address addresses default_address consents has_consent consent_history"
        " of_product pending of_token summaries"
        " status dead_letters deliveries attempts secret"
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
        ("search", "rebuild"),
    }
)


def _asked_between_transactions(config: Config) -> Config:
    calculator = config.tax
    if calculator is None or not getattr(calculator, "remote", False):
        return config
    return replace(config, tax=RemoteTaxes(calculator))


class Commerce(ServiceNames):
    """A shop on a database of its own choice. Open one per process and share it between threads."""

    def __init__(
        self,
        engine: Engine,
        config: Config | None = None,
        *,
        schema: str | None = None,
        prefix: str | None = None,
    ) -> None:
        """On an engine that the host has made; SQLite needs `configure_sqlite(engine)` first.

        `schema` and `prefix` as for `Commerce.open`. Whoever else uses the engine sees nothing of them; a schema costs
        each transaction a statement here. Raises DatabaseNotReady. The tables are not touched: call `shop.migrate()`,
        or `Commerce.open`.
        """
        db_schema.check(engine)
        db_schema.check_transactions(engine)
        self.config = _asked_between_transactions(config or Config())
        self.schema, self.prefix = schema, prefix
        if schema is not None:
            engine = namespaces.within(engine, schema)
        if prefix is not None:
            engine = namespaces.under(engine, prefix)
        self._database = Database(engine, framed=schema is not None)
        self._rulebook = Rulebook()
        self._is_async = engine.dialect.is_async
        self._searches = QueryLog()
        self._log_writer: Aside | None = None
        self.jobs = Jobs(
            self.run,
            self.read,
            self.snapshot,
            self.config.clock,
            self.config.ids,
            alone=self._database.alone,
        )
        self._listeners: list[Listener] = []
        self._subscribers: list[Subscriber] = [
            *([] if self.config.search is None else [self._feed]),
            *self.config.sinks,
        ]
        for name in SERVICE_TYPES:
            setattr(self, name, cast("Any", _OneCall(self, name)))

    @classmethod
    def open(
        cls,
        url: str | URL,
        *,
        config: Config | None = None,
        plugins: Sequence[str | PluginLike] = (),
        schema: str | None = None,
        prefix: str | None = None,
        **settings: Any,
    ) -> Self:
        """A shop on the database at `url`; its tables are created or migrated.

        `url` is a `sqlite:///file.db` or `postgresql://...` address; `settings` are the fields of Config; `plugins`
        names installed ones (`Config.with_plugins`). `schema` names the PostgreSQL schema that the tables live in, made
        when it is not there; `prefix` is what the names of tables and indexes begin with instead of `mc_`, on SQLite
        too: one database has room for a shop in each. Raises DatabaseNotReady for any other database, for a schema on
        SQLite and for a name that is none; TypeError for an unknown setting or for some beside a `config`; PluginError.
        """
        if config is not None and (settings or plugins):
            raise TypeError("give either config or settings and plugins: Config.with_plugins() takes both")
        config = config or Config.with_plugins(*plugins, **settings)
        if schema is None:
            shop = cls(make_engine(url), config, prefix=prefix)
        else:
            namespaces.check_schema(schema, normal_url(url).get_backend_name())
            shop = cls(make_engine(url, options=namespaces.search_path(schema)), config, prefix=prefix)
            shop.schema = schema
        shop.migrate()
        return shop

    @property
    def engine(self) -> Engine:
        """The engine, for the host's own use."""
        return self._database.engine

    @cached_property
    def aio(self) -> AsyncCommerce:
        """The same shop for async code, on connections of its own to the same database: `await shop.aio.close()` them.

        Raises DatabaseNotReady for a database in memory, which no second connection sees, and for missing drivers.
        """
        from mestres_core.aio import AsyncCommerce, engine_beside  # noqa: PLC0415 - who needs no async pays nothing for it

        engine = engine_beside(self.engine)
        if self.schema is not None:
            namespaces.look_in(engine.sync_engine, self.schema)
        twin = Commerce(engine.sync_engine, self.config, prefix=self.prefix)
        twin.schema = self.schema
        twin._rulebook = self._rulebook
        twin._listeners, twin._subscribers = self._listeners, self._subscribers
        return AsyncCommerce(engine, core=twin)

    @property
    def metadata(self) -> MetaData:
        """The shop's tables as SQLAlchemy knows them, apart from those of the host; they are called `mc_` there."""
        return metadata

    def on(self, session: Session) -> Services:
        """The services in the host's own session: they flush, and never commit or roll back.

        Raises DatabaseNotReady when the session's engine is not set up or in autocommit, or when the session already
        serves a shop in another schema or under another prefix. `checkout.place` is refused there.
        """
        own = session() if isinstance(session, scoped_session) else session
        bind = own.get_bind()
        db_schema.check(bind.engine)
        db_schema.check_transactions(bind)
        namespaces.join(own, self.schema, self.prefix)
        services = Services(session, self.config, self._rulebook, self._searches)
        if self._listeners:
            services.outbox.facts = facts_of(own, self, self._tell)
        return services

    @contextmanager
    def transaction(self) -> Iterator[Services]:
        """Several calls in one transaction: committed at the end, rolled back by an error."""
        with self._unit(survivors=False) as services:
            yield services

    def in_another_loop(self) -> None:
        """For `AsyncCommerce`: the event loop that was there before is gone."""
        self._database.in_another_loop()

    def run(self, call: Callable[[Services], T]) -> T:
        """One function of the services in one transaction, tried again when the database was busy."""

        def once() -> T:
            with self._unit(survivors=True) as services:
                return call(services)

        return answering(lambda: self._database.retrying(once))

    def read(self, call: Callable[[Services], T]) -> T:
        """The same for a function that only reads."""

        def once() -> T:
            return self._database.read(
                lambda session: call(Services(session, self.config, self._rulebook, self._searches))
            )

        return answering(lambda: self._database.retrying(once))

    @contextmanager
    def snapshot(self) -> Iterator[Services]:
        """Several reads that agree with each other: all see the shop as it was at the first, whatever others commit.

        Nobody waits for it. What is written in it is refused by PostgreSQL and must not be tried on SQLite. A database
        in memory has one connection, so everybody else waits.
        """
        with self._database.snapshot() as session:
            yield Services(session, self.config, self._rulebook, self._searches)

    def on_committed(self, listener: Listener) -> None:
        """Tell `listener` the facts of each transaction of this object, right after its commit, in its thread.

        Of a host's own session, too, when the listener was there before `on(session)` was called.
        It is a hint for caches in this process: a crash loses it, and what others commit is not heard. Whoever must
        not miss anything uses `subscribe`.
        """
        self._listeners.append(listener)

    def subscribe(self, subscriber: Subscriber) -> None:
        """Have `relay` deliver every committed fact to `subscriber`: at least once, in order for each aggregate."""
        self._subscribers.append(subscriber)

    def relay(self, *, limit: int = 100) -> int:
        """Deliver up to `limit` waiting facts to the subscribers; returns how many. Call it from any worker.

        With each that was delivered its webhooks are written, which `send_webhooks` sends.
        """
        return relay(
            self._database,
            self.config.clock,
            tuple(self._subscribers),
            policy=self.config.relay,
            own=self._follow,
            delivered=fan_out,
            limit=limit,
        )

    def send_webhooks(self, *, limit: int = 100) -> int:
        """Send up to `limit` webhooks whose time has come; returns how many arrived. Call it from any worker."""
        return send(self._database, self.config.clock, self.config.webhooks, limit=limit)

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
        """Create or upgrade the tables; `revision` may also be "base", "-1" or an earlier one, to go back."""
        if self.schema is not None:
            db_schema.create_namespace(self.engine, self.schema)
        db_schema.migrate(self.engine, revision, schema=self.schema)

    def close(self) -> None:
        """Write what was searched for, and give the database connections back."""
        self.write_searches(at_once=True)
        self.engine.dispose()

    def write_searches(self, *, at_once: bool = False) -> None:
        """Write the log of searches when it is time, aside: whoever has searched waits for no writer.

        `at_once` writes what there is and waits for it. The shop's own calls and its end see to it.
        """
        writer = self._log_writer
        if at_once and writer is not None:
            writer.wait()
        if not self._searches.due(at_once=at_once) or (writer is not None and writer.is_under_way()):
            return
        self._log_writer = Aside(self._flush_searches, name="mestres-search-log")
        if at_once:
            self._log_writer.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def _unit(self, *, survivors: bool) -> Iterator[Services]:
        facts: list[Fact] = []
        session = None
        try:
            with self._database.write(survivors=survivors) as session:
                services = Services(session, self.config, self._rulebook, self._searches)
                facts = services.outbox.facts
                yield services
        finally:
            if session is not None and session.info.get(COMMITTED) and facts and self._listeners:
                to_the_end(partial(self._tell, facts))

    @property
    def _providers(self) -> dict[str, PaymentProvider]:
        """Raises TypeError for one that only an event loop can ask."""
        found = {provider.name: cast("PaymentProvider", provider) for provider in self.config.providers}
        for name, provider in found.items():
            if not self._is_async and is_async(getattr(provider, "charge", None)):
                raise TypeError(f"payment provider {name!r} is async: use shop.aio, or AsyncCommerce")
        return found

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

    def _rebuild(self, *, progress: Progress | None = None) -> int:
        made, total = Rebuild(self.config.clock.now()), self.read(lambda services: count(services.outbox.session))
        while self.run(lambda services: made.chunk(services.outbox.session, services.search.dialect)):
            if progress is not None:
                progress(made.done, total)
        self.run(lambda services: made.finish(services.outbox.session, services.search.dialect))
        backend = self.config.search
        if backend is not None:
            self.read(lambda services: backend.replace(all_documents(services.outbox.session, progress)))
        return made.changed

    def _follow(self, fact: Fact) -> None:
        """What follows from a fact within the shop: any of it may be done twice."""
        if isinstance(fact, CatalogChanged) and fact.what == "category":
            self._reindex(fact.row_id)
        elif isinstance(fact, OrderEdited) or (isinstance(fact, OrderChanged) and fact.payment_status in PAID):
            self._hand_over(fact.number)

    def _reindex(self, category_id: int) -> None:
        """Have the products of a category found by the name and the place that it has now; a portion a transaction."""
        after = 0
        while (last := self.run(partial(_reindex_some, category_id, after))) is not None:
            after = last

    def _hand_over(self, number: str) -> None:
        """Grant the files of a paid order to its buyer."""
        if self.read(lambda services: services.downloads.undelivered(number)):
            self.run(lambda services: services.downloads.deliver(number))

    def _feed(self, fact: Fact) -> None:
        """Tell the search engine what has become of a product."""
        backend = self.config.search
        if backend is not None and isinstance(fact, ProductChanged | StockChanged):
            self.read(lambda services: feed(services.outbox.session, backend, fact.product_id))

    def _flush_searches(self) -> None:
        try:
            self.run(lambda services: services.search.flush())
        except Exception as error:  # noqa: BLE001 - the searches were answered: their log may not look like a failure
            _log.warning("the log of searches could not be written: %s", type(error).__name__)

    def _tell(self, facts: Sequence[Fact]) -> None:
        for listener in self._listeners:
            try:
                ask(listener, facts)
            except Exception:  # noqa: BLE001 - the work is committed: no listener may make it look undone
                _log.exception("a listener failed on %d committed facts", len(facts))


def _reindex_some(category_id: int, after: int, services: Services) -> int | None:
    return reindex_below(services.outbox.session, services.search.dialect, category_id, after)


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
        service_type = SERVICE_TYPES[name]
        function = getattr(service_type, method)
        run = shop.read if method in _READS else shop.run

        @wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            answer = run(lambda services: getattr(getattr(services, name), method)(*arguments, **named))
            if name == "search" and method == "products":
                shop.write_searches()
            return answer

        setattr(self, method, call)
        return call

    def __dir__(self) -> list[str]:
        return [name for name in dir(SERVICE_TYPES[self._name]) if not name.startswith("_")]
