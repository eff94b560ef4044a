"""Typed attributes: what the shop knows of each, and the values that its products have.

A definition gives an attribute a type. From then on every product that is saved is held to it: `catalog.save` takes the
typed value or its text, refuses what does not fit, and misses what is required. An attribute that is not defined stays
free text. Invariant: every value of a defined attribute fits its definition; changing the definition proves it first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from mestres_core.catalog import indexing
from mestres_core.catalog.assortment import definition
from mestres_core.catalog.dto import AttributeDefinition, AttributeValue, ProductDraft
from mestres_core.catalog.finding import (
    Changing,
    announce_products,
    find_category,
    find_product,
    rename_in_rules,
)
from mestres_core.catalog.models import attribute, category
from mestres_core.catalog.models import product as product_table
from mestres_core.catalog.queries import Between
from mestres_core.catalog.translations import forget
from mestres_core.db.dialects.sql import insert as upsert
from mestres_core.db.dialects.sql import one_at_a_time
from mestres_core.errors import NotFound, ValidationError
from mestres_core.events.work import Work
from mestres_core.rules.attributes import TYPES, as_text, from_text, millionths
from mestres_core.rules.checks import Checks, storable
from mestres_core.rules.text import fold, slug

SAVES = 0x6D65_7374_7265_02
"""The advisory lock of saving: what is defined does not change while products are held to it."""

_MOST_CHOICES = 500
_ALL = (
    select(definition, category.c.slug.label("category"))
    .select_from(definition.outerjoin(category, category.c.id == definition.c.category_id))
    .order_by(definition.c.position, definition.c.id)
)
_VALUES = select(attribute.c.id, attribute.c.product_id, attribute.c.value).where(
    attribute.c.name_folded == bindparam("name")
)
_REWRITE = (
    update(attribute)
    .where(attribute.c.id == bindparam("of"))
    .values(value=bindparam("text"), value_folded=bindparam("folded"), number=bindparam("millionths"))
)
_OF_PRODUCT = (
    select(attribute.c.name, attribute.c.value, attribute.c.name_folded)
    .where(attribute.c.product_id == bindparam("product_id"))
    .order_by(attribute.c.position)
)


@dataclass(frozen=True, slots=True)
class Definitions:
    """Every definition, by its folded name and by its code."""

    by_name: Mapping[str, AttributeDefinition]

    def named(self, name: str) -> AttributeDefinition | None:
        """The one with this name or code."""
        return self.by_name.get(fold(name)) or next((d for d in self.by_name.values() if d.code == name), None)


def read_definitions(work: Work) -> Definitions:
    """In one statement."""
    rows = work.session.execute(_ALL).all()
    found = {row.name_folded: _definition(row) for row in rows}
    return Definitions(found)


def number_of(kind: str | None, text: str) -> int | None:
    """What goes into the column by which ranges are asked for."""
    return millionths(text) if kind == "number" else None


def typed(work: Work, drafts: Sequence[ProductDraft]) -> tuple[list[ProductDraft], Mapping[str, str]]:
    """The drafts with canonical texts for their attributes, and the type of each defined one by folded name.

    Raises one ValidationError with every value that does not fit, and every required one that is missing.
    """
    known = read_definitions(work)
    if not known.by_name:
        return list(drafts), {}
    checks, found, places = Checks(), [], _Places(work.session)
    for index, draft in enumerate(drafts):
        at = "" if len(drafts) == 1 else f"drafts[{index}]."
        found.append(_typed(checks, at, draft, known, places))
    checks.done()
    return found, {name: each.type for name, each in known.by_name.items()}


def _typed(checks: Checks, at: str, draft: ProductDraft, known: Definitions, places: _Places) -> ProductDraft:
    values: dict[Any, Any] = {}
    for name, value in draft.attributes.items():
        of = known.named(name) if isinstance(name, str) else None
        if of is None:
            values[name] = value
            continue
        if of.name in values:
            checks.wrong(f"{at}attributes.{of.name}", "duplicate", value=name)
        try:
            values[of.name] = as_text(of.type, value, of.choices)
        except ValueError as wrong:
            checks.wrong(f"{at}attributes.{of.name}", "invalid", reason=str(wrong))
    for each in known.by_name.values():
        if each.required and each.name not in draft.attributes and each.code not in draft.attributes:
            names = {fold(name) for name in draft.attributes if isinstance(name, str)}
            if fold(each.name) not in names and (
                each.category is None or each.category in places.along(draft.category)
            ):
                checks.wrong(f"{at}attributes.{each.name}", "required")
    return replace(draft, attributes=values)


class _Places:
    """The category tree, read when something is required in a part of it."""

    def __init__(self, session: Any) -> None:
        self._session = session

    @cached_property
    def _rows(self) -> Mapping[int, Any]:
        columns = (category.c.id, category.c.parent_id, category.c.slug, category.c.name)
        return {row.id: row for row in self._session.execute(select(*columns))}

    @cached_property
    def _by_name(self) -> Mapping[tuple[int | None, str], Any]:
        return {(row.parent_id, slug(row.name)): row for row in self._rows.values()}

    def along(self, path: Sequence[Any]) -> Iterator[str]:
        """The slugs of the categories on a path of names, as far as there are any."""
        row_id = None
        for name in path:
            row = self._by_name.get((row_id, slug(name) if isinstance(name, str) else ""))
            if row is None:
                return
            row_id = row.id
            yield row.slug

    def above(self, row_id: int | None) -> Iterator[str]:
        """The slugs of a category and of those that it is in."""
        while row_id is not None:
            row = self._rows[row_id]
            row_id = row.parent_id
            yield row.slug


class AttributeService:
    """Definitions of attributes and typed values, in one unit of work."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._session = work.session
        self._changing = Changing(work)

    def define(
        self,
        code: str,
        *,
        name: str | None = None,
        type: str = "text",  # noqa: A002 - what everybody calls it
        unit: str = "",
        required: bool = False,
        filterable: bool = True,
        choices: Sequence[str] = (),
        category: str | None = None,
        position: int = 0,
    ) -> AttributeDefinition:
        """Define an attribute, or change the definition with this `code`.

        `type` is text, number, boolean, choice or date; `choices` are those of a choice, `unit` ("m", "g") is shown
        behind a number. `name` (default: the code) is what products call it. A required one must be there whenever a
        product is saved, with `category` (a slug) only below that one. Values that products have already must fit:
        they are written in the new form. Raises ValidationError, NotFound for the category.
        """
        checks = Checks()
        values = self._check(checks, code, name=name, type=type, unit=unit, choices=choices, position=position)
        for field, flag in (("required", required), ("filterable", filterable)):
            if not isinstance(flag, bool):
                checks.wrong(field, "not_boolean")
        checks.done()
        values |= {
            "required": required,
            "filterable": filterable,
            "category_id": None if category is None else find_category(self._session, category).id,
        }
        one_at_a_time(self._session, self._work.dialect, SAVES)
        known, code = read_definitions(self._work), values["code"]
        before = next((each for each in known.by_name.values() if each.code == code), None)
        same_name = known.by_name.get(values["name_folded"])
        if same_name is not None and same_name.code != code:
            raise ValidationError.of("name", "duplicate", value=values["name"])
        if before is not None and fold(before.name) != values["name_folded"]:
            self._rename(fold(before.name), values["name"])
        self._rewrite(values)
        query = upsert(self._work.dialect, definition).values(values)
        self._session.execute(query.on_conflict_do_update(index_elements=["code"], set_=values))
        indexing.count_anew(self._session, values["name_folded"])
        having = select(attribute.c.product_id).where(attribute.c.name_folded == values["name_folded"])
        announce_products(self._work, product_table.c.id.in_(having))
        return self.get(code)

    def get(self, code: str) -> AttributeDefinition:
        """One definition. Raises NotFound."""
        for each in self.definitions():
            if each.code == code:
                return each
        raise NotFound("attribute", code)

    def definitions(self) -> tuple[AttributeDefinition, ...]:
        """Every definition, in their order."""
        return tuple(read_definitions(self._work).by_name.values())

    def remove(self, code: str) -> None:
        """Forget a definition; the values stay, as free text. Raises NotFound."""
        one_at_a_time(self._session, self._work.dialect, SAVES)
        of = self.get(code)
        gone = delete(definition).where(definition.c.code == of.code).returning(definition.c.id)
        forget(self._session, "attribute", self._session.execute(gone).scalar_one())
        self._session.execute(update(attribute).where(attribute.c.name_folded == fold(of.name)).values(number=None))

    def of(self, product: int | str) -> tuple[AttributeValue, ...]:
        """What a product has, typed: numbers are Decimals, dates dates. Raises NotFound."""
        row = find_product(self._session, product)
        known = read_definitions(self._work).by_name
        found = []
        for name, text, folded in self._session.execute(_OF_PRODUCT, {"product_id": row.id}):
            each = known.get(folded)
            kind = "text" if each is None else each.type
            unit = "" if each is None else each.unit
            code = slug(name) if each is None else each.code
            found.append(AttributeValue(code, name, kind, from_text(kind, text), text, unit))
        return tuple(found)

    def set(self, product: int | str, values: Mapping[str, Any]) -> tuple[AttributeValue, ...]:
        """Give a product these values, by code or name; None takes one away; those not named stay.

        Raises NotFound for the product, ValidationError, also when a required one would be missing.
        """
        if not isinstance(values, Mapping):
            raise ValidationError.of("values", "not_mapping")
        one_at_a_time(self._session, self._work.dialect, SAVES)
        row = self._changing.lock(product)
        known, checks, places = read_definitions(self._work), Checks(), _Places(self._session)
        present = {r.name_folded for r in self._session.execute(_OF_PRODUCT, {"product_id": row.id})}
        rows: list[dict[str, Any]] = []
        gone: set[str] = set()
        named: set[str] = set()
        for name, value in values.items():
            of = known.named(name) if isinstance(name, str) and storable(name) else None
            shown = of.name if of else checks.text("values", name, limit=60)
            if fold(shown) in named:
                checks.wrong(f"values.{shown}", "duplicate", value=name)
            named.add(fold(shown))
            if value is None:
                gone.add(fold(shown))
                if (
                    of is not None
                    and of.required
                    and (of.category is None or of.category in places.above(row.category_id))
                ):
                    checks.wrong(f"values.{shown}", "required")
                continue
            kind, choices = (of.type, of.choices) if of else ("text", ())
            try:
                text = as_text(kind, value, choices)
            except ValueError as wrong:
                checks.wrong(f"values.{shown}", "invalid", reason=str(wrong))
                continue
            checks.text(f"values.{shown}", text, limit=400)
            rows.append(row_of(row.id, shown, text, kind, len(present) + len(rows)))
        checks.done()
        touched = gone | {each["name_folded"] for each in rows}
        if touched:
            self._session.execute(
                delete(attribute).where(attribute.c.product_id == row.id, attribute.c.name_folded.in_(touched))
            )
        if rows:
            self._session.execute(insert(attribute), rows)
        indexing.index(self._session, self._work.dialect, [row.id])
        self._changing.changed(row)
        return self.of(row.id)

    def _check(self, checks: Checks, code: Any, **given: Any) -> dict[str, Any]:
        code = checks.text("code", code, limit=60)
        name = code if given["name"] is None else checks.text("name", given["name"], limit=60)
        kind = checks.choice("type", given["type"], TYPES)
        choices = given["choices"]
        if not isinstance(choices, list | tuple):
            checks.wrong("choices", "not_list")
            choices = ()
        if len(choices) > _MOST_CHOICES:
            checks.wrong("choices", "too_many", limit=_MOST_CHOICES)
        chosen = [checks.text(f"choices[{i}]", each, limit=120) for i, each in enumerate(choices[:_MOST_CHOICES])]
        if len({fold(each) for each in chosen}) < len(chosen):
            checks.wrong("choices", "invalid", reason="has one twice")
        if (kind == "choice") != bool(chosen):
            checks.wrong("choices", "invalid", reason="give them for type choice, and only for it")
        return {
            "code": code,
            "name": name,
            "name_folded": fold(name),
            "type": kind,
            "unit": checks.text("unit", given["unit"], limit=20, required=False),
            "choices": chosen,
            "position": checks.whole("position", given["position"], at_least=0, at_most=10**6),
        }

    def _rename(self, before: str, name: str) -> None:
        clash = select(attribute.c.product_id).where(attribute.c.name_folded == fold(name))
        mine = select(attribute.c.product_id).where(
            attribute.c.name_folded == before, attribute.c.product_id.in_(clash)
        )
        if fold(name) != before and self._session.execute(mine.limit(1)).first() is not None:
            raise ValidationError.of("name", "duplicate", value=name)
        self._session.execute(
            update(attribute).where(attribute.c.name_folded == before).values(name=name, name_folded=fold(name))
        )

        def renamed(rule: dict[str, Any]) -> dict[str, Any]:
            if rule["type"] != "attribute":
                return rule
            return rule | {"filter": [[name if fold(of) == before else of, *rest] for of, *rest in rule["filter"]]}

        rename_in_rules(self._work, renamed)

    def _rewrite(self, values: Mapping[str, Any]) -> None:
        """Put the values that products have into the form of the definition.

        Raises ValidationError for one that does not fit.
        """
        changes = []
        for row_id, product_id, value in self._session.execute(_VALUES, {"name": values["name_folded"]}).all():
            try:
                text = as_text(values["type"], value, values["choices"])
            except ValueError as wrong:
                reason = f"product {product_id} has {value!r}, which {wrong}"
                raise ValidationError.of("type", "invalid", reason=reason) from None
            changes.append(
                {"of": row_id, "text": text, "folded": fold(text), "millionths": number_of(values["type"], text)}
            )
        if changes:
            self._session.connection().execute(_REWRITE, changes)


