"""Reading products from somebody else's CSV by a mapping in TOML (docs/data.md says how to write one).

Invariant: every row of the file ends as exactly one ProductDraft or one Rejection; nothing is dropped or merged.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import io
import re
import tomllib
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path
from typing import BinaryIO, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic import ValidationError as MappingMistakes

from mestres_core.catalog.drafts import check_drafts
from mestres_core.catalog.dto import ProductDraft, VariantDraft
from mestres_core.errors import FeedError, ValidationError

Value = str | Decimal | None

_GZIP = b"\x1f\x8b"
_BLOCK = 1 << 16
_METRES_PER_FOOT = Decimal("0.3048")
_KILOS_PER_POUND = Decimal("0.45359237")
_CHARACTERS_SHOWN = 60
_PLACE = re.compile(r"\{(\w+)\}")
_AMOUNT = re.compile(r"\d{1,3}(?:[.,'’]\d{3})+(?!\d)|\d+(?:[.,]\d+)?")
_FEET = re.compile(r"(?<![a-z])(?:ft|feet|foot|pies|psnm?)(?![a-z])|\d['’](?!\d)")
_METRES = re.compile(r"(?<![a-z])(?:m|mt|mts|mtr|mtrs|metros?|meters?|metres?|msnm|masl|msl|msm)(?![a-z])|公尺")
_WEIGHT = re.compile(r"(\d+(?:[.,]\d+)?)\s*(kg|lbs?)")
_SMALL_WORDS = frozenset("a and da das de del do dos e el en in la las los of the y".split())


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that made no product: the line it starts on (the header is line 1), the field, and what was wrong."""

    line: int
    reason: str
    field: str
    value: str = ""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileRule(_Table):
    """How the file is written."""

    delimiter: str = Field(default=",", pattern=r'^[^"\r\n ]$')
    encoding: str | None = None


class KeyRule(_Table):
    """Where a row's identity comes from: columns of the source, or (without any) the content of the row."""

    prefix: str = Field(min_length=1, max_length=60)
    columns: tuple[str, ...] = ()


class FieldRule(_Table):
    """One named value of a row: where it stands and what it must be."""

    column: str
    kind: Literal["text", "number", "altitude", "weight"] = "text"
    required: bool = False
    default: str | None = None
    empty: tuple[str, ...] = ()
    bad: Literal["reject", "omit"] = "reject"
    case: Literal["keep", "title"] = "keep"
    pattern: re.Pattern[str] | None = None
    table: str | None = None
    unknown: Literal["reject", "keep"] = "reject"
    decimal: Literal[".", ","] = "."
    unit: Literal["m", "ft"] = "m"
    unit_column: str | None = None
    min: Decimal | None = None
    max: Decimal | None = None


class ProductRule(_Table):
    """Templates of the product. A part of `name` or `description` with an empty place in it is left out."""

    name: tuple[str, ...] = Field(min_length=1)
    description: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    sku: str = "{key}"
    variant: str = ""
    weight_grams: int = 0
    currency: str = "BRL"
    featured: bool = False
    active: bool = True


class PriceRule(_Table):
    """`price` + (value of `field` - `at`) x `per_unit`, in minor units, kept between `floor` and `ceiling`."""

    field: str | None = None
    price: int = 0
    at: Decimal = Decimal(0)
    per_unit: Decimal = Decimal(1)
    floor: int | None = Field(default=None, ge=0)
    ceiling: int | None = None
    round_to: int = Field(default=1, ge=1)


class StockRule(_Table):
    """Pieces on hand: value of `field` x `times`, at most `most`; `default` where there is no value."""

    field: str | None = None
    times: Decimal = Decimal(1)
    default: int = Field(default=0, ge=0)
    most: int | None = Field(default=None, ge=0)


