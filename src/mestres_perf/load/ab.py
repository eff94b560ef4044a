"""The specification's three runs of Apache Bench, without Apache Bench."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from mestres_perf.load._client import Answer, Client, closed_loop, products
from mestres_perf.load._results import Measured, quantile
from mestres_perf.metrics.slo import MESTRES_CAFE_SLA

Name = Literal["listing", "detail", "search"]


@dataclass(frozen=True, slots=True)
class AbRun:
    """`ab -n requests -c concurrency path`; `{id}` stands for a product that there is."""

    name: Name
    path: str
    requests: int
    concurrency: int


AB_RUNS = (
    AbRun("listing", "/api/v1/products?page=1&per_page=20", 1000, 50),
    AbRun("detail", "/api/v1/products/{id}", 500, 25),
    AbRun("search", "/api/v1/products?search=caf%C3%A9", 300, 15),
)


@dataclass(frozen=True, slots=True)
class AbResult:
    """What one run showed. Times are in seconds, over all requests; `rate` is requests in a second."""

    run: AbRun
    rate: float
    mean: float
    p95: float
    failed: int

    def rows(self) -> tuple[Measured, ...]:
        """Beside what the specification expects."""
        expected = MESTRES_CAFE_SLA.benchmarks.ab
        values = (
            (expected.requests_per_second, self.rate),
            (expected.mean_time, self.mean),
            (expected.failed_requests, float(self.failed)),
        )
        return tuple(
            Measured(replace(slo, name=f"{self.run.name}.{slo.name.rpartition('.')[2]}"), value, self.run.requests)
            for slo, value in values
        )


def bench(url: str, run: AbRun, *, done: Callable[[], object] = lambda: None) -> AbResult:
    """Do one run; `done` is called after each request. Raises UnusableTarget when the application does not answer."""
    with Client(url) as client:
        path = run.path.replace("{id}", str(products(client)[0]["id"]))
    answers: list[Answer] = []

    def work(client: Client, _number: int) -> None:
        answers.append(client.get(path))

    seconds = closed_loop(url, work, count=run.requests, workers=run.concurrency, done=done)
    times = sorted(answer.seconds for answer in answers)
    return AbResult(
        run,
        rate=len(answers) / seconds,
        mean=sum(times) / len(times),
        p95=quantile(times, 0.95) or 0.0,
        failed=sum(answer.failed for answer in answers),
    )
