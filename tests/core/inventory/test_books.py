"""Whatever buyers, clerks and time do to stock, its books stay right."""

import contextlib
import os
from datetime import date, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from core_shop import TestShop
from mestres_core.errors import CommerceError

SKUS = st.sampled_from("AB")
PIECES = st.integers(1, 4)
OWNERS = st.integers(0, 3)
PLACES = st.sampled_from([None, "default", "loja"])
LOTS = st.sampled_from([None, "early", "late"])
DATES = {"early": date(2026, 3, 4), "late": date(2026, 4, 1), None: None}


class StockMachine(RuleBasedStateMachine):
    """Random hands on two SKUs, at two locations, in lots."""

    def __init__(self) -> None:
        super().__init__()
        self.shop = TestShop("sqlite://")
        self.stock = self.shop.inventory
        self.shop.product("A", stock=4)
        self.shop.product("B", stock=2)
        self.stock.save_location("loja", priority=-1)
        self.carts = [self.shop.cart() for _ in range(4)]

    def attempt(self, act: Any) -> None:
        """A refusal is fine; anything else is a bug."""
        with contextlib.suppress(CommerceError):
            act()

    @rule(sku=SKUS, pieces=PIECES, where=PLACES, lot=LOTS)
    def receive(self, sku: str, pieces: int, where: str | None, lot: str | None) -> None:
        self.attempt(lambda: self.stock.receive(sku, quantity=pieces, location=where, lot=lot, best_before=DATES[lot]))

    @rule(sku=SKUS, pieces=st.integers(0, 6), where=PLACES, lot=LOTS)
    def count(self, sku: str, pieces: int, where: str | None, lot: str | None) -> None:
        self.attempt(lambda: self.stock.set(sku, on_hand=pieces, location=where, lot=lot))

    @rule(sku=SKUS, pieces=PIECES, there=st.booleans(), lot=LOTS)
    def transfer(self, sku: str, pieces: int, there: bool, lot: str | None) -> None:
        source, target = ("default", "loja") if there else ("loja", "default")
        self.attempt(lambda: self.stock.transfer(sku, quantity=pieces, source=source, target=target, lot=lot))

    @rule(sku=SKUS, limit=st.integers(0, 3), where=PLACES)
    def allow_backorders(self, sku: str, limit: int, where: str | None) -> None:
        self.attempt(lambda: self.stock.configure(sku, backorder_limit=limit, location=where))

    @rule(owner=OWNERS, sku=SKUS, pieces=PIECES)
    def wish(self, owner: int, sku: str, pieces: int) -> None:
        self.attempt(lambda: self.shop.carts.add(self.carts[owner], sku=sku, quantity=pieces))

    @rule(owner=OWNERS, act=st.sampled_from(["reserve", "extend", "release"]))
    def hold(self, owner: int, act: str) -> None:
        cart, ttl = self.carts[owner], timedelta(minutes=20)
        acts = {
            "reserve": lambda: self.shop.carts.reserve(cart, ttl=ttl),
            "extend": lambda: self.shop.reservations.extend(cart, ttl=ttl),
            "release": lambda: self.shop.reservations.release(cart),
        }
        self.attempt(acts[act])

    @rule(owner=OWNERS, token=st.sampled_from(["tok_ok", "tok_declined", "pix"]))
    def place(self, owner: int, token: str) -> None:
        self.attempt(lambda: self.shop.place(self.carts[owner], token))
        if self.shop.carts.get(self.carts[owner]).status != "open":
            self.carts[owner] = self.shop.cart()

    @rule(pick=st.integers(0, 5), act=st.sampled_from(["cancel", "fulfill"]))
    def end(self, pick: int, act: str) -> None:
        orders = self.shop.orders.list()
        if orders:
            self.attempt(lambda: getattr(self.shop.orders, act)(orders[pick % len(orders)].number))

    @rule(minutes=st.sampled_from([5, 21, 60 * 24 * 3]))
    def time_passes(self, minutes: int) -> None:
        self.shop.clock.advance(minutes=minutes)

    @rule()
    def sweep(self) -> None:
        self.shop.recover()
        self.shop.reservations.expire()
        self.stock.write_off_expired()

    @invariant()
    def the_books_are_right(self) -> None:
        report = self.shop.audit()
        assert report.clean, report.violations
        found = self.stock.reconcile()
        assert found.clean, found.discrepancies

    def teardown(self) -> None:
        self.shop.close()


class TestBooks(StockMachine.TestCase):  # type: ignore[misc,name-defined]
    """After every step of random buyers, clerks and time, audit and reconciliation find nothing."""

    settings = settings(
        max_examples=200 if os.environ.get("MESTRES_STRESS") == "long" else 3,
        stateful_step_count=40,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
