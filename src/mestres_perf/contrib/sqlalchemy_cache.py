"""Caches that follow what SQLAlchemy sessions commit.

Invariant: tags are invalidated after the commit and before `commit()` returns, and only for what was committed: a
rollback, of the whole or to a savepoint, takes with it what it undoes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import event, inspect
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction, sessionmaker

from mestres_perf.cache import Cache
from mestres_perf.errors import ConfigurationError

Rule = Callable[[Any], Iterable[str]]
_PENDING = "mestres_perf_pending"
_EVERYTHING = "\n"  # no tag has a line break


def invalidate_on_commit(
    target: Any,
    *caches: Cache,
    rules: Mapping[type, Rule],
    bulk: Mapping[type, Iterable[str]] | None = None,
) -> Callable[[], None]:
    """Invalidate tags when sessions commit rows of mapped classes; returns what stops it.

    `target` is a sessionmaker, a session or a class of sessions, plain or async. `rules` gives the tags of a row by its
    class or a base class, for instance `{Product: lambda row: [f"product:{row.id}", f"category:{row.category_id}"]}`; a
    changed row is asked twice, with its old values and with its new ones. A bulk UPDATE, DELETE or INSERT names no
    rows: `bulk` gives its tags by class, and a class with a rule and no such tags empties the caches. Statements that
    do not name a mapped class are not seen.

    In an async session the invalidation blocks the loop for as long as Redis takes to answer. Raises
    ConfigurationError.
    """
    if not caches:
        raise ConfigurationError("say which caches: invalidate_on_commit(Session, cache, rules=...)")
    watcher = _Watcher(caches, dict(rules), {kind: tuple(tags) for kind, tags in (bulk or {}).items()})
    sessions = _sessions(target)
    listeners: list[tuple[str, Callable[..., Any]]] = [
        ("before_flush", watcher.before_flush),
        ("after_flush", watcher.after_flush),
        ("do_orm_execute", watcher.execute),
        ("after_commit", watcher.after_commit),
        ("after_transaction_end", watcher.after_transaction_end),
    ]
    for name, listener in listeners:
        event.listen(sessions, name, listener)

    def stop() -> None:
        for name, listener in listeners:
            event.remove(sessions, name, listener)

    return stop


def _sessions(target: Any) -> Any:
    if isinstance(target, AsyncSession):
        return target.sync_session
    if isinstance(target, async_sessionmaker):
        known = target.kw.get("sync_session_class", Session)
        own = type("WatchedSession", (known,), {})  # events on a class are for all of its sessions
        target.configure(sync_session_class=own)
        return own
    if isinstance(target, (Session, sessionmaker)) or (isinstance(target, type) and issubclass(target, Session)):
        return target
    raise ConfigurationError(f"sessions come from a sessionmaker or a Session, not {target!r}")


class _Pending:
    """The tags of each transaction of a session that has not ended, and which of those have been committed."""

    def __init__(self) -> None:
        self.tags: dict[SessionTransaction, set[str]] = {}
        self.committed: set[SessionTransaction] = set()


class _Before:
    """A changed row as it was."""

    def __init__(self, row: Any) -> None:
        self._row = row

    def __getattr__(self, name: str) -> Any:
        attributes = inspect(self._row).attrs
        history = attributes[name].history if name in attributes else None
        return history.deleted[0] if history is not None and history.deleted else getattr(self._row, name)


class _Watcher:
    """Collects tags by transaction."""

    def __init__(self, caches: tuple[Cache, ...], rules: dict[type, Rule], bulk: dict[type, tuple[str, ...]]) -> None:
        self._caches = caches
        self._rules = rules
        self._bulk = bulk

    def before_flush(self, session: Session, *_: Any) -> None:
        """What changed rows were, and what goes."""
        for row in session.dirty:
            self._note(session, row, _Before(row))
        for row in session.deleted:
            self._note(session, row, row)

    def after_flush(self, session: Session, *_: Any) -> None:
        """What new and changed rows are, with the numbers that the database has given them."""
        for row in (*session.new, *session.dirty):
            self._note(session, row, row)

    def execute(self, state: ORMExecuteState) -> None:
        """A statement on a mapped class."""
        if not (state.is_update or state.is_delete or state.is_insert) or state.bind_mapper is None:
            return
        kind = state.bind_mapper.class_
        tags = _nearest(self._bulk, kind)
        if tags is None and _nearest(self._rules, kind) is not None:
            tags = (_EVERYTHING,)
        self._add(state.session, tags or ())

    def after_commit(self, session: Session) -> None:
        """The transaction that is just ending has been committed."""
        transaction = session.get_nested_transaction() or session.get_transaction()
        if transaction is not None:
            self._pending(session).committed.add(transaction)

    def after_transaction_end(self, session: Session, transaction: SessionTransaction) -> None:
        """It has ended: its tags go to the one around it, or are invalidated, or are dropped."""
        pending = self._pending(session)
        tags = pending.tags.pop(transaction, set())
        if transaction not in pending.committed:
            return
        pending.committed.discard(transaction)
        around = transaction.parent
        if around is None:
            self._invalidate(tags)
            return
        while around.parent is not None and not around.nested:
            around = around.parent
        pending.tags.setdefault(around, set()).update(tags)

    def _note(self, session: Session, row: Any, seen: Any) -> None:
        rule = _nearest(self._rules, type(row))
        if rule is not None:
            self._add(session, rule(seen))

    def _add(self, session: Session, tags: Iterable[str]) -> None:
        transaction = session.get_nested_transaction() or session.get_transaction()
        if transaction is not None:
            self._pending(session).tags.setdefault(transaction, set()).update(tags)

    def _pending(self, session: Session) -> _Pending:
        found: _Pending = session.info.setdefault((_PENDING, id(self)), _Pending())  # others may watch it too
        return found

    def _invalidate(self, tags: set[str]) -> None:
        for cache in self._caches:
            if _EVERYTHING in tags:
                cache.clear()
            elif tags:
                cache.invalidate_tags(*sorted(tags))


def _nearest(by_class: Mapping[type, Any], kind: type) -> Any:
    return next((by_class[each] for each in kind.__mro__ if each in by_class), None)
