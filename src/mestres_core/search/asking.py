"""What a query asks for: a list of terms, each a word or a phrase with whatever means the same."""

from __future__ import annotations

from dataclasses import dataclass, replace

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


def terms(query: str, synonyms: Synonyms) -> list[Term]:
    """The first eight terms of a query. Words that say nothing are asked for only when there are no others."""
    if not isinstance(query, str) or not storable(query):
        return []
    asked = list(tokens(query[:LONGEST_QUERY]))
    telling = [each for each in asked if each[0] not in STOP_WORDS] or asked
    found: dict[Phrase, Term] = {}
    skipped: list[str] = []
    while asked and len(found) < _MOST_TERMS:
        if asked[0] not in telling:
            skipped.append(asked.pop(0)[1])
            continue
        term, length = _next([each for each in asked if each in telling], synonyms)
        found.setdefault(term.stems, replace(term, after=" ".join(skipped)))
        skipped = []
        asked = _without(asked, length, telling)
    return list(found.values())


def _without(asked: list[tuple[str, str]], length: int, telling: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What is left when so many telling words are taken off the front."""
    for at, each in enumerate(asked):
        length -= each in telling
        if not length:
            return asked[at + 1 :]
    return []


def _next(asked: list[tuple[str, str]], synonyms: Synonyms) -> tuple[Term, int]:
    for length in range(min(synonyms.longest, len(asked)), 1, -1):
        phrase = tuple(one for _, one in asked[:length])
        if others := synonyms.of(phrase):
            return Term(" ".join(typed for typed, _ in asked[:length]), phrase, others), length
    typed, one = asked[0]
    start = beginning(typed)
    return Term(typed, (one,), synonyms.of((one,)), start if len(start) >= _SHORTEST_BEGINNING else None), 1
