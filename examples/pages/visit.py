"""One visit of one page: the request, the shop, and ways to answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mestres_core.contrib.http import Api, Reply, Request
from mestres_examples.pages.client import Client
from mestres_perf import Session

PayPix = Callable[[Mapping[str, Any]], tuple[bytes, Mapping[str, str]]]
"""From a payment as the API shows it to the event, body and headers, by which its provider would report it paid."""

_CART = "cart"
_MONTH = 30 * 24 * 3600


@dataclass(frozen=True)
class Visit:
    """What a page works with. `parts` are the variable parts of the path, `admin_token` is the administrator's."""

    request: Request
    client: Client
    api: Api
    render: Callable[..., str]
    session: Session
    pix: PayPix | None = None
    admin_token: str = field(default="", repr=False)
    parts: Mapping[str, str] = field(default_factory=dict)

    def at(self, parts: Mapping[str, str]) -> Visit:
        """The same visit, its path taken apart."""
        return replace(self, parts=parts)

    @property
    def cart_id(self) -> str:
        """The visitor's cart, or nothing."""
        return str(self.session.get(_CART, ""))

    def remember_cart(self, cart_id: str) -> None:
        """Make this the visitor's cart; with nothing there is none any more."""
        if cart_id:
            self.session[_CART] = cart_id
        else:
            self.session.pop(_CART, None)

    def page(self, template: str, status: int = 200, **values: Any) -> Reply:
        """A page from its template."""
        return Reply(status, self.render(template, path=self.request.path, **values).encode("utf-8", "replace"))

    def message(self, status: int, text: str) -> Reply:
        """A page that only says something."""
        return self.page("message.html", status, text=text, code=status)

    def redirect(self, location: str) -> Reply:
        """On to another page, by GET."""
        return Reply(303, b"", (("Location", location),))

    def cookie(self, name: str, value: str, path: str = "/") -> tuple[str, str]:
        """A Set-Cookie header that scripts and other sites do not see; without a value it removes the cookie."""
        age = _MONTH if value else 0
        secure = "; Secure" if self.request.scheme == "https" else ""
        return ("Set-Cookie", f"{name}={value}; Path={path}; Max-Age={age}; HttpOnly; SameSite=Lax{secure}")
