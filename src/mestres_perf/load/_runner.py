"""Run a scenario with nothing but this package: one thread per user."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from mestres_perf.errors import UnusableTarget
from mestres_perf.load._client import Answer, Client
from mestres_perf.load._results import Measured, quantile, share
from mestres_perf.load.scenarios import STEPS, THRESHOLDS, Scenario, Step

_TICK = 0.1
_OK = 200


@dataclass(slots=True)
class _Run:
    """What the users of one run share."""

    url: str
    wanted: int
    over: threading.Event = field(default_factory=threading.Event)
    answers: list[Answer] = field(default_factory=list)
    checks: list[bool] = field(default_factory=list)

    def user(self, number: int) -> None:
        """User `number` stays while more than that many are wanted."""
        with Client(self.url) as client:
            listed: list[dict[str, Any]] = []
            while True:
                for step in STEPS:
                    if number >= self.wanted or self.over.is_set():
                        return
                    listed = self._do(client, step, listed)
                    self.over.wait(step.pause)

    def _do(self, client: Client, step: Step, listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
        chosen = random.choice(listed)["id"] if listed else 1  # noqa: S311 - no secret
        answer = client.get(step.path.replace("{id}", str(chosen)))
        self.answers.append(answer)
        self.checks += [answer.status == _OK, answer.seconds < step.seconds]
        if step.lists_products:
            listed = _listed(answer)
            self.checks.append(bool(listed))
        return listed


def _listed(answer: Answer) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = answer.data("products")
    except UnusableTarget:
        return []
    return found


def run(
    url: str, scenario: Scenario, *, scale: float = 1.0, done: Callable[[float, int], object] = lambda *_: None
) -> tuple[Measured, ...]:
    """Run a scenario whose stages last `scale` times as long; the thresholds beside what was measured.

    `done` is told the seconds that have passed and how many users there are. Raises UnusableTarget when the application
    does not answer at all.
    """
    with Client(url) as client:
        first = client.get(STEPS[0].path)
        if first.status == 0:
            raise UnusableTarget(f"no answer ({first.problem}); is the application running?")
    state = _Run(url, 0)
    most = max(scenario.start, *(stage.users for stage in scenario.stages))
    with ThreadPoolExecutor(most) as pool:
        try:
            _follow(scenario, scale, state, pool, done)
        finally:
            state.over.set()
    times = sorted(answer.seconds for answer in state.answers)
    return (
        Measured(THRESHOLDS.p95, quantile(times, 0.95), len(times)),
        Measured(THRESHOLDS.p99, quantile(times, 0.99), len(times)),
        share(THRESHOLDS.failed, (answer.failed for answer in state.answers)),
        share(THRESHOLDS.checks, state.checks),
    )


def _follow(
    scenario: Scenario, scale: float, state: _Run, pool: ThreadPoolExecutor, done: Callable[[float, int], object]
) -> None:
    """Let users come and go as the scenario says, until it is over."""
    began = time.monotonic()
    present: dict[int, Any] = {}
    while True:
        passed = time.monotonic() - began
        wanted = scenario.users_at(passed / scale)
        if wanted is None:
            return
        state.wanted = wanted
        for number in range(wanted):
            # One who is still looking at a page stays when the number rises again in time.
            if number in present and not present[number].done():
                continue
            if number in present:
                present[number].result()  # what went wrong in a user, if anything did, is raised here
            present[number] = pool.submit(state.user, number)
        done(passed, wanted)
        time.sleep(_TICK)
