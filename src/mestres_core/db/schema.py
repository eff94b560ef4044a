"""Bringing a database to the present version of the tables.

The tables carry their own Alembic history in a version table of their own, beside whatever the host keeps.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.schema import CreateSchema

from mestres_core.db.base import VERSION_TABLE
from mestres_core.db.dialects.sqlite import is_configured
from mestres_core.errors import DatabaseNotReady

HEAD = "0019"
_SCRIPTS = Path(__file__).parent / "migrations"
_LOCK = 0x6D65_7374_7265_73  # any number that others do not use: "mestres"


def migrate(engine: Engine, revision: str = "head") -> None:
    """Create or upgrade the tables, or go back to an earlier `revision`; costs a query when there is nothing to do.

    Several processes may do it at once: one of them will.
    """
    if revision == "head" and version(engine) == HEAD:
        return
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        _alembic(connection, revision)


def version(engine: Engine) -> str | None:
    """The revision that a database is at; None when it has no tables of ours."""
    with engine.connect() as connection:
        if not inspect(connection).has_table(VERSION_TABLE):
            return None
        found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - a constant
        return None if found is None else str(found)


def create_namespace(connection: Connection, name: str) -> None:
    """Make a PostgreSQL schema when it is not there yet; several processes may do it at once."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
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


def _alembic(connection: Connection, revision: str) -> None:
    from alembic import command  # noqa: PLC0415 - 100 ms of imports that most starts do not need
    from alembic.config import Config  # noqa: PLC0415
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    current = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision() or ""
    if revision == "base" or revision.startswith("-") or (revision.isdigit() and revision < current):
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)
