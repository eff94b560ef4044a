"""What the shop's own people ask for: figures, bulk changes, exports. The API lets only the administrator in."""

from __future__ import annotations

import re
from typing import Any, Final

from mestres_core.admin.bulk import MEDIA_TYPES
from mestres_core.contrib.http import figures, render
from mestres_core.contrib.http.calls import Call
from mestres_core.contrib.http.language import negotiate
from mestres_core.contrib.http.messages import Document, Reply
from mestres_core.contrib.http.problems import Refusal, sentence
from mestres_core.contrib.http.schemas import ExportRequest, ReportQuery, is_storable
from mestres_core.errors import NotFound
from mestres_core.jobs.dto import Job

_JOBS: Final = "/admin/api/v1/jobs"
_ACCEPTED: Final = 202
_PARTIAL: Final = 206
_NO_SUCH_RANGE: Final = 416
_FROM: Final = re.compile(r"bytes=([0-9]{1,18})-")


def dashboard(call: Call) -> Reply:
    """The shop at a glance."""
    return Document.of({"dashboard": figures.dashboard(call.shop.admin.dashboard())}).reply()


def sales(call: Call) -> Reply:
    """Sales by day, week or month."""
    return _report(call, "sales")


def products(call: Call) -> Reply:
    """What was sold, by product or category."""
    return _report(call, "products")


def customers(call: Call) -> Reply:
    """Who bought how much."""
    return _report(call, "customers")


def inventory(call: Call) -> Reply:
    """What is in stock and what was sold of it, by SKU or category."""
    return _report(call, "inventory")


def bulk(call: Call) -> Reply:
    """Products to be saved, as CSV, NDJSON or JSON; a job does it."""
    media_type = call.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES:
        raise Refusal(415)
    return _accepted(call.shop.jobs.bulk(call.request.body, format=MEDIA_TYPES[media_type]), call)


def export(call: Call) -> Reply:
    """A file of all products, orders, customers or inventory; a job makes it."""
    body: ExportRequest = call.body
    return _accepted(call.shop.jobs.export(body.kind, format=body.format), call)


def job(call: Call) -> Reply:
    """How a job stands; `result_url` leads to its file once there is one."""
    return Document.of({"job": _job(call.shop.jobs.get(_id(call)), call)}).reply()


def result(call: Call) -> Reply:
    """The file that an export has made; with `Range: bytes=N-` what comes from its byte N on, for a broken download."""
    job_id, offset = _id(call), _offset(call.request.headers.get("range", ""))
    size = call.shop.jobs.result(job_id).size
    if offset is not None and offset >= size:
        return Reply(_NO_SUCH_RANGE, headers=(("Content-Range", f"bytes */{size}"),))
    made = call.shop.jobs.result(job_id, offset=offset or 0)
    headers = (
        ("Content-Type", made.media_type),
        ("Content-Length", str(size - (offset or 0))),
        ("Content-Disposition", f'attachment; filename="{made.filename}"'),
        ("X-Content-Type-Options", "nosniff"),
        ("Accept-Ranges", "bytes"),
    )
    if offset is None:
        return Reply(200, headers=headers, chunks=made.chunks)
    part = ("Content-Range", f"bytes {offset}-{size - 1}/{size}")
    return Reply(_PARTIAL, headers=(*headers, part), chunks=made.chunks)


def _offset(asked: str) -> int | None:
    """The N of `bytes=N-`. Whatever else a client may ask for, RFC 9110 lets a server answer with the whole."""
    found = _FROM.fullmatch(asked)
    return int(found[1]) if found else None


def _accepted(made: Job, call: Call) -> Reply:
    document = Document.of({"job": _job(made, call)})
    return document.reply(_ACCEPTED).with_headers(("Location", f"{_JOBS}/{made.id}"))


def _id(call: Call) -> str:
    job_id = call.params["job_id"]
    if not is_storable(job_id):
        raise NotFound("job", job_id)
    return job_id


def _job(made: Job, call: Call) -> dict[str, Any]:
    locale = negotiate(call.request.headers.get("accept-language", ""))
    return {
        "id": made.id,
        "kind": made.kind,
        "status": made.status,
        "done": made.done,
        "total": made.total,
        "errors": [
            {"row": one.row, "field": one.error.field, "message": sentence(one.error, locale)} for one in made.errors
        ],
        "error_count": made.error_count,
        "result_url": None if made.result_size is None else f"{_JOBS}/{made.id}/result",
        "created_at": render.instant(made.created_at),
        "started_at": made.started_at and render.instant(made.started_at),
        "finished_at": made.finished_at and render.instant(made.finished_at),
    }


def _report(call: Call, kind: str) -> Reply:
    query: ReportQuery = call.query
    made = call.shop.admin.report(kind, from_=query.from_, to=query.to, group_by=query.group_by)
    return Document.of({"report": figures.report(made)}).reply()
