"""Redis: the only room that imports redis, and only once a connection is needed."""

from mestres_perf.backends.redis._client import Redis
from mestres_perf.backends.redis._sessions import RedisSessions

__all__ = ["Redis", "RedisSessions"]
