"""Products brought in by the thousand: rows of CSV, NDJSON or JSON, each checked by the catalogue's own rules.

A row is a whole product, as `catalog.save` takes it. A flat row (`sku`, `price`, `stock`, ...) is a product of one
variant. Saving the same rows again changes nothing.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from dataclasses import fields as dataclass_fields
from typing import Any, Protocol

from sqlalchemy import select

from mestres_core.catalog.drafts import check_drafts, make_draft, tidy
from mestres_core.catalog.dto import ProductDraft, SaveReport
from mestres_core.catalog.models import product, variant
from mestres_core.catalog.service import CatalogService
from mestres_core.db.dialects.sql import as_dict
from mestres_core.errors import FieldError, ValidationError
from mestres_core.events.outbox import Outbox
from mestres_core.rules.checks import Checks, storable

CHUNK = 500
_FLAT = ("sku", "price", "stock", "weight_grams", "variant")
_TEXTS = ("key", "slug", "name", "description", "currency", "sku", "variant")
_WHOLE = ("price", "stock", "weight_grams")
_YES_NO = ("featured", "active")
_SHARED = ("key", "slug", "name", "category", "description", "attributes", "images", "featured", "active", "currency")
_COLUMNS = (*_SHARED, *_FLAT)
_CSV_COLUMNS = tuple(name for name in _COLUMNS if name != "attributes")
_OBJECT = (*_SHARED, "variants")
_ATTRIBUTE = "attributes."
_DIGITS = 18
_FORMULA = "=+-@\t\r"

MEDIA_TYPES = {
    "text/csv": "csv",
    "application/x-ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "application/json": "json",
}
"""The media types that are read, and the format that each of them means."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row by its number (of the file's lines for CSV and NDJSON, else counted from 1), or why it is none."""

    number: int
    fields: Mapping[str, Any] = field(default_factory=dict)
    error: FieldError | None = None


@dataclass(frozen=True, slots=True)
class RowError:
    """One wrong field of one row."""

    row: int
    error: FieldError


@dataclass(slots=True)
class Outcome:
    """What became of some rows."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    errors: list[RowError] = field(default_factory=list)

    def add(self, report: SaveReport) -> None:
        """Count what was saved."""
        self.created += report.created
        self.updated += report.updated
        self.unchanged += report.unchanged

    def join(self, other: Outcome) -> None:
        """Count what became of further rows."""
        self.rows += other.rows
        self.add(SaveReport(other.created, other.updated, other.unchanged))
        self.errors.extend(other.errors)


class Services(Protocol):
    """The services of one unit of work, as far as they are needed here."""

    catalog: CatalogService
    outbox: Outbox


def read_rows(file: Iterable[bytes], kind: str) -> Iterator[Row]:
    """The rows of a file, read as they are needed; `kind` is csv, ndjson or json (which is read whole).

    Raises ValidationError for the field `body` when the file as a whole is not usable.
    """
    return _READERS[kind](file)


def save_rows(services: Services, rows: Sequence[Row]) -> Outcome:
    """Save the right ones of these rows in the caller's transaction, and say what is wrong with the others."""
    outcome = Outcome(rows=len(rows))
    batch: list[tuple[int, ProductDraft]] = []
    taken: set[tuple[str, str]] = set()
    for row in rows:
        try:
            draft = to_draft(row)
        except ValidationError as wrong:
            outcome.errors.extend(RowError(row.number, error) for error in wrong.errors)
            continue
        names = {("key", draft.key), *(("sku", each.sku) for each in draft.variants)}
        if not names.isdisjoint(taken):  # the later row has the last word, so the earlier ones are saved first
            _save(services, batch, outcome)
            batch, taken = [], set()
        batch.append((row.number, draft))
        taken |= names
    _save(services, batch, outcome)
    outcome.errors.sort(key=lambda error: error.row)
    return outcome


