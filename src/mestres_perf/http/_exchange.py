"""One request and its response, whatever the protocol: when it began, what it answered, how it ended."""

from __future__ import annotations

from typing import Any

from mestres_perf.http._ledger import Ledger, Record, Records

CLIENT_GONE = 499
FAILED = 500


class Exchange:
    """Counted once, at its end; an error in counting never reaches the response.

    `record` is where it is counted, when that is known before the end; `first` when its status line went out.
    """

    __slots__ = ("_began", "_carrier", "_ledger", "_records", "first", "is_over", "record", "status")

    def __init__(self, ledger: Ledger, records: Records, carrier: Any) -> None:
        self._ledger = ledger
        self._records = records
        self._carrier = carrier
        self.record: Record | None = None
        self.status: Any = None
        self.first: float | None = None
        self.is_over = False
        try:
            ledger.in_progress(1.0)
        except Exception:  # noqa: BLE001 - whatever it was, the response comes first
            ledger.failed()
        self._began = ledger.clock()

    def end(self) -> None:
        """The last byte has gone out."""
        if not self.is_over:
            self._count(self.status)

    def end_without(self, *, error: bool) -> None:
        """There will be no last byte, because of an `error` of the application's or because the client has gone."""
        if self.is_over:
            return
        if not error:
            self._count(CLIENT_GONE)
        elif self.status is None:
            self._count(FAILED)
        else:
            self._count(self.status, broke_off=True)

    def _count(self, status: Any, *, broke_off: bool = False) -> None:
        self.is_over = True
        ledger = self._ledger
        try:
            ended = ledger.clock()
            if ended >= ledger.book.due:
                ledger.book.tick(ended)
            record = self.record or ledger.find(self._records, self._carrier)
            if broke_off:
                record.break_off()
            (record.answered.get(status) or record.counting(status))()
            record.duration(ended - self._began)
            if self.first is not None:
                record.first_byte(self.first - self._began)
        except Exception:  # noqa: BLE001 - whatever it was, the response comes first
            ledger.failed()
        try:
            ledger.in_progress(-1.0)
        except Exception:  # noqa: BLE001 - whatever it was, the response comes first
            ledger.failed()
