"""Options of a product ("Peso", "Moagem") and its variants by them: the matrix.

Invariants: a variant has one value of every option of its product, or of none; no two variants of a product have the
same values (a unique index stands behind it).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from mestres_core.catalog.assortment import option, option_value, variant_option
from mestres_core.catalog.dto import Combination, Option
from mestres_core.catalog.finding import Changing, find_product, find_variant
from mestres_core.catalog.models import variant
from mestres_core.db.dialects.sql import as_dict
from mestres_core.errors import NotFound, ValidationError
from mestres_core.events.work import Work
from mestres_core.rules.checks import Checks
from mestres_core.rules.text import fold

MOST_OPTIONS = 5
MOST_VALUES = 100
MOST_COMBINATIONS = 2_000
_OPTIONS = (
    select(
        option.c.id.label("option_id"),
        option.c.name,
        option.c.name_folded,
        option_value.c.id.label("value_id"),
        option_value.c.value,
        option_value.c.value_folded,
    )
    .select_from(option.join(option_value, option_value.c.option_id == option.c.id))
    .where(option.c.product_id == bindparam("product_id"))
    .order_by(option.c.position, option.c.id, option_value.c.position, option_value.c.id)
)
_VARIANTS = (
    select(variant.c.id, variant.c.sku, variant.c.name, variant.c.active, variant.c.combination)
    .where(variant.c.product_id == bindparam("product_id"))
    .order_by(variant.c.position, variant.c.id)
)


class _Options:
    """The options of a product: by folded name, each with its values by folded text."""

    def __init__(self, rows: Sequence[Any]) -> None:
        self.names: dict[str, str] = {}
        self.ids: dict[str, int] = {}
        self.values: dict[str, dict[str, tuple[int, str]]] = {}
        for row in rows:
            self.names[row.name_folded] = row.name
            self.ids[row.name_folded] = row.option_id
            self.values.setdefault(row.name_folded, {})[row.value_folded] = (row.value_id, row.value)

    def key(self, chosen: Mapping[str, str]) -> str:
        """The text by which a combination is told from others: the numbers of its values, in the options' order."""
        return "/".join(str(self.values[name][chosen[name]][0]) for name in sorted(self.ids, key=self.ids.__getitem__))

    def read(self, checks: Checks, field: str, given: Any) -> dict[str, str]:
        """{folded name: folded value} of a whole combination."""
        found: dict[str, str] = {}
        if not isinstance(given, Mapping):
            checks.wrong(field, "required" if given is None else "not_mapping")
            return {}
        for name, value in given.items():
            folded = fold(name) if isinstance(name, str) else ""
            if folded not in self.values:
                checks.wrong(f"{field}.{str(name)[:60]}", "unexpected")
                continue
            known = self.values[folded]
            if not isinstance(value, str) or fold(value) not in known:
                choices = ", ".join(text for _, text in known.values())
                checks.wrong(f"{field}.{self.names[folded]}", "unknown", choices=choices)
                continue
            found[folded] = fold(value)
        for folded, name in self.names.items():
            if folded not in {fold(each) for each in given if isinstance(each, str)}:
                checks.wrong(f"{field}.{name}", "required")
        return found

    def shown(self, chosen: Mapping[str, str]) -> dict[str, str]:
        """The same as it is written."""
        return {self.names[name]: self.values[name][chosen[name]][1] for name in self.names}


