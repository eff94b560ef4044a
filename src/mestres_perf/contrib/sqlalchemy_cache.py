"""Caches that follow what SQLAlchemy sessions commit.

Invariant: tags are invalidated after the commit and before `commit()` returns, and only for what was committed: a
rollback, of the whole or to a savepoint, takes with it what it undoes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import event, inspect, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import InstanceState, Mapper, ORMExecuteState, Session, SessionTransaction, sessionmaker
from sqlalchemy.orm.exc import ObjectDeletedError
from sqlalchemy.util.concurrency import await_only, in_greenlet

from mestres_perf.cache import Cache
from mestres_perf.errors import ConfigurationError

Rule = Callable[[Any], Iterable[str]]
_PENDING = "mestres_perf_pending"
_EVERYTHING = "\n"  # no tag has a line break
_tasks: set[asyncio.Future[None]] = set()  # a loop keeps only weak references to its tasks


def invalidate_on_commit(
    target: Any,
    *caches: Cache,
    rules: Mapping[type, Rule],
    bulk: Mapping[type, Iterable[str]] | None = None,
) -> Callable[[], None]:
    """Invalidate tags when sessions commit rows of mapped classes; returns what stops it.

    `target` is a sessionmaker, a session or a class of sessions, plain or async. `rules` gives the tags of a row by its
    class or a base class, for instance `{Product: lambda row: [f"product:{row.id}", f"category:{row.category_id}"]}`; a
    changed row is asked twice, with its old values and with its new ones, and so are the rows at both ends of a
    many-to-many relationship that changes. A rule should read columns: they are what a flush writes.

    A bulk UPDATE, DELETE or INSERT through a session names no rows, whether it is of a class or of its table: `bulk`
    gives its tags by class, and a class with a rule and no such tags empties the caches.

    Not seen is what a session does not know of: SQL as text or inside a query, the `bulk_...` methods of old, what is
    run on `session.connection()`, and what the database does by itself (ON DELETE CASCADE, triggers). Nor is a commit
    whose answer was lost on the way, which raises although it may have happened. An outbox in the same transaction has
    none of these gaps.

    An async session's `commit()` returns when the caches have been told, and lets the loop work meanwhile. Raises
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
        self.tags: dict[SessionTransaction | None, set[str]] = {}  # None: of the statement that will begin one
        self.committed: set[SessionTransaction] = set()
        self.known: set[InstanceState[Any]] = set()  # rows of the flush under way whose old values have been seen


class _UnknownError(Exception):
    """What a row was, nobody can say any more."""


class _Before:
    """A changed row as it was; `is_flushed` when the database does not have the old values any more."""

    def __init__(self, session: Session, row: Any, *, is_flushed: bool) -> None:
        self._session = session
        self._row = row
        self._is_flushed = is_flushed

    def __getattr__(self, name: str) -> Any:
        state = inspect(self._row)
        history = state.attrs[name].history if name in state.attrs else None
        if history is None or not (history.added or history.deleted):
            return getattr(self._row, name)
        return history.deleted[0] if history.deleted else self._asked(state, name)

    def _asked(self, state: InstanceState[Any], name: str) -> Any:
        """A column that was set without having been read: only the database knows what it was."""
        mapper = state.mapper
        if self._is_flushed or name not in mapper.columns or state.identity is None:
            raise _UnknownError
        keys = [key == value for key, value in zip(mapper.primary_key, state.identity, strict=True)]
        connection = self._session.connection(bind_arguments={"mapper": mapper})
        return connection.scalar(select(getattr(mapper.class_, name)).where(*keys))


