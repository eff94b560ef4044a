"""What a product is found by: stems of its name, and of everything else in the order of its weight. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from mestres_core.rules.text import indexed

BREAK = "."
"""Stands between the fields of `search_body`: a stem before the first one is worth more than one after it."""


class Texts(NamedTuple):
    """A product's words, by field. `parts` are the SKUs and names of its variants."""

    name: str
    description: str
    categories: tuple[str, ...]
    attributes: Mapping[str, str]
    parts: tuple[str, ...]

    def all(self) -> str:
        """Those that a mistyped word may have meant."""
        return " ".join((self.name, self.description, *self.categories, *self.attributes.values()))

    def title(self) -> str:
        """The stems of the name, for `search_title`."""
        return _row(indexed(self.name))

    def body(self) -> str:
        """The stems of variants and attributes, of categories, of the description, for `search_body`.

        Attributes stand with their names, all words in their order: "torra clara" is not "torra média clara". Of the
        description each stem stands once.
        """
        named = (f"{name} {value}" for name, value in self.attributes.items())
        facts = indexed(" ; ".join((*self.parts, *named)))
        groups = indexed(" ; ".join(self.categories))
        seen = {*facts, *groups}
        rest = (each for each in dict.fromkeys(indexed(self.description)) if each not in seen)
        return _row((*facts, BREAK, *groups, BREAK, *rest))


def _row(stems: Iterable[str]) -> str:
    return f" {' '.join(stems)} "
