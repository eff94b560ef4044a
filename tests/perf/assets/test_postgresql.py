"""postgresql.conf for a machine, and in a real server."""

import re

import psycopg
import pytest
from sqlalchemy import make_url

from mestres_perf.assets import FILES, Settings
from servers.postgres import has_library, own_postgres

SPECIFIED = {
    "shared_buffers": "8GB", "effective_cache_size": "24GB", "work_mem": "256MB", "maintenance_work_mem": "2GB",
    "wal_buffers": "64MB", "checkpoint_completion_target": "0.9", "checkpoint_timeout": "15min",
    "max_wal_size": "16GB", "min_wal_size": "4GB", "random_page_cost": "1.1", "effective_io_concurrency": "200",
    "max_worker_processes": "16", "max_parallel_workers_per_gather": "4", "max_parallel_workers": "16",
    "max_connections": "300", "shared_preload_libraries": "'pg_stat_statements,pg_prewarm'",
    "log_min_duration_statement": "200", "log_checkpoints": "on", "log_connections": "on",
    "log_disconnections": "on", "log_lock_waits": "on",
}  # fmt: skip


def render(**settings):
    text = FILES["postgresql.conf"](Settings(**settings))
    return text, dict(re.findall(r"^(\w+) = ('[^']*'|\S+)", text, re.MULTILINE))


def test_specified_values_for_the_specified_machine():
    """32 GB, 16 processors and SSD give exactly the values of the specification."""
    assert render(ram="32GB", cpus=16, disk="ssd")[1] == SPECIFIED


@pytest.mark.parametrize(
    ("machine", "values"),
    [
        (
            {"ram": "64GB", "cpus": 32},
            {"shared_buffers": "16GB", "work_mem": "512MB", "max_wal_size": "16GB", "max_parallel_workers": "32",
             "max_parallel_workers_per_gather": "4", "max_connections": "300", "wal_buffers": "64MB"},
        ),
        (
            {"ram": "8GB", "cpus": 4, "disk": "hdd"},
            {"shared_buffers": "2GB", "effective_cache_size": "6GB", "work_mem": "64MB", "wal_buffers": "64MB",
             "maintenance_work_mem": "512MB", "max_wal_size": "4GB", "min_wal_size": "1GB", "random_page_cost": "4.0",
             "effective_io_concurrency": "2", "max_worker_processes": "8", "max_parallel_workers": "4",
             "max_parallel_workers_per_gather": "2", "max_connections": "100"},
        ),
        (
            {"ram": "512MB", "cpus": 1},
            {"shared_buffers": "128MB", "work_mem": "4MB", "wal_buffers": "4MB", "max_wal_size": "1GB",
             "min_wal_size": "80MB", "max_parallel_workers_per_gather": "1", "max_connections": "100"},
        ),
    ],
)  # fmt: skip
def test_values_follow_the_machine(machine, values):
    """Another machine gets the same shares of its own memory and processors, within bounds."""
    assert values.items() <= render(**machine)[1].items()


def test_risk_is_said():
    """Where all connections together could take more memory than there is, the file says so in numbers."""
    assert "300 x 256MB = 75 GB" in render()[0]


def test_a_server_runs_with_it():
    """A real server starts with the file for a small machine and shows the values."""
    libraries = [name for name in ("pg_stat_statements", "pg_prewarm") if has_library(name)]
    text, values = render(ram="1GB", cpus=2, preload_libraries=libraries)
    with own_postgres(text) as url, _connect(url) as connection:
        shown = {name: connection.execute(f"SHOW {name}").fetchone()[0] for name in values}
        sources = connection.execute("SELECT name, sourcefile FROM pg_settings WHERE name = ANY(%s)", [list(values)])
        elsewhere = [name for name, file in sources if not (file or "").endswith("postgresql.conf")]

    expected = {name: value.strip("'") for name, value in values.items()}
    assert shown == expected | {"random_page_cost": "1.1", "log_min_duration_statement": "200ms"}
    assert elsewhere == []


def _connect(url):
    return psycopg.connect(make_url(url).set(drivername="postgresql").render_as_string(hide_password=False))
