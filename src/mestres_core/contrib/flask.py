"""The API as a Flask blueprint, and a shop in the session of each request. Needs `pip install 'mestres[flask]'`."""

from __future__ import annotations

import re
from collections.abc import Callable

try:
    from flask import Blueprint, Flask, Response, g, request
except ModuleNotFoundError as missing:
    if missing.name != "flask":
        raise
    raise ModuleNotFoundError("Flask is not installed: pip install 'mestres[flask]'", name="flask") from missing

from sqlalchemy.orm import Session, sessionmaker

from mestres_core.commerce import Commerce
from mestres_core.contrib.http import problems
from mestres_core.contrib.http.language import negotiate
from mestres_core.contrib.http.messages import MAX_BODY, Application, Reply, Request
from mestres_core.errors import CommerceError
from mestres_core.services import Services

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_CHUNK = 64 * 1024
# A body that is too large is still read a little further, so that the client gets to see the refusal.
_DRAIN = 16 * MAX_BODY


class FlaskShop:
    """A shop inside a Flask app: its services in the request's own session, its refusals as problem documents.

        embedded = FlaskShop(shop, session=db.session)     # Flask-SQLAlchemy's, or any callable that gives a Session
        embedded.init_app(app)

        @app.post("/buy/<sku>")
        def buy(sku):
            cart = embedded.services.carts.create()        # in your transaction; you commit it

    `session` gives the session that the host's own code uses in this request: it is joined and never ended here.
    With `sessions` (a sessionmaker; without either, one on the shop's engine) each request that asks for it gets a
    session of its own, `embedded.session`: committed before an answer below 400 leaves, rolled back else.
    """

    def __init__(
        self,
        shop: Commerce,
        *,
        session: Callable[[], Session] | None = None,
        sessions: Callable[[], Session] | None = None,
        app: Flask | None = None,
    ) -> None:
        if session is not None and sessions is not None:
            raise TypeError("give `session` (the host ends it) or `sessions` (each request gets one), not both")
        self.shop = shop
        self._current = session
        self._sessions = sessions or sessionmaker(shop.engine)
        self._key = f"_mestres_{id(self)}"
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Put the shop into an app: `app.extensions["mestres"]` is this object from now on."""
        app.extensions["mestres"] = self
        app.register_error_handler(CommerceError, problem)
        app.after_request(self._ended)
        app.teardown_appcontext(self._closed)

    @property
    def session(self) -> Session:
        """The session of this request."""
        if self._current is not None:
            return self._current()
        if self._key not in g:
            setattr(g, self._key, self._sessions())
        found: Session = getattr(g, self._key)
        return found

    @property
    def services(self) -> Services:
        """The shop's services in the session of this request."""
        return self.shop.on(self.session)

    def _ended(self, response: Response) -> Response:
        if self._key in g:
            session: Session = getattr(g, self._key)
            if response.status_code < 400:  # noqa: PLR2004 - HTTP's own number
                session.commit()
            else:
                session.rollback()
        return response

    def _closed(self, _error: BaseException | None) -> None:
        session: Session | None = g.pop(self._key, None)
        if session is not None:
            session.close()


def problem(error: CommerceError) -> Response:
    """A refusal of the shop as a problem document (RFC 9457), in the language that the request asks for."""
    return response(problems.of_error(error, negotiate(request.headers.get("Accept-Language", ""))))


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
