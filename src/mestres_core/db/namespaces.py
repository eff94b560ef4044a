"""Several shops in one database: each in a PostgreSQL schema, or under a prefix, of its own.

A schema is found by the search path, so every statement stays as it is. A shop's own connections get the path from the
start, and where the host brings the engine each transaction does. A host's session gets it for each of its
transactions, in front of what it had: the host's own tables are found as before, since none of ours has the name of one
of theirs.

A prefix is put into the text of a statement as it leaves: tables, indexes, constraints and triggers are all called by
their usual names in the code, and `mc_` becomes the prefix on the way out. So no statement is written twice, those of
the migrations neither, and both databases can do it. A shop that has none pays nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Session, SessionTransaction

from mestres_core.db import schema
from mestres_core.db.base import PREFIX
from mestres_core.errors import DatabaseNotReady

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
# The longest of our names has 49 letters, three of which are the usual prefix; PostgreSQL keeps 63.
_PREFIX = re.compile(r"[a-z][a-z0-9_]{0,15}_")
_OURS = re.compile(rf"'[^']*'|(?<![a-z0-9]){PREFIX}(?=[a-z])")
_CATALOGUE = "sqlite_master"
_KEY = "mestres_schema"
_CONNECTION = "mestres_connection"


def check_schema(name: str, dialect: str) -> None:
    """Raises DatabaseNotReady on SQLite, which has no schemas, and for a name that is not a plain lower-case word."""
    if dialect != "postgresql":
        raise DatabaseNotReady(
            "SQLite has no schemas", "give each shop a prefix, such as prefix='norte_', or a file of its own"
        )
    if not _NAME.fullmatch(name) or name.startswith("pg_"):
        raise DatabaseNotReady(
            f"{name!r} is no name for a schema", "use lower-case letters, digits and _, such as loja_2"
        )


def search_path(name: str) -> str:
    """What a connection of the shop's own is started with. `public` is where extensions are."""
    return f"-c search_path={name},public"


def look_in(engine: Engine, name: str) -> None:
    """The same for an engine whose driver takes no options at the start."""

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET search_path TO {name}, public")
        cursor.close()
        connection.commit()


def within(engine: Engine, name: str) -> Engine:
    """The host's engine with each transaction looking in schema `name` first; its connections are given back unchanged.

    Raises DatabaseNotReady as `check_schema` does.
    """
    check_schema(name, engine.dialect.name)
    derived = engine.execution_options()

    @event.listens_for(derived, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(_path(name))

    return derived


def under(engine: Engine, prefix: str) -> Engine:
    """The engine with our tables called by `prefix`; who uses `engine` itself sees no difference.

    Raises DatabaseNotReady for a prefix that is none.
    """
    if not _PREFIX.fullmatch(prefix) or PREFIX in prefix or prefix.startswith(("pg_", "sqlite_")):
        raise DatabaseNotReady(
            f"{prefix!r} is no prefix for tables",
            "use up to 17 lower-case letters, digits and _, the last of them _, and no mc_ in it: such as norte_",
        )
    derived = engine.execution_options(**{schema.PREFIXED: prefix})
    event.listen(derived, "before_cursor_execute", _renaming(prefix), retval=True)
    return derived


@lru_cache
def _renaming(prefix: str) -> Callable[..., Any]:
    """The same function for the same prefix."""

    @lru_cache(maxsize=2048)
    def renamed(statement: str) -> str:
        makes = statement.lstrip()[:6].upper() == "CREATE"  # a full-text table is told of its source in quotes

        def of(found: re.Match[str]) -> str:
            if found[0] == PREFIX:
                return prefix
            return found[0].replace(f"'{PREFIX}", f"'{prefix}") if makes else found[0]

        return _OURS.sub(of, statement)

    def leaves(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: Any) -> Any:
        if _CATALOGUE in statement and isinstance(parameters, tuple):  # a migration asks SQLite for a table by its name
            parameters = tuple(_OURS.sub(prefix, each) if isinstance(each, str) else each for each in parameters)
        return renamed(statement), parameters

    return leaves


def join(session: Session, name: str | None, prefix: str | None = None) -> None:
    """Have a host's session find the tables of one shop, in this transaction and in later ones.

    Raises DatabaseNotReady when the session, or the connection that it was given, already serves another shop.
    """
    where, bind = (name, prefix), session.get_bind()
    if session.info.get(_KEY, where) != where or (isinstance(bind, Connection) and _other(bind, prefix)):
        raise DatabaseNotReady("this session already serves a shop in another schema", "use one session for each shop")
    known = _KEY in session.info
    session.info[_KEY] = where
    if where == (None, None) or known:
        return
    if session.in_transaction():
        _set(session, session.connection())
    event.listen(session, "after_begin", _began)
    if name is not None:
        event.listen(session, "after_soft_rollback", _rolled_back)


def _other(connection: Connection, prefix: str | None) -> bool:
    return connection.get_execution_options().get(schema.PREFIXED, prefix) != prefix


def _path(name: str) -> str:
    """Puts the schema in front, unless it is: a path that grew with each savepoint would make each slower."""
    told = "current_setting('search_path')"
    return f"SELECT set_config('search_path', '{name}, ' || {told}, true) WHERE NOT starts_with({told}, '{name}, ')"


def _set(session: Session, connection: Connection) -> None:
    name, prefix = session.info[_KEY]
    if prefix is not None and schema.PREFIXED not in connection.get_execution_options():
        connection.execution_options(**{schema.PREFIXED: prefix})
        event.listen(connection, "before_cursor_execute", _renaming(prefix), retval=True)
    if name is None:
        return
    # On the driver's own cursor: after a savepoint was taken back, SQLAlchemy lets nothing through for a while.
    session.info[_CONNECTION] = connection
    cursor = connection.connection.cursor()
    cursor.execute(_path(name))
    cursor.close()


def _began(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    if not transaction.nested:
        _set(session, connection)


def _rolled_back(session: Session, transaction: SessionTransaction) -> None:
    """A savepoint that is taken back takes the path along that was set within it."""
    connection: Connection | None = session.info.get(_CONNECTION)
    if transaction.nested and connection is not None and not connection.closed and connection.in_transaction():
        _set(session, connection)
