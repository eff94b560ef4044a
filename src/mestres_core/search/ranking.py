"""How well a product matches a query: worked out here, row by row, so that no two databases can differ. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from mestres_core.catalog.texts import BREAK
from mestres_core.rules.portuguese import stem_begins
from mestres_core.search.asking import Term

_NOWHERE = 100
"""What a term weighs that is only the beginning of a word: more than all terms in descriptions."""


class Place(NamedTuple):
    """Where a product stands, best first: all of it goes up, and no two products are in one place."""

    best: int
    apart: int
    typed: int
    sort_name: str
    id: int


class _Sought:
    """A term as it is looked for in a row, where each stem stands between two blanks."""

    __slots__ = ("_phrases", "begins", "only")

    def __init__(self, term: Term) -> None:
        self._phrases = [[f" {stem} " for stem in phrase] for phrase in term.phrases]
        self.begins = f" {term.begins}" if term.begins else None
        self.only = self._phrases[0][0] if len(self._phrases) == len(self._phrases[0]) == 1 else None
        """Most terms are one stem: that is looked for a thousand times without a call."""

    def within(self, text: str) -> bool:
        return any(all(stem in text for stem in phrase) for phrase in self._phrases)

    def weight(self, body: str, facts: int, groups: int) -> int:
        """By the best field that has all of a phrase: facts end at one place of the body, groups at another."""
        best = _NOWHERE
        for phrase in self._phrases:
            last = 0
            for stem in phrase:
                at = body.find(stem)
                if at < 0:
                    break
                last = max(at, last)
            else:
                best = min(best, 1 if last < facts else 2 if last < groups else 4)
        return best


class Ranking:
    """The order of one query's matches.

    The SKU that was asked for; all terms in the name, from its beginning; all in the name; all in the name as
    beginnings of words; all of them somewhere; the rest. In the last two, by the fields that have them: name before
    attributes and variants, before categories, before the description, before what only begins so. Then what stands
    together in the query and in the product, then the form that was typed, then by name.
    """

    def __init__(self, wanted: Sequence[Term], pinned: int | None = None) -> None:
        self._pinned = pinned
        self._sought = [_Sought(term) for term in wanted]
        self._opening = f" {' '.join(wanted[0].stems)} "
        self._begins = stem_begins(wanted[0].stems[0])
        self._typed = [f" {term.typed} " for term in wanted]
        self._pairs = [
            f" {' '.join((one.stems[-1], *other.after.split(), other.stems[0]))} " for one, other in pairwise(wanted)
        ]

    def opens(self, sort_name: str, title: str) -> bool:
        """Whether a name begins with the first term, from its first letter."""
        return title.startswith(self._opening) and sort_name.startswith(self._begins)

    def having(self, title: str, body: str) -> int:
        """How many of the terms a product has, as they are."""
        return sum(each.within(title) or each.within(body) for each in self._sought)

    def place(self, number: int, sort_name: str, title: str, body: str) -> Place:
        """Where a product stands."""
        exact = [each.within(title) if each.only is None else each.only in title for each in self._sought]
        if number == self._pinned:
            best = 0
        elif all(exact):
            best = 1 if self.opens(sort_name, title) else 2
        elif self._begun(exact, title):
            best = 3
        else:
            best = 4 + (not self.opens(sort_name, title)) + self._weight(exact, body)
        apart = 0
        for pair in self._pairs:
            apart += pair not in title and pair not in body
        name = f" {sort_name} "
        for typed in self._typed:
            if typed not in name:
                return Place(best, apart, 1, sort_name, number)
        return Place(best, apart, 0, sort_name, number)

    def _begun(self, exact: Sequence[bool], title: str) -> bool:
        for here, each in zip(exact, self._sought, strict=True):
            if not here and (each.begins is None or each.begins not in title):
                return False
        return True

    def _weight(self, in_name: Sequence[bool], body: str) -> int:
        facts = body.find(BREAK)
        groups = body.find(BREAK, facts + 1)
        total = 0
        for here, each in zip(in_name, self._sought, strict=True):
            if here:
                continue
            if each.only is None:
                total += each.weight(body, facts, groups)
            else:
                at = body.find(each.only)
                total += _NOWHERE if at < 0 else 1 if at < facts else 2 if at < groups else 4
        return total
