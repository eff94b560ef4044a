"""What must hold of the outbox, and of the webhooks that it becomes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, exists, or_, select

from mestres_core.events.facts import KINDS
from mestres_core.events.models import outbox, webhook_attempt, webhook_delivery, webhook_endpoint

_earlier = outbox.alias("earlier")
_told = outbox.c.delivered_at.is_not(None)
_of_one_row = ("order", "cart")  # whose facts are written under one lock, so that their numbers are their order
_fact = (outbox.c.id, outbox.c.type, outbox.c.aggregate_id)
_delivery = (webhook_delivery.c.endpoint_id, webhook_delivery.c.fact_id)

EVENT_RULES: dict[str, Any] = {
    "the facts of an order or a cart are delivered in their order": select(*_fact).where(
        _told,
        outbox.c.aggregate.in_(_of_one_row),
        exists().where(
            _earlier.c.aggregate == outbox.c.aggregate,
            _earlier.c.aggregate_id == outbox.c.aggregate_id,
            _earlier.c.delivered_at.is_(None),
            _earlier.c.id < outbox.c.id,
        ),
    ),
    "a fact that was delivered is in nobody's hands": select(*_fact).where(_told, outbox.c.claimed_until.is_not(None)),
    "a dead letter has failed, and is in nobody's hands": select(*_fact).where(
        outbox.c.dead_at.is_not(None),
        ~_told,
        or_(outbox.c.attempts < 1, outbox.c.last_error.is_(None), outbox.c.claimed_until.is_not(None)),
    ),
    "a fact that was discarded was a dead letter": select(*_fact).where(
        outbox.c.discarded_at.is_not(None),
        or_(outbox.c.dead_at.is_(None), outbox.c.delivered_at.is_distinct_from(outbox.c.discarded_at)),
    ),
    "what waits is a fact of a known kind": select(*_fact).where(
        ~_told, outbox.c.dead_at.is_(None), outbox.c.type.not_in(sorted(KINDS))
    ),
    "a webhook says a fact that was delivered": select(*_delivery)
    .select_from(webhook_delivery.join(outbox, outbox.c.id == webhook_delivery.c.fact_id))
    .where(
        or_(
            ~_told,
            *(webhook_delivery.c[name] != outbox.c[name] for name in ("aggregate", "aggregate_id", "type")),
        )
    ),
    "a webhook that arrived was answered with success": select(*_delivery).where(
        webhook_delivery.c.status == "delivered",
        ~exists().where(
            and_(
                webhook_attempt.c.delivery_id == webhook_delivery.c.id, webhook_attempt.c.status_code.between(200, 299)
            )
        ),
    ),
    "a webhook that is finished is in nobody's hands": select(*_delivery).where(
        webhook_delivery.c.status != "pending", webhook_delivery.c.claimed_until.is_not(None)
    ),
    "a secret that was replaced has an end": select(webhook_endpoint.c.id).where(
        webhook_endpoint.c.old_secret.is_(None) != webhook_endpoint.c.old_secret_until.is_(None)
    ),
}