def row_of(product_id: int, name: str, text: str, kind: str | None, position: int) -> dict[str, Any]:
    """A value as it is kept."""
    return {
        "product_id": product_id,
        "name": name,
        "value": text,
        "name_folded": fold(name),
        "value_folded": fold(text),
        "position": position,
        "number": number_of(kind, text),
    }


def check_filters(checks: Checks, work: Work, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What a list is to be narrowed to by attributes, in the form of their definitions.

    A value, a list of which one must be there, or {"min", "max"} of a number or a date (both included).
    """
    known = read_definitions(work)
    found: dict[str, Any] = {}
    for name, value in wanted.items():
        checks.text("attributes", name, limit=60)
        if not isinstance(name, str):
            continue
        of, field = known.named(name), f"attributes.{name[:60]}"
        if of is not None and not of.filterable:
            checks.wrong(field, "invalid", reason="is not defined as filterable")
        kind, choices = (of.type, of.choices) if of else ("text", ())
        shown = of.name if of else name
        if isinstance(value, Mapping):
            found[shown] = _range(checks, field, kind, value)
        elif isinstance(value, list | tuple | set | frozenset):
            found[shown] = tuple(_wanted(checks, field, kind, choices, each) for each in _some(checks, field, value))
        else:
            found[shown] = _wanted(checks, field, kind, choices, value)
    return found


def _some(checks: Checks, field: str, values: Collection[Any]) -> Iterable[Any]:
    if not values:
        checks.wrong(field, "required")
    if len(values) > _MOST_CHOICES:
        checks.wrong(field, "too_many", limit=_MOST_CHOICES)
        return ()
    return values


def _wanted(checks: Checks, field: str, kind: str, choices: Sequence[str], value: Any) -> str:
    if kind in ("text", "choice"):  # a choice that there is not finds nothing, as any other value
        return checks.text(field, value, limit=400)
    try:
        return as_text(kind, value, choices)
    except ValueError as wrong:
        checks.wrong(field, "invalid", reason=str(wrong))
        return ""


def _range(checks: Checks, field: str, kind: str, value: Mapping[Any, Any]) -> Between:
    bounds = checks.mapping(field, value, ("min", "max"))
    if kind not in ("number", "date"):
        checks.wrong(field, "invalid", reason="only numbers and dates have a range")
        return Between("date", None, None)
    texts = [
        None if bounds.get(end) is None else _wanted(checks, f"{field}.{end}", kind, (), bounds[end])
        for end in ("min", "max")
    ]
    if kind == "date":
        return Between(kind, texts[0] or None, texts[1] or None)
    least, most = (millionths(text) if text else None for text in texts)
    return Between(kind, least, most)


def _definition(row: Any) -> AttributeDefinition:
    return AttributeDefinition(
        row.code,
        row.name,
        row.type,
        row.unit,
        bool(row.required),
        bool(row.filterable),
        tuple(row.choices),
        row.category,
        row.position,
    )
