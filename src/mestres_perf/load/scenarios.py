"""The load tests as data: who comes, when, what they do, and what must hold. Every runner is made from this."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from mestres_perf.metrics.slo import MESTRES_CAFE_SLA, Slo


@dataclass(frozen=True, slots=True)
class Stage:
    """In so many seconds the number of users changes evenly to `users`."""

    seconds: float
    users: int


@dataclass(frozen=True, slots=True)
class Scenario:
    """How many users are there over time: `start` at first, then stage after stage."""

    name: str
    description: str
    stages: tuple[Stage, ...]
    start: int = 0

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return sum(stage.seconds for stage in self.stages)

    def users_at(self, seconds: float) -> int | None:
        """How many users there are after so many seconds; None when it is over."""
        ends = [Stage(0, self.start), *self.stages]
        for before, stage in pairwise(ends):
            if seconds < stage.seconds:
                return math.ceil(before.users + (stage.users - before.users) * seconds / stage.seconds)
            seconds -= stage.seconds
        return None


@dataclass(frozen=True, slots=True)
class Step:
    """One request of a user.

    `{id}` in the path is a product of the last listing; `seconds` is what its check allows, `pause` how many seconds
    the user then looks at it.
    """

    name: str
    path: str
    seconds: float
    pause: float
    lists_products: bool = False


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What must hold for a whole run: times of all requests, share that failed, share of the checks that passed."""

    p95: Slo
    p99: Slo
    failed: Slo
    checks: Slo


SCENARIOS: Mapping[str, Scenario] = {
    one.name: one
    for one in (
        Scenario("smoke", "Does it work at all?", (Stage(30, 10),), start=10),
        Scenario("load", "An ordinary day", (Stage(60, 50), Stage(180, 100), Stage(60, 0))),
        Scenario("stress", "Where is the limit?", (Stage(120, 100), Stage(300, 200), Stage(120, 300), Stage(60, 0))),
        Scenario("spike", "Suddenly everybody", (Stage(30, 100), Stage(60, 100), Stage(30, 500), Stage(180, 100))),
    )
}

STEPS = (
    Step("listing", "/api/v1/products", seconds=0.5, pause=1, lists_products=True),
    Step("detail", "/api/v1/products/{id}", seconds=0.3, pause=1),
    Step("search", "/api/v1/products?search=caf%C3%A9", seconds=0.8, pause=2),
)

_LOAD_TEST = MESTRES_CAFE_SLA.benchmarks.load_test
THRESHOLDS = Thresholds(
    p95=MESTRES_CAFE_SLA.api.p95,
    p99=MESTRES_CAFE_SLA.api.p99,
    failed=replace(_LOAD_TEST.failed, name="failed"),
    checks=replace(_LOAD_TEST.checks, name="checks"),
)
