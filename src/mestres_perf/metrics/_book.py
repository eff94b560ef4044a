"""Where a Metrics counts: in the memory of its process, or, with a directory, in a file that all processes read.

Invariants: what pools, caches and breakers say is written down before it is shown, so a page never says less than one
before it, whoever writes them. A forked child counts from zero, in a file of its own: also what its parent's caches and
breakers had counted by then is the parent's.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress

from mestres_perf._kernel import forks
from mestres_perf.metrics import _window as window
from mestres_perf.metrics._catalogue import Metric
from mestres_perf.metrics._counted import Counted
from mestres_perf.metrics._directory import Directory
from mestres_perf.metrics._sheet import Labels, Reading, Sheet, Table

PUBLISHED_EVERY = 1.0
"""Seconds, as long as there are requests. So much of what caches and breakers count is lost with a killed process."""
_log = logging.getLogger(__name__)


class Book:
    """The sheet of this process, and the directory that has those of the others. `read` says what is read elsewhere."""

    def __init__(
        self, directory: Directory | None, read: Callable[[], Iterable[Reading]], clock: Callable[[], float]
    ) -> None:
        self._directory = directory
        self._read = read
        self._clock = clock
        self._asking = threading.Lock()
        self._before_fork: dict[tuple[Metric, Labels], list[float]] = {}
        self._parents: dict[tuple[Metric, Labels], list[float]] = {}
        self._slice = 0
        self.due = 0.0
        self._begin(Sheet())
        if directory is not None:
            _books.add(self)

    @property
    def locks(self) -> list[forks.Lock]:
        """What must be taken before a fork."""
        return [self._asking, self.sheet.lock]

    @property
    def is_shared(self) -> bool:
        """Whether other processes are on the page, too."""
        return self._directory is not None

    def enter(self) -> None:
        """Count in a new file from now on; every cell must be moved there. Raises OSError."""
        if self._directory is not None:
            metrics = list(self._table())
            sheet = self._directory.enter(self._clock())
            for metric in metrics:
                sheet.declare(metric)
            self._begin(sheet)

    def start_anew(self) -> None:
        """In a forked child: as `enter`, and in memory where that is impossible."""
        old, metrics = self.sheet, list(self._table())
        self._parents = dict(self._before_fork)
        self._asking = threading.Lock()  # the parent's may be held by a thread that is not here
        try:
            self.enter()
        except OSError:
            _log.exception("what this process counts will not be shown")
            sheet = Sheet()
            for metric in metrics:
                sheet.declare(metric)
            self._begin(sheet)
        old.disown()

    def tick(self, now: float) -> None:
        """Called now and then, before what happens at `now` is counted; not before `due` is there anything to do."""
        with self.sheet.lock:
            if self._slice != window.slice_of(now):
                self._slice = window.slice_of(now)
                window.note(self._ring, now, window.figures(self._table()))
            self.due = self._slice * window.SLICE
        if self._directory is not None:
            self.due = min(self.due, now + PUBLISHED_EVERY)
            if self._asking.acquire(blocking=False):  # otherwise somebody does it just now
                try:
                    self._publish()
                finally:
                    self._asking.release()

    def publish(self) -> None:
        """Write down what is read elsewhere, for all to see."""
        with self._asking:
            self._publish()

    def counted(self) -> Counted:
        """All that is counted, and read elsewhere; by all processes, where there is a directory. Raises OSError."""
        now = self._clock()
        with self._asking:
            self._publish()
            table = self._table()
            if self._directory is not None:
                return self._directory.counted(list(table), now)
            return Counted(table, window.slices(self._ring, window.figures(table)), self._ring[-1])

    def note_fork(self) -> None:
        """Before a fork: what has been read elsewhere until now will not be the child's."""
        self._before_fork = {
            (metric, labels): list(values) for metric, labels, values in self._read() if metric.kind != "gauge"
        }

    def _begin(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self._ring = sheet.row(window.RING, (), window.RING_SIZE)
        self._ring[-1] = self._clock()
        self._slice = 0

    def _table(self) -> Table:
        table = self.sheet.table()
        del table[window.RING]
        return table

    def _publish(self) -> None:
        self.sheet.put(self._own(self._read()))

    def _own(self, readings: Iterable[Reading]) -> Iterable[Reading]:
        for metric, labels, values in readings:
            parents = self._parents.get((metric, labels))
            if parents is None:
                yield metric, labels, values
            else:
                yield metric, labels, [max(0.0, now - then) for now, then in zip(values, parents, strict=True)]


_books: weakref.WeakSet[Book] = weakref.WeakSet()


def _before_fork() -> None:
    for book in list(_books):
        try:
            book.note_fork()
        except Exception:  # noqa: BLE001 - whatever a cache raises, the process forks
            _log.exception("a child will also show what its parent has counted")


@atexit.register
def _at_exit() -> None:
    for book in list(_books):
        with suppress(Exception):
            book.publish()


# Registered after that of `forks`, so called before it, while no lock is held.
os.register_at_fork(before=_before_fork)
