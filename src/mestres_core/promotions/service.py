"""Coupons.

Invariant: a coupon is never in more orders at once than it may be. A use is taken in the order's own transaction by a
conditional update, and given back when that order comes to nothing.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, or_, select, update

from mestres_core.db.dialects.sql import insert as upsert
from mestres_core.errors import CouponNotApplicable, NotFound, RetryableError, ValidationError
from mestres_core.events.work import Work
from mestres_core.promotions.dto import AppliedCoupon, Coupon
from mestres_core.promotions.models import coupon, in_cart
from mestres_core.rules.checks import BIGGEST_AMOUNT, Checks, storable
from mestres_core.rules.coupons import FIXED, PERCENT, taken_off
from mestres_core.rules.money import Money

MOST_IN_CART = 5
_LONGEST = 40
_WHOLE = 10_000  # basis points
_COLUMNS = tuple(column for column in coupon.c if column.name != "created_at")
_OF_CART = (
    select(in_cart.c.code.label("asked"), *_COLUMNS)
    .select_from(in_cart.outerjoin(coupon, coupon.c.code == in_cart.c.code))
    .where(in_cart.c.cart_id == bindparam("cart_id"))
    .order_by(in_cart.c.id)
)
_TAKE = (
    update(coupon)
    .where(coupon.c.code == bindparam("of"), or_(coupon.c.most_uses.is_(None), coupon.c.uses < coupon.c.most_uses))
    .values(uses=coupon.c.uses + 1)
    .returning(coupon.c.code)
)
_GIVE_BACK = update(coupon).where(coupon.c.code == bindparam("of"), coupon.c.uses > 0).values(uses=coupon.c.uses - 1)


class PromotionService:
    """Coupons in one unit of work."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._session = work.session

    def save_coupon(
        self,
        code: str,
        *,
        percent: float | None = None,
        amount: int | None = None,
        currency: str = "BRL",
        minimum: int = 0,
        starts_at: datetime | None = None,
        ends_at: datetime | None = None,
        most_uses: int | None = None,
        active: bool = True,
    ) -> Coupon:
        """Create a coupon, or change the one with this code (in any capitals); its uses so far stay counted.

        Either `percent` (above 0, at most 100, two decimals) or `amount` (minor units of `currency`); it counts from a
        cart worth `minimum` minor units on. Raises ValidationError.
        """
        checks = Checks()
        code = _checked_code(checks, code)
        kind, value = _checked_value(checks, percent, amount)
        _check_currency(checks, currency)
        checks.whole("minimum", minimum, at_least=0, at_most=BIGGEST_AMOUNT)
        if most_uses is not None:
            checks.whole("most_uses", most_uses, at_least=1, at_most=2**31 - 1)
        _check_span(checks, starts_at, ends_at)
        checks.done()
        row = {
            "kind": kind,
            "value": value,
            "currency": currency,
            "minimum": minimum,
            "starts_at": starts_at,
            "ends_at": ends_at,
            "most_uses": most_uses,
            "active": active,
        }
        self._refuse_fewer_than_used(code, most_uses)
        new = {**row, "code": code, "uses": 0, "created_at": self._work.clock.now()}
        query = upsert(self._work.dialect, coupon).values(new)
        self._session.execute(query.on_conflict_do_update(index_elements=["code"], set_=row))
        return self.coupon(code)

    def coupon(self, code: str) -> Coupon:
        """The coupon with this code, in any capitals. Raises NotFound."""
        row = self._find(code)
        if row is None:
            raise NotFound("coupon", code)
        return Coupon(*row)

    def list(self) -> tuple[Coupon, ...]:
        """Every coupon, by code."""
        return tuple(Coupon(*row) for row in self._session.execute(select(*_COLUMNS).order_by(coupon.c.code)))

    def put_in(self, cart_id: str, code: str, currency: str) -> None:
        """Put a coupon into a cart that the caller holds; one that is there already stays.

        A cart that is worth too little keeps it: it counts as soon as the cart grows. Raises ValidationError for an
        unknown code and for too many, CouponNotApplicable for a coupon that no growing cart can help.
        """
        checks = Checks()
        wanted = _checked_code(checks, code)
        checks.done()
        row = self._find(wanted)
        if row is None:
            raise ValidationError.of("code", "unknown_coupon")
        reason = _refusal(Coupon(*row), currency, self._work.clock.now())
        if reason is not None:
            raise CouponNotApplicable(coupon=wanted, reason=reason)
        inside = [each.asked for each in self._session.execute(_OF_CART, {"cart_id": cart_id})]
        if wanted not in inside and len(inside) >= MOST_IN_CART:
            raise ValidationError.of("coupons", "too_many", limit=MOST_IN_CART)
        values = {"cart_id": cart_id, "code": wanted}
        self._session.execute(upsert(self._work.dialect, in_cart).values(values).on_conflict_do_nothing())

    def take_out(self, cart_id: str, code: str) -> None:
        """Take a coupon out of a cart that the caller holds. Raises NotFound when it is not inside."""
        wanted = _folded(code) if isinstance(code, str) and storable(code) else ""
        here = delete(in_cart).where(in_cart.c.cart_id == cart_id, in_cart.c.code == wanted)
        if self._session.execute(here.returning(in_cart.c.id)).first() is None:
            raise NotFound("coupon", code)

    def applied(self, cart_id: str, lines: Sequence[int], currency: str) -> tuple[AppliedCoupon, ...]:
        """What each coupon of a cart with these line amounts (minor units) takes off, in the order of their coming."""
        now, left, found = self._work.clock.now(), builtins.list(lines), []
        for row in self._session.execute(_OF_CART, {"cart_id": cart_id}):
            one = Coupon(*row[1:]) if row.code is not None else None
            reason = "inactive" if one is None else _refusal(one, currency, now) or _shortfall(one, lines, left)
            off = [0] * len(left) if one is None or reason else taken_off(one.kind, one.value, left)
            left = [amount - less for amount, less in zip(left, off, strict=True)]
            found.append(AppliedCoupon(row.asked, Money(sum(off), currency), reason))
        return tuple(found)

    def take(self, codes: Iterable[str]) -> None:
        """Count a use of each, in the order's transaction. Raises RetryableError when another order was quicker."""
        for code in sorted(codes):
            if self._session.execute(_TAKE, {"of": code}).first() is None:
                raise RetryableError(f"coupon {code} was used up just now")

    def take_if_left(self, codes: Iterable[str]) -> None:
        """Count a use of each that has one left: for an order whose money came after it had been given up."""
        for code in sorted(codes):
            self._session.execute(_TAKE, {"of": code})

    def give_back(self, codes: Iterable[str]) -> None:
        """The order with these coupons has come to nothing."""
        rows = [{"of": code} for code in sorted(codes)]
        if rows:
            self._session.connection().execute(_GIVE_BACK, rows)

    def _find(self, code: str) -> Any:
        if not isinstance(code, str) or not storable(code):
            return None
        return self._session.execute(select(*_COLUMNS).where(coupon.c.code == _folded(code))).first()

    def _refuse_fewer_than_used(self, code: str, most_uses: int | None) -> None:
        known = self._find(code)
        if known is not None and most_uses is not None and most_uses < known.uses:
            raise ValidationError.of("most_uses", "too_small", limit=known.uses)


