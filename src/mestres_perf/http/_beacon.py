"""The page to which visitors' browsers send their web vitals."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from mestres_perf.errors import InvalidVitals
from mestres_perf.http._page import Page
from mestres_perf.metrics.vitals import WebVitals

MAX_BODY = 1024 * 1024
_METHOD = "POST"


class Beacon:
    """Answers 204, or says in a problem document (RFC 9457) why not: 405, 413, 422."""

    def __init__(self, vitals: WebVitals) -> None:
        self._vitals = vitals

    def refusal(self, method: str) -> Page | None:
        """The answer to what is no POST; its body need not be read."""
        if method == _METHOD:
            return None
        return _problem(405, "method_not_allowed", "Web vitals are sent by POST")._replace(
            headers=(("Allow", _METHOD),)
        )

    def receive(self, body: bytes | None, content_type: str) -> Page:
        """Count a beacon; None is a body of more than MAX_BODY bytes."""
        if body is None:
            return _problem(413, "body_too_large", "A request body may have at most 1 MiB")
        try:
            self._vitals.receive(body, content_type)
        except InvalidVitals as error:
            errors = [{"field": error.field, "message": error.reason}]
            return _problem(422, error.code, str(error), errors=errors)
        return Page(204)


def _problem(status: int, code: str, detail: str, **more: Any) -> Page:
    problem = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    return Page(status, "application/problem+json", json.dumps(problem | more).encode())
