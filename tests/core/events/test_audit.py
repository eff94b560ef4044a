"""The audit's rules of the outbox and of webhooks."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from core_shop import TestShop
from mestres_core.checkout.audit_events import EVENT_RULES
from mestres_core.events.models import outbox, webhook_delivery, webhook_endpoint

THEN = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = THEN + timedelta(minutes=1)
TOLD = {"delivered_at": THEN}
DEAD = {"dead_at": THEN, "attempts": 15, "last_error": "nobody there"}
# Of each rule, the rows that break it and nothing else. Facts and deliveries are numbered as they stand here.
FACTS: list[tuple[str, dict[str, Any]]] = [
    ("", {"aggregate": "order"}),
    ("the facts of an order or a cart are delivered in their order", {"aggregate": "order"} | TOLD),
    ("a fact that was delivered is in nobody's hands", TOLD | {"claimed_until": LATER}),
    ("a dead letter has failed, and is in nobody's hands", DEAD | {"attempts": 0}),
    ("a dead letter has failed, and is in nobody's hands", DEAD | {"claimed_until": LATER}),
    ("a fact that was discarded was a dead letter", TOLD | {"discarded_at": THEN}),
    ("a fact that was discarded was a dead letter", DEAD | TOLD | {"discarded_at": LATER}),
    ("what waits is a fact of a known kind", {"type": "OrderSold"}),
    ("", DEAD),
    ("", DEAD | TOLD | {"discarded_at": THEN}),
    ("", TOLD),
]
DELIVERIES: list[tuple[str, dict[str, Any]]] = [
    ("a webhook says a fact that was delivered", {"fact_id": 9}),
    ("a webhook says a fact that was delivered", {"fact_id": 11, "type": "OrderShipped"}),
    ("a webhook that arrived was answered with success", {"fact_id": 3, "status": "delivered", "finished_at": THEN}),
    (
        "a webhook that is finished is in nobody's hands",
        {"fact_id": 10, "status": "failed", "finished_at": THEN, "claimed_until": LATER},
    ),
    ("", {"fact_id": 5000}),  # the fact itself was cleaned away
]


def test_every_planted_damage_is_found_by_its_own_rule(shop: TestShop) -> None:
    """Rows that break one rule each are named by it, all of them, and whole ones by none."""
    facts = [
        {"id": at, "aggregate": "test", "aggregate_id": "1", "type": "OrderChanged", "payload": {}, "created_at": THEN}
        | row
        for at, (_, row) in enumerate(FACTS, start=1)
    ]
    deliveries = [
        {"endpoint_id": 1, "aggregate": "test", "aggregate_id": "1", "type": "OrderChanged", "payload": {}}
        | {"occurred_at": THEN, "status": "pending", "attempts": 0}
        | row
        for _, row in DELIVERIES
    ]
    endpoint = {"url": "https://a.example", "description": "", "events": [], "secret": "s", "created_at": THEN}
    endpoints = [endpoint | {"id": 1}, endpoint | {"id": 2, "old_secret": "o"}]
    with Session(shop.engine) as session:
        for table, rows in ((outbox, facts), (webhook_endpoint, endpoints), (webhook_delivery, deliveries)):
            for row in rows:
                session.execute(insert(table), row)
        session.commit()
    wanted: dict[str, list[str]] = {"a secret that was replaced has an end": ["2"]}
    for (rule, _), row in zip(FACTS, facts, strict=True):
        wanted.setdefault(rule, []).append(f"{row['id']} {row['type']} 1")
    for (rule, _), row in zip(DELIVERIES, deliveries, strict=True):
        wanted.setdefault(rule, []).append(f"1 {row['fact_id']}")
    del wanted[""]
    found = {each.rule: sorted(each.rows) for each in shop.audit().violations}
    assert found == {rule: sorted(rows) for rule, rows in wanted.items()}
    assert set(found) == set(EVENT_RULES)
