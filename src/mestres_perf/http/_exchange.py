"""One request and its response, whatever the protocol: when it began, what it answered, how it ended."""

from __future__ import annotations

from typing import Any

from mestres_perf.http._ledger import Ledger, Record, Records

CLIENT_GONE = 499
FAILED = 500


class Exchange:
    """Counted once, at its end; an error in counting never reaches the response."""

    __slots__ = ("_began", "_carrier", "_ledger", "_records", "first", "is_over", "record", "status")

    def __init__(self, ledger: Ledger, method: str, carrier: Any) -> None:
        self._ledger = ledger
        self._carrier = carrier
        self._records: Records = ledger.records.get(method, ledger.others)
        self.record: Record | None = None
        self.status: Any = None
        self.first: float | None = None
        self.is_over = False
        self._began = ledger.clock()
        try:
            ledger.in_progress(1.0)
        except Exception:  # noqa: BLE001 - whatever it was, the response comes first
            ledger.failed()

    def end(self, *, error: bool = False, gone: bool = False) -> None:
        """The last byte has gone out, or none will."""
        if self.is_over:
            return
        self.is_over = True
        ledger = self._ledger
        try:
            now = ledger.clock()
            try:
                ledger.tick(now)
            except Exception:  # noqa: BLE001 - the request is counted all the same
                ledger.failed()
            record = self.record or ledger.find(self._records, self._carrier)
            status = self.status
            if gone and not error:
                status = CLIENT_GONE
            elif status is None:
                status = FAILED
            elif error and int(status) < FAILED:  # a 5xx is an error already
                record.break_off()
            (record.answered.get(status) or record.counting(status))()
            record.duration(now - self._began)
            if self.first is not None:
                record.first_byte(self.first - self._began)
        except Exception:  # noqa: BLE001 - whatever it was, the response comes first
            ledger.failed()
        finally:
            self._leave()

    def _leave(self) -> None:
        try:
            self._ledger.in_progress(-1.0)
        except Exception:  # noqa: BLE001 - whatever it was, the response comes first
            self._ledger.failed()
