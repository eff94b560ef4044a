"""A small shop in which everything happens: buyers, clerks, providers, time. The audit looks after every step."""

import atexit
import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core_shop import ADDRESS, CUSTOMER, TestShop
from mestres_core.errors import CommerceError
from mestres_core.providers.fake import FakeBoleto, FakeCard, FakePix
from servers.quick import quick_folder

PICK = st.integers(0, 4)
SKUS = st.sampled_from("ABC")
SOME = st.integers(1, 3)
WHERE = st.sampled_from(["default", "loja"])
STEPS, SEQUENCES = 100, 50  # in each of two files
TENDERS = ("tok_ok", "tok_auth", "tok_declined", "tok_down", "pix", "boleto", "gift", "credit", "split")
TOLD = ("authorized", "captured", "declined", "failed", "expired", "pending", "refunded", "voided")


class Machine(RuleBasedStateMachine):
    """Random acts; those that are refused change nothing, whatever else they do the books stay right.

    Each database has a subclass, which opens the shop and knows when something has been written.
    """

    def __init__(self) -> None:
        super().__init__()
        self.shop = self.opened()
        self.customer = self.shop.customers.find(CUSTOMER["email"]).id
        self.looked_at: object = None
        self.carts = [self.shop.cart() for _ in range(3)]
        self.numbers: list[str] = []
        self.asked: tuple[dict[str, Any], str] | None = None
        self.seen = 0

    def opened(self) -> TestShop:
        """A furnished shop."""
        raise NotImplementedError

    def written(self) -> object:
        """Something that is another as soon as anything has been written."""
        raise NotImplementedError

    def attempt(self, act: Any) -> Any:
        """What it gives; a refusal is fine, anything else is a bug."""
        with contextlib.suppress(CommerceError):
            return act()
        return None

    def order(self, pick: int) -> Any:
        """One of the last orders."""
        return self.shop.orders.get(self.numbers[pick % len(self.numbers)])

    # Buyers

    @rule(pick=PICK, sku=SKUS, quantity=SOME)
    def add(self, pick: int, sku: str, quantity: int) -> None:
        self.attempt(lambda: self.shop.carts.add(self.carts[pick % 3], sku=sku, quantity=quantity))

    @rule(pick=PICK, quantity=st.integers(0, 4))
    def change(self, pick: int, quantity: int) -> None:
        cart = self.shop.carts.get(self.carts[pick % 3])
        if cart.lines:
            line = cart.lines[pick % len(cart.lines)]
            self.attempt(lambda: self.shop.carts.update(cart.id, line.id, quantity=quantity))

    @rule(pick=PICK, code=st.sampled_from(["DEZ", "NIVER", "NADA"]), into=st.booleans())
    def coupon(self, pick: int, code: str, into: bool) -> None:
        act = self.shop.carts.add_coupon if into else self.shop.carts.remove_coupon
        self.attempt(lambda: act(self.carts[pick % 3], code))

    @rule(pick=PICK, policy=st.sampled_from(["merge", "sum", "use_guest", "use_existing"]))
    def log_in(self, pick: int, policy: str) -> None:
        guest, account = self.carts[pick % 3], self.carts[(pick + 1) % 3]
        if self.attempt(lambda: self.shop.carts.merge(guest, into=account, policy=policy)):
            self.carts[pick % 3] = self.shop.cart()

    @precondition(lambda self: self.numbers)
    @rule(pick=PICK, token=st.sampled_from(["tok_ok", "tok_auth", "tok_declined", "pix", "gift", "credit"]))
    def pay_the_rest(self, pick: int, token: str) -> None:
        order = self.order(pick)
        self.attempt(lambda: self.shop.orders.pay(order.number, payment=self.payment(token)))

    @rule(pick=PICK)
    def reserve(self, pick: int) -> None:
        self.attempt(lambda: self.shop.carts.reserve(self.carts[pick % 3]))

    @initialize(tenders=st.lists(st.sampled_from(TENDERS), min_size=2, max_size=3))
    def begin(self, tenders: list[str]) -> None:
        for pick, tender in enumerate(tenders):
            self.shop.carts.add(self.carts[pick], sku="ABC"[pick], quantity=2)
            self.buy(pick, tender, halfway=False)

    @rule(pick=PICK, sku=SKUS, quantity=SOME, tender=st.sampled_from(TENDERS), halfway=st.booleans())
    def add_and_buy(self, pick: int, sku: str, quantity: int, tender: str, halfway: bool) -> None:
        self.attempt(lambda: self.shop.carts.add(self.carts[pick % 3], sku=sku, quantity=quantity))
        self.buy(pick, tender, halfway)

    def buy(self, pick: int, tender: str, halfway: bool) -> None:
        cart = self.carts[pick % 3]
        quote = self.attempt(lambda: self.shop.checkout.quote(cart, address=ADDRESS))
        if quote is None:
            return
        self.seen += 1
        arguments = {
            "cart_id": cart,
            "quote_hash": quote.hash,
            "idempotency_key": f"key-{self.seen}",
            "customer": CUSTOMER,
            "payment": self.payment(tender),
        }
        # A process that dies between the two is somebody who only begins.
        act = self.shop.checkout.begin if halfway else self.shop.checkout.place
        bought = self.attempt(lambda: act(**arguments))
        if bought is not None:
            self.asked = (arguments, bought.order.number)
        self.numbers = [each.number for each in self.shop.orders.list()][:5]
        if self.shop.carts.get(cart).status != "open":
            self.carts[pick % 3] = self.shop.cart()

    @rule()
    def ask_again(self) -> None:
        """The same request once more is the same order; if it has come to nothing, that is told."""
        if self.asked:
            arguments, number = self.asked
            again = self.attempt(lambda: self.shop.checkout.place(**arguments))
            assert again is None or again.order.number == number

    def payment(self, tender: str) -> Any:
        """How the buyer pays."""
        gift = {"method": "gift_card", "code": GIFT}
        if tender == "split":
            return [{**gift, "amount": 700}, {"method": "card", "token": "tok_ok"}]
        if tender == "gift":
            return gift
        if tender == "credit":
            token = self.attempt(lambda: self.shop.customers.token(self.customer))
            return {"method": "store_credit", "token": token or "of somebody who was erased"}
        return {"method": tender} if not tender.startswith("tok_") else {"method": "card", "token": tender}

    # Providers and time

    @precondition(lambda self: self.numbers)
    @rule(pick=PICK, kind=st.sampled_from(TOLD), off=st.booleans())
    def webhook(self, pick: int, kind: str, off: bool) -> None:
        order = self.order(pick)
        payment = order.payments[pick % len(order.payments)]
        amount = payment.amount.amount + off
        told = f"{kind}{amount}{payment.id}"
        self.attempt(lambda: self.shop.webhook(payment.id, kind, amount, provider=payment.provider, event_id=told))

    @rule(minutes=st.sampled_from([0, 1, 20, 31, 60 * 24 * 4]))
    def time_passes(self, minutes: int) -> None:
        self.shop.clock.advance(minutes=minutes)
        self.shop.recover()

    # Clerks

    @precondition(lambda self: self.numbers)
    @rule(pick=PICK, amount=st.one_of(st.none(), st.integers(1, 2500)))
    def refund(self, pick: int, amount: int | None) -> None:
        order = self.order(pick)
        self.attempt(lambda: self.shop.orders.refund(order.number, amount=amount))

    @precondition(lambda self: self.numbers)
    @rule(pick=PICK, amount=st.one_of(st.none(), st.integers(1, 2500)))
    def capture(self, pick: int, amount: int | None) -> None:
        order = self.order(pick)
        self.attempt(lambda: self.shop.orders.capture(order.number, amount=amount))

    @precondition(lambda self: self.numbers)
    @rule(pick=PICK, act=st.sampled_from(["cancel", "fulfill", "void"]))
    def end(self, pick: int, act: str) -> None:
        order = self.order(pick)
        room = self.shop.payments if act == "void" else self.shop.orders
        self.attempt(lambda: getattr(room, act)(order.number))

    @precondition(lambda self: self.numbers)
    @rule(pick=PICK, pieces=SOME, act=st.sampled_from(["ship", "cancel_lines"]))
    def some_pieces(self, pick: int, pieces: int, act: str) -> None:
        order = self.order(pick)
        line = order.lines[pick % len(order.lines)]
        self.attempt(lambda: getattr(self.shop.orders, act)(order.number, lines={line.id: pieces}))

    @precondition(lambda self: self.numbers)
    @rule(pick=PICK, pieces=SOME, scrap=st.booleans(), end=st.sampled_from(["refund", "reject", "wait"]))
    def send_back(self, pick: int, pieces: int, scrap: bool, end: str) -> None:
        order = self.order(pick)
        line = order.lines[pick % len(order.lines)]
        asked = self.attempt(lambda: self.shop.orders.request_return(order.number, lines={line.id: pieces}))
        if asked is None or end == "wait":
            return
        if end == "reject":
            self.attempt(lambda: self.shop.orders.reject_return(asked.id))
            return
        lost = {line.id: 1} if scrap else None
        self.attempt(lambda: self.shop.orders.receive_return(asked.id, scrap=lost))
        self.attempt(lambda: self.shop.orders.refund_return(asked.id))

    @precondition(lambda self: self.numbers)
    @rule(pick=PICK, sku=SKUS, quantity=st.integers(0, 3), end=st.sampled_from(["commit", "discard", "wait"]))
    def edit(self, pick: int, sku: str, quantity: int, end: str) -> None:
        order = self.order(pick)
        change = self.attempt(lambda: self.shop.orders.begin_edit(order.number))
        if not change:
            return
        line = order.lines[pick % len(order.lines)]
        if pick % 2:
            self.attempt(lambda: self.shop.orders.edit_set(change.id, line.id, quantity=quantity))
        if quantity:
            self.attempt(lambda: self.shop.orders.edit_add(change.id, sku=sku, quantity=quantity))
        if end == "commit":
            self.attempt(lambda: self.shop.orders.commit_edit(change.id))
            if pick > 2:
                self.pay_the_rest(pick, "tok_ok")
        elif end == "discard":
            self.attempt(lambda: self.shop.orders.discard_edit(change.id))

    @rule(sku=SKUS, quantity=st.integers(0, 6), act=st.sampled_from(["receive", "set"]), where=WHERE)
    def stock(self, sku: str, quantity: int, act: str, where: str) -> None:
        if act == "set":
            self.attempt(lambda: self.shop.inventory.set(sku, on_hand=quantity, location=where))
        elif quantity:
            self.shop.inventory.receive(sku, quantity=quantity, location=where)

    @rule(sku=SKUS, pieces=SOME, back=st.booleans())
    def transfer(self, sku: str, pieces: int, back: bool) -> None:
        source, target = ("loja", "default") if back else ("default", "loja")
        self.attempt(lambda: self.shop.inventory.transfer(sku, quantity=pieces, source=source, target=target))

    @rule(sku=SKUS, limit=st.integers(0, 3), where=WHERE)
    def allow_backorders(self, sku: str, limit: int, where: str) -> None:
        self.attempt(lambda: self.shop.inventory.configure(sku, backorder_limit=limit, location=where))

    @rule(amount=st.integers(1, 3000), act=st.sampled_from(["top_up", "debit", "grant", "take", "off", "on"]))
    def account(self, amount: int, act: str) -> None:
        cards, credit = self.shop.gift_cards, self.shop.store_credit
        if act in ("top_up", "debit"):
            self.attempt(lambda: getattr(cards, act)(GIFT, amount=amount))
        elif act in ("on", "off"):
            self.attempt(lambda: cards.change(GIFT, active=act == "on"))
        else:
            self.attempt(lambda: getattr(credit, {"take": "debit"}.get(act, act))(self.customer, amount=amount))

    @rule()
    def erase_the_buyer(self) -> None:
        self.attempt(lambda: self.shop.customers.erase(self.customer))
        self.attempt(lambda: self.shop.customers.create(**CUSTOMER))
        found = self.attempt(lambda: self.shop.customers.find(CUSTOMER["email"]))
        self.customer = found.id if found else self.customer

    @rule(budget=st.integers(0, 4000), most=st.integers(1, 4))
    def change_promotions(self, budget: int, most: int) -> None:
        self.attempt(lambda: save_promotions(self.shop, budget=budget, most=most))

    @rule(sku=SKUS, amount=st.integers(1, 4000))
    def reprice(self, sku: str, amount: int) -> None:
        self.shop.pricing.set_price(sku, amount=amount)

    @invariant()
    def the_books_are_right(self) -> None:
        # An act that was refused has written nothing, so the books are those that were looked at.
        written = self.written()
        if written != self.looked_at:
            report = self.shop.audit()
            assert report.clean, report.violations
            self.looked_at = written

    def teardown(self) -> None:
        self.shop.close()


