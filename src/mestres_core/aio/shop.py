"""A shop whose every call is awaited. There is no second implementation: each call runs the plain shop in a greenlet.

Invariants: no call blocks the event loop; whoever is cancelled leaves nothing half done and no connection taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.pool import StaticPool

from mestres_core.aio.engine import make_async_engine
from mestres_core.aio.services import AsyncServices
from mestres_core.checkout.audit import AuditReport
from mestres_core.commerce import Commerce, Listener
from mestres_core.config import Config
from mestres_core.db.waiting import finished, spawn
from mestres_core.errors import DatabaseNotReady
from mestres_core.events.relay import Subscriber
from mestres_core.services import Services
from mestres_core.tax.remote import TaxesNeeded

if TYPE_CHECKING:
    from mestres_core.aio.services import AsyncJobs

T = TypeVar("T")


class AsyncCommerce(AsyncServices):
    """`Commerce` for one event loop: `shop = await AsyncCommerce.open(url)`, or `shop.aio` of a shop that is there.

    Open one per event loop and share it between tasks. Its connections belong to the loop that made them: a second loop
    that is alive at the same time gets DatabaseNotReady; one that comes after it, connections of its own.
    """

    jobs: AsyncJobs

    def __init__(
        self,
        engine: AsyncEngine,
        config: Config | None = None,
        *,
        schema: str | None = None,
        prefix: str | None = None,
        core: Commerce | None = None,
    ) -> None:
        """On an async engine that the host has made; SQLite needs `configure_sqlite(engine.sync_engine)` first.

        `schema` and `prefix` as for `Commerce`. The tables are not touched: `await shop.migrate()`, or
        `AsyncCommerce.open`. `core` is the plain shop behind it, on `engine.sync_engine`, where there is one. Raises
        DatabaseNotReady.
        """
        self._core = core or Commerce(engine.sync_engine, config, schema=schema, prefix=prefix)
        super().__init__(self._core, self._call)
        self._engine = engine
        self._loop: asyncio.AbstractEventLoop | None = None

    @classmethod
    async def open(
        cls,
        url: str | URL,
        *,
        config: Config | None = None,
        schema: str | None = None,
        prefix: str | None = None,
        **settings: Any,
    ) -> Self:
        """A shop on the database at `url`; its tables are created or migrated.

        `url` is a `sqlite:///file.db`, `postgresql://...` (psycopg) or `postgresql+asyncpg://...` address; `schema` and
        `prefix` as for `Commerce.open`; `settings` are the fields of Config. Raises DatabaseNotReady for any other
        database and for a missing driver, TypeError for an unknown setting.
        """
        shop = cls(make_async_engine(url), config or Config(**settings), schema=schema, prefix=prefix)
        try:
            await shop.migrate()
        except BaseException:
            await shop.close()
            raise
        return shop

    @property
    def config(self) -> Config:
        """What the shop was told."""
        return self._core.config

    @property
    def engine(self) -> AsyncEngine:
        """The engine, for the host's own use."""
        return self._engine

    def on(self, session: AsyncSession) -> AsyncServices:
        """The services in the host's own session: they flush, and never commit or roll back.

        Raises DatabaseNotReady when the session's engine is not set up. `checkout.place` is refused there.
        """
        return AsyncServices(self._core.on(session.sync_session), _InTurn())

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncServices]:
        """Several calls in one transaction: committed at the end, rolled back by an error or a cancellation."""
        async with self._block(self._core.transaction()) as services:
            yield services

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncServices]:
        """Several reads that agree with each other: all see the shop as it was at the first, whatever others commit."""
        async with self._block(self._core.snapshot()) as services:
            yield services

    async def run(self, call: Callable[[Services], T]) -> T:
        """One plain function of the plain services in one transaction, tried again when the database was busy."""
        return await self._call(self._core.run, call)

    async def read(self, call: Callable[[Services], T]) -> T:
        """The same for a function that only reads."""
        return await self._call(self._core.read, call)

    def on_committed(self, listener: Listener) -> None:
        """As `Commerce.on_committed`; an async listener is awaited, a plain one runs in a thread."""
        self._core.on_committed(listener)

    def subscribe(self, subscriber: Subscriber) -> None:
        """As `Commerce.subscribe`; an async subscriber is awaited, a plain one runs in a thread."""
        self._core.subscribe(subscriber)

    async def relay(self, *, limit: int = 100) -> int:
        """As `Commerce.relay`."""
        return await self._call(self._core.relay, limit=limit)

    async def recover(self, *, limit: int = 100) -> int:
        """As `Commerce.recover`: also what cancelled requests have left unfinished is found out."""
        return await self._call(self._core.recover, limit=limit)

    async def process_order(self, number: str) -> bool:
        """As `Commerce.process_order`."""
        return await self._call(self._core.process_order, number)

    async def ask(self, needed: TaxesNeeded) -> None:
        """Have a remote tax calculator answer what a transaction of your own needed: end it, ask, do the work again.

        Calls of the shop's own do so by themselves. Raises ProviderFailed.
        """
        await self._call(needed.ask)

    async def audit(self) -> AuditReport:
        """As `Commerce.audit`."""
        return await self._call(self._core.audit)

    async def migrate(self, revision: str = "head") -> None:
        """As `Commerce.migrate`. It is done in the event loop: at the start, before there is anybody to wait."""
        await self._call(self._core.migrate, revision)

    async def close(self) -> None:
        """Write what was searched for, and give the database connections back; in the event loop that used them."""
        try:
            if self._loop in (None, asyncio.get_running_loop()):
                await spawn(self._core.write_searches, at_once=True)
        finally:
            await self._engine.dispose()
            self._loop = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    @asynccontextmanager
    async def _block(self, manager: AbstractContextManager[Services]) -> AsyncIterator[AsyncServices]:
        """A block of the plain shop. It ends after the calls that are under way: an error in `gather` leaves some."""
        turn = _InTurn()
        services = await self._call(manager.__enter__)
        try:
            yield AsyncServices(services, turn)
        except BaseException as error:
            await finished(turn(manager.__exit__, type(error), error, error.__traceback__))
            raise
        await finished(turn(manager.__exit__, None, None, None))

    async def _call(self, call: Callable[..., T], *arguments: Any, **named: Any) -> T:
        if asyncio.get_running_loop() is not self._loop:
            self._enter()
        return await spawn(call, *arguments, **named)

    def _enter(self) -> None:
        """Take the running event loop for ours. Connections of one that is closed are let go: they cannot be used."""
        if self._loop is not None:
            if not self._loop.is_closed():
                raise DatabaseNotReady(
                    "this shop's connections belong to another event loop",
                    "open an AsyncCommerce for each loop, or await close() in the first one",
                )
            if not isinstance(self._engine.pool, StaticPool):
                self._engine.sync_engine.dispose(close=False)
            self._core.in_another_loop()
        self._loop = asyncio.get_running_loop()


class _InTurn:
    """Calls that share a connection, one after the other."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def __call__(self, call: Callable[..., T], *arguments: Any, **named: Any) -> T:
        async with self._turn:
            return await spawn(call, *arguments, **named)
