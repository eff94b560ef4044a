"""The files of all processes of one application, and what they have counted together.

    <number>-<random>.cells    what one process counts, locked by it as long as it lives
    settled                    what those have counted that are dead, and the names of their files
    lock                       held by whoever lists, adds or takes away files

Invariants: every count is in exactly one file that is read, whenever whoever reads, writes or takes away is killed.
The files of the dead are added up into a new `settled`, which also has their names and takes the place of the old one
at once; only then are they deleted, and a file whose name is in `settled` is never read again. A name is never used
twice. There are as many files as processes that live, and these two. Nothing is settled unless everything that goes into
it could be read: for want of descriptors, memory or a right there is no page, and no file is touched. A file that belongs
to somebody else, and may not be opened, is left where it is, and said once.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import math
import mmap
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from operator import add
from pathlib import Path

from mestres_perf.errors import ConfigurationError
from mestres_perf.metrics import _window as window
from mestres_perf.metrics._catalogue import BUCKETS, OVERFLOW, Metric
from mestres_perf.metrics._cellfile import CellFile, Row, records, size_for, written
from mestres_perf.metrics._cells import Values
from mestres_perf.metrics._counted import Counted
from mestres_perf.metrics._sheet import Labels, Table

_SLICES = Metric("window_settled", "slices", "The last minute of the dead", ("slice",), BUCKETS)
_NAMES = Metric("settled", "names", "Files that are part of this one", ("file",))
_ADDED_UP = frozenset({"counter", "histogram"})
_SHOWN = _ADDED_UP | {"gauge"}
_SETTLED, _NEW, _LOCK, _SUFFIX = "settled", "settled.new", "lock", ".cells"
PATIENCE = 5.0
"""Seconds. Nobody holds the directory's lock for longer than it takes to read some files."""
_PAUSE = 0.002
_MILLION = float(1 << 20)
"""A power of two: multiplying by it loses nothing. Sums are exact up to 2**33."""
_EFFECTIVE = os.access in os.supports_effective_ids
_log = logging.getLogger(__name__)


class Directory:
    """A directory for one application on one machine.

    A metric has at most `max_series` label sets in all its processes together, dead ones included; the others are
    counted as overflow. Raises ConfigurationError when nothing can be written there.
    """

    def __init__(self, path: str | os.PathLike[str], max_series: int) -> None:
        self.path = Path(path)
        self._max = max_series
        self._closed: set[str] = set()
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._locked():
                pass
        except OSError as error:
            raise ConfigurationError(
                f"directory={os.fspath(path)!r}: must be a directory in which this process may write ({error.strerror})"
            ) from error

    def enter(self, now: float) -> CellFile:
        """A file for this process, empty. What the dead have left is settled on the way. Raises OSError."""
        with self._locked():
            try:
                self._sweep(now)
            except OSError as error:  # whoever comes next may
                _log.warning("what dead processes have counted could not be settled: %s", error)
            name = f"{os.getpid()}-{secrets.token_hex(8)}{_SUFFIX}"
            return CellFile(self.path / name, size_for(self._max))

    def counted(self, own: Iterable[Metric], now: float) -> Counted:
        """What all processes have counted until `now`. What the dead have left is settled on the way. Raises OSError.

        `own` are the metrics as this process knows them: a series of the same name that is made otherwise, by another
        version of the application, is left out.
        """
        with self._locked():
            total, living = self._sweep(now)
            for path in living:
                total.add(_read(path))
        total.know(own)
        return total.counted

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _take(lock)
            yield
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)  # also for a process that was forked off meanwhile, and has it open, too
            os.close(lock)

    def _sweep(self, now: float) -> tuple[_Sum, list[Path]]:
        """What the dead have counted, which is in one file then; and the files of the living."""
        names, settled = self._settled()
        total = _Sum(self._max)
        total.add(settled)
        living: list[Path] = []
        dead: list[Path] = []
        left: set[str] = set()
        for path in sorted(self.path.glob(f"*{_SUFFIX}")):
            if path.name in names:
                left |= _deleted(path)
            elif self._may_open(path):
                (living if _is_alive(path) else dead).append(path)
        for path in dead:
            total.add(_read(path), is_dead=True)
        if dead:
            self._settle(total.counted, now, left | {path.name for path in dead})
        return total, living

    def _may_open(self, path: Path) -> bool:
        if os.access(path, os.R_OK | os.W_OK, effective_ids=_EFFECTIVE) or not path.exists():
            return True
        if path.name not in self._closed:
            self._closed.add(path.name)
            _log.warning("%s: is somebody else's, and what it counts is on no page of this process", path)
        return False

    def _settled(self) -> tuple[set[str], Counted]:
        """The names of the files that are in it, and what is."""
        path = self.path / _SETTLED
        if not path.exists():
            return set(), Counted()
        table = _table(path)
        slices = {int(labels[0]): list(values) for labels, values in table.get(_SLICES, {}).items()}
        return {labels[0] for labels in table.get(_NAMES, {})}, Counted(_shown(table), slices)

    def _settle(self, counted: Counted, now: float, names: set[str]) -> None:
        """Put everything in one file; only then delete those that it was in."""
        rows: list[Row] = [
            (metric, labels, values) for metric, rows in counted.table.items() for labels, values in rows.items()
        ]
        slices = window.recent(counted.slices, now).items()
        rows += [(_SLICES, (str(number),), values) for number, values in slices]
        rows += [(_NAMES, (name,), [1.0]) for name in sorted(names)]
        try:
            (self.path / _NEW).write_bytes(written(rows))
            (self.path / _NEW).replace(self.path / _SETTLED)
        except OSError:  # they stay where they are, and are read from there
            _log.exception("what dead processes have counted could not be settled")
            return
        for name in names:
            _deleted(self.path / name)


