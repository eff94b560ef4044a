"""Watching a real engine."""

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool, QueuePool

from mestres_perf import Metrics
from mestres_perf.contrib.sqlalchemy import instrument_engine


@pytest.mark.parametrize("pool", [QueuePool, NullPool])
def test_connections(tmp_path, pool):
    """A connection counts while it is out, whichever pool it is from and whatever becomes of it."""
    engine = create_engine(f"sqlite:///{tmp_path / 'a.db'}", poolclass=pool)
    metrics = Metrics()
    instrument_engine(engine, metrics)

    assert metrics.connections_in_use() == 0
    with engine.connect() as one, engine.connect():
        assert metrics.connections_in_use() == 2
        one.invalidate()
    assert metrics.connections_in_use() == 0
    engine.dispose()


def test_queries_by_operation(tmp_path):
    """Statements are timed by their first word; a failed one is counted too, and nothing of its text is kept."""
    engine = create_engine(f"sqlite:///{tmp_path / 'a.db'}")
    metrics = Metrics()
    stop = instrument_engine(engine, metrics)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (x INTEGER)"))
        connection.execute(text("INSERT INTO t VALUES (:x)"), [{"x": 1}, {"x": 2}])
        connection.execute(text("SELECT * FROM t"))
        with pytest.raises(OperationalError):
            connection.execute(text("SELECT secret FROM nowhere"))
    stop()
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM t"))
    counted = {
        sample.labels["operation"]: sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "database_query_duration_seconds_count"
    }

    assert counted == {"create": 1, "insert": 1, "select": 2}
    engine.dispose()
