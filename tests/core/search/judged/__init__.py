"""Queries with what people would want to find, and how well a search does by them."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mestres_core.catalog.dto import ProductDraft

FOLDER = Path(__file__).parent
GRADES = (3, 2, 1)


@dataclass(frozen=True)
class Query:
    """What was typed, and the grade of every product that is of use, by the SKU of its first variant."""

    text: str
    grades: Mapping[str, int]


def read(name: str, drafts: Sequence[ProductDraft]) -> Iterator[Query]:
    """The queries of a file, judged over these products. One that nothing is of use for is a mistake of the file."""
    table = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    for row in table["query"]:
        grades = {}
        for draft in drafts:
            met = (grade for grade in GRADES if any(_meets(draft, rule) for rule in row.get(str(grade), ())))
            if grade := next(met, 0):
                grades[draft.variants[0].sku] = grade
        assert grades, f"nothing is of use for {row['text']!r}"
        yield Query(row["text"], grades)


def ndcg(found: Sequence[str], grades: Mapping[str, int], *, at: int = 10) -> float:
    """Normalised discounted cumulative gain (Järvelin and Kekäläinen, 2002), with gains of 2^grade - 1."""
    best = sorted(grades.values(), reverse=True)[:at]
    return _gain([grades.get(sku, 0) for sku in found[:at]]) / _gain(best)


def reciprocal_rank(found: Sequence[str], grades: Mapping[str, int]) -> float:
    """One over the place of the first product that is of use, 0 when none is."""
    return next((1 / place for place, sku in enumerate(found, 1) if sku in grades), 0.0)


def _gain(grades: Sequence[int]) -> float:
    return sum((2**grade - 1) / math.log2(place + 1) for place, grade in enumerate(grades, 1))


def _meets(draft: ProductDraft, rule: str) -> bool:
    return all(_holds(draft, condition) for condition in rule.split(" & "))


def _holds(draft: ProductDraft, condition: str) -> bool:
    name, sign, wanted = condition.split(" ", 2)
    values = [value.casefold() for value in _values(draft, name)]
    return wanted in values if sign == "=" else any(wanted in value for value in values)


def _values(draft: ProductDraft, name: str) -> list[str]:
    fields = {
        "nome": [draft.name],
        "texto": [draft.description],
        "categoria": [" / ".join(draft.category)],
        "sku": [each.sku for each in draft.variants],
        "variante": [each.name for each in draft.variants],
    }
    more = {key.casefold(): [value] for key, value in draft.attributes.items()}
    return fields.get(name) or more.get(name, [])
