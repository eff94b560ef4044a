"""What the scenarios are played with: nodes that stop where they are told to, and crowds."""

import asyncio
import contextlib
import threading
import time
from concurrent.futures import Future

from mestres_perf._kernel.effects import Ask


def until(condition):
    """Wait for what happens in the background."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it has not happened"
        time.sleep(0.001)


def begin(function, *arguments, **named):
    """Call something in a thread of its own; the answer is a future."""
    future = Future()

    def work():
        try:
            future.set_result(function(*arguments, **named))
        except BaseException as error:  # noqa: BLE001 - the test wants to see whatever it is
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future


def outcome(future):
    """What a future ended with, a value or an error."""
    return future.exception(30) or future.result()


@contextlib.contextmanager
def client_of(node):
    """A client of redis-py for the Redis of a node, a server or a cluster."""
    import redis

    url, _ = node.address
    if url.startswith("redis+cluster://"):
        host, _, port = url.removeprefix("redis+cluster://").split(",")[0].partition(":")
        client = redis.RedisCluster(host=host, port=int(port))
    else:
        client = redis.Redis.from_url(url)
    with contextlib.closing(client):
        yield client


class Stop:
    """A place where somebody stops until he is let go; only the first who comes."""

    def __init__(self):
        self.reached = threading.Event()
        self.go = threading.Event()
        self._first = threading.Lock()

    def here(self):
        """Stop, if nobody has before."""
        if self._first.acquire(blocking=False):
            self.reached.set()
            assert self.go.wait(30)

    def wait(self):
        """Until somebody has stopped."""
        assert self.reached.wait(30)


class Loader:
    """Reads the database, and stops before it returns what it has read."""

    def __init__(self, database):
        self.database = database
        self.stop = Stop()
        self.calls = 0

    def __call__(self):
        self.calls += 1
        value = self.database["k"]
        self.stop.here()
        return value


class Paused:
    """A shared layer in which a question can be stopped on its way there, or its answer on its way back."""

    def __init__(self, redis):
        self._redis = redis
        self._stops = []

    def __getattr__(self, name):
        return getattr(self._redis, name)

    def stop(self, word, *, when):
        """Stop the next question that has this command or script in it, `before` it is asked or `after` the answer."""
        stop = Stop()
        self._stops.append((word, when, stop))
        return stop

    def at(self, effect, when):
        """The stops on the way of this question."""
        commands = (effect,) if isinstance(effect, Ask) else effect.commands
        words = {each.name if isinstance(each, Ask) else each[0] for each in commands}
        return [stop for word, moment, stop in self._stops if word in words and moment == when]

    @property
    def blocking(self):
        """For threads."""
        return _Blocking(self, self._redis.blocking)

    @property
    def awaiting(self):
        """For tasks."""
        return _Awaiting(self, self._redis.awaiting)


class _Blocking:
    def __init__(self, paused, inner):
        self._paused, self._inner = paused, inner

    def ask(self, effect):
        for stop in self._paused.at(effect, "before"):
            stop.here()
        answer = self._inner.ask(effect)
        for stop in self._paused.at(effect, "after"):
            stop.here()
        return answer


class _Awaiting:
    def __init__(self, paused, inner):
        self._paused, self._inner = paused, inner

    async def ask(self, effect):
        for stop in self._paused.at(effect, "before"):
            await asyncio.to_thread(stop.here)
        answer = await self._inner.ask(effect)
        for stop in self._paused.at(effect, "after"):
            await asyncio.to_thread(stop.here)
        return answer
