"""The three runs of Apache Bench."""

import pytest

from mestres_perf.cli import main
from mestres_perf.load import AB_RUNS


def test_the_specification():
    """The three runs are the specification's."""
    assert [(run.requests, run.concurrency, run.path) for run in AB_RUNS] == [
        (1000, 50, "/api/v1/products?page=1&per_page=20"),
        (500, 25, "/api/v1/products/{id}"),
        (300, 15, "/api/v1/products?search=caf%C3%A9"),
    ]


def test_one_run(shop, capsys):
    """A run makes exactly its requests and says requests/s, mean, p95 and failures; exit code 0 when all is met."""
    code = main(["load", "ab", shop.url, "--only", "search"])
    shown = capsys.readouterr().out

    assert code == 0, shown
    assert shop.requests.count("/api/v1/products?search=caf%C3%A9") == 300
    assert all(word in shown for word in ("-n 300 -c 15", "requests/s", "mean", "p95", "0 failed"))


def test_a_failed_request(shop, capsys):
    """One failed request is one too many."""
    shop.fails = lambda number, _path: number == 150
    code = main(["load", "ab", shop.url, "--only", "search"])

    assert code == 1
    assert "FAIL" in next(line for line in capsys.readouterr().out.splitlines() if "failed_requests" in line)


def test_too_slow(shop, capsys):
    """15 at once at 100 ms each are 150 requests in a second: too few, although each is quick enough."""
    shop.delay = 0.1
    code = main(["load", "ab", shop.url, "--only", "search"])
    verdicts = {line.split()[0]: line.split()[-1] for line in capsys.readouterr().out.splitlines()[2:]}

    assert code == 1
    assert verdicts == {
        "search.requests_per_second": "FAIL",
        "search.mean_time": "ok",
        "search.failed_requests": "ok",
    }


@pytest.mark.parametrize("command", ["ab", "run"])
def test_not_reachable(command, capsys):
    """Nobody there is exit code 2 and one line."""
    assert main(["load", command, "http://127.0.0.1:1"]) == 2
    assert "is the application running?" in capsys.readouterr().err
