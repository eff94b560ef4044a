"""The shop's rules, kept in memory and read again when somebody has changed them.

Prices' schedules, promotions, tax rates and shipping tables are few, change seldom, and are needed whenever something
is priced. So they are not asked for each time: the book has a stamp, a new random one for each change, written in the
change's own transaction. Whoever prices something reads the stamp within a statement that is sent anyhow (`STAMP`), and
reads a chapter only when its stamp is not the one in memory.

Invariant: what was changed before a transaction read the stamp is in the chapters that it gets. What another
transaction has not committed, or has rolled back, is under a stamp that nobody else ever reads.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar, cast

from sqlalchemy import Column, Connection, Integer, String, Table, bindparam, event, insert, select, update
from sqlalchemy.orm import Session

from mestres_core.db.base import PREFIX, metadata
from mestres_core.typing import Ids

T = TypeVar("T")
_MOST_KEPT = 64

rulebook = Table(
    f"{PREFIX}rulebook",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1: there is one book
    Column("stamp", String(64), nullable=False),
)


@event.listens_for(rulebook, "after_create")
def _begin(_table: Table, connection: Connection, **_rest: Any) -> None:
    connection.execute(insert(rulebook).values(id=1, stamp=secrets.token_urlsafe(24)))


STAMP = select(rulebook.c.stamp).where(rulebook.c.id == 1).scalar_subquery().label("rules_stamp")
"""The book's stamp, as a column of another statement."""

_TOUCH = update(rulebook).where(rulebook.c.id == 1).values(stamp=bindparam("to"))


class Rulebook:
    """The chapters that were read, by stamp. One for each shop object; threads may share it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], object] = OrderedDict()
        self._lock = threading.Lock()

    def chapter(self, name: str, stamp: str, load: Callable[[], T]) -> T:
        """The chapter called `name` under this stamp; `load` reads it from the database of the same transaction."""
        key = (name, stamp)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return cast("T", self._kept[key])
        content = load()
        with self._lock:
            self._kept[key] = content
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return content


def stamp_of(session: Session) -> str:
    """The stamp, by a statement of its own."""
    return str(session.execute(select(STAMP)).scalar_one())


def touch(session: Session, ids: Ids) -> Any:
    """Give the book a new stamp: call it after the statement that changed a rule, in the same method."""
    session.execute(_TOUCH, {"to": ids.token()})
