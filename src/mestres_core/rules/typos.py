"""Words that are one slip of the fingers apart. Pure.

Every word is kept under itself and under each of its forms with one letter left out; two words that are one edit apart
(a letter too many, too few, wrong, or two neighbours exchanged) then share a form. This is the symmetric delete idea
of Wolf Garbe's SymSpell (2012): the neighbours of a word are found by a dozen keys, however many words there are.
"""

from __future__ import annotations

SHORTEST = 4
"""Shorter words have too many neighbours: what is meant cannot be told."""


def forms(word: str) -> set[str]:
    """The word, and the word with each one of its letters left out."""
    return {word} | {word[:at] + word[at + 1 :] for at in range(len(word))}


def one_apart(one: str, other: str) -> bool:
    """Whether one edit makes the one word of the other (Damerau-Levenshtein distance 1)."""
    if abs(len(one) - len(other)) > 1 or one == other:
        return False
    at = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    left, right = one[at:], other[at:]
    exchanged = left[:2] == right[1::-1] and len(right) > 1 and left[2:] == right[2:]
    return left[1:] == right[1:] or left[1:] == right or left == right[1:] or exchanged