class OnSqlite(Machine):
    """Each sequence has a copy of a file."""

    def opened(self) -> TestShop:
        file = copy_of_template()
        self.onlooker = sqlite3.connect(file)
        return furnished(f"sqlite:///{file}")

    def written(self) -> object:
        return self.onlooker.execute("PRAGMA data_version").fetchone()[0]

    def teardown(self) -> None:
        self.onlooker.close()
        super().teardown()


GIFT = "PRESENTE2026"


def furnished(url: str, *, new: bool = False, memory: Path | None = None) -> TestShop:
    """The shop at `url`; a new one is filled. `memory` is what the card's provider writes its charges down in."""
    shop = TestShop(url, providers=(FakeCard(memory=memory, sleep=lambda _seconds: None), FakePix(), FakeBoleto()))
    if new:
        for sku, price, stock in (("A", 1990, 5), ("B", 333, 3), ("C", 1005, 9)):
            shop.product(sku, price=price, stock=stock)
        shop.tax.set_rate("ICMS", percent=7)
        shop.inventory.save_location("loja", priority=1)
        shop.promotions.save_coupon("NIVER", amount=500, minimum=2000)
        save_promotions(shop, budget=3000, most=3)
        shop.gift_cards.issue(amount=5000, code=GIFT)
        shop.customers.create(**CUSTOMER)
    return shop


