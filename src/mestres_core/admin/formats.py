"""Tables as files: CSV and NDJSON as a stream, XLSX by way of a temporary file.

No cell becomes a formula. In CSV a text that begins like one (`=`, `+`, `-`, `@`, tab, carriage return) gets an
apostrophe in front, which a bulk import takes away again; XLSX says of each cell that it is text. Numbers stay numbers,
money is whole minor units, moments are ISO 8601 in UTC.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib.util import find_spec
from typing import Any

from mestres_core.errors import ValidationError

Rows = Iterable[Sequence[Sequence[Any]]]
"""Rows, a page at a time."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_SHEET = 1_048_576  # rows that a sheet can hold
_CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Format:
    """How a table is written: `stream` makes the bytes of column names and pages of rows."""

    media_type: str
    stream: Callable[[Sequence[str], Rows], Iterator[bytes]]


def choose(name: Any) -> Format:
    """The format of that name. Raises ValidationError for the field `format`, also when its library is missing."""
    usable = [each for each in FORMATS if each != "xlsx" or find_spec("xlsxwriter") is not None]
    if not isinstance(name, str) or name not in usable:
        raise ValidationError.of("format", "unknown", choices=", ".join(usable))
    return FORMATS[name]


def safe_cell(value: Any) -> Any:
    """A value as a cell of a CSV file that no spreadsheet takes for a formula."""
    value = _cell(value)
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return _moment(value)
    return value.isoformat() if isinstance(value, date) else value


def _moment(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


def _safe_cells(values: Sequence[Any]) -> Sequence[Any]:
    """`safe_cell` of a whole column: most are of one kind, and numbers need nothing done to them."""
    kinds = {*map(type, values)}
    if kinds == {int}:
        return values
    if kinds == {str}:
        return [f"'{value}" if value[:1] in _FORMULA else value for value in values]
    if kinds == {datetime}:
        return [_moment(value) for value in values]
    return [safe_cell(value) for value in values]


def _csv(columns: Sequence[str], pages: Rows) -> Iterator[bytes]:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(columns)
    for page in pages:
        writer.writerows(zip(*map(_safe_cells, zip(*page, strict=True)), strict=True))
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue().encode()


def _ndjson(columns: Sequence[str], pages: Rows) -> Iterator[bytes]:
    for page in pages:
        objects = (
            {
                name: _cell(value) if not isinstance(value, bool) else value
                for name, value in zip(columns, row, strict=True)
            }
            for row in page
        )
        yield "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in objects).encode()


def _xlsx(columns: Sequence[str], pages: Rows) -> Iterator[bytes]:
    import xlsxwriter  # noqa: PLC0415 - the extra `xlsx`

    with tempfile.TemporaryFile() as file:
        book = xlsxwriter.Workbook(file, {"constant_memory": True})
        sheet, line = book.add_worksheet(), 0
        for index, name in enumerate(columns):
            sheet.write_string(0, index, name)
        for row in (row for page in pages for row in page):
            line += 1
            if line == _SHEET:
                sheet, line = book.add_worksheet(), 0
            for index, value in enumerate(map(_cell, row)):
                if isinstance(value, int | float):
                    sheet.write_number(line, index, value)
                elif value is not None:
                    sheet.write_string(line, index, str(value))
        book.close()
        file.seek(0)
        while chunk := file.read(_CHUNK):
            yield chunk


FORMATS: Mapping[str, Format] = {
    "csv": Format("text/csv; charset=utf-8", _csv),
    "ndjson": Format("application/x-ndjson", _ndjson),
    "xlsx": Format("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", _xlsx),
}
