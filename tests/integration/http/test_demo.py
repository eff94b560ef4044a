"""`mestres demo`: from nothing to a shop that serves, by one command."""

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from servers.process import free_port

pytestmark = pytest.mark.process

_MESTRES = Path(sys.executable).with_name("mestres")


@contextmanager
def _demo(folder, *options, stop=signal.SIGINT):
    port = free_port()
    command = [_MESTRES, "demo", "--no-browser", "--port", str(port), "--products", "12", "--orders", "6", *options]
    environment = {**os.environ, "MESTRES_DATABASE_URL": "sqlite:///shop.db", "MESTRES_ADMIN_TOKEN": "the-admin"}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        output = ""
        while "Ctrl-C" not in output and (line := process.stdout.readline()):
            output += line
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            assert output, process.stderr.read()
            assert client.get("/health/ready").status_code == 200
            yield client
        process.send_signal(stop)
        _, complaints = process.communicate(timeout=30)
    assert process.returncode == 0, complaints
    assert f"http://127.0.0.1:{port}/" in output
    assert "the-admin" in output


def _contents(client):
    products = client.get("/api/v1/products", params={"per_page": 100, "sort": "name"}).json()
    return [(card["id"], card["slug"], card["price"]) for card in products["data"]["products"]]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
@pytest.mark.parametrize("framework", ["fastapi", "flask"])
def test_a_shop_by_one_command(tmp_path, framework, stop):
    """The command fills a database, serves it, says where, and stops cleanly."""
    with _demo(tmp_path, "--framework", framework, stop=stop) as client:
        assert len(_contents(client)) == 12
        assert client.get("/").status_code == 200


def test_a_second_run_adds_nothing_and_every_run_is_the_same(tmp_path):
    """The same data in every folder, but for the day it ends on; in a folder that has it already nothing more."""
    from sqlalchemy import create_engine, select

    from mestres_core.orders.models import order

    def orders(folder):
        engine = create_engine(f"sqlite:///{folder / 'shop.db'}")
        with engine.connect() as connection:
            rows = connection.execute(select(order.c.number, order.c.grand_amount)).all()
        engine.dispose()
        return sorted(rows)

    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    seen = []
    for folder in (folders[0], folders[0], folders[1]):
        with _demo(folder) as client:
            seen.append((_contents(client), orders(folder)))

    assert len(seen[0][1]) == 6
    assert seen[0] == seen[1] == seen[2]


def test_a_port_in_use_gives_one_clear_line(tmp_path):
    """Nothing is filled when the port is taken; the message says what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        run = subprocess.run(
            [_MESTRES, "demo", "--no-browser", "--port", str(port)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    assert run.returncode == 1
    assert re.fullmatch(
        rf"mestres demo: cannot listen on 127.0.0.1 port {port}: .*; choose another .*--port\n", run.stderr
    )
    assert list(tmp_path.iterdir()) == []


def test_a_missing_extra_gives_the_command_that_installs_it(tmp_path):
    """Without the demo's packages the message is the pip command, not a traceback."""
    program = (
        "import sys; sys.modules.update(uvicorn=None)\n"
        "from mestres_core.cli import main; sys.exit(main(['demo', '--no-browser']))"
    )
    run = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert run.returncode == 1
    assert run.stderr == "mestres demo: uvicorn is missing: pip install 'mestres[demo]'\n"
