"""Sessions straight in Redis, with no memory before it: what one process writes, the next request of any reads."""

from __future__ import annotations

from mestres_perf._kernel.effects import Ask
from mestres_perf.backends.redis._client import Redis


class RedisSessions:
    """A store for `Sessions`; `name` keeps those of different applications apart.

    Each call raises BackendUnavailable when Redis does not answer.
    """

    def __init__(self, redis: Redis, *, name: str = "session") -> None:
        self._redis = redis
        self._name = name

    def load(self, session_id: str, ttl: float) -> str | None:
        """The text of a session, which is then good for `ttl` seconds more; None when there is none."""
        text = self._redis.blocking.ask(Ask("session_load", (self._key(session_id),), (_ms(ttl),)))
        return None if text is None else str(text, "utf-8")

    def save(self, session_id: str, text: str, ttl: float, *, new: bool) -> bool:
        """Write it for `ttl` seconds; False when it is not new and no longer there."""
        arguments = (_ms(ttl), text, int(new))
        return bool(self._redis.blocking.ask(Ask("session_save", (self._key(session_id),), arguments)))

    def drop(self, session_id: str) -> None:
        """End it."""
        self._redis.blocking.ask(Ask("session_drop", (self._key(session_id),), ()))

    def close(self) -> None:
        """Give the connections back."""
        self._redis.close()

    def _key(self, session_id: str) -> str:
        return f"{{{self._name}}}:s:{session_id}"


def _ms(seconds: float) -> int:
    return max(1, int(seconds * 1000))
