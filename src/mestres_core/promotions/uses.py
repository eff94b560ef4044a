"""Counting the uses of promotions.

Invariant: no promotion and no code is in more orders than it may be, and no budget gives more than it has, whoever buys
at once. A use is taken in the order's own transaction by conditional updates, in one order of rows for everybody
(promotions, codes, customers); CHECK constraints stand behind them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, insert, or_, select, update

from mestres_core.db.dialects.sql import insert as upsert
from mestres_core.errors import RetryableError
from mestres_core.events.work import Work
from mestres_core.promotions.dto import Use
from mestres_core.promotions.models import code, of_customer, promotion, use

_TAKE_EACH = (
    update(promotion)
    .where(
        promotion.c.id == bindparam("of"),
        or_(promotion.c.most_uses.is_(None), promotion.c.uses < promotion.c.most_uses),
        or_(promotion.c.budget.is_(None), promotion.c.spent + bindparam("off") <= promotion.c.budget),
    )
    .values(uses=promotion.c.uses + 1, spent=promotion.c.spent + bindparam("off"))
)
_TAKE = _TAKE_EACH.returning(promotion.c.id)
_TAKE_EACH_CODE = (
    update(code)
    .where(code.c.code == bindparam("of"), or_(code.c.most_uses.is_(None), code.c.uses < code.c.most_uses))
    .values(uses=code.c.uses + 1)
)
_TAKE_CODE = _TAKE_EACH_CODE.returning(code.c.code)
_LIMITED = or_(promotion.c.most_uses.is_not(None), promotion.c.budget.is_not(None))
_GIVE_BACK = (
    update(promotion)
    .where(promotion.c.id == bindparam("of"), _LIMITED)
    .values(uses=promotion.c.uses - bindparam("times"), spent=promotion.c.spent - bindparam("off"))
)
_GIVE_BACK_CODE = update(code).where(code.c.code == bindparam("of")).values(uses=code.c.uses - 1)
_GIVE_BACK_CUSTOMER = (
    update(of_customer)
    .where(of_customer.c.promotion_id == bindparam("of"), of_customer.c.customer == bindparam("who"))
    .values(uses=of_customer.c.uses - 1)
)
_OF_ORDER = (
    select(
        *(use.c.id, use.c.promotion_id, use.c.code, use.c.customer, use.c.amount),
        *(promotion.c.reusable, promotion.c.most_uses_per_customer, _LIMITED.label("limited")),
    )
    .select_from(use.join(promotion, promotion.c.id == use.c.promotion_id))
    .where(use.c.order_number == bindparam("number"), use.c.state == bindparam("state"))
    .order_by(use.c.promotion_id)
)
_MARK = update(use).where(use.c.id == bindparam("of")).values(state=bindparam("to"), amount=bindparam("off"))
_USED_UP = (
    select(of_customer.c.promotion_id)
    .select_from(of_customer.join(promotion, promotion.c.id == of_customer.c.promotion_id))
    .where(of_customer.c.customer == bindparam("who"), of_customer.c.uses >= promotion.c.most_uses_per_customer)
)


class UseCounter:
    """Uses in one unit of work."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._session = work.session
        self._used_up: dict[str, frozenset[int]] = {}

    def used_up_for(self, customer: str) -> frozenset[int]:
        """The promotions of which a customer has had as many as one may; asked once between two orders."""
        if customer not in self._used_up:
            self._used_up[customer] = frozenset(self._session.execute(_USED_UP, {"who": customer}).scalars())
        return self._used_up[customer]

    def take(self, number: str, uses: Sequence[Use], customer: str | None) -> None:
        """As `PromotionService.take`."""
        self._used_up.clear()
        self._used_up.clear()
        ordered = sorted(uses, key=lambda each: each.promotion_id)
        by_code = sorted(uses, key=lambda each: each.code or "")
        self._take_all(_TAKE_EACH, [{"of": each.promotion_id, "off": each.amount} for each in ordered if each.counted])
        self._take_all(_TAKE_EACH_CODE, [{"of": each.code} for each in by_code if each.code is not None])
        for each in ordered:
            if each.per_customer is not None and customer is not None:
                self._take_for(each.promotion_id, customer, each.per_customer)
        now = self._work.clock.now()
        rows = [
            {
                "order_number": number,
                "promotion_id": each.promotion_id,
                "code": each.code,
                "customer": customer,
                "amount": each.amount,
                "state": "taken",
                "created_at": now,
            }
            for each in ordered
        ]
        if rows:
            self._session.execute(insert(use), rows)

    def give_back(self, number: str, *, called_off: bool) -> None:
        """As `PromotionService.give_back`."""
        self._used_up.clear()
        rows = self._session.execute(_OF_ORDER, {"number": number, "state": "taken"}).all()
        back = [row for row in rows if not called_off or row.reusable]
        for row in rows:
            if row.limited:
                self._send(_GIVE_BACK, of=row.promotion_id, times=int(row in back), off=row.amount)
        for text in sorted(row.code for row in back if row.code is not None):
            self._send(_GIVE_BACK_CODE, of=text)
        for row in back:
            if row.customer is not None and row.most_uses_per_customer is not None:
                self._send(_GIVE_BACK_CUSTOMER, of=row.promotion_id, who=row.customer)
        for row in rows:
            # A use that is not given back stays taken, but costs nothing any more.
            ended = {"to": "returned", "off": row.amount} if row in back else {"to": "taken", "off": 0}
            self._send(_MARK, of=row.id, **ended)

    def take_if_left(self, number: str) -> None:
        """As `PromotionService.take_if_left`."""
        self._used_up.clear()
        for row in self._session.execute(_OF_ORDER, {"number": number, "state": "returned"}).all():
            limited = bool(row.limited)
            if limited and not self._took(_TAKE, of=row.promotion_id, off=row.amount):
                continue
            if row.code is not None and not self._took(_TAKE_CODE, of=row.code):
                if limited:
                    self._send(_GIVE_BACK, of=row.promotion_id, times=1, off=row.amount)
                continue
            if row.customer is not None and row.most_uses_per_customer is not None:
                self._count_for(row.promotion_id, row.customer, None)
            self._send(_MARK, of=row.id, to="taken", off=row.amount)

    def _take_for(self, promotion_id: int, customer: str, most: int) -> None:
        if not self._count_for(promotion_id, customer, most):
            raise RetryableError(f"promotion {promotion_id} was used up by its customer just now")

    def _count_for(self, promotion_id: int, customer: str, most: int | None) -> bool:
        query = upsert(self._work.dialect, of_customer).values(promotion_id=promotion_id, customer=customer, uses=1)
        query = query.on_conflict_do_update(
            index_elements=["promotion_id", "customer"],
            set_={"uses": of_customer.c.uses + 1},
            where=None if most is None else of_customer.c.uses < most,
        )
        return self._session.execute(query.returning(of_customer.c.uses)).first() is not None

    def _take_all(self, statement: Any, rows: list[dict[str, Any]]) -> None:
        """One statement for all of them: fewer rows than were asked for means that one was used up."""
        if rows and self._session.connection().execute(statement, rows).rowcount != len(rows):
            raise RetryableError("a promotion was used up just now")

    def _took(self, statement: Any, **values: Any) -> bool:
        return self._session.execute(statement, values).first() is not None

    def _send(self, statement: Any, **values: Any) -> None:
        self._session.connection().execute(statement, [values])
