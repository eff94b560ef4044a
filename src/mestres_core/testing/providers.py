"""What a payment provider must do, as a suite that a host runs against its own.

    def test_my_provider():
        check_provider(lambda: MyProvider(sandbox=True), method="card", token="tok_test_ok")

Each point is a function that raises AssertionError with what was wrong. Points that a provider has nothing to do with
(it captures at once, it cannot void) are skipped by what it has; a provider that waits for a webhook (PIX, boleto)
answers `pending`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from mestres_core.errors import CommerceError, InvalidSignature
from mestres_core.rules.ledger import KINDS
from mestres_core.rules.money import Money
from mestres_core.typing import (
    CaptureRequest,
    PaymentEvent,
    PaymentProvider,
    PaymentRequest,
    RefundRequest,
    VoidRequest,
)

Event = tuple[bytes, dict[str, str]]
_ENDED_WELL = ("captured", "authorized", "pending")
_serial = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How a provider is put through its paces.

    `make` gives a fresh provider. `token` pays, `declined` (if any) is refused, `authorizes` (if any) is only
    authorized. `sign` makes a webhook's body and headers out of (key, kind, amount); without it webhooks are not
    checked. `method` and `currency` are those of the charges, `amount` is in minor units.
    """

    make: Callable[[], PaymentProvider]
    method: str
    token: str = ""
    declined: str | None = None
    authorizes: str | None = None
    sign: Callable[[str, str, int], Event] | None = None
    secret: str = "secret"  # noqa: S105 - what the tests sign with
    currency: str = "BRL"
    amount: int = 1000
    salt: str = field(default_factory=lambda: f"{datetime.now(UTC).timestamp():.6f}".replace(".", ""))


def check_provider(
    make: Callable[[], PaymentProvider],
    *,
    method: str,
    token: str = "",
    declined: str | None = None,
    authorizes: str | None = None,
    sign: Callable[[str, str, int], Event] | None = None,
    secret: str = "secret",  # noqa: S107 - as above
    currency: str = "BRL",
    amount: int = 1000,
) -> tuple[str, ...]:
    """Check every point; the names of those that were. See `Setting` for the arguments.

    Raises AssertionError with the names of all points that failed, each with what was wrong.
    """
    setting = Setting(
        make=make,
        method=method,
        token=token,
        declined=declined,
        authorizes=authorizes,
        sign=sign,
        secret=secret,
        currency=currency,
        amount=amount,
    )
    failed, passed = [], []
    for name, point in points(setting):
        try:
            point(setting)
        except Exception as error:  # noqa: BLE001 - a provider may raise anything; all points are told
            failed.append(f"{name}: {error or type(error).__name__}")
        else:
            passed.append(name)
    if failed:
        raise AssertionError("; ".join(failed))
    return tuple(passed)


def points(setting: Setting) -> Iterator[tuple[str, Callable[[Setting], None]]]:
    """The points that apply, by name: for a host that wants each as a test of its own."""
    provider: Any = setting.make()
    applies = {
        "declines": setting.declined is not None,
        "authorizes": setting.authorizes is not None,
        "captures once": setting.authorizes is not None,
        "captures a part": setting.authorizes is not None and hasattr(provider, "capture_part"),
        "voids": setting.authorizes is not None and hasattr(provider, "void"),
        "refunds once": setting.token != "" or setting.method != "card",
        "reads its webhooks": setting.sign is not None,
        "refuses forged webhooks": setting.sign is not None,
    }
    for name, point in _POINTS.items():
        if applies.get(name, True):
            yield name, point


def has_its_shape(setting: Setting) -> None:
    """A provider has a name, methods, and every call of the protocol with the protocol's arguments."""
    provider: Any = setting.make()
    _must(isinstance(provider.name, str) and 0 < len(provider.name) <= 40, "name is text of 1 to 40 letters")  # noqa: PLR2004
    _must(setting.method in provider.methods, f"methods has {setting.method!r}")
    for call in ("charge", "capture", "refund", "lookup", "read_event"):
        _must(callable(getattr(provider, call, None)), f"it has {call}()")
    names = set(inspect.signature(provider.read_event).parameters)
    _must({"body", "headers", "secret", "now"} <= names, "read_event takes body, headers, secret and now")
    if hasattr(provider, "capture_part"):
        _must(isinstance(getattr(provider, "several_captures", None), bool), "several_captures says yes or no")


def charges_once(setting: Setting) -> None:
    """The same key gives the same charge, whole, under the request's key and the provider's own name."""
    provider, request = setting.make(), _request(setting, setting.token)
    first, second = provider.charge(request), provider.charge(request)
    for event in (first, second):
        _is_event(event, provider, request.key)
        _must(event.kind in _ENDED_WELL, f"a good charge is captured, authorized or pending, not {event.kind}")
        _must(event.amount == setting.amount, f"the whole amount is reported, not {event.amount}")
    _must((first.id, first.kind, first.reference) == (second.id, second.kind, second.reference), "a retry is the same")
    _must(first.kind != "pending" or bool(first.action), "a pending charge says what the buyer does next (action)")