class VariantService:
    """Options and the matrix of variants, in one unit of work."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._session = work.session
        self._changing = Changing(work)

    def set_options(self, product: int | str, options: Mapping[str, Sequence[str]]) -> tuple[Option, ...]:
        """Say what the variants of a product differ in: {"Peso": ["250 g", "1 kg"], "Moagem": [...]}, in this order.

        At most 5 options of at most 100 values each, and 2,000 combinations. Values may be added and put into another
        order; one that a variant has cannot be taken away, and while a variant has options none can be added or taken
        away. Raises NotFound, ValidationError.
        """
        wanted = _read_options(options)
        row = self._changing.lock(product)
        known = self._options(row.id)
        held = self._held(row.id)
        if held and {fold(name) for name in wanted} != set(known.names):
            reason = "variants have options: no option can be added or taken away"
            raise ValidationError.of("options", "invalid", reason=reason)
        checks = Checks()
        for name, values in known.values.items():
            kept = {fold(value) for value in next((v for n, v in wanted.items() if fold(n) == name), ())}
            for folded, (value_id, text) in values.items():
                if folded not in kept and value_id in held:
                    checks.wrong(f"options.{known.names[name]}", "invalid", reason=f"a variant has {text!r}")
        checks.done()
        self._write(row.id, known, wanted)
        self._changing.changed(row)
        return self.options(row.id)

    def options(self, product: int | str) -> tuple[Option, ...]:
        """What the variants of a product differ in. Raises NotFound."""
        known = self._options(find_product(self._session, product).id)
        return tuple(Option(n, tuple(v for _, v in known.values[f].values())) for f, n in known.names.items())

    def assign(self, sku: str, options: Mapping[str, str]) -> Combination:
        """Give a variant its values, one of every option of its product.

        A combination that another variant of the product has is refused; a withdrawn one gives it up. A variant
        without a name is named after its values. Raises NotFound for the SKU, ValidationError.
        """
        found = find_variant(self._session, sku)
        row = self._changing.lock(found.product_id)
        known = self._options(row.id)
        if not known.ids:
            raise ValidationError.of("options", "invalid", reason="the product has no options: call set_options first")
        checks = Checks()
        chosen = known.read(checks, "options", options)
        checks.done()
        key = known.key(chosen)
        for other in self._session.execute(_VARIANTS, {"product_id": row.id}).all():
            if other.combination == key and other.id != found.id:
                if other.active:
                    raise ValidationError.of("options", "duplicate", value=other.sku)
                self._free(other.id)
        self._free(found.id)
        shown = known.shown(chosen)
        values: dict[str, Any] = {"combination": key}
        if not found.name:
            values["name"] = " / ".join(shown.values())[:120]
        self._session.execute(update(variant).where(variant.c.id == found.id).values(values))
        self._session.execute(
            insert(variant_option),
            [
                {"variant_id": found.id, "option_id": known.ids[name], "value_id": known.values[name][value][0]}
                for name, value in chosen.items()
            ],
        )
        self._changing.changed(row)
        return Combination(shown, found.sku, found.id, bool(found.active))

    def unassign(self, sku: str) -> None:
        """Take a variant's values away. Raises NotFound."""
        found = find_variant(self._session, sku)
        row = self._changing.lock(found.product_id)
        self._free(found.id)
        self._changing.changed(row)

    def matrix(self, product: int | str) -> tuple[Combination, ...]:
        """Every combination of the options' values, the last option changing fastest, with the variant that has it.

        `sku` is None where there is no variant yet. Raises NotFound.
        """
        row = find_product(self._session, product)
        known = self._options(row.id)
        if not known.ids:
            return ()
        by_key = {each.combination: each for each in self._session.execute(_VARIANTS, {"product_id": row.id})}
        found = []
        for values in itertools.product(*(known.values[name] for name in known.names)):
            chosen = dict(zip(known.names, values, strict=True))
            has: Any = by_key.get(known.key(chosen))
            cell = (None, None, False) if has is None else (has.sku, has.id, bool(has.active))
            found.append(Combination(known.shown(chosen), *cell))
        return tuple(found)

    def find(self, product: int | str, options: Mapping[str, str]) -> Combination:
        """The variant with these values. Raises NotFound when there is none, ValidationError for an unknown value."""
        row = find_product(self._session, product)
        known, checks = self._options(row.id), Checks()
        chosen = known.read(checks, "options", options)
        checks.done()
        key = known.key(chosen) if chosen else ""
        for each in self._session.execute(_VARIANTS, {"product_id": row.id}):
            if each.active and each.combination == key and key:
                return Combination(known.shown(chosen), each.sku, each.id, True)
        raise NotFound("variant", " / ".join(known.shown(chosen).values()) if chosen else row.slug)

    def of(self, sku: str) -> Mapping[str, str]:
        """The values that a variant has, by option; none when it has none. Raises NotFound."""
        found = find_variant(self._session, sku)
        query = (
            select(option.c.name, option_value.c.value)
            .select_from(
                variant_option.join(option, option.c.id == variant_option.c.option_id).join(
                    option_value, option_value.c.id == variant_option.c.value_id
                )
            )
            .where(variant_option.c.variant_id == found.id)
            .order_by(option.c.position)
        )
        return as_dict(self._session.execute(query))

    def _options(self, product_id: int) -> _Options:
        return _Options(self._session.execute(_OPTIONS, {"product_id": product_id}).all())

    def _held(self, product_id: int) -> set[int]:
        query = (
            select(variant_option.c.value_id)
            .select_from(variant_option.join(option, option.c.id == variant_option.c.option_id))
            .where(option.c.product_id == product_id)
        )
        return set(self._session.execute(query).scalars())

    def _free(self, variant_id: int) -> None:
        self._session.execute(delete(variant_option).where(variant_option.c.variant_id == variant_id))
        self._session.execute(update(variant).where(variant.c.id == variant_id).values(combination=None))

    def _write(self, product_id: int, known: _Options, wanted: Mapping[str, Sequence[str]]) -> None:
        names = {fold(name) for name in wanted}
        for gone in set(known.ids) - names:
            self._session.execute(delete(option_value).where(option_value.c.option_id == known.ids[gone]))
            self._session.execute(delete(option).where(option.c.id == known.ids[gone]))
        for position, (name, values) in enumerate(wanted.items()):
            row = {"product_id": product_id, "name": name, "name_folded": fold(name), "position": position}
            option_id = known.ids.get(fold(name))
            if option_id is None:
                option_id = self._session.execute(insert(option).returning(option.c.id), row).scalar_one()
            else:
                self._session.execute(update(option).where(option.c.id == option_id).values(row))
            self._write_values(option_id, known.values.get(fold(name), {}), values)

    def _write_values(self, option_id: int, known: Mapping[str, tuple[int, str]], values: Sequence[str]) -> None:
        wanted = {fold(value) for value in values}
        gone = [value_id for folded, (value_id, _) in known.items() if folded not in wanted]
        if gone:
            self._session.execute(delete(option_value).where(option_value.c.id.in_(gone)))
        for position, value in enumerate(values):
            row = {"option_id": option_id, "value": value, "value_folded": fold(value), "position": position}
            if fold(value) in known:
                mine = option_value.c.id == known[fold(value)][0]
                self._session.execute(update(option_value).where(mine).values(row))
            else:
                self._session.execute(insert(option_value), row)