def _save(services: Services, batch: Sequence[tuple[int, ProductDraft]], outcome: Outcome) -> None:
    """All at once; where the catalogue refuses, one by one: a refusal has written nothing."""
    known = _known(services, batch)
    right: list[tuple[int, ProductDraft]] = []
    for number, draft in batch:
        found = known.settle(draft)
        if isinstance(found, FieldError):
            outcome.errors.append(RowError(number, found))
        else:
            right.append((number, found))
    if not right:
        return
    try:
        outcome.add(services.catalog.save_many([draft for _, draft in right]))
    except ValidationError:
        for number, draft in right:
            try:
                outcome.add(services.catalog.save_many([draft]))
            except ValidationError as wrong:
                outcome.errors.extend(RowError(number, error) for error in wrong.errors)


@dataclass(frozen=True, slots=True)
class _Known:
    """Which products the SKUs of flat rows belong to, and which SKUs those products have."""

    owners: Mapping[str, str]
    skus: Mapping[str, set[str]]

    def settle(self, draft: ProductDraft) -> ProductDraft | FieldError:
        """A flat row without a key changes the product that has its SKU. None may drop the product's other variants."""
        if not isinstance(draft, _Flat):
            return draft
        sku = draft.variants[0].sku
        if draft.keyless:
            draft = replace(draft, key=self.owners.get(sku, sku))
        if self.skus.get(draft.key, {sku}) != {sku}:
            reason = "this product has other SKUs; give them all as `variants` in NDJSON or JSON"
            return FieldError.of("sku", "invalid", reason=reason)
        return draft


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flat(ProductDraft):
    """A product from a flat row."""

    keyless: bool = False


def _known(services: Services, batch: Sequence[tuple[int, ProductDraft]]) -> _Known:
    flat = [draft for _, draft in batch if isinstance(draft, _Flat)]
    if not flat:
        return _Known({}, {})
    session = services.outbox.session
    both = select(variant.c.sku, product.c.key).join(product, product.c.id == variant.c.product_id)
    owners = as_dict(session.execute(both.where(variant.c.sku.in_([draft.variants[0].sku for draft in flat]))))
    keys = {draft.key for draft in flat} | {*owners.values()}
    skus: dict[str, set[str]] = {}
    for sku, key in session.execute(both.where(product.c.key.in_(keys), variant.c.active)):
        skus.setdefault(key, set()).add(sku)
    return _Known(owners, skus)


def to_draft(row: Row) -> ProductDraft:
    """The product that a row means. Raises ValidationError with every wrong field."""
    if row.error is not None:
        raise ValidationError(row.error)
    fields = row.fields
    flat = "variants" not in fields
    checks = Checks()
    checks.mapping("row", fields, _COLUMNS if flat else _OBJECT)
    checks.errors = [FieldError(e.field.removeprefix("row."), e.reason, e.data) for e in checks.errors]
    for name in _TEXTS:
        if fields.get(name) is not None and not isinstance(fields[name], str):
            checks.wrong(name, "not_text")
    if fields.get("name") is None:
        checks.wrong("name", "required")
    checks.done()
    draft = make_draft(
        **(_from_flat(fields) if flat else _given(fields, _OBJECT) | {"category": fields.get("category")})
    )
    try:
        check_drafts([draft])
    except ValidationError as wrong:
        raise ValidationError(*(_in_flat_words(error) if flat else error for error in wrong.errors)) from None
    draft = tidy(draft)
    if not flat:
        return draft
    plain = {each.name: getattr(draft, each.name) for each in dataclass_fields(ProductDraft)}
    return _Flat(**plain, keyless=not fields.get("key"))


def _given(fields: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: fields[name] for name in names if fields.get(name) is not None}


def _from_flat(fields: Mapping[str, Any]) -> dict[str, Any]:
    checks = Checks()
    for needed in ("sku", "price"):
        if fields.get(needed) in (None, ""):
            checks.wrong(needed, "required")
    checks.done()
    only = _given(fields, ("sku", "price", "stock", "weight_grams"))
    if fields.get("variant"):
        only["name"] = fields["variant"]
    shared = _given(fields, _SHARED)
    return shared | {
        "key": fields.get("key") or fields["sku"],
        "category": fields.get("category"),
        "variants": [only],
    }


def _in_flat_words(error: FieldError) -> FieldError:
    name = error.field.removeprefix("variants[0].")
    return FieldError("variant" if error.field == "variants[0].name" else name, error.reason, error.data)