def tells_charges_apart(setting: Setting) -> None:
    """Two keys are two charges: their events have names of their own."""
    provider = setting.make()
    first, second = (provider.charge(_request(setting, setting.token)) for _ in range(2))
    _must(first.id != second.id, "the events of two charges have two ids")
    _must(first.key != second.key, "each event has its own request's key")


def declines(setting: Setting) -> None:
    """A refused card is an answer, not an error."""
    provider, request = setting.make(), _request(setting, setting.declined or "")
    event = provider.charge(request)
    _is_event(event, provider, request.key)
    _must(event.kind == "declined", f"a refused card is declined, not {event.kind}")


def looks_up(setting: Setting) -> None:
    """What became of a charge is told truthfully: None for a key that never arrived."""
    provider = setting.make()
    _must(provider.lookup(_key(setting)) is None, "an unknown key is None")
    request = _request(setting, setting.token)
    charged = provider.charge(request)
    found = provider.lookup(request.key)
    if found is None:
        _must(charged.kind == "pending", "a charge that has ended is found")
        return
    _is_event(found, provider, request.key)
    _must(found.kind == charged.kind, f"lookup says {charged.kind}, too, not {found.kind}")


def authorizes(setting: Setting) -> None:
    """Money that is only promised is not reported as taken."""
    provider, request = setting.make(), _request(setting, setting.authorizes or "")
    event = provider.charge(request)
    _is_event(event, provider, request.key)
    _must(event.kind == "authorized", f"it is authorized, not {event.kind}")
    _must(event.amount == setting.amount, "the whole amount is authorized")


def captures_once(setting: Setting) -> None:
    """Capturing twice is the same event; what was never authorized is not captured."""
    provider, request = setting.make(), _request(setting, setting.authorizes or "")
    provider.charge(request)
    first, second = provider.capture(request.key), provider.capture(request.key)
    _is_event(first, provider, request.key)
    _must(first.kind == "captured", f"it is captured, not {first.kind}")
    _must(first.amount == setting.amount, "all of it is captured")
    _must(first.id == second.id, "a second capture is the same event")
    _must(_refuses(lambda: provider.capture(_key(setting)), "captured"), "an unknown charge is not captured")


