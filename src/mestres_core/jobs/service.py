"""Jobs: asked for in one call, done by whatever worker is free, each step in a transaction of its own.

Invariant: only the worker that holds the job's lease may write to it or for it. Every step checks that in the
transaction in which it writes, so a worker that was thought dead and comes back changes nothing, and a bulk job's rows
are saved in the transaction that counts them: taken up again, it goes on after the last row that was.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import IO, Any, Protocol

from sqlalchemy import and_, delete, insert, or_, select, update

from mestres_core.admin import bulk, exports, formats
from mestres_core.errors import FieldError, NotFound, RetryableError, ValidationError
from mestres_core.jobs.dto import Job, JobError, Result
from mestres_core.jobs.models import job, part
from mestres_core.rules.checks import Checks, storable
from mestres_core.typing import Clock, Ids

_log = logging.getLogger(__name__)
LEASE = timedelta(seconds=60)
KEEP = timedelta(days=7)
_REPORTING = timedelta(seconds=2)
MOST_ERRORS = 1000
_MOST_ATTEMPTS = 5
_PART = 256 * 1024
_LONGEST_TEXT = 400


class Run(Protocol):
    """Runs a function of the services in a transaction of its own, with bounded retries."""

    def __call__(self, call: Callable[[Any], Any]) -> Any:
        """What `call` returns."""
        ...


class _Lost(Exception):
    """The lease ran out and another worker has the job."""


class Jobs:
    """The jobs of a shop: `shop.jobs`. Every call makes transactions of its own."""

    def __init__(
        self,
        run: Run,
        read: Run,
        snapshot: Callable[[], AbstractContextManager[Any]],
        clock: Clock,
        ids: Ids,
        *,
        alone: bool = False,
    ) -> None:
        self._run = run
        self._read = read
        self._snapshot = snapshot
        self._alone = alone  # there is one connection for all: nothing can be written while a snapshot is read
        self._clock = clock
        self._ids = ids

    def bulk(self, body: bytes, *, format: str) -> Job:  # noqa: A002 - what it is called everywhere
        """Ask for products to be saved: `body` in the `format` csv, ndjson or json (see `mestres_core.admin.bulk`).

        Raises ValidationError when the file as a whole is not usable; single wrong rows are the job's errors.
        """
        if format not in bulk.MEDIA_TYPES.values():
            raise ValidationError.of("format", "unknown", choices=", ".join(sorted({*bulk.MEDIA_TYPES.values()})))
        total = sum(1 for _ in bulk.read_rows(bulk.lines_of(body), format))
        if not total:
            raise ValidationError.of("body", "required")
        return self._create("bulk", {"format": format}, total=total, body=body)

    def export(self, kind: str, *, format: str = "csv") -> Job:  # noqa: A002 - as above
        """Ask for a file of all products, orders, customers or inventory, as csv, ndjson or xlsx.

        Raises ValidationError.
        """
        formats.choose(format)
        exports.columns(kind)
        return self._create("export", {"kind": kind, "format": format})

    def get(self, job_id: str) -> Job:
        """How a job stands. Raises NotFound."""
        row = self._row(job_id)
        errors = tuple(
            JobError(number, FieldError.of(field, reason, **data)) for number, field, reason, data in row.errors
        )
        return Job(
            id=row.id,
            kind=row.kind,
            arguments=row.arguments,
            status=row.status,
            done=row.done,
            total=row.total,
            errors=errors,
            error_count=row.error_count,
            result_size=row.result_size,
            created_at=row.created_at,
            started_at=row.started_at,
            finished_at=row.finished_at,
        )

    def result(self, job_id: str, *, offset: int = 0) -> Result:
        """The file that a finished export made, from byte `offset` on.

        It is always the same bytes: who lost the line goes on from there. Raises NotFound as long as there is none,
        ValidationError for an offset beyond its end.
        """
        found = self.get(job_id)
        if found.status != "done" or found.result_size is None:
            raise NotFound("result", job_id)
        checks = Checks()
        checks.whole("offset", offset, at_least=0, at_most=found.result_size)
        checks.done()
        name = f"{found.arguments['kind']}-{found.created_at:%Y%m%d-%H%M%S}.{found.arguments['format']}"
        media_type = formats.choose(found.arguments["format"]).media_type
        return Result(name, media_type, found.result_size, self._parts(job_id, offset))

    def run(self, *, limit: int = 1) -> int:
        """Do up to `limit` waiting jobs; returns how many were taken up. Call it from any number of workers.

        A job whose worker died is taken up again when its lease of 60 s runs out, five times at most. Jobs that ended a
        week ago are deleted, with their files.
        """
        for number in range(limit):
            claimed = self._run(self._claim)
            if claimed is None:
                return number
            self._do(claimed)
        return limit

    def _create(self, kind: str, arguments: dict[str, str], *, total: int | None = None, body: bytes = b"") -> Job:
        job_id, now = self._ids.token(), self._clock.now()
        row = {
            "id": job_id,
            "kind": kind,
            "arguments": arguments,
            "status": "queued",
            "done": 0,
            "total": total,
            "errors": [],
            "error_count": 0,
            "input": body or None,
            "attempts": 0,
            "created_at": now,
        }
        self._run(lambda services: services.outbox.session.execute(insert(job), row))
        return self.get(job_id)

    def _row(self, job_id: str) -> Any:
        wanted = [column for column in job.c if column.name != "input"]
        known = isinstance(job_id, str) and storable(job_id)
        query = select(*wanted).where(job.c.id == job_id)
        row = self._read(lambda services: services.outbox.session.execute(query).first()) if known else None
        if row is None:
            raise NotFound("job", job_id)
        return row

    def _parts(self, job_id: str, offset: int) -> Iterator[bytes]:
        position, left_out = divmod(offset, _PART)  # every part but the last one is of this size
        while True:
            query = select(part.c.data).where(part.c.job_id == job_id, part.c.position == position)
            data = self._read(partial(_scalar, query=query))
            if data is None:
                return
            yield bytes(data)[left_out:]
            position, left_out = position + 1, 0

    def _claim(self, services: Any) -> Any:
        session, now = services.outbox.session, self._clock.now()
        session.execute(delete(job).where(job.c.finished_at < now - KEEP))
        abandoned = and_(job.c.status == "running", job.c.leased_until <= now)
        query = select(job).where(or_(job.c.status == "queued", abandoned)).order_by(job.c.created_at, job.c.id)
        row = session.execute(query.limit(1).with_for_update(skip_locked=True)).first()
        if row is None:
            return None
        taken = {
            "status": "running",
            "attempts": row.attempts + 1,
            "leased_until": now + LEASE,
            "started_at": row.started_at or now,
        }
        session.execute(update(job).where(job.c.id == row.id).values(taken))
        return row

    def _do(self, row: Any) -> None:
        lease = _Lease(self._run, self._clock, row.id, row.attempts + 1)
        try:
            if row.attempts < _MOST_ATTEMPTS:
                {"bulk": self._bulk, "export": self._export}[row.kind](row, lease)
            else:
                _log.error("job %s: %d workers have died of it", row.id, _MOST_ATTEMPTS)
                lease.give_up(status="failed", finished_at=self._clock.now())
        except _Lost:
            _log.warning("job %s was taken over by another worker", row.id)
        except RetryableError:
            _log.warning("job %s: the database is busy; it is tried again", row.id)
            lease.give_up(status="queued")
        except Exception:  # noqa: BLE001 - whatever it was, the job says that it failed, and the worker goes on
            _log.exception("job %s failed", row.id)
            lease.give_up(status="failed", finished_at=self._clock.now())

    def _bulk(self, row: Any, lease: _Lease) -> None:
        rows = bulk.read_rows(bulk.lines_of(row.input), row.arguments["format"])
        progress = _Progress(row.done, tuple(row.errors), row.error_count)
        for _ in islice(rows, progress.done):
            pass  # these were saved before
        while chunk := list(islice(rows, bulk.CHUNK)):
            progress = self._run(partial(_save_chunk, lease=lease, progress=progress, chunk=chunk))
        lease.write(status="done", finished_at=self._clock.now(), leased_until=None, input=None)

    def _export(self, row: Any, lease: _Lease) -> None:
        """The table as it is at one moment, by way of a temporary file: memory does not grow with it."""
        lease.write(lambda session: session.execute(delete(part).where(part.c.job_id == row.id)), done=0)
        with tempfile.TemporaryFile() as file:
            done = self._write_out(row.arguments, file, lease)
            size = file.tell()
            file.seek(0)
            for position, data in enumerate(iter(partial(file.read, _PART), b"")):
                values = {"job_id": row.id, "position": position, "data": data}
                lease.write(partial(_keep, values=values), done=done)
        finished = self._clock.now()
        lease.write(status="done", done=done, total=done, result_size=size, finished_at=finished, leased_until=None)

    def _write_out(self, arguments: Mapping[str, str], file: IO[bytes], lease: _Lease) -> int:
        """Write the rows of one snapshot to a file; returns how many there were."""
        kind, done = arguments["kind"], 0
        with self._snapshot() as services, closing(exports.pages(services, kind)) as found:

            def pages() -> Iterator[exports.Page]:
                nonlocal done
                for page in found:
                    done += len(page)
                    if not self._alone:
                        lease.renew(done=done, total=total)
                    yield page

            total = exports.count(services, kind)
            for data in formats.choose(arguments["format"]).stream(exports.columns(kind), pages()):
                file.write(data)
        return done


@dataclass(frozen=True, slots=True)
class _Progress:
    """How far a bulk job is."""

    done: int
    errors: tuple[Any, ...]
    error_count: int

    def after(self, outcome: bulk.Outcome) -> _Progress:
        """With these rows done."""
        errors = (*self.errors, *map(_noted, outcome.errors))[:MOST_ERRORS]
        return _Progress(self.done + outcome.rows, errors, self.error_count + len(outcome.errors))


def _save_chunk(services: Any, *, lease: _Lease, progress: _Progress, chunk: list[bulk.Row]) -> _Progress:
    lease.check(services)
    after = progress.after(bulk.save_rows(services, chunk))
    lease.write_with(services, done=after.done, errors=after.errors, error_count=after.error_count)
    return after


class _Lease:
    """The right of one worker, in its `attempt`, to write for a job."""

    def __init__(self, run: Run, clock: Clock, job_id: str, attempt: int) -> None:
        self._run = run
        self._clock = clock
        self._mine = (job.c.id == job_id, job.c.attempts == attempt, job.c.status == "running")
        self._renewed_at = clock.now()

    def write(self, act: Callable[[Any], Any] | None = None, /, **values: Any) -> None:
        """Do something and change the job, both or none."""

        def once(services: Any) -> None:
            self.check(services)
            if act is not None:
                act(services.outbox.session)
            self.write_with(services, **values)

        self._run(once)

    def check(self, services: Any) -> None:
        """Hold the job's row for this transaction. Raises _Lost when it is another worker's."""
        found = services.outbox.session.execute(select(job.c.id).where(*self._mine).with_for_update()).first()
        if found is None:
            raise _Lost

    def write_with(self, services: Any, **values: Any) -> None:
        """Change the job in the caller's transaction and lease it anew."""
        renewed = {"leased_until": self._clock.now() + LEASE} | values
        services.outbox.session.execute(update(job).where(*self._mine).values(renewed))
        self._renewed_at = self._clock.now()

    def give_up(self, **values: Any) -> None:
        """Change the job for the last time, if it is still this worker's."""
        with suppress(_Lost):
            self.write(leased_until=None, **values)

    def renew(self, **values: Any) -> None:
        """Keep the lease, and say how far it is, when some of its time is over."""
        if self._clock.now() - self._renewed_at > _REPORTING:
            self.write(**values)


def _scalar(services: Any, query: Any) -> Any:
    return services.outbox.session.execute(query).scalar()


def _keep(session: Any, values: dict[str, Any]) -> None:
    session.execute(insert(part), values)


def _noted(wrong: bulk.RowError) -> list[Any]:
    """An error as it is kept: bounded, and without what a database cannot hold."""
    data = {name: _bounded(value) for name, value in wrong.error.data}
    return [wrong.row, _bounded(wrong.error.field), wrong.error.reason, data]


def _bounded(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return value[:_LONGEST_TEXT].replace("\0", "").encode("utf-8", "replace").decode()
