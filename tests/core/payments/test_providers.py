"""The built-in providers, and Stripe, do what a provider must; a broken one fails by name."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from mestres_core.providers.fake import FakeBoleto, FakeCard, FakePix, signed_event
from mestres_core.providers.stripe import StripeProvider, minor_units, smallest_unit
from mestres_core.testing.providers import Setting, check_provider, points
from mestres_core.typing import PaymentEvent, RefundRequest
from servers.stripe_api import DECLINED, StripeApi, running_stripe

SECRET = "whsec_of_tests"


def signed(key: str, kind: str, amount: int) -> tuple[bytes, dict[str, str]]:
    return signed_event(key=key, kind=kind, amount=amount, secret=SECRET, now=datetime.now(UTC))


CARD: dict[str, Any] = {
    "method": "card",
    "token": "tok_ok",
    "declined": "tok_declined",
    "authorizes": "tok_auth",
    "sign": signed,
    "secret": SECRET,
}


def test_the_built_in_providers_are_as_they_must_be() -> None:
    """Every point holds for the card, for PIX and for boleto, each with the points that concern it."""
    assert len(check_provider(FakeCard, **CARD)) == 12
    for make, method in ((FakePix, "pix"), (FakeBoleto, "boleto")):
        assert len(check_provider(make, method=method, sign=signed, secret=SECRET)) == 7


@pytest.fixture(scope="module")
def stripe_server() -> Iterator[tuple[StripeApi, str]]:
    with running_stripe() as running:
        yield running


@pytest.fixture
def api(stripe_server: tuple[StripeApi, str]) -> StripeApi:
    return stripe_server[0]


def stripe_signed(key: str, kind: str, amount: int) -> tuple[bytes, dict[str, str]]:
    """An event as Stripe sends it, signed by the library's own function."""
    intent = {
        "id": "pi_x",
        "object": "payment_intent",
        "amount": amount,
        "amount_received": amount,
        "currency": "brl",
        "status": "succeeded",
        "metadata": {"mestres_key": key, "mestres_amount": str(amount)},
    }
    return stripe_event(f"evt_{key}_{kind}", "payment_intent.succeeded", intent)


def stripe_event(event_id: str, kind: str, about: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    body = json.dumps({"id": event_id, "object": "event", "type": kind, "data": {"object": about}})
    header = stripe.WebhookSignature.generate_signature_header(body, SECRET)
    return body.encode(), {"Stripe-Signature": header}


@pytest.mark.parametrize("capture", ["automatic", "manual"])
def test_stripe_is_as_it_must_be(stripe_server: tuple[StripeApi, str], capture: Any) -> None:
    """Every point that concerns it holds for Stripe, charging at once and authorizing first."""

    def make() -> StripeProvider:
        return StripeProvider("sk_test_1", api_base=stripe_server[1], capture=capture, max_network_retries=0)

    more = {"authorizes": "pm_card_visa"} if capture == "manual" else {}
    token = "pm_card_visa"
    # An authorized charge has nothing to give back yet: refunds are checked with those that are charged at once.
    setting = {"method": "card", "declined": DECLINED, "sign": stripe_signed, "secret": SECRET, **more}
    if capture == "automatic":
        assert len(check_provider(make, token=token, **setting)) == 8
        return
    named = dict(points(Setting(make=make, token=token, **setting)))
    for name in ("authorizes", "captures once", "captures a part", "voids", "declines", "looks up", "charges once"):
        named[name](Setting(make=make, token=token, **setting))


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        pytest.param("50098", "JPY", 50098, id="A5 yen have no decimals"),
        pytest.param("2.675", "USD", 268, id="A5 halves go up"),
        pytest.param(2.675, "USD", 268, id="A5 a float means what it prints"),
        pytest.param("100.54", "USD", 10054, id="A5 two decimals"),
        pytest.param("0.054", "USD", 5, id="A5 below a half"),
        pytest.param("0.005104", "USD", 1, id="A5 just above a half"),
        pytest.param("0.004104", "USD", 0, id="A5 just below a half"),
        pytest.param("5.124", "KWD", 5130, id="A5 three decimals up to ten"),
        pytest.param("5.120", "KWD", 5120, id="A5 three decimals that end in zero"),
        pytest.param("100", "ISK", 10000, id="ISK has two at Stripe, none by ISO"),
        pytest.param("100", "MGA", 100, id="MGA has none at Stripe, two by ISO"),
    ],
)
def test_what_stripe_is_told(amount: Any, currency: str, expected: int) -> None:
    """Amounts in major units become Stripe's own smallest units."""
    assert smallest_unit(amount, currency) == expected


@pytest.mark.parametrize(
    ("currency", "told", "ours"), [("JPY", 500, 500), ("ISK", 500, 5), ("MGA", 5, 500), ("KWD", 5130, 5130)]
)
def test_what_stripe_tells(currency: str, told: int, ours: int) -> None:
    """Stripe's units become those of ISO 4217."""
    assert minor_units(told, currency) == ours


class Charges(FakeCard):
    def charge(self, request: Any) -> PaymentEvent:
        event = super().charge(request)
        return replace(event, id=f"{event.id}{id(object())}{len(vars(self))}{next(_numbers)}")


_numbers = iter(range(10_000))


class Refunds(FakeCard):
    def refund(self, request: RefundRequest) -> PaymentEvent:
        return replace(super().refund(request), id=f"r{next(_numbers)}")


class Captures(FakeCard):
    def capture(self, key: str) -> PaymentEvent:
        return PaymentEvent(provider=self.name, id=f"cap_{key}", key=key, kind="captured", amount=1000)


