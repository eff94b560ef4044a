"""One request and its response, whatever the protocol: when it began, what it answered, how it ended."""

from __future__ import annotations

from typing import Any

from mestres_perf.http._ledger import Ledger, Record, Records

CLIENT_GONE = 499
FAILED = 500


class Exchange:
    """Counted once, at its end; an error in counting never reaches the response.

    `first` is when its status line went out; `record` where it is counted, when that is known before the end. Those
    who inherit set everything themselves: this is done for every request.
    """

    __slots__ = ("_began", "_carrier", "_ledger", "_records", "first", "is_over", "record", "status")
    _began: float
    _carrier: Any
    _ledger: Ledger
    _records: Records
    first: float | None
    is_over: bool
    record: Record | None
    status: Any

    def end(self, status: Any = None, *, broke_off: bool = False) -> None:
        """There is nothing more to come; `status` is counted instead of the one that has been sent."""
        if self.is_over:
            return
        self.is_over = True
        ledger = self._ledger
        try:
            ended = ledger.clock()
            if ended >= ledger.book.due:
                try:
                    ledger.book.tick(ended)
                except Exception:  # noqa: BLE001 - the request is counted all the same
                    ledger.failed()
            record = self.record
            if record is None:
                record = ledger.find(self._records, self._carrier)
            if status is None:
                status = self.status
            answered = record.answered
            (answered[status] if status in answered else record.counting(status))()
            record.duration(ended - self._began)
            if self.first is not None:
                record.first_byte(self.first - self._began)
            if broke_off and int(status) < FAILED:  # a 5xx is an error already
                record.break_off()
        except Exception:  # noqa: BLE001 - whatever it was, the response comes first
            ledger.failed()
        try:
            ledger.in_progress(-1.0)
        except Exception:  # noqa: BLE001 - whatever it was, the response comes first
            ledger.failed()

    def end_early(self, *, error: bool) -> None:
        """There will be no last byte, because of an `error` of the application's or because the client has gone."""
        if not error:
            self.end(CLIENT_GONE)
        elif self.status is None:
            self.end(FAILED)
        else:
            self.end(broke_off=True)
