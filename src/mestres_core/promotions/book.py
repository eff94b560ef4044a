"""Which promotions a cart is to be looked at with.

Promotions without a code are the same for everybody and are kept in memory under the rulebook's stamp. A promotion with
a code comes with the cart that has one: there may be any number of them, and a cart has at most five. What is left of
limits and budgets is never kept: it comes with each reading, in the same statement.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session

from mestres_core.db.dialects.sql import json_rows, moment_in_json
from mestres_core.db.rulebook import STAMP
from mestres_core.promotions.definitions import NO_WORDS, Words, read_actions, read_conditions
from mestres_core.promotions.dto import Facts
from mestres_core.promotions.models import code, in_cart, promotion
from mestres_core.rules.checks import Checks
from mestres_core.rules.conditions import Unreadable
from mestres_core.rules.promotions import Code, Promotion

CHAPTER = "promotions"
_STILL_EXPLAINED = timedelta(days=30)
_LIMITED = or_(promotion.c.most_uses.is_not(None), promotion.c.budget.is_not(None))
_CODES = (
    select(
        json_rows(
            *(in_cart.c.id, in_cart.c.code, code.c.most_uses, code.c.uses),
            *(promotion.c.id, promotion.c.name, promotion.c.kind, promotion.c.definition, promotion.c.currency),
            *(promotion.c.starts_at, promotion.c.ends_at, promotion.c.active, promotion.c.most_uses_per_customer),
            *(promotion.c.most_uses, promotion.c.uses, promotion.c.budget, promotion.c.spent),
        )
    )
    .select_from(
        in_cart.outerjoin(code, code.c.code == in_cart.c.code).outerjoin(
            promotion, promotion.c.id == code.c.promotion_id
        )
    )
    .where(in_cart.c.cart_id == bindparam("cart_id"))
    .correlate(None)
    .scalar_subquery()
)
_LIMITS = (
    select(json_rows(promotion.c.id, promotion.c.most_uses, promotion.c.uses, promotion.c.budget, promotion.c.spent))
    .where(promotion.c.active, ~promotion.c.needs_code, _LIMITED)
    .correlate(None)
    .scalar_subquery()
)
FACTS = (STAMP, _CODES.label("promotion_codes"), _LIMITS.label("promotion_limits"))
"""Columns for a statement that is sent anyhow and has the parameter `cart_id`; `facts_in` reads them."""

_ALONE = select(*FACTS)
_EVERYBODYS = select(
    *(promotion.c.id, promotion.c.name, promotion.c.kind, promotion.c.definition, promotion.c.currency),
    *(promotion.c.starts_at, promotion.c.ends_at, promotion.c.active, promotion.c.most_uses_per_customer),
).order_by(promotion.c.id)


@dataclass(frozen=True, slots=True)
class Book:
    """Promotions without a code, and how often one customer may have those that say so.

    `by_category` tells whether any of them speaks of categories, `by_orders` of the buyer's earlier orders.
    """

    promotions: tuple[Promotion, ...]
    per_customer: Mapping[int, int]
    by_category: bool
    by_orders: bool


@dataclass(frozen=True, slots=True)
class Given:
    """The codes of a cart: their promotions, the codes themselves, and what is left of what they come from."""

    promotions: tuple[Promotion, ...]
    codes: tuple[Code, ...]
    unknown: frozenset[str]
    per_customer: Mapping[int, int]
    limits: tuple[tuple[Any, ...], ...]


def facts_of(session: Session, cart_id: str) -> Facts:
    """The facts of a cart, by one statement of their own."""
    return facts_in(session.execute(_ALONE, {"cart_id": cart_id}).one())


def facts_in(row: Any) -> Facts:
    """The facts within a row that has the columns `FACTS`."""
    codes = sorted(tuple(each) for each in row.promotion_codes or ())
    return Facts(row.rules_stamp, tuple(codes), tuple(tuple(each) for each in row.promotion_limits or ()))


def load(session: Session, now: datetime, words: Words = NO_WORDS) -> Book:
    """Every promotion without a code that is not over, or was not long ago: a buyer may still ask why it ended."""
    recent = or_(promotion.c.ends_at.is_(None), promotion.c.ends_at > now - _STILL_EXPLAINED)
    here = (promotion.c.active, ~promotion.c.needs_code, recent)
    rows = session.execute(_EVERYBODYS.where(*here)).all()
    found = tuple(_promotion(tuple(row)[:8], needs_code=False, words=words) for row in rows)
    return Book(
        found,
        {row.id: row[8] for row in rows if row[8] is not None},
        any(_speaks_of_categories(row.definition, words) for row in rows),
        any(_speaks_of_orders(row.definition, words) for row in rows),
    )


def given_by_category(rows: Sequence[tuple[Any, ...]], words: Words = NO_WORDS) -> bool:
    """Whether a promotion of a cart's codes speaks of categories."""
    return any(row[4] is not None and _speaks_of_categories(_content(row[7]), words) for row in rows)


