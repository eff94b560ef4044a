"""Words that are a slip or two of the fingers apart, or that sound alike. Pure.

Every word is kept under itself and under its forms with letters left out; two words that are near then share a form.
This is the symmetric delete idea of Wolf Garbe's SymSpell (2012): the neighbours of a word are found by some dozens of
keys, however many words there are. Short words lose one letter anywhere; long ones up to two of their first seven, as
in its later versions, so that no word has more than 29 forms.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import combinations

from mestres_core.rules.portuguese import singular

SHORTEST = 4
"""Shorter words have too many neighbours: what is meant cannot be told."""

LONG = 8
"""From so many letters on a word may be two edits away."""

_PREFIX = 7
_LONGEST_FOR_SHORT = LONG  # a word of seven letters, typed with one too many
_SHORTEST_FOR_LONG = LONG - 2

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEIGHBOURS = frozenset(
    a + b
    for y, row in enumerate(_ROWS)
    for x, a in enumerate(row)
    for v, other in enumerate(_ROWS)
    for u, b in enumerate(other)
    if a != b and abs(y - v) <= 1 and -1 <= (u + v / 2) - (x + y / 2) <= 1
)
_ALIKE = ("sczx", "gj", "ckq", "iye", "ou", "uvw", "lu", "mn")
_LIKE_SOUNDS = frozenset(a + b for group in _ALIKE for a in group for b in group)
_SOUNDS = (
    (r"ph", "f"),
    (r"th", "t"),
    (r"ch|sh", "x"),
    (r"sc(?=[eiy])|x(?=c)|ss|z|c(?=[eiy])", "s"),
    (r"x(?=[aeiou])", "x"),
    (r"qu(?=[eiy])|c|k|q", "k"),
    (r"lh(?=[aeiou])", "li"),
    (r"nh(?=[aeiou])", "ni"),
    (r"gu(?=[eiy])", "g"),
    (r"g(?=[eiy])", "j"),
    (r"y", "i"),
    (r"w", "v"),
    (r"^h", ""),
    (r"l(?=[^aeiouh]|$)", "u"),
    (r"n(?=[^aeiouh]|$)", "m"),
    (r"(?<=[aeiou])x", "s"),
    (r"^x", "s"),
    (r"(.)\1+", r"\1"),
    (r"e(?=s?$)", "i"),
    (r"o(?=s?$)", "u"),
)
_RULES = tuple((re.compile(pattern), to) for pattern, to in _SOUNDS)

_COSTS: Mapping[str, float] = {"edit": 1.0, "neighbour": 0.9, "sound": 0.8, "exchange": 0.8, "double": 0.7}
_FIRST_LETTER = 0.1
"""What is added for an edit of the first letter, which people mistype least."""

_NUMBER = 0.2
"""What is added when a word was mistyped in another number than the catalogue has it in."""

_FREQUENT = 0.3
"""How much nearer the most frequent words seem than rare ones: less than a second edit."""


def forms(word: str) -> set[str]:
    """The word, and the word with each one of its letters left out."""
    return {word} | {word[:at] + word[at + 1 :] for at in range(len(word))}


def kept_forms(word: str) -> set[str]:
    """What a word of the vocabulary is kept under; never more than 30."""
    near = forms(word) if len(word) < LONG else _long_forms(word)
    return near | {sounding(word)}


def asked_forms(typed: str) -> set[str]:
    """Under what the words are kept that a typed one may mean, be it a plural."""
    return _asked(typed) | _asked(singular(typed))


def _asked(typed: str) -> set[str]:
    asked = {sounding(typed)}
    if len(typed) <= _LONGEST_FOR_SHORT:
        asked |= forms(typed)
    if len(typed) >= _SHORTEST_FOR_LONG:
        asked |= _long_forms(typed)
    return asked


@lru_cache(maxsize=4096)
def sounding(word: str) -> str:
    """What a Portuguese word sounds like, after a sign that no word has: "chicara" and "xicara" are one."""
    for pattern, to in _RULES:
        word = pattern.sub(to, word)
    return f"~{word}"


def one_apart(one: str, other: str) -> bool:
    """Whether one edit makes the one word of the other (Damerau-Levenshtein distance 1)."""
    return one != other and _within(one, other, 1)


def apart(typed: str, word: str) -> float | None:
    """How far a typed word is from one of the vocabulary; None when it cannot be meant.

    One edit, or two when the word has eight letters, or any number when both sound alike. Keys beside the right one,
    letters that sound like it, exchanged and doubled letters weigh less than other edits, the first letter more.
    """
    alike = sounding(typed) == sounding(word)
    most = 2 if len(word) >= LONG else 1
    if not (alike or _within(typed, word, most)):
        return None
    cost = _cost(typed, word)
    return min(cost, 1.0) * 0.7 if alike else cost


def distance(typed: str, word: str) -> float | None:
    """The same, a mistyped plural of the word included."""
    one = singular(typed)
    ways = [apart(typed, word)]
    if one != typed and (far := apart(one, word)) is not None:
        ways.append(far + _NUMBER)
    return min((way for way in ways if way is not None), default=None)


def likeness(far: float, products: int) -> float:
    """A distance, told less for a word that many products have: the smaller, the likelier it is meant."""
    return far - _FREQUENT * (1 - 1 / max(1, products))


def _long_forms(word: str) -> set[str]:
    start = word[:_PREFIX]
    # A sign keeps them apart from whole words.
    return {f">{''.join(kept)}" for length in (0, 1, 2) for kept in combinations(start, max(0, len(start) - length))}


def _within(one: str, other: str, most: int) -> bool:
    """Whether `most` edits, exchanges of neighbours among them, make the one of the other."""
    if abs(len(one) - len(other)) > most:
        return False
    at, shorter = 0, min(len(one), len(other))
    while at < shorter and one[at] == other[at]:
        at += 1
    left, right = one[at:], other[at:]
    if not left or not right:
        return True
    if most == 1:
        exchanged = left[0] == right[1:2] and right[0] == left[1:2] and left[2:] == right[2:]
        return exchanged or left[1:] == right[1:] or left[1:] == right or left == right[1:]
    less = most - 1
    return (
        _within(left[1:], right[1:], less)
        or _within(left[1:], right, less)
        or _within(left, right[1:], less)
        or (left[:2] == right[1::-1] and len(left) > 1 and _within(left[2:], right[2:], less))
    )


def _cost(typed: str, word: str) -> float:
    """The cheapest way from the one to the other: optimal string alignment with weights."""
    rows = [[0.0] * (len(word) + 1) for _ in range(len(typed) + 1)]
    for x in range(1, len(word) + 1):
        rows[0][x] = rows[0][x - 1] + _gap(word, x - 1)
    for y in range(1, len(typed) + 1):
        row, above = rows[y], rows[y - 1]
        row[0] = above[0] + _gap(typed, y - 1)
        for x in range(1, len(word) + 1):
            a, b = typed[y - 1], word[x - 1]
            first = _FIRST_LETTER if x == 1 and y == 1 else 0.0
            best = above[x - 1] + (0.0 if a == b else _swap(a, b) + first)
            best = min(best, above[x] + _gap(typed, y - 1), row[x - 1] + _gap(word, x - 1))
            if x > 1 and y > 1 and a == word[x - 2] and b == typed[y - 2]:
                best = min(best, rows[y - 2][x - 2] + _COSTS["exchange"])
            row[x] = best
    return rows[-1][-1]


def _gap(word: str, at: int) -> float:
    """A letter that only one of two words has."""
    doubled = at > 0 and word[at] == word[at - 1]
    return (_COSTS["double"] if doubled or word[at] == "h" else _COSTS["edit"]) + (_FIRST_LETTER if at == 0 else 0.0)


def _swap(a: str, b: str) -> float:
    if a + b in _LIKE_SOUNDS:
        return _COSTS["sound"]
    return _COSTS["neighbour"] if a + b in _NEIGHBOURS else _COSTS["edit"]
