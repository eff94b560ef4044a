"""Signing what is sent, as Standard Webhooks says (https://www.standardwebhooks.com): receivers have libraries for it.

HMAC-SHA256 over the message's number, the time and the body, so that none can be changed, nor an old one sent again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from mestres_core.errors import InvalidSignature

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
TOLERANCE = timedelta(minutes=5)
_PREFIX = "whsec_"
_BYTES = 32


def new_secret() -> str:
    """A secret that nobody can guess: `whsec_` and 256 random bits in base64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def sign(body: bytes, *, message_id: str, secrets: Sequence[str], now: datetime) -> dict[str, str]:
    """The three headers of a message; one signature for each secret, as long as an old one is still taken."""
    moment = str(int(now.timestamp()))
    signatures = [f"v1,{_mac(message_id, moment, body, secret)}" for secret in secrets]
    return {ID: message_id, TIMESTAMP: moment, SIGNATURE: " ".join(signatures)}


def verify_webhook(body: bytes, *, headers: Mapping[str, str | None], secret: str, now: datetime) -> str:
    """What a receiver does first: the message's number, by which it tells a repetition.

    Raises InvalidSignature when a header is missing or wrong, or the message is more than five minutes off.
    """
    given = {name.lower(): value for name, value in headers.items() if value is not None}
    message_id, moment = given.get(ID, ""), given.get(TIMESTAMP, "")
    if not message_id or not (moment.isascii() and moment.isdigit()):
        raise InvalidSignature("webhook")
    if abs(now.timestamp() - int(moment[:12])) > TOLERANCE.total_seconds():
        raise InvalidSignature("webhook")
    right = f"v1,{_mac(message_id, moment, body, secret)}".encode()
    matches = [hmac.compare_digest(each.encode(), right) for each in given.get(SIGNATURE, "").split()]
    if not any(matches):
        raise InvalidSignature("webhook")
    return message_id


def _mac(message_id: str, moment: str, body: bytes, secret: str) -> str:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a webhook's secret is `whsec_` and base64") from None
    signed = f"{message_id}.{moment}.".encode() + body
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
