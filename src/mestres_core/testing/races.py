"""Things that happen at once, and things that happen in between, without sleeping and hoping."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event

from mestres_core.commerce import Commerce


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one call ended: with a `value`, or with an `error`."""

    value: Any = None
    error: BaseException | None = None

    @property
    def name(self) -> str:
        """`ok`, or the name of the error's class: `Counter(each.name for each in race(...))`."""
        return "ok" if self.error is None else type(self.error).__name__


def race(*calls: Callable[[], Any], times: int = 1, timeout: float = 60.0) -> tuple[Outcome, ...]:
    """Make all these calls at the same moment, each `times` times, and each in a thread of its own.

    The outcomes are in the order of the calls. Raises AssertionError when one has not ended after `timeout` seconds,
    ValueError for no call.
    """
    crowd = [call for call in calls for _ in range(times)]
    if not crowd:
        raise ValueError("a race needs somebody who runs: give one call or more, and times of at least 1")
    outcomes = [Outcome() for _ in crowd]
    start = threading.Barrier(len(crowd))

    def run(place: int, call: Callable[[], Any]) -> None:
        start.wait()
        try:
            outcomes[place] = Outcome(value=call())
        except BaseException as error:  # noqa: BLE001 - the test wants to see every kind of outcome
            outcomes[place] = Outcome(error=error)

    threads = [threading.Thread(target=run, args=each, daemon=True) for each in enumerate(crowd)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout)
    stuck = sum(thread.is_alive() for thread in threads)
    if stuck:
        raise AssertionError(f"{stuck} of {len(threads)} calls had not ended after {timeout:g} s")
    return tuple(outcomes)


class Pause:
    """A place in a shop's work where the first who comes waits until he is told to go on."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._go = threading.Event()

    def wait(self, timeout: float = 30.0) -> None:
        """Until somebody stands there. Raises AssertionError when nobody has come after `timeout` seconds."""
        if not self._reached.wait(timeout):
            raise AssertionError("nobody has come to the statement that was to be waited for")

    def go(self) -> None:
        """Let him go on."""
        self._go.set()

    def _stand(self) -> None:
        if not self._reached.is_set():
            self._reached.set()
            self._go.wait()


@contextmanager
def pause_before(shop: Commerce, containing: str) -> Iterator[Pause]:
    """Hold up the first thread that is about to send a statement containing this text (capitals do not matter).

        with pause_before(shop, "insert into mc_order ") as pause:
            thread.start()      # places an order
            pause.wait()        # it stands between reading the cart and writing the order
            ...                 # what another does meanwhile
            pause.go()

    At the end of the block it goes on by itself.
    """
    pause = Pause()
    text = containing.lower()

    def hold(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if text in statement.lower():
            pause._stand()  # noqa: SLF001 - the pause is this function's own

    event.listen(shop.engine, "before_cursor_execute", hold)
    try:
        yield pause
    finally:
        pause.go()
        event.remove(shop.engine, "before_cursor_execute", hold)
