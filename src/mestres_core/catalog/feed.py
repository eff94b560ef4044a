"""Other people's product files: rows of a CSV, and a mapping that says what they mean.

Invariant: every row becomes a draft or a `Rejection` with its line number and the reason; none is lost, none twice.
The mapping's format is described in docs/data.md.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from string import Formatter
from typing import IO, Any, cast

from mestres_core.catalog.drafts import check_drafts
from mestres_core.catalog.dto import ProductDraft, VariantDraft
from mestres_core.errors import CommerceError, ValidationError
from mestres_core.rules.money import round_half_up

_BLOCK = 1 << 16
_SECTIONS = frozenset({"columns", "empty", "required", "translate", "numbers", "product", "attributes", "variant"})


class FeedError(CommerceError):
    """The file or the mapping cannot be used at all; nothing was imported."""

    code = "feed_error"
    title = ("Unusable import", "Importação inutilizável")
    sentence = ("{what}: {reason}", "{what}: {reason}")

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(what=what, reason=reason)


@dataclass(frozen=True, slots=True)
class Row:
    """One record of the file: the line it begins on, its values by column, and what made it unreadable, if anything."""

    line: int
    values: Mapping[str, str]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that became no product: its line (the heading is line 1), the field that was wrong, and why."""

    line: int
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """A row that is ready to be saved."""

    line: int
    draft: ProductDraft


class _Unfit(Exception):
    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field, reason)
        self.field = field
        self.reason = reason


def read_rows(path: Path) -> Iterator[Row]:
    """The records of a CSV, plain or gzipped, in UTF-8 or else Windows-1252. Raises FeedError when it is none."""
    try:
        encoding = _encoding(path)
        with _open(path) as raw, codecs.getreader(encoding)(raw) as text:
            yield from _records(path, text)
    except (OSError, EOFError) as error:
        raise FeedError(str(path), f"cannot be read ({error})") from error


def read_mapping(path: Path) -> Mapping[str, Any]:
    """A mapping file. Raises FeedError naming what is missing or unknown in it."""
    try:
        mapping = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FeedError(str(path), f"is not a readable TOML file ({error})") from error
    unknown = sorted(set(mapping) - _SECTIONS)
    if unknown:
        raise FeedError(str(path), f"unknown section {unknown[0]!r}; known are {', '.join(sorted(_SECTIONS))}")
    for section, needed in (("columns", ()), ("product", ("key", "name")), ("variant", ("sku", "price"))):
        for name in needed:
            if name not in mapping.get(section, {}):
                raise FeedError(str(path), f"section [{section}] must say {name!r}")
        if section not in mapping:
            raise FeedError(str(path), f"section [{section}] is missing")
    return mapping


class Feed:
    """Turns rows into drafts as a mapping says."""

    def __init__(self, mapping: Mapping[str, Any]) -> None:
        self._mapping = mapping
        self._empty = frozenset(mapping.get("empty", ("",)))
        self._columns: Mapping[str, str] = mapping["columns"]
        self._keys: dict[str, int] = {}
        self._skus: dict[str, int] = {}

    def read(self, rows: Iterable[Row]) -> Iterator[Accepted | Rejection]:
        """One result a row, in the file's order. Raises FeedError when the mapping names a column that there is not."""
        for row in rows:
            yield self._convert(row)

    def _convert(self, row: Row) -> Accepted | Rejection:
        if row.problem:
            return Rejection(row.line, "row", row.problem)
        try:
            draft = self._draft(self._values(row))
            self._claim(self._keys, "key", draft.key, row.line)
            self._claim(self._skus, "sku", draft.variants[0].sku, row.line)
        except _Unfit as unfit:
            return Rejection(row.line, unfit.field, unfit.reason)
        try:
            check_drafts([draft])
        except ValidationError as error:
            first = error.errors[0]
            return Rejection(row.line, first.field, first.describe())
        return Accepted(row.line, draft)

    def _claim(self, taken: dict[str, int], field: str, value: str, line: int) -> None:
        if value in taken:
            raise _Unfit(field, f"{value!r} is already that of line {taken[value]}")
        taken[value] = line

    def _values(self, row: Row) -> dict[str, str]:
        """The row under our names: blank words emptied, words translated, numbers checked."""
        values: dict[str, str] = {}
        for name, column in self._columns.items():
            if column not in row.values:
                raise FeedError("mapping", f"the file has no column {column!r} (for {name!r})")
            value = " ".join(row.values[column].split())
            values[name] = "" if value in self._empty else value
        for name in self._mapping.get("required", ()):
            if not values.get(name):
                raise _Unfit(name, f"is empty (column {self._columns.get(name, '?')!r})")
        for name, rule in self._mapping.get("numbers", {}).items():
            values[name] = self._number(name, values, rule)
        for name, table in self._mapping.get("translate", {}).items():
            values[name] = table.get(values.get(name, ""), values.get(name, ""))
        return values

    def _number(self, name: str, values: Mapping[str, str], rule: Mapping[str, Any]) -> str:
        text = values.get(rule.get("from", name), "")
        if not text:
            return ""
        number = _parse(text)
        low, high = rule.get("at_least", 0), rule.get("at_most")
        if number is not None and number >= low and (high is None or number <= high):
            return f"{float(number):g}"
        if rule.get("optional", False):
            return ""
        limits = f"at least {low}" + ("" if high is None else f" and at most {high}")
        raise _Unfit(name, f"{text!r} is not a number of {limits}")

    def _draft(self, values: Mapping[str, str]) -> ProductDraft:
        product, variant = self._mapping["product"], self._mapping["variant"]
        made = VariantDraft(
            sku=_fill(variant["sku"], values, "sku"),
            name=_fill(variant.get("name", ""), values, "variant.name"),
            price=_amount("price", variant["price"], values),
            weight_grams=_amount("weight_grams", variant.get("weight_grams", 0), values),
            stock=_amount("stock", variant.get("stock", 0), values),
        )
        attributes = {name: _fill(text, values, name) for name, text in self._mapping.get("attributes", {}).items()}
        return ProductDraft(
            key=_fill(product["key"], values, "key"),
            name=_join(product["name"], values, product.get("join", " – "), "name"),
            description=_join(product.get("description", ()), values, " ", "description"),
            category=tuple(part for text in product.get("category", ()) if (part := _fill(text, values, "category"))),
            images=tuple(product.get("images", ())),
            attributes={name: value for name, value in attributes.items() if value},
            variants=(made,),
            currency=product.get("currency", "BRL"),
        )


