"""What must hold of customers, of their reviews, and of those who wanted to be forgotten."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, case, func, or_, select

from mestres_core.catalog.models import product
from mestres_core.customers.models import address, customer
from mestres_core.orders.models import order
from mestres_core.reviews.models import STARS, review, summary
from mestres_core.reviews.service import APPROVED, AVERAGE

_into = customer.alias("into")
_counted = (
    select(
        review.c.product_id,
        *(func.sum(case((review.c.rating == n, 1), else_=0)).label(f"stars_{n}") for n in STARS),
    )
    .where(review.c.status == APPROVED)
    .group_by(review.c.product_id)
    .subquery()
)
_NOT_ERASED = or_(
    ~order.c.customer["email"].as_string().like("%@erased.invalid"),
    order.c.customer["document"].as_string() != "",
    order.c.address["street"].as_string() != "",
)

CUSTOMER_RULES: dict[str, Any] = {
    "a merged customer's orders are the other's": select(order.c.number)
    .select_from(order.join(customer, customer.c.id == order.c.customer_id))
    .where(customer.c.merged_into.is_not(None)),
    "a merged customer went into one that is there": select(customer.c.id)
    .select_from(customer.outerjoin(_into, _into.c.id == customer.c.merged_into))
    .where(
        customer.c.merged_into.is_not(None),
        or_(_into.c.id.is_(None), _into.c.merged_into.is_not(None), _into.c.id == customer.c.id),
    ),
    "an erased customer's orders name nobody": select(order.c.number)
    .select_from(order.join(customer, customer.c.id == order.c.customer_id))
    .where(customer.c.erased_at.is_not(None), _NOT_ERASED),
    "an erased customer has no address": select(address.c.id)
    .select_from(address.join(customer, customer.c.id == address.c.customer_id))
    .where(customer.c.erased_at.is_not(None)),
    "a product's stars are those of its approved reviews": select(_counted.c.product_id)
    .select_from(_counted.outerjoin(summary, summary.c.product_id == _counted.c.product_id))
    .where(or_(summary.c.product_id.is_(None), *(summary.c[f"stars_{n}"] != _counted.c[f"stars_{n}"] for n in STARS))),
    "stars are given by approved reviews": select(summary.c.product_id)
    .select_from(summary.outerjoin(_counted, _counted.c.product_id == summary.c.product_id))
    .where(_counted.c.product_id.is_(None), or_(*(summary.c[f"stars_{n}"] != 0 for n in STARS))),
    "a product's rating is the average of its stars": select(product.c.id)
    .select_from(product.join(summary, summary.c.product_id == product.c.id))
    .where(
        or_(
            product.c.rating_hundredths != AVERAGE,
            and_(product.c.rating_hundredths.is_(None), AVERAGE.is_not(None)),
            and_(product.c.rating_hundredths.is_not(None), AVERAGE.is_(None)),
        )
    ),
}
"""Each rule's name, and the statement that finds the rows that break it."""
