"""Databases of a PostgreSQL that have the shop's tables: one is lent from test to test and put right in between.

To make a database and to drop it takes ten times as long as to empty one, and most tests want nothing else.
"""

import uuid
from collections.abc import Callable

import psycopg
from sqlalchemy import make_url

_SHAPE = """
SELECT (SELECT md5(string_agg(concat_ws(' ', n.nspname, c.relname, c.relkind, a.attname, a.atttypid, a.attnotnull), ','
                   ORDER BY n.nspname, c.relname, a.attnum))
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE n.nspname !~ '^(pg_|information_schema)' AND NOT a.attisdropped)
    || (SELECT md5(string_agg(concat_ws(' ', conname, pg_get_constraintdef(oid)), ',' ORDER BY conname, oid))
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace)
    || (SELECT concat_ws(' ', (SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace),
                         (SELECT count(*) FROM pg_trigger), (SELECT count(*) FROM pg_extension),
                         (SELECT count(*) FROM pg_db_role_setting)))
"""
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'mc_alembic_version'"
_NUMBERS_BEGIN_AGAIN = """
SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, sequencename = 'mc_location_id_seq')
FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL
"""
_ROOM = 8 << 20  # bytes that a test may leave behind before a new database is the better one


class MigratedDatabases:
    """Lends databases with empty tables. `migrate(url)` makes the tables in the first of them."""

    def __init__(self, url: str, migrate: Callable[[str], None]) -> None:
        self._url = make_url(url)
        self._migrate = migrate
        self._made: list[str] = []
        self._free: list[str] = []
        # What empties a database stays connected: a new connection would first learn of every table there is.
        self._cleaners: dict[str, psycopg.Connection] = {}

    def lend(self) -> str:
        """The URL of a database with tables and nothing in them."""
        if not self._made:
            self._make_template()
        name = self._free.pop() if self._free else self._new()
        return self._url.set(database=name).render_as_string(hide_password=False)

    def put_right(self, url: str) -> None:
        """Take a database back: emptied, or dropped when its shape has changed or it has grown too much."""
        name = make_url(url).database
        try:
            kept = self._emptied(name)
        except psycopg.Error:
            kept = False  # somebody else's server may not let us
        if kept:
            self._free.append(name)
        else:
            self._drop(name)

    def close(self) -> None:
        """Leave none behind."""
        for name in list(self._made):
            self._drop(name)

    def _make_template(self) -> None:
        self._template = self._new("template0")
        self._migrate(self._url.set(database=self._template).render_as_string(hide_password=False))
        with self._connect(self._template) as connection:
            self._shape = connection.execute(_SHAPE).fetchone()
            self._size = connection.execute("SELECT pg_database_size(current_database())").fetchone()[0]
            self._tables = [row[0] for row in connection.execute(_TABLES)]
            self._rows = {table: rows for table in self._tables if (rows := _copied(connection, table))}

    def _emptied(self, name: str) -> bool:
        if name not in self._cleaners:
            self._cleaners[name] = self._connect(name)
            self._cleaners[name].execute("SET session_replication_role = replica")  # no order of foreign keys
        connection = self._cleaners[name]
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        size = connection.execute("SELECT pg_database_size(current_database())").fetchone()[0]
        if size > self._size + _ROOM or connection.execute(_SHAPE).fetchone() != self._shape:
            return False
        with connection.transaction():
            connection.execute(";".join(f"DELETE FROM {table}" for table in self._tables))
            connection.execute(_NUMBERS_BEGIN_AGAIN)
            for table, rows in self._rows.items():
                with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
                    copy.write(rows)
        return True

    def _new(self, template: str | None = None) -> str:
        name = f"mestres_{uuid.uuid4().hex}"
        with self._connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template or self._template}")
        self._made.append(name)
        return name

    def _drop(self, name: str) -> None:
        if name in self._cleaners:
            self._cleaners.pop(name).close()
        with self._connect("postgres") as connection:
            # FORCE: a connection the test left open must not keep the database.
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        self._made.remove(name)

    def _connect(self, name: str) -> psycopg.Connection:
        url = self._url.set(drivername="postgresql", database=name)
        return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True, prepare_threshold=None)


def _copied(connection: psycopg.Connection, table: str) -> bytes:
    with connection.cursor().copy(f"COPY {table} TO STDOUT") as copy:
        return b"".join(copy)
