"""The fixtures give what they promise, and leave nothing behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis
from sqlalchemy import create_engine, inspect, text

from servers.postgres import running_postgres
from servers.process import ServerProcess, make_folder

_TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("_again", [1, 2])
def test_each_test_gets_an_empty_database(database_url, _again):
    """A table made by one test is not there in the next."""
    engine = create_engine(database_url)

    assert inspect(engine).get_table_names() == []

    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE left_behind (id INTEGER)"))
    engine.dispose()


def test_postgres_speaks_unicode(postgres_database):
    """Text functions know accented letters, as in production."""
    engine = create_engine(postgres_database)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT lower('CAFÉ GRÃOS')")) == "café grãos"
    engine.dispose()


@pytest.mark.parametrize("_again", [1, 2])
def test_each_test_gets_an_empty_redis(redis_db, _again):
    """A key set by one test is not there in the next."""
    with redis.Redis.from_url(redis_db) as client:
        assert client.dbsize() == 0
        client.set("left_behind", "1")


@pytest.mark.parametrize(("variable", "value"), [("CI", "true"), ("MESTRES_REQUIRE_ALL", "1")])
def test_missing_part_skips_unless_all_are_promised(require_part, monkeypatch, variable, value):
    """Without a part its tests skip and say why; where every part is promised they fail."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("MESTRES_REQUIRE_ALL", raising=False)
    require_part(True, "it is there")
    with pytest.raises(pytest.skip.Exception, match="no browser"):
        require_part(None, "no browser")

    monkeypatch.setenv(variable, value)
    with pytest.raises(pytest.fail.Exception, match="no browser"):
        require_part(None, "no browser")


def test_given_postgres_is_used_by_psycopg_3(monkeypatch):
    """A server named in the environment is taken as it is, and a plain URL means psycopg 3."""
    monkeypatch.setenv("MESTRES_TEST_POSTGRES_URL", "postgresql://somebody@somewhere/postgres")
    with running_postgres() as url:
        assert url == "postgresql+psycopg://somebody@somewhere/postgres"


def test_stop_ends_the_process_and_removes_its_folder():
    """After `stop()` neither the process nor its folder exists."""
    folder = make_folder(None)
    server = ServerProcess(
        ["/bin/sh", "-c", "echo $$ > pid; exec sleep 60"], folder=folder, user=None, stop_signal="TERM"
    )
    server.wait_until(lambda: (folder / "pid").exists() and (folder / "pid").read_text() != "")
    pid = int((folder / "pid").read_text())
    server.stop()

    assert not folder.exists()
    assert not _alive(pid)


def test_server_dies_with_a_killed_test_process():
    """Even SIGKILL of the test process leaves no server and no folder behind."""
    program = (
        "import sys, time\n"
        "from servers.process import ServerProcess, make_folder\n"
        "folder = make_folder(None)\n"
        "command = ['/bin/sh', '-c', 'echo $$ > pid; exec sleep 60']\n"
        "server = ServerProcess(command, folder=folder, user=None, stop_signal='TERM')\n"
        "server.wait_until(lambda: (folder / 'pid').exists() and (folder / 'pid').read_text() != '')\n"
        "print(folder, (folder / 'pid').read_text().strip(), flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(_TESTS)},
    ) as owner:
        folder, pid = owner.stdout.readline().split()
        owner.send_signal(signal.SIGKILL)

    deadline = time.monotonic() + 10
    while Path(folder).exists() and time.monotonic() < deadline:
        time.sleep(0.01)

    assert not Path(folder).exists()
    assert not _alive(int(pid))


def _alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