def _csv_rows(file: Iterable[bytes]) -> Iterator[Row]:
    reader = csv.reader(_lines(file), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise ValidationError.of("body", "invalid", reason=str(error)) from None
    _check_header(header)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(reader.line_num, error=FieldError.of("row", "invalid", reason=str(error)))
            continue
        if not any(cells):
            continue
        if len(cells) != len(header):
            reason = f"{len(cells)} cells under {len(header)} columns"
            yield Row(reader.line_num, error=FieldError.of("row", "invalid", reason=reason))
            continue
        yield Row(reader.line_num, _from_cells(dict(zip(header, cells, strict=True))))


def _check_header(header: Sequence[str]) -> None:
    checks = Checks()
    if not any(header):
        raise ValidationError.of("body", "required")
    for index, name in enumerate(header):
        if name in header[:index]:
            checks.wrong(f"column {_shown(name)}", "duplicate", value=_shown(name))
        elif name not in _CSV_COLUMNS and not name.startswith(_ATTRIBUTE):
            checks.wrong(f"column {_shown(name)}", "unexpected")
    for needed in ("sku", "name", "price"):
        if needed not in header:
            checks.wrong(f"column {needed}", "required")
    checks.done()


def _shown(name: str) -> str:
    return name[:40] if storable(name) else "?"


def _from_cells(cells: Mapping[str, str]) -> dict[str, Any]:
    """Cells as values; an empty one is not given. Lists are separated by `>` (category) and blanks (images)."""
    values: dict[str, Any] = {name: _unquoted(cell) for name, cell in cells.items() if cell.strip()}
    for name in _WHOLE:
        text = values.get(name, "").strip()
        if text.isascii() and text.removeprefix("-").isdigit() and len(text) <= _DIGITS:
            values[name] = int(text)
    for name in _YES_NO:
        text = values.get(name, "").strip().lower()
        values |= {name: text == "true"} if text in ("true", "false") else {}
    if "category" in values:
        values["category"] = [part.strip() for part in values["category"].split(">")]
    if "images" in values:
        values["images"] = values["images"].split()
    named = [name for name in values if name.startswith(_ATTRIBUTE)]
    attributes = {name.removeprefix(_ATTRIBUTE): values.pop(name) for name in named}
    return values | ({"attributes": attributes} if attributes else {})


def _unquoted(cell: str) -> str:
    """Without the apostrophe that exports put before what a spreadsheet would take for a formula."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] and cell[1] in _FORMULA else cell


def _ndjson_rows(file: Iterable[bytes]) -> Iterator[Row]:
    for number, text in enumerate(_lines(file), start=1):
        if text.strip():
            yield _object_row(number, lambda text=text: _parsed(text))  # type: ignore[misc]


def _json_rows(file: Iterable[bytes]) -> Iterator[Row]:
    try:
        whole = _parsed("".join(_lines(file)))
    except ValueError as error:
        raise ValidationError.of("body", "invalid", reason="malformed JSON") from error
    rows = whole.get("products") if isinstance(whole, dict) else whole
    if not isinstance(rows, list):
        raise ValidationError.of("body", "not_list")
    for number, row in enumerate(rows, start=1):
        yield _object_row(number, lambda row=row: row)  # type: ignore[misc]


def _object_row(number: int, parse: Callable[[], Any]) -> Row:
    try:
        value = parse()
    except ValueError:
        return Row(number, error=FieldError.of("row", "invalid", reason="malformed JSON"))
    if not isinstance(value, dict):
        return Row(number, error=FieldError.of("row", "not_mapping"))
    return Row(number, value)


def _parsed(text: str) -> Any:
    def refuse(name: str) -> Any:
        raise ValueError(name)

    try:
        return json.loads(text, parse_constant=refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _lines(file: Iterable[bytes]) -> Iterator[str]:
    try:
        for number, raw in enumerate(file):
            yield raw.decode("utf-8-sig" if number == 0 else "utf-8")
    except UnicodeDecodeError:
        raise ValidationError.of("body", "invalid", reason="not UTF-8") from None


def lines_of(body: bytes) -> Iterable[bytes]:
    """A body in memory as the lines of a file."""
    return io.BytesIO(body)


_READERS: Mapping[str, Callable[[Iterable[bytes]], Iterator[Row]]] = {
    "csv": _csv_rows,
    "ndjson": _ndjson_rows,
    "json": _json_rows,
}
