"""The series of one process in a file that others can read, while it counts and after it was killed.

    header    8 bytes "mestres1", 8 bytes: how many bytes of the file are in use
    record    length of the key, how many numbers follow, which metric (4 bytes each, and 4 unused);
              the key, JSON in UTF-8, filled up to a multiple of 8; the numbers, 8 bytes each

A record without numbers says what a metric is, and comes before its series; the key of the others has the values of the
labels. Numbers are as this machine has them in memory.

Invariants: a record is complete before the header says so, and stays where it is. A number is written as one word, so
whoever reads it sees the number of before or after. As long as its process lives, and no longer, the file is locked;
a process that is forked off does not hold that lock. The file takes as much of the disk as it uses, and that is there
before it is touched, also where the disk gives less than was asked for: a full one means overflow, not a process that
is killed. Making a series may be interrupted at any call by a finalizer that makes another one: each has a place of its
own, and nothing is written over.
"""

from __future__ import annotations

import errno
import fcntl
import functools
import json
import mmap
import os
import struct
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path

from mestres_perf.metrics._catalogue import Metric
from mestres_perf.metrics._cells import Values
from mestres_perf.metrics._sheet import Labels, Sheet

_MAGIC = b"mestres1"
_HEADER = struct.Struct("@8sQ")  # native: the second is read and written as one word
_RECORD = struct.Struct("@IIII")
_WORD = 8
_CHUNK = 1 << 15
_ZEROS = bytes(_CHUNK)
_PER_SERIES = 1 << 12
_RESERVE = 1 << 20
_KNOWN = 1 << 16

Row = tuple[Metric, Labels, Values]


def size_for(max_series: int) -> int:
    """Bytes that the file of a process may use; what does not fit is counted as overflow, for which there is room."""
    return -(-(max_series * _PER_SERIES + _RESERVE) // _CHUNK) * _CHUNK


class CellFile(Sheet):
    """A new file of this process's own. Raises OSError; FileExistsError when there is such a file."""

    def __init__(self, path: Path, size: int) -> None:
        super().__init__()
        self.path = path
        self._size = size
        self._metrics: dict[Metric, int] = {}
        # The lock is held through a descriptor of its own: the one that a map keeps for itself would be shared with
        # every process that is forked off, and would hold the lock for as long as these live.
        self._owned = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._disown = weakref.finalize(self, os.close, self._owned)
        self._disown.atexit = False  # threads that outlive everything may still count
        fcntl.flock(self._owned, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._used, self._next = _HEADER.size, 0
        self._on_disk = os.pwrite(self._owned, _ZEROS, 0)
        if self._on_disk < _HEADER.size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.ftruncate(self._owned, size)
        again = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            self._map = mmap.mmap(again, size)
        finally:
            os.close(again)
        self._numbers = memoryview(self._map).cast("d")
        _HEADER.pack_into(self._map, 0, _MAGIC, self._used)

    def disown(self) -> None:
        """In a forked child: the file is the parent's alone."""
        self._disown()

    def has_room(self, labels: Labels) -> bool:
        """Whether there is room for one more series, beside what is kept for overflow and what is read elsewhere."""
        end = self._used + len(_text(labels)) + _PER_SERIES
        return end <= self._size - _RESERVE and self._claimed(end)

    def _place(self, metric: Metric, labels: Labels, size: int) -> Values:
        index = self._metrics.get(metric)
        new = b""
        if index is None:
            index = self._next
            self._next += 1
            new = _record(_description(metric), [], index)
        new += _record(_text(labels), [0.0] * size, index)
        length = len(new)
        # Taken before it is filled, and without a call after the last look: a finalizer that makes a series meanwhile
        # gets a place before this one or after it.
        while (end := self._used + length) > self._on_disk:
            if not self._claimed(end):
                return super()._place(metric, labels, size)  # the reserve was not enough: counted, but seen by nobody
        self._used = end
        begin = end - length
        self._metrics[metric] = index
        self._map[begin:end] = new
        _HEADER.pack_into(self._map, 0, _MAGIC, self._used)
        return self._numbers[end // _WORD - size : end // _WORD]

    def _claimed(self, end: int) -> bool:
        """Have the disk give what is going to be used. To touch in a map what is not there is a SIGBUS.

        A finalizer may do the same in between: what it has claimed by then is never cleared again, nor forgotten.
        """
        if end > self._size:
            return False
        try:
            while self._on_disk < end:
                given = os.pwrite(self._owned, _ZEROS[self._on_disk % _CHUNK :], begin := self._on_disk)
                if given <= 0:
                    return False
                if self._on_disk < begin + given:
                    self._on_disk = begin + given
        except OSError:
            return False
        return True


def records(content: memoryview) -> Iterator[Row]:
    """What is in a file. Raises ValueError when it is none, or damaged."""
    try:
        magic, used = _HEADER.unpack_from(content)
        if magic != _MAGIC or used > len(content):
            raise ValueError("another format, or cut off")
        numbers = content[: len(content) // _WORD * _WORD].cast("d")
        metrics: dict[int, Metric] = {}
        at = _HEADER.size
        while at < used:
            length, size, index, _ = _RECORD.unpack_from(content, at)
            if not length:  # taken, but not filled
                at += _WORD
                continue
            begin = at + _RECORD.size
            at = begin + _padded(length) + _WORD * size
            key = bytes(content[begin : begin + length])
            if size:
                yield metrics[index], _labels(key), list(numbers[at // _WORD - size : at // _WORD])
            else:
                metrics[index] = _metric(key)
    except (struct.error, KeyError, TypeError) as error:
        raise ValueError(f"damaged: {error!r}") from error


def written(rows: Iterable[Row]) -> bytes:
    """A whole file of these series."""
    indexes: dict[Metric, int] = {}
    parts = []
    for metric, labels, values in rows:
        if metric not in indexes:
            indexes[metric] = len(indexes)
            parts.append(_record(_description(metric), [], indexes[metric]))
        parts.append(_record(_text(labels), values, indexes[metric]))
    return _HEADER.pack(_MAGIC, _HEADER.size + sum(map(len, parts))) + b"".join(parts)


def _record(key: bytes, values: Values, metric: int) -> bytes:
    head = _RECORD.pack(len(key), len(values), metric, 0)
    return head + key.ljust(_padded(len(key)), b" ") + struct.pack(f"={len(values)}d", *values)


def _padded(length: int) -> int:
    return -(-length // _WORD) * _WORD


def _description(metric: Metric) -> bytes:
    return json.dumps([metric.name, metric.kind, metric.help, metric.labels, metric.buckets]).encode()


@functools.lru_cache(maxsize=1024)
def _metric(key: bytes) -> Metric:
    name, kind, meaning, labels, buckets = json.loads(key)
    return Metric(name, kind, meaning, tuple(labels), tuple(buckets))


def _text(labels: Labels) -> bytes:
    return json.dumps(labels).encode()


@functools.lru_cache(maxsize=_KNOWN)
def _labels(key: bytes) -> Labels:
    return tuple(json.loads(key))
