"""What was searched for: counted in memory, written in one statement now and then.

A search is a read and stays one: nobody waits for the log, and nothing of it is lost but what a killed process had not
written yet. It holds words and numbers, never who asked; what looks like an e-mail address or a document's number is
left out.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

from sqlalchemy import bindparam, case, delete, select
from sqlalchemy.orm import Session

from mestres_core.db.dialects.sql import insert as upsert
from mestres_core.rules.checks import storable
from mestres_core.rules.text import tokens
from mestres_core.search.dto import AskedQuery
from mestres_core.search.models import asked

LONGEST = 200
_MOST_KEPT = 10_000
_DUE_AFTER, _DUE_SECONDS = 500, 5.0
_PERSONAL = re.compile(r"@|(?:[0-9][ .\-/]?){9,}")
_HEARD = 2
"""So often at least a query must have been asked to be suggested to others."""

_SUGGESTED = (
    select(asked.c.text)
    .where(
        asked.c.query >= bindparam("first"),
        asked.c.query < bindparam("after"),
        asked.c.results > 0,
        asked.c.asked >= _HEARD,
    )
    .order_by(asked.c.asked.desc(), asked.c.query)
    .limit(bindparam("most"))
)


@dataclass(slots=True)
class _Count:
    text: str
    asked: int = 0
    unanswered: int = 0
    results: int = 0


class QueryLog:
    """The searches of this process that are not written yet. One per shop, shared by all threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: dict[str, _Count] = {}
        self._noted = 0
        self._since: float | None = None  # when the first of them was noted

    def note(self, query: str, results: int) -> None:
        """One search: `results` is how many products have what was typed, 0 also when others were shown instead."""
        key = normal(query)
        if not key or _PERSONAL.search(query):
            return
        with self._lock:
            count = self._counts.get(key)
            if count is None:
                if len(self._counts) >= _MOST_KEPT:
                    return  # nobody writes: rather lose some than grow for ever
                count = self._counts[key] = _Count("")
            count.text = " ".join(query.split())[:LONGEST]
            count.asked += 1
            count.unanswered += not results
            count.results = results
            self._noted += 1
            if self._since is None:
                self._since = time.monotonic()

    def due(self, *, at_once: bool = False) -> bool:
        """Whether it is time to write; `at_once` when there is anything."""
        since = self._since
        if since is None:
            return False
        return at_once or self._noted >= _DUE_AFTER or time.monotonic() - since > _DUE_SECONDS

    def take(self) -> Mapping[str, _Count]:
        """What is to be written; it is somebody's own from now on."""
        with self._lock:
            counts, self._counts, self._noted, self._since = self._counts, {}, 0, None
        return counts

    def give_back(self, counts: Mapping[str, _Count]) -> None:
        """What could not be written."""
        with self._lock:
            for key, count in counts.items():
                mine = self._counts.setdefault(key, _Count(count.text, results=count.results))
                mine.asked += count.asked
                mine.unanswered += count.unanswered
                self._noted += count.asked
            if counts and self._since is None:
                self._since = time.monotonic()


def normal(query: str) -> str:
    """A query as it is counted: its folded words."""
    if not isinstance(query, str) or not storable(query):
        return ""
    return " ".join(typed for typed, _ in tokens(query[:LONGEST]))[:LONGEST]


def write(session: Session, dialect: str, counts: Mapping[str, _Count], now: datetime) -> None:
    """Add them to what is there, in the order of their names: two writers never wait for each other in a ring."""
    if not counts:
        return
    rows = [
        {
            "query": key,
            "text": counts[key].text,
            "asked": counts[key].asked,
            "unanswered": counts[key].unanswered,
            "results": counts[key].results,
            "first_at": now,
            "last_at": now,
        }
        for key in sorted(counts)
    ]
    query = upsert(dialect, asked)
    new = query.excluded
    session.execute(
        query.on_conflict_do_update(
            index_elements=["query"],
            set_={
                "text": new.text,
                "asked": asked.c.asked + new.asked,
                "unanswered": asked.c.unanswered + new.unanswered,
                "results": new.results,
                "last_at": case((new.last_at > asked.c.last_at, new.last_at), else_=asked.c.last_at),
            },
        ),
        rows,
    )


def report(session: Session, *, limit: int, since: datetime | None, without_results: bool) -> tuple[AskedQuery, ...]:
    """The most asked, or the most often unanswered, first."""
    by = asked.c.unanswered if without_results else asked.c.asked
    query = select(asked).order_by(by.desc(), asked.c.query).limit(limit)
    if without_results:
        query = query.where(asked.c.unanswered > 0)
    if since is not None:
        query = query.where(asked.c.last_at >= since)
    return tuple(
        AskedQuery(row.query, row.text, row.asked, row.unanswered, row.results, row.first_at, row.last_at)
        for row in session.execute(query)
    )


def forget(session: Session, before: datetime) -> int:
    """Drop what nobody has asked since; how many those were."""
    gone: Any = session.execute(delete(asked).where(asked.c.last_at < before))
    return int(gone.rowcount)


def suggestions(session: Session, query: str, most: int) -> Sequence[str]:
    """Past queries that go on from here and were answered, the most asked first."""
    first = normal(query)
    if not first:
        return ()
    of = {"first": first, "after": f"{first[:-1]}{chr(ord(first[-1]) + 1)}", "most": most}
    return session.execute(_SUGGESTED, of).scalars().all()
