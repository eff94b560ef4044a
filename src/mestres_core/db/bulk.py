"""Many rows in one statement.

PostgreSQL gets them as one JSON parameter: one prepared statement and one answer, however many rows there are. To send
them one by one costs a fifth of a millisecond more for three rows, and grows. SQLite, which is asked in the same
process, takes them one by one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Column, Integer, Table, Text, bindparam, cast, column, func, insert, select, true, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from mestres_core.db.later import write, write_and_ask

_ROWS = "rows"
_POSITION = "position_of_row"


class InsertMany:
    """INSERT of these columns of a table; the rows' own numbers follow their order.

    `returning` are columns of the rows as they were written, in no certain order. With `key` a row that is there
    already is changed to the given one but for its `fixed` columns, and `returning` has it too.
    """

    def __init__(
        self,
        table: Table,
        *columns: str,
        returning: Sequence[Column[Any]] = (),
        key: Sequence[str] = (),
        fixed: Sequence[str] = (),
    ) -> None:
        given = _given([table.c[name] for name in columns])
        chosen = select(*(given.c[name] for name in columns)).order_by(given.c[_POSITION])
        if key:  # "ON CONFLICT" after a SELECT without WHERE could be the beginning of a join's condition
            chosen = chosen.where(given.c[_POSITION] >= 0)
        in_one: Any = postgresql.insert(table).from_select(list(columns), chosen, include_defaults=False)
        one_by_one: Any = sqlite.insert(table)
        if key:
            in_one, one_by_one = (
                query.on_conflict_do_update(
                    index_elements=list(key),
                    set_={name: query.excluded[name] for name in columns if name not in (*key, *fixed)},
                )
                for query in (in_one, one_by_one)
            )
        self._returns = bool(returning)
        self._in_one = in_one.returning(*returning) if returning else in_one
        self._one_by_one = one_by_one.returning(*returning) if returning else one_by_one.inline()

    def __call__(self, session: Session, rows: Sequence[Mapping[str, Any]]) -> Any:
        """Write the rows (at least one), each with exactly the statement's columns."""
        if session.get_bind().dialect.name == "postgresql":
            send = write_and_ask if self._returns else write
            return send(session, self._in_one, {_ROWS: _as_json(rows)})
        return session.connection().execute(self._one_by_one, list(rows))


class InsertFamily:
    """INSERT of one row with the rows that belong to it: their column `key` is that row's new number.

    The numbers of these rows follow their order.
    """

    def __init__(self, parent: Table, columns: Sequence[str], child: Table, own: Sequence[str], *, key: str) -> None:
        self._key = key
        self._parent = insert(parent).returning(parent.c.id)
        self._children = insert(child).returning(child.c[key], child.c.id)
        made = insert(parent).values({name: bindparam(name) for name in columns}).returning(parent.c.id).cte("made")
        given = _given([child.c[name] for name in own])
        chosen = select(made.c.id, *(given.c[name] for name in own)).select_from(made.join(given, true()))
        chosen = chosen.order_by(given.c[_POSITION])
        in_one = insert(child).from_select([key, *own], chosen, include_defaults=False)
        self._in_one = in_one.returning(child.c[key], child.c.id)

    def __call__(
        self, session: Session, row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
    ) -> tuple[int, list[int]]:
        """Write the row and its own rows (at least one), each with exactly the statement's columns; their numbers."""
        if session.get_bind().dialect.name == "postgresql":
            written = write_and_ask(session, self._in_one, {**row, _ROWS: _as_json(rows)}).all()
        else:
            number = session.execute(self._parent, row).scalar_one()
            children = [{**each, self._key: number} for each in rows]
            written = session.connection().execute(self._children, children).all()
        return int(written[0][0]), sorted(each[1] for each in written)


class UpdateMany:
    """UPDATE of one row for each given one: `key` finds it.

    `add` names integer columns to which its numbers are added, `change` columns that become what is given. The caller
    holds the rows' locks already: a join locks in no certain order.
    """

    def __init__(
        self, table: Table, *, key: Sequence[str], add: Sequence[str] = (), change: Sequence[str] = ()
    ) -> None:
        given = _given([table.c[name] for name in (*key, *add, *change)])
        sums = {name: table.c[name] + given.c[name] for name in add}
        in_one = update(table).values(sums | {name: given.c[name] for name in change})
        sums = {name: table.c[name] + bindparam(f"d_{name}", type_=Integer) for name in add}
        one = update(table).values(sums | {name: bindparam(f"d_{name}", type_=table.c[name].type) for name in change})
        for name in key:
            in_one = in_one.where(table.c[name] == given.c[name])
            one = one.where(table.c[name] == bindparam(f"of_{name}"))
        self._in_one, self._one, self._key, self._given = in_one, one, tuple(key), (*add, *change)

    def __call__(self, session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
        """Change the rows (at least one)."""
        if session.get_bind().dialect.name == "postgresql":
            write(session, self._in_one, {_ROWS: _as_json(rows)})
            return
        named = [
            {f"of_{name}": row[name] for name in self._key} | {f"d_{name}": row[name] for name in self._given}
            for row in rows
        ]
        session.connection().execute(self._one, named)


def _given(columns: Iterable[Column[Any]]) -> Any:
    """The rows of the JSON parameter as a table, with the position of each."""
    parts = [column(each.name, each.type) for each in columns]
    rows = func.json_to_recordset(cast(bindparam(_ROWS, type_=Text), JSON))
    return rows.table_valued(column(_POSITION, Integer), *parts, name="given").render_derived(with_types=True)


def _as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    return _encode([{**row, _POSITION: position} for position, row in enumerate(rows)])


def _plain(value: Any) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise TypeError(f"{value!r} is no value of a column")


_encode = json.JSONEncoder(default=_plain).encode
