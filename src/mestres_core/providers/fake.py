"""Stand-ins for payment providers: a card that obeys its token, and asynchronous ones in the manner of PIX and boleto.

They are as strict as a real provider: a key is charged once, whatever is retried, and `lookup` tells the truth. Give
them a `memory` file and they remember through a restart, as a real provider would.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import date, datetime
from pathlib import Path

from mestres_core.errors import ValidationError
from mestres_core.providers import signing
from mestres_core.rules.br.banking_days import banking_days_after, banking_days_before, day_of, end_of_day
from mestres_core.rules.br.boleto import barcode, typeable_line
from mestres_core.rules.br.pix import br_code
from mestres_core.typing import CaptureRequest, PaymentEvent, PaymentRequest, RefundRequest, VoidRequest

_KINDS = ("captured", "declined", "failed", "expired", "pending", "authorized", "voided", "refunded", "refund_failed")
_GRACE = 2  # banking days between a payment and the bank's word of it
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

    def put(self, event: PaymentEvent, name: str | None = None) -> PaymentEvent:
        """Remember `event` under `name` or its key, unless something is known under it: then give back that."""
        with self._lock:
            self._read()
            known = self._events.setdefault(name or event.key, event)
            if known is event and self._path is not None:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(event) | ({"name": name} if name else {})) + "\n")
            return known

    def sum_of(self, key: str, kind: str) -> int:
        """What operations of this kind on this charge add up to."""
        with self._lock:
            self._read()
            return sum(
                each.amount for each in self._events.values() if (each.key, each.kind) == (key, kind) and each.operation
            )

    def _read(self) -> None:
        if self._path is None or not self._path.exists():
            return
        for row in self._path.read_text(encoding="utf-8").splitlines():
            try:
                fields = json.loads(row)
                name = fields.pop("name", fields["key"])
            except ValueError:
                continue  # the line that a kill cut short: that charge never happened
            self._events.setdefault(name, PaymentEvent(**fields))


class FakeCard:
    """A card provider that does what the token says.

    tok_ok pays at once, tok_auth authorizes only, tok_declined declines, tok_slow pays after two seconds, tok_down
    cannot be reached; any other token is declined. `sleep` takes seconds.
    """

    name = "card"
    methods: tuple[str, ...] = ("card",)
    several_captures = True

    def __init__(
        self, *, memory: str | os.PathLike[str] | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._memory = _Memory(memory)
        self._sleep = sleep
        self._turn = threading.Lock()

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
        known = self._authorized(key)
        if known.kind == "authorized" and self._released(key):
            raise LookupError(f"charge {key!r} was released")
        return self._memory.put(replace(known, id=f"cap_{key}", kind="captured"), f"cap_{key}")

    def capture_part(self, request: CaptureRequest) -> PaymentEvent:
        """Take a part of what was authorized, as often as it is asked the same, once; more than is open is refused."""
        known, amount = self._authorized(request.payment_key), request.amount.amount
        with self._turn:
            earlier = self._memory.get(request.key)
            if earlier is not None:
                return earlier
            taken = self._taken(request.payment_key)
            fits = amount <= known.amount - taken - self._released(request.payment_key)
            event = PaymentEvent(
                provider=self.name,
                id=f"evt_{request.key}",
                key=request.payment_key,
                kind="captured" if fits else "capture_failed",
                amount=amount,
                reference=known.reference,
                operation=request.key,
            )
            return self._memory.put(event, request.key)

    def void(self, request: VoidRequest) -> PaymentEvent:
        """Release what is open of an authorization, as often as it is asked the same, once."""
        known = self._authorized(request.payment_key)
        with self._turn:
            earlier = self._memory.get(request.key)
            if earlier is not None:
                return earlier
            released = known.amount - self._taken(request.payment_key) - self._released(request.payment_key)
            event = PaymentEvent(
                provider=self.name,
                id=f"evt_{request.key}",
                key=request.payment_key,
                kind="voided" if released else "void_failed",
                amount=released,
                reference=known.reference,
                operation=request.key,
            )
            return self._memory.put(event, request.key)

    def refund(self, request: RefundRequest) -> PaymentEvent:
        """Give money back, as often as it is asked the same, once."""
        return _given_back(request)

    def _authorized(self, key: str) -> PaymentEvent:
        known = self._memory.get(key)
        if known is None or known.kind not in ("authorized", "captured"):
            raise LookupError(f"no authorized charge {key!r}")
        return known

    def _taken(self, key: str) -> int:
        known = self._memory.get(key)
        whole = self._memory.get(f"cap_{key}") or (known if known is not None and known.kind == "captured" else None)
        return whole.amount if whole is not None else self._memory.sum_of(key, "captured")

    def _released(self, key: str) -> int:
        return self._memory.sum_of(key, "voided")

    def lookup(self, key: str) -> PaymentEvent | None:
        """What became of a charge."""
        return self._memory.get(key)

    def read_event(self, *, body: bytes, headers: Mapping[str, str], secret: str, now: datetime) -> PaymentEvent:
        """Read a signed event. Raises InvalidSignature, ValidationError."""
        return read_signed(self.name, body=body, headers=headers, secret=secret, now=now)


class _Awaited:
    """A charge that somebody pays later elsewhere, and whose money is told by webhook."""

    name = ""

    def __init__(self) -> None:
        self._memory = _Memory(None)

    def capture(self, key: str) -> PaymentEvent:
        """It is paid or not. Raises LookupError."""
        raise LookupError(f"charge {key!r} was never authorized: {self.name} has no such step")

    def void(self, request: VoidRequest) -> PaymentEvent:
        """Call the charge off: nobody can pay it any more, unless somebody just has."""
        called_off = PaymentEvent(
            provider=self.name,
            id=f"evt_{request.key}",
            key=request.payment_key,
            kind="voided",
            amount=request.amount.amount,
            operation=request.key,
        )
        return self._memory.put(called_off, request.key)

    def refund(self, request: RefundRequest) -> PaymentEvent:
        """Send money back, whole or in parts, as often as it is asked the same, once."""
        return _given_back(request)

    def lookup(self, key: str) -> PaymentEvent | None:  # noqa: ARG002 - the protocol's name
        """Nothing is known until the webhook comes."""
        return None

    def read_event(self, *, body: bytes, headers: Mapping[str, str], secret: str, now: datetime) -> PaymentEvent:
        """Read a signed event. Raises InvalidSignature, ValidationError."""
        return read_signed(self.name, body=body, headers=headers, secret=secret, now=now)


class FakePix(_Awaited):
    """An asynchronous provider in the manner of PIX: the charge gives a code, the money comes later by webhook.

    A webhook's `end_to_end_id` is the bank's own name of the transfer: told twice, in whatever events, it counts once.
    """

    name = "pix"
    methods: tuple[str, ...] = ("pix",)

    def __init__(
        self, *, key: str = "pix@mestres.example", name: str = "Mestres Café", city: str = "Patrocínio"
    ) -> None:
        super().__init__()
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
        event = PaymentEvent(
            provider=self.name,
            id=f"cob_{request.key}",
            key=request.key,
            kind="pending",
            amount=request.amount.amount,
            action={"type": "pix", "br_code": code, "expires_at": request.expires_at.isoformat()},
        )
        return self._memory.put(event)


class FakeBoleto(_Awaited):
    """An asynchronous provider in the manner of a bank that issues boletos (reais only).

    The slip is due `days` banking days from now, at the earliest. A slip that is due on a day without banks is paid on
    the next, and a bank tells of the money up to two banking days later: until then the order waits.
    """

    name = "boleto"
    methods: tuple[str, ...] = ("boleto",)

    def __init__(self, *, bank: str = "341", days: int = 3) -> None:
        super().__init__()
        self._bank = bank
        self._days = days

    def expires_at(self, *, now: datetime) -> datetime:
        """The end of the last day on which a bank may still tell of the money, in Brasília's time."""
        return end_of_day(banking_days_after(self._due(now), _GRACE))

    def charge(self, request: PaymentRequest) -> PaymentEvent:
        """Answer with the slip: its barcode, the line that people type, and the day it is due.

        Raises ValueError for another currency than BRL.
        """
        if request.amount.currency != "BRL":
            raise ValueError(f"a boleto is in BRL, not {request.amount.currency}")
        due = banking_days_before(day_of(request.expires_at), _GRACE)
        number = int.from_bytes(hashlib.sha256(request.key.encode()).digest()[:10], "big")
        code = barcode(bank=self._bank, due=due, cents=request.amount.amount, free=f"{number:025d}"[-25:])
        event = PaymentEvent(
            provider=self.name,
            id=f"slip_{request.key}",
            key=request.key,
            kind="pending",
            amount=request.amount.amount,
            action={
                "type": "boleto",
                "barcode": code,
                "line": typeable_line(code),
                "due_date": due.isoformat(),
                "expires_at": request.expires_at.isoformat(),
            },
        )
        return self._memory.put(event)

    def _due(self, now: datetime) -> date:
        return banking_days_after(day_of(now), self._days)


