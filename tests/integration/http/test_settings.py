"""What the example apps take from the environment."""

import pytest

from mestres_core.contrib.http import Request
from mestres_examples.settings import Settings
from mestres_examples.wiring import open_shop, wire


def test_defaults_need_nothing():
    """Without any variable there is a SQLite file in the working folder, a cache, and secrets nobody can guess."""
    settings = Settings.from_environment({})

    assert settings.database_url == "sqlite:///mestres.db"
    assert (settings.port, settings.cache, settings.redis_url) == (8000, True, "")
    assert len(settings.admin_token) >= 32
    assert settings.admin_token != Settings.from_environment({}).admin_token
    assert settings.admin_token not in repr(settings)


@pytest.mark.parametrize("plain", ["postgresql://localhost/shop", "postgres://localhost/shop"])
def test_a_plain_postgresql_address_means_psycopg_3(plain):
    """The driver need not be named."""
    settings = Settings.from_environment({"MESTRES_DATABASE_URL": plain})

    assert settings.database_url == "postgresql+psycopg://localhost/shop"


@pytest.mark.parametrize("rate", ["10", "10/d", "0/s"])
def test_a_wrong_rate_is_refused(rate):
    """The message names the variable and shows what a rate looks like."""
    with pytest.raises(ValueError, match=r"MESTRES_RATE_LIMIT.*such as '10/s'"):
        Settings.from_environment({"MESTRES_RATE_LIMIT": rate})


@pytest.mark.parametrize("port", ["x", "-1", "65536", "8000.5"])
def test_a_wrong_port_is_refused(port):
    """PORT is a port or an error that says so."""
    with pytest.raises(ValueError, match="PORT must be"):
        Settings.from_environment({"PORT": port})


@pytest.mark.parametrize(("switch", "state"), [("1", "hit"), ("0", None)])
def test_the_cache_can_be_switched_off(database_url, switch, state):
    """With MESTRES_CACHE=0 every read asks the database and none claims to come from a cache."""
    settings = Settings.from_environment({"MESTRES_DATABASE_URL": database_url, "MESTRES_CACHE": switch})
    with open_shop(settings) as shop:
        api = wire(shop, settings).api
        for _ in range(2):
            reply = api.handle(Request("GET", "/api/v1/products"))

    assert reply.status == 200
    assert reply.header("X-Cache") == state
