"""Cards by Stripe, on its official library (`pip install mestres[stripe]`).

A payment is a PaymentIntent under our key: the same key never charges twice, however often it is asked. With
`capture="manual"` the money is authorized at the checkout and taken by `shop.orders.capture`; Stripe takes it once and
releases the rest. Give the shop `providers=(StripeProvider("sk_..."),)` and let Stripe send `payment_intent.*`,
`charge.refunded` and `refund.*` to `/api/v1/payments/stripe/events`.

What Stripe calls minor units is not everywhere what ISO 4217 does: see `smallest_unit`.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from typing import Any, Literal

import stripe

from mestres_core.errors import InvalidSignature, ValidationError
from mestres_core.rules.money import Money, Number, digits, round_half_up
from mestres_core.typing import CaptureRequest, PaymentEvent, PaymentRequest, RefundRequest, VoidRequest

_WHOLE = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())
_THOUSANDTHS = frozenset("BHD IQD JOD KWD LYD OMR TND".split())
_STEP = 10  # Stripe takes no last digit of a third decimal
_KEY, _AMOUNT, _REFUND = "mestres_key", "mestres_amount", "mestres_refund"
_MOST_KNOWN = 10_000
_STATUS = {
    "succeeded": "captured",
    "requires_capture": "authorized",
    "processing": "pending",
    "requires_action": "pending",
    "requires_confirmation": "pending",
    "requires_payment_method": "declined",
    "canceled": "voided",
}
_REFUND_STATUS = {"succeeded": "refunded", "failed": "refund_failed", "canceled": "refund_failed"}


def smallest_unit(amount: Number, currency: str) -> int:
    """What Stripe is told for an amount in major units: 2.675 USD is 268, 500 JPY is 500, 5.124 KWD is 5130.

    Halves round up. Currencies with three decimals go up to the next ten, for Stripe takes no last digit: whoever sells
    in them keeps prices to two decimals.
    """
    exact = Fraction(repr(amount)) if isinstance(amount, float) else Fraction(amount)
    if currency in _THOUSANDTHS:
        return -(-round_half_up(exact * 1000) // _STEP) * _STEP
    return round_half_up(exact * (1 if currency in _WHOLE else 100))


def minor_units(told: int, currency: str) -> int:
    """The minor units by ISO 4217 of an amount that Stripe tells."""
    places = 3 if currency in _THOUSANDTHS else 0 if currency in _WHOLE else 2
    return round_half_up(Fraction(told) * 10 ** digits(currency) / 10**places)


class StripeProvider:
    """Cards, charged at once (`capture="automatic"`) or authorized first ("manual").

    `webhook_secret` is the endpoint's own ("whsec_..."); without it the shop's counts. `api_base` is for tests. Threads
    may share it.
    """

    name = "stripe"
    methods: tuple[str, ...] = ("card",)
    several_captures = False

    def __init__(
        self,
        api_key: str,
        *,
        capture: Literal["automatic", "manual"] = "automatic",
        webhook_secret: str | None = None,
        api_base: str | None = None,
        max_network_retries: int = 2,
    ) -> None:
        if capture not in ("automatic", "manual"):
            raise ValueError(f"capture must be 'automatic' or 'manual', not {capture!r}")
        self._client = stripe.StripeClient(
            api_key,
            base_addresses={"api": api_base} if api_base else None,
            max_network_retries=max_network_retries,
        )
        self._capture = capture
        self._secret = webhook_secret
        self._known: OrderedDict[str, str] = OrderedDict()  # our key: Stripe's id
        self._lock = threading.Lock()

    def charge(self, request: PaymentRequest) -> PaymentEvent:
        """Create and confirm a PaymentIntent; without a token the buyer's browser confirms it by `client_secret`."""
        currency = request.amount.currency
        params: dict[str, Any] = {
            "amount": _told(request.amount),
            "currency": currency.lower(),
            "capture_method": self._capture,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {_KEY: request.key, _AMOUNT: str(request.amount.amount), "order": request.order_number},
        }
        if request.token:
            params |= {"payment_method": request.token, "confirm": True}
        try:
            made = self._client.v1.payment_intents.create(params, _options(request.key))  # type: ignore[arg-type]
        except stripe.CardError as error:
            intent = _intent_of(error)
            if intent is not None:
                return self._event(intent, f"{request.key}:declined", kind="declined")
            return _no(request.key, "declined", request.amount.amount)
        except stripe.InvalidRequestError:
            return _no(request.key, "failed", request.amount.amount)  # refused for good: nothing was charged
        return self._event(_plain(made), f"{request.key}:answer", confirmed=bool(request.token))

    def capture(self, key: str) -> PaymentEvent:
        """Take all that is authorized. Raises LookupError for a charge that Stripe does not know."""
        intent = self._find(key)
        if intent is None:
            raise LookupError(f"Stripe knows no charge {key!r}")
        if intent["status"] != "succeeded":
            made = self._client.v1.payment_intents.capture(intent["id"], {}, _options(f"cap_{key}"))
            intent = _plain(made)
        return self._event(intent, f"{key}:captured")

    def capture_part(self, request: CaptureRequest) -> PaymentEvent:
        """Take a part; Stripe releases the rest."""
        intent_id = self._id_of(request.payment_key, request.reference)
        try:
            made = self._client.v1.payment_intents.capture(
                intent_id, {"amount_to_capture": _told(request.amount)}, _options(request.key)
            )
        except stripe.InvalidRequestError:
            return _no(request.payment_key, "capture_failed", request.amount.amount, operation=request.key)
        told = self._event(_plain(made), f"{request.key}:answer")
        return replace(told, operation=request.key, amount=request.amount.amount)

    def void(self, request: VoidRequest) -> PaymentEvent:
        """Cancel the PaymentIntent: nothing more of it will be taken."""
        intent_id = self._id_of(request.payment_key, request.reference)
        try:
            made = self._client.v1.payment_intents.cancel(intent_id, {}, _options(request.key))
        except stripe.InvalidRequestError:
            return _no(request.payment_key, "void_failed", request.amount.amount, operation=request.key)
        told = self._event(_plain(made), f"{request.key}:answer")
        return replace(told, operation=request.key, amount=request.amount.amount)

    def refund(self, request: RefundRequest) -> PaymentEvent:
        """Give back; `pending` while the bank is at it: asked again, or told by webhook."""
        intent_id = self._id_of(request.payment_key, request.reference)
        params: dict[str, Any] = {
            "payment_intent": intent_id,
            "amount": _told(request.amount),
            "metadata": {_KEY: request.payment_key, _REFUND: request.key, _AMOUNT: str(request.amount.amount)},
        }
        try:
            made = _plain(self._client.v1.refunds.create(params, _options(request.key)))  # type: ignore[arg-type]
        except stripe.InvalidRequestError:
            return _no(request.payment_key, "refund_failed", request.amount.amount, operation=request.key)
        return PaymentEvent(
            provider=self.name,
            id=f"{request.key}:{made['status']}",
            key=request.payment_key,
            kind=_REFUND_STATUS.get(made["status"], "pending"),
            amount=request.amount.amount,
            reference=made["id"],
            operation=request.key,
        )

    def lookup(self, key: str) -> PaymentEvent | None:
        """What became of a charge; None when Stripe has never heard of it."""
        intent = self._find(key)
        return None if intent is None else self._event(intent, f"{key}:{intent['status']}")

    def read_event(
        self,
        *,
        body: bytes,
        headers: Mapping[str, str],
        secret: str,
        now: datetime,  # noqa: ARG002 - the library looks at the machine's clock
    ) -> PaymentEvent | None:
        """Read a webhook that the library has verified; None for what is not about a payment of this shop."""
        signature = next((value for name, value in headers.items() if name.lower() == "stripe-signature"), "")
        try:
            event = stripe.Webhook.construct_event(body, signature, self._secret or secret)
        except stripe.SignatureVerificationError:
            raise InvalidSignature(self.name) from None
        except ValueError:
            raise ValidationError.of("body", "invalid", reason="not an event of Stripe's") from None
        told = _plain(event)
        about = (told.get("data") or {}).get("object") or {}
        kind = str(told.get("type", ""))
        if not (about.get("metadata") or {}).get(_KEY):
            return None
        if kind.startswith("payment_intent."):
            return self._event(about, str(told["id"]), failed=kind.endswith("payment_failed"))
        if kind == "charge.refunded":
            return _back(about, str(told["id"]), about["amount_refunded"])
        if kind.startswith("refund.") and about.get("status") in _REFUND_STATUS:
            done = _back(about, str(told["id"]), about["amount"])
            operation = str(about["metadata"].get(_REFUND, ""))
            return replace(done, kind=_REFUND_STATUS[about["status"]], operation=operation) if operation else None
        return None

    def _event(
        self,
        intent: Mapping[str, Any],
        event_id: str,
        *,
        kind: str | None = None,
        confirmed: bool = True,
        failed: bool = False,
    ) -> PaymentEvent:
        """What a PaymentIntent says of a payment."""
        key = str(intent["metadata"][_KEY])
        with self._lock:
            self._known[key] = intent["id"]
            while len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
        status = str(intent["status"])
        found = kind or ("declined" if failed else _STATUS.get(status, "pending"))
        if status == "requires_payment_method" and not (failed or kind or intent.get("last_payment_error")):
            found = "pending"  # nobody has tried yet
        waits = found == "pending" and (not confirmed or status in ("requires_action", "requires_payment_method"))
        action = {"type": "stripe", "client_secret": intent.get("client_secret")} if waits else {}
        amount = {"captured": "amount_received", "authorized": "amount_capturable"}.get(found, "amount")
        return PaymentEvent(
            provider=self.name,
            id=event_id,
            key=key,
            kind=found,
            amount=_ours(intent, intent.get(amount) or 0),
            reference=intent["id"],
            action=action,
        )

    def _id_of(self, key: str, reference: str) -> str:
        if reference.startswith("pi_"):
            return reference
        intent = self._find(key)
        if intent is None:
            raise LookupError(f"Stripe knows no charge {key!r}")
        return str(intent["id"])

    def _find(self, key: str) -> Any:
        """The PaymentIntent of our key: by its id if known here, by Stripe's search, which lags, or by its list."""
        with self._lock:
            known = self._known.get(key)
        if known is not None:
            return _plain(self._client.v1.payment_intents.retrieve(known))
        found = _plain(self._client.v1.payment_intents.search({"query": f"metadata['{_KEY}']:'{key}'"}))["data"]
        if not found:
            latest = _plain(self._client.v1.payment_intents.list({"limit": 100}))["data"]
            found = [each for each in latest if (each.get("metadata") or {}).get(_KEY) == key]
        return found[0] if found else None


