"""Names that are the same on every run, so that a test may say them."""

from __future__ import annotations

import itertools
import threading


class SequentialIds:
    """token-0001, token-0002...; order numbers TEST-0001, TEST-0002... Threads may share it."""

    def __init__(self) -> None:
        self._tokens = itertools.count(1)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def token(self) -> str:
        """The next token. Anybody can guess it: for tests only."""
        with self._lock:
            return f"token-{next(self._tokens):04d}"

    def order_number(self) -> str:
        """The next order number."""
        with self._lock:
            return f"TEST-{next(self._numbers):04d}"
