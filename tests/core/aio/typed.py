"""Never run: `make types` checks here that type checkers know what each call of `shop.aio` gives when it is awaited."""

from collections.abc import AsyncIterator
from typing import assert_type

from sqlalchemy.ext.asyncio import AsyncSession

from mestres_core import Commerce, Money
from mestres_core.aio import AsyncCommerce
from mestres_core.cart.dto import Cart
from mestres_core.catalog.dto import Page, Product, ProductCard
from mestres_core.checkout.audit import AuditReport
from mestres_core.checkout.dto import Placed, Quote


async def awaited(shop: Commerce, session: AsyncSession) -> None:
    """What is known."""
    assert_type(await shop.aio.catalog.list(category="graos", page=1), Page[ProductCard])
    assert_type(await shop.aio.catalog.get("cafe"), Product)
    assert_type(await shop.aio.audit(), AuditReport)
    async with shop.aio.transaction() as tx:
        cart = await tx.carts.create(currency="BRL")
        assert_type(cart, Cart)
        assert_type((await tx.carts.add(cart.id, sku="A1", quantity=1)).totals.grand, Money)
    assert_type(await shop.aio.on(session).checkout.quote(cart.id, address={}), Quote)
    async with await AsyncCommerce.open("sqlite://") as other:
        assert_type(await other.run(lambda services: services.carts.create().id), str)
        job = await other.jobs.export("products")
        assert_type((await other.jobs.result(job.id)).chunks, AsyncIterator[bytes])


async def refused(shop: Commerce, cart_id: str) -> Placed:
    """What a type checker says no to: strict mypy fails when one of these is no error any more."""
    shop.aio.carts.create().id  # type: ignore[attr-defined]  # noqa: B018 - not awaited
    await shop.aio.carts.add(cart_id, sku=1, quantity=1)  # type: ignore[arg-type]
    await shop.aio.carts.put(cart_id)  # type: ignore[attr-defined]
    return shop.aio.checkout.place(cart_id)  # type: ignore[return-value, call-arg]