def captures_a_part(setting: Setting) -> None:
    """A part is captured once under its key, and more than was authorized is a clear no."""
    provider: Any = setting.make()
    request = _request(setting, setting.authorizes or "")
    charged = provider.charge(request)
    part = _capture(setting, request, setting.amount // 2, charged.reference)
    first, second = provider.capture_part(part), provider.capture_part(part)
    _is_event(first, provider, request.key)
    _must(first.kind == "captured", f"a part is captured, not {first.kind}")
    _must((first.amount, first.operation) == (part.amount.amount, part.key), "it speaks of that part alone")
    _must((first.kind, first.id) == (second.kind, second.id), "the same key captures once")
    more = _capture(setting, request, setting.amount, charged.reference)
    _must(_refuses(lambda: provider.capture_part(more), "captured"), "no more than is open is captured")


def voids(setting: Setting) -> None:
    """What is released is released once, and cannot be captured any more."""
    provider: Any = setting.make()
    request = _request(setting, setting.authorizes or "")
    charged = provider.charge(request)
    asked = VoidRequest(
        key=_key(setting),
        payment_key=request.key,
        provider=provider.name,
        amount=request.amount,
        reference=charged.reference,
    )
    first, second = provider.void(asked), provider.void(asked)
    _is_event(first, provider, request.key)
    _must(first.kind == "voided", f"it is voided, not {first.kind}")
    _must((first.kind, first.id) == (second.kind, second.id), "the same key voids once")
    _must(_refuses(lambda: provider.capture(request.key), "captured"), "what was released is not captured")


def refunds_once(setting: Setting) -> None:
    """A refund under one key happens once, and two parts are two refunds."""
    provider, request = setting.make(), _request(setting, setting.token)
    charged = provider.charge(request)
    parts = [
        RefundRequest(
            key=_key(setting),
            payment_key=request.key,
            provider=provider.name,
            amount=Money(setting.amount // 4, setting.currency),
            reference=charged.reference,
        )
        for _ in range(2)
    ]
    told = [provider.refund(parts[0]), provider.refund(parts[0]), provider.refund(parts[1])]
    for event, part in zip(told, (parts[0], *parts), strict=True):
        _is_event(event, provider, request.key)
        _must(event.kind in ("refunded", "pending"), f"it is refunded or pending, not {event.kind}")
        _must(event.amount == part.amount.amount, "just that part goes back")
        _must(event.operation in ("", part.key), "its operation is the refund's key")
    _must(told[0].id == told[1].id, "the same key gives back once")
    _must(told[0].id != told[2].id, "another key is another refund")


def reads_its_webhooks(setting: Setting) -> None:
    """A signed event is read as what it says, and the same bytes are the same event."""
    provider, request = setting.make(), _request(setting, setting.token)
    provider.charge(request)
    body, headers = _signed(setting, request.key)
    now = datetime.now(UTC)
    first, second = (provider.read_event(body=body, headers=headers, secret=setting.secret, now=now) for _ in range(2))
    if first is None:
        raise AssertionError("a signed event of a charge is not nothing")
    _is_event(first, provider, request.key)
    _must((first.kind, first.amount) == ("captured", setting.amount), "kind and amount are the event's")
    _must(first == second, "the same bytes are the same event")
    shouted = {name.upper(): value for name, value in headers.items()}
    again = provider.read_event(body=body, headers=shouted, secret=setting.secret, now=now)
    _must(again == first, "the names of headers have no capitals")


def refuses_forged_webhooks(setting: Setting) -> None:
    """A changed body, another secret, no signature and garbage are refused by the typed errors."""
    provider, key = setting.make(), _key(setting)
    body, headers = _signed(setting, key)
    now = datetime.now(UTC)
    forged = {
        "a changed body": (body + b" ", headers, setting.secret),
        "another secret": (body, headers, setting.secret + "x"),
        "no signature": (body, {}, setting.secret),
    }
    for what, (sent, with_headers, secret) in forged.items():
        try:
            provider.read_event(body=sent, headers=with_headers, secret=secret, now=now)
        except InvalidSignature:
            continue
        except Exception as error:
            raise AssertionError(f"{what} is InvalidSignature, not {type(error).__name__}") from error
        raise AssertionError(f"{what} is refused")
    try:
        provider.read_event(body=b"\xff{", headers=headers, secret=setting.secret, now=now)
    except CommerceError:
        return
    raise AssertionError("garbage is refused")


_POINTS: dict[str, Callable[[Setting], None]] = {
    "has its shape": has_its_shape,
    "charges once": charges_once,
    "tells charges apart": tells_charges_apart,
    "declines": declines,
    "looks up": looks_up,
    "authorizes": authorizes,
    "captures once": captures_once,
    "captures a part": captures_a_part,
    "voids": voids,
    "refunds once": refunds_once,
    "reads its webhooks": reads_its_webhooks,
    "refuses forged webhooks": refuses_forged_webhooks,
}


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(f"not so: {what}")


def _is_event(event: Any, provider: PaymentProvider, key: str) -> None:
    _must(isinstance(event, PaymentEvent), f"the answer is a PaymentEvent, not {type(event).__name__}")
    _must(event.provider == provider.name, "the event names its provider")
    _must(event.key == key, "the event has the payment's key")
    _must(0 < len(event.id) <= 120, "the event has an id of at most 120 letters")  # noqa: PLR2004
    _must(event.kind in KINDS, f"{event.kind!r} is a kind of event")
    _must(type(event.amount) is int and event.amount >= 0, "amounts are whole minor units")


def _refuses(call: Callable[[], Any], kind: str) -> bool:
    """Whether a call raises, or is answered by something else than `kind`."""
    try:
        return bool(call().kind != kind)
    except Exception:  # noqa: BLE001 - whatever it is: it did not do it
        return True


def _key(setting: Setting) -> str:
    return f"pay_check_{setting.salt}_{next(_serial)}"


def _request(setting: Setting, token: str) -> PaymentRequest:
    provider = setting.make()
    now = datetime.now(UTC)
    terms = getattr(provider, "expires_at", None)
    return PaymentRequest(
        key=_key(setting),
        provider=provider.name,
        order_number="MC-CHECK",
        amount=Money(setting.amount, setting.currency),
        method=setting.method,
        token=token,
        expires_at=now + timedelta(minutes=30) if terms is None else terms(now=now),
        customer={"name": "Ana", "email": "ana@example.com", "document": ""},
    )


def _capture(setting: Setting, request: PaymentRequest, amount: int, reference: str) -> CaptureRequest:
    return CaptureRequest(
        key=_key(setting),
        payment_key=request.key,
        provider=request.provider,
        amount=Money(amount, setting.currency),
        final=False,
        reference=reference,
    )


def _signed(setting: Setting, key: str) -> Event:
    if setting.sign is None:
        raise AssertionError("webhooks are checked only with `sign`")
    return setting.sign(key, "captured", setting.amount)
