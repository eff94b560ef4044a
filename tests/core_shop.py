"""A small shop whose clock the test moves, and a few words for what buyers and providers do."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event, text

from mestres_core import Commerce
from mestres_core.catalog.dto import Product
from mestres_core.checkout.dto import Placed, Quote
from mestres_core.config import Config, RandomIds
from mestres_core.db.session import make_engine
from mestres_core.providers.fake import FakeCard, FakePix, signed_event
from mestres_core.testing import FakeClock, memory_shop

SECRET = "a secret of tests"
ADDRESS = {
    "name": "Ana Souza",
    "street": "Rua das Flores",
    "number": "10",
    "district": "Centro",
    "city": "Patrocínio",
    "state": "MG",
    "postal_code": "38740-000",
}
CUSTOMER = {"name": "Ana Souza", "email": "ana@example.com"}


# Engines of shops that were closed, by address. An engine keeps its statements compiled: to compile them takes a test
# with a new one half of its time. A shop's engine is derived from the kept one, so what listens to it goes with it.
# Only what listens to the pool ("connect", "checkout") stays: a test that does takes an engine of its own.
_KEPT: dict[str, Engine] = {}
_MOST_KEPT = 4


class TestShop:
    """A shop on one database, and short words for the usual acts."""

    __test__ = False

    def __init__(self, url: str, **settings: Any) -> None:
        self._url, self._engine = url, None
        self.clock = FakeClock()
        defaults: dict[str, Any] = {
            "clock": self.clock,
            "webhook_secret": SECRET,
            "providers": (FakeCard(sleep=lambda _seconds: None), FakePix()),
        }
        if url == "sqlite://":  # migrated once in a process, then copied
            self.core = memory_shop(**({"ids": RandomIds()} | defaults | settings))
        elif settings.keys() & {"config", "plugins", "schema"}:
            self.core = Commerce.open(url, **(defaults | settings))
        else:
            self._engine = _KEPT.pop(url, None) or make_engine(url)
            self.core = Commerce(self._engine.execution_options(), Config.with_plugins(**(defaults | settings)))
            self.core.migrate()
        self._keys = itertools.count(1)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.core, name)

    def close(self) -> None:
        """Close the shop; whoever opens the next one on this database need not compile its statements."""
        self.core.close()
        if self._engine is not None:
            _KEPT[self._url] = self._engine
            while len(_KEPT) > _MOST_KEPT:
                del _KEPT[next(iter(_KEPT))]

    def product(self, sku: str = "A1", *, price: int = 1000, stock: int = 10, **rest: Any) -> Product:
        """Save a product of one variant."""
        fields = {"name": f"Café {sku}", "key": sku} | rest
        made = self.core.catalog.save(
            variants=[{"sku": sku, "price": price, "stock": stock, "weight_grams": 250}], **fields
        )
        assert made is not None
        return made

    def cart(self, *lines: tuple[str, int]) -> str:
        """A cart with (sku, quantity) lines."""
        cart_id: str = self.core.carts.create().id
        for sku, quantity in lines:
            self.core.carts.add(cart_id, sku=sku, quantity=quantity)
        return cart_id

    def quote(self, cart_id: str, method: str | None = None) -> Quote:
        """A quote to the usual address."""
        made: Quote = self.core.checkout.quote(cart_id, address=ADDRESS, shipping_method=method)
        return made

    def arguments(self, quote: Quote, *, token: str = "tok_ok", key: str | None = None) -> dict[str, Any]:
        """What `begin` and `place` want; the token "pix" means PIX."""
        payment = {"method": "pix"} if token == "pix" else {"method": "card", "token": token}
        return {
            "cart_id": quote.cart_id,
            "quote_hash": quote.hash,
            "idempotency_key": key or f"key-{next(self._keys)}",
            "customer": CUSTOMER,
            "payment": payment,
        }

    def place(self, cart_id: str, token: str = "tok_ok", *, key: str | None = None) -> Placed:
        """Quote and place in one go."""
        placed: Placed = self.core.checkout.place(**self.arguments(self.quote(cart_id), token=token, key=key))
        return placed

    def buy(self, sku: str = "A1", quantity: int = 1, token: str = "tok_ok") -> Placed:
        """A new cart, quoted and placed."""
        return self.place(self.cart((sku, quantity)), token)

    def webhook(self, payment_id: str, kind: str, amount: int, *, provider: str = "pix", **rest: Any) -> None:
        """A correctly signed event arrives."""
        body, headers = signed_event(
            key=payment_id, kind=kind, amount=amount, secret=SECRET, now=self.clock.now(), **rest
        )
        self.core.payments.receive(provider, body=body, headers=headers)

    def sql(self, statement: str, **values: Any) -> list[Any]:
        """Run one statement by hand; on SQLite without CHECK constraints, so that a test can break the books."""
        with self.core.engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
            result = connection.execute(text(statement), values)
            rows = list(result) if result.returns_rows else []
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA ignore_check_constraints = OFF")
            return rows

    def outbox(self, *types: str) -> list[str]:
        """The types of the facts written so far."""
        found = [row[0] for row in self.sql("SELECT type FROM mc_outbox ORDER BY id")]
        return [each for each in found if not types or each in types]

    def available(self, sku: str = "A1") -> int:
        """How many pieces can be bought now."""
        left: int = self.core.inventory.level(sku).available
        return left

    @contextmanager
    def statements(self) -> Iterator[list[str]]:
        """Collect the statements sent meanwhile; beginning and ending a transaction is not counted."""
        sent: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            if not statement.startswith("BEGIN"):
                sent.append(statement)

        event.listen(self.core.engine, "before_cursor_execute", note)
        try:
            yield sent
        finally:
            event.remove(self.core.engine, "before_cursor_execute", note)
