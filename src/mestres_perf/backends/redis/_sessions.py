"""Sessions straight in Redis, with no memory before it: what one process writes, the next request of any reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mestres_perf._kernel.effects import Ask
from mestres_perf.backends.redis._client import Redis

_THERE = "v"  # in every session, so that an empty one is there too
_FORM = "1"
_OURS = "."


class RedisSessions:
    """A store for `Sessions`: a hash for each, with a field for each name, so that two requests write side by side.

    `name` keeps those of different applications apart. Each call raises BackendUnavailable when Redis does not answer.
    """

    def __init__(self, redis: Redis, *, name: str = "session") -> None:
        self._redis = redis
        self._name = name

    def load(self, session_id: str, ttl: float, *, renew_below: float) -> dict[str, str] | None:
        """The texts of a session by name; None when there is none.

        It is good for `ttl` seconds more when fewer than `renew_below` were left.
        """
        found = self._redis.blocking.ask(Ask("session_load", (self._key(session_id),), (_ms(ttl), _ms(renew_below))))
        if not found:
            return None
        parts = [str(part, "utf-8", "surrogatepass") for part in found]
        pairs = zip(parts[::2], parts[1::2], strict=True)
        return {name.removeprefix(_OURS): text for name, text in pairs if name != _THERE}

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
        keys = (self._key(session_id), *map(self._key, ends))
        fields = [(_OURS + name, text) for name, text in changed.items()] + ([(_THERE, _FORM)] if new else [])
        written = [part.encode("utf-8", "surrogatepass") for field in fields for part in field]
        gone = [(_OURS + name).encode("utf-8", "surrogatepass") for name in removed]
        arguments: tuple[str | bytes | int, ...] = (_ms(ttl), int(new), len(fields), *written, *gone)
        return bool(self._redis.blocking.ask(Ask("session_save", keys, arguments)))

    def drop(self, session_id: str) -> None:
        """End it."""
        self._redis.blocking.ask(Ask("session_drop", (self._key(session_id),), ()))

    def close(self) -> None:
        """Give the connections back."""
        self._redis.close()

    def _key(self, session_id: str) -> str:
        return f"{{{self._name}}}:h:{session_id}"


def _ms(seconds: float) -> int:
    return max(1, int(seconds * 1000))
