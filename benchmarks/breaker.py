"""What a circuit breaker costs beside other breakers, as ratios measured in one run: `make breaker`.

A call that succeeds (sync, async, with windows, on four threads) and a call that is refused. Rounds are short and
interleaved, and the best round of each side is compared: on a busy machine the best is what the code itself takes.
Exit code 1 when a ratio is above its limit.
"""

import argparse
import asyncio
import contextlib
import os
import platform
import sysconfig
import threading
import time
from collections.abc import Callable

import circuitbreaker
from purgatory import AsyncCircuitBreakerFactory, SyncCircuitBreakerFactory
from tqdm import tqdm

from mestres_perf import CircuitBreaker, CircuitOpenError
from mestres_perf.resilience import TimeWindow

CALLS = 200
Round = Callable[[], float]


def work(order):
    return order


async def awork(order):
    return order


def fail(order):
    raise OSError


def called(function: Callable[..., object], times: int = CALLS) -> Round:
    """Seconds for so many calls."""

    def go() -> float:
        began = time.perf_counter()
        for _ in range(times):
            function(7)
        return time.perf_counter() - began

    return go


def awaited(function: Callable[..., object], loop: asyncio.AbstractEventLoop) -> Round:
    async def go() -> float:
        began = time.perf_counter()
        for _ in range(CALLS):
            await function(7)
        return time.perf_counter() - began

    return lambda: loop.run_until_complete(go())


def refused(function: Callable[..., object], error: type[Exception]) -> Round:
    for _ in range(10):
        with contextlib.suppress(OSError, error):
            function(7)

    def go() -> float:
        began = time.perf_counter()
        for _ in range(CALLS):
            try:  # noqa: SIM105 - `suppress` would cost as much as what is measured
                function(7)
            except error:
                pass
        return time.perf_counter() - began

    return go


def four_threads(function: Callable[..., object]) -> Round:
    """Seconds for as many calls as one thread makes in `called`, made by each of four: per call, if nobody waits."""
    times = 50 * CALLS

    def go() -> float:
        threads = [threading.Thread(target=called(function, times)) for _ in range(4)]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return (time.perf_counter() - began) / 4

    return go


def windowed(name: str, **options: object) -> CircuitBreaker:
    return CircuitBreaker(name, failure_rate=0.5, slow_after=2.0, **options)


def compared(loop: asyncio.AbstractEventLoop) -> dict[str, tuple[Round, list[Round], float]]:
    """Name: ours, theirs (the fastest of them counts), the most that ours may be of theirs."""
    factory, afactory = SyncCircuitBreakerFactory(), AsyncCircuitBreakerFactory()
    theirs = [called(circuitbreaker.circuit(name="a")(work)), called(factory("a")(work))]
    atheirs = [awaited(circuitbreaker.circuit(name="b")(awork), loop), awaited(afactory("b")(awork), loop)]
    plain, both = CircuitBreaker("a")(work), windowed("b", failure_threshold=5)(work)
    seconds = windowed("c", window=TimeWindow(10))(work)
    ill = circuitbreaker.circuit(name="ill", failure_threshold=5, recovery_timeout=10_000, expected_exception=OSError)
    return {
        "sync": (called(plain), theirs, 0.30),
        "sync, last 100 calls, slow calls": (called(windowed("d")(work)), theirs, 0.45),
        "sync, both rates and failures in a row": (called(both), theirs, 0.45),
        "sync, last 10 seconds, slow calls": (called(seconds), theirs, 0.45),
        "async": (awaited(CircuitBreaker("e")(awork), loop), atheirs, 0.30),
        "async, last 100 calls, slow calls": (awaited(windowed("f")(awork), loop), atheirs, 0.45),
        "refused / circuitbreaker": (
            refused(CircuitBreaker("g", reset_timeout=10_000)(fail), CircuitOpenError),
            [refused(ill(fail), circuitbreaker.CircuitBreakerError)],
            0.50,
        ),
    }


def on_threads() -> dict[str, tuple[Round, list[Round], float]]:
    plain, both = CircuitBreaker("a")(work), windowed("b")(work)
    return {
        "four threads / one": (four_threads(plain), [called(plain, 50 * CALLS)], 1.10),
        "four threads, windows / one": (four_threads(both), [called(both, 50 * CALLS)], 1.10),
    }


def measured(compared: dict[str, tuple[Round, list[Round], float]], rounds: int) -> bool:
    best = {name: [float("inf")] * (1 + len(theirs)) for name, (_, theirs, _) in compared.items()}
    for _ in tqdm(range(rounds), leave=False):
        for name, (ours, theirs, _) in compared.items():
            best[name] = [min(least, each()) for least, each in zip(best[name], (ours, *theirs), strict=True)]
    fine = True
    for name, (_, _, most) in compared.items():
        ratio = best[name][0] / min(best[name][1:])
        fine &= ratio <= most
        nanoseconds = best[name][0] / CALLS * 1e9
        shown = f"{nanoseconds:.0f}" if "four" not in name else ""
        print(f"| {name} | {shown} | {ratio:.2f} | {most:.2f} | {'ok' if ratio <= most else 'MISSED'} |", flush=True)
    return fine


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=300)
    options = parser.parse_args()
    built = "PGO" if "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "") else "no PGO"
    print(
        f"Python {platform.python_version()}, {built}.\n\n"
        "| ours / the faster of circuitbreaker and purgatory | ns | ratio | limit | |\n"
        "| --- | ---: | ---: | ---: | --- |"
    )
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    loop = asyncio.new_event_loop()
    fine = measured(compared(loop), options.rounds)
    loop.close()
    fine &= measured(on_threads(), max(9, options.rounds // 10))
    return 0 if fine else 1


if __name__ == "__main__":
    raise SystemExit(main())
