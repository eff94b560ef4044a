"""Pages by key: each begins right after the last row of the one before.

A page by number makes the database count its way through all that comes earlier, and shows a row twice, or never, when
others are added meanwhile. A page by key costs the same wherever it lies, and whoever follows the cursors sees every
row that is there all the time exactly once.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, tuple_

from mestres_core.errors import ValidationError
from mestres_core.rules.checks import BIGGEST_ID, Checks, storable

_AFTER = "after_"


@dataclass(frozen=True, slots=True)
class Keyset:
    """An order of rows: by `columns`, all of them up or all `down`; the last one is unique, so that there are no ties.

    All in one direction, because a database finds its place by a comparison of rows only then. `name` is written into
    the cursors: one that was made for another order is refused.
    """

    name: str
    columns: tuple[Any, ...]
    down: bool = False
    texts: frozenset[int] = frozenset()
    """The positions of the columns that are texts; the others are whole numbers."""

    def sort(self, query: Select[Any]) -> Select[Any]:
        """The rows in this order."""
        return query.order_by(*(column.desc() if self.down else column for column in self.columns))

    def behind(self) -> ColumnElement[bool]:
        """The rows after the one whose values are the parameters that `place` names."""
        places = [
            bindparam(f"{_AFTER}{index}", type_=column.type, unique=False) for index, column in enumerate(self.columns)
        ]
        if len(places) == 1:
            return self._beyond(self.columns[0], places[0])
        return self._beyond(tuple_(*self.columns), tuple_(*places))

    def _beyond(self, one: Any, other: Any) -> ColumnElement[bool]:
        found: ColumnElement[bool] = one < other if self.down else one > other
        return found

    def place(self, values: Sequence[Any]) -> dict[str, Any]:
        """The parameters of `behind`."""
        return {f"{_AFTER}{index}": value for index, value in enumerate(values)}

    def pack(self, values: Sequence[Any]) -> str:
        """Where a page ended, for the client to hand back."""
        return base64.urlsafe_b64encode(json.dumps([self.name, *values]).encode()).decode().rstrip("=")

    def unpack(self, cursor: Any) -> list[Any]:
        """What was packed. Raises ValidationError for a cursor that this order did not make."""
        expected = [str if index in self.texts else int for index in range(len(self.columns))]
        try:
            padded = cursor + "=" * (-len(cursor) % 4)
            made_for, *values = json.loads(base64.urlsafe_b64decode(padded.encode()))
        except (ValueError, TypeError, RecursionError):
            raise ValidationError.of("cursor", "invalid", reason="not a cursor of this list") from None
        if made_for != self.name or [type(value) for value in values] != expected or not all(map(_usable, values)):
            raise ValidationError.of("cursor", "invalid", reason="made for another order")
        return list(values)

    def read(self, checks: Checks, cursor: Any) -> list[Any] | None:
        """What was packed, None without a cursor; a wrong one is noted with whatever else is wrong."""
        if cursor is None:
            return None
        try:
            return self.unpack(cursor)
        except ValidationError as wrong:
            checks.errors.extend(wrong.errors)
            return None

    def following(self, rows: Sequence[Any], size: int, values: Callable[[Any], Sequence[Any]]) -> str | None:
        """The cursor after the first `size` of these rows; None when there are no more."""
        return self.pack(values(rows[size - 1])) if len(rows) > size else None


def _usable(value: str | int) -> bool:
    return storable(value) if isinstance(value, str) else abs(value) <= BIGGEST_ID
