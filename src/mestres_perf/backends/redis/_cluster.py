"""Redis Cluster, by redis-py: it knows which node has a slot now, and follows when slots move.

Slower than a single server's own connections, and right: a `Fetch` goes to each node in one piece.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from mestres_perf._kernel.effects import Ask, Fetch
from mestres_perf.backends.redis._scripts import digest_of, may_be_repeated, text_of
from mestres_perf.errors import BackendUnavailable

if TYPE_CHECKING:
    from mestres_perf.backends.redis._address import Places


class Owner(Protocol):
    """Who keeps the address, the time limit and the breaker."""

    places: Places
    timeout: float

    def check(self) -> None:
        """Raises BackendUnavailable while Redis is left alone."""
        ...

    def failed(self, error: Exception) -> BackendUnavailable:
        """Leave Redis alone for a while."""
        ...

    def answered(self) -> None:
        """It is there."""
        ...


def cluster(places: Places, *, timeout: float) -> Any:
    """A client of redis-py for threads."""
    import redis  # noqa: PLC0415 - only who uses Redis pays for it
    from redis.cluster import ClusterNode  # noqa: PLC0415 - as above

    nodes = [ClusterNode(host, port) for host, port in places.hosts]  # type: ignore[no-untyped-call]
    return redis.RedisCluster(startup_nodes=nodes, **_options(places, timeout))


def _options(places: Places, timeout: float) -> dict[str, Any]:
    server = places.server
    return {
        "username": server.username,
        "password": server.password,
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "protocol": server.protocol,
        "decode_responses": False,
        "encoding_errors": "surrogatepass",
        "retry": _once(),
    }


def _once() -> Any:
    """redis-py would try ten times, also what may not be done twice."""
    from redis.backoff import NoBackoff  # noqa: PLC0415 - as above
    from redis.retry import Retry  # noqa: PLC0415 - as above

    return Retry(NoBackoff(), 0)


class _Failures:
    """What redis-py raises, by what is to be done."""

    def __init__(self) -> None:
        import redis  # noqa: PLC0415 - as above
        from redis.exceptions import RedisClusterException  # noqa: PLC0415 - as above

        self.any = (redis.RedisError, RedisClusterException, OSError)  # the second is no kind of the first
        self.closed = (redis.ConnectionError, ConnectionError)
        self.unknown_script = redis.exceptions.NoScriptError
        self._refused = redis.ResponseError

    def told(self, owner: Owner, error: Exception) -> BackendUnavailable:
        """What to raise. A node that refuses a command is there all the same."""
        if isinstance(error, self._refused):
            return BackendUnavailable(f"Redis has refused: {error}")
        return owner.failed(error)


class ClusterBlocking:
    """Asks and waits."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._client: Any = None
        self._failures = _Failures()

    def ask(self, effect: Ask | Fetch) -> Any:
        """Run a script, or send commands together. Raises BackendUnavailable."""
        self._owner.check()
        try:
            reply = self._asked(effect)
        except self._failures.any as error:
            raise self._failures.told(self._owner, error) from error
        self._owner.answered()
        return reply

    def ping(self) -> None:
        """Raises BackendUnavailable."""
        self.ask(Fetch((("GET", "mestres"),)))

    def close(self) -> None:
        """Give the connections back."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _asked(self, effect: Ask | Fetch) -> Any:
        if self._client is None:
            self._client = cluster(self._owner.places, timeout=self._owner.timeout)
        try:
            return self._performed(effect)
        except self._failures.closed:
            if not may_be_repeated(effect):
                raise
            return self._performed(effect)  # the client has looked where the nodes are now

    def _performed(self, effect: Ask | Fetch) -> Any:
        return self._fetch(effect) if isinstance(effect, Fetch) else self._run(effect)

    def _run(self, ask: Ask) -> Any:
        words = (len(ask.keys), *ask.keys, *ask.arguments)
        try:
            return self._client.execute_command("EVALSHA", digest_of(ask.name), *words)
        except self._failures.unknown_script:
            return self._client.execute_command("EVAL", text_of(ask.name), *words)

    def _fetch(self, fetch: Fetch) -> Any:
        with self._client.pipeline() as pipeline:
            for command in fetch.commands:
                pipeline.execute_command(*_words(command))
            replies = pipeline.execute(raise_on_error=False)
        for place, (command, reply) in enumerate(zip(fetch.commands, replies, strict=True)):
            if isinstance(command, Ask) and isinstance(reply, self._failures.unknown_script):
                replies[place] = self._run(command)
            elif isinstance(reply, Exception):
                raise reply
        return replies


class ClusterAwaiting:
    """Asks and lets others work meanwhile."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._client: Any = None
        self._failures = _Failures()

    async def ask(self, effect: Ask | Fetch) -> Any:
        """Run a script, or send commands together. Raises BackendUnavailable."""
        self._owner.check()
        try:
            reply = await self._asked(effect)
        except self._failures.any as error:
            raise self._failures.told(self._owner, error) from error
        self._owner.answered()
        return reply

    async def close(self) -> None:
        """Give the connections back."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _made(self) -> Any:
        import redis.asyncio  # noqa: PLC0415 - as above
        from redis.asyncio.cluster import ClusterNode  # noqa: PLC0415 - as above

        places = self._owner.places
        nodes = [ClusterNode(host, port) for host, port in places.hosts]
        return redis.asyncio.RedisCluster(startup_nodes=nodes, **_options(places, self._owner.timeout))

    async def _asked(self, effect: Ask | Fetch) -> Any:
        if self._client is None:
            self._client = self._made()
        try:
            return await self._performed(effect)
        except self._failures.closed:
            if not may_be_repeated(effect):
                raise
            return await self._performed(effect)

    async def _performed(self, effect: Ask | Fetch) -> Any:
        return await (self._fetch(effect) if isinstance(effect, Fetch) else self._run(effect))

    async def _run(self, ask: Ask) -> Any:
        words = (len(ask.keys), *ask.keys, *ask.arguments)
        try:
            return await self._client.execute_command("EVALSHA", digest_of(ask.name), *words)
        except self._failures.unknown_script:
            return await self._client.execute_command("EVAL", text_of(ask.name), *words)

    async def _fetch(self, fetch: Fetch) -> Any:
        pipeline = self._client.pipeline()
        for command in fetch.commands:
            pipeline.execute_command(*_words(command))
        replies = await pipeline.execute(raise_on_error=False)
        for place, (command, reply) in enumerate(zip(fetch.commands, replies, strict=True)):
            if isinstance(command, Ask) and isinstance(reply, self._failures.unknown_script):
                replies[place] = await self._run(command)
            elif isinstance(reply, Exception):
                raise reply
        return replies


def _words(command: Ask | tuple[str | bytes | int, ...]) -> tuple[str | bytes | int, ...]:
    if not isinstance(command, Ask):
        return command
    return ("EVALSHA", digest_of(command.name), len(command.keys), *command.keys, *command.arguments)