class FeedMapping(_Table):
    """A whole mapping file."""

    file: FileRule = FileRule()
    key: KeyRule
    fields: dict[str, FieldRule]
    tables: dict[str, dict[str, str]] = {}
    product: ProductRule
    attributes: dict[str, str] = {}
    price: PriceRule
    stock: StockRule = StockRule()

    @model_validator(mode="after")
    def _names_exist(self) -> FeedMapping:
        if "key" in self.fields:
            raise ValueError('fields.key: the name "key" is taken by the key of the row')
        for template in self._templates():
            for name in _PLACE.findall(template):
                if name != "key" and name not in self.fields:
                    raise ValueError(f"{{{name}}} in {template!r} is not in [fields]")
        for name, rule in self.fields.items():
            if rule.table is not None and rule.table not in self.tables:
                raise ValueError(f"fields.{name}: there is no [tables.{rule.table}]")
        for place, of in (("price", self.price.field), ("stock", self.stock.field)):
            if of is not None and (of not in self.fields or self.fields[of].kind != "number"):
                raise ValueError(f'{place}.field = "{of}" must name a field of kind "number"')
        return self

    def _templates(self) -> Iterator[str]:
        product = self.product
        yield from (*product.name, *product.description, *product.category, product.sku, product.variant)
        yield from self.attributes.values()

    def columns(self) -> Iterator[str]:
        """Every column of the file that the mapping reads."""
        yield from self.key.columns
        for rule in self.fields.values():
            yield rule.column
            if rule.unit_column is not None:
                yield rule.unit_column


def read_mapping(path: str | Path) -> FeedMapping:
    """The mapping in a TOML file. Raises FeedError."""
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise FeedError(path, error.strerror or str(error), "give the path of a mapping in TOML") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FeedError(path, f"not TOML in UTF-8: {error}", "see docs/data.md for a mapping that works") from error
    try:
        return FeedMapping.model_validate(table)
    except MappingMistakes as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "mapping"
        raise FeedError(path, f"{where}: {first['msg']}", "see docs/data.md for what a mapping may say") from error


class Feed:
    """A CSV file (plain or gzip) seen through a mapping; iterating gives a ProductDraft or a Rejection for each row.

    Opening it reads the file once to find its encoding and checks the header; raises FeedError. `lines` is the
    number of lines in the file; `omitted` counts, by field, the values left out by `bad = "omit"` in the last pass.
    """

    def __init__(self, path: str | Path, mapping: FeedMapping) -> None:
        self.path = Path(path)
        self.mapping = mapping
        self.omitted: Counter[str] = Counter()
        self.encoding, self.lines = self._scan()
        self._places = self._read_header()

    def __iter__(self) -> Iterator[ProductDraft | Rejection]:
        return (result for _, result in self.numbered())

    def numbered(self) -> Iterator[tuple[int, ProductDraft | Rejection]]:
        """The same with the line on which each row starts."""
        self.omitted.clear()
        maker = _Maker(self.mapping, self._places, self.omitted)
        with self._text() as text:
            rows = _rows(text, self.mapping.file.delimiter)
            next(rows, None)
            for line, row in rows:
                yield line, maker.make(line, row)

    def _scan(self) -> tuple[str, int]:
        """The encoding that reads the whole file, and its number of lines."""
        wished = self.mapping.file.encoding
        with self._bytes() as file:
            start = file.read(_BLOCK)
            candidates = [wished] if wished else _encodings(start)
            decoders = {name: _decoder(self.path, name) for name in candidates}
            lines = 1
            while start:
                lines += start.count(b"\n")
                decoders = {name: decoder for name, decoder in decoders.items() if _reads(decoder, start)}
                start = file.read(_BLOCK)
        for name in candidates:
            if name in decoders and _reads(decoders[name], b"", final=True):
                return name, lines
        raise FeedError(self.path, f"not text in {wished or candidates[0]}", "set file.encoding in the mapping")

    def _read_header(self) -> dict[str, int]:
        """The place of every column that the mapping reads, and the number of all columns."""
        with self._text() as text:
            first = next(_rows(text, self.mapping.file.delimiter), None)
        if first is None or isinstance(first[1], str):
            raise FeedError(self.path, "no header line", "the first line must name the columns")
        header = [name.strip() for name in first[1]]
        wanted = tuple(dict.fromkeys(self.mapping.columns()))
        missing = [name for name in wanted if name not in header]
        if missing:
            found = ", ".join(repr(name) for name in header)[:600]
            lacks = ", ".join(repr(name) for name in missing)
            raise FeedError(self.path, f"no column {lacks}", f"the mapping may use: {found}")
        twice = [name for name in wanted if header.count(name) > 1]
        if twice:
            raise FeedError(
                self.path, f"column {twice[0]!r} occurs twice", "give each column the mapping uses its own name"
            )
        return {name: header.index(name) for name in wanted} | {_WIDTH: len(header)}

    @contextmanager
    def _bytes(self) -> Iterator[BinaryIO]:
        """The bytes of the file, unpacked; trouble with the file itself becomes FeedError."""
        try:
            with self.path.open("rb") as packed:
                zipped = packed.read(2) == _GZIP
                packed.seek(0)
                if zipped:
                    with gzip.open(packed) as unpacked:
                        yield cast("BinaryIO", unpacked)
                else:
                    yield packed
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise FeedError(self.path, f"damaged gzip: {error}", "copy or pack the file again") from error
        except OSError as error:
            raise FeedError(self.path, error.strerror or str(error), "give a CSV file, plain or .gz") from error

    @contextmanager
    def _text(self) -> Iterator[io.TextIOWrapper]:
        with self._bytes() as file:
            text = io.TextIOWrapper(file, encoding=self.encoding, newline="")
            try:
                yield text
            finally:
                text.detach()