class _Watcher:
    """Collects tags by transaction."""

    def __init__(self, caches: tuple[Cache, ...], rules: dict[type, Rule], bulk: dict[type, tuple[str, ...]]) -> None:
        self._caches = caches
        self._rules = rules
        self._bulk = bulk

    def before_flush(self, session: Session, *_: Any) -> None:
        """What changed rows were, and what goes."""
        known = self._pending(session).known
        known.update(inspect(row) for row in (*session.dirty, *session.deleted))
        for row in session.dirty:
            self._note(session, row, _Before(session, row, is_flushed=False))
        for row in session.deleted:
            self._note(session, row, row)
        for row in (*session.new, *session.dirty, *session.deleted):
            self._note_others(session, row)

    def after_flush(self, session: Session, context: Any) -> None:
        """What new and changed rows are, with the numbers that the database has given them.

        All that was written, that is: rows that only follow others, such as orphans, come to light in the flush.
        """
        known = self._pending(session).known
        for state, (is_deleted, is_only_looked_at) in tuple(context.states.items()):
            row = state.obj()
            if row is None or is_only_looked_at:
                continue
            if state not in known and state.identity is not None and row not in session.new:
                self._note(session, row, _Before(session, row, is_flushed=True))
            if not is_deleted or state not in known:
                self._note(session, row, row)
        known.clear()

    def execute(self, state: ORMExecuteState) -> None:
        """A statement on a mapped class, or on a table of one."""
        if not (state.is_update or state.is_delete or state.is_insert):
            return
        if state.bind_mapper is not None:
            kinds = [state.bind_mapper.class_]
        else:
            table = getattr(state.statement, "table", None)
            kinds = [kind for watched in (*self._rules, *self._bulk) for kind in _mapped(watched) if _has(kind, table)]
        for kind in kinds:
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
        if transaction.parent is None:
            tags |= pending.tags.pop(None, set())
        if transaction not in pending.committed:
            return
        pending.committed.discard(transaction)
        around = transaction.parent
        if around is None:
            self._publish(tags)
            return
        while around.parent is not None and not around.nested:
            around = around.parent
        pending.tags.setdefault(around, set()).update(tags)

    def _note(self, session: Session, row: Any, seen: Any) -> None:
        rule = _nearest(self._rules, type(row))
        if rule is None:
            return
        try:
            tags = tuple(rule(seen))
        except (_UnknownError, ObjectDeletedError):
            tags = (_EVERYTHING,)
        self._add(session, tags)

    def _note_others(self, session: Session, row: Any) -> None:
        """Rows at the other end of a many-to-many relationship, which are not written themselves."""
        state = inspect(row)
        for relation in state.mapper.relationships:
            other = relation.mapper.class_
            if relation.secondary is None or not (
                _nearest(self._rules, other) or any(issubclass(each, other) for each in self._rules)
            ):
                continue
            attribute = state.attrs[relation.key]
            gone = row in session.deleted
            history = attribute.load_history() if gone else attribute.history
            for each in (*history.added, *history.deleted, *(history.unchanged if gone else ())):
                if each is not None and each not in session.new:
                    self._note(session, each, each)

    def _add(self, session: Session, tags: Iterable[str]) -> None:
        transaction = session.get_nested_transaction() or session.get_transaction()
        self._pending(session).tags.setdefault(transaction, set()).update(tags)

    def _pending(self, session: Session) -> _Pending:
        found: _Pending = session.info.setdefault((_PENDING, id(self)), _Pending())  # others may watch it too
        return found

    def _publish(self, tags: set[str]) -> None:
        if tags and in_greenlet():  # an async session: the loop works on while Redis is asked
            await_only(_to_the_end(self._atell(tags)))
        elif tags:
            for cache in self._caches:
                if _EVERYTHING in tags:
                    cache.clear()
                else:
                    cache.invalidate_tags(*sorted(tags))

    async def _atell(self, tags: set[str]) -> None:
        for cache in self._caches:
            if _EVERYTHING in tags:
                await cache.aclear()
            else:
                await cache.ainvalidate_tags(*sorted(tags))


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """What is committed is told, also when whoever waits for it is cancelled."""
    task = asyncio.ensure_future(work)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    await asyncio.shield(task)


def _mapped(kind: type) -> Iterator[type]:
    """The mapped classes that a rule for this class is for."""
    if inspect(kind, raiseerr=False) is not None:
        yield kind
    subclasses: list[type] = kind.__subclasses__()
    for below in subclasses:
        yield from _mapped(below)


def _has(kind: type, table: Any) -> bool:
    """Whether rows of the class are in this table, or are connected by it."""
    mapper: Mapper[Any] = inspect(kind)
    return table in mapper.tables or any(
        table is relation.secondary and (mapper.isa(each) or mapper.isa(relation.mapper))
        for each in mapper.registry.mappers
        for relation in each.relationships
    )


def _nearest(by_class: Mapping[type, Any], kind: type) -> Any:
    return next((by_class[each] for each in kind.__mro__ if each in by_class), None)
