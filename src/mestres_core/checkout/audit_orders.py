"""What the audit asks of orders: lines, parcels, returns, credits, and the statuses that are derived from them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, case, exists, func, literal, or_, select

from mestres_core.catalog.models import variant
from mestres_core.orders.models import credit, giving_back, giving_back_line, line, order, shipment_line
from mestres_core.payments.models import payment, refund
from mestres_core.rules.ledger import TAKEN


def _sums(by: Any, source: Any = None, where: Any = None, **sums: Any) -> Any:
    query = select(by.label("of"), *(func.sum(column).label(name) for name, column in sums.items())).group_by(by)
    if source is not None:
        query = query.select_from(source)
    return (query if where is None else query.where(where)).subquery()


def _or_zero(column: Any) -> Any:
    return func.coalesce(column, 0)


def _if(condition: Any, then: Any) -> Any:
    return case((condition, then), else_=0)


_parts = _sums(
    line.c.order_id,
    discount=line.c.discount_amount,
    tax=line.c.tax_amount,
    tax_included=line.c.tax_included_amount,
    shipped=line.c.shipped_quantity,
    open=line.c.quantity - line.c.cancelled_quantity - line.c.shipped_quantity,
)
_sent = _sums(shipment_line.c.line_id, pieces=shipment_line.c.quantity)
_back = _sums(
    giving_back_line.c.line_id,
    giving_back_line.join(giving_back, giving_back.c.id == giving_back_line.c.return_id),
    giving_back.c.status != "rejected",
    pieces=giving_back_line.c.quantity,
)
_credits = _sums(credit.c.order_id, amount=credit.c.amount, shipping=_if(credit.c.kind == "shipping", credit.c.amount))
_credits_of_line = _sums(
    credit.c.line_id,
    where=credit.c.line_id.is_not(None),
    pieces=credit.c.pieces,
    cancelled=_if(credit.c.kind == "cancelled", credit.c.pieces),
    amount=credit.c.amount,
)
_paid = _sums(
    payment.c.order_number,
    captures=_if(payment.c.status.in_(TAKEN), 1),
    captured=payment.c.captured_amount,
    authorized=_if(payment.c.status == "authorized", 1),
)
_refunds = _sums(refund.c.order_number, where=refund.c.status == "refunded", amount=refund.c.amount)

_had_goodwill = exists().where(credit.c.order_id == order.c.id, credit.c.kind == "goodwill")
_line_paid = line.c.total - line.c.discount_amount + line.c.tax_amount
_left_over = _line_paid % line.c.quantity
# The first entries of split(paid, quantity): integer division on both databases.
_share = (_line_paid - _left_over) / line.c.quantity * line.c.credited_quantity + case(
    (_left_over < line.c.credited_quantity, _left_over), else_=line.c.credited_quantity
)
_worth = case(
    (order.c.status.in_(("cancelled", "expired")), literal(0)), else_=order.c.grand_amount - order.c.credited_amount
)
_kept = _or_zero(_paid.c.captured) - _or_zero(_refunds.c.amount)
_expected_payment = case(
    (_kept > _worth, "refund_due"),
    (_kept < _worth, "partially_paid"),
    (_or_zero(_refunds.c.amount) == 0, "paid"),
    (_kept > 0, "partially_refunded"),
    else_="refunded",
)
_without_money = or_(
    and_(order.c.status == "pending", order.c.payment_status == "pending"),
    and_(order.c.status.in_(("placed", "completed")), order.c.payment_status == "authorized", _paid.c.authorized > 0),
    and_(order.c.status.in_(("placed", "completed")), order.c.payment_status == "void"),
    and_(order.c.status == "cancelled", order.c.payment_status.in_(("void", "declined", "failed"))),
    and_(order.c.status == "expired", order.c.payment_status == "expired"),
)
_expected_fulfillment = case(
    (_or_zero(_parts.c.shipped) == 0, "unfulfilled"),
    (_parts.c.open > 0, "partially_fulfilled"),
    else_="fulfilled",
)


def _of_lines(*joined: Any) -> Any:
    source: Any = line.join(order, order.c.id == line.c.order_id)
    for each in joined:
        source = source.outerjoin(each, each.c.of == line.c.id)
    return source


ORDER_RULES: dict[str, Any] = {
    "an order's discount and taxes are those of its lines and its shipping": select(order.c.number)
    .select_from(order.outerjoin(_parts, _parts.c.of == order.c.id))
    .where(
        or_(
            order.c.discount_amount != _or_zero(_parts.c.discount),
            order.c.tax_amount != _or_zero(_parts.c.tax) + order.c.shipping_tax_amount,
            order.c.tax_included_amount < _or_zero(_parts.c.tax_included),
        )
    ),
    "an order line is of its variant's product": select(order.c.number, line.c.sku)
    .select_from(_of_lines().join(variant, variant.c.id == line.c.variant_id))
    .where(line.c.product_id.is_distinct_from(variant.c.product_id)),
    "shipped pieces are those of its parcels": select(order.c.number, line.c.sku)
    .select_from(_of_lines(_sent))
    .where(line.c.shipped_quantity != _or_zero(_sent.c.pieces)),
    "returned pieces are those of its returns": select(order.c.number, line.c.sku)
    .select_from(_of_lines(_back))
    .where(line.c.returned_quantity != _or_zero(_back.c.pieces)),
    "no more comes back than was shipped": select(order.c.number, line.c.sku)
    .select_from(_of_lines())
    .where(
        or_(
            line.c.returned_quantity > line.c.shipped_quantity,
            line.c.shipped_quantity + line.c.cancelled_quantity > line.c.quantity,
        )
    ),
    "credited pieces are those of its credits": select(order.c.number, line.c.sku)
    .select_from(_of_lines(_credits_of_line))
    .where(
        or_(
            line.c.credited_quantity != _or_zero(_credits_of_line.c.pieces),
            line.c.cancelled_quantity != _or_zero(_credits_of_line.c.cancelled),
        )
    ),
    # Where goodwill was given, the last credits may be less than the share: nobody gets back more than was paid.
    "pieces are credited by their frozen shares": select(order.c.number, line.c.sku)
    .select_from(_of_lines(_credits_of_line))
    .where(
        or_(
            _or_zero(_credits_of_line.c.amount) > _share,
            and_(_or_zero(_credits_of_line.c.amount) < _share, ~_had_goodwill),
        )
    ),
    "what is owed no longer is the sum of its credits": select(order.c.number)
    .select_from(order.outerjoin(_credits, _credits.c.of == order.c.id))
    .where(
        or_(
            order.c.credited_amount != _or_zero(_credits.c.amount),
            order.c.shipping_credited_amount < _or_zero(_credits.c.shipping),
        )
    ),
    "an order's fulfilment is that of its pieces": select(order.c.number, order.c.fulfillment_status)
    .select_from(order.outerjoin(_parts, _parts.c.of == order.c.id))
    .where(
        or_(
            order.c.fulfillment_status != _expected_fulfillment,
            (order.c.status == "completed") != and_(_parts.c.shipped > 0, _parts.c.open == 0),
        )
    ),
    "an order's payment status is what its ledgers say": select(order.c.number, order.c.payment_status)
    .select_from(
        order.outerjoin(_paid, _paid.c.of == order.c.number).outerjoin(_refunds, _refunds.c.of == order.c.number)
    )
    .where(
        case(
            (_or_zero(_paid.c.captures) > 0, order.c.payment_status != _expected_payment),
            else_=~_without_money,
        )
    ),
}
"""Each rule's name, and the statement that finds the rows that break it."""
