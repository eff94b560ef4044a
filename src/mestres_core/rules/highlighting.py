"""Showing where a text has what was searched for. Pure; what comes out is safe HTML."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from html import escape

from mestres_core.rules.text import located

Span = tuple[int, int]

LONGEST_SNIPPET = 160


def spans(text: str, stems: Collection[str], beginnings: Collection[str] = ()) -> list[Span]:
    """Where words of the text have one of the stems, or begin so; from first to last."""
    starts = tuple(beginnings)
    found: list[Span] = []
    for start, end, tokens in located(text):
        if any(one in stems or (starts and typed.startswith(starts)) for typed, one in tokens):
            # One sign may be two words: a quarter is "1" and "4".
            begin = found.pop()[0] if found and start < found[-1][1] else start
            found.append((begin, _with_accents(text, end)))
    return found


def marked(text: str, where: Collection[Span]) -> str:
    """The text as HTML, with `<mark>` around these places. All else in it is escaped."""
    pieces: list[str] = []
    at = 0
    for begin, end in where:
        pieces += (escape(text[at:begin]), "<mark>", escape(text[begin:end]), "</mark>")
        at = end
    return "".join((*pieces, escape(text[at:])))


def snippet(text: str, where: Collection[Span], *, longest: int = LONGEST_SNIPPET) -> str:
    """A stretch of the text around the first of these places, from word to word, as `marked` gives it."""
    first = min((begin for begin, _ in where), default=0)
    begin = max(0, first - longest // 3)
    end = min(len(text), begin + longest)
    begin = max(0, min(begin, end - longest))
    if begin:
        begin = _next_blank(text, begin, first)
    if end < len(text):
        cut = text.rfind(" ", begin, end)
        end = cut if cut > max((stop for _, stop in where if stop <= end), default=begin) else end
    inside = [(start - begin, stop - begin) for start, stop in where if begin <= start and stop <= end]
    shown = marked(text[begin:end], inside)
    return f"{'… ' if begin else ''}{shown}{' …' if end < len(text) else ''}"


def _next_blank(text: str, begin: int, before: int) -> int:
    at = text.find(" ", begin, before)
    return begin if at < 0 else at + 1


def _with_accents(text: str, end: int) -> int:
    """An accent written as a letter of its own belongs to the letter before it."""
    while end < len(text) and unicodedata.combining(text[end]):
        end += 1
    return end