def _read_options(given: Any) -> dict[str, list[str]]:
    checks, found = Checks(), {}
    if not isinstance(given, Mapping):
        raise ValidationError.of("options", "not_mapping")
    if len(given) > MOST_OPTIONS:
        checks.wrong("options", "too_many", limit=MOST_OPTIONS)
    cells, names = 1, set()
    for name, values in given.items():
        text = checks.text("options", name, limit=60)
        field = f"options.{text}"
        if not isinstance(values, list | tuple):
            checks.wrong(field, "not_list")
            continue
        if not values:
            checks.wrong(field, "required")
        if len(values) > MOST_VALUES:
            checks.wrong(field, "too_many", limit=MOST_VALUES)
            continue
        texts = [checks.text(f"{field}[{at}]", value, limit=60) for at, value in enumerate(values)]
        if len({fold(each) for each in texts}) < len(texts):
            checks.wrong(field, "invalid", reason="has a value twice")
        if fold(text) in names:
            checks.wrong(field, "duplicate", value=text)
        names.add(fold(text))
        found[text] = texts
        cells *= len(texts)
    if cells > MOST_COMBINATIONS:
        checks.wrong("options", "invalid", reason=f"they have {cells} combinations, at most {MOST_COMBINATIONS}")
    checks.done()
    return found
