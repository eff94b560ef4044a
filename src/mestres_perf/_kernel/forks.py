"""What threads leave behind when their process forks, put right in the child.

A child has only the thread that forked. A lock that another thread held would be held for ever, and what that thread
had half done would stay so: therefore the locks of all parties are taken before a fork, and given back after it on both
sides.

A server that forks in C may call nobody before it, as uWSGI does: then the child makes the locks of all parties anew,
whoever held them. One that does not even say it to the child is found out by `check`.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Sequence
from typing import Protocol

_PATIENCE = 1.0
"""Seconds. Nobody holds one of these locks for longer than it takes to change a dictionary."""


class Lock(Protocol):
    """One that can be taken again by who holds it, or not."""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take it; whether it was there in time."""
        ...

    def release(self) -> None:
        """Give it back."""
        ...


class Party(Protocol):
    """Whoever has locks, or something that a child must not share with its parent."""

    def locks(self) -> Sequence[Lock]:
        """In the order in which they are taken."""
        ...

    def start_anew(self) -> None:
        """Called in the child."""
        ...


_parties: weakref.WeakSet[Party] = weakref.WeakSet()
_lock = threading.Lock()
_here: list[Party] = []
_held: list[Lock] = []
_pids = [os.getpid()]
"""This process, after those that it was forked off from."""


def follow(party: Party) -> None:
    """Put it right after each fork, for as long as it lives."""
    with _lock:
        _parties.add(party)


def is_child() -> bool:
    """Whether this process was forked off by one that had this module."""
    return len(_pids) > 1


def check() -> None:
    """Put everything right now, if this is a child that nobody has told so."""
    if os.getpid() != _pids[-1]:
        _in_child()


def _before() -> None:
    _take(_lock)
    _here[:] = list(_parties)
    for party in _here:
        for lock in party.locks():
            _take(lock)


def _take(lock: Lock) -> None:
    if lock.acquire(timeout=_PATIENCE):  # forking under one of the locks is better than never
        _held.append(lock)


def _in_parent() -> None:
    _here.clear()
    while _held:
        _held.pop().release()


def _in_child() -> None:
    _pids.append(os.getpid())
    here = list(_here)
    if not _held:  # nobody has called `_before`
        _renew(_lock)
        here = list(_parties)
        for party in here:
            for lock in party.locks():
                _renew(lock)
    _in_parent()
    for party in here:
        party.start_anew()


def _renew(lock: Lock) -> None:
    """As nobody holds it. Locks of other sorts than `threading`'s stay as they are."""
    renew = getattr(lock, "_at_fork_reinit", None)
    if renew is not None:
        renew()


os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
