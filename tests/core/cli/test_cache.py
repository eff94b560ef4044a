"""`mestres cache warm` from the outside."""

import socket

import pytest

from mestres_core import Commerce
from mestres_core.cli import main
from mestres_core.contrib import perf
from mestres_core.contrib.http import Api, Request
from mestres_perf import Settings


@pytest.fixture
def shop(quick_path, fill, monkeypatch):
    """A shop with one featured product, whose address the environment has."""
    url = f"sqlite:///{quick_path / 'shop.db'}"
    fill(url)
    monkeypatch.setenv("MESTRES_DATABASE_URL", url)
    monkeypatch.delenv("MESTRES_REDIS_URL", raising=False)
    with Commerce.open(url) as shop:
        shop.catalog.save(key="cafe", name="Café", category="Grãos", featured=True, variants=[{"sku": "A", "price": 1}])
        yield shop


def test_the_running_application_finds_what_was_warmed(shop, redis_db, monkeypatch, capsys):
    """What the command loads, an application on the same Redis does not load again."""
    monkeypatch.setenv("MESTRES_REDIS_URL", redis_db)
    monkeypatch.setenv("MESTRES_REDIS_TIMEOUT", "2")

    assert main(["cache", "warm"]) == 0
    first = capsys.readouterr().out
    assert main(["cache", "warm"]) == 0
    second = capsys.readouterr().out

    assert "common searches          4 loaded     0 there already" in first
    assert "common searches          0 loaded     4 there already" in second
    with perf.open_caches(settings=Settings.from_environment()) as caches:
        api = Api(shop, reads=perf.CachedReads(shop, caches["default"]))
        for path in ("/api/v1/categories", "/api/v1/products", "/api/v1/products/1"):
            assert api.handle(Request("GET", path)).header("X-Cache") == "hit"


def test_without_redis_it_is_refused(shop, capsys):
    """The memory of another process cannot be warmed from here, and the command says so."""
    assert main(["cache", "warm"]) == 1
    assert "MESTRES_REDIS_URL" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["http://localhost", "localhost:6379"])
def test_a_wrong_address_is_refused(shop, url, capsys):
    """What is no address of a Redis is refused by name."""
    assert main(["cache", "warm", "--redis", url]) == 1
    assert "redis://" in capsys.readouterr().err


def test_a_redis_that_does_not_answer_is_refused(shop, capsys):
    """Nothing is loaded for a Redis that is not there."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        assert main(["cache", "warm", "--redis", f"redis://127.0.0.1:{held.getsockname()[1]}/0"]) == 1
    assert "did not answer" in capsys.readouterr().err
