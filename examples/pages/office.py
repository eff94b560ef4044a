"""The admin page: what the API's dashboard says, for whoever signed in with the administrator's token."""

from __future__ import annotations

from urllib.parse import quote, unquote

from mestres_core.contrib.http import Reply
from mestres_examples.pages.client import Refused
from mestres_examples.pages.visit import Visit

_COOKIE = "admin"
_EIGHT_HOURS = 8 * 3600
_NOT_STORED = ("Cache-Control", "no-store")
_WRONG = (401, 403)


def show(visit: Visit) -> Reply:
    """The dashboard, or the form to sign in."""
    token = unquote(visit.request.cookie(_COOKIE))
    if not token:
        return _form(visit, 200, "")
    return _dashboard(visit, token)


def sign_in(visit: Visit) -> Reply:
    """Keep the token in this browser if it is the right one; signing out takes it away."""
    form = visit.request.form()
    if "sair" in form:
        return visit.redirect("/admin").with_headers(_cookie(visit, ""))
    token = form.get("token", "").strip()
    shown = _dashboard(visit, token)
    if shown.status != 200:  # noqa: PLR2004 - HTTP's own number
        return shown
    return visit.redirect("/admin").with_headers(_cookie(visit, token))


def _dashboard(visit: Visit, token: str) -> Reply:
    # A header cannot hold every letter that can be typed; what it cannot hold is no token.
    authorization = f"Bearer {token if token.isprintable() else '?'}"
    try:
        data = visit.client.get("/admin/api/v1/dashboard", authorization=authorization)["data"]
    except Refused as refused:
        if refused.status in _WRONG:
            return _form(visit, 403, "Este token não é o da administração.")
        raise
    return visit.page("admin.html", dashboard=data["dashboard"], notice="").with_headers(_NOT_STORED)


def _form(visit: Visit, status: int, notice: str) -> Reply:
    return visit.page("admin.html", status, dashboard=None, notice=notice).with_headers(_NOT_STORED)


def _cookie(visit: Visit, token: str) -> tuple[str, str]:
    """The token itself, for this page alone: scripts cannot read it, other sites cannot have it sent."""
    age = _EIGHT_HOURS if token else 0
    secure = "; Secure" if visit.request.scheme == "https" else ""
    value = f"{_COOKIE}={quote(token, safe='')}; Path=/admin; Max-Age={age}; HttpOnly; SameSite=Strict{secure}"
    return ("Set-Cookie", value)