def _given_back(request: RefundRequest) -> PaymentEvent:
    return PaymentEvent(
        provider=request.provider,
        id=f"evt_{request.key}",
        key=request.payment_key,
        kind="refunded",
        amount=request.amount.amount,
        operation=request.key,
    )


def signed_event(
    *, key: str, kind: str, amount: int, secret: str, now: datetime, event_id: str | None = None, **more: str
) -> tuple[bytes, dict[str, str]]:
    """(body, headers) of the webhook with which a fake provider reports `kind` for the payment `key`.

    `more` may be `operation` (the capture, void or refund that it speaks of) and `end_to_end_id` (of a PIX).
    """
    fields = {"id": event_id or f"{kind}_{key}", "key": key, "kind": kind, "amount": amount, **more}
    body = json.dumps(fields).encode()
    return body, {signing.HEADER: signing.sign(body, secret=secret, now=now), "Content-Type": "application/json"}


def read_signed(provider: str, *, body: bytes, headers: Mapping[str, str], secret: str, now: datetime) -> PaymentEvent:
    """The event in a signed JSON body {id, key, kind, amount} and, if given, operation and end_to_end_id.

    Raises InvalidSignature, ValidationError.
    """
    signing.verify(body, headers=headers, secret=secret, now=now, provider=provider)
    try:
        given = json.loads(body)
        texts = [given[name] for name in ("id", "key", "kind")]
        more = [given.get(name, "") for name in ("operation", "end_to_end_id")]
        amount = given["amount"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValidationError.of("body", "invalid", reason="expected an object with id, key, kind and amount") from None
    if not all(isinstance(text, str) and 0 < len(text) <= 100 for text in texts):  # noqa: PLR2004
        raise ValidationError.of("body", "invalid", reason="id, key and kind must be text of 1 to 100 characters")
    if not all(isinstance(text, str) and len(text) <= 100 for text in more):  # noqa: PLR2004
        raise ValidationError.of("body", "invalid", reason="operation and end_to_end_id must be text")
    if type(amount) is not int or not 0 <= amount < 2**53:
        raise ValidationError.of("amount", "not_integer")
    if texts[2] not in _KINDS:
        raise ValidationError.of("kind", "unknown", choices=", ".join(_KINDS))
    operation, transfer = more
    return PaymentEvent(
        provider=provider,
        id=f"e2e:{texts[2]}:{transfer}" if transfer else texts[0],
        key=texts[1],
        kind=texts[2],
        amount=amount,
        reference=transfer,
        operation=operation or transfer,
    )
