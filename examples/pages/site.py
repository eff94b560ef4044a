"""The site: which page answers which path, and what every page shares."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mestres_core.contrib.http import MAX_BODY, Api, Reply, Request, etag_of, pattern_of
from mestres_core.errors import CommerceError
from mestres_examples.pages import basket, browse, office, purchase
from mestres_examples.pages.assets import OFFLINE, Assets
from mestres_examples.pages.client import Client, Refused
from mestres_examples.pages.visit import PayPix, Visit
from mestres_perf import BackendUnavailable, Sessions

_TEMPLATES: Final = Path(__file__).parent.parent / "templates"
_log = logging.getLogger(__name__)

_HEADERS: Final = (
    ("Content-Type", "text/html; charset=utf-8"),
    (
        "Content-Security-Policy",
        "; ".join(
            (
                "default-src 'none'",
                *(f"{kind}-src 'self'" for kind in ("style", "img", "script", "connect", "worker")),
                "form-action 'self'",
                "frame-ancestors 'none'",
            )
        ),
    ),
    ("Referrer-Policy", "same-origin"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "private, no-cache"),
)

Page = Callable[[Visit], Reply]

_PAGES: Final[tuple[tuple[str, str, Page], ...]] = (
    ("GET", "/", browse.home),
    ("GET", "/produtos", browse.products),
    ("GET", "/produto/{slug}", browse.product),
    ("GET", "/busca", browse.search),
    ("GET", "/carrinho", basket.show),
    ("POST", "/carrinho", basket.add),
    ("POST", "/carrinho/cupom", basket.coupon),
    ("POST", "/carrinho/{line_id}", basket.change),
    ("GET", "/checkout", purchase.delivery),
    ("POST", "/checkout", purchase.payment),
    ("POST", "/checkout/confirmar", purchase.confirm),
    ("GET", "/pedido/{number}", purchase.order),
    ("GET", OFFLINE, browse.offline),
    ("POST", "/pedido/{number}/pix", purchase.pay_pix),
    ("GET", "/admin", office.show),
    ("POST", "/admin", office.sign_in),
)


_PATTERNS: Final = tuple((method, pattern_of(template), page) for method, template, page in _PAGES)


@dataclass(frozen=True)
class Site:
    """The storefront, for the same skins that serve the API. `pay_pix` is given in demonstrations only."""

    api: Api
    sessions: Sessions
    assets: Assets
    pay_pix: PayPix | None = None
    admin_token: str = field(default="", repr=False)
    prefixes: tuple[str, ...] = ()

    @property
    def templates(self) -> Sequence[str]:
        """The path templates, for a framework to register."""
        return tuple(dict.fromkeys(template for _, template, _ in _PAGES))

    def handle(self, request: Request) -> Reply:
        """Answer a request with a page. It never raises."""
        visit = self._visit(request)
        try:
            visit = self._with_session(visit)
            reply = self._saved(visit, self._answer(visit))
        except BackendUnavailable:
            reply = visit.message(503, "O carrinho está fora do ar por um momento. Tente de novo em instantes.")
        except Refused as refused:
            reply = visit.message(refused.status, refused.detail)
        except CommerceError as error:
            reply = visit.message(422, error.describe("pt-BR"))
        except Exception:  # noqa: BLE001 - the last resort: logged whole, told without its inside
            _log.exception("%s %s", request.method, request.path)
            reply = visit.message(500, "Algo falhou aqui. Tente de novo em instantes.")
        if reply.status == 200:  # noqa: PLR2004 - HTTP's own number
            # The style sheet is on its way before the first line of the page is read.
            reply = reply.with_headers(("Link", f"<{self.assets.url('site.css')}>; rel=preload; as=style"))
        return _finished(request, reply)

    def not_found(self, request: Request) -> Reply:
        """Answer for an address that is nobody's."""
        visit = self._visit(request)
        return _finished(request, visit.message(404, "Esta página não existe."))

    def _visit(self, request: Request) -> Visit:
        """A visit of somebody of whom nothing is known."""
        nobody = self.sessions.load("")
        return Visit(request, Client(self.api), self.api, self._render, nobody, self.pay_pix, self.admin_token)

    def _with_session(self, visit: Visit) -> Visit:
        return replace(visit, session=self.sessions.load(visit.request.cookie(self.sessions.cookie)))

    def _saved(self, visit: Visit, reply: Reply) -> Reply:
        """Keep what the page has put into the session; a page that was refused keeps it too."""
        cookie = self.sessions.save(visit.session, secure=visit.request.scheme == "https")
        return reply if cookie is None else reply.with_headers(("Set-Cookie", cookie))

    def _answer(self, visit: Visit) -> Reply:
        request = visit.request
        method = "GET" if request.method == "HEAD" else request.method
        allowed = []
        for page_method, pattern, page in _PATTERNS:
            found = pattern.fullmatch(request.path)
            if found is None:
                continue
            if page_method != method:
                allowed.append(page_method)
                continue
            if method == "POST" and len(request.body) > MAX_BODY:
                return visit.message(413, "O formulário enviado é grande demais.")
            if method == "POST" and not _from_here(request):
                return visit.message(403, "O formulário veio de outro site e foi recusado.")
            return page(visit.at(found.groupdict()))
        if allowed:
            return visit.message(405, "Esta página não aceita isso.").with_headers(("Allow", ", ".join(allowed)))
        return visit.message(404, "Esta página não existe.")

    def _render(self, template: str, **values: Any) -> str:
        return self._environment.get_template(template).render(**values)

    @cached_property
    def _environment(self) -> Environment:
        environment = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters["query"] = lambda values: urlencode(
            {k: v for k, v in values.items() if v not in (None, "")}
        )
        environment.globals["asset"] = self.assets.url
        environment.filters["asset_url"] = self.assets.url_of
        return environment


def _from_here(request: Request) -> bool:
    """Whether a form was sent by our own pages. Cookies are SameSite=Lax; this is the second lock on the door."""
    origin = request.headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc == request.headers.get("host")
    return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


def _finished(request: Request, reply: Reply) -> Reply:
    etag = etag_of(reply.body.decode())
    stored = reply.header("Cache-Control") != "no-store"
    if stored and reply.status == 200 and request.method in ("GET", "HEAD"):  # noqa: PLR2004 - HTTP's own number
        reply = reply.with_headers(("ETag", etag))
        if request.headers.get("if-none-match", "").removeprefix("W/") == etag:
            return Reply(304, b"", (("ETag", etag), *_HEADERS[1:]))
    reply = reply.with_headers(*(pair for pair in _HEADERS if reply.header(pair[0]) is None))
    if request.method == "HEAD":
        return Reply(reply.status, b"", (*reply.headers, ("Content-Length", str(len(reply.body)))))
    return reply
