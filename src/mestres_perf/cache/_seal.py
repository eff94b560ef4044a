"""Signatures: who has written what lies in Redis.

Each is a keyed BLAKE2b (RFC 7693) of 32 bytes over the key's name in Redis and every byte of the frame before it: tags,
versions, times, codec, content. So no byte can be changed, and no frame be put under another key or in another cache.

What it does not do: the bytes are not encrypted. A frame that was once written for this very key is authentic when it
is put back; it counts as long as its tags have the versions that it names, which are in Redis, too. And the time to
live is kept by Redis. Who may write to Redis can thus take a value away, or bring back one that was true before, and
keep it; but not one that this application has never stored there.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from mestres_perf.errors import CodecError, ConfigurationError

Secret = bytes | str
SIGNATURE_BYTES = 32
_SHORTEST = 16
_PURPOSE = b"mestres cache 1"


class Seal:
    """Signs with the first of the secrets and believes all of them: a new one is put in front of the old one."""

    def __init__(self, secrets: Secret | Sequence[Secret]) -> None:
        """Raises ConfigurationError for a secret that is shorter than 16 bytes, or for none."""
        given = (secrets,) if isinstance(secrets, (bytes, str)) else secrets
        if not isinstance(given, Sequence) or not given:
            raise ConfigurationError("secret is bytes or text, or a sequence of them of which the first one signs")
        self._keyed = tuple(hashlib.blake2b(key=_key(each), digest_size=SIGNATURE_BYTES) for each in given)

    def sign(self, place: str, data: bytes) -> bytes:
        """The signature of what is to be stored at `place`."""
        return _signature(self._keyed[0], place, data)

    def verify(self, place: str, data: bytes) -> None:
        """Raises CodecError when `data` does not end with a signature of its own at `place`."""
        view = memoryview(data)
        end = max(0, len(data) - SIGNATURE_BYTES)
        if not any(hmac.compare_digest(_signature(each, place, view[:end]), view[end:]) for each in self._keyed):
            raise CodecError("not signed with a known secret")


def _key(secret: object) -> bytes:
    """A key of 64 bytes for this purpose alone; the secret may be used for others. Raises ConfigurationError."""
    data = secret.encode("utf-8", "surrogatepass") if isinstance(secret, str) else secret
    if not isinstance(data, bytes) or len(data) < _SHORTEST:
        raise ConfigurationError(f"secret is at least {_SHORTEST} bytes, of bytes or text: secrets.token_bytes(32)")
    return hashlib.blake2b(data, digest_size=64, person=_PURPOSE).digest()


def _signature(keyed: hashlib.blake2b, place: str, data: bytes | memoryview) -> bytes:
    name = place.encode("utf-8", "surrogatepass")
    state = keyed.copy()
    state.update(len(name).to_bytes(8, "big") + name)
    state.update(data)
    return state.digest()
