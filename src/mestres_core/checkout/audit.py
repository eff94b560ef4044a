"""Proving the books in one call.

Stock against its ledger and the open orders, money against its parts, payments against what the providers reported,
what was told against what happened.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, case, exists, func, literal, or_, select
from sqlalchemy.orm import Session

from mestres_core.cart.models import cart
from mestres_core.catalog.cards import RIGHT
from mestres_core.catalog.models import card
from mestres_core.checkout.audit_carts import CART_RULES
from mestres_core.checkout.audit_catalog import CATALOG_RULES
from mestres_core.checkout.audit_customers import CUSTOMER_RULES
from mestres_core.checkout.audit_events import EVENT_RULES
from mestres_core.checkout.audit_orders import ORDER_RULES
from mestres_core.checkout.audit_payments import PAYMENT_RULES
from mestres_core.checkout.models import idempotency
from mestres_core.customers.models import customer
from mestres_core.inventory.models import BUYABLE, level, lot, movement, place, reservation
from mestres_core.orders.models import line, order
from mestres_core.payments.models import event, payment
from mestres_core.promotions.models import code, of_customer, promotion, use
from mestres_core.tax.models import order_tax

_MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that does not hold, and the rows (by their names) for which it does not."""

    rule: str
    rows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What was counted and what was found wrong."""

    orders: int
    stock_levels: int
    violations: tuple[Violation, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing was found wrong."""
        return not self.violations


def audit(session: Session) -> AuditReport:
    """Check every rule; at most 100 rows are named for each.

    All rules are asked in one statement, so they speak of one moment; those that do not hold are then asked for rows.
    """
    orders, levels, *broken = session.execute(_BROKEN).one()
    found = (
        Violation(rule, tuple(_names(session, query)))
        for (rule, query), is_broken in zip(_ALL_RULES.items(), broken, strict=True)
        if is_broken
    )
    return AuditReport(
        orders=orders, stock_levels=levels, violations=tuple(violation for violation in found if violation.rows)
    )


def _names(session: Session, query: Any) -> Iterable[str]:
    return (" ".join(str(part) for part in row) for row in session.execute(query))


def _sums(by: Any, source: Any = None, where: Any = None, **sums: Any) -> Any:
    """Sums of columns for each `by`, to be joined as a table: one pass, however many rows there are."""
    query = select(by.label("of"), *(func.sum(column).label(name) for name, column in sums.items())).group_by(by)
    if source is not None:
        query = query.select_from(source)
    return (query if where is None else query.where(where)).subquery()


def _or_zero(column: Any) -> Any:
    return func.coalesce(column, 0)


def _events(kind: str) -> Any:
    return exists().where(event.c.payment_id == payment.c.id, event.c.kind == kind, event.c.state == "applied")


_open_pieces = line.c.quantity - line.c.cancelled_quantity - line.c.shipped_quantity
CLAIMS = (
    select(
        order.c.number.label("reference"),
        line.c.variant_id.label("variant_id"),
        func.sum(_open_pieces).label("pieces"),
    )
    .select_from(line.join(order, order.c.id == line.c.order_id))
    .where(order.c.status.in_(("pending", "placed")), _open_pieces > 0)
    .group_by(order.c.number, line.c.variant_id)
)
"""What open orders hold: an order's number, a variant, and how many pieces of it."""

_claims = CLAIMS.subquery()
_held = _sums(_claims.c.variant_id, pieces=_claims.c.pieces)
_NUMBERS = ("on_hand", "allocated", "reserved")
_moved = _sums(movement.c.variant_id, **{name: movement.c[name] for name in _NUMBERS})
_moved_there = (
    select(
        movement.c.variant_id, movement.c.location_id, *(func.sum(movement.c[name]).label(name) for name in _NUMBERS)
    )
    .group_by(movement.c.variant_id, movement.c.location_id)
    .subquery()
)
_placed = _sums(place.c.variant_id, **{name: place.c[name] for name in (*_NUMBERS, "backorder_limit")})
_moved_of_lot = _sums(
    movement.c.lot_id,
    where=movement.c.lot_id.is_not(None),
    on_hand=movement.c.on_hand,
    allocated=movement.c.allocated,
)
_in_lots = _sums(lot.c.variant_id, on_hand=lot.c.on_hand, allocated=lot.c.allocated)
_reserved = _sums(reservation.c.variant_id, where=reservation.c.state == "active", pieces=reservation.c.quantity)
_items = _sums(line.c.order_id, total=line.c.total)
_of_shipping = order_tax.c.line_id.is_(None)
_added = and_(order_tax.c.mode == "exclusive", ~order_tax.c.informational)
_contained = and_(order_tax.c.mode != "exclusive", ~order_tax.c.informational)
_line_taxes = _sums(
    order_tax.c.line_id,
    where=~_of_shipping,
    added=case((_added, order_tax.c.amount), else_=0),
    contained=case((_contained, order_tax.c.amount), else_=0),
)
_order_taxes = _sums(
    order_tax.c.order_id,
    added=case((_added, order_tax.c.amount), else_=0),
    contained=case((_contained, order_tax.c.amount), else_=0),
    of_shipping=case((and_(_added, _of_shipping), order_tax.c.amount), else_=0),
)
_right = RIGHT.subquery()
_its_card = and_(card.c.product_id == _right.c.product_id, card.c.currency == _right.c.currency)
_of_a_card = [name for name in _right.c.keys() if name not in ("product_id", "currency", "in_stock")]  # noqa: SIM118
_taken = use.c.state == "taken"
_of_promotion = _sums(use.c.promotion_id, where=_taken, times=literal(1), amount=use.c.amount)
_of_code = _sums(use.c.code, where=_taken, times=literal(1))
_by_customer = (
    select(use.c.promotion_id, use.c.customer, func.count().label("times"))
    .where(_taken)
    .group_by(use.c.promotion_id, use.c.customer)
    .subquery()
)
_limited = or_(promotion.c.most_uses.is_not(None), promotion.c.budget.is_not(None))


