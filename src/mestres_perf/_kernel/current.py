"""Which request is being served here: known to every layer below, and to each log record, without being passed."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

REQUEST_ID: Final[ContextVar[str]] = ContextVar("mestres_request_id", default="")
"""The id of the request; empty outside of one."""

TRACE_ID: Final[ContextVar[str]] = ContextVar("mestres_trace_id", default="")
"""The trace that it is part of, 32 hexadecimal digits; empty where nobody traces."""
