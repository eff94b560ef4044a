"""Sessions on the server: the browser has a signed name only, the data stays here.

sessions = Sessions(MemorySessions(), secret=settings.session.secret)
session = sessions.load(request.cookies.get(sessions.cookie, ""))
session["cart"] = cart_id
header = sessions.save(session, secure=request.scheme == "https")       # a Set-Cookie value, or None

Invariants: what requests side by side have changed under different names is all there afterwards, whatever one of them
has rotated meanwhile; what was ended stays ended; no request tells the browser a name that no longer opened anything.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Generator, Iterable, Iterator, Mapping, MutableMapping
from typing import Any, Final, Literal, Protocol, get_args

from mestres_perf._kernel.drive import arun, run
from mestres_perf._kernel.effects import Effect, Load
from mestres_perf.errors import BackendUnavailable, CodecError, ConfigurationError
from mestres_perf.http._session_cookie import SameSite, SessionCookie
from mestres_perf.http._session_memory import MemorySessions

__all__ = ["WHEN_DOWN", "MemorySessions", "SameSite", "Session", "SessionStore", "Sessions", "WhenDown"]

_ID_BYTES = 24
_MINUTE = 60.0
_LONGEST = 100 * 365 * 86_400.0

WhenDown = Literal["anonymous", "refuse"]
WHEN_DOWN: Final = get_args(WhenDown)


class SessionStore(Protocol):
    """Where sessions are kept: for each its texts by name. Times are seconds. Each verb has a twin for async code."""

    def load(self, session_id: str, ttl: float, *, renew_below: float) -> Mapping[str, str] | None:
        """The texts of a session, None when there is none. `ttl` begins anew when less than `renew_below` is left.

        Raises CodecError for what is no session's.
        """
        ...

    def save(
        self,
        session_id: str,
        changed: Mapping[str, str],
        removed: Iterable[str],
        ttl: float,
        *,
        new: bool,
        moved_from: str | None = None,
    ) -> bool:
        """Write what has changed and nothing else, in one step; `ttl` begins anew.

        What is at `moved_from` goes on under this name, and under that one ends. False, and nothing done, when it is
        not new and no longer there. The same call once more, by somebody who was not told what came of it, says the
        same.
        """
        ...

    def drop(self, session_id: str) -> None:
        """End it."""
        ...

    async def aload(self, session_id: str, ttl: float, *, renew_below: float) -> Mapping[str, str] | None:
        """`load` for async code."""
        ...

    async def asave(
        self,
        session_id: str,
        changed: Mapping[str, str],
        removed: Iterable[str],
        ttl: float,
        *,
        new: bool,
        moved_from: str | None = None,
    ) -> bool:
        """`save` for async code."""
        ...

    async def adrop(self, session_id: str) -> None:
        """`drop` for async code."""
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
        self._moved_from: str | None = None
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
            self._moved_from = self.id
        self.id, self.new = _new_id(), True

    def destroy(self) -> None:
        """End it: nothing is remembered, and the browser forgets its name."""
        self._data.clear()
        self._ended = True

    def __repr__(self) -> str:
        return f"Session({sorted(self._data)})"  # the id opens it, and the values are the visitor's own


class Sessions:
    """Reads and writes sessions by the value of a cookie.

    A session ends `ttl` seconds after it was last read, or up to a minute (a tenth of `ttl`, when that is less) before:
    its time is not begun anew by each request. Requests side by side lose nothing: each writes the names that it has
    changed. All values together have at most `max_bytes` as JSON: a request that would make them more is refused.

    The cookie is HttpOnly, and by `same_site`, `domain` and `path` as open as it must be; a `permanent` one outlives
    the browser, and is sent with each response. `secret`, of at least 16 characters, signs it: the same in every
    process. Cookies that were signed with one of `old_secrets` are taken, and signed anew. While the store is away a
    session is empty, and `lost`; with `when_down="refuse"` reading one raises BackendUnavailable instead.
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
        same_site: SameSite = "Lax",
        domain: str | None = None,
        path: str = "/",
        max_bytes: int = 64 * 1024,
        when_down: WhenDown = "anonymous",
    ) -> None:
        """Raises ConfigurationError."""
        if isinstance(old_secrets, str):
            raise ConfigurationError("old_secrets: must be several, such as ('the one before',)")
        if not isinstance(ttl, int | float) or not 0 < ttl <= _LONGEST:
            raise ConfigurationError(f"ttl must be a number of seconds above zero, of at most 100 years, not {ttl!r}")
        if type(max_bytes) is not int or max_bytes < 1:
            raise ConfigurationError(f"max_bytes={max_bytes!r}: must be a number of bytes of at least 1")
        if when_down not in WHEN_DOWN:
            raise ConfigurationError(f"when_down={when_down!r}: must be one of {', '.join(WHEN_DOWN)}")
        age = ttl if permanent else None
        known = (secret, *old_secrets)
        self._cookie = SessionCookie(cookie, known, age=age, same_site=same_site, domain=domain, path=path)
        self._store = store
        self._ttl = ttl
        self._renew_below = ttl - min(_MINUTE, ttl / 10)
        self._permanent = permanent
        self._most = max_bytes
        self._refuses = when_down == "refuse"

    @property
    def cookie(self) -> str:
        """The cookie's name."""
        return self._cookie.name

    def load(self, cookie: str) -> Session:
        """The session that a cookie's value names; a new and empty one when it names none, is forged or has ended.

        Raises BackendUnavailable when the store is away and `when_down` is "refuse".
        """
        return run(self._loading(cookie), None, self._ask)

    def save(self, session: Session, *, secure: bool) -> str | None:
        """Write what has changed; the Set-Cookie value when the browser has something to learn, else None.

        `secure` is for https. What has ended meanwhile is not written. Raises BackendUnavailable when the store is away
        and something would be lost, CodecError for values that JSON has no words for, or too many of them.
        """
        return run(self._saving(session, secure=secure), None, self._ask)

    async def aload(self, cookie: str) -> Session:
        """`load` for async code: a store that does not answer holds nobody else up."""
        return await arun(self._loading(cookie), None, self._aask)

    async def asave(self, session: Session, *, secure: bool) -> str | None:
        """`save` for async code."""
        return await arun(self._saving(session, secure=secure), None, self._aask)

    def _ask(self, verb: str, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        return getattr(self._store, verb)(*arguments, **named)

    async def _aask(self, verb: str, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        return await getattr(self._store, f"a{verb}")(*arguments, **named)

    def _loading(self, cookie: str) -> Generator[Effect, Any, Session]:
        named = self._cookie.read(cookie)
        if named is None:
            return Session(_new_id(), None)
        try:
            texts = yield Load(("load", (named.session_id, self._ttl), {"renew_below": self._renew_below}))
        except BackendUnavailable:
            if self._refuses:
                raise
            return Session(named.session_id, {}, lost=True)
        except CodecError:
            texts = None
        session = _restored(named.session_id, texts)
        session._signed_anew = named.is_old  # noqa: SLF001 - the two are one thing
        return session

    def _saving(self, session: Session, *, secure: bool) -> Generator[Effect, Any, str | None]:
        if session._ended:  # noqa: SLF001 - as above
            return (yield from self._ending(session, secure=secure))
        if session.new and not session and session._moved_from is None:  # noqa: SLF001
            return None  # who has left nothing here needs no cookie
        before, texts = session._before, self._texts(session)  # noqa: SLF001
        changed = {name: text for name, text in texts.items() if before.get(name) != text}
        removed = before.keys() - texts.keys()
        writes = bool(changed or removed or session.new)
        if session.lost and writes:
            raise BackendUnavailable("the session could not be read, and so must not be written")
        learns = session.new or self._permanent or session._signed_anew  # noqa: SLF001
        # What is told without being written is asked for as well, by writing nothing: it may have ended meanwhile. The
        # browser has been told so there, and a login that has given it another name since must not be undone here.
        if not (writes or learns) or not (yield from self._written(session, changed, removed, writes=writes)):
            return None
        session.new, session._before = False, texts  # noqa: SLF001
        session._signed_anew, session._moved_from = False, None  # noqa: SLF001
        return self._cookie.write(session.id, secure=secure) if learns else None

    def _written(
        self, session: Session, changed: Mapping[str, str], removed: Iterable[str], *, writes: bool
    ) -> Generator[Effect, Any, bool]:
        """Whether the session is there, with its changes."""
        moved_from = session._moved_from  # noqa: SLF001
        named = {"new": session.new and moved_from is None, "moved_from": moved_from}
        try:
            is_there: bool = yield Load(("save", (session.id, changed, removed, self._ttl), named))
        except BackendUnavailable:
            if writes:
                raise
            return False
        return is_there

    def _ending(self, session: Session, *, secure: bool) -> Generator[Effect, Any, str | None]:
        moved_from = session._moved_from  # noqa: SLF001
        known = [session.id] if not session.new else []
        if moved_from is not None:
            known = [moved_from, session.id]  # a rotation whose answer was lost may have been heard
        for session_id in known:
            yield Load(("drop", (session_id,), {}))
        return self._cookie.forget(secure=secure) if known else None

    def _texts(self, session: Session) -> dict[str, str]:
        """Every value as JSON. What was too much before may stay, and become less: requests side by side add up."""
        texts: dict[str, str] = {}
        try:
            for name, value in session.items():
                if not isinstance(name, str):
                    raise CodecError(f"a session keeps values under names of text, as JSON does, not {name!r}")
                texts[name] = json.dumps(value, separators=(",", ":"), allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise CodecError(f"a session keeps what JSON can write: {error}") from None
        size = _size(texts)
        if size > max(self._most, _size(session._before)):  # noqa: SLF001
            raise CodecError(f"a session keeps {self._most} bytes of JSON at most, not {size}")
        return texts


def _restored(session_id: str, texts: Mapping[str, str] | None) -> Session:
    """What has ended goes on under another name: nobody can prepare one for somebody else. So does what is no JSON."""
    if texts is not None:
        with contextlib.suppress(ValueError, RecursionError):
            return Session(session_id, texts)
    return Session(_new_id(), None)


def _size(texts: Mapping[str, str]) -> int:
    return sum(len(name.encode("utf-8", "surrogatepass")) + len(text) for name, text in texts.items())


def _new_id() -> str:
    return secrets.token_urlsafe(_ID_BYTES)
