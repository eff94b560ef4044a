"""Promotions worked out on a basket. Pure: no clock, no database, no count of uses.

How several promotions go together:

1. Promotions work in lanes: `pre`, `default`, `post`. Within a lane the higher `priority` comes first; of equals those
   without a code, then those with one in the order in which the codes came, then the older one. Each works on what the
   earlier ones have left.
2. An `exclusive` promotion stands alone: of those that apply and take something off, the one with the highest priority
   does, and no other promotion.
3. `stacking`: "all" (the default) goes with every other one. Of those that are "best", only the one that takes the most
   off applies in each lane, tried at the lane's beginning; of equals the first. After one that says "stop", no later
   one applies.
4. A piece that one promotion of pieces (buy and get, bundle) has used is not used by another one. Percentages and
   amounts use no pieces.
5. Nothing goes below zero or below a piece's floor. A promotion that takes nothing off does not apply: it is not
   exclusive, stops nothing and counts as no use.
6. A promotion whose budget does not cover what it would take off does not apply; it is never given in part.

Catalogue promotions change the price of a piece (`reprice`) before all this, each item by itself, by the same rules.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal

from mestres_core.errors import coupon_reason
from mestres_core.rules.actions import PRICED, Action
from mestres_core.rules.baskets import Basket, Code, Deal, Item
from mestres_core.rules.conditions import Condition
from mestres_core.rules.formatting import format_money
from mestres_core.rules.money import Money

__all__ = [
    "Applied",
    "Basket",
    "Code",
    "Explanation",
    "Item",
    "Outcome",
    "Promotion",
    "Repriced",
    "evaluate",
    "explain_price",
    "reprice",
]

Kind = Literal["cart", "catalog"]
Lane = Literal["pre", "default", "post"]
Stacking = Literal["all", "best", "stop"]
LANES: Final[Mapping[str, int]] = {"pre": 0, "default": 1, "post": 2}
APPLIED: Final = "applied"
REASONS: Final = (
    *("inactive", "not_yet", "expired", "currency", "no_code", "used_up", "used_up_by_customer", "budget"),
    *("minimum", "maximum", "items", "quantity", "too_many", "excluded", "group", "orders", "channel", "country"),
    *("shipping_method", "hours", "pieces", "nothing_left", "no_shipping", "exclusive", "not_best", "stopped"),
    "unreadable",
)
"""Why a promotion did not apply; beside them a code may be `unknown_code` or `same_promotion`, and a shop's own
conditions and actions have words of their own."""
_DETAILS: Final = {
    "minimum": ("{amount} of {minimum}", "{amount} de {minimum}"),
    "maximum": ("{amount}, at most {maximum}", "{amount}, no máximo {maximum}"),
    "quantity": ("{quantity} of {minimum}", "{quantity} de {minimum}"),
    "too_many": ("{quantity}, at most {maximum}", "{quantity}, no máximo {maximum}"),
    "exclusive": ("{by}", "{by}"),
    "not_best": ("{by}", "{by}"),
    "stopped": ("{by}", "{by}"),
}
_OF_MONEY: Final = frozenset({"minimum", "maximum"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """A promotion: all its `conditions` must hold, then its `actions` follow each other.

    `currency` None: in every one (then it should have no amounts). `starts_at` and `ends_at` are aware datetimes; None
    means no bound. `needs_code`: only for a basket with a code of it.
    """

    id: int
    name: str
    actions: tuple[Action, ...]
    conditions: tuple[Condition, ...] = ()
    kind: Kind = "cart"
    priority: int = 0
    lane: Lane = "default"
    exclusive: bool = False
    stacking: Stacking = "all"
    needs_code: bool = False
    currency: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A promotion that applies: `amount` minor units altogether, of which `lines` by line and `shipping` off that."""

    promotion_id: int
    name: str
    code: str | None
    amount: int
    lines: Mapping[Hashable, int]
    shipping: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a promotion applied ("applied") or did not; `data` has the numbers (minor units, pieces) that decided."""

    promotion_id: int
    name: str
    code: str | None
    applied: bool
    reason: str
    data: Mapping[str, Any] = field(default_factory=dict)
    currency: str = "BRL"

    def describe(self, locale: str = "en") -> str:
        """The reason as a sentence, with the numbers that decided, in `pt-BR` or, for any other locale, in English."""
        told = self.data.get("pt-BR" if locale == "pt-BR" else "en") if self.reason not in REASONS else None
        if isinstance(told, str):
            return told
        sentence, detail = coupon_reason(self.reason, locale), _DETAILS.get(self.reason)
        if detail is None or not self.data:
            return sentence
        shown = dict(self.data)
        if self.reason in _OF_MONEY:
            shown = {name: format_money(Money(value, self.currency), locale) for name, value in shown.items()}
        return f"{sentence} ({detail[locale == 'pt-BR'].format(**shown)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What all promotions take off: `discounts` by line (every line is there, 0 or more minor units)."""

    discounts: Mapping[Hashable, int]
    shipping_discount: int
    applied: tuple[Applied, ...]
    explanations: tuple[Explanation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repriced:
    """An item at the price that catalogue promotions leave it; `regular` is what it was before."""

    item: Item
    regular: int
    applied: tuple[Applied, ...]


def evaluate(promotions: Sequence[Promotion], basket: Basket) -> Outcome:
    """What the cart promotions among these take off the basket, with an explanation for every one of them."""
    deal, applied, explained = _Round(basket).run([each for each in promotions if each.kind == "cart"])
    return Outcome(
        discounts={
            item.key: before - left for item, before, left in zip(basket.items, deal.before, deal.left, strict=True)
        },
        shipping_discount=basket.shipping - deal.shipping,
        applied=tuple(applied),
        explanations=tuple(explained),
    )


def reprice(promotions: Sequence[Promotion], basket: Basket) -> tuple[Repriced, ...]:
    """Every item at the price of a piece that the catalogue promotions among these leave.

    Each item is looked at by itself: an exclusive promotion excludes others only from the items it is for.
    """
    if not any(each.kind == "catalog" for each in promotions):
        return tuple(Repriced(item=item, regular=item.unit_price, applied=()) for item in basket.items)
    deal = Deal(basket)
    live = [
        (each, [action.select for action in each.actions if isinstance(action, PRICED)])
        for each in promotions
        if each.kind == "catalog"
        and _shut(each, basket) is None
        and all(condition.unmet(deal) is None for condition in each.conditions)
    ]
    return tuple(
        _repriced([each for each, chosen in live if any(one.holds(item) for one in chosen)], basket, item)
        for item in basket.items
    )


def explain_price(promotions: Sequence[Promotion], basket: Basket) -> tuple[Repriced, tuple[Explanation, ...]]:
    """The only item of this basket as `reprice` gives it, with an explanation for every catalogue promotion."""
    only = basket.items[0]
    alone = replace(basket, items=(replace(only, quantity=1),))
    _, _, explained = _Round(alone).run([each for each in promotions if each.kind == "catalog"])
    return reprice(promotions, replace(basket, items=(only,)))[0], tuple(explained)


def _repriced(mine: Sequence[Promotion], basket: Basket, item: Item) -> Repriced:
    if not mine:
        return Repriced(item=item, regular=item.unit_price, applied=())
    deal, applied, _ = _Round(replace(basket, items=(replace(item, quantity=1),))).run(mine)
    price = deal.left[0]
    lowered = replace(item, unit_price=price, on_sale=item.on_sale or price < item.unit_price)
    return Repriced(item=lowered, regular=item.unit_price, applied=tuple(applied))


@dataclass(slots=True)
class _Refused:
    reason: str
    data: Mapping[str, Any]


class _Round:
    """One evaluation."""

    def __init__(self, basket: Basket) -> None:
        self._basket = basket
        self._deal = Deal(basket)
        self._applied: list[Applied] = []
        self._refused: dict[int, _Refused] = {}
        self._places = {code.promotion_id: place for place, code in reversed(list(enumerate(basket.codes)))}
        self._codes = _first_codes(basket)

    def run(self, promotions: Sequence[Promotion]) -> tuple[Deal, list[Applied], list[Explanation]]:
        ordered = sorted(promotions, key=self._turn)
        alone = self._exclusive(ordered)
        if alone is not None:
            self._refuse_all(ordered, "exclusive", alone)
        else:
            self._walk([each for each in ordered if not each.exclusive])
        return self._deal, self._applied, [self._explanation(each) for each in ordered]

    def _turn(self, promotion: Promotion) -> tuple[int, int, int, int]:
        place = self._places.get(promotion.id, len(self._places)) + 1 if promotion.needs_code else 0
        return LANES[promotion.lane], -promotion.priority, place, promotion.id

    def _exclusive(self, ordered: Sequence[Promotion]) -> Promotion | None:
        by_priority = sorted((each for each in ordered if each.exclusive), key=lambda each: -each.priority)
        return next((each for each in by_priority if self._give(each)), None)

    def _walk(self, ordered: Sequence[Promotion]) -> None:
        for lane in LANES:
            here = [each for each in ordered if each.lane == lane]
            self._only_the_best([each for each in here if each.stacking == "best"])
            for promotion in here:
                if promotion.id in self._refused:
                    continue
                if self._give(promotion) and promotion.stacking == "stop":
                    self._refuse_all(ordered, "stopped", promotion)
                    return

    def _only_the_best(self, rivals: Sequence[Promotion]) -> None:
        best: tuple[Promotion, int] | None = None
        for promotion in rivals:
            tried = self._try(promotion)
            if isinstance(tried, _Refused):
                self._refused[promotion.id] = tried
            elif best is None or tried[1].amount > best[1]:
                best = promotion, tried[1].amount
        if best is not None:
            self._refuse_all(rivals, "not_best", best[0])

    def _refuse_all(self, others: Sequence[Promotion], reason: str, because_of: Promotion) -> None:
        done = {each.promotion_id for each in self._applied} | {because_of.id}
        for other in others:
            if other.id not in done:
                self._refused.setdefault(other.id, _Refused(reason, {"by": because_of.name}))

    def _give(self, promotion: Promotion) -> bool:
        tried = self._try(promotion)
        if isinstance(tried, _Refused):
            self._refused[promotion.id] = tried
            return False
        self._deal = tried[0]
        self._applied.append(tried[1])
        return True

    def _try(self, promotion: Promotion) -> tuple[Deal, Applied] | _Refused:
        """The deal with this promotion taken off, or why it is not."""
        refusal = _shut(promotion, self._basket) or self._unmet(promotion)
        if refusal is not None:
            return refusal
        deal, reason = self._deal.copy(), ""
        for action in promotion.actions:
            refusal_of_action = action.act(deal)
            reason = reason or refusal_of_action or ""
        applied = self._difference(promotion, deal)
        if not applied.amount:
            return _Refused(reason or "nothing_left", {})
        budget = self._basket.budgets.get(promotion.id)
        if budget is not None and applied.amount > budget:
            return _Refused("budget", {"budget": budget, "amount": applied.amount})
        return deal, applied

    def _unmet(self, promotion: Promotion) -> _Refused | None:
        if promotion.needs_code:
            code = self._codes.get(promotion.id)
            if code is None or code.refused is not None:
                return _Refused("no_code" if code is None else code.refused or "", {})
        for condition in promotion.conditions:
            unmet = condition.unmet(self._deal)
            if unmet is not None:
                return _Refused(*unmet)
        return None

    def _difference(self, promotion: Promotion, deal: Deal) -> Applied:
        items, before, after = self._basket.items, self._deal.left, deal.left
        lines = {item.key: was - now for item, was, now in zip(items, before, after, strict=True) if was != now}
        shipping = self._deal.shipping - deal.shipping
        return Applied(
            promotion_id=promotion.id,
            name=promotion.name,
            code=self._code(promotion),
            amount=sum(lines.values()) + shipping,
            lines=lines,
            shipping=shipping,
        )

    def _code(self, promotion: Promotion) -> str | None:
        code = self._codes.get(promotion.id) if promotion.needs_code else None
        return None if code is None else code.code

    def _explanation(self, promotion: Promotion) -> Explanation:
        refused = self._refused.get(promotion.id)
        return Explanation(
            promotion_id=promotion.id,
            name=promotion.name,
            code=self._code(promotion),
            applied=refused is None,
            reason=APPLIED if refused is None else refused.reason,
            data={} if refused is None else refused.data,
            currency=self._basket.currency,
        )


def _first_codes(basket: Basket) -> dict[int, Code]:
    """For each promotion the first of its codes that counts, or the first one if none does."""
    found: dict[int, Code] = {}
    for code in basket.codes:
        known = found.get(code.promotion_id)
        if known is None or (known.refused is not None and code.refused is None):
            found[code.promotion_id] = code
    return found


def _shut(promotion: Promotion, basket: Basket) -> _Refused | None:
    """Why a promotion is for nobody now, or not in this currency."""
    reasons = (
        (not promotion.active, "inactive"),
        (promotion.starts_at is not None and basket.at < promotion.starts_at, "not_yet"),
        (promotion.ends_at is not None and basket.at >= promotion.ends_at, "expired"),
        (promotion.currency is not None and promotion.currency != basket.currency, "currency"),
        (promotion.id in basket.refused, basket.refused.get(promotion.id, "")),
    )
    return next((_Refused(reason, {}) for holds, reason in reasons if holds), None)
