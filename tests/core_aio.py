"""An async shop for tests, and a task that is cancelled at the wait that a test names."""

import asyncio
import itertools
import types
from collections.abc import AsyncIterator, Coroutine, Generator
from contextlib import asynccontextmanager
from typing import Any

from core_shop import ADDRESS, CUSTOMER, SECRET
from mestres_core.aio import AsyncCommerce
from mestres_core.providers.fake import FakeCard, FakePix
from mestres_core.testing.clock import FakeClock
from mestres_core.typing import PaymentEvent, PaymentRequest, RefundRequest

DRIVERS = ("aiosqlite", "psycopg", "asyncpg")
_keys = itertools.count(1)


class AsyncCard:
    """A card provider that waits in the event loop; it counts what it was really asked to charge."""

    name = "card"
    methods = ("card",)

    def __init__(self) -> None:
        self._card = FakeCard(sleep=lambda _seconds: None)
        self.charged: list[str] = []
        self.cancelled: list[str] = []
        self.gate: asyncio.Event | None = None
        self.asked = asyncio.Event()

    async def charge(self, request: PaymentRequest) -> PaymentEvent:
        self.asked.set()
        try:
            await asyncio.sleep(0)
            if self.gate is not None:
                await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled.append(request.key)
            raise
        self.charged.append(request.key)
        return self._card.charge(request)

    async def capture(self, key: str) -> PaymentEvent:
        await asyncio.sleep(0)
        return self._card.capture(key)

    async def refund(self, request: RefundRequest) -> PaymentEvent:
        await asyncio.sleep(0)
        return self._card.refund(request)

    async def lookup(self, key: str) -> PaymentEvent | None:
        await asyncio.sleep(0)
        return self._card.lookup(key)

    def read_event(self, **arguments: Any) -> PaymentEvent | None:
        return self._card.read_event(**arguments)


@asynccontextmanager
async def opened(url: str, *, stock: int = 10, **settings: Any) -> AsyncIterator[AsyncCommerce]:
    """A shop of `stock` pieces of A1 and as many of B2, with a clock that stands still."""
    defaults: dict[str, Any] = {
        "clock": FakeClock(),
        "webhook_secret": SECRET,
        "providers": (FakeCard(sleep=lambda _seconds: None), FakePix()),
    }
    async with await AsyncCommerce.open(url, **(defaults | settings)) as shop:
        for sku in ("A1", "B2"):
            variant = {"sku": sku, "price": 1000, "stock": stock, "weight_grams": 250}
            await shop.catalog.save(name=f"Café {sku}", key=sku, variants=[variant])
        yield shop


async def quoted(shop: AsyncCommerce, *, token: str = "tok_ok", quantity: int = 1) -> dict[str, Any]:
    """A new cart with a quote: what `place` and `begin` want."""
    cart = await shop.carts.create()
    for sku in ("A1", "B2"):
        await shop.carts.add(cart.id, sku=sku, quantity=quantity)
    quote = await shop.checkout.quote(cart.id, address=ADDRESS)
    return {
        "cart_id": cart.id,
        "quote_hash": quote.hash,
        "idempotency_key": f"key-{next(_keys)}",
        "customer": CUSTOMER,
        "payment": {"method": "card", "token": token},
    }


class CancelledAt:
    """A task that is cancelled when it waits for the `at`-th time; with `again`, at each wait after that, too.

    Every wait of a task is a step of its coroutine: so this is exact, whatever the machine does meanwhile.
    """

    def __init__(self, at: int, *, again: bool = False) -> None:
        self.at = at
        self.again = again
        self.waits = 0

    async def run(self, work: Coroutine[Any, Any, Any]) -> bool:
        """Whether the work came to its end; anything but the cancellation is raised."""
        try:
            await asyncio.create_task(self._driven(work))
        except asyncio.CancelledError:
            return False
        return True

    async def _driven(self, work: Coroutine[Any, Any, Any]) -> Any:
        return await self._steps(work)

    @types.coroutine
    def _steps(self, work: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
        task = asyncio.current_task()
        assert task is not None
        step, value = work.send, None
        while True:
            try:
                waited = step(value)
            except StopIteration as done:
                return done.value
            self.waits += 1
            if self.waits == self.at or (self.again and self.waits > self.at):
                task.cancel()
            try:
                value, step = (yield waited), work.send
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is the work's
                value, step = error, work.throw  # type: ignore[assignment]
