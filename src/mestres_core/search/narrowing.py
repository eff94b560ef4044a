"""What a search is narrowed to, facet by facet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import ColumnElement, select

from mestres_core.catalog import queries
from mestres_core.catalog.models import attribute, product
from mestres_core.catalog.texts import mark
from mestres_core.rules.checks import Checks
from mestres_core.rules.text import fold
from mestres_core.search.statements import Shape, listed

CATEGORY = "category"
_MOST_VALUES = 50
_BEST_RATING = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """The catalogue's filters, and the values of attributes: of one attribute any will do, of several each is needed.

    `attributes` are by folded name; `rating` is in hundredths.
    """

    base: queries.Filters
    attributes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    rating: int | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """As SQL, with the values in it."""
        found = self.base.conditions()
        if self.rating is not None:
            found.append(product.c.rating_hundredths >= self.rating)
        for name, values in self.attributes.items():
            value = select(attribute.c.value_folded).where(
                attribute.c.product_id == product.c.id, attribute.c.name_folded == name
            )
            found.append(value.scalar_subquery().in_(sorted(values)))
        return found

    def free_of(self, name: str) -> Narrowing:
        """The same without the choice within one facet."""
        if name == CATEGORY:
            return replace(self, base=replace(self.base, categories=None))
        return replace(self, attributes={each: of for each, of in self.attributes.items() if each != name})

    @property
    def shape(self) -> Shape:
        """Which filters there are."""
        base = self.base
        return Shape(
            categories=base.categories is not None,
            min_price=base.min_price is not None,
            max_price=base.max_price is not None,
            in_stock=base.in_stock is not None,
            rating=self.rating is not None,
        )

    @property
    def shape_of_names(self) -> Shape:
        """The same for statements about names, where attributes are not in the words."""
        return replace(self.shape, marks=tuple(map(len, self.attributes.values())))

    def parameters(self, dialect: str) -> dict[str, Any]:
        """The values of a statement of this shape."""
        base = self.base
        found: dict[str, Any] = {"currency": base.currency, "rating": self.rating}
        found |= {name: getattr(base, name) for name in ("min_price", "max_price", "in_stock")}
        found["categories"] = None if base.categories is None else listed(dialect, base.categories)
        for index, values in enumerate(self.marks()):
            found |= {f"mark_{index}_{at}": f" {each} " for at, each in enumerate(values)}
        return {name: value for name, value in found.items() if value is not None}

    def marks(self) -> list[list[str]]:
        """The words that products with these attributes are found by: of each list one at least."""
        return [[mark(name, value) for value in sorted(values)] for name, values in self.attributes.items()]

    @property
    def chosen(self) -> tuple[str, ...]:
        """The facets that something is chosen in: `category`, and attributes by their folded names."""
        return (*((CATEGORY,) if self.base.categories is not None else ()), *self.attributes)


def attribute_values(checks: Checks, given: Mapping[str, str | Sequence[str]] | None) -> dict[str, frozenset[str]]:
    """The values that an attribute may have, by its folded name."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        checks.wrong("attributes", "not_mapping")
        return {}
    found: dict[str, frozenset[str]] = {}
    for name, values in given.items():
        wanted = [values] if isinstance(values, str) or not isinstance(values, Sequence) else list(values)
        field_name = f"attributes.{str(name)[:60]}"
        checks.text("attributes", name, limit=60)
        if not 0 < len(wanted) <= _MOST_VALUES:
            checks.wrong(field_name, "invalid", reason=f"one value at least, {_MOST_VALUES} at most")
        for value in wanted:
            checks.text(field_name, value, limit=400)
        if not checks.errors:
            found[fold(name)] = frozenset(map(fold, wanted))
    return found


def rating(checks: Checks, given: float | None) -> int | None:
    """A rating from 0 to 5, in hundredths."""
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not 0 <= given <= _BEST_RATING:
        checks.wrong("min_rating", "invalid", reason=f"must be a number from 0 to {_BEST_RATING}")
        return None
    return round(given * 100)
