"""Cards: what a list shows of a product in a currency.

Invariant: a card is there exactly for what a list may show, an active product with an active variant that has a price
in the currency, and says the same as the product's own rows. Whoever changes one of these rows calls `refresh` in the
same transaction, after `lock`; `restock` does it for stock, of which only the last piece matters. `shop.audit()` proves
it.

Two transactions about one product take turns at the product's row, so that the second one reads what the first one
wrote: neither can leave a card behind that is right about its own change only. Products are locked lowest first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import and_, bindparam, case, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from mestres_core.catalog.models import card, image, price, product, variant
from mestres_core.db.dialects.sql import as_dict
from mestres_core.db.dialects.sql import insert as upsert
from mestres_core.inventory.models import BUYABLE, level

_IDS: Any = bindparam("ids", expanding=True)
_LOCK = select(product.c.id).where(product.c.id.in_(_IDS)).order_by(product.c.id).with_for_update(key_share=True)
_PRODUCTS_OF = select(variant.c.id, variant.c.product_id).where(variant.c.id.in_(_IDS))
_LOCK_PRODUCTS_OF = (
    _PRODUCTS_OF.select_from(variant.join(product, product.c.id == variant.c.product_id))
    .order_by(variant.c.product_id)
    .with_for_update(of=product, key_share=True)
)

_first = variant.alias("first_variant")
_its_price = price.alias("its_price")
_FIRST_SKU = (
    select(_first.c.sku)
    .select_from(_first.join(_its_price, _its_price.c.variant_id == _first.c.id))
    .where(_first.c.product_id == product.c.id, _first.c.active, _its_price.c.currency == price.c.currency)
    .order_by(_first.c.position, _first.c.id)
    .limit(1)
    .correlate(product, price)
    .scalar_subquery()
)
_FIRST_IMAGE = (
    select(image.c.url)
    .where(image.c.product_id == product.c.id, image.c.kind == "image")
    .order_by(image.c.position, image.c.id)
    .limit(1)
    .correlate(product)
    .scalar_subquery()
)
RIGHT = (
    select(
        product.c.id.label("product_id"),
        price.c.currency.label("currency"),
        func.min(price.c.amount).label("price"),
        func.max(price.c.amount).label("max_price"),
        func.count().label("variants"),
        _FIRST_SKU.label("sku"),
        _FIRST_IMAGE.label("image"),
        (func.max(case((BUYABLE > 0, 1), else_=0)) > 0).label("in_stock"),
        product.c.category_id.label("category_id"),
    )
    .select_from(
        product.join(variant, and_(variant.c.product_id == product.c.id, variant.c.active))
        .join(price, price.c.variant_id == variant.c.id)
        .outerjoin(level, level.c.variant_id == variant.c.id)
    )
    .where(product.c.active)
    .group_by(product.c.id, product.c.category_id, price.c.currency)
)
"""Every card as it should be."""

_KEY = ("product_id", "currency")
_SHOWN = tuple(column.name for column in card.c if column.name not in _KEY)
_listed = (
    exists()
    .where(
        product.c.id == card.c.product_id,
        product.c.active,
        variant.c.product_id == card.c.product_id,
        variant.c.active,
        price.c.variant_id == variant.c.id,
        price.c.currency == card.c.currency,
    )
    .correlate(card)
)
_DROP = delete(card).where(card.c.product_id.in_(_IDS), ~_listed)
_AVAILABLE = exists().where(
    variant.c.product_id == card.c.product_id,
    variant.c.active,
    price.c.variant_id == variant.c.id,
    price.c.currency == card.c.currency,
    level.c.variant_id == variant.c.id,
    BUYABLE > 0,
)
_RESTOCK = (
    update(card)
    .where(card.c.product_id.in_(_IDS), card.c.in_stock != _AVAILABLE)
    .values(in_stock=_AVAILABLE)
    .returning(card.c.product_id)
)


def _write(dialect: str) -> Any:
    wanted = RIGHT.where(product.c.id.in_(_IDS))
    query = upsert(dialect, card).from_select([*_KEY, *_SHOWN], wanted)
    new = query.excluded
    return query.on_conflict_do_update(
        index_elements=_KEY,
        set_={name: new[name] for name in _SHOWN},
        where=or_(*(card.c[name].is_distinct_from(new[name]) for name in _SHOWN)),
    )


_WRITE = {dialect: _write(dialect) for dialect in ("sqlite", "postgresql")}


def lock(session: Session, product_ids: Iterable[int]) -> None:
    """Wait for whoever changes these products now; to be called before the first row of them is changed."""
    session.execute(_LOCK, {"ids": sorted(product_ids)})


def refresh(session: Session, dialect: str, product_ids: Collection[int]) -> None:
    """Write the cards of these products anew, in every currency, in two statements; the caller holds `lock`."""
    if product_ids:
        ids = {"ids": sorted(product_ids)}
        session.execute(_DROP, ids)
        session.execute(_WRITE[dialect], ids)


def restock(
    session: Session, changed: Iterable[int], flipped: Collection[int]
) -> tuple[dict[int, int], frozenset[int]]:
    """The product of each `changed` variant, and the products of which a card turned.

    Only a variant that became, or ceased to be, sold out (`flipped`) can turn one. The product is locked before its
    stock is read again: of two buyers who take the last pieces of two variants, the second sees what the first did.
    """
    query = _LOCK_PRODUCTS_OF if flipped else _PRODUCTS_OF
    products = as_dict(session.execute(query, {"ids": sorted(changed)}))
    at_edge = sorted({products[each] for each in flipped if each in products})
    turned = session.execute(_RESTOCK, {"ids": at_edge}).scalars() if at_edge else ()
    return products, frozenset(turned)
