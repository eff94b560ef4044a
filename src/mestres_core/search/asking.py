"""What a query asks for: a list of terms, each a word or a phrase with whatever means the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from mestres_core.rules.checks import storable
from mestres_core.rules.portuguese import beginning
from mestres_core.rules.synonyms import Phrase, Synonyms
from mestres_core.rules.text import STOP_WORDS, tokens

LONGEST_QUERY = 200
_MOST_TERMS = 8
# Shorter ones begin too many words: they match only as they are.
_SHORTEST_BEGINNING = 3


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that a product must have. All words are folded: nothing in them needs escaping."""

    typed: str
    """As it was written."""

    stems: Phrase
    """The stems of what was typed, all of which count."""

    others: tuple[Phrase, ...] = ()
    """What means the same."""

    begins: str | None = None
    """What words may begin with instead; None for phrases and for what is too short."""

    after: str = ""
    """The stems of the words before it that say nothing: "de" of "doce de leite"."""

    @property
    def phrases(self) -> tuple[Phrase, ...]:
        """Each of which will do."""
        return (self.stems, *self.others)


class _Word(NamedTuple):
    """A word of a query; one that tells nothing is not asked for."""

    typed: str
    stem: str
    tells: bool


def terms(query: str, synonyms: Synonyms, *, unfinished: bool = False) -> list[Term]:
    """The first eight terms of a query. Words that say nothing are asked for only when there are no others.

    With `unfinished` the query is still being typed: its last word may be the beginning of any, however short.
    """
    if not isinstance(query, str) or not storable(query):
        return []
    asked = _words(query[:LONGEST_QUERY], unfinished=unfinished)
    found: dict[Phrase, Term] = {}
    skipped: list[str] = []
    while asked and len(found) < _MOST_TERMS:
        if not asked[0].tells:
            skipped.append(asked.pop(0).stem)
            continue
        term, length = _next([each for each in asked if each.tells], synonyms)
        found.setdefault(term.stems, replace(term, after=" ".join(skipped)))
        skipped = []
        asked = _without(asked, length)
        if unfinished and not asked and length == 1:
            found[term.stems] = replace(found[term.stems], begins=beginning(term.typed))
    return list(found.values())


def _words(query: str, *, unfinished: bool) -> list[_Word]:
    found = list(tokens(query))
    telling = [typed not in STOP_WORDS for typed, _ in found]
    if unfinished and found:
        telling[-1] = True
    if not any(telling):
        telling = [True] * len(found)
    return [_Word(typed, one, tells) for (typed, one), tells in zip(found, telling, strict=True)]


def _without(asked: list[_Word], length: int) -> list[_Word]:
    """What is left when so many telling words are taken off the front."""
    for at, each in enumerate(asked):
        length -= each.tells
        if not length:
            return asked[at + 1 :]
    return []


def _next(asked: Sequence[_Word], synonyms: Synonyms) -> tuple[Term, int]:
    for length in range(min(synonyms.longest, len(asked)), 1, -1):
        phrase = tuple(each.stem for each in asked[:length])
        if others := synonyms.of(phrase):
            return Term(" ".join(each.typed for each in asked[:length]), phrase, others), length
    typed, one, _ = asked[0]
    start = beginning(typed)
    return Term(typed, (one,), synonyms.of((one,)), start if len(start) >= _SHORTEST_BEGINNING else None), 1