def given_by_customer(rows: Sequence[tuple[Any, ...]], words: Words = NO_WORDS) -> bool:
    """Whether a promotion of a cart's codes limits the uses of one customer, or speaks of earlier orders."""
    return any(
        row[4] is not None and (row[12] is not None or _speaks_of_orders(_content(row[7]), words)) for row in rows
    )


def given(rows: Sequence[tuple[Any, ...]], words: Words = NO_WORDS) -> Given:
    """What the codes of a cart bring along."""
    promotions, codes, per_customer, limits = {}, [], {}, {}
    known = [row for row in rows if row[4] is not None]
    for _, text, most_uses, uses, *of_promotion in known:
        made = _promotion(of_promotion[:8], needs_code=True, words=words)
        promotions[made.id] = made
        codes.append(Code(text, made.id, "used_up" if most_uses is not None and uses >= most_uses else None))
        if of_promotion[8] is not None:
            per_customer[made.id] = of_promotion[8]
        limits[made.id] = (made.id, *of_promotion[9:])
    unknown = frozenset(row[1] for row in rows if row[4] is None)
    return Given(tuple(promotions.values()), tuple(codes), unknown, per_customer, tuple(limits.values()))


def _promotion(values: Sequence[Any], *, needs_code: bool, words: Words) -> Promotion:
    row_id, name, kind, definition, currency, starts_at, ends_at, active = values
    content = _content(definition)
    checks = Checks()  # it was checked when it was saved: only a word of the shop's own may have gone since
    conditions = read_conditions(checks, content["conditions"], words)
    actions = read_actions(checks, content["actions"], words)
    return Promotion(
        id=row_id,
        name=name,
        kind=kind,
        conditions=(Unreadable(), *conditions) if checks.errors else conditions,
        actions=actions,
        priority=content.get("priority", 0),
        lane=content.get("lane", "default"),
        exclusive=content.get("exclusive", False),
        stacking=content.get("stacking", "all"),
        needs_code=needs_code,
        currency=currency,
        starts_at=_moment(starts_at),
        ends_at=_moment(ends_at),
        active=bool(active),
    )


def _moment(value: Any) -> datetime | None:
    return moment_in_json(value) if isinstance(value, str) else value


def _content(definition: Any) -> Any:
    """SQLite gives JSON within JSON as text."""
    return json.loads(definition) if isinstance(definition, str) else definition


def _speaks_of_orders(value: Any, words: Words) -> bool:
    """A shop's own words may look at everything that a basket has, so they are taken to."""
    if isinstance(value, Mapping):
        kind = value.get("type")
        return kind in ("orders", "first_order") or _is_own(kind, words) or _any(_speaks_of_orders, value, words)
    return isinstance(value, list) and any(_speaks_of_orders(each, words) for each in value)


def _speaks_of_categories(value: Any, words: Words) -> bool:
    if isinstance(value, Mapping):
        named = value.get("categories") or value.get("not_categories") or _is_own(value.get("type"), words)
        return bool(named) or _any(_speaks_of_categories, value, words)
    return isinstance(value, list) and any(_speaks_of_categories(each, words) for each in value)


def _any(speaks: Callable[[Any, Words], bool], value: Mapping[str, Any], words: Words) -> bool:
    return any(speaks(each, words) for each in value.values())


def _is_own(kind: Any, words: Words) -> bool:
    return isinstance(kind, str) and (kind in words.conditions or kind in words.actions)
