"""Forgetting a person, and keeping the books.

What the law wants kept stays: orders with their amounts and taxes, payments, refunds. What names or finds the person in
them is replaced by the same placeholder for everybody, so that no two rows can be told to be of one person by it; of an
address the state and the country stay, because taxes were charged by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import String, and_, bindparam, cast, delete, func, literal, or_, select, update

from mestres_core.cart.models import cart
from mestres_core.cart.models import line as cart_line
from mestres_core.checkout.models import quote
from mestres_core.customers.dto import ADDRESS_FIELDS, Erasure, Kept
from mestres_core.customers.models import address, consent, customer
from mestres_core.errors import ErasureRefused
from mestres_core.events.facts import CartChanged, CustomerErased, OrderChanged
from mestres_core.events.models import outbox
from mestres_core.events.work import Work
from mestres_core.inventory.models import movement, reservation
from mestres_core.jobs.models import job, part
from mestres_core.orders.models import change, giving_back, line, order, shipment
from mestres_core.payments.models import account, event, payment, refund
from mestres_core.privacy.scope import Scope
from mestres_core.promotions.models import use
from mestres_core.reviews.models import review
from mestres_core.reviews.service import ReviewService
from mestres_core.wishlists.models import item, wishlist

NAME = "Dados apagados"
EMAIL = "erased@erased.invalid"
"""What stands for the name and the e-mail address in an order of an erased customer. Mail to .invalid goes nowhere."""

_OPEN = ("pending", "placed")
_IN_ORDER = {"name": NAME, "email": EMAIL, "document": ""}
_LOCK_ORDERS = (order.c.id, order.c.number, order.c.status, order.c.payment_status, order.c.fulfillment_status)
_FORGET = (
    update(order)
    .where(order.c.id == bindparam("of"))
    .values(customer=bindparam("who", type_=order.c.customer.type), address=bindparam("to", type_=order.c.address.type))
)
_OF_PEOPLE = ("orders", "customers")


class Eraser:
    """One erasure in one unit of work; the customer's row is locked by the caller."""

    def __init__(self, work: Work, reviews: ReviewService, scope: Scope) -> None:
        self._work = work
        self._session: Any = work.session
        self._reviews = reviews
        self._scope = scope
        self._of = scope.customer.id

    def erase(self, *, open_orders: str) -> Erasure:
        """As `CustomerService.erase`."""
        orders = self._lock_orders()
        if open_orders == "refuse":
            under_way = tuple(row.number for row in orders if _is_under_way(row))
            if under_way:
                raise ErasureRefused(orders=under_way)
        errors = self._forget_errors()
        emptied, gone = self._reviews.anonymise(self._of)
        erased = {
            **self._forget_carts(),
            **self._forget_orders(orders),
            **self._forget_lists(),
            "reservations": self._forget_reservations(),
            "reviews": emptied + gone,
            "export_files": self._forget_files(),
            "delivery_errors": errors,
        }
        erased["customer"], erased_at = self._forget_customer()
        if erased["customer"]:
            self._work.outbox.announce(CustomerErased(self._of))
        return Erasure(self._of, erased_at, {name: rows for name, rows in erased.items() if rows}, self._kept())

    def _lock_orders(self) -> Any:
        query = select(*_LOCK_ORDERS, order.c.customer, order.c.address).where(self._scope.orders)
        return self._session.execute(query.order_by(order.c.id).with_for_update()).all()

    def _forget_orders(self, rows: Any) -> Mapping[str, int]:
        named = [row for row in rows if row.customer.get("email") != EMAIL]
        if named:
            forgotten = [{"of": row.id, "who": _IN_ORDER, "to": _place(row.address)} for row in named]
            self._session.connection().execute(_FORGET, forgotten)
        # Nobody is left who could be told of the order.
        untold = update(order).where(self._scope.orders, order.c.confirmed_at.is_(None), order.c.status == "placed")
        self._session.execute(untold.values(confirmed_at=self._work.clock.now()))
        below = self._scope.order_ids
        texts = (
            update(line)
            .where(line.c.order_id.in_(below), cast(line.c.attributes, String) != "{}")
            .values(attributes={}),
            update(giving_back).where(giving_back.c.order_id.in_(below), giving_back.c.note != "").values(note=""),
            update(change).where(change.c.order_id.in_(below), change.c.reason != "").values(reason=""),
        )
        notes = sum(self._changed(statement) for statement in texts)
        # What a buyer was to do next (codes and links to pay) may name them.
        done = payment.c.status != "pending"
        paid = self._scope.payments
        actions = self._changed(
            update(payment)
            .where(payment.c.id.in_(paid), done, cast(payment.c.action, String) != "{}")
            .values(action={})
        )
        ended = select(payment.c.id).where(payment.c.id.in_(paid), done)
        actions += self._changed(
            update(event).where(event.c.payment_id.in_(ended), cast(event.c.action, String) != "{}").values(action={})
        )
        self._work.outbox.announce(
            *(OrderChanged(row.number, row.status, row.payment_status, self._of) for row in named)
        )
        return {"orders": len(named), "notes": notes, "payment_actions": actions}

    def _forget_errors(self) -> int:
        """What the outbox was told when facts about the person could not be delivered: it may name whom, and where."""
        about: dict[str, Any] = {
            "order": self._scope.numbers,
            "cart": self._scope.cart_ids,
            "review": select(cast(review.c.id, String)).where(review.c.customer_id == self._of),
            "customer": [str(self._of)],
        }
        theirs = or_(*(and_(outbox.c.aggregate == kind, outbox.c.aggregate_id.in_(ids)) for kind, ids in about.items()))
        emptied = update(outbox).where(outbox.c.last_error.is_not(None), theirs).values(last_error=None)
        return len(self._session.execute(emptied.returning(outbox.c.id)).all())

    def _forget_carts(self) -> Mapping[str, int]:
        """Carts lose their owner, as their orders do; wishes and the addresses of quotes go."""
        ids = list(self._session.execute(self._scope.cart_ids.order_by(cart.c.id).with_for_update()).scalars())
        if not ids:
            return {}
        here = cart_line.c.cart_id.in_(ids)
        wishes = (
            update(cart_line)
            .where(here, cast(cart_line.c.attributes, String) != "{}")
            .values(attributes={}, attributes_key=literal("erased-") + cast(cart_line.c.id, String))
            .returning(cart_line.c.cart_id)
        )
        of_lines = list(self._session.execute(wishes).scalars())
        # Whoever waits for such a cart is told by its version that its lines are others.
        self._session.execute(update(cart).where(cart.c.id.in_(of_lines)).values(version=cart.c.version + 1))
        owned = update(cart).where(cart.c.id.in_(ids), cart.c.owner.is_not(None)).values(owner=None)
        changed = list(self._session.execute(owned.returning(cart.c.id)).scalars())
        owners = update(order).where(order.c.cart_id.in_(ids), order.c.owner.is_not(None)).values(owner=None)
        owners_of_orders = self._changed(owners)
        self._work.outbox.announce(*(CartChanged(each) for each in changed))
        return {
            "carts": len(changed),
            "cart_wishes": len(of_lines),
            "quotes": self._changed(delete(quote).where(quote.c.cart_id.in_(ids))),
            "order_owners": owners_of_orders,
        }

    def _forget_lists(self) -> Mapping[str, int]:
        lists = select(wishlist.c.id).where(wishlist.c.customer_id == self._of)
        self._session.execute(delete(item).where(item.c.wishlist_id.in_(lists)))
        return {
            "wishlists": self._changed(delete(wishlist).where(wishlist.c.customer_id == self._of)),
            "addresses": self._changed(delete(address).where(address.c.customer_id == self._of)),
        }

    def _forget_reservations(self) -> int:
        """What the host set aside in its user's name is nobody's, and stays set aside until its time is up."""
        reference = self._scope.customer.reference
        if reference is None:
            return 0
        nobody = f"erased-{self._of}"
        moved = update(movement).where(movement.c.reference == reference).values(reference=nobody)
        self._session.execute(moved)
        return self._changed(update(reservation).where(reservation.c.owner == reference).values(owner=nobody))

    def _forget_files(self) -> int:
        """Files of customers and orders that were exported and still lie here name the person, too."""
        done = (
            job.c.kind == "export",
            job.c.arguments["kind"].as_string().in_(_OF_PEOPLE),
            job.c.status == "done",
            job.c.result_size.is_not(None),
        )
        if self._scope.customer.erased_at is not None:
            return 0  # those that came later do not name the person any more
        ids = list(
            self._session.execute(update(job).where(*done).values(result_size=None).returning(job.c.id)).scalars()
        )
        if ids:
            self._session.execute(delete(part).where(part.c.job_id.in_(ids)))
        return len(ids)

    def _forget_customer(self) -> tuple[int, datetime]:
        """The rows of the person's addresses; each keeps its number, which names nobody."""
        now = self._work.clock.now()
        earlier = self._scope.customer.erased_at
        if earlier is not None:
            return 0, earlier
        values = {
            "email": literal("erased-") + cast(customer.c.id, String) + "@erased.invalid",
            "name": NAME,
            "document": "",
            "phone": "",
            "token_hash": None,
            "reference": None,
            "customer_group": None,
            "erased_at": now,
        }
        mine = or_(customer.c.id == self._of, customer.c.merged_into == self._of)
        return self._changed(update(customer).where(mine).values(**values)), now

    def _changed(self, statement: Any) -> int:
        return int(self._session.execute(statement).rowcount)

    def _kept(self) -> tuple[Kept, ...]:
        scope = self._scope
        sources = (
            ("orders", "fiscal_record", order.c.id, scope.orders),
            ("payments", "payment_record", payment.c.id, payment.c.order_number.in_(scope.numbers)),
            ("refunds", "payment_record", refund.c.id, refund.c.order_number.in_(scope.numbers)),
            ("shipments", "delivery_record", shipment.c.id, shipment.c.order_id.in_(scope.order_ids)),
            ("promotion_uses", "fiscal_record", use.c.id, use.c.order_number.in_(scope.numbers)),
            ("store_credit", "debt", account.c.id, account.c.customer_id == self._of),
            ("consents", "proof_of_consent", consent.c.id, consent.c.customer_id == self._of),
            ("reviews", "anonymous", review.c.id, review.c.customer_id == self._of),
        )
        counts = [select(func.count(column)).where(where).scalar_subquery() for _, _, column, where in sources]
        row = self._session.execute(select(*counts)).one()
        return tuple(Kept(what, rows, reason) for (what, reason, _, _), rows in zip(sources, row, strict=True) if rows)


def _is_under_way(row: Any) -> bool:
    return row.status in _OPEN and row.fulfillment_status != "fulfilled"


def _place(of: Mapping[str, str]) -> dict[str, str]:
    kept = {name: of[name] for name in ("state", "country") if name in of}
    return dict.fromkeys(ADDRESS_FIELDS, "") | kept
