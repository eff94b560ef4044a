"""The API as a Flask blueprint. Needs `pip install 'mestres[flask]'`."""

from __future__ import annotations

import re

try:
    from flask import Blueprint, Response, request
except ModuleNotFoundError as missing:
    if missing.name != "flask":
        raise
    raise ModuleNotFoundError("Flask is not installed: pip install 'mestres[flask]'", name="flask") from missing

from mestres_core.contrib.http.messages import MAX_BODY, Application, Reply, Request

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_CHUNK = 64 * 1024
# A body that is too large is still read a little further, so that the client gets to see the refusal.
_DRAIN = 16 * MAX_BODY


def blueprint(application: Application, name: str = "mestres") -> Blueprint:
    """A blueprint that serves the application at its own paths.

    Every template is a rule of its own, so that metrics see the template; everything else under the application's
    prefixes is answered by it too, with its own 404. Set `app.url_map.merge_slashes = False`, or Flask redirects where
    the API says 404.
    """
    served = Blueprint(name, __name__)

    def view(**_parts: str) -> Response:
        return response(application.handle(_request()))

    rules = [re.sub(r"\{(\w+)\}", r"<\1>", template) for template in application.templates]
    rules += [f"{prefix}/<path:rest>" for prefix in application.prefixes]
    for index, rule in enumerate(rules):
        served.add_url_rule(
            rule, f"route{index}", view, methods=_METHODS, provide_automatic_options=False, strict_slashes=True
        )
    return served


def _request() -> Request:
    return Request(
        method=request.method,
        path=request.path,
        query_string=request.environ.get("QUERY_STRING", ""),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=_body(),
        scheme=request.scheme,
        client=request.remote_addr or "",
    )


def _body() -> bytes:
    kept = request.stream.read(MAX_BODY + 1)
    if len(kept) > MAX_BODY:
        drained = len(kept)
        while drained < _DRAIN and (chunk := request.stream.read(_CHUNK)):
            drained += len(chunk)
    return kept


def response(reply: Reply) -> Response:
    """Put a reply into the framework's own words."""
    response = Response(reply.body if reply.chunks is None else reply.chunks, reply.status)
    response.headers.clear()
    for name, value in reply.headers:
        response.headers.add(name, value)
    response.automatically_set_content_length = reply.header("Content-Length") is None
    return response