def _told(amount: Money) -> int:
    return smallest_unit(amount.to_decimal(), amount.currency)


def _ours(told: Mapping[str, Any], amount: int) -> int:
    """Minor units of an amount; the whole of what we asked for is exactly what we asked for, however it was rounded."""
    currency, asked = str(told["currency"]).upper(), str((told.get("metadata") or {}).get(_AMOUNT, ""))
    if asked.isascii() and asked.isdigit() and _told(Money(int(asked), currency)) == amount:
        return int(asked)
    return minor_units(amount, currency)


def _back(about: Mapping[str, Any], event_id: str, amount: int) -> PaymentEvent:
    return PaymentEvent(
        provider=StripeProvider.name,
        id=event_id,
        key=str(about["metadata"][_KEY]),
        kind="refunded",
        amount=_ours(about, amount),
        # The charge's own name stays that of its PaymentIntent: what is refunded later needs it.
        reference=str(about.get("payment_intent") or ""),
    )


def _no(key: str, kind: str, amount: int, *, operation: str = "") -> PaymentEvent:
    """A clear no."""
    name = f"{operation or key}:{kind}"
    return PaymentEvent(provider=StripeProvider.name, id=name, key=key, kind=kind, amount=amount, operation=operation)


def _options(key: str) -> Any:
    return {"idempotency_key": key}


def _intent_of(error: stripe.CardError) -> Mapping[str, Any] | None:
    """The PaymentIntent that a declined card has left behind."""
    body: Any = error.json_body
    found = ((body or {}).get("error") or {}).get("payment_intent")
    return found if found and (found.get("metadata") or {}).get(_KEY) else None


def _plain(value: Any) -> Any:
    return value.to_dict()
