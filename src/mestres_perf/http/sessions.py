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
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any, Protocol

from mestres_perf.errors import BackendUnavailable, CodecError, ConfigurationError

_ID_BYTES = 24
_SHORTEST_SECRET = 16
_PURPOSE = b"mestres session cookie"
_EMPTY = "{}"


class SessionStore(Protocol):
    """Where sessions are kept; `ttl` is seconds."""

    def load(self, session_id: str, ttl: float) -> str | None:
        """The text of a session, which is then good for `ttl` more; None when there is none."""
        ...

    def save(self, session_id: str, text: str, ttl: float, *, new: bool) -> bool:
        """Write it; False when it is not new and no longer there."""
        ...

    def drop(self, session_id: str) -> None:
        """End it."""
        ...


class Session(MutableMapping[str, Any]):
    """What is remembered of one visitor: JSON by name. Changed like a dictionary, written by `Sessions.save`.

    A session that could not be read because its store is away is empty, and `lost`: saving a change to it raises.
    """

    def __init__(self, name: str, text: str | None, *, lost: bool = False) -> None:
        self.id = name
        self.new = text is None
        self.lost = lost
        self._before = _EMPTY if text is None else text
        self._data: dict[str, Any] = json.loads(self._before)
        self._old: list[str] = []
        self._ended = False

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
        self.id, self.new = _new_id(), True

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
        self._kept: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def load(self, session_id: str, ttl: float) -> str | None:
        """The text of a session, which is then good for `ttl` seconds more; None when there is none."""
        with self._lock:
            text = self._current(session_id)
            if text is not None:
                self._put(session_id, text, ttl)
            return text

    def save(self, session_id: str, text: str, ttl: float, *, new: bool) -> bool:
        """Write it for `ttl` seconds; False when it is not new and no longer there."""
        with self._lock:
            if not new and self._current(session_id) is None:
                return False
            self._put(session_id, text, ttl)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
            return True

    def drop(self, session_id: str) -> None:
        """End it."""
        with self._lock:
            self._kept.pop(session_id, None)

    def close(self) -> None:
        """Nothing is open."""

    def _current(self, session_id: str) -> str | None:
        text, expires = self._kept.get(session_id, ("", 0.0))
        if session_id not in self._kept:
            return None
        if expires <= self._clock():
            del self._kept[session_id]
            return None
        return text

    def _put(self, session_id: str, text: str, ttl: float) -> None:
        self._kept[session_id] = (text, self._clock() + ttl)
        self._kept.move_to_end(session_id)


class Sessions:
    """Reads and writes sessions by the value of a cookie.

    A session ends `ttl` seconds after it was last read. Its cookie is HttpOnly and SameSite=Lax; a `permanent` one
    outlives the browser. `secret`, of at least 16 characters, signs it: the same in every process.
    """

    def __init__(
        self, store: SessionStore, *, secret: str, ttl: float = 1800.0, cookie: str = "session", permanent: bool = False
    ) -> None:
        """Raises ConfigurationError for a short secret or a TTL that is not above zero."""
        if len(secret) < _SHORTEST_SECRET:
            raise ConfigurationError(f"a session secret has at least {_SHORTEST_SECRET} characters")
        if not ttl > 0:
            raise ConfigurationError(f"ttl must be a number of seconds above zero, not {ttl!r}")
        self.cookie = cookie
        self._store = store
        self._key = hmac.digest(secret.encode(), _PURPOSE, hashlib.sha256)
        self._ttl = ttl
        self._permanent = permanent

    def load(self, cookie: str) -> Session:
        """The session that a cookie's value names; a new and empty one when it names none, is forged or has ended."""
        session_id, _, signature = cookie.partition(".")
        if not hmac.compare_digest(signature.encode("utf-8", "replace"), self._sign(session_id).encode()):
            return Session(_new_id(), None)
        try:
            text = self._store.load(session_id, self._ttl)
        except BackendUnavailable:
            return Session(session_id, _EMPTY, lost=True)
        # What has ended goes on under another name: nobody can prepare one for somebody else.
        return Session(_new_id(), None) if text is None else Session(session_id, text)

    def save(self, session: Session, *, secure: bool) -> str | None:
        """Write what has changed; the Set-Cookie value when the browser has something to learn, else None.

        `secure` is for https. Raises BackendUnavailable when the store is away and something would be lost, CodecError
        for values that JSON has no words for.
        """
        if session._ended:  # noqa: SLF001 - the two are one thing
            return self._end(session, secure=secure)
        text = _dump(session)
        if session.new and not session and not session._old:  # noqa: SLF001
            return None  # who has left nothing here needs no cookie
        changed = text != session._before  # noqa: SLF001
        if session.lost and (changed or session.new):
            raise BackendUnavailable("the session could not be read, and so must not be written")
        if changed or session.new:
            if not self._store.save(session.id, text, self._ttl, new=session.new):
                return self._header("", secure=secure)  # ended elsewhere meanwhile
            for old in session._old:  # noqa: SLF001
                self._store.drop(old)
        return self._told(session, text, secure=secure)

    def _told(self, session: Session, text: str, *, secure: bool) -> str | None:
        learns = session.new or self._permanent
        session.new, session._before = False, text  # noqa: SLF001
        session._old.clear()  # noqa: SLF001
        return self._header(f"{session.id}.{self._sign(session.id)}", secure=secure) if learns else None

    def _end(self, session: Session, *, secure: bool) -> str | None:
        known = [*session._old, *([] if session.new else [session.id])]  # noqa: SLF001
        for session_id in known:
            self._store.drop(session_id)
        return self._header("", secure=secure) if known else None

    def _header(self, value: str, *, secure: bool) -> str:
        age = f"; Max-Age={int(self._ttl)}" if value and self._permanent else "" if value else "; Max-Age=0"
        return f"{self.cookie}={value}; Path=/{age}; HttpOnly; SameSite=Lax{'; Secure' if secure else ''}"

    def _sign(self, session_id: str) -> str:
        digest = hmac.digest(self._key, session_id.encode("utf-8", "replace"), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _new_id() -> str:
    return secrets.token_urlsafe(_ID_BYTES)


def _dump(session: Session) -> str:
    try:
        return json.dumps(session._data, separators=(",", ":"), allow_nan=False)  # noqa: SLF001
    except (TypeError, ValueError) as error:
        raise CodecError(f"a session keeps what JSON can write: {error}") from None
