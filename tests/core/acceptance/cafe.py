"""The till of a real café, read from the data that lies beside the checkout; prices are this file's own."""

import csv
import gzip
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

BASKETS = Path(__file__).parents[4] / "shared" / "data" / "cafe_baskets.csv.gz"
NOT_GOODS = ("NONE", "Adjustment")
_EDINBURGH = ZoneInfo("Europe/London")


class Basket(NamedTuple):
    """One till receipt: what was bought, in the order in which it was rung up."""

    number: int
    at: datetime
    pieces: dict[str, int]


def baskets(limit: int | None = None) -> Iterator[Basket]:
    """The receipts in file order; those with nothing but corrections are left out. Skips where there is no data."""
    if not BASKETS.exists():
        pytest.skip("no ../shared/data beside the checkout")
    current: Basket | None = None
    given = 0
    with gzip.open(BASKETS, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            number = int(row["Transaction"])
            if current is None or number != current.number:
                if current is not None and current.pieces:
                    yield current
                    given += 1
                    if given == limit:
                        return
                moment = datetime.strptime(f"{row['Date']} {row['Time']}", "%d-%m-%Y %H:%M:%S")  # noqa: DTZ007
                current = Basket(number, moment.replace(tzinfo=_EDINBURGH).astimezone(UTC), {})
            if row["Item"] not in NOT_GOODS:
                current.pieces[row["Item"]] = current.pieces.get(row["Item"], 0) + 1
    if current is not None and current.pieces:
        yield current


def price_of(item: str) -> int:
    """Minor units: made up from the name, odd on purpose, so that halves have to be rounded."""
    return 290 + zlib.crc32(item.encode()) % 2311


def sku_of(item: str) -> str:
    """The item's name as a SKU."""
    return "-".join("".join(letter if letter.isalnum() else " " for letter in item).upper().split())
