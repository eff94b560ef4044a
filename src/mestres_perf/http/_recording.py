"""A response on its way from the application to the client, copied as it passes.

Each chunk goes on at once. The copy ends with the last chunk, and is thrown away when it becomes too long, when the
response turns out to be for one client, or when it does not come to its end. What is to be sent is told to the face as
`Start` and `Chunk`; it knows the protocol, nothing here does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from mestres_perf.http import _freshness as rules
from mestres_perf.http._fills import Fill, Steps
from mestres_perf.http._freshness import Terms
from mestres_perf.http._responses import Asked, Lead, Responses, entity_tag
from mestres_perf.http._stored import NOT_STORED, Stored, head_of

_OK = 200
NOT_MODIFIED = 304


class Start(NamedTuple):
    """Status and headers."""

    status: int
    headers: list[tuple[str, str]]


class Chunk(NamedTuple):
    """A part of the body."""

    data: bytes
    more: bool


Part = Start | Chunk
Parts = list[Part]


class Recording:
    """The response to a request that leads. Its methods are plans; what they return is to be sent, in order.

    `is_over`: whatever comes is to be sent as it is. `is_mute`: the client has his answer, what comes is copied only.
    """

    def __init__(self, responses: Responses, asked: Asked, lead: Lead) -> None:
        self.is_over = False
        self.is_mute = False
        self.has_begun = False
        self._responses = responses
        self._asked = asked
        self._lead = lead
        self._fill: Fill = lead.fill
        self._whole: Fill | None = None  # that of the URL, where `_fill` is that of a variant of it
        self._names: tuple[str, ...] = ()
        self._held: Start | None = None
        self._status = 0
        self._headers: list[tuple[str, str]] = []
        self._tags: tuple[str, ...] = ()
        self._terms: Terms | None = None
        self._born = 0.0
        self._length: int | None = None
        self._body: list[bytes] = []
        self._size = 0

    @property
    def holds_back(self) -> bool:
        """Whether the start has come and has not been sent."""
        return self._held is not None

    def begin(self, status: int, headers: rules.Headers) -> Steps:
        """The application has sent status and headers."""
        self.has_begun = True
        sent, self._tags = self._responses.told(headers)
        stale = self._lead.stale
        if stale is not None and status == NOT_MODIFIED:
            return (yield from self._renewed(stale, sent))
        if status in rules.FORGIVEN:
            forgiven = yield from self._forgive()
            if forgiven is not None:
                return forgiven
        known = rules.combined(sent)
        self._born = self._responses.clock()
        terms = self._responses.terms(self._asked, status, known)
        self._length = _length(known)
        too_long = self._length is not None and self._length > self._responses.policy.max_body
        if isinstance(terms, str) or too_long or head_of(sent) is None:
            return (yield from self._pass_on(Start(status, sent), known))
        self._status, self._headers, self._terms = status, rules.end_to_end(sent), terms
        yield from self._vary(known)
        start = Start(status, [*sent, ("x-cache", "miss")])
        if "etag" in known or status != _OK or not self._asked.header("if-none-match"):
            return self._started(start, known)
        # Until the first chunk has come: when that is all, it has an entity tag, and the client may have it already.
        # For nobody else: some applications forget what they were asked once they have said how they answer.
        self._held = start
        return []

    def _pass_on(self, start: Start, known: dict[str, str]) -> Steps:
        """It cannot be shared: nobody waits for it any more."""
        self.is_over = True
        if self._lead.fill.is_open:
            self._responses.refused(self._fill.key, self._asked)
        yield from self._refuse()
        stale = self._lead.stale
        if stale is not None and self._responses.clock_age(stale) >= stale.fresh and start.status not in rules.FORGIVEN:
            yield from self._responses.forget(self._lead.fill.key)  # what replaces it is not for others
        # The application was not asked whether the client has it already: that is made up for here.
        if start.status == _OK and self._asked.has(known):
            return self._not_modified(start.headers)
        return [start]

    def _started(self, start: Start, known: dict[str, str]) -> Parts:
        if start.status == _OK and self._asked.has(known):
            return self._not_modified(start.headers)
        return [start]

    def _not_modified(self, headers: rules.Headers) -> Parts:
        self.is_over, self.is_mute = False, True
        low = [(name.lower(), value) for name, value in headers]
        return [Start(NOT_MODIFIED, rules.without_body(low)), Chunk(b"", more=False)]

    def _vary(self, known: dict[str, str]) -> Steps:
        """Find the place for the response, given the headers by which it varies."""
        names = set(rules.varies(known.get("vary", "")) or ())
        if known.get("content-encoding", "identity").lower() != "identity":
            names.add("accept-encoding")
        if self._fill.key != self._asked.key:
            yield from self._check_variant(names)
            return
        if names:
            self._names, self._whole = tuple(sorted(names)), self._fill
            found = yield from self._responses.open_variant(self._asked, self._names)
            if found is None:
                self._stop_copying()
                yield from self._responses.finish_varying(self._asked, self._names, self._whole, self._tags)
            else:
                self._fill = found

    def _check_variant(self, names: set[str]) -> Steps:
        """The place was found by the headers that were known to matter. See whether there are others."""
        is_known = names <= set(self._lead.names)
        if not is_known:
            yield from self._responses.widen(self._asked, {*names, *self._lead.names})
        if not is_known or not self._responses.has_room(self._asked.key, self._fill.key):
            self._stop_copying()
            yield from self._refuse()

    def _stop_copying(self) -> None:
        self._terms = None
        self._body.clear()

    def is_full_with(self, more: int) -> bool:
        """Whether so many bytes more make up all that the application has announced."""
        return self._terms is not None and self._length == self._size + more

    def chunk(self, data: bytes, *, more: bool) -> Steps:
        """The application has sent a part of the body."""
        if self._terms is not None:
            self._size += len(data)
            if self._size > self._responses.policy.max_body:
                self._stop_copying()
                self._responses.refused(self._fill.key, self._asked)
                yield from self._refuse()
            else:
                self._body.append(data)
        parts: Parts = self._release(is_all=not more)
        if not more:
            yield from self._complete()
        if not self.is_mute:
            parts.append(Chunk(data, more))
        return parts

    def _release(self, *, is_all: bool) -> Parts:
        """What was held back; with an entity tag, when the body is known."""
        start, self._held = self._held, None
        if start is None:
            return []
        if is_all and self._is_whole():
            tag = ("etag", entity_tag(b"".join(self._body)))
            self._headers.append(tag)
            start = Start(start.status, [*start.headers, tag])
        return self._started(start, rules.combined(start.headers))

    def _is_whole(self) -> bool:
        return self._terms is not None and (self._length is None or self._length == self._size)

    def _complete(self) -> Steps:
        """The body has come to its end: store it, before anybody is told so."""
        terms, self._terms = self._terms, None
        if terms is None:
            return
        if self._length is not None and self._length != self._size:
            yield from self._refuse()
            return
        body = b"".join(self._body)
        self._body.clear()
        yield from self._store(self._stored(terms, self._headers, body), terms.kept)

    def _stored(self, terms: Terms, headers: Sequence[tuple[str, str]], body: bytes) -> Stored:
        kept = [(name, value) for name, value in headers if name not in NOT_STORED]
        if self._status == _OK and not any(name == "etag" for name, _ in kept):
            kept.append(("etag", entity_tag(body)))
        if self._status != 204:  # noqa: PLR2004 - No Content has no length either
            kept.append(("content-length", str(len(body))))
        return Stored.on(terms, self._born, self._status, (head_of(kept) or b"", body), self._tags)

    def _store(self, stored: Stored, kept: float) -> Steps:
        value, responses = stored.pack(), self._responses
        responses.passing.drop(self._fill.key)
        if self._whole is not None:
            holds = yield from responses.finish_varying(self._asked, self._names, self._whole, self._tags)
            if not holds:  # it was invalidated before the variant was known
                yield from self._fill.refuse()
                return
        if self._fill.key != self._asked.key:
            responses.count_variant(self._asked.key, self._fill.key, kept)
        yield from self._fill.finish(value, kept, self._tags)

    def _renewed(self, stale: Stored, headers: rules.Headers) -> Steps:
        """The application says that what is stored holds still (RFC 9111, section 4.3.4)."""
        self.is_mute = True
        self._tags = tuple(dict.fromkeys((*stale.tags, *self._tags)))
        merged = rules.freshened(stale.headers(), headers)
        known = rules.combined(merged)
        self._born, self._status = self._responses.clock(), stale.status
        known.pop("age", None)
        if "date" not in rules.combined(headers):
            known.pop("date", None)
            merged = [each for each in merged if each[0] != "date"]
        terms = self._responses.terms(self._asked, stale.status, known)
        if isinstance(terms, str):
            yield from self._refuse()
            yield from self._responses.forget(self._fill.key)
            return self._given(stale, "stale")
        newer = self._stored(terms, merged, stale.body)
        yield from self._store(newer, terms.kept)
        return self._given(newer, "hit")

    def _forgive(self) -> Steps:
        """What is stale, in place of an error; None when there is nothing that may be given out."""
        stale = self._responses.forgives(self._lead.stale, self._fill.key, self._asked)
        if stale is None:
            return None
        self.is_mute = True
        self._stop_copying()
        yield from self._fill.refuse(stale.pack())
        yield from self._refuse()
        return self._given(stale, "stale")

    def _given(self, stored: Stored, label: str) -> Parts:
        """A stored response in place of the application's."""
        return parts_of(stored, self._asked, int(self._responses.clock_age(stored)), label)

    def fail(self) -> Steps:
        """The application has raised: what to send in its place, or None when the error goes on."""
        if not self.has_begun or self.holds_back:
            self._held = None
            forgiven = yield from self._forgive()
            if forgiven is not None:
                return forgiven
        if self._fill.is_open:
            self._responses.refused(self._fill.key, self._asked)
        yield from self.leave()
        return None

    def leave(self) -> Steps:
        """What comes now is nothing to be copied: what was held back is to be sent, and nobody waits any more."""
        parts = self._release(is_all=False)
        self._stop_copying()
        yield from self._refuse()
        self.is_over = not self.is_mute
        return parts

    def give_way(self) -> Steps:
        """The application begins another response in place of the one that it has begun."""
        self._held = None
        self._stop_copying()
        yield from self._refuse()
        self.is_over, self.is_mute = True, False

    def abandon(self) -> Steps:
        """The client has gone, and the response with him: somebody else leads."""
        self._stop_copying()
        for fill in (self._fill, self._whole):
            if fill is not None:
                yield from fill.abandon()

    def _refuse(self) -> Steps:
        for fill in (self._fill, self._whole):
            if fill is not None:
                yield from fill.refuse()


def parts_of(stored: Stored, asked: Asked, age: int, label: str) -> Parts:
    """A stored response, as it is sent; a 304 when the client has it."""
    headers = [*stored.headers(), ("age", str(age)), ("x-cache", label)]
    if stored.status == _OK and asked.is_conditional and asked.has(rules.combined(headers)):
        return [Start(NOT_MODIFIED, rules.without_body(headers)), Chunk(b"", more=False)]
    return [Start(stored.status, headers), Chunk(b"" if asked.is_head else stored.body, more=False)]


def condition(stored: Stored) -> list[tuple[str, str]]:
    """What asks the application whether a stored response holds still."""
    known = rules.combined(stored.headers())
    asked = {"if-none-match": known.get("etag"), "if-modified-since": known.get("last-modified")}
    return [(name, value) for name, value in asked.items() if value]


def _length(known: dict[str, Any]) -> int | None:
    text = known.get("content-length", "")
    return int(text.lstrip("0")[:18] or "0") if text.isascii() and text.isdigit() else None
