"""The rules of breakers that share their state through Redis: an empty one, one that is gone, and one that hangs."""

import asyncio
import contextlib
import importlib
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest import mock

import aiobreaker
import pybreaker
import redis
import redis.asyncio
from aiobreaker.storage.redis import CircuitRedisStorage
from redis.backoff import NoBackoff
from redis.retry import Retry

from mestres_perf import CircuitBreaker, CircuitOpenError, Redis
from mestres_perf.resilience import SharedState
from perf.peers_of_resilience.breakers import BREAKERS, OPEN_FOR, purgatory
from perf.peers_of_resilience.clocks import Clocks, clocks_of
from perf.peers_of_resilience.of_breakers import DEADLINE, has_ended
from perf.peers_of_resilience.rules import SUBJECTS, Rule, register

_PATIENCE = 0.05  # seconds for an answer of Redis: where none comes, all of it is lost


class Node:
    """What one process has of a shared breaker, for plain functions whatever the library's colour is."""

    def __init__(self, decorate: Callable[..., Any], refusal: type[BaseException], settle: Callable[[], None]) -> None:
        self._decorate = decorate
        self.refusal = refusal
        self.settle = settle

    def call(self, function: Callable[[], Any]) -> Any:
        return self._decorate(function)()


class Room:
    """Where nodes are made, and closed again."""

    def __init__(self, library: str, clocks: Clocks, url: str, ends: contextlib.ExitStack) -> None:
        self.library = library
        self.clocks = clocks
        self.url = url
        self._ends = ends

    def node(self, *, threshold: int = 1) -> Node:
        return getattr(self, f"_{self.library}")(threshold)

    def _mestres_perf(self, threshold: int) -> Node:
        layer = Redis(self.url, timeout=_PATIENCE)
        self._ends.callback(layer.close)
        shared = SharedState(layer, interval=3600.0)
        breaker = CircuitBreaker(
            "peer",
            failure_threshold=threshold,
            reset_timeout=OPEN_FOR,
            shared=shared,
            clock=self.clocks.monotonic,
        )
        return Node(breaker, CircuitOpenError, shared.sync)

    def _client(self) -> redis.Redis:
        client = redis.Redis.from_url(self.url, socket_timeout=_PATIENCE, retry=Retry(NoBackoff(), 0))
        self._ends.callback(client.close)
        return client

    def _pybreaker(self, threshold: int) -> Node:
        storage = pybreaker.CircuitRedisStorage(pybreaker.STATE_CLOSED, self._client(), namespace="peer")
        breaker = pybreaker.CircuitBreaker(threshold, OPEN_FOR, state_storage=storage)
        return Node(breaker, pybreaker.CircuitBreakerError, _nothing)

    def _aiobreaker(self, threshold: int) -> Node:
        from datetime import timedelta

        storage = CircuitRedisStorage(aiobreaker.CircuitBreakerState.CLOSED, self._client(), namespace="peer")
        breaker = aiobreaker.CircuitBreaker(threshold, timedelta(seconds=OPEN_FOR), state_storage=storage)
        return Node(breaker, aiobreaker.CircuitBreakerError, _nothing)

    def _purgatory(self, threshold: int) -> Node:
        """Async only: its plain Redis asks for a method that redis-py no longer has."""
        loop = asyncio.new_event_loop()
        turner = threading.Thread(target=loop.run_forever, daemon=True)
        turner.start()

        def wait(awaitable: Any) -> Any:
            return asyncio.run_coroutine_threadsafe(awaitable, loop).result(DEADLINE)

        async def make() -> Any:
            factory = _purgatory_factory(self.url, threshold)
            with contextlib.suppress(redis.RedisError):
                await factory.initialize()
            return factory

        factory = wait(make())

        def end() -> None:
            wait(factory.uow.contexts.redis.aclose())
            loop.call_soon_threadsafe(loop.stop)
            turner.join(DEADLINE)
            loop.close()

        self._ends.callback(end)

        def decorate(function: Callable[[], Any]) -> Callable[[], Any]:
            async def run() -> Any:
                return await asyncio.to_thread(function)

            guarded = factory("peer")(run)
            return lambda: wait(guarded())

        return Node(decorate, BREAKERS["purgatory"].refusal, _nothing)


def _purgatory_factory(url: str, threshold: int) -> Any:
    work = importlib.import_module("purgatory.service._async.unit_of_work")
    # aioredis, which it asks for, does not start on Python 3.11 or newer; redis-py has it inside.
    with mock.patch.dict(sys.modules, {"aioredis": SimpleNamespace(from_url=_async_client)}):
        return purgatory.AsyncCircuitBreakerFactory(threshold, OPEN_FOR, uow=work.AsyncRedisUnitOfWork(url))


def _async_client(url: str) -> redis.asyncio.Redis:
    return redis.asyncio.Redis.from_url(url, socket_timeout=_PATIENCE, retry=Retry(NoBackoff(), 0))


def _nothing() -> None: ...


