"""Several nodes, one Redis, one database, and everything that can go wrong, in an order that a seed decides.

Nothing runs at the same time: the steps of loads, renewals, invalidations and messages are performed one by one, in an
order that the dice choose, on a clock that the dice move. The same seed gives the same history.

What is checked: a value that was made untrue is not given to whoever asks after the invalidation has returned - on the
node that invalidated never, on another node once `trust` seconds have passed and Redis knew of it. When all has ended
no node holds a load.
"""

from __future__ import annotations

import contextvars
import functools
import math
import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from mestres_perf._kernel.effects import TIMED_OUT, Ask, Effect, Fetch, Load, Sleep, Spawn, Wait
from mestres_perf.cache._backplane import Message
from mestres_perf.cache._core import Core, Request
from mestres_perf.cache._entry import MISS
from mestres_perf.cache._memory import Memory, Store
from mestres_perf.cache._options import Options
from mestres_perf.cache._shared import Shared
from mestres_perf.errors import BackendUnavailable
from mestres_perf.testing._redis import MemoryRedis

TRUST = 1.0
_KEYS = ("a", "b")
_TAG = "t"
_SOME_TIME = 60.0


class LoaderError(Exception):
    """What a loader raises in a simulation."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A stale value: `value` was given for `key` on `node` although `expected` had been announced by then."""

    node: int
    key: str
    value: int
    expected: int
    at: float


@dataclass(slots=True)
class Outcome:
    """What a simulation has found."""

    seed: int
    reads: int = 0
    loads: int = 0
    violations: list[Violation] = field(default_factory=list)
    unfinished: int = 0

    @property
    def is_fine(self) -> bool:
        """No stale value, and nothing left over."""
        return not self.violations and not self.unfinished


@dataclass(slots=True)
class _Written:
    """An invalidation that has returned: nothing older than `version` may be given from now on."""

    key: str
    version: int
    node: int
    at: float
    is_told: bool


@dataclass(slots=True)
class _Task:
    """A plan under way, in a context of its own as a thread or task would have."""

    plan: Generator[Effect, Any, Any]
    key: str
    done: Callable[[Any], None]
    node: int
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    effect: Effect | None = None
    loaded: int | None = None
    until: float = -math.inf


class _Node:
    def __init__(self, number: int, clock: Callable[[], float], options: Options) -> None:
        self.number = number
        # As on a cluster: what is sent together elsewhere is a step each, with everything in between that may come.
        shared = Shared("sim", is_cluster=True)
        self.core = Core(Store(Memory(max_items=10), clock), shared, options, TRUST)
        self.hears = True


def simulate(seed: int, *, steps: int = 120, nodes: int = 3, redis: type[MemoryRedis] = MemoryRedis) -> Outcome:
    """One history. `redis` may be a class with a fault planted in it: then violations should be found."""
    return _Simulation(seed, nodes, redis).run(steps)


