"""How PostgreSQL does what a call asks of it: the very statements that were sent, each with its plan."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, event

from mestres_core.errors import DatabaseNotReady

_EXPLAIN = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "
_WRITES = re.compile(r"\b(INSERT INTO|(?<!FOR )UPDATE|DELETE FROM|MERGE INTO)\b")


@dataclass(frozen=True, slots=True)
class Plan:
    """One statement and how it went: `seconds` to plan and run it, pages found in memory and read from disk."""

    statement: str
    seconds: float
    pages_hit: int
    pages_read: int
    indexes: tuple[str, ...]
    scanned: tuple[str, ...]
    """Tables that were read from end to end."""


def plans(engine: Engine, call: Callable[[], object]) -> tuple[Plan, ...]:
    """The plans of every SELECT that `call` sends through `engine`; each runs once more, under EXPLAIN ANALYZE.

    Raises DatabaseNotReady for any database but PostgreSQL: no other tells the times of its plans.
    """
    if engine.dialect.name != "postgresql":
        raise DatabaseNotReady(f"{engine.dialect.name} does not time its plans", "use a postgresql://... address")
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if _reads(statement) and not many:
            sent.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        call()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    with engine.connect() as connection:
        return tuple(_plan(connection, statement, parameters) for statement, parameters in sent)


def _reads(statement: str) -> bool:
    """Whether it may be sent again: a WITH may hold writes."""
    text = statement.lstrip().upper()
    return text.startswith("SELECT") or (text.startswith("WITH") and _WRITES.search(text) is None)


def _plan(connection: Any, statement: str, parameters: Any) -> Plan:
    report = connection.exec_driver_sql(_EXPLAIN + statement, parameters).scalar_one()[0]
    nodes = list(_nodes(report["Plan"]))
    return Plan(
        statement=statement,
        seconds=(report["Planning Time"] + report["Execution Time"]) / 1000,
        pages_hit=report["Plan"].get("Shared Hit Blocks", 0),
        pages_read=report["Plan"].get("Shared Read Blocks", 0),
        indexes=tuple(dict.fromkeys(node["Index Name"] for node in nodes if "Index Name" in node)),
        scanned=tuple(dict.fromkeys(node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan")),
    )


def _nodes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)