def of_sharing(scenario: str, title: str):
    """Try it on every breaker that can be shared."""

    def add(check):
        def tried(library: str) -> Callable[[str], bool]:
            def holds(url: str) -> bool:
                with redis.Redis.from_url(url) as client:
                    client.flushdb()
                package = BREAKERS[library].package
                with clocks_of(package) as clocks, contextlib.ExitStack() as ends:
                    return check(Room(library, clocks, url, ends))

            return holds

        there = [library for library in SUBJECTS["breakers"] if hasattr(Room, f"_{library}")]
        trials = {library: tried(library) for library in there}
        absent = dict.fromkeys(set(SUBJECTS["breakers"]) - set(there), "shares nothing between processes")
        register(Rule(check.__name__, scenario, "breakers", title, " ".join(check.__doc__.split()), trials | absent))
        return check

    return add


def fail() -> None:
    raise OSError("down")


@contextmanager
def _silent() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


@of_sharing("R1", "no call fails for want of Redis")
def without_redis(room: Room) -> bool:
    """With a Redis that refuses connections, and with one that never answers, calls go on."""
    with _silent() as silent:
        for url in ("redis://127.0.0.1:1/0", silent):
            room.url = url
            node = room.node(threshold=5)
            if [node.call(lambda: "fine") for _ in range(2)] != ["fine"] * 2:
                return False
    return True


@of_sharing("R2", "a closed call asks Redis nothing")
def asks_nothing(room: Room) -> bool:
    """Ten calls of a closed breaker send Redis no command."""
    node = room.node()
    node.call(_nothing)
    node.settle()
    with redis.Redis.from_url(room.url) as client:

        def commands() -> int:
            return client.info("stats")["total_commands_processed"]

        first = commands()
        for _ in range(10):
            node.call(_nothing)
        return commands() - first == 1  # the question itself


@of_sharing("R3", "one probe for all processes")
def one_probe_for_all(room: Room) -> bool:
    """While a probe of one node is out, another node, whose open time is over too, refuses."""
    one, other = room.node(), room.node()
    for node in (one, other):
        with contextlib.suppress(OSError, node.refusal):
            node.call(fail)
        node.settle()
    room.clocks.passed += OPEN_FOR + 1
    inside, go = threading.Event(), threading.Event()

    def probe() -> None:
        inside.set()
        go.wait(DEADLINE)

    def insist() -> None:
        while not inside.is_set():
            try:
                one.call(probe)
            except one.refusal:  # it may have to ask first whether it may
                time.sleep(0.001)

    prober = threading.Thread(target=insist)
    prober.start()
    assert inside.wait(DEADLINE)
    refused = []

    def ask() -> None:
        for _ in range(3):
            try:
                other.call(_nothing)
            except other.refusal:
                refused.append(1)
            other.settle()

    asker = threading.Thread(target=ask)
    asker.start()
    ended = has_ended(asker)
    go.set()
    for thread in (asker, prober):
        thread.join(DEADLINE)
    return ended and len(refused) == 3


@of_sharing("R4", "a new release has its own threshold")
def new_threshold(room: Room) -> bool:
    """A breaker of the same name with a lower threshold, as after a deployment, opens at its own."""
    room.node(threshold=50).call(_nothing)
    node = room.node(threshold=1)
    with contextlib.suppress(OSError, node.refusal):
        node.call(fail)
    try:
        node.call(_nothing)
    except node.refusal:
        return True
    return False


@contextmanager
def sent_in_a_loop() -> Iterator[list[int]]:
    """What is sent by a client that waits, in a thread whose event loop would have other things to do meanwhile."""
    seen: list[int] = []
    send = socket.socket.sendall

    def sendall(self: socket.socket, *arguments: Any) -> None:
        if asyncio._get_running_loop() is not None:
            seen.append(1)
        send(self, *arguments)

    with mock.patch.object(socket.socket, "sendall", sendall):
        yield seen


async def _fine() -> None: ...


@asynccontextmanager
async def _our_call(url: str) -> AsyncIterator[Callable[[], Any]]:
    layer = Redis(url)
    shared = SharedState(layer, interval=0.01)
    yield CircuitBreaker("peer", shared=shared)(_fine)
    shared.close()
    await layer.aclose()


@asynccontextmanager
async def _call_of_aiobreaker(url: str) -> AsyncIterator[Callable[[], Any]]:
    with redis.Redis.from_url(url) as client:
        storage = CircuitRedisStorage(aiobreaker.CircuitBreakerState.CLOSED, client, namespace="loop")
        yield aiobreaker.CircuitBreaker(state_storage=storage)(_fine)


@asynccontextmanager
async def _call_of_purgatory(url: str) -> AsyncIterator[Callable[[], Any]]:
    factory = _purgatory_factory(url, threshold=5)
    await factory.initialize()
    yield factory("loop")(_fine)
    await factory.uow.contexts.redis.aclose()


def _keeps_its_loop(make: Callable[[str], Any]) -> Callable[[str], bool]:
    async def main(url: str) -> bool:
        async with make(url) as guarded:
            with sent_in_a_loop() as seen:
                for _ in range(3):
                    await guarded()
            return not seen

    return lambda url: asyncio.run(main(url))


register(
    Rule(
        "loops_go_on",
        "R8",
        "breakers",
        "no event loop waits for Redis",
        "Calls of an async function send Redis nothing through a client that waits in the loop's thread.",
        {
            "mestres_perf": _keeps_its_loop(_our_call),
            "circuitbreaker": "shares nothing between processes",
            "pybreaker": "for plain functions only",
            "aiobreaker": _keeps_its_loop(_call_of_aiobreaker),
            "purgatory": _keeps_its_loop(_call_of_purgatory),
            "hyx": "shares nothing between processes",
        },
    )
)
