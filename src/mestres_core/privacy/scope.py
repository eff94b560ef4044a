"""Which rows of the shop are about a person."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, or_, select

from mestres_core.cart.models import cart
from mestres_core.customers.dto import Customer
from mestres_core.inventory.models import reservation
from mestres_core.orders.models import order
from mestres_core.payments.models import account, payment


class Scope:
    """The keys of a customer's rows, as conditions."""

    def __init__(self, customer: Customer) -> None:
        self.customer = customer
        mine = order.c.customer_id == customer.id
        self.orders = mine
        self.order_ids: Select[Any] = select(order.c.id).where(mine)
        self.numbers: Select[Any] = select(order.c.number).where(mine)
        self.payments: Select[Any] = select(payment.c.id).where(payment.c.order_number.in_(self.numbers))
        self.accounts: Select[Any] = select(account.c.id).where(account.c.customer_id == customer.id)
        # What a guest put into carts is known by their orders; an account's also by its owner. Those that were joined
        # with them at a sign-in were the same person's.
        of_orders = cart.c.id.in_(select(order.c.cart_id).where(mine))
        owned = [] if customer.reference is None else [cart.c.owner == customer.reference]
        own = select(cart.c.id).where(or_(of_orders, *owned)).cte("own", recursive=True)
        own = own.union(select(cart.c.id).where(cart.c.merged_into == own.c.id))
        self.carts = cart.c.id.in_(select(own.c.id))
        self.cart_ids: Select[Any] = select(cart.c.id).where(self.carts)
        reserved = [] if customer.reference is None else [reservation.c.owner == customer.reference]
        self.reservations = or_(reservation.c.owner.in_(self.cart_ids), *reserved)
