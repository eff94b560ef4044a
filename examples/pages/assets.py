"""The files that pages are made of, under names that change with their content.

`/static/site.css` is served as `/static/site.3f9c2b71d0.css`: what such a name stands for never changes, so browsers
and proxies may keep it for good. The plain names answer too, and are asked for again each time.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import mimetypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mestres_core.contrib.http import Reply, Request, etag_of

FOLDER = Path(__file__).parent.parent / "static"
PREFIX = "/static"
WORKER = "/sw.js"
OFFLINE = "/offline"
_HASH_LENGTH = 10
_FOR_GOOD = "public, max-age=31536000, immutable"
_ASK_AGAIN = "public, no-cache"
_UNKNOWN = "Não encontrado: não há este arquivo.\n".encode()
# What the worker keeps from its installation on: enough for every page to look right without a network.
_KEPT = ("site.css", "app.js", "vitals.js", "img/grao.svg", "img/xicara.svg")


@dataclass(frozen=True, slots=True)
class _File:
    """A file, ready to be sent: `packed` is None where packing would not make it smaller."""

    body: bytes
    packed: bytes | None
    media_type: str
    etag: str


class Assets:
    """Every file of a folder, read once at the start. An application for the skins that serve the API."""

    prefixes = (PREFIX,)
    templates: Sequence[str] = (WORKER,)

    def __init__(self, folder: Path = FOLDER) -> None:
        names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        worker = names.index("sw.js")
        self._plain = {name: _file(name, (folder / name).read_bytes()) for name in names if name != names[worker]}
        self._hashed = {_hashed(name, file.body): name for name, file in self._plain.items()}
        self._urls = {name: f"{PREFIX}/{hashed}" for hashed, name in self._hashed.items()}
        self._worker = _file("sw.js", _filled((folder / "sw.js").read_text(encoding="utf-8"), self._urls))

    def url(self, name: str) -> str:
        """Where a file is to be had for good. Raises KeyError for a file that is not there."""
        return self._urls[name]

    def url_of(self, address: str) -> str:
        """The same for an address as the catalogue has it; one that is not ours stays as it is."""
        return self._urls.get(address.removeprefix(f"{PREFIX}/"), address)

    def handle(self, request: Request) -> Reply:
        """Answer a request for a file. It never raises."""
        if request.path == WORKER:
            return _answer(request, self._worker, _ASK_AGAIN)
        name = request.path.removeprefix(f"{PREFIX}/")
        if name in self._hashed:
            return _answer(request, self._plain[self._hashed[name]], _FOR_GOOD)
        if name in self._plain:
            return _answer(request, self._plain[name], _ASK_AGAIN)
        return Reply(404, _UNKNOWN, (("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")))


def _file(name: str, body: bytes) -> _File:
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if media_type.startswith("text/"):
        media_type += "; charset=utf-8"
    packed = gzip.compress(body, mtime=0)
    etag = etag_of(hashlib.sha256(body).hexdigest())
    return _File(body, packed if len(packed) < len(body) else None, media_type, etag)


def _hashed(name: str, body: bytes) -> str:
    """The name with a piece of the content's hash in it; a proxy tells it from a word by its digits and letters."""
    digest = hashlib.sha256(body).hexdigest()
    pieces = (digest[at : at + _HASH_LENGTH] for at in range(len(digest) - _HASH_LENGTH))
    piece = next(piece for piece in pieces if not piece.isdigit() and not piece.isalpha())
    stem, dot, ending = name.rpartition(".")
    return f"{stem}.{piece}{dot}{ending}"


def _filled(text: str, urls: Mapping[str, str]) -> bytes:
    kept = [*(urls[name] for name in _KEPT), OFFLINE]
    version = hashlib.sha256(json.dumps([text, sorted(urls.values())]).encode()).hexdigest()[:_HASH_LENGTH]
    return text.replace("__VERSION__", version).replace("__KEPT__", json.dumps(kept)).encode()


def _answer(request: Request, file: _File, cache: str) -> Reply:
    if request.method not in ("GET", "HEAD"):
        return Reply(405, b"", (("Allow", "GET, HEAD"),))
    headers = (("ETag", file.etag), ("Cache-Control", cache), ("Vary", "Accept-Encoding"))
    if file.etag in request.headers.get("if-none-match", ""):
        return Reply(304, b"", headers)
    body = file.body
    if file.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        body, headers = file.packed, (*headers, ("Content-Encoding", "gzip"))
    headers = (*headers, ("Content-Type", file.media_type), ("X-Content-Type-Options", "nosniff"))
    if request.method == "HEAD":
        return Reply(200, b"", (*headers, ("Content-Length", str(len(body)))))
    return Reply(200, body, headers)
