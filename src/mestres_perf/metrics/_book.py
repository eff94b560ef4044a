"""Where a Metrics counts: in the memory of its process, or, with a directory, in a file that all processes read.

Invariants: what pools, caches and breakers say is written down before it is shown, so a page never says less than one
before it, whoever writes them. A forked child counts from zero, in a file of its own. A file that was deleted, alone or
with its directory, is made again when this process next shows or publishes something, with all that it had. Without the
GIL, what another thread counts at that very moment may be missing.
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
from mestres_perf.metrics._counted import Counted
from mestres_perf.metrics._directory import Directory
from mestres_perf.metrics._readings import Readings
from mestres_perf.metrics._sheet import Reading, Sheet, Table

PUBLISHED_EVERY = 1.0
"""Seconds, as long as there are requests. So much of what caches and breakers count is lost with a killed process."""
_log = logging.getLogger(__name__)


class Book:
    """The sheet of this process, and the directory that has those of the others. `read` says what is read elsewhere.

    `move` has every cell count in the sheet that is the book's by then.
    """

    def __init__(
        self,
        directory: Directory | None,
        read: Callable[[], Iterable[Reading]],
        clock: Callable[[], float],
        *,
        readings: Readings,
        move: Callable[[], None],
    ) -> None:
        self._directory = directory
        self._read = read
        self._move = move
        self.readings = readings
        self._clock = clock
        self._asking = threading.Lock()
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
            self._move()

    def start_anew(self) -> None:
        """In a forked child: as `enter`, and in memory where that is impossible."""
        old, metrics = self.sheet, list(self._table())
        self.readings.start_anew()
        self._asking = threading.Lock()  # the parent's may be held by a thread that is not here
        try:
            self.enter()
        except OSError:
            _log.exception("what this process counts will not be shown")
            sheet = Sheet()
            for metric in metrics:
                sheet.declare(metric)
            self._begin(sheet)
            self._move()
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
                    self._publish(patience=0.0)
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

    def _begin(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self._ring = sheet.row(window.RING, (), window.RING_SIZE)
        self._ring[-1] = self._clock()
        self._slice = 0

    def _table(self) -> Table:
        table = self.sheet.table()
        del table[window.RING]
        return table

    def _publish(self, patience: float | None = None) -> None:
        if self._directory is not None and not self.sheet.is_there():
            self._make_again(self._directory, patience)
        self.sheet.put(self._read())

    def _make_again(self, directory: Directory, patience: float | None) -> None:
        """Count in a new file, and add what the deleted one had."""
        old, began, slice_ = self.sheet, self._ring[-1], self._slice
        _log.warning("%s was deleted and is made again: the directory is for running processes", directory.path)
        new = directory.enter(self._clock(), patience)
        with old.lock, new.lock:  # no series is made meanwhile
            table = old.table()
            for metric in table:
                new.declare(metric)
            self._begin(new)
            self._move()  # before anything is added: from here on only the new one grows
            for index, value in enumerate(table.pop(window.RING)[()]):
                self._ring[index] = value
            self._ring[-1], self._slice = began, slice_
            for metric, rows in table.items():
                for labels, values in rows.items():
                    row = new.row(metric, labels, len(values))
                    for index, value in enumerate(values):
                        row[index] += value
        old.disown()


_books: weakref.WeakSet[Book] = weakref.WeakSet()


def _before_fork() -> None:
    for book in list(_books):
        try:
            book.readings.note_fork()
        except Exception:  # noqa: BLE001 - whatever a cache raises, the process forks
            _log.exception("a child will also show what its parent has counted")


@atexit.register
def _at_exit() -> None:
    for book in list(_books):
        with suppress(Exception):
            book.publish()


def _after_fork() -> None:
    for book in list(_books):
        book.readings.forget_fork()


# Registered after that of `forks`, so called before it, while no lock is held.
os.register_at_fork(before=_before_fork, after_in_parent=_after_fork)
