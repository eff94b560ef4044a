"""Whatever buyers, providers and time do, the books stay right."""

import contextlib
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from core_shop import TestShop
from mestres_core.errors import CommerceError

TOKENS = st.sampled_from(["tok_ok", "tok_declined", "tok_down", "tok_auth", "pix"])
PICK = st.integers(0, 5)


class ShopMachine(RuleBasedStateMachine):
    """Random buyers in a small shop."""

    def __init__(self) -> None:
        super().__init__()
        self.shop = TestShop("sqlite://")
        self.shop.product("A", stock=3)
        self.shop.product("B", stock=2)
        self.carts = [self.shop.cart() for _ in range(3)]

    def attempt(self, act: Any) -> None:
        """A refusal is fine; anything else is a bug."""
        with contextlib.suppress(CommerceError):
            act()

    def order(self, pick: int) -> Any:
        orders = self.shop.orders.list()
        return self.shop.orders.get(orders[pick % len(orders)].number) if orders else None

    @rule(pick=PICK, sku=st.sampled_from("AB"), quantity=st.integers(1, 3))
    def add(self, pick: int, sku: str, quantity: int) -> None:
        self.attempt(lambda: self.shop.carts.add(self.carts[pick % 3], sku=sku, quantity=quantity))

    @rule(pick=PICK, token=TOKENS)
    def place(self, pick: int, token: str) -> None:
        self.attempt(lambda: self.shop.place(self.carts[pick % 3], token))
        if self.shop.carts.get(self.carts[pick % 3]).status != "open" and pick > 2:
            self.carts[pick % 3] = self.shop.cart()

    @rule(pick=PICK, kind=st.sampled_from(["captured", "declined", "failed", "expired", "pending"]), off=st.booleans())
    def webhook(self, pick: int, kind: str, off: bool) -> None:
        order = self.order(pick)
        if order:
            payment = order.payments[pick % len(order.payments)]
            amount = payment.amount.amount + off
            self.shop.webhook(
                payment.id, kind, amount, provider=payment.provider, event_id=f"{kind}{amount}{payment.id}"
            )

    @rule(pick=PICK, act=st.sampled_from(["cancel", "fulfill"]))
    def end(self, pick: int, act: str) -> None:
        order = self.order(pick)
        if order:
            self.attempt(lambda: getattr(self.shop.orders, act)(order.number))

    @rule(
        pick=PICK,
        act=st.sampled_from(["ship", "cancel_lines", "come_back", "edit", "pay", "refund", "goodwill", "capture"]),
        pieces=st.integers(0, 4),
    )
    def clerk(self, pick: int, act: str, pieces: int) -> None:
        order = self.order(pick)
        if order:
            self.attempt(lambda: self.acts(act, order, order.lines[pick % len(order.lines)].id, pieces))

    def acts(self, act: str, order: Any, line: int, pieces: int) -> None:
        orders, number = self.shop.orders, order.number
        if act in {"ship", "cancel_lines"}:
            getattr(orders, act)(number, lines={line: pieces})
        elif act == "come_back":
            asked = orders.request_return(number, lines={line: pieces})
            orders.receive_return(asked.id)
            (orders.refund_return if pieces > 1 else orders.reject_return)(asked.id)
        elif act == "edit":
            edit = orders.begin_edit(number)
            try:
                orders.edit_set(edit.id, line, quantity=pieces)
                orders.edit_add(edit.id, sku="B", quantity=1)
                orders.commit_edit(edit.id)
            except CommerceError:
                orders.discard_edit(edit.id)
        elif act == "pay":
            orders.pay(number, payment={"method": "pix"} if pieces > 2 else {"method": "card", "token": "tok_ok"})
        elif act == "goodwill":
            orders.refund(number, amount=1)
        else:
            getattr(orders, act)(number)

    @rule(minutes=st.sampled_from([0, 1, 31]))
    def time_passes(self, minutes: int) -> None:
        self.shop.clock.advance(minutes=minutes)
        self.shop.recover()

    @invariant()
    def the_books_are_right(self) -> None:
        report = self.shop.audit()
        assert report.clean, report.violations

    def teardown(self) -> None:
        self.shop.close()


class TestBooks(ShopMachine.TestCase):  # type: ignore[misc,name-defined]
    """After every step of random buyers, providers, clerks and time, the audit finds nothing."""

    settings = settings(max_examples=8, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
