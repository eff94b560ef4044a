"""Two processes that write, roll back and read one shop through its cache at once."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import core_interleaved
from mestres_core import Commerce
from mestres_core.contrib import perf

pytestmark = [pytest.mark.process, pytest.mark.timeout(7200)]

_STEPS, _ROUNDS = (5_000, 20) if os.environ.get("MESTRES_STRESS") == "long" else (400, 1)


def _play(
    url: str, redis: str, folder: Path, *, steps: int, number: int = 1, told: bool = True
) -> list[dict[str, Any]]:
    """What the two processes say of a round, before which every price was `number`."""
    with Commerce.open(url) as shop, perf.open_cache(redis) as cache:
        perf.keep_true(shop, cache)
        for each in range(core_interleaved.PRODUCTS):
            core_interleaved.save(shop.catalog, each, number)
    numbers = folder / "numbers"
    numbers.write_bytes(number.to_bytes(8, "little") * core_interleaved.PRODUCTS)
    players = [
        subprocess.Popen(
            [
                sys.executable,
                core_interleaved.__file__,
                *(url, redis, str(numbers), str(seed), str(steps // 2), str(int(told))),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in (number, number + 1)
    ]
    for player in players:
        assert player.stdout is not None
        assert player.stdout.readline() == "ready\n"
    for player in players:
        assert player.stdin is not None
        player.stdin.write("go\n")
        player.stdin.flush()
    return [json.loads(player.communicate()[0]) for player in players]


def test_no_read_is_older_than_the_last_commit(database_url: str, redis_db: str, tmp_path: Path) -> None:
    """Whoever reads after a commit has returned, in whatever process, sees it; what is rolled back nobody sees.

    The long form has twenty rounds of 5,000 steps.
    """
    for number in range(1, _ROUNDS + 1):
        results = _play(database_url, redis_db, tmp_path, steps=_STEPS, number=number * 1_000_000)
        print(number, results, flush=True)
        assert [result["wrong"] for result in results] == [[], []]
        assert sum(result["read"] + result["write"] for result in results) == _STEPS
        assert all(result["hits"] > 0 and result["failures"] == 0 for result in results)


def test_what_the_cache_is_not_told_of_is_found_out(tmp_path: Path, redis_db: str) -> None:
    """The same two processes find old reads at once when commits invalidate nothing: the test above can fail."""
    results = _play(f"sqlite:///{tmp_path / 'shop.db'}", redis_db, tmp_path, steps=300, told=False)
    assert sum(result["wrongs"] for result in results) > 0
