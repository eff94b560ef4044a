"""Bringing a database to the present version of the tables.

The tables carry their own Alembic history in a version table of their own, beside whatever the host keeps. A database
that has none of them gets them as the code declares them, and the last revision's name: to go through the whole history
would make the same, in several times as long. What a table needs beyond itself, its module says ("after_create").
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.schema import CreateSchema

from mestres_core.db.base import PREFIX, VERSION_TABLE, metadata
from mestres_core.db.dialects.sqlite import is_configured
from mestres_core.errors import DatabaseNotReady

HEAD = "0023"
PREFIXED = "mestres_prefix"
"""The execution option that holds a prefix of a shop's own."""
_SCRIPTS = Path(__file__).parent / "migrations"
_versions = Table(  # as Alembic makes it
    VERSION_TABLE,
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name=f"{VERSION_TABLE}_pkc"),
)
_PATIENCE = text("SELECT set_config('lock_timeout', :time, true)")
_LOCK = 0x6D65_7374_7265_73  # any number that others do not use: "mestres"


def migrate(engine: Engine, revision: str = "head", *, schema: str | None = None) -> None:
    """Create or upgrade the tables, or go back to an earlier `revision`; costs a query when there is nothing to do.

    Several processes may do it at once: one of them will. Tables in a `schema` are looked for in that one alone:
    another shop's may be on the search path behind it. Raises DatabaseNotReady for a revision unknown here.
    """
    if not isinstance(revision, str) or not revision:
        raise DatabaseNotReady(f"{revision!r} is no revision", f"give 'head', 'base', or one such as {HEAD!r}")
    if revision == "head" and version(engine, schema) == HEAD:
        return
    with _alone(engine) as connection:
        if revision == "head" and _version(connection, schema) is None:
            _create(connection, schema)
        else:
            _alembic(connection, revision, schema)


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """A transaction that nobody else has in which tables are made; on SQLite each that writes is one.

    Whoever waits for it waits as long as a migration takes, whatever the engine says of locks, and then sees what it
    has made, whatever it says of isolation.
    """
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="READ COMMITTED")
        with connection.begin():
            if connection.dialect.name == "postgresql":
                patience = connection.execute(text("SELECT current_setting('lock_timeout')")).scalar()
                connection.execute(_PATIENCE, {"time": "0"})
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
                connection.execute(_PATIENCE, {"time": patience})
            yield connection


def version(engine: Engine, schema: str | None = None) -> str | None:
    """The revision that a database, or a schema of it, is at; None when it has no tables of ours."""
    with engine.connect() as connection:
        return _version(connection, schema)


def own_name(connection: Connection, name: str) -> str:
    """What one of our tables, indexes or constraints is called on this connection: for whoever looks it up by name."""
    return name.replace(PREFIX, connection.get_execution_options().get(PREFIXED, PREFIX), 1)


def create_namespace(engine: Engine, name: str) -> None:
    """Make a PostgreSQL schema when it is not there yet; several processes may do it at once."""
    with _alone(engine) as connection:
        found = connection.execute(text("SELECT to_regnamespace(:name)::text"), {"name": name}).scalar()
        if found is None:  # asked first: whoever may not create schemas can use one that is there
            connection.execute(CreateSchema(name))


def check(engine: Engine) -> None:
    """Raises DatabaseNotReady when the engine is not one that this package can work with safely."""
    if engine.dialect.name not in ("sqlite", "postgresql"):
        raise DatabaseNotReady(f"{engine.dialect.name} is not supported", "use SQLite or PostgreSQL")
    if engine.dialect.name == "sqlite" and not is_configured(engine):
        raise DatabaseNotReady(
            "this SQLite engine is not set up for concurrent writing",
            "call mestres_core.configure_sqlite(engine) right after creating it",
        )


def check_transactions(engine: Engine | Connection) -> None:
    """Raises DatabaseNotReady for an engine in autocommit: half of what failed would stay."""
    told = engine.get_execution_options().get("isolation_level")
    level = told or getattr(engine.dialect, "_on_connect_isolation_level", None) or ""
    if str(level).upper() == "AUTOCOMMIT":
        raise DatabaseNotReady(
            "this engine is in autocommit and has no transactions", "create it without isolation_level='AUTOCOMMIT'"
        )


def _version(connection: Connection, schema: str | None) -> str | None:
    if not _has_versions(connection, schema):
        return None
    return connection.execute(select(_versions.c.version_num)).scalar()


def _has_versions(connection: Connection, schema: str | None) -> bool:
    return inspect(connection).has_table(own_name(connection, VERSION_TABLE), schema=schema)


def _create(connection: Connection, schema: str | None) -> None:
    """Raises DatabaseNotReady where there are tables that nobody knows the revision of."""
    first = own_name(connection, metadata.sorted_tables[0].name)
    if inspect(connection).has_table(first, schema=schema):
        raise DatabaseNotReady(
            f"{first} is there, and no revision", "drop all of the shop's tables: migrate() makes them"
        )
    metadata.create_all(connection, checkfirst=False)
    if not _has_versions(connection, schema):  # who went back to nothing has left it, empty
        _versions.create(connection, checkfirst=False)
    connection.execute(insert(_versions).values(version_num=HEAD))


def _alembic(connection: Connection, revision: str, schema: str | None) -> None:
    from alembic import command  # noqa: PLC0415 - 100 ms of imports that most starts do not need
    from alembic.config import Config  # noqa: PLC0415
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes.update(connection=connection, schema=schema)
    versions = {"version_table": own_name(connection, VERSION_TABLE), "version_table_schema": schema}
    current = MigrationContext.configure(connection, opts=versions).get_current_revision() or ""
    down = revision == "base" or revision.startswith("-") or (revision.isdigit() and revision < current)
    try:
        (command.downgrade if down else command.upgrade)(config, revision)
    except CommandError as error:
        remedy = f"this mestres knows the revisions up to {HEAD}: is the database of a newer one?"
        raise DatabaseNotReady(f"the tables cannot go from {current or 'base'} to {revision}", remedy) from error
