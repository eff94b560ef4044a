"""Reads of async code that agree with each other."""

import asyncio

from core_aio import opened


def test_reads_of_a_snapshot_agree(aio_url):
    """All reads of a snapshot see the shop as it was at the first one, though others go on writing."""

    async def main():
        async with opened(aio_url) as shop:
            async with shop.snapshot() as then:
                first = await then.catalog.list()
                await shop.catalog.save(name="C", variants=[{"sku": "C1", "price": 100}])
                await shop.inventory.receive("A1", quantity=3)
                assert await then.catalog.list() == first
                assert (await then.inventory.level("A1")).on_hand == 10
            assert [card.sku for card in await shop.catalog.list()] == ["C1", "B2", "A1"]

    asyncio.run(main())
