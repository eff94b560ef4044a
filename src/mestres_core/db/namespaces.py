"""A shop in a PostgreSQL schema of its own, so that one database has room for several.

The tables are found by the search path, so every statement stays as it is. A shop's own connections get the path from
the start. A host's session gets it for each of its transactions, in front of what it had: the host's own tables are
found as before, since none of ours has the name of one of theirs.
"""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session, SessionTransaction
from sqlalchemy.pool import NullPool

from mestres_core.db import schema
from mestres_core.db.session import normal_url
from mestres_core.errors import DatabaseNotReady

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_KEY = "mestres_schema"
_CONNECTION = "mestres_connection"


def prepare(url: str | URL, name: str) -> URL:
    """Make the schema when there is none, and give the address whose connections look there first.

    Raises DatabaseNotReady on SQLite, which has no schemas, and for a name that is not a plain lower-case word.
    """
    parsed = normal_url(url)
    if parsed.get_backend_name() != "postgresql":
        raise DatabaseNotReady("SQLite has no schemas", "give each shop a file of its own, or use PostgreSQL")
    if not _NAME.fullmatch(name) or name.startswith("pg_"):
        raise DatabaseNotReady(
            f"{name!r} is no name for a schema", "use lower-case letters, digits and _, such as loja_2"
        )
    engine = create_engine(parsed, poolclass=NullPool)
    with engine.begin() as connection:
        schema.create_namespace(connection, name)
    return parsed


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


def join(session: Session, name: str | None) -> None:
    """Have a host's session find the tables of the shop in schema `name`, in this transaction and in later ones.

    Raises DatabaseNotReady when the session already serves a shop in another schema.
    """
    known = _KEY in session.info
    if known and session.info[_KEY] != name:
        raise DatabaseNotReady("this session already serves a shop in another schema", "use one session for each shop")
    session.info[_KEY] = name
    if name is None or known:
        return
    if session.in_transaction():
        _set(session, session.connection(), name)
    event.listen(session, "after_begin", _began)
    event.listen(session, "after_soft_rollback", _rolled_back)


def _set(session: Session, connection: Connection, name: str) -> None:
    """On the driver's own cursor: after a savepoint was taken back, SQLAlchemy lets nothing through for a while."""
    session.info[_CONNECTION] = connection
    cursor = connection.connection.cursor()
    cursor.execute(f"SELECT set_config('search_path', '{name}, ' || current_setting('search_path'), true)")
    cursor.close()


def _began(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    if not transaction.nested:
        _set(session, connection, session.info[_KEY])


def _rolled_back(session: Session, transaction: SessionTransaction) -> None:
    """A savepoint that is taken back takes the path along that was set within it."""
    connection: Connection | None = session.info.get(_CONNECTION)
    if transaction.nested and connection is not None and not connection.closed and connection.in_transaction():
        _set(session, connection, session.info[_KEY])
