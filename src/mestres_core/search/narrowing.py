"""What a search is narrowed to, facet by facet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import ColumnElement, select

from mestres_core.catalog import queries
from mestres_core.catalog.models import attribute, product
from mestres_core.rules.checks import Checks
from mestres_core.rules.text import fold

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

    @property
    def by_card(self) -> bool:
        """Whether prices or stock matter."""
        return not (self.base.min_price is None and self.base.max_price is None and self.base.in_stock is None)

    def conditions(self, *, without: str | None = None, card: bool = True) -> list[ColumnElement[bool]]:
        """As SQL; `without` leaves the choice within one facet out, `card=False` what is not of the product itself."""
        if card:
            found = (replace(self.base, categories=None) if without == CATEGORY else self.base).conditions()
        else:
            found = [product.c.active]
            if self.base.categories is not None and without != CATEGORY:
                found.append(product.c.category_id.in_(self.base.categories))
        if self.rating is not None:
            found.append(product.c.rating_hundredths >= self.rating)
        for name, values in self.attributes.items():
            if name != without:
                # A value for each row that matches: told as a set, it would be gathered from all products first.
                value = select(attribute.c.value_folded).where(
                    attribute.c.product_id == product.c.id, attribute.c.name_folded == name
                )
                found.append(value.scalar_subquery().in_(sorted(values)))
        return found

    def values(self, *, without: str | None = None) -> list[frozenset[str]]:
        """The attributes as texts that products are found by: of each set one at least."""
        return [
            frozenset(f"{name} {value}" for value in values)
            for name, values in self.attributes.items()
            if name != without
        ]

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
