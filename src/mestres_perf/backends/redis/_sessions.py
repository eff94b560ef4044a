"""Sessions straight in Redis, with no memory before it: what one process writes, the next request of any reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mestres_perf._kernel.effects import Ask
from mestres_perf.backends.redis._client import Redis
from mestres_perf.errors import CodecError

_THERE = "v"  # in every session, so that an empty one is there too
_FORM = "1"
_OURS = "."


class RedisSessions:
    """A store for `Sessions`: a hash for each, with a field for each name, so that two requests write side by side.

    `name` keeps those of different applications apart; in a cluster all with one name lie on one node. Each call raises
    BackendUnavailable when Redis does not answer, and has a twin for async code.
    """

    def __init__(self, redis: Redis, *, name: str = "session") -> None:
        self._redis = redis
        self._name = name

    def load(self, session_id: str, ttl: float, *, renew_below: float) -> dict[str, str] | None:
        """The texts of a session by name; None when there is none.

        It is good for `ttl` seconds more when fewer than `renew_below` were left. Raises CodecError for
        what is no text.
        """
        return _texts(self._redis.blocking.ask(self._loading(session_id, ttl, renew_below)))

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
        """Write what has changed, for `ttl` seconds; False when it is not new and no longer there.

        What is at `moved_from` goes on under this name, and under that one ends, in the same moment.
        """
        ask = self._saving((session_id, moved_from), changed, removed, ttl, new=new)
        return bool(self._redis.blocking.ask(ask))

    def drop(self, session_id: str) -> None:
        """End it."""
        self._redis.blocking.ask(self._dropping(session_id))

    async def aload(self, session_id: str, ttl: float, *, renew_below: float) -> dict[str, str] | None:
        """`load` for async code."""
        return _texts(await self._redis.awaiting.ask(self._loading(session_id, ttl, renew_below)))

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
        ask = self._saving((session_id, moved_from), changed, removed, ttl, new=new)
        return bool(await self._redis.awaiting.ask(ask))

    async def adrop(self, session_id: str) -> None:
        """`drop` for async code."""
        await self._redis.awaiting.ask(self._dropping(session_id))

    def close(self) -> None:
        """Give the connections back."""
        self._redis.close()

    async def aclose(self) -> None:
        """`close` for async code: gives the connection of this loop back, too."""
        await self._redis.aclose()

    def _loading(self, session_id: str, ttl: float, renew_below: float) -> Ask:
        return Ask("session_load", (self._key(session_id),), (_ms(ttl), _ms(renew_below)))

    def _saving(
        self,
        names: tuple[str, str | None],
        changed: Mapping[str, str],
        removed: Iterable[str],
        ttl: float,
        *,
        new: bool,
    ) -> Ask:
        keys = tuple(self._key(name) for name in names if name is not None)
        fields = [(_OURS + name, text) for name, text in changed.items()] + ([(_THERE, _FORM)] if new else [])
        written = [part.encode("utf-8", "surrogatepass") for field in fields for part in field]
        gone = [(_OURS + name).encode("utf-8", "surrogatepass") for name in removed]
        return Ask("session_save", keys, (_ms(ttl), int(new), len(fields), *written, *gone))

    def _dropping(self, session_id: str) -> Ask:
        return Ask("session_drop", (self._key(session_id),), ())

    def _key(self, session_id: str) -> str:
        return f"{{{self._name}}}:h:{session_id}"


def _texts(found: Any) -> dict[str, str] | None:
    if not found:
        return None
    try:
        parts = [str(part, "utf-8", "surrogatepass") for part in found]
    except UnicodeDecodeError as error:
        raise CodecError(f"a session in Redis is no text: {error.reason}") from None
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return {name.removeprefix(_OURS): text for name, text in pairs if name != _THERE}


def _ms(seconds: float) -> int:
    return max(1, int(seconds * 1000))