class _Simulation:
    def __init__(self, seed: int, nodes: int, redis: type[MemoryRedis]) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - nothing secret
        self.now = 0.0
        self.redis = redis(lambda: self.now)
        self.outcome = Outcome(seed)
        self.database = dict.fromkeys(_KEYS, 0)
        self.written: list[_Written] = []
        self.tasks: list[_Task] = []
        self.options = Options(
            ttl=5.0,
            stale_while_revalidate=self.dice.choice((0.0, 3.0)),
            stale_if_error=self.dice.choice((0.0, 5.0)),
            early=self.dice.choice((0.0, 1.0)),
        )
        self.nodes = [_Node(number, lambda: self.now, self.options) for number in range(nodes)]
        for node in self.nodes:
            node.core.dice = self.dice.random
            self._listen(node, anew=True)

    def run(self, steps: int) -> Outcome:
        """All of it, then everything to its end."""
        acts: list[tuple[Callable[[], None], int]] = [
            (self._advance, 60),
            (self._read, 14),
            (self._write, 6),
            (self._hear, 12),
            (self._wait, 6),
            (self._break, 2),
        ]
        weighted = [act for act, weight in acts for _ in range(weight)]
        for _ in range(steps):
            self.dice.choice(weighted)()
        self.redis.is_down = False
        for _ in range(20 * steps):
            if not self.tasks:
                break
            self._advance()
            self.now += 0.05
        for task in self.tasks:
            task.context.run(task.plan.close)
        self.outcome.unfinished = len(self.tasks) + sum(len(node.core.flights) for node in self.nodes)
        return self.outcome

    def _read(self) -> None:
        node, key = self.dice.choice(self.nodes), self.dice.choice(_KEYS)
        began = self.now, len(self.written)
        request = Request(key, key, "f", self.options, lambda: (_TAG,), is_async=False)
        plan = node.core.answer(request) if self.dice.random() < 0.8 else node.core.lookup(request)  # noqa: PLR2004
        self.tasks.append(_Task(plan, key, lambda value: self._check(node, key, value, began), node.number))

    def _check(self, node: _Node, key: str, value: Any, began: tuple[float, int]) -> None:
        if value is MISS or isinstance(value, Exception):
            return
        self.outcome.reads += 1
        at, known = began
        for one in self.written[:known]:
            heard = one.node == node.number or (one.is_told and one.at + TRUST < at)
            if one.key == key and heard and value < one.version:
                self.outcome.violations.append(Violation(node.number, key, value, one.version, at))

    def _write(self) -> None:
        """Change the database, then invalidate: by key, by tag, or everything; or put the new value in."""
        node, key = self.dice.choice(self.nodes), self.dice.choice(_KEYS)
        self.database[key] += 1
        version, how = self.database[key], self.dice.choice(("key", "tag", "all"))
        plan = self._invalidation(node, key, how)

        def done(told: Any) -> None:
            self.written.append(_Written(key, version, node.number, self.now, is_told=told is True))

        self.tasks.append(_Task(plan, key, done, node.number))

    def _invalidation(self, node: _Node, key: str, how: str) -> Generator[Effect, Any, bool]:
        shared, flights = node.core.shared, node.core.flights
        assert shared is not None
        if how == "key":
            yield from shared.invalidate((key,))
            flights.delete((key,))
        elif how == "tag":
            yield from shared.invalidate_tags((_TAG,))
            flights.bump((_TAG,))
        else:
            yield from shared.clear()
            flights.clear()
        return not shared.owes

    def _advance(self) -> None:
        """One step of one task."""
        ready = [task for task in self.tasks if self._is_ready(task)]
        if ready:
            self._step(self.dice.choice(ready))

    def _is_ready(self, task: _Task) -> bool:
        if isinstance(task.effect, Wait):
            return task.effect.future.done()
        return task.until <= self.now

    def _step(self, task: _Task) -> None:
        try:
            answer = self._perform(task)
        except Exception as error:  # noqa: BLE001 - the plan decides what becomes of it
            self._go_on(task, functools.partial(task.plan.throw, error))
        else:
            if answer is not _NOT_YET:
                self._go_on(task, functools.partial(task.plan.send, answer))

    def _go_on(self, task: _Task, move: Callable[[], Effect]) -> None:
        try:
            task.effect = task.context.run(move)
        except StopIteration as end:
            self.tasks.remove(task)
            task.done(end.value)
        except (LoaderError, BackendUnavailable) as error:
            self.tasks.remove(task)
            task.done(error)
        else:
            if isinstance(task.effect, Sleep):
                task.until = self.now + task.effect.seconds

    def _perform(self, task: _Task) -> Any:
        effect = task.effect
        if isinstance(effect, (Ask, Fetch)):
            return self.redis.ask(effect)
        if isinstance(effect, Load):
            return self._load(task)
        if isinstance(effect, Spawn):
            self.tasks.append(_Task(effect.plan, task.key, lambda _: None, task.node))
        elif isinstance(effect, Wait):
            return effect.future.result() if effect.future.done() else TIMED_OUT
        return None

    def _load(self, task: _Task) -> Any:
        """The database is read at one moment; the loader returns at a later one, or raises."""
        if task.loaded is None:
            task.loaded = self.database[task.key]
            self.outcome.loads += 1
            task.until = self.now + self.dice.choice((0.0, 0.0, 0.2, 2.0, 12.0))
            return _NOT_YET
        value, task.loaded = task.loaded, None
        if self.dice.random() < 0.1:  # noqa: PLR2004
            raise LoaderError
        return value

    def _hear(self) -> None:
        node = self.dice.choice(self.nodes)
        if node.hears and not self.redis.is_down:
            self._listen(node, anew=False)

    def _listen(self, node: _Node, *, anew: bool) -> None:
        follower, shared = node.core.follower, node.core.shared
        assert follower is not None
        assert shared is not None
        if anew:
            follower.begin(*self.redis.position(shared.names.sequence))
            return
        asked_at, most = self.now, self.dice.choice((1, 3, 1000))
        number = self.redis.number(shared.names.sequence)
        messages = [
            Message(str(place), said["n"], said["o"], said["k"], tuple(said["p"].split("\n")) if said["p"] else ())
            for place, said in self.redis.messages
            if place > int(follower.place)
        ]
        follower.hear(messages[:most], asked_at=asked_at, is_all=len(messages) <= most, number=number)

    def _wait(self) -> None:
        self.now += self.dice.choice((0.01, 0.1, 0.5, 1.1, 4.0, 6.0))

    def _break(self) -> None:
        """Something goes wrong, or is well again."""
        what = self.dice.randrange(6)
        if what == 0:
            self.redis.is_down = not self.redis.is_down
        elif what == 1:
            self.redis.flush()
        elif what == 2:  # noqa: PLR2004
            self.redis.forget(lambda: self.dice.random() < 0.3)  # noqa: PLR2004
        elif what == 3:  # noqa: PLR2004
            del self.redis.messages[: self.dice.randrange(3)]
        else:
            node = self.dice.choice(self.nodes)
            node.hears = not node.hears
            if node.hears and not self.redis.is_down:
                self._listen(node, anew=True)


_NOT_YET = object()
