"""Hearing of the commits of a session that is the host's.

The host ends its transactions as it likes; what was written in them by our services is known when it commits, and
forgotten when it rolls back. Of a savepoint that was rolled back inside a transaction that was committed nothing is
known here: its facts are told, too, though they are in no outbox. That is right for caches, which then load once more.

A session may have joined a transaction that its connection was in already, its commit is not yet the database's. Its
facts are told once more when the connection goes back to the pool: who has read in between has read what was before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.orm import Session

from mestres_core.events.facts import Fact

_KEY = "mestres_facts"


def facts_of(session: Session, owner: object, tell: Callable[[Sequence[Fact]], None]) -> list[Fact]:
    """The list to which facts written in this session are added; `tell` gets them right after each commit.

    `owner` is the shop: several may work in one session.
    """
    lists: dict[int, list[Fact]] = session.info.setdefault(_KEY, {})
    if id(owner) not in lists:
        waiting = lists[id(owner)] = []
        _listen(session, waiting, tell)
    return lists[id(owner)]


def _listen(session: Session, waiting: list[Fact], tell: Callable[[Sequence[Fact]], None]) -> None:
    def committed(_session: Any) -> None:
        if session.get_nested_transaction() is None and waiting:
            facts = tuple(waiting)
            waiting.clear()
            tell(facts)
            _tell_again(session, partial(tell, facts))

    def rolled_back(_session: Any, transaction: Any) -> None:
        if transaction.parent is None:
            waiting.clear()

    event.listen(session, "after_commit", committed)
    event.listen(session, "after_soft_rollback", rolled_back)


def _tell_again(session: Session, tell: Callable[[], None]) -> None:
    bind = session.get_bind()
    # In an event loop nobody could be awaited when a connection goes back.
    if isinstance(bind, Connection) and bind.in_transaction() and not bind.dialect.is_async:
        pool = bind.engine.pool
        if not event.contains(pool, "checkin", _given_back):
            event.listen(pool, "checkin", _given_back)
        bind.info.setdefault(_KEY, []).append(tell)


def _given_back(_connection: Any, record: Any) -> None:
    for tell in record.info.pop(_KEY, ()):
        tell()
