"""Dead letters from the command line."""

import json
from collections.abc import Callable

import pytest

from core_shop import TestShop
from mestres_core.cli import main
from mestres_core.events.relay import RelayPolicy


def _refuses(_fact: object) -> None:
    raise ConnectionError("the ERP\nis away")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_dead_letters(open_shop: Callable[..., TestShop], capsys: pytest.CaptureFixture[str]) -> None:
    """`list` says what was given up and why, `retry` and `discard` settle it, and `status` tells a monitor."""
    shop = open_shop(relay=RelayPolicy(max_attempts=1))

    def said(*words: str) -> tuple[int, str]:
        code = main(["events", *words, "--database", str(shop.engine.url)])
        return code, capsys.readouterr().out

    assert said("list") == (0, "no dead letters\n")
    assert said("status") == (0, "0 waiting, 0 of them after a failure; 0 dead\n")
    shop.subscribe(_refuses)
    for sku in ("A1", "B2", "C3"):
        shop.product(sku)
    while shop.events.status().waiting:
        shop.relay()
    ids = [each.fact_id for each in shop.events.dead_letters()]
    assert len(ids) == 3
    code, text = said("list", "--limit", "2")
    assert (code, f"{ids[0]}  ProductChanged  product 1  since" in text) == (0, True)
    assert "after 1 attempts: ConnectionError: the ERP is away" in text
    assert f"there may be more: mestres events list --after {ids[1]}" in text
    assert [json.loads(line)["fact_id"] for line in said("list", "--json")[1].splitlines()] == ids
    assert said("status")[0] == 1
    assert said("discard", str(ids[0]), "999") == (
        1,
        f"{ids[0]} was discarded\n999: there is no such dead letter (see `mestres events list`)\n",
    )
    assert said("retry", str(ids[1])) == (0, f"{ids[1]} will be delivered again\n")
    assert said("retry", "--all") == (0, "1 will be delivered again\n")
    assert said("status")[1].startswith("2 waiting, 0 of them after a failure; 0 dead, the oldest since ")
    assert shop.audit().clean


@pytest.mark.parametrize("words", [["retry"], ["retry", "1", "--all"], ["discard"], []])
def test_half_a_command(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A command that does not say which letters is refused before any database is opened."""
    with pytest.raises(SystemExit) as ended:
        main(["events", *words])
    assert (ended.value.code, "usage: mestres events" in capsys.readouterr().err) == (2, True)
