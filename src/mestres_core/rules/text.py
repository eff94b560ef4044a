"""Portuguese words made comparable: folded to plain letters, plurals and gender taken off.

The same stems are stored and asked for, so both databases find the same things.
"""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"[a-z0-9]+")
_TOKEN = re.compile(r"[a-z]+|[0-9]+")  # "250g" is the same as "250 g", and "CX-250" as "cx250"
_PLURALS = (
    ("oes", "ao"),
    ("aes", "ao"),
    ("ais", "al"),
    ("eis", "el"),
    ("ois", "ol"),
    ("ns", "m"),
    ("res", "r"),
    ("zes", "z"),
    ("is", "il"),
    ("s", ""),
)
_SHORTEST = 4  # "gas", "mes", "sul": shorter words keep their ends
_STEM_LENGTH = 3


def fold(text: str) -> str:
    """Lower case without accents: "Torrefação" -> "torrefacao"."""
    # Signs such as ™ decompose into capitals, and small letters into more letters: until nothing changes any more.
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def words(text: str) -> list[str]:
    """The folded words of a text, in order."""
    return _WORD.findall(fold(text))


def stem(word: str) -> str:
    """A folded word without plural and gender: "graos" -> "gra", "cafes" -> "cafe", "especiais" -> "especial"."""
    if len(word) < _SHORTEST or word.isdigit():
        return word
    for ending, singular in _PLURALS:
        if word.endswith(ending):
            word = word[: -len(ending)] + singular
            break
    if word.endswith("il"):  # "fácil" and "fáceis", whose plural might as well be that of "facel"
        word = f"{word[:-2]}el"
    if len(word) > _STEM_LENGTH and word[-1] in "ao":
        word = word[:-1]
    return word


def stems(text: str) -> list[str]:
    """The stems of a text's words, in order; numbers and the letters beside them are words of their own."""
    return [stem(word) for word in _TOKEN.findall(fold(text))]


def slug(text: str) -> str:
    """A name as it stands in an address: "Café Cerrado 250 g" -> "cafe-cerrado-250-g"."""
    return "-".join(words(text)) or "item"
