"""A thread that follows a stream in Redis and tells a follower what it reads.

The question "is there anything new?" is itself the sign of life: an answer proves that every message up to the question
has been read, over this very connection. A connection that is half open gives no answer, and trust runs out by itself.
"""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import threading
import weakref
from collections.abc import Callable
from typing import Any

from mestres_perf._kernel import forks
from mestres_perf.backends.redis._scripts import text_of
from mestres_perf.cache._backplane import Follower, Message

_MOST_AT_ONCE = 1000
_LONGEST_WAIT = 0.25
_MOST_BEGINNINGS = 2**40
_PARTING = 0.3
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0


class Listener:
    """Follows until it is closed, or nobody wants its follower any more."""

    def __init__(self, connect: Callable[[], Any], keys: tuple[str, str], follower: Follower) -> None:
        """`connect` gives a redis-py client of its own; `keys` are the sequence and the stream."""
        self._connect = connect
        self._sequence, self._stream = keys
        self._follower = weakref.ref(follower)
        self._waits = max(1, int(min(follower.trust / 4, _LONGEST_WAIT) * 1000))  # milliseconds
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._client: Any = None
        self._process = 0
        self._lock = threading.Lock()
        forks.follow(self)

    def locks(self) -> list[threading.Lock]:
        """None that a fork should wait for."""
        return []

    def start_anew(self) -> None:
        """In a forked child the thread is not there, and who held a lock is not either."""
        was_closed, self._ended = self._ended.is_set(), threading.Event()
        if was_closed:
            self._ended.set()
        self._lock = threading.Lock()
        self._thread = self._client = None

    def ensure(self) -> None:
        """Listen, unless it does. A forked child begins anew."""
        if self._process == os.getpid() or self._ended.is_set():
            return
        with self._lock:
            if self._process == os.getpid():
                return
            self._process = os.getpid()
            self._thread = threading.Thread(target=self._follow, name="mestres-listener", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop listening. The thread is told not to wait for its next answer, which might never come."""
        self._ended.set()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread() and self._process == os.getpid():
            abort = getattr(self._client, "abort", None)
            if abort is not None:
                abort()
            thread.join(timeout=_PARTING)

    def _follow(self) -> None:
        pause = _SHORTEST_PAUSE
        while not self._is_over():
            try:
                with contextlib.closing(self._connect()) as client:
                    self._client = client
                    self._begin(client)
                    while not self._is_over():
                        self._listen(client)
                        pause = _SHORTEST_PAUSE
            except Exception:  # noqa: BLE001 - whatever it was, memory is no longer trusted, and it is tried again
                self._ended.wait(pause * (0.5 + random.random()))  # noqa: S311 - so that not all come back at once
                pause = min(pause * 2, _LONGEST_PAUSE)

    def _is_over(self) -> bool:
        return self._ended.is_set() or self._follower() is None

    def _begin(self, client: Any) -> None:
        beginning = str(secrets.randbelow(_MOST_BEGINNINGS) + 1)
        number, place = client.eval(text_of("position"), 2, self._sequence, self._stream, beginning)
        follower = self._follower()
        if follower is not None:
            follower.begin(place.decode(), int(number))

    def _listen(self, client: Any) -> None:
        follower = self._follower()
        if follower is None:
            return
        place, asked_at = follower.place, follower.clock()
        number, seconds, fraction = client.eval(text_of("pulse"), 1, self._sequence)
        follower = self._follower()
        if follower is not None:
            follower.notice(seconds + fraction / 1_000_000, asked_at=asked_at)
        del follower  # while it waits it keeps nothing alive
        answer = client.xread({self._stream: place}, count=_MOST_AT_ONCE, block=self._waits)
        messages = [_message(*each) for each in _entries(answer)]
        follower = self._follower()
        if follower is not None:
            follower.hear(messages, asked_at=asked_at, is_all=len(messages) < _MOST_AT_ONCE, number=int(number))


def _entries(answer: Any) -> Any:
    """The entries of the one stream that was asked for: streams are a list of pairs in RESP2, a mapping in RESP3."""
    if not answer:
        return ()
    ((_, entries),) = answer.items() if isinstance(answer, dict) else answer
    return entries


def _message(place: bytes, fields: Any) -> Message:
    """The fields are a mapping, or names and values in turn."""
    fields = fields if isinstance(fields, dict) else dict(zip(fields[::2], fields[1::2], strict=True))
    parts = fields[b"p"].decode("utf-8", "surrogatepass")
    return Message(
        place.decode(),
        int(fields[b"n"]),
        fields[b"o"].decode(),
        fields[b"k"].decode(),
        tuple(parts.split("\n")) if parts else (),
    )
