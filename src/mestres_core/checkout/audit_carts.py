"""What must hold of carts and of the orders that they have become."""

from __future__ import annotations

from typing import Any

from sqlalchemy import exists, or_, select

from mestres_core.cart.models import cart
from mestres_core.orders.models import order

_target = cart.alias("target")

CART_RULES: dict[str, Any] = {
    "an ordered cart has an order": select(cart.c.id).where(
        cart.c.status == "ordered", ~exists().where(order.c.cart_id == cart.c.id)
    ),
    "a merged cart went into another one of its channel": select(cart.c.id)
    .select_from(cart.outerjoin(_target, _target.c.id == cart.c.merged_into))
    .where(
        cart.c.status == "merged",
        or_(_target.c.id.is_(None), _target.c.id == cart.c.id, _target.c.channel != cart.c.channel),
    ),
    "an order is of its cart's channel and owner": select(order.c.number)
    .select_from(order.join(cart, cart.c.id == order.c.cart_id))
    .where(or_(order.c.channel != cart.c.channel, order.c.owner != cart.c.owner)),
}