class Parts(FakeCard):
    def capture_part(self, request: Any) -> PaymentEvent:
        return PaymentEvent(
            provider=self.name,
            id=request.key,
            key=request.payment_key,
            kind="captured",
            amount=request.amount.amount,
            operation=request.key,
        )


class Voids(FakeCard):
    def void(self, request: Any) -> PaymentEvent:
        return replace(super().void(request), kind="pending")


class Shape(FakeCard):
    several_captures = None


class Declines(FakeCard):
    def charge(self, request: Any) -> PaymentEvent:
        if request.token == "tok_declined":
            raise RuntimeError("declined")
        return super().charge(request)


class Looks(FakeCard):
    def lookup(self, key: str) -> PaymentEvent | None:
        return super().lookup(key) or PaymentEvent(provider=self.name, id=key, key=key, kind="failed", amount=0)


class Authorizes(FakeCard):
    def charge(self, request: Any) -> PaymentEvent:
        event = super().charge(request)
        return replace(event, kind="captured") if event.kind == "authorized" else event


class Mixes(FakeCard):
    def charge(self, request: Any) -> PaymentEvent:
        return replace(super().charge(request), id="evt")


class Reads(FakeCard):
    def read_event(self, **given: Any) -> PaymentEvent:
        return replace(super().read_event(**given), amount=1)


class Trusts(FakeCard):
    def read_event(self, *, body: bytes, headers: Any, secret: str, now: Any) -> PaymentEvent:
        given = json.loads(body)
        return PaymentEvent(
            provider=self.name, id=given["id"], key=given["key"], kind=given["kind"], amount=given["amount"]
        )


BROKEN = {
    "has its shape": Shape,
    "charges once": Charges,
    "tells charges apart": Mixes,
    "declines": Declines,
    "looks up": Looks,
    "authorizes": Authorizes,
    "captures once": Captures,
    "captures a part": Parts,
    "voids": Voids,
    "refunds once": Refunds,
    "reads its webhooks": Reads,
    "refuses forged webhooks": Trusts,
}


@pytest.mark.parametrize("point", BROKEN)
def test_a_broken_provider_fails_by_name(point: str) -> None:
    """For each point there is a provider that breaks it, and is told so."""
    with pytest.raises(AssertionError, match=point):
        check_provider(BROKEN[point], **CARD)


def test_every_point_has_its_broken_provider() -> None:
    """No point is taken on trust."""
    assert set(BROKEN) == {name for name, _ in points(Setting(make=FakeCard, **CARD))}


def test_a_shop_on_stripe(stripe_server: tuple[StripeApi, str], tmp_path: Any) -> None:
    """From authorization to a refund told by webhook, every call to Stripe under the key of what was written down."""
    from core_shop import TestShop

    api, address = stripe_server
    provider = StripeProvider("sk_test_1", api_base=address, capture="manual", webhook_secret=SECRET)
    shop = TestShop(f"sqlite:///{tmp_path / 'stripe.db'}", providers=(provider,))
    shop.product()
    order = shop.buy(token="pm_card_visa").order
    paid, grand = order.payments[0], order.totals.grand.amount
    assert (order.payment_status, paid.reference) == ("authorized", list(api.intents)[-1])
    assert ("POST", "/v1/payment_intents", paid.id) in api.calls
    after = shop.orders.capture(order.number, amount=600)
    assert (after.payments[0].captured, after.payments[0].status) == (600, "captured")
    refund = shop.orders.refund(order.number, amount=100)
    assert ("POST", "/v1/refunds", refund.id) in api.calls
    about = {"currency": "brl", "amount_refunded": 250, "metadata": {"mestres_key": paid.id}}
    body, headers = stripe_event("evt_back", "charge.refunded", about)
    for _ in range(2):
        shop.payments.receive("stripe", body=body, headers=headers)
    assert shop.orders.get(order.number).refunded.amount == 250
    assert grand > 600
    ignored, signature = stripe_event("evt_other", "customer.created", {"id": "cus_1"})
    shop.payments.receive("stripe", body=ignored, headers=signature)
    assert shop.audit().clean
    shop.close()


def test_stripe_is_found_again_after_a_crash(stripe_server: tuple[StripeApi, str], tmp_path: Any) -> None:
    """Whoever died after the charge is replaced by a process that knows no ids, while Stripe's search still lags."""
    from core_shop import TestShop

    api, address = stripe_server
    providers = [StripeProvider("sk_test_1", api_base=address, max_network_retries=0) for _ in range(2)]
    shop = TestShop(f"sqlite:///{tmp_path / 'stripe.db'}", providers=(providers[0],))
    shop.product()
    begun = shop.checkout.begin(**shop.arguments(shop.quote(shop.cart(("A1", 1))), token="pm_card_visa"))
    before = len(api.intents)
    providers[0].charge(begun.request)
    other = TestShop(f"sqlite:///{tmp_path / 'stripe.db'}", providers=(providers[1],))
    other.clock.advance(seconds=31)
    api.hidden = True
    try:
        assert other.recover() == 1
    finally:
        api.hidden = False
    assert other.orders.get(begun.order.number).payment_status == "paid"
    api.broken = 1
    unclear = other.place(other.cart(("A1", 1)), "pm_card_visa", key="another")
    assert unclear.order.status == "pending"  # asked for later
    other.clock.advance(seconds=31)
    other.recover()
    assert len(api.intents) == before + 1
    assert other.audit().clean
    for each in (shop, other):
        each.close()