_WIDTH = "\0width"
"""The name under which the number of columns is kept beside the places of the columns; no header can hold it."""


def _encodings(start: bytes) -> list[str]:
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ["utf-16", "cp1252", "latin-1"]
    return ["utf-8-sig", "cp1252", "latin-1"]


def _decoder(path: Path, name: str) -> codecs.IncrementalDecoder:
    try:
        b"a".decode(name, "replace")  # refuses the codecs that are not of text
        return codecs.getincrementaldecoder(name)()
    except (LookupError, ValueError) as error:
        raise FeedError(path, f"unknown encoding {name!r}", 'set file.encoding to, say, "utf-8" or "cp1252"') from error


def _reads(decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeError:
        return False
    return True


def _rows(text: io.TextIOWrapper, delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """Each row with the line it starts on; a row that is not CSV comes as the sentence that says why."""
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, str(error)
            continue
        if row:
            yield line, row


class _Bad(Exception):
    """One value is wrong: field, what was wrong, the value itself."""

    def __init__(self, field: str, reason: str, value: str = "") -> None:
        super().__init__(field, reason, value)
        self.field, self.reason, self.value = field, reason, value


class _Maker:
    """Makes one product of each row and remembers which keys and SKUs were given out."""

    def __init__(self, mapping: FeedMapping, places: Mapping[str, int], omitted: Counter[str]) -> None:
        self._mapping = mapping
        self._places = places
        self._omitted = omitted
        self._contents: Counter[bytes] = Counter()
        self._keys: dict[str, int] = {}
        self._skus: dict[str, int] = {}
        self._tables = {
            name: {source.strip().casefold(): target for source, target in table.items()}
            for name, table in mapping.tables.items()
        }

    def make(self, line: int, row: list[str] | str) -> ProductDraft | Rejection:
        """The product of the row that starts on `line`, or why there is none."""
        try:
            draft = self._draft(self._cells(row))
            check_drafts([draft])
        except _Bad as bad:
            return Rejection(line, bad.reason, bad.field, bad.value[:_CHARACTERS_SHOWN])
        except ValidationError as error:
            first = error.errors[0]
            return Rejection(line, first.describe(), first.field)
        return self._once(line, draft)

    def _once(self, line: int, draft: ProductDraft) -> ProductDraft | Rejection:
        sku = draft.variants[0].sku
        for field, value, seen in (("key", draft.key, self._keys), ("sku", sku, self._skus)):
            if value in seen:
                return Rejection(line, f"is the same as on line {seen[value]}", field, value)
        self._keys[draft.key] = self._skus[sku] = line
        return draft

    def _cells(self, row: list[str] | str) -> list[str]:
        if isinstance(row, str):
            raise _Bad("row", f"is not CSV: {row}")
        if len(row) != self._places[_WIDTH]:
            raise _Bad("row", f"has {len(row)} columns, the header has {self._places[_WIDTH]}")
        return row

    def _draft(self, cells: list[str]) -> ProductDraft:
        key = self._key(cells)
        values: dict[str, Value] = {"key": key}
        for name, rule in self._mapping.fields.items():
            values[name] = self._value(name, rule, cells)
        product = self._mapping.product
        attributes = {name: _fill(template, values) for name, template in self._mapping.attributes.items()}
        variant = VariantDraft(
            sku=self._needed("sku", product.sku, values),
            name=_fill(product.variant, values) or "",
            price=self._price(values),
            weight_grams=product.weight_grams,
            stock=self._stock(values),
        )
        return ProductDraft(
            key=key,
            name=_joined(product.name, values, ", "),
            description=_joined(product.description, values, " "),
            category=tuple(filter(None, (_fill(part, values) for part in product.category))),
            attributes={name: text for name, text in attributes.items() if text},
            images=product.images,
            variants=(variant,),
            featured=product.featured,
            active=product.active,
            currency=product.currency,
        )

    def _key(self, cells: list[str]) -> str:
        """The source's own identifier; without one, the row's content, numbered where rows are identical."""
        rule = self._mapping.key
        if rule.columns:
            parts = [cells[self._places[column]].strip() for column in rule.columns]
            for column, part in zip(rule.columns, parts, strict=True):
                if not part:
                    raise _Bad("key", f"column {column!r} is empty")
            return ":".join((rule.prefix, *parts))
        content = hashlib.sha256("\x1f".join(cells).encode("utf-8", "surrogatepass")).digest()
        self._contents[content] += 1
        times = self._contents[content]
        return f"{rule.prefix}:{content.hex()[:20]}" + (f"-{times}" if times > 1 else "")

    def _value(self, name: str, rule: FieldRule, cells: list[str]) -> Value:
        raw = " ".join(cells[self._places[rule.column]].split())
        if raw.casefold() in {"", *(word.casefold() for word in rule.empty)}:
            if rule.default is None:
                if rule.required:
                    raise _Bad(name, f"column {rule.column!r} is empty", raw)
                return None
            raw = rule.default
        unit = cells[self._places[rule.unit_column]].strip().casefold() if rule.unit_column is not None else ""
        try:
            return self._parsed(rule, raw, unit)
        except ValueError as error:
            if rule.bad == "omit" and not rule.required:
                self._omitted[name] += 1
                return None
            raise _Bad(name, str(error), raw) from error

    def _parsed(self, rule: FieldRule, raw: str, unit: str) -> Value:
        if rule.kind == "number":
            return _within(rule, _number(raw, rule.decimal))
        if rule.kind == "altitude":
            return _altitude(rule, raw, unit if unit in {"m", "ft"} else rule.unit)
        if rule.kind == "weight":
            return _weight(rule, raw)
        return self._text(rule, raw)

    def _text(self, rule: FieldRule, raw: str) -> str:
        if rule.pattern is not None:
            found = rule.pattern.search(raw)
            if found is None:
                raise ValueError(f"does not look like {rule.pattern.pattern}")
            raw = next((group for group in found.groups() if group), found[0])
        if rule.table is not None:
            translated = self._tables[rule.table].get(raw.casefold())
            if translated is not None:
                return translated
            if rule.unknown == "reject":
                raise ValueError(f"is not in the table {rule.table!r}")
        return _titled(raw) if rule.case == "title" else raw

    def _needed(self, field: str, template: str, values: Mapping[str, Value]) -> str:
        text = _fill(template, values)
        if not text:
            raise _Bad(field, f"a value of {template!r} is empty")
        return text

    def _price(self, values: Mapping[str, Value]) -> int:
        rule = self._mapping.price
        exact = Decimal(rule.price)
        if rule.field is not None:
            value = values[rule.field]
            if not isinstance(value, Decimal):
                raise _Bad("price", f"there is no {rule.field} to make a price from")
            exact += (value - rule.at) * rule.per_unit
        try:
            price = int((exact / rule.round_to).quantize(Decimal(1), ROUND_HALF_UP)) * rule.round_to
        except InvalidOperation as error:
            raise _Bad("price", "is too large") from error
        price = price if rule.floor is None else max(price, rule.floor)
        return price if rule.ceiling is None else min(price, rule.ceiling)

    def _stock(self, values: Mapping[str, Value]) -> int:
        rule = self._mapping.stock
        value = values[rule.field] if rule.field is not None else None
        if not isinstance(value, Decimal):
            return rule.default
        exact = value * rule.times
        return int(exact if rule.most is None else min(exact, Decimal(rule.most)))


def _fill(template: str, values: Mapping[str, Value]) -> str | None:
    """The template with its places filled; None when one of them is empty."""
    found = {name: values[name] for name in _PLACE.findall(template)}
    if any(value is None for value in found.values()):
        return None
    return _PLACE.sub(lambda place: _shown(found[place[1]]), template)


def _joined(templates: Sequence[str], values: Mapping[str, Value], between: str) -> str:
    return between.join(filter(None, (_fill(template, values) for template in templates)))


def _shown(value: Value) -> str:
    """A number as it is written in Portuguese, text as it is."""
    if isinstance(value, Decimal):
        return _plain(value).replace(".", ",")
    return value or ""


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


_LONGEST_NUMBER = 40


def _number(raw: str, decimal: str) -> Decimal:
    """The number in a text such as `83.17`, `R$ 1.045,90` or `1,045.90`."""
    text = re.sub(r"^(?:R\$|US\$|\$|€)\s*", "", raw)
    text = text.replace("," if decimal == "." else ".", "").replace(decimal, ".")
    if len(text) > _LONGEST_NUMBER or not re.fullmatch(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)", text):
        raise ValueError("is not a number")
    return Decimal(text)


def _within(rule: FieldRule, number: Decimal) -> Decimal:
    if rule.min is not None and number < rule.min:
        raise ValueError(f"is less than {rule.min}")
    if rule.max is not None and number > rule.max:
        raise ValueError(f"is more than {rule.max}")
    return number


def _amount(text: str) -> Decimal:
    """A number whose separator before groups of three digits is for thousands: 1.800, 1'500, 1,200; else decimal."""
    if re.fullmatch(r"\d{1,3}(?:[.,'’]\d{3})+", text):
        return Decimal(re.sub(r"\D", "", text))
    return Decimal(text.replace(",", "."))


def _altitude(rule: FieldRule, raw: str, unit: str) -> str:
    """Metres above the sea as `1.872 m` or `1.200–1.400 m`.

    A unit in the text goes before that of the unit column, unless only the latter gives a possible altitude.
    """
    text = raw.casefold()
    amounts = sorted(_amount(found[0]) for found in list(_AMOUNT.finditer(text[:200]))[:2])
    if not amounts:
        raise ValueError("holds no number")
    written = "ft" if _FEET.search(text) else "m" if _METRES.search(text) else unit
    for chosen in dict.fromkeys((written, unit)):
        factor = _METRES_PER_FOOT if chosen == "ft" else Decimal(1)
        metres = [amount * factor for amount in amounts]
        if all(_possible(rule, height) for height in metres):
            return "–".join(dict.fromkeys(_thousands(height) for height in metres)) + " m"
    raise ValueError(f"is not between {rule.min} and {rule.max} m")


def _possible(rule: FieldRule, number: Decimal) -> bool:
    return (rule.min is None or number >= rule.min) and (rule.max is None or number <= rule.max)


def _thousands(number: Decimal) -> str:
    whole = number.quantize(Decimal(1), ROUND_HALF_UP) if number < 10**9 else Decimal(10**9)
    return f"{int(whole):,}".replace(",", ".")


def _weight(rule: FieldRule, raw: str) -> str:
    """Kilograms as `60 kg` or `45,4 kg` (one decimal) of a text such as `60 kg` or `100 lbs`."""
    found = _WEIGHT.fullmatch(raw.casefold())
    if found is None or len(found[1]) > _LONGEST_NUMBER:
        raise ValueError("is not a weight in kg or lbs")
    kilos = Decimal(found[1].replace(",", ".")) * (Decimal(1) if found[2] == "kg" else _KILOS_PER_POUND)
    kilos = _within(rule, kilos)
    try:
        return f"{_shown(kilos.quantize(Decimal('0.1'), ROUND_HALF_UP))} kg"
    except InvalidOperation as error:
        raise ValueError("is too large") from error


def _titled(text: str) -> str:
    """Each word with a capital, but for the small ones inside."""

    def written(found: re.Match[str]) -> str:
        word = found[0]
        return word if found.start() and word in _SMALL_WORDS else word[:1].upper() + word[1:]

    return re.sub(r"(?<![\w'’])\w+", written, text.lower())