_RULES: dict[str, Any] = {
    "a level is the sum of its movements": select(level.c.sku)
    .select_from(level.outerjoin(_moved, _moved.c.of == level.c.variant_id))
    .where(or_(*(level.c[name] != _or_zero(_moved.c[name]) for name in _NUMBERS))),
    "a place is the sum of its movements": select(level.c.sku, place.c.location_id)
    .select_from(
        place.join(level, level.c.variant_id == place.c.variant_id).outerjoin(
            _moved_there,
            and_(_moved_there.c.variant_id == place.c.variant_id, _moved_there.c.location_id == place.c.location_id),
        )
    )
    .where(or_(*(place.c[name] != _or_zero(_moved_there.c[name]) for name in _NUMBERS))),
    "a level is the sum of its places": select(level.c.sku)
    .select_from(level.outerjoin(_placed, _placed.c.of == level.c.variant_id))
    .where(
        level.c.spread,
        or_(*(level.c[name] != _or_zero(_placed.c[name]) for name in (*_NUMBERS, "backorder_limit"))),
    ),
    "a lot is the sum of its movements": select(level.c.sku, lot.c.code)
    .select_from(
        lot.join(level, level.c.variant_id == lot.c.variant_id).outerjoin(_moved_of_lot, _moved_of_lot.c.of == lot.c.id)
    )
    .where(
        or_(lot.c.on_hand != _or_zero(_moved_of_lot.c.on_hand), lot.c.allocated != _or_zero(_moved_of_lot.c.allocated))
    ),
    "lots hold no more than there is": select(level.c.sku)
    .select_from(level.join(_in_lots, _in_lots.c.of == level.c.variant_id))
    .where(or_(_in_lots.c.on_hand > level.c.on_hand, _in_lots.c.allocated > level.c.allocated)),
    "reserved pieces are those of active reservations": select(
        level.c.sku, level.c.reserved, _or_zero(_reserved.c.pieces)
    )
    .select_from(level.outerjoin(_reserved, _reserved.c.of == level.c.variant_id))
    .where(level.c.reserved != _or_zero(_reserved.c.pieces)),
    "allocated pieces are those of open orders": select(level.c.sku, level.c.allocated, _or_zero(_held.c.pieces))
    .select_from(level.outerjoin(_held, _held.c.of == level.c.variant_id))
    .where(level.c.allocated != _or_zero(_held.c.pieces)),
    "nothing is oversold": select(level.c.sku).where(
        or_(level.c.allocated < 0, level.c.reserved < 0, level.c.on_hand < 0, BUYABLE < 0)
    ),
    "a card says whether there is stock": select(card.c.product_id, card.c.currency)
    .select_from(card.join(_right, _its_card))
    .where(card.c.in_stock != _right.c.in_stock),
    "a card says what its product does": select(card.c.product_id, card.c.currency)
    .select_from(card.join(_right, _its_card))
    .where(or_(*(card.c[name].is_distinct_from(_right.c[name]) for name in _of_a_card))),
    "what a list may show has a card": select(_right.c.product_id, _right.c.currency)
    .select_from(_right.outerjoin(card, _its_card))
    .where(card.c.product_id.is_(None)),
    "a card is of what a list may show": select(card.c.product_id, card.c.currency)
    .select_from(card.outerjoin(_right, _its_card))
    .where(_right.c.product_id.is_(None)),
    **CATALOG_RULES,
    "every order has a payment attempt": select(order.c.number).where(
        ~exists().where(payment.c.order_number == order.c.number)
    ),
    "every payment belongs to an order": select(payment.c.id).where(
        ~exists().where(order.c.number == payment.c.order_number)
    ),
    "an order's items are the sum of its lines": select(order.c.number)
    .select_from(order.outerjoin(_items, _items.c.of == order.c.id))
    .where(order.c.items_amount != _or_zero(_items.c.total)),
    "an order's total is the sum of its parts": select(order.c.number).where(
        order.c.grand_amount
        != order.c.items_amount - order.c.discount_amount + order.c.shipping_amount + order.c.tax_amount
    ),
    "a line's taxes are the sum of their parts": select(order.c.number, line.c.sku)
    .select_from(line.join(_line_taxes, _line_taxes.c.of == line.c.id).join(order, order.c.id == line.c.order_id))
    .where(or_(_line_taxes.c.added != line.c.tax_amount, _line_taxes.c.contained != line.c.tax_included_amount)),
    "an order's taxes are the sum of their parts": select(order.c.number)
    .select_from(order.join(_order_taxes, _order_taxes.c.of == order.c.id))
    .where(
        or_(
            _order_taxes.c.added != order.c.tax_amount,
            _order_taxes.c.contained != order.c.tax_included_amount,
            _order_taxes.c.of_shipping != order.c.shipping_tax_amount,
        )
    ),
    "every part of a tax belongs to an order and to a line of it": select(order_tax.c.order_id, order_tax.c.name)
    .select_from(
        order_tax.outerjoin(order, order.c.id == order_tax.c.order_id).outerjoin(
            line, and_(line.c.id == order_tax.c.line_id, line.c.order_id == order.c.id)
        )
    )
    .where(or_(order.c.id.is_(None), and_(~_of_shipping, line.c.id.is_(None)))),
    "an order has its customer": select(order.c.number).where(~exists().where(customer.c.id == order.c.customer_id)),
    "an order that is under way has closed its cart": select(order.c.number).where(
        exists().where(and_(cart.c.id == order.c.cart_id, cart.c.status == "open")),
        order.c.status.in_(("pending", "placed", "completed")),
        # Money that came late brings an order back while its cart may already be in use again.
        ~exists().where(
            payment.c.order_number == order.c.number, _events("failed") | _events("expired") | _events("declined")
        ),
    ),
    "an idempotency key names an order": select(idempotency.c.key).where(
        ~exists().where(order.c.number == idempotency.c.order_number)
    ),
    "a promotion with a limit is used as often as orders take it": select(promotion.c.key)
    .select_from(promotion.outerjoin(_of_promotion, _of_promotion.c.of == promotion.c.id))
    .where(
        _limited,
        or_(
            promotion.c.uses != _or_zero(_of_promotion.c.times),
            promotion.c.spent != _or_zero(_of_promotion.c.amount),
        ),
    ),
    "a code is used as often as orders take it": select(code.c.code)
    .select_from(code.outerjoin(_of_code, _of_code.c.of == code.c.code))
    .where(code.c.uses != _or_zero(_of_code.c.times)),
    "a customer has used a promotion as often as their orders": select(of_customer.c.customer, promotion.c.key)
    .select_from(
        of_customer.join(promotion, promotion.c.id == of_customer.c.promotion_id).outerjoin(
            _by_customer,
            and_(
                _by_customer.c.promotion_id == of_customer.c.promotion_id,
                _by_customer.c.customer == of_customer.c.customer,
            ),
        )
    )
    .where(promotion.c.most_uses_per_customer.is_not(None), of_customer.c.uses != _or_zero(_by_customer.c.times)),
    "no promotion is used more often, or costs more, than it may": select(promotion.c.key).where(
        or_(promotion.c.uses > promotion.c.most_uses, promotion.c.spent > promotion.c.budget)
    ),
    "an order that came to nothing has given its promotions back": select(use.c.order_number, promotion.c.key)
    .select_from(
        use.join(promotion, promotion.c.id == use.c.promotion_id).join(order, order.c.number == use.c.order_number)
    )
    .where(_taken, use.c.amount > 0, order.c.status.in_(("cancelled", "expired"))),
}

# Ready to be sent: one statement, because a machine looks after each of ten thousand steps.
_EVERY_RULE = _RULES | CART_RULES | CUSTOMER_RULES | ORDER_RULES | PAYMENT_RULES | EVENT_RULES
_ALL_RULES = {rule: query.limit(_MOST_SHOWN) for rule, query in _EVERY_RULE.items()}
_BROKEN = select(
    select(func.count()).select_from(order).scalar_subquery().label("orders"),
    select(func.count()).select_from(level).scalar_subquery().label("levels"),
    *(query.exists().label(f"rule_{number}") for number, query in enumerate(_EVERY_RULE.values())),
)
