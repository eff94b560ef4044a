"""What jobs give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from mestres_core.errors import FieldError


@dataclass(frozen=True, slots=True)
class JobError:
    """A wrong field of a row of the input."""

    row: int
    error: FieldError


@dataclass(frozen=True, slots=True)
class Job:
    """Work asked for.

    `status`: queued, running, done, failed. `done` of `total` rows are through (`total` None: not counted yet).
    `errors` has the first of `error_count` wrong fields. `result_size` is in bytes, None without a result.
    """

    id: str
    kind: str
    arguments: Mapping[str, str]
    status: str
    done: int
    total: int | None
    errors: tuple[JobError, ...]
    error_count: int
    result_size: int | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Result:
    """The file that a job made, `size` bytes as a whole.

    `chunks` reads it as it is sent, and holds no connection in between.
    """

    filename: str
    media_type: str
    size: int
    chunks: Iterator[bytes]
