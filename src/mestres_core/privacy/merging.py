"""Joining a guest's rows with another customer's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import case, delete, exists, or_, select, update

from mestres_core.customers.models import address, consent, customer
from mestres_core.db.dialects.sql import insert as upsert
from mestres_core.events.facts import OrderChanged
from mestres_core.events.work import Work
from mestres_core.orders.models import order
from mestres_core.payments.models import account, entry, payment
from mestres_core.promotions.models import of_customer, use
from mestres_core.reviews.service import ReviewService
from mestres_core.wishlists.models import item, wishlist


class Merger:
    """One merge in one unit of work; both customers' rows are locked by the caller."""

    def __init__(self, work: Work, reviews: ReviewService, source: int, target: int) -> None:
        self._work = work
        self._session: Any = work.session
        self._reviews = reviews
        self._source = source
        self._target = target

    def merge(self) -> Mapping[str, int]:
        """As `CustomerService.merge`; how many rows moved."""
        moved = {
            "orders": self._move_orders(),
            "store_credit": self._move_credit(),
            "promotion_uses": self._move_uses(),
            "reviews": self._reviews.move(self._source, self._target),
            "wishlists": self._move_lists(),
            "addresses": self._move_addresses(),
            "consents": self._moved(consent),
        }
        self._close()
        return {name: rows for name, rows in moved.items() if rows}

    def _move_orders(self) -> int:
        mine = order.c.customer_id == self._source
        self._session.execute(select(order.c.id).where(mine).order_by(order.c.id).with_for_update())
        change = update(order).where(mine).values(customer_id=self._target)
        rows = self._session.execute(change.returning(order.c.number, order.c.status, order.c.payment_status)).all()
        self._work.outbox.announce(
            *(OrderChanged(row.number, row.status, row.payment_status, self._target) for row in rows)
        )
        return len(rows)

    def _move_credit(self) -> int:
        """An account of a currency that the other has, too, is poured into it: entries, payments and balance."""
        both = select(account.c.id, account.c.currency, account.c.customer_id, account.c.balance)
        both = both.where(account.c.kind == "store_credit", account.c.customer_id.in_((self._source, self._target)))
        rows = self._session.execute(both.order_by(account.c.id).with_for_update()).all()
        theirs = {row.currency: row for row in rows if row.customer_id == self._target}
        moved = 0
        for row in rows:
            if row.customer_id != self._source:
                continue
            moved += 1
            into = theirs.get(row.currency)
            if into is None:
                self._session.execute(update(account).where(account.c.id == row.id).values(customer_id=self._target))
            else:
                self._pour(row, into.id)
        return moved

    def _pour(self, row: Any, into: int) -> None:
        other = entry.alias("other")
        # A key that both have used stands for the other's entry from now on.
        clash = exists().where(other.c.account_id == into, other.c.idempotency_key == entry.c.idempotency_key)
        key = case((clash, None), else_=entry.c.idempotency_key)
        moved = update(entry).where(entry.c.account_id == row.id).values(account_id=into, idempotency_key=key)
        self._session.execute(moved)
        self._session.execute(update(payment).where(payment.c.account_id == row.id).values(account_id=into))
        more = update(account).where(account.c.id == into).values(balance=account.c.balance + row.balance)
        self._session.execute(more)
        self._session.execute(delete(account).where(account.c.id == row.id))

    def _move_uses(self) -> int:
        source, target = str(self._source), str(self._target)
        moved = self._session.execute(update(use).where(use.c.customer == source).values(customer=target)).rowcount
        counted = select(of_customer.c.promotion_id, of_customer.c.uses).where(of_customer.c.customer == source)
        rows = self._session.execute(counted.order_by(of_customer.c.promotion_id)).all()
        for row in rows:
            query = upsert(self._work.dialect, of_customer).values(
                promotion_id=row.promotion_id, customer=target, uses=row.uses
            )
            more = {"uses": of_customer.c.uses + row.uses}
            self._session.execute(query.on_conflict_do_update(index_elements=["promotion_id", "customer"], set_=more))
        self._session.execute(delete(of_customer).where(of_customer.c.customer == source))
        return int(moved)

    def _move_lists(self) -> int:
        """Lists of one name become one."""
        mine = select(wishlist.c.id, wishlist.c.name).where(wishlist.c.customer_id == self._source)
        theirs = select(wishlist.c.name, wishlist.c.id).where(wishlist.c.customer_id == self._target)
        known = {row.name: row.id for row in self._session.execute(theirs)}
        rows = self._session.execute(mine).all()
        for row in rows:
            into = known.get(row.name)
            if into is None:
                change = update(wishlist).where(wishlist.c.id == row.id).values(customer_id=self._target)
                self._session.execute(change)
                continue
            wishes = select(item.c.variant_id, item.c.created_at)
            for wish in self._session.execute(wishes.where(item.c.wishlist_id == row.id)).all():
                new = {"wishlist_id": into, "variant_id": wish.variant_id, "created_at": wish.created_at}
                self._session.execute(upsert(self._work.dialect, item).values(new).on_conflict_do_nothing())
            self._session.execute(delete(item).where(item.c.wishlist_id == row.id))
            self._session.execute(delete(wishlist).where(wishlist.c.id == row.id))
        return len(rows)

    def _move_addresses(self) -> int:
        """The other's defaults stay; without any of its own it takes over the guest's."""
        has = self._session.execute(select(address.c.id).where(address.c.customer_id == self._target).limit(1)).first()
        values: dict[str, Any] = {"customer_id": self._target}
        if has is not None:
            values |= {"default_shipping": False, "default_billing": False}
        change = update(address).where(address.c.customer_id == self._source).values(**values)
        return int(self._session.execute(change).rowcount)

    def _moved(self, table: Any) -> int:
        change = update(table).where(table.c.customer_id == self._source).values(customer_id=self._target)
        return int(self._session.execute(change).rowcount)

    def _close(self) -> None:
        """The guest's row is a second address from now on; what the other does not know yet comes along."""
        known = (customer.c.name, customer.c.document, customer.c.phone)
        mine = self._session.execute(select(*known).where(customer.c.id == self._source)).one()
        change = update(customer).where(customer.c.id == self._target)
        new = {
            column.name: case((column == "", value), else_=column) for column, value in zip(known, mine, strict=True)
        }
        self._session.execute(change.values(**new))
        chain = or_(customer.c.id == self._source, customer.c.merged_into == self._source)
        closed = {"merged_into": self._target, "name": "", "document": "", "phone": "", "token_hash": None}
        self._session.execute(update(customer).where(chain).values(**closed, customer_group=None))
