"""The engine, against a real server."""

import pytest

from mestres_perf.errors import ConfigurationError, UnusableTarget
from mestres_perf.load._client import Client, closed_loop, products

_LISTING = "/api/v1/products"


def test_each_worker_keeps_its_connection(shop):
    """So many requests are made as were asked for, over no more connections than there are workers."""
    closed_loop(shop.url, lambda client, _: client.get(_LISTING), count=40, workers=4)

    assert len(shop.requests) == 40
    assert len(set(shop.connections)) <= 4


def test_every_number_is_done_once(shop):
    """The workers share the numbers out among them."""
    numbers, steps = [], []
    closed_loop(shop.url, lambda _, number: numbers.append(number), count=50, workers=7, done=lambda: steps.append(1))

    assert sorted(numbers) == list(range(50))
    assert len(steps) == 50


def test_the_first_error_stops_the_workers(shop):
    """What goes wrong in a worker is raised where the loop was started, and the rest is not done."""
    done = []

    def work(_client, number):
        if number == 3:
            raise RuntimeError("broken")
        done.append(number)

    with pytest.raises(RuntimeError, match="broken"):
        closed_loop(shop.url, work, count=10_000_000, workers=1)
    assert done == [0, 1, 2]


def test_a_refusal_is_a_failure(shop):
    """A status from 400 is a failure, and is known by its number."""
    with Client(shop.url) as client:
        answer = client.get("/nothing")

    assert (answer.failed, answer.status) == (True, 404)


def test_fewer_bytes_than_announced_are_a_failure(shop):
    """An answer that breaks off is a failure, whatever its status said."""
    shop.promised_more = 5
    with Client(shop.url) as client:
        answer = client.get(_LISTING)

    assert answer.failed
    assert "IncompleteRead" in answer.problem


def test_a_connection_that_the_server_closed_is_opened_again(shop):
    """A server may close a kept-alive connection: the next read goes over a new one and is no failure."""
    with Client(shop.url) as client:
        assert not client.get(_LISTING).failed
        shop.closes = True
        for _ in range(3):
            assert not client.get(_LISTING).failed
    assert len(set(shop.connections)) >= 3


def test_nobody_there():
    """A connection that cannot be made is a failure with a reason, and no target to measure."""
    with Client("http://127.0.0.1:1") as client:
        assert "ConnectionRefused" in client.get("/").problem
        with pytest.raises(UnusableTarget, match="is the application running"):
            products(client)


@pytest.mark.parametrize("address", ["nonsense", "ftp://here", "http://", "http://a:b", "http://[::1"])
def test_an_address_that_is_none(address):
    """Such an address is refused with one that would be right."""
    with pytest.raises(ConfigurationError, match=r"http://127\.0\.0\.1:8000"):
        Client(address)


def test_an_answer_of_another_kind(shop):
    """An application that answers something else than the API is said so, not crashed upon."""
    with Client(shop.url) as client, pytest.raises(UnusableTarget, match=r"data\.cart\.id.*status 200"):
        client.get(_LISTING).data("cart", "id")
