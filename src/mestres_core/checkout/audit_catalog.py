"""What must be true of the catalogue beside its cards: see `mestres_core.checkout.audit`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, exists, func, or_, select

from mestres_core.catalog.assortment import definition, option, option_value, price_history, variant_option
from mestres_core.catalog.models import attribute, category, price, variant
from mestres_core.catalog.price_history import LAST_IS_OTHER
from mestres_core.downloads.models import grant
from mestres_core.orders.models import line, order

_of_price = and_(price_history.c.variant_id == price.c.variant_id, price_history.c.currency == price.c.currency)
_options_of_product = (
    select(func.count()).where(option.c.product_id == variant.c.product_id).correlate(variant).scalar_subquery()
)
_options_of_variant = (
    select(func.count()).where(variant_option.c.variant_id == variant.c.id).correlate(variant).scalar_subquery()
)
_reached = select(category.c.id).where(category.c.parent_id.is_(None)).cte("reached", recursive=True)
_reached = _reached.union(select(category.c.id).where(category.c.parent_id == _reached.c.id))

CATALOG_RULES: dict[str, Any] = {
    "a price is the last one of its history": select(price.c.variant_id, price.c.currency).where(
        LAST_IS_OTHER, exists().where(_of_price)
    ),
    "the category tree has no circles": select(category.c.slug).where(category.c.id.not_in(select(_reached.c.id))),
    "a variant has a value of every option, or of none": select(variant.c.sku).where(
        or_(
            and_(variant.c.combination.is_not(None), _options_of_variant != _options_of_product),
            and_(variant.c.combination.is_(None), _options_of_variant != 0),
        )
    ),
    "a variant's value is one of its option, and of its product": select(variant.c.sku)
    .select_from(
        variant_option.join(variant, variant.c.id == variant_option.c.variant_id)
        .join(option, option.c.id == variant_option.c.option_id)
        .join(option_value, option_value.c.id == variant_option.c.value_id)
    )
    .where(or_(option.c.product_id != variant.c.product_id, option_value.c.option_id != option.c.id)),
    "a number is kept as one": select(attribute.c.product_id, attribute.c.name)
    .select_from(attribute.join(definition, definition.c.name_folded == attribute.c.name_folded))
    .where((definition.c.type == "number") != attribute.c.number.is_not(None)),
    "what may be downloaded was paid for once": select(order.c.number)
    .select_from(grant.join(line, line.c.id == grant.c.line_id).join(order, order.c.id == line.c.order_id))
    .where(or_(order.c.status == "pending", grant.c.used > grant.c.most_downloads)),
}
