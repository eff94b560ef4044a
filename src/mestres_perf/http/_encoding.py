"""Which encoding a client is sent, and of which responses it may be: what HTTP says, as functions of values.

RFC 9110, sections 8.4 (Content-Encoding), 8.8.3 (ETag), 12.5.3 (Accept-Encoding) and 12.5.5 (Vary). Header names are in
lower case. Nothing here raises for what a client sends: what makes no sense is read so that less is encoded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from mestres_perf.http._freshness import combined, directives

TYPES: Final = (
    "text/*",
    "*/*+json",
    "*/*+xml",
    "application/javascript",
    "application/json",
    "application/manifest+json",
    "application/wasm",
    "application/x-ndjson",
    "application/xml",
    "font/otf",
    "font/ttf",
    "image/bmp",
    "image/x-icon",
    "application/vnd.ms-fontobject",
)
"""What becomes smaller. Images, videos, archives and WOFF fonts are compressed already."""

_SAME_FOR_ALL = frozenset(
    {"content-digest", "content-encoding", "content-md5", "content-range", "digest", "repr-digest"}
)
_BODILESS = frozenset({204, 205, 206, 304})
_FIRST = 200
_EVENTS = "text/event-stream"
_WEIGHT = re.compile(r"[ \t]*;[ \t]*[qQ]=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)[ \t]*")
_USUAL_LENGTH = 100
_ALIASES = {"x-gzip": "gzip"}


def chosen(accepts: str, offers: tuple[str, ...]) -> str:
    """Which of `offers` a client gets by its Accept-Encoding, the first among equals; "" for none of them.

    None is what a client gets that prefers `identity`, or says nothing at all. What is named twice counts with the
    lower of its weights; what has a weight that the standard does not know is not taken for accepted.
    """
    # Clients say much the same. What no browser says is not kept: it may be as long as a header can be.
    return _remembered(accepts, offers) if len(accepts) <= _USUAL_LENGTH else _weighed(accepts, offers)


def _weighed(accepts: str, offers: tuple[str, ...]) -> str:
    weights: dict[str, float] = {}
    for part in accepts.lower().split(","):
        name, semicolon, rest = part.partition(";")
        coding = name.strip()
        if not coding:
            continue
        coding = _ALIASES.get(coding, coding)
        match = _WEIGHT.fullmatch(semicolon + rest) if semicolon else None
        weight = float(match[1]) if match else 0.0 if semicolon else 1.0
        weights[coding] = min(weight, weights.get(coding, 1.0))
    others = weights.get("*", 0.0)
    plain = weights.get("identity", others)  # named by nothing it is what a client gets when there is nothing else
    best = max(offers, key=lambda each: weights.get(each, others), default="")
    weight = weights.get(best, others)
    return best if weight > 0 and weight >= plain else ""


_remembered = lru_cache(512)(_weighed)


def is_encodable(status: int, headers: Sequence[tuple[str, str]], types: tuple[str, ...]) -> bool:
    """Whether a response may be encoded at all, whoever asks for it: with a body, whole, and of one of these types."""
    if status < _FIRST or status in _BODILESS:
        return False
    known = combined(headers)
    if not _SAME_FOR_ALL.isdisjoint(known) or "trailer" in known:
        return False
    kind = known.get("content-type", "").partition(";")[0].strip().lower()
    if not _is_of(kind, types):
        return False
    return "no-transform" not in directives(known.get("cache-control", ""))


@lru_cache(1024)
def _is_of(kind: str, types: tuple[str, ...]) -> bool:
    return bool(kind) and kind != _EVENTS and any(_pattern(each).fullmatch(kind) is not None for each in types)


@lru_cache(256)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile("[^/]*".join(map(re.escape, text.lower().split("*"))))


def varying(headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers, in which Vary names Accept-Encoding, once."""
    given = [value for name, value in headers if name.lower() == "vary"]
    names = [name.strip() for value in given for name in value.split(",") if name.strip()]
    if "*" in names or any(name.lower() == "accept-encoding" for name in names):
        return list(headers)
    rest = [each for each in headers if each[0].lower() != "vary"]
    return [*rest, ("Vary", ", ".join([*names, "Accept-Encoding"]))]


def encoded(headers: Sequence[tuple[str, str]], coding: str, length: int | None) -> list[tuple[str, str]]:
    """The headers of a response whose body has been encoded: `length` is its length, where that is known.

    A strong entity tag becomes a weak one: it says that two bodies are the same byte by byte. Ranges were those of the
    body as it was.
    """
    made, is_framed = [], False
    for name, value in varying(headers):
        low = name.lower()
        is_framed = is_framed or low == "transfer-encoding"
        if low in {"accept-ranges", "content-length"}:
            continue
        made.append((name, weak(value) if low == "etag" else value))
    made.append(("Content-Encoding", coding))
    if length is not None and not is_framed:  # both at once are an error (RFC 9112, section 6.2)
        made.append(("Content-Length", str(length)))
    return made


def not_modified(headers: Sequence[tuple[str, str]], if_none_match: str) -> list[tuple[str, str]]:
    """The headers of a 304 to a client that has the encoded response: with the weak tag that it knows, and Vary."""
    tag = combined(headers).get("etag", "")
    if not tag or tag.startswith("W/") or weak(tag) not in if_none_match:
        return list(headers)
    return [(name, weak(value) if name.lower() == "etag" else value) for name, value in varying(headers)]


def weak(tag: str) -> str:
    """An entity tag as a weak one."""
    return tag if tag.startswith("W/") else f"W/{tag}"


def length_of(headers: Mapping[str, str]) -> int | None:
    """Content-Length, where there is one."""
    given = headers.get("content-length", "")
    return int(given.lstrip("0")[:18] or "0") if given.isascii() and given.isdigit() else None