def _open(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _encoding(path: Path) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with _open(path) as file:
        try:
            while block := file.read(_BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252-lossy"
    return "utf-8-sig"


def _lossy(name: str) -> codecs.CodecInfo | None:
    """Windows-1252 that never fails: its five holes become the replacement character."""
    if name != "cp1252_lossy":
        return None
    base = codecs.lookup("cp1252")

    class Reader(base.streamreader):  # type: ignore[misc, name-defined]
        def __init__(self, stream: Any, errors: str = "replace") -> None:  # noqa: ARG002
            super().__init__(stream, "replace")

    return codecs.CodecInfo(name=name, encode=base.encode, decode=base.decode, streamreader=Reader)


codecs.register(_lossy)


def _records(path: Path, text: Iterable[str]) -> Iterator[Row]:
    reader = csv.reader(text)
    try:
        heading = next(reader, None)
    except csv.Error as error:
        raise FeedError(str(path), f"the heading cannot be read ({error})") from error
    if not heading:
        raise FeedError(str(path), "is empty; expected a heading line with the columns' names")
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(line, {}, f"not readable as CSV: {error}")
            continue
        if len(cells) == len(heading):
            yield Row(line, dict(zip(heading, cells, strict=True)))
        elif cells:
            yield Row(line, {}, f"has {len(cells)} values where the heading has {len(heading)} columns")


def _parse(text: str) -> Fraction | None:
    """The number that a cell begins with: "60 kg" is 60, "1.5" is 1.5; a unit may follow, other numbers may not."""
    number, _, unit = text.partition(" ")
    try:
        value = Fraction(number)
    except (ValueError, ZeroDivisionError):
        return None
    return value if "/" not in number and not any(letter.isdigit() for letter in unit) else None


def _fill(template: str, values: Mapping[str, str], field: str) -> str:
    """The template with the row's values in; empty when one of them is."""
    names = [name for _, name, _, _ in Formatter().parse(template) if name is not None]
    unknown = [name for name in names if name not in values]
    if unknown:
        raise FeedError("mapping", f"{field} speaks of {unknown[0]!r}; known are {', '.join(values)}")
    return template.format_map(values) if all(values[name] for name in names) else ""


def _join(parts: str | Sequence[str], values: Mapping[str, str], between: str, field: str) -> str:
    """The parts that the row has values for."""
    given = (parts,) if isinstance(parts, str) else parts
    return between.join(filled for part in given if (filled := _fill(part, values, field)))


def _amount(field: str, rule: int | Mapping[str, Any], values: Mapping[str, str]) -> int:
    """A whole number: fixed, or `base + per_unit * (value - above)` within `floor` and `ceiling`."""
    if isinstance(rule, int):
        return rule
    text = values.get(rule["from"], "")
    if not text:
        if "default" in rule:
            return int(rule["default"])
        raise _Unfit(field, f"needs {rule['from']!r}, which is empty")
    number = _parse(text)
    if number is None:
        raise _Unfit(field, f"{text!r} is not a number")
    exact = rule.get("base", 0) + Fraction(str(rule.get("per_unit", 1))) * (
        number - Fraction(str(rule.get("above", 0)))
    )
    amount = round_half_up(exact)
    amount = max(amount, rule.get("floor", amount))
    return int(min(amount, rule.get("ceiling", amount)))
