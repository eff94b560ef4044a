"""Signing webhooks: HMAC-SHA256 over time and body, so that neither can be changed, nor an old one sent again."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta

from mestres_core.errors import InvalidSignature

HEADER = "Mestres-Signature"
TOLERANCE = timedelta(minutes=5)


def sign(body: bytes, *, secret: str, now: datetime) -> str:
    """The value of the signature header: `t=<unix seconds>,v1=<hex>`."""
    moment = str(int(now.timestamp()))
    return f"t={moment},v1={_mac(moment, body, secret)}"


def verify(body: bytes, *, headers: Mapping[str, str], secret: str, now: datetime, provider: str) -> None:
    """Raises InvalidSignature when the header is missing, wrong, or more than five minutes off."""
    header = next((value for name, value in headers.items() if name.lower() == HEADER.lower()), "")
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    moment, given = parts.get("t", ""), parts.get("v1", "")
    if not (moment.isascii() and moment.isdigit()) or not given.isascii():
        raise InvalidSignature(provider)
    fresh = abs(now.timestamp() - int(moment[:12])) <= TOLERANCE.total_seconds()
    if not (hmac.compare_digest(given, _mac(moment, body, secret)) and fresh):
        raise InvalidSignature(provider)


def _mac(moment: str, body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
