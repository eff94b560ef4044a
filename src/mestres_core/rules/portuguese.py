"""A light stemmer for Portuguese: plural and gender are taken off, word formation is left alone. Pure.

It works on folded words ("torrefacoes"), because people type without accents, and needs no dictionary: each plural rule
of the grammar is run backwards. Where that is ambiguous, both forms are sent to the same side ("fácil" and "fáceis"
to "facel", since "papéis" is of "papel"). What the rules cannot know is listed, as data.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

SHORTEST = 4
"""Shorter words keep their ends: "gas", "mes", "sul"."""

_SHORTEST_NATION = 6  # "inglesa" is of "inglês", but "mesa" not of "mês"
_SHORTEST_IN_RE = 5  # "torre" meets "torres", but "pare" does not meet "par"

IRREGULAR: Mapping[str, str] = {
    "alemas": "alemao",
    "alema": "alemao",
    "arquidioceses": "arquidiocese",
    "caes": "cao",
    "cidada": "cidadao",
    "cidadas": "cidadao",
    "crista": "cristao",
    "cristas": "cristao",
    "deus": "deus",
    "deuses": "deus",
    "dioceses": "diocese",
    "gases": "gas",
    "irma": "irmao",
    "irmas": "irmao",
    "maes": "mae",
    "meis": "mel",
    "meses": "mes",
    "paises": "pais",
    "sais": "sal",
}
"""Words whose form says nothing of their number or gender, and what they are forms of."""

INVARIABLE = frozenset(
    """
    antes cais depois demais eis jamais lapis mais menos pais pires pois quais quis seis sois tais tras tres
    """.split()
)
"""Words that look like plurals and are none."""

NOUNS = frozenset(
    """
    banca barra bola bolsa caixa calda capa carta casa conta copa costa cota faca fita fila folha garra grama grota
    hora lata linha luta manga marca massa mata moda mola onda palma pasta pata penca pinta planta porca porta prata
    roda rosa rota saca safra salta sola tina tona torta trama trava troca vala vara vela venta vinha
    """.split()
)
"""Nouns in -a that are another thing in -o: a house (casa) is no case (caso). They keep their last letter."""

_PLURALS = (
    ("oes", "ao"),
    ("aes", "ao"),
    ("ais", "al"),
    ("eis", "el"),
    ("ois", "ol"),
    ("uis", "ul"),
    ("ns", "m"),
    ("res", "r"),
    ("zes", "z"),
    ("is", "el"),
    ("s", ""),
)
# What a singular is written as, so that it meets its plural.
_SINGULARS = (
    ("ai", "al"),
    ("ei", "el"),
    ("oi", "ol"),
    ("ui", "ul"),
    ("il", "el"),
    ("i", "el"),
    ("n", "m"),
    ("ze", "z"),
)
_NO_NATIONS = frozenset("defesa despesa empresa obesa princesa represa sobremesa surpresa".split())
_AGENTS = ("dora", "tora", "sora", "nhora")  # "produtora" is to "produtor" what "amora" is not to "amor"


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """A folded word without plural and gender: "graos" -> "grao", "moidas" -> "moido", "especiais" -> "especial"."""
    if len(word) < SHORTEST or word.isdigit() or word in INVARIABLE:
        return word
    if word in IRREGULAR:
        return IRREGULAR[word]
    one = singular(word)
    return one if len(one) < SHORTEST or one in INVARIABLE else _neutral(one)


def beginning(word: str) -> str:
    """What the stem of every word begins with that begins with these letters, as far as that can be said."""
    # "brasi" is the beginning of "brasil", whose stem is "brasel"; "embalagen" that of "embalagens".
    return word[:-1] if len(word) > SHORTEST and word[-1] in "in" else word


def stem_begins(one: str) -> str:
    """What every word begins with that has this stem: the two differ in the last two letters at most."""
    return one[:-2] or one


def _neutral(word: str) -> str:
    """A singular without its gender, and so written that its plural is too."""
    if word.endswith("esa") and len(word) >= _SHORTEST_NATION and word not in _NO_NATIONS:
        return word[:-2]
    if word.endswith("re") and len(word) >= _SHORTEST_IN_RE:
        return word[:-1]
    for ending, same in _SINGULARS:
        if word.endswith(ending):
            return word[: -len(ending)] + same
    if word.endswith("a") and word not in NOUNS:
        return word[:-1] if word.endswith(_AGENTS) else f"{word[:-1]}o"
    return word


def singular(word: str) -> str:
    """A folded word without its plural: "xicaras" -> "xicara"."""
    if word.endswith("eses") and len(word) >= _SHORTEST_NATION and not word.endswith("teses"):
        return word[:-3]  # "ingleses", as "ingles" loses its -s; "teses" are of "tese"
    if word.endswith("is") and len(word) == SHORTEST:
        return word[:-1]  # "bois", "leis"
    for ending, one in _PLURALS:
        if word.endswith(ending):
            return word[: -len(ending)] + one
    return word
