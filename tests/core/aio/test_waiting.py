"""What waits for the event loop, and what need not."""

import asyncio

import pytest
from sqlalchemy import text

from mestres_core import AsyncCommerce
from mestres_core.db import reading
from mestres_core.db.waiting import is_done_at_once


def test_what_has_nothing_to_wait_for_is_done():
    """A coroutine that only looks as if it waited is done at once; its error is the caller's."""
    done = []

    async def work():
        async with asyncio.Lock():
            done.append(1)

    async def wrong():
        raise OSError("away")

    assert is_done_at_once(work())
    assert done == [1]
    with pytest.raises(OSError, match="away"):
        is_done_at_once(wrong())


def test_what_waits_is_given_up():
    """It is ended where it waits, with what it held given back, and is for the caller to do in the usual way."""
    ended = []

    async def work():
        try:
            await asyncio.sleep(1)
        finally:
            ended.append(1)

    async def main():
        assert not is_done_at_once(work())

    asyncio.run(main())
    assert ended == [1]


@pytest.mark.parametrize("at_once", [True, False])
def test_a_connection_goes_back_as_it_was(migrated_database, monkeypatch, at_once):
    """A read by psycopg leaves no autocommit behind, whether the driver had to wait to set it or not."""
    asked = []

    def is_done(work):
        asked.append(1)
        if at_once:
            return is_done_at_once(work)
        work.close()
        return False

    monkeypatch.setattr(reading, "is_done_at_once", is_done)

    async def main():
        url = migrated_database.replace("postgresql://", "postgresql+psycopg://")
        async with await AsyncCommerce.open(url) as shop:
            for _ in range(3):
                await shop.catalog.list(count=False)
            async with shop.engine.connect() as connection:
                assert (await connection.get_raw_connection()).driver_connection.autocommit is False
                await connection.execute(text("SELECT 1"))

    asyncio.run(main())
    assert len(asked) >= 4
