"""Logs that machines read: one JSON object in a line for each record, with the id of the request that it belongs to.

configure_logging()
logging.getLogger("shop").info("order placed", extra={"order": 17})

{"time": "2026-01-31T12:00:00.123456Z", "level": "INFO", "logger": "shop", "message": "order placed",
"request_id": "0193...", "order": 17}
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final, TextIO

from mestres_perf._kernel.current import REQUEST_ID, TRACE_ID
from mestres_perf.errors import ConfigurationError

_OURS: Final = ("time", "level", "logger", "message", "request_id", "trace_id", "exception", "stack")
_STANDARD: Final = frozenset(
    {*logging.makeLogRecord({}).__dict__, "asctime", "message", "request_id", "taskName", "trace_id"}
)
_DEEPEST, _MOST = 8, 1000
_SMALLEST, _LARGEST = -(2**63), 2**64


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON, in ASCII. `fields` are in every line, such as the name of a service.

    `time` is UTC (RFC 3339); `request_id` and `trace_id` are there where there are any. What is given as `extra` stands
    under its own name, with a `_` behind it where that is taken. Whatever is logged, no record is lost: what JSON has
    no words for is written as its `repr`, and what cannot even be written so by its type.
    """

    def __init__(self, *, fields: Mapping[str, Any] | None = None) -> None:
        """Raises ConfigurationError."""
        super().__init__()
        named = {} if fields is None else fields
        if not isinstance(named, Mapping) or not all(isinstance(each, str) for each in named):
            raise ConfigurationError(f"fields={fields!r}: must be values by name, such as {{'service': 'shop'}}")
        taken = sorted(_STANDARD.intersection(named))
        if taken:
            raise ConfigurationError(f"fields={fields!r}: {', '.join(taken)} already means something to logging")
        self._fields = dict(named)

    def format(self, record: logging.LogRecord) -> str:
        """One line, without its end. It never raises."""
        line: dict[str, Any] = {
            "time": _time(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
        }
        for name, current in (("request_id", REQUEST_ID), ("trace_id", TRACE_ID)):
            value = getattr(record, name, "") or current.get()
            if value:
                line[name] = value
        line.update(self._error(record))
        for name, value in {**self._fields, **record.__dict__}.items():
            if name not in _STANDARD:
                line[f"{name}_" if name in _OURS else name] = value
        return json.dumps(_plain(line, 0))

    def _error(self, record: logging.LogRecord) -> dict[str, Any]:
        found: dict[str, Any] = {}
        try:
            if record.exc_info and record.exc_info[0] is not None:
                kind, error, _ = record.exc_info
                found["exception"] = {
                    "type": f"{kind.__module__}.{kind.__qualname__}",
                    "message": _text(error),
                    "traceback": self.formatException(record.exc_info),
                }
            elif record.exc_text:
                found["exception"] = {"traceback": record.exc_text}
            if record.stack_info:
                found["stack"] = self.formatStack(record.stack_info)
        except Exception as error:  # noqa: BLE001 - whatever it was, the record comes first
            found["exception"] = {"message": f"could not be written: {type(error).__name__}"}
        return found


class RequestContext(logging.Filter):
    """Gives each record `request_id` and `trace_id`, empty outside of a request, and lets all of them pass.

    For other formatters (`%(request_id)s`), and for handlers that write in another thread: put it on the handler that
    takes the record up (`QueueHandler`).
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Never keeps one back."""
        for name, current in (("request_id", REQUEST_ID), ("trace_id", TRACE_ID)):
            if not getattr(record, name, ""):
                setattr(record, name, current.get())
        return True


def configure_logging(
    level: str | int = "INFO", *, stream: TextIO | None = None, fields: Mapping[str, Any] | None = None
) -> logging.Handler:
    """Have everything that is logged written as JSON to `stream` (standard error), in place of the root's handlers.

    Returns the handler. Raises ConfigurationError for a level that there is not, and then changes nothing.
    """
    known = level in logging.getLevelNamesMapping() if isinstance(level, str) else type(level) is int
    if not known:
        raise ConfigurationError(f"level={level!r}: must be a level such as 'INFO'")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter(fields=fields))
    handler.addFilter(RequestContext())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    return handler


def _time(created: float) -> str:
    try:
        moment = datetime.fromtimestamp(created, UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        return _text(created)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - arguments that do not fit; what was meant is still to be seen
        return f"{_text(record.msg)} {_plain(record.args, 0)}"


def _plain(value: Any, depth: int) -> Any:
    """A value in the words of JSON."""
    if value is None or type(value) in {bool, str}:
        return value
    if type(value) is int:
        return value if _SMALLEST <= value < _LARGEST else f"a number of {value.bit_length()} bits"
    if type(value) is float:
        return value if math.isfinite(value) else str(value)
    if depth < _DEEPEST and type(value) in {dict, list, tuple, set, frozenset}:
        return _several(value, depth)
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return _text(value)


def _several(value: Any, depth: int) -> Any:
    # Copied first, at one stroke: another thread may change it meanwhile.
    items = list(value.items() if type(value) is dict else value)[:_MOST]
    if type(value) is dict:
        return {_text(name): _plain(each, depth + 1) for name, each in items}
    return [_plain(each, depth + 1) for each in items]


def _text(value: Any) -> str:
    try:
        if isinstance(value, (str, BaseException)):
            return str(value)
        return repr(value)
    except Exception:  # noqa: BLE001 - a stranger's method
        return f"<{type(value).__name__}>"
