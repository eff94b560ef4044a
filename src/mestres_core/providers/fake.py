"""Stand-ins for payment providers: a card that obeys its token, and an asynchronous one in the manner of PIX.

They are as strict as a real provider: a key is charged once, whatever is retried, and `lookup` tells the truth. Give
them a `memory` file and they remember through a restart, as a real provider would.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path

from mestres_core.errors import ValidationError
from mestres_core.providers import signing
from mestres_core.rules.br.pix import br_code
from mestres_core.typing import PaymentEvent, PaymentRequest, RefundRequest

_KINDS = ("captured", "declined", "failed", "expired", "pending")
_AT_ONCE = {"tok_ok": "captured", "tok_slow": "captured", "tok_auth": "authorized"}
_SLOW = 2.0


class ProviderDown(Exception):
    """The provider cannot be reached."""


class _Memory:
    """What a provider knows: the last event of each key; in a file too when there is one."""

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self._path = Path(path) if path is not None else None
        self._lock = threading.Lock()
        self._events: dict[str, PaymentEvent] = {}

    def get(self, key: str) -> PaymentEvent | None:
        with self._lock:
            self._read()
            return self._events.get(key)

    def put(self, event: PaymentEvent) -> PaymentEvent:
        """Remember `event`, unless its key is known: then give back what is."""
        with self._lock:
            self._read()
            known = self._events.setdefault(event.key, event)
            if known is event and self._path is not None:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(event)) + "\n")
            return known

    def _read(self) -> None:
        if self._path is None or not self._path.exists():
            return
        for row in self._path.read_text(encoding="utf-8").splitlines():
            try:
                event = PaymentEvent(**json.loads(row))
            except ValueError:
                continue  # the line that a kill cut short: that charge never happened
            self._events.setdefault(event.key, event)


class FakeCard:
    """A card provider that does what the token says.

    tok_ok pays at once, tok_auth authorizes only, tok_declined declines, tok_slow pays after two seconds, tok_down
    cannot be reached; any other token is declined. `sleep` takes seconds.
    """

    name = "card"
    methods: tuple[str, ...] = ("card",)

    def __init__(
        self, *, memory: str | os.PathLike[str] | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._memory = _Memory(memory)
        self._sleep = sleep

    def charge(self, request: PaymentRequest) -> PaymentEvent:
        """Charge a card. Raises ProviderDown for tok_down."""
        if request.token == "tok_down":  # noqa: S105 - a name from the contract, not a secret
            raise ProviderDown("the fake card provider is down, as tok_down asks")
        if request.token == "tok_slow":  # noqa: S105
            self._sleep(_SLOW)
        kind = _AT_ONCE.get(request.token, "declined")
        event = PaymentEvent(
            provider=self.name,
            id=f"evt_{request.key}",
            key=request.key,
            kind=kind,
            amount=request.amount.amount,
            reference=f"fake_{request.key[-12:]}",
        )
        return self._memory.put(event)

    def capture(self, key: str) -> PaymentEvent:
        """Take the money of an authorized charge. Raises LookupError for a charge that was never authorized."""
        known = self._memory.get(key)
        if known is None or known.kind not in ("authorized", "captured"):
            raise LookupError(f"no authorized charge {key!r}")
        return replace(known, id=f"cap_{key}", kind="captured")

    def refund(self, request: RefundRequest) -> PaymentEvent:
        """Give money back, as often as it is asked the same, once."""
        return _given_back(request)

    def lookup(self, key: str) -> PaymentEvent | None:
        """What became of a charge."""
        return self._memory.get(key)

    def read_event(self, *, body: bytes, headers: Mapping[str, str], secret: str, now: datetime) -> PaymentEvent:
        """Read a signed event. Raises InvalidSignature, ValidationError."""
        return read_signed(self.name, body=body, headers=headers, secret=secret, now=now)


class FakePix:
    """An asynchronous provider in the manner of PIX: the charge gives a code, the money comes later by webhook."""

    name = "pix"
    methods: tuple[str, ...] = ("pix",)

    def __init__(
        self, *, key: str = "pix@mestres.example", name: str = "Mestres Café", city: str = "Patrocínio"
    ) -> None:
        self._key = key
        self._name = name
        self._city = city

    def charge(self, request: PaymentRequest) -> PaymentEvent:
        """Answer with the BR Code that the buyer pays in a bank's app."""
        code = br_code(
            key=self._key,
            name=self._name,
            city=self._city,
            txid="".join(letter for letter in request.key if letter.isalnum())[:25],
            amount=request.amount.to_decimal(),
        )
        return PaymentEvent(
            provider=self.name,
            id=f"cob_{request.key}",
            key=request.key,
            kind="pending",
            amount=request.amount.amount,
            action={"type": "pix", "br_code": code, "expires_at": request.expires_at.isoformat()},
        )

    def capture(self, key: str) -> PaymentEvent:
        """PIX is paid or not. Raises LookupError."""
        raise LookupError(f"charge {key!r} was never authorized: PIX has no such step")

    def refund(self, request: RefundRequest) -> PaymentEvent:
        """Send money back, as often as it is asked the same, once."""
        return _given_back(request)

    def lookup(self, key: str) -> PaymentEvent | None:  # noqa: ARG002 - the protocol's name
        """Nothing is known until the webhook comes."""
        return None

    def read_event(self, *, body: bytes, headers: Mapping[str, str], secret: str, now: datetime) -> PaymentEvent:
        """Read a signed event. Raises InvalidSignature, ValidationError."""
        return read_signed(self.name, body=body, headers=headers, secret=secret, now=now)


def _given_back(request: RefundRequest) -> PaymentEvent:
    return PaymentEvent(
        provider=request.provider,
        id=f"evt_{request.key}",
        key=request.payment_key,
        kind="refunded",
        amount=request.amount.amount,
    )


def signed_event(
    *, key: str, kind: str, amount: int, secret: str, now: datetime, event_id: str | None = None
) -> tuple[bytes, dict[str, str]]:
    """(body, headers) of the webhook with which a fake provider reports `kind` for the payment `key`."""
    body = json.dumps({"id": event_id or f"{kind}_{key}", "key": key, "kind": kind, "amount": amount}).encode()
    return body, {signing.HEADER: signing.sign(body, secret=secret, now=now), "Content-Type": "application/json"}


def read_signed(provider: str, *, body: bytes, headers: Mapping[str, str], secret: str, now: datetime) -> PaymentEvent:
    """The event in a signed JSON body {id, key, kind, amount}. Raises InvalidSignature, ValidationError."""
    signing.verify(body, headers=headers, secret=secret, now=now, provider=provider)
    try:
        given = json.loads(body)
        texts = [given[name] for name in ("id", "key", "kind")]
        amount = given["amount"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValidationError.of("body", "invalid", reason="expected an object with id, key, kind and amount") from None
    if not all(isinstance(text, str) and 0 < len(text) <= 100 for text in texts):  # noqa: PLR2004
        raise ValidationError.of("body", "invalid", reason="id, key and kind must be text of 1 to 100 characters")
    if type(amount) is not int or not 0 <= amount < 2**53:
        raise ValidationError.of("amount", "not_integer")
    if texts[2] not in _KINDS:
        raise ValidationError.of("kind", "unknown", choices=", ".join(_KINDS))
    return PaymentEvent(provider=provider, id=texts[0], key=texts[1], kind=texts[2], amount=amount)