def save_promotions(shop: TestShop, *, budget: int, most: int) -> None:
    """A coupon and a promotion with limits, new or changed."""
    shop.promotions.save_coupon("DEZ", percent=10, most_uses=most)
    three = {"type": "buy_get", "buy_quantity": 2, "get_quantity": 1}
    shop.promotions.save("three", name="Leve 3, pague 2", actions=[three], budget=budget, currency="BRL")


_TEMPLATE: list[Path] = []


def copy_of_template() -> Path:
    """A new SQLite file with a furnished shop: copied, for to migrate and fill one takes as long as fifty steps."""
    if not _TEMPLATE:
        stack = contextlib.ExitStack()
        folder = stack.enter_context(quick_folder())
        atexit.register(stack.close)
        furnished(f"sqlite:///{folder / 'template.db'}", new=True).close()
        _TEMPLATE.append(folder)
    template, copy = _TEMPLATE[0] / "template.db", _TEMPLATE[0] / "shop.db"
    for rest in _TEMPLATE[0].glob("shop.db*"):
        rest.unlink()
    with contextlib.closing(sqlite3.connect(template)) as source, contextlib.closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def how_long(sequences: int = SEQUENCES) -> settings:
    """The same steps each time, so that a failure can be looked at again; the long form takes others every time."""
    long = os.environ.get("MESTRES_STRESS") == "long"
    return settings(
        max_examples=20 * sequences if long else sequences,
        stateful_step_count=STEPS,
        deadline=None,
        derandomize=not long,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