class _Sum:
    """Adds up. Of a metric there are no more label sets than allowed, however many processes bring some.

    Of metrics that have one name but were made otherwise, by versions of the application, each is added up for itself.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.counted = Counted()

    def add(self, more: Counted, *, is_dead: bool = False) -> None:
        """Of the dead only what has been counted stays, not what is now."""
        for metric, rows in more.table.items():
            if not is_dead or metric.kind in _ADDED_UP:
                self._add(metric, rows)
        self.counted.slices = window.added([self.counted.slices, more.slices])
        self.counted.began = min(self.counted.began, more.began)

    def know(self, own: Iterable[Metric]) -> None:
        """Leave one metric of each name: that of `own`, where there is one. Another meaning makes no other metric."""
        names = {metric.name: metric for metric in own}
        found, self.counted.table = self.counted.table, {metric: {} for metric in names.values()}
        for metric, rows in found.items():
            known = names.setdefault(metric.name, metric)
            if known == replace(metric, help=known.help):
                self._add(known, rows)

    def _add(self, metric: Metric, rows: dict[Labels, Values]) -> None:
        total = self.counted.table.setdefault(metric, {})
        overflow = (OVERFLOW,) * len(metric.labels)
        for labels, values in rows.items():
            place = labels if labels in total or len(total) < self._most else overflow
            before = total.get(place)
            total[place] = values if before is None else list(map(add, before, values))


def _take(lock: int) -> None:
    """Raises TimeoutError: somebody may have been stopped while he held it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TimeoutError(errno.ETIMEDOUT, "another process does not give back the directory's lock") from None
            time.sleep(_PAUSE)
        else:
            return


def _is_alive(path: Path) -> bool:
    """Whether the process that made the file still holds its lock, which no other process can have, whatever its id."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def _read(path: Path) -> Counted:
    """What one process has counted."""
    table = _table(path)
    for metric, rows in table.items():
        if metric.kind in _ADDED_UP:
            for values in rows.values():
                values[-1] = _steady(values[-1])  # a counter's number, or a histogram's sum: the others are whole
    ring = table.get(window.RING, {}).get(())
    if ring is None:  # that of another version, with other buckets, says nothing here
        return Counted(_shown(table))
    return Counted(_shown(table), window.slices(ring, window.figures(table)), ring[-1])


def _steady(value: float) -> float:
    """What comes after the millionth is left out, for sums to be exact.

    Otherwise they would depend on the order, which changes when a process dies, and a counter that falls by its last
    digit has begun again for Prometheus.
    """
    return math.floor(value * _MILLION) / _MILLION if math.isfinite(value) else value


def _shown(table: Table) -> Table:
    """Without what is only there for those who read the files."""
    return {metric: rows for metric, rows in table.items() if metric.kind in _SHOWN}


def _table(path: Path) -> Table:
    """What is in a file; nothing when it is damaged, or was never finished. Raises OSError when nobody can tell."""
    table: Table = {}
    try:
        with path.open("rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        for metric, labels, values in records(memoryview(content)):
            table.setdefault(metric, {})[labels] = values
    except (FileNotFoundError, ValueError) as error:
        _log.warning("%s: %s", path.name, error)
    return table


def _deleted(path: Path) -> set[str]:
    """Delete it; its name, if it is still there."""
    with suppress(FileNotFoundError):
        try:
            path.unlink()
        except PermissionError:
            return {path.name}
    return set()
