"""Portuguese words made comparable: folded to plain letters, plurals and gender taken off, quantities in one unit.

The same stems are stored and asked for, so both databases find the same things.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from decimal import Decimal

from mestres_core.rules.portuguese import stem

_WORD = re.compile(r"[a-z0-9]+")
_UNITS: Mapping[str, tuple[Decimal, str]] = {
    **dict.fromkeys(("mg", "miligrama", "miligramas"), (Decimal("0.001"), "g")),
    **dict.fromkeys(("g", "gr", "grs", "grama", "gramas"), (Decimal(1), "g")),
    **dict.fromkeys(
        ("kg", "kgs", "kilo", "kilos", "quilo", "quilos", "quilograma", "quilogramas"), (Decimal(1000), "g")
    ),
    **dict.fromkeys(("ml", "mls", "mililitro", "mililitros"), (Decimal(1), "ml")),
    **dict.fromkeys(("l", "lt", "lts", "litro", "litros"), (Decimal(1000), "ml")),
}
"""Weights are told in grams and volumes in millilitres: "1 kg", "1000g" and "1 quilo" are one word, `1000g`."""

_ALONE: Mapping[str, str] = {
    **dict.fromkeys(("kg", "kgs", "kilo", "kilos"), "quilo"),
    **dict.fromkeys(("g", "gr", "grs"), "grama"),
    **dict.fromkeys(("l", "lt", "lts"), "litro"),
}
_ANY_UNIT = "|".join(sorted(_UNITS, key=len, reverse=True))
_NUMBER = r"[0-9]{1,3}(?:\.[0-9]{3})+(?![0-9])(?:,[0-9]+)?|[0-9]+(?:[.,][0-9]+)?"
# A quantity; a number with points between its thousands; letters or digits: "CX-250" and "cx250" are the same.
_TOKEN = re.compile(
    rf"(?<![0-9.,])(?P<number>{_NUMBER}|mei[oa](?=\s))\s*(?P<unit>{_ANY_UNIT})(?![a-z0-9])"
    r"|(?P<thousands>(?<![0-9.,])[0-9]{1,3}(?:\.[0-9]{3})+(?![0-9]))"
    r"|[a-z]+|[0-9]+"
)
_LONGEST_NUMBER = 12

STOP_WORDS = frozenset(
    "a ao aos as com da das de do dos e em na nas no nos o os ou para pra por que um uma umas uns".split()
)
"""Words that say nothing of a product: a query needs them only when it has no others."""


def fold(text: str) -> str:
    """Lower case without accents: "Torrefação" -> "torrefacao"."""
    if text.isascii():
        return text.lower()
    # Signs such as ™ decompose into capitals, and small letters into more letters: until nothing changes any more.
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def words(text: str) -> list[str]:
    """The folded words of a text, in order."""
    return _WORD.findall(fold(text))


def stems(text: str) -> list[str]:
    """The stems of a text's words, in order.

    Numbers and the letters beside them are words of their own, but for quantities: "250 g" and "250g" are `250g`,
    "1 kg" is `1000g`, "1,5 litro" is `1500ml`.
    """
    return [each for _, each in tokens(text)]


def indexed(text: str) -> list[str]:
    """What a text is found by: its stems, and the unit of each quantity once more, for those who ask for "quilo"."""
    found = stems(text)
    units = (match["unit"] for match in _TOKEN.finditer(fold(text)) if match["unit"])
    return [*found, *dict.fromkeys(_alone(unit) for unit in units)]


def tokens(text: str) -> Iterator[tuple[str, str]]:
    """Each word of a text, folded, with its stem; of a quantity both are the quantity."""
    for match in _TOKEN.finditer(fold(text)):
        yield from _told(match)


def located(text: str) -> Iterator[tuple[int, int, list[tuple[str, str]]]]:
    """The same with where each begins and ends in the text as it is written."""
    letters = [(letter, at) for at, written in enumerate(text) for letter in fold(written)]
    for match in _TOKEN.finditer("".join(letter for letter, _ in letters)):
        yield letters[match.start()][1], letters[match.end() - 1][1] + 1, list(_told(match))


def _told(match: re.Match[str]) -> Iterator[tuple[str, str]]:
    if match["unit"] and len(match["number"]) <= _LONGEST_NUMBER:
        told = _quantity(match["number"], match["unit"])
        yield told, told
    elif match["unit"]:
        yield from ((each, each) for each in _WORD.findall(match[0]))
    elif match["thousands"]:
        told = match[0].replace(".", "")
        yield told, told
    else:
        yield match[0], _alone(match[0])


def slug(text: str) -> str:
    """A name as it stands in an address: "Café Cerrado 250 g" -> "cafe-cerrado-250-g"."""
    return "-".join(words(text)) or "item"


def _alone(word: str) -> str:
    return stem(_ALONE.get(word, word))


def _quantity(number: str, unit: str) -> str:
    if number.startswith("mei"):
        number = "0,5"
    elif re.fullmatch(r"[0-9]{1,3}(\.[0-9]{3})+(,[0-9]+)?", number):
        number = number.replace(".", "")
    factor, base = _UNITS[unit]
    told = format((Decimal(number.replace(",", ".")) * factor).normalize(), "f")
    return f"{told.replace('.', 'x')}{base}"
