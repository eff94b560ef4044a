"""What a product is found by: stems of its name, and of everything else in the order of its weight. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import NamedTuple

from mestres_core.rules.text import fold, indexed

BREAK = "."
"""Stands between the fields of `search_body`: a stem before the first one is worth more than one after it."""

_MARK = "0f"

# What stands between the parts of `search_facets` is written otherwise within them.
_MARKED = {"n": "\n", "t": "\t", "\\": "\\"}
_MARKS = str.maketrans({sign: f"\\{mark}" for mark, sign in _MARKED.items()})


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

    def facets(self) -> str:
        """The attributes as facets count them, for `search_facets`: a line for each, told apart by `facet_of`."""
        return "\n".join(f"{_plain(name)}\t{_plain(value)}" for name, value in self.attributes.items())

    def title(self) -> str:
        """The stems of the name, for `search_title`."""
        return _row(indexed(self.name))

    def body(self) -> str:
        """The stems of variants and attributes, of categories, of the description, for `search_body`.

        Attributes stand with their names, all words in their order: "torra clara" is not "torra média clara". Of the
        description each stem stands once. At the end stands a mark for each attribute: see `mark`.
        """
        named = (f"{name} {value}" for name, value in self.attributes.items())
        facts = indexed(" ; ".join((*self.parts, *named)))
        groups = indexed(" ; ".join(self.categories))
        seen = {*facts, *groups}
        rest = (each for each in dict.fromkeys(indexed(self.description)) if each not in seen)
        return _row((*facts, BREAK, *groups, BREAK, *rest, *self.marks()))

    def marks(self) -> list[str]:
        """The marks of its attributes."""
        return [mark(fold(name), fold(value)) for name, value in self.attributes.items()]


def mark(name: str, value: str) -> str:
    """The word by which products with a value of an attribute are found, and no others; both folded.

    Nobody can type it: what begins with a digit and goes on with letters is two words.
    """
    told = f"{name}\n{value}".encode()
    return f"{_MARK}{blake2b(told, digest_size=6).hexdigest()}"


def marked_anew(body: str, marks: Iterable[str]) -> str:
    """A `search_body` with these marks instead of its own."""
    return _row((*(each for each in body.split() if not is_mark(each)), *marks))


def is_mark(word: str) -> bool:
    """Whether a word of `search_body` is one that `mark` made."""
    return word.startswith(_MARK) and len(word) == len(_MARK) + 12


def facet_of(line: str) -> tuple[str, str]:
    """The name and the value in a line of `search_facets`."""
    name, _, value = line.partition("\t")
    if "\\" in line:
        return _written(name), _written(value)
    return name, value


def _plain(text: str) -> str:
    return text.translate(_MARKS) if "\n" in text or "\t" in text or "\\" in text else text


def _written(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: _MARKED[found[1]], text)


def _row(stems: Iterable[str]) -> str:
    return f" {' '.join(stems)} "
