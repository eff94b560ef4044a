"""Sessions on the server: the browser has a signed name only, the data stays here.

sessions = Sessions(MemorySessions(), secret=settings.session.secret)
session = sessions.load(request.cookies.get(sessions.cookie, ""))
session["cart"] = cart_id
header = sessions.save(session, secure=request.scheme == "https")       # a Set-Cookie value, or None
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any, Final, Literal, Protocol, get_args

from mestres_perf.errors import BackendUnavailable, CodecError, ConfigurationError

_ID_BYTES = 24
_SHORTEST_SECRET = 16
_PURPOSE = b"mestres session cookie"
_MINUTE = 60.0
_COOKIE = re.compile(r"[A-Za-z0-9_.-]+")

WhenDown = Literal["anonymous", "refuse"]
WHEN_DOWN: Final = get_args(WhenDown)


class SessionStore(Protocol):
    """Where sessions are kept: for each its texts by name. Times are seconds."""

    def load(self, session_id: str, ttl: float, *, renew_below: float) -> Mapping[str, str] | None:
        """The texts of a session, None when there is none. `ttl` begins anew when less than `renew_below` is left."""
        ...

    def save(
        self,
        session_id: str,
        changed: Mapping[str, str],
        removed: Iterable[str],
        ttl: float,
        *,
        new: bool,
        ends: Iterable[str] = (),
    ) -> bool:
        """Write what has changed and nothing else, and end the sessions in `ends`, in one step.

        False, and nothing done, when it is not new and no longer there.
        """
        ...

    def drop(self, session_id: str) -> None:
        """End it."""
        ...


class Session(MutableMapping[str, Any]):
    """What is remembered of one visitor: JSON by name. Changed like a dictionary, written by `Sessions.save`.

    A session that could not be read because its store is away is empty, and `lost`: saving a change to it raises.
    """

    def __init__(self, name: str, texts: Mapping[str, str] | None, *, lost: bool = False) -> None:
        self.id = name
        self.new = texts is None
        self.lost = lost
        self._before: Mapping[str, str] = texts or {}
        self._data: dict[str, Any] = {each: json.loads(text) for each, text in self._before.items()}
        self._old: list[str] = []
        self._ended = False
        self._signed_anew = False

    def __getitem__(self, name: str) -> Any:
        return self._data[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._data[name] = value

    def __delitem__(self, name: str) -> None:
        del self._data[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def rotate(self) -> None:
        """Go on under another name, and end the old one: at a login, whoever knew the old one then knows nothing."""
        if not self.new:
            self._old.append(self.id)
        self.id, self.new, self._before = _new_id(), True, {}

    def destroy(self) -> None:
        """End it: nothing is remembered, and the browser forgets its name."""
        self._data.clear()
        self._ended = True

    def __repr__(self) -> str:
        return f"Session({sorted(self._data)})"  # the id opens it, and the values are the visitor's own


class MemorySessions:
    """A store in this process, for at most `max_items` sessions; the one that was not used for longest goes first."""

    def __init__(self, max_items: int = 10_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = max_items
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[dict[str, str], float]] = OrderedDict()

    def load(self, session_id: str, ttl: float, *, renew_below: float) -> dict[str, str] | None:
        """The texts of a session by name; None when there is none.

        It is good for `ttl` seconds more when fewer than `renew_below` were left.
        """
        with self._lock:
            texts, expires = self._current(session_id)
            if texts is None:
                return None
            left = expires - self._clock()
            self._put(session_id, texts, ttl if left < renew_below else left)
            return dict(texts)

    def save(
        self,
        session_id: str,
        changed: Mapping[str, str],
        removed: Iterable[str],
        ttl: float,
        *,
        new: bool,
        ends: Iterable[str] = (),
    ) -> bool:
        """Write what has changed, for `ttl` seconds; False when it is not new and no longer there.

        The sessions in `ends` end in the same moment.
        """
        with self._lock:
            texts, _ = self._current(session_id)
            if texts is None and not new:
                return False
            for each in ends:
                self._kept.pop(each, None)
            gone = set(removed)
            kept = {name: text for name, text in (texts or {}).items() if name not in gone}
            self._put(session_id, {**kept, **changed}, ttl)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
            return True

    def drop(self, session_id: str) -> None:
        """End it."""
        with self._lock:
            self._kept.pop(session_id, None)

    def close(self) -> None:
        """Nothing is open."""

    def _current(self, session_id: str) -> tuple[dict[str, str] | None, float]:
        if session_id not in self._kept:
            return None, 0.0
        texts, expires = self._kept[session_id]
        if expires <= self._clock():
            del self._kept[session_id]
            return None, 0.0
        return texts, expires

    def _put(self, session_id: str, texts: dict[str, str], seconds: float) -> None:
        self._kept[session_id] = (texts, self._clock() + seconds)
        self._kept.move_to_end(session_id)


class Sessions:
    """Reads and writes sessions by the value of a cookie.

    A session ends `ttl` seconds after it was last read, or up to a minute (a tenth of `ttl`, when that is less) before:
    its time is not begun anew by each request. Its cookie is HttpOnly and SameSite=Lax; a `permanent` one outlives the
    browser. Requests side by side lose nothing: each writes the names that it has changed. All values together have at
    most `max_bytes` as JSON.

    `secret`, of at least 16 characters, signs the cookie: the same in every process. Cookies that were signed with one
    of `old_secrets` are taken, and signed anew. While the store is away a session is empty, and `lost`; with
    `when_down="refuse"` reading one raises BackendUnavailable instead.
    """

    def __init__(
        self,
        store: SessionStore,
        *,
        secret: str,
        old_secrets: Iterable[str] = (),
        ttl: float = 1800.0,
        cookie: str = "session",
        permanent: bool = False,
        max_bytes: int = 64 * 1024,
        when_down: WhenDown = "anonymous",
    ) -> None:
        """Raises ConfigurationError."""
        if isinstance(old_secrets, str):
            raise ConfigurationError("old_secrets: must be several, such as ('the one before',)")
        secrets_ = (secret, *old_secrets)
        if not all(isinstance(each, str) and len(each) >= _SHORTEST_SECRET for each in secrets_):
            raise ConfigurationError(f"a session secret has at least {_SHORTEST_SECRET} characters")
        if not ttl > 0:
            raise ConfigurationError(f"ttl must be a number of seconds above zero, not {ttl!r}")
        if not isinstance(cookie, str) or not _COOKIE.fullmatch(cookie):
            raise ConfigurationError(f"cookie={cookie!r}: must be a name of letters, digits and '-', '_', '.'")
        if type(max_bytes) is not int or max_bytes < 1:
            raise ConfigurationError(f"max_bytes={max_bytes!r}: must be a number of bytes of at least 1")
        if when_down not in WHEN_DOWN:
            raise ConfigurationError(f"when_down={when_down!r}: must be one of {', '.join(WHEN_DOWN)}")
        self.cookie = cookie
        self._store = store
        self._keys = [hmac.digest(each.encode(), _PURPOSE, hashlib.sha256) for each in secrets_]
        self._ttl = ttl
        self._renew_below = ttl - min(_MINUTE, ttl / 10)
        self._permanent = permanent
        self._most = max_bytes
        self._refuses = when_down == "refuse"

    def load(self, cookie: str) -> Session:
        """The session that a cookie's value names; a new and empty one when it names none, is forged or has ended.

        Raises BackendUnavailable when the store is away and `when_down` is "refuse".
        """
        session_id, _, signature = cookie.partition(".")
        signed_with = self._signed_with(session_id, signature)
        if signed_with is None:
            return Session(_new_id(), None)
        try:
            texts = self._store.load(session_id, self._ttl, renew_below=self._renew_below)
        except BackendUnavailable:
            if self._refuses:
                raise
            return Session(session_id, {}, lost=True)
        # What has ended goes on under another name: nobody can prepare one for somebody else.
        session = Session(_new_id(), None) if texts is None else Session(session_id, texts)
        session._signed_anew = signed_with > 0  # noqa: SLF001 - the two are one thing
        return session

    def save(self, session: Session, *, secure: bool) -> str | None:
        """Write what has changed; the Set-Cookie value when the browser has something to learn, else None.

        `secure` is for https. Raises BackendUnavailable when the store is away and something would be lost, CodecError
        for values that JSON has no words for, or too many of them.
        """
        if session._ended:  # noqa: SLF001 - as above
            return self._end(session, secure=secure)
        if session.new and not session and not session._old:  # noqa: SLF001
            return None  # who has left nothing here needs no cookie
        before, texts = session._before, self._texts(session)  # noqa: SLF001
        changed = {name: text for name, text in texts.items() if before.get(name) != text}
        removed = before.keys() - texts.keys()
        writes = bool(changed or removed or session.new)
        if session.lost and writes:
            raise BackendUnavailable("the session could not be read, and so must not be written")
        if writes and not self._store.save(
            session.id,
            changed,
            removed,
            self._ttl,
            new=session.new,
            ends=tuple(session._old),  # noqa: SLF001
        ):
            # Ended elsewhere meanwhile. The browser has been told so there: a login that has given it another name
            # since must not be undone here.
            return None
        return self._told(session, texts, secure=secure)

    def _told(self, session: Session, texts: Mapping[str, str], *, secure: bool) -> str | None:
        learns = session.new or self._permanent or session._signed_anew  # noqa: SLF001
        session.new, session._before, session._signed_anew = False, texts, False  # noqa: SLF001
        session._old.clear()  # noqa: SLF001
        return self._header(f"{session.id}.{_signature(self._keys[0], session.id)}", secure=secure) if learns else None

    def _end(self, session: Session, *, secure: bool) -> str | None:
        known = [*session._old, *([] if session.new else [session.id])]  # noqa: SLF001
        for session_id in known:
            self._store.drop(session_id)
        return self._header("", secure=secure) if known else None

    def _header(self, value: str, *, secure: bool) -> str:
        age = f"; Max-Age={int(self._ttl)}" if value and self._permanent else "" if value else "; Max-Age=0"
        return f"{self.cookie}={value}; Path=/{age}; HttpOnly; SameSite=Lax{'; Secure' if secure else ''}"

    def _signed_with(self, session_id: str, signature: str) -> int | None:
        given = signature.encode("utf-8", "replace")
        fits = [hmac.compare_digest(given, _signature(key, session_id).encode()) for key in self._keys]
        return fits.index(True) if True in fits else None

    def _texts(self, session: Session) -> dict[str, str]:
        """Every value as JSON."""
        texts: dict[str, str] = {}
        try:
            for name, value in session.items():
                if not isinstance(name, str):
                    raise CodecError(f"a session keeps values under names of text, as JSON does, not {name!r}")
                texts[name] = json.dumps(value, separators=(",", ":"), allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise CodecError(f"a session keeps what JSON can write: {error}") from None
        size = sum(len(name) + len(text) for name, text in texts.items())
        if size > self._most:
            raise CodecError(f"a session keeps {self._most} bytes of JSON at most, not {size}")
        return texts


def _new_id() -> str:
    return secrets.token_urlsafe(_ID_BYTES)


def _signature(key: bytes, session_id: str) -> str:
    digest = hmac.digest(key, session_id.encode("utf-8", "replace"), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
