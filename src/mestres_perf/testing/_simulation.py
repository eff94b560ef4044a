"""Several nodes, one Redis, one database, and everything that can go wrong, in an order that a seed decides.

Nothing runs at the same time: the steps of loads, renewals, invalidations and messages are performed one by one, in an
order that the dice choose, on a clock that the dice move. The same seed gives the same history.

What is checked: a value that was made untrue is not given to whoever asks after the invalidation has returned - on the
node that invalidated never, on another node once `trust` seconds have passed and Redis knew of it. Where nothing ails
Redis, two loads of a key run at once only when the first has lost its lease by an invalidation or by its node's death,
however long its loader takes. When all has ended no living node holds a load or a lease; and once some time has passed
without faults every node gives what the database has.
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
from mestres_perf.cache._batch import Batch
from mestres_perf.cache._core import Core, Request
from mestres_perf.cache._entry import MISS
from mestres_perf.cache._leases import Leases
from mestres_perf.cache._memory import Memory, Store
from mestres_perf.cache._options import Options
from mestres_perf.cache._shared import Shared
from mestres_perf.errors import BackendUnavailable
from mestres_perf.testing._redis import MemoryRedis

TRUST = 1.0
LEASE = 2.0
_KEYS = ("a", "b")
_TAG = "t"
_SOME_TIME = 60.0
_LATE = 0.4
_LONG_TIME = 2000.0
_CALM = 0.4
"""The share of histories in which nothing ails Redis, only messages, loaders and nodes."""


class LoaderError(Exception):
    """What a loader raises in a simulation."""


@dataclass(frozen=True, slots=True)
class Violation:
    """`value` was given for `key` on `node` although `expected` was due by then; `rule` says which promise it breaks.

    Of a load beside another that holds the lease, `value` is the node of that one.
    """

    rule: str
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
    events: list[tuple[Any, ...]] = field(default_factory=list)

    @property
    def story(self) -> str:
        """What happened, an event a line, with the seconds since the beginning."""
        told = (f"{at:8.2f} " + what.format(*values) for at, what, *values in self.events)
        return "\n".join((f"seed {self.seed}", *told, *map(str, self.violations)))

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


@dataclass(slots=True, eq=False)
class _Running:
    """A load under a lease. Once the lease is lost for a reason, another may run beside it."""

    key: str
    node: int
    may_be_doubled: bool = False


@dataclass(slots=True)
class _Task:
    """A plan under way, in a context of its own as a thread or task would have."""

    plan: Generator[Effect, Any, Any]
    key: str
    done: Callable[[Any], None]
    node: int
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    effect: Effect | None = None
    loaded: dict[str, int] | None = None
    running: _Running | None = None
    is_invalidation: bool = False
    replied: bool = False
    reply: Any = None
    leased: int = 0
    leased_at: float = 0.0
    until: float = -math.inf


class _Node:
    def __init__(self, number: int, clock: Callable[[], float], options: Options) -> None:
        self.number = number
        self.leases = Leases(LEASE)
        # As on a cluster: what is sent together elsewhere is a step each, with everything in between that may come.
        shared = Shared("sim", self.leases, is_cluster=True)
        self.core = Core(Store(Memory(max_items=10), clock), shared, options, TRUST)
        self.hears = True
        self.is_alive = True


def simulate(
    seed: int, *, steps: int = 120, nodes: int | None = None, redis: type[MemoryRedis] = MemoryRedis
) -> Outcome:
    """One history, of 3 to 10 nodes when nothing is said; `print(simulate(7).story)` tells it.

    `redis` may be a class with a fault planted in it: then violations should be found.
    """
    return _Simulation(seed, nodes, redis).run(steps)


class _Simulation:
    def __init__(self, seed: int, nodes: int | None, redis: type[MemoryRedis]) -> None:
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
        self.is_calm = self.dice.random() < _CALM
        self.next_round = LEASE / 3
        self.running: list[_Running] = []
        self.changes = 0
        self.dead: list[_Task] = []  # nobody performs them any more: their process is gone
        count = nodes or self.dice.choice((3, 3, 3, 3, 4, 5, 10))
        self.nodes = [_Node(number, lambda: self.now, self.options) for number in range(count)]
        for node in self.nodes:
            node.core.dice = self.dice.random
            self._listen(node, anew=True)

    def run(self, steps: int) -> Outcome:
        """All of it, then everything to its end."""
        acts: list[tuple[Callable[[], Any], int]] = [
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
        self._heal()
        self._end()
        living = [node for node in self.nodes if node.is_alive]
        self.outcome.unfinished += sum(len(node.core.flights) + len(node.leases) for node in living)
        self._agree(living)
        for task in self.dead:  # only now, and in their own contexts: Python wants every generator closed
            task.context.run(task.plan.close)
        return self.outcome

    def _heal(self) -> None:
        """Redis answers again, and everybody hears."""
        self.redis.is_down = False
        for node in self.nodes:
            self._listen(node, anew=True)
            node.hears = True

    def _end(self) -> None:
        """Everything to its end; what comes to none is counted."""
        last = self.now + _LONG_TIME
        while self.tasks and self.now < last:
            if not self._advance():
                self._pass(max(0.05, min((t.until for t in self.tasks if t.until > self.now), default=0) - self.now))
            self._pass(0.05)
        self.outcome.unfinished += len(self.tasks)
        for task in self.tasks:
            task.context.run(task.plan.close)
        self.tasks.clear()

    def _agree(self, living: list[_Node]) -> None:
        """Some time after the last fault every node gives what the database has."""
        for node in living:  # what Redis could not be told is told with the next question
            self._begin(node, "a", node.core.lookup(self._request("a")), lambda _: None)
        self._end()
        self._pass(_SOME_TIME)
        for node in living:
            for key in _KEYS:
                self._begin(
                    node, key, node.core.lookup(self._request(key)), functools.partial(self._is_last, node, key)
                )
        self._end()

    def _is_last(self, node: _Node, key: str, value: Any) -> None:
        if isinstance(value, int) and value != self.database[key]:
            self._violate("the end", node.number, key, value, self.database[key])

    def _violate(self, rule: str, node: int, key: str, value: int, expected: int) -> None:
        self.outcome.violations.append(Violation(rule, node, key, value, expected, self.now))

    def _tell(self, what: str, *values: Any) -> None:
        self.outcome.events.append((self.now, what, *values))

    def _request(self, key: str) -> Request:
        return Request(key, key, "f", self.options, lambda: (_TAG,), is_async=False)

    def _begin(
        self, node: _Node, key: str, plan: Generator[Effect, Any, Any], done: Callable[[Any], None], **more: Any
    ) -> None:
        self.tasks.append(_Task(plan, key, done, node.number, **more))

    def _read(self) -> None:
        node, key = self._node(), self.dice.choice(_KEYS)
        began, how = (self.now, len(self.written)), self.dice.random()
        if how < 0.1:  # noqa: PLR2004
            batch = Batch(node.core, {each: self._request(each) for each in _KEYS})
            self._begin(node, key, batch.plan(), lambda values: self._check_many(node, values, began))
            return
        request = self._request(key)
        plan = node.core.answer(request) if how < 0.8 else node.core.lookup(request)  # noqa: PLR2004
        self._begin(node, key, plan, lambda value: self._check(node, key, value, began))

    def _node(self) -> _Node:
        return self.dice.choice([node for node in self.nodes if node.is_alive])

    def _check_many(self, node: _Node, values: Any, began: tuple[float, int]) -> None:
        if isinstance(values, dict):
            for key, value in values.items():
                self._check(node, key, value, began)

    def _check(self, node: _Node, key: str, value: Any, began: tuple[float, int]) -> None:
        if value is MISS or isinstance(value, Exception):
            return
        self.outcome.reads += 1
        self._tell("node {} was given {}={}, asked for at {:.2f}", node.number, key, value, began[0])
        at, known = began
        for one in self.written[:known]:
            heard = one.node == node.number or (one.is_told and one.at + TRUST < at)
            if one.key == key and heard and value < one.version:
                self._violate("stale", node.number, key, value, one.version)

    def _write(self) -> None:
        """Change the database, then invalidate: by key, by tag, or everything."""
        node, key = self._node(), self.dice.choice(_KEYS)
        self.database[key] += 1
        version, how = self.database[key], self.dice.choice(("key", "tag", "all"))
        self._tell("node {} wrote {}={} and invalidates by {}", node.number, key, version, how)
        plan = self._invalidation(node, key, how)

        def done(told: Any) -> None:
            self._change()
            self._tell("node {} has invalidated {}={}; Redis knows: {}", node.number, key, version, told is True)
            self.written.append(_Written(key, version, node.number, self.now, is_told=told is True))

        self._change()
        self._begin(node, key, plan, done, is_invalidation=True)

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

    def _advance(self) -> bool:
        """One step of one task, if one can go on."""
        now = self.now
        ready = [
            task
            for task in self.tasks
            if (task.effect.future.done() if isinstance(task.effect, Wait) else task.until <= now)
        ]
        if ready:
            self._step(self.dice.choice(ready))
        return bool(ready)

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
            self._leave(task)
            task.done(end.value)
        except (LoaderError, BackendUnavailable) as error:
            self._leave(task)
            task.done(error)
        else:
            if isinstance(task.effect, Sleep):
                task.until = self.now + task.effect.seconds

    def _perform(self, task: _Task) -> Any:
        effect = task.effect
        if isinstance(effect, (Ask, Fetch)):
            return self._ask(task, effect)
        if isinstance(effect, Load):
            return self._load(task, effect)
        if isinstance(effect, Spawn):
            self.tasks.append(_Task(effect.plan, task.key, lambda _: None, task.node))  # of the same node
        elif isinstance(effect, Wait):
            return effect.future.result() if effect.future.done() else TIMED_OUT
        return None

    def _ask(self, task: _Task, effect: Ask | Fetch) -> Any:
        """Redis answers at one moment; what asked is told now, or at a later one."""
        if task.replied:
            task.replied, reply = False, task.reply
        else:
            if isinstance(effect, Ask) and effect.name == "lease":
                task.leased, task.leased_at = self.changes, self.now
            try:
                reply = self.redis.ask(effect)
            except BackendUnavailable as error:
                reply = error
            if self.dice.random() < _LATE:
                task.replied, task.reply = True, reply
                task.until = self.now + self.dice.choice((0.0, 0.1, 0.6))
                return _NOT_YET
        if isinstance(reply, BackendUnavailable):
            raise reply
        return reply

    def _load(self, task: _Task, load: Load) -> Any:
        """The database is read at one moment; the loader returns at a later one, or raises."""
        if task.loaded is None:
            task.loaded = dict(self.database)
            self.outcome.loads += 1
            task.until = self.now + self.dice.choice((0.0, 0.0, 0.2, 1.0, 3.0, 8.0))
            self._tell("node {} loads {}, until {:.2f}", task.node, task.key, task.until)
            if not load.arguments:
                self._run_beside(task)
            return _NOT_YET
        loaded, task.loaded = task.loaded, None
        self._stop(task)
        if self.dice.random() < 0.1:  # noqa: PLR2004
            raise LoaderError
        return {key: loaded[key] for key in load.arguments[0]} if load.arguments else loaded[task.key]

    def _run_beside(self, task: _Task) -> None:
        """Nobody else may be loading the key now, unless one of the two may have lost the lease that it was given."""
        is_late = self.now - task.leased_at > LEASE / 3  # it was told so late that it could not renew the lease in time
        may_lose_it = is_late or task.leased != self.changes or any(each.is_invalidation for each in self.tasks)
        task.running = _Running(task.key, task.node, may_be_doubled=may_lose_it)
        if self.is_calm and not may_lose_it:
            for other in self.running:
                if other.key == task.key and not other.may_be_doubled:
                    self._violate("two loads", task.node, task.key, other.node, task.node)
        self.running.append(task.running)

    def _leave(self, task: _Task) -> None:
        self.tasks.remove(task)
        self._stop(task)

    def _stop(self, task: _Task) -> None:
        """Its loader runs no more; the lease may be given back at any time."""
        if task.running is not None:
            self.running.remove(task.running)
            task.running = None

    def _change(self) -> None:
        """An invalidation begins or has ended: whoever holds a lease may have lost it."""
        self.changes += 1
        self._excuse(lambda _: True)

    def _excuse(self, which: Callable[[_Running], bool]) -> None:
        for running in self.running:
            running.may_be_doubled |= which(running)

    def _kill(self) -> None:
        """A node's process ends in the midst of whatever it does: nothing of it goes on, nothing is given back."""
        node = self._node()
        if sum(each.is_alive for each in self.nodes) < 3:  # noqa: PLR2004
            return
        self._tell("node {} is killed", node.number)
        node.is_alive = False
        self._excuse(lambda running: running.node == node.number)
        for task in [task for task in self.tasks if task.node == node.number]:
            self._leave(task)
            self.dead.append(task)

    def _hear(self) -> None:
        node = self._node()
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
        messages = self.redis.after(shared.names.sequence, int(follower.place))
        if self.dice.random() < 0.05:  # noqa: PLR2004
            messages = self.dice.sample(messages, len(messages)) + messages[:1]  # in another order, and one twice
        follower.hear(messages[:most], asked_at=asked_at, is_all=len(messages) <= most, number=number)

    def _wait(self) -> None:
        self._pass(self.dice.choice((0.01, 0.1, 0.5, 1.1, 4.0, 6.0)))

    def _pass(self, seconds: float) -> None:
        """Time passes, and on the way the nodes renew their leases."""
        end = self.now + seconds
        while self.next_round <= end:
            self.now, self.next_round = self.next_round, self.next_round + LEASE / 3
            for node in self.nodes:
                if node.is_alive and node.leases:
                    self._renew(node)
        self.now = end

    def _renew(self, node: _Node) -> None:
        plan = node.leases.renew()
        try:
            effect = next(plan)
            while True:
                assert isinstance(effect, Ask)
                try:
                    answer = self.redis.ask(effect)
                except BackendUnavailable as error:
                    effect = plan.throw(error)
                else:
                    effect = plan.send(answer)
        except StopIteration:
            return

    def _break(self) -> None:
        """Something goes wrong, or is well again."""
        what = self.dice.randrange(8)
        if what == 0:
            self._kill()
        elif what == 1 or (self.is_calm and what < _DEAF):
            del self.redis.messages[: self.dice.randrange(3)]
            self._tell("messages are lost")
        elif what < _DEAF:
            self._break_redis(what)
        else:
            node = self._node()
            node.hears = not node.hears
            self._tell("node {} hears: {}", node.number, node.hears)
            if node.hears and not self.redis.is_down:
                self._listen(node, anew=True)

    def _break_redis(self, what: int) -> None:
        if what < 4:  # noqa: PLR2004
            self.redis.is_down = not self.redis.is_down
            self._tell("Redis is away: {}", self.redis.is_down)
        elif what == 4:  # noqa: PLR2004
            self.redis.flush()
            self._tell("Redis has lost everything")
        else:
            self.redis.forget(lambda: self.dice.random() < 0.3)  # noqa: PLR2004
            self._tell("Redis has lost some keys")


_DEAF = 6
_NOT_YET = object()