def _refusal(one: Coupon, currency: str, now: datetime) -> str | None:
    """Why a coupon counts for nobody, or not in this currency."""
    if not one.active:
        return "inactive"
    if one.starts_at is not None and now < one.starts_at:
        return "not_yet"
    if one.ends_at is not None and now >= one.ends_at:
        return "expired"
    if one.most_uses is not None and one.uses >= one.most_uses:
        return "used_up"
    return "currency" if one.currency != currency else None


def _shortfall(one: Coupon, lines: Sequence[int], left: Sequence[int]) -> str | None:
    """Why it takes nothing off this cart as it is."""
    if sum(lines) < one.minimum:
        return "minimum"
    return None if sum(left) else "nothing_left"


def _folded(code: str) -> str:
    return code.strip().upper()


def _checked_code(checks: Checks, code: object) -> str:
    text = _folded(checks.text("code", code, limit=_LONGEST))
    if len(text) > _LONGEST:  # some letters are two as capitals
        checks.wrong("code", "too_long", limit=_LONGEST)
    return text


def _checked_value(checks: Checks, percent: float | None, amount: int | None) -> tuple[str, int]:
    if (percent is None) == (amount is None):
        checks.wrong("percent", "invalid", reason="give either percent or amount")
        return FIXED, 1
    if percent is None:
        return FIXED, checks.whole("amount", amount, at_least=1, at_most=BIGGEST_AMOUNT)
    if isinstance(percent, bool) or not isinstance(percent, int | float):
        checks.wrong("percent", "invalid", reason="must be a number above 0, at most 100")
        return PERCENT, 1
    points = round(percent * 100) if 0 < percent <= 100 else 0  # noqa: PLR2004 - per cent
    if not 0 < points <= _WHOLE or abs(points - percent * 100) > 1e-9:  # noqa: PLR2004
        checks.wrong("percent", "invalid", reason="must be above 0, at most 100, with at most two decimals")
    return PERCENT, points


def _check_currency(checks: Checks, currency: str) -> None:
    try:
        Money(0, currency)
    except (ValueError, TypeError) as error:
        checks.wrong("currency", "invalid", reason=str(error))


def _check_span(checks: Checks, starts_at: datetime | None, ends_at: datetime | None) -> None:
    for name, value in (("starts_at", starts_at), ("ends_at", ends_at)):
        if value is not None and (not isinstance(value, datetime) or value.tzinfo is None):
            checks.wrong(name, "invalid", reason="must be a datetime with a time zone")
            return
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        checks.wrong("ends_at", "invalid", reason="must be after starts_at")
