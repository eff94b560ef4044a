"""What retries and rate limits cost beside tenacity, stamina and limits, as ratios of one run: `make resilience`.

Each figure is the least of many short rounds, ours and theirs by turns in one process. Calls succeed and are admitted:
that is what happens nearly always. `limits` is asked through its memory storage. Exit code 1 when a ratio is above its
limit; rows without a limit are for information.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import limits
import stamina
import tenacity
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter, SlidingWindowCounterRateLimiter
from tqdm import tqdm

from mestres_perf import AdaptiveLimit, Bulkhead, CircuitBreaker, Policy, RateLimit, Retry, RetryBudget, Timeout

CALLS = 20
Round = Callable[[], float]


@dataclass
class Row:
    """Two ways to do the same. `most` is what ours may be of theirs."""

    name: str
    ours: Round
    theirs: Round
    most: float | None = None


def called(function: Callable[..., object], *arguments: object) -> Round:
    """Seconds for one call, over a short round."""

    def go() -> float:
        began = time.perf_counter()
        for _ in range(CALLS):
            function(*arguments)
        return (time.perf_counter() - began) / CALLS

    return go


def awaited(function: Callable[..., object], loop: asyncio.AbstractEventLoop) -> Round:
    async def go() -> float:
        began = time.perf_counter()
        for _ in range(CALLS):
            await function()
        return (time.perf_counter() - began) / CALLS

    return lambda: loop.run_until_complete(go())


def rows(loop: asyncio.AbstractEventLoop) -> list[Row]:
    def work() -> int:
        return 1

    async def awork() -> int:
        return 1

    ours = Retry(3, on=OSError)
    budgeted = Retry(3, on=OSError, budget=RetryBudget(0.1, 3))
    jitter = {
        "stop": tenacity.stop_after_attempt(3),
        "wait": tenacity.wait_random_exponential(0.1, 5),
        "retry": tenacity.retry_if_exception_type(OSError),
    }
    item, storage = limits.parse("1000000/minute"), MemoryStorage()
    rate = RateLimit("1000000/min")
    fixed, moving, sliding = (
        strategy(storage).hit
        for strategy in (FixedWindowRateLimiter, MovingWindowRateLimiter, SlidingWindowCounterRateLimiter)
    )
    four = Policy(ours, CircuitBreaker("bench"), Timeout(1.0), Bulkhead(10))
    return [
        Row("retry, plain / tenacity", called(ours(work)), called(tenacity.retry(**jitter)(work)), 0.1),
        Row("retry, async / tenacity", awaited(ours(awork), loop), awaited(tenacity.retry(**jitter)(awork), loop), 0.1),
        Row("retry with budget / tenacity", called(budgeted(work)), called(tenacity.retry(**jitter)(work))),
        Row("retry, plain / stamina", called(ours(work)), called(stamina.retry(on=OSError)(work)), 0.12),
        Row("rate / limits, fixed window", called(rate.acquire, "k"), called(fixed, item, "f"), 0.3),
        Row("rate / limits, moving window", called(rate.acquire, "k"), called(moving, item, "m"), 0.3),
        Row("rate / limits, sliding window", called(rate.acquire, "k"), called(sliding, item, "s"), 0.3),
        Row("bulkhead / retry of tenacity", called(Bulkhead(10)(work)), called(tenacity.retry(**jitter)(work))),
        Row("adaptive / retry of tenacity", called(AdaptiveLimit()(work)), called(tenacity.retry(**jitter)(work))),
        Row("policy of four / retry of tenacity", called(four(work)), called(tenacity.retry(**jitter)(work))),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=500)
    options = parser.parse_args()
    missed = False
    print("| | ns | theirs | ratio | limit | |\n| --- | ---: | ---: | ---: | ---: | --- |")
    with asyncio.Runner() as runner:
        for row in rows(runner.get_loop()):
            ours = theirs = float("inf")
            for _ in tqdm(range(options.rounds), desc=row.name, leave=False):
                ours, theirs = min(ours, row.ours()), min(theirs, row.theirs())
            ratio = ours / theirs
            is_missed = row.most is not None and ratio > row.most
            missed |= is_missed
            verdict = "" if row.most is None else "MISSED" if is_missed else "ok"
            print(
                f"| {row.name} | {ours * 1e9:.0f} | {theirs * 1e9:.0f} | {ratio:.3f} | {row.most or ''} | {verdict} |"
            )
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
