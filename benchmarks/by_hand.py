"""The same statements by hand in psycopg: the limit that this package's cart and checkout are measured against.

One call of the package is recorded, statement by statement, with what it sent; then the same statements are sent over
a plain psycopg connection, for another cart, with other names in the places of the recorded ones. So what is measured
by hand is always what the package does now: same tables, same round trips, same transactions, prepared statements, and
nothing else; no checks, no objects, no layers.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import psycopg
from psycopg.types.json import Json
from sqlalchemy import event
from sqlalchemy.engine import URL

COMMIT = "COMMIT"
_NAMED = re.compile(r"%\((\w+)\)s")


class Step:
    """One statement, with those of its values that belong to the recorded call alone.

    Texts are replaced wherever they stand; the order's row number, which looks like any number, where it is named.
    """

    def __init__(self, sql: str, values: Mapping[str, Any], names: Mapping[str, str], order_id: int | None) -> None:
        self.sql, self._order = _numbered(sql)
        self.makes_order = "INSERT INTO mc_order (" in sql
        self._values = {name: _plain(value) for name, value in values.items()}
        self._row = f'"order_id": {order_id},'
        self._ids = [name for name, value in self._values.items() if order_id and value == order_id and _is_row(name)]
        texts = {name: value for name, value in self._values.items() if isinstance(value, str)}
        self._own = {
            name: text
            for name, text in texts.items()
            if self._row in text or any(old in text for old in names.values())
        }

    def values(self, names: Mapping[str, str], new: Mapping[str, str], order_id: int) -> list[Any]:
        """What is sent this time."""
        values = dict(self._values)
        for name, recorded in self._own.items():
            text = recorded.replace(self._row, f'"order_id": {order_id},')
            for key, old in names.items():
                text = text.replace(old, new[key])
            values[name] = text
        for name in self._ids:
            values[name] = order_id
        return [values[name] for name in self._order]


def _numbered(sql: str) -> tuple[str, list[str]]:
    """The statement with `$1` for the first of its parameters and so on; their names."""
    order = list(dict.fromkeys(_NAMED.findall(sql)))
    return _NAMED.sub(lambda found: f"${order.index(found[1]) + 1}", sql).replace("%%", "%"), order


def _is_row(name: str) -> bool:
    return name.endswith(("order_id", "of_id"))


def _plain(value: Any) -> Any:
    return json.dumps(value.obj) if isinstance(value, Json) else value


class Recording:
    """A call of the package, as the database saw it.

    The call says which texts are its own (`names`), and its order's row number.
    """

    def __init__(self, engine: Any, call: Callable[[], tuple[dict[str, str], int | None]]) -> None:
        sent: list[tuple[str, Mapping[str, Any]]] = []

        def note(_connection: Any, _cursor: Any, sql: str, values: Any, _context: Any, many: bool) -> None:
            if many:
                raise RuntimeError(f"cannot play again what is sent row by row: {sql}")
            sent.append((sql, values))

        def end(_connection: Any) -> None:
            sent.append((COMMIT, {}))

        event.listen(engine, "before_cursor_execute", note)
        event.listen(engine, "commit", end)
        try:
            self.names, order_id = call()
        finally:
            event.remove(engine, "before_cursor_execute", note)
            event.remove(engine, "commit", end)
        self.steps = [None if sql == COMMIT else Step(sql, values, self.names, order_id) for sql, values in sent]
        self.statements = sum(step is not None for step in self.steps)


class ByHand:
    """One connection, held, with prepared statements."""

    def __init__(self, url: URL) -> None:
        self._connection = psycopg.connect(
            dbname=url.database,
            user=url.username,
            host=url.query["host"],
            prepare_threshold=2,
            cursor_factory=psycopg.RawCursor,  # a statement's own $1 is a third faster than psycopg's %(name)s
        )

    def play(self, recording: Recording, new: Mapping[str, str]) -> None:
        """Send the recorded statements with `new` names; those that are not given are made up."""
        names = recording.names
        given = {key: new.get(key) or secrets.token_urlsafe(len(old))[: len(old)] for key, old in names.items()}
        connection, order_id = self._connection, 0
        for step in recording.steps:
            if step is None:
                connection.commit()
                continue
            cursor = connection.execute(step.sql, step.values(names, given, order_id))
            rows = cursor.fetchall() if cursor.description else []
            if step.makes_order:
                order_id = rows[0][0]
