"""The cookie that names a session: signed, closed to scripts and other sites, and good for one name of cookie only."""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import re
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple, get_args

from mestres_perf.errors import ConfigurationError

SameSite = Literal["Lax", "Strict", "None"]
_SAME_SITE: Final = get_args(SameSite)
_SHORTEST_SECRET = 16
_PURPOSE = b"mestres session cookie "
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_DOMAIN = re.compile(r"[A-Za-z0-9.-]+")
_PATH = re.compile(r"/[!-:<-~]*")
_HOST_ONLY = "__Host-"
_SECURE_ONLY = "__Secure-"


class Named(NamedTuple):
    """What a cookie says: the session, and whether it was signed with a former secret."""

    session_id: str
    is_old: bool


class SessionCookie:
    """Reads and writes the cookie of one name.

    The signature covers the name of the cookie: of two applications with one secret and one store, neither takes the
    other's. It has an age, in whole seconds of at least one, where `age` is given. Always `Secure` is what browsers
    take only so: SameSite=None, and names that begin with `__Secure-` or `__Host-`.
    """

    def __init__(
        self,
        name: str,
        secrets: Iterable[str],
        *,
        age: float | None,
        same_site: SameSite,
        domain: str | None,
        path: str,
    ) -> None:
        """Raises ConfigurationError."""
        known = tuple(secrets)
        if not all(isinstance(each, str) and len(each) >= _SHORTEST_SECRET for each in known):
            raise ConfigurationError(f"a session secret has at least {_SHORTEST_SECRET} characters")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ConfigurationError(f"cookie={name!r}: must be a name of letters, digits and '-', '_', '.'")
        if same_site not in _SAME_SITE:
            raise ConfigurationError(f"same_site={same_site!r}: must be one of {', '.join(_SAME_SITE)}")
        if domain is not None and (not isinstance(domain, str) or not _DOMAIN.fullmatch(domain)):
            raise ConfigurationError(f"domain={domain!r}: must be a domain such as 'shop.example', or None")
        if not isinstance(path, str) or not _PATH.fullmatch(path):
            raise ConfigurationError(f"path={path!r}: must be a path such as '/' or '/shop'")
        if name.startswith(_HOST_ONLY) and (domain is not None or path != "/"):
            raise ConfigurationError(f"cookie={name!r}: browsers take '{_HOST_ONLY}' without a domain and for '/' only")
        self.name = name
        self._keys = [hmac.digest(each.encode(), _PURPOSE + name.encode(), hashlib.sha256) for each in known]
        self._age = "" if age is None else f"; Max-Age={math.ceil(age)}"
        self._scope = f"; Path={path}{'' if domain is None else f'; Domain={domain}'}"
        self._same_site = same_site
        self._always_secure = same_site == "None" or name.startswith((_HOST_ONLY, _SECURE_ONLY))

    def read(self, value: str) -> Named | None:
        """What the value says; None when it is forged."""
        session_id, _, signature = value.partition(".")
        given = signature.encode("utf-8", "replace")
        fits = [hmac.compare_digest(given, _signature(key, session_id).encode()) for key in self._keys]
        return Named(session_id, is_old=not fits[0]) if True in fits else None

    def write(self, session_id: str, *, secure: bool) -> str:
        """The Set-Cookie value that names this session."""
        return self._header(f"{session_id}.{_signature(self._keys[0], session_id)}", self._age, secure=secure)

    def forget(self, *, secure: bool) -> str:
        """The Set-Cookie value that takes the cookie back."""
        return self._header("", "; Max-Age=0", secure=secure)

    def _header(self, value: str, age: str, *, secure: bool) -> str:
        closed = f"; HttpOnly; SameSite={self._same_site}{'; Secure' if secure or self._always_secure else ''}"
        return f"{self.name}={value}{self._scope}{age}{closed}"


def _signature(key: bytes, session_id: str) -> str:
    digest = hmac.digest(key, session_id.encode("utf-8", "replace"), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
