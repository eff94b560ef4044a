"""The admin page: what the API's dashboard says, for whoever signed in with the administrator's token.

The browser keeps its session's name only. The session says with which token somebody has signed in, as a digest: when
the token is changed, nobody is signed in any more.
"""

from __future__ import annotations

import hashlib
import hmac

from mestres_core.contrib.http import Reply
from mestres_examples.pages.client import Refused
from mestres_examples.pages.visit import Visit

_SIGNED_IN = "admin"
_NOT_STORED = ("Cache-Control", "no-store")
_WRONG = (401, 403)


def show(visit: Visit) -> Reply:
    """The dashboard, or the form to sign in."""
    signed_in = str(visit.session.get(_SIGNED_IN, ""))
    if not hmac.compare_digest(signed_in, _digest(visit.admin_token)):
        return _form(visit, 200, "")
    return _dashboard(visit, visit.admin_token)


def sign_in(visit: Visit) -> Reply:
    """Sign in who has the right token, and out who asks for it, each time under a new name of the session."""
    form = visit.request.form()
    if "sair" in form:
        visit.session.pop(_SIGNED_IN, None)
        visit.session.rotate()
        return visit.redirect("/admin")
    token = form.get("token", "").strip()
    shown = _dashboard(visit, token)
    if shown.status != 200:  # noqa: PLR2004 - HTTP's own number
        return shown
    visit.session.rotate()
    visit.session[_SIGNED_IN] = _digest(token)
    return visit.redirect("/admin")


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


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
