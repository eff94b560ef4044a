"""What passes between a web framework and the API: a request, a reply, and nothing of any framework."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import parse_qsl

from mestres_core.errors import ValidationError

MAX_BODY = 1024 * 1024
_MAX_PARAMETERS = 64


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came. Header names are in lower case; `path` is decoded, `query_string` is not.

    `body` holds at most MAX_BODY + 1 bytes: whoever reads it from the network stops there. `client` is the address that
    the server saw, which behind a proxy is the proxy's unless the server is told to trust its headers.
    """

    method: str
    path: str
    query_string: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    scheme: str = "http"
    client: str = ""

    def parameters(self) -> dict[str, str]:
        """The query parameters; of a repeated one the last."""
        try:
            return dict(parse_qsl(self.query_string, keep_blank_values=True, max_num_fields=_MAX_PARAMETERS))
        except ValueError:
            raise ValidationError.of("query", "too_many", limit=_MAX_PARAMETERS) from None

    def form(self) -> dict[str, str]:
        """The fields of a posted HTML form; of a repeated one the last."""
        try:
            text = self.body.decode("utf-8", "replace")
            return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_PARAMETERS))
        except ValueError:
            raise ValidationError.of("form", "too_many", limit=_MAX_PARAMETERS) from None

    def cookie(self, name: str) -> str:
        """The value of a cookie, or nothing."""
        for pair in self.headers.get("cookie", "").split(";"):
            key, _, value = pair.strip().partition("=")
            if key == name:
                return value
        return ""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `headers` are pairs because Set-Cookie may repeat.

    `chunks` in place of `body` are sent as they are made, and closed at the end or when the client goes away.
    """

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    chunks: Iterator[bytes] | None = None

    def with_headers(self, *pairs: tuple[str, str]) -> Reply:
        """The same answer with more headers."""
        return replace(self, headers=self.headers + pairs)

    def header(self, name: str) -> str | None:
        """The first header of that name, in any case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


class Application(Protocol):
    """What a framework's skin serves: routes to register, and one function that answers every request."""

    @property
    def prefixes(self) -> Sequence[str]:
        """Everything below these paths is the application's; none when it has no path of its own."""
        ...

    @property
    def templates(self) -> Sequence[str]:
        """The path templates, `{name}` for a part that varies."""
        ...

    def handle(self, request: Request) -> Reply:
        """Answer a request. It never raises."""
        ...


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON text, and the tag that names exactly this text."""

    text: str
    etag: str

    @classmethod
    def of(cls, data: Any, meta: Mapping[str, Any] | None = None) -> Document:
        """The contract's envelope around `data`."""
        text = dump({"data": data, "meta": meta or {}})
        return cls(text, etag_of(text))

    def data(self) -> Any:
        """What is inside the envelope."""
        return json.loads(self.text)["data"]

    def reply(self, status: int = 200) -> Reply:
        """The document as an answer."""
        return json_reply(status, self.text).with_headers(("ETag", self.etag))


def etag_of(text: str) -> str:
    """A strong entity tag: the same text has the same, another text another one."""
    return f'"{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}"'


def dump(value: Any) -> str:
    """JSON as this API writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def json_reply(status: int, text: str, media_type: str = "application/json") -> Reply:
    """An answer with a JSON body."""
    # A text echoed from the outside may hold half a character; it is replaced rather than refused.
    body = text.encode("utf-8", "replace")
    return Reply(status, body, (("Content-Type", media_type), ("X-Content-Type-Options", "nosniff")))
