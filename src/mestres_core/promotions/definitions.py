"""A promotion's conditions and actions as data: JSON into the dataclasses of the engine, every wrong field named.

The words are those of docs/promotions.md. Whatever is not a field of a condition or an action is refused, so that a
misspelt word cannot silently give a discount to everybody.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from mestres_core.errors import ExtensionFailed
from mestres_core.rules.actions import (
    PRICED,
    WHOLE,
    Action,
    Bundle,
    BuyGet,
    FixedOff,
    FixedPrice,
    PercentOff,
    ShippingOff,
)
from mestres_core.rules.actions import Own as OwnAction
from mestres_core.rules.baskets import EVERYTHING, Selection
from mestres_core.rules.checks import BIGGEST_AMOUNT, BIGGEST_ID, Checks
from mestres_core.rules.conditions import (
    BRASILIA,
    Amount,
    AnyOf,
    Condition,
    Group,
    Hours,
    Not,
    Orders,
    Quantity,
    Where,
)
from mestres_core.rules.conditions import Own as OwnCondition

T = TypeVar("T")
_MOST = 1_000_000  # pieces, sets, orders
_MOST_PARTS = 50  # conditions, actions, parts of a bundle
_MOST_NAMED = 10_000  # products, SKUs, categories of a choice
_DEEPEST = 4  # conditions within conditions
_ON: Final = ("line", "unit", "total")
_SELECTION = (
    *("products", "skus", "categories", "not_products", "not_skus", "not_categories"),
    *("min_price", "max_price", "on_sale"),
)
_GOES_EVERYWHERE = (Group, Where, Hours)  # what can be said of a buyer without a basket
CONDITIONS: Final = ("amount", "quantity", "group", "orders", "first_order", "where", "hours", "any", "not")
ACTIONS: Final = ("percent", "fixed", "fixed_price", "buy_get", "cheapest_free", "bundle", "free_shipping", "shipping")


@dataclass(frozen=True, slots=True)
class Words:
    """A shop's own conditions and actions: what makes each out of the fields of its definition, by its word."""

    conditions: Mapping[str, Callable[..., Condition]]
    actions: Mapping[str, Callable[..., Action]]


NO_WORDS: Final = Words({}, {})


def read_conditions(checks: Checks, value: Any, words: Words = NO_WORDS) -> tuple[Condition, ...]:
    """The conditions of a definition; what is wrong is noted as `conditions[0].minimum`."""
    return _all_of(checks, "conditions", value, lambda field, each: _condition(checks, field, each, 0, words))


def read_actions(checks: Checks, value: Any, words: Words = NO_WORDS) -> tuple[Action, ...]:
    """The actions of a definition, at least one."""
    return _all_of(checks, "actions", value, lambda field, each: _action(checks, field, each, words), at_least=1)


def check_catalogue(checks: Checks, conditions: Sequence[Condition], actions: Sequence[Action]) -> None:
    """A catalogue promotion changes prices of pieces and may ask only for the buyer's group, place and time."""
    for number, action in enumerate(actions):
        whole_basket = getattr(action, "on", "unit") == "total" or getattr(action, "pieces", None) is not None
        if not isinstance(action, PRICED) or whole_basket:
            checks.wrong(f"actions[{number}]", "invalid", reason="a catalogue promotion changes the price of a piece")
    for number, condition in enumerate(conditions):
        if not isinstance(condition, _GOES_EVERYWHERE):
            checks.wrong(f"conditions[{number}]", "invalid", reason="a catalogue promotion knows no basket")


def _condition(checks: Checks, field: str, value: Any, depth: int, words: Words) -> Condition | None:
    if depth > _DEEPEST:
        checks.wrong(field, "invalid", reason="too deep")
        return None
    kinds: dict[str, tuple[Sequence[str], Callable[[_Fields], Condition | None]]] = {
        "amount": (("minimum", "maximum", "items", "discounted"), _amount),
        "quantity": (("minimum", "maximum", "items", "distinct"), _quantity),
        "group": (("in", "not_in"), lambda of: Group(among=of.words("in"), not_among=of.words("not_in"))),
        "orders": (("minimum", "maximum"), lambda of: Orders(minimum=of.number("minimum", 0), maximum=of.most())),
        "first_order": ((), lambda _of: Orders(maximum=0)),
        "where": (("channels", "countries", "shipping_methods"), _where),
        "hours": (("days", "from", "until", "zone"), _hours),
        "any": (("conditions",), lambda of: AnyOf(conditions=_inner(of, depth, words))),
        "not": (("condition",), lambda of: _negated(of, depth, words)),
    }
    if _is_own(value, words.conditions):
        made = _own(checks, field, value, words.conditions, "unmet")
        return None if made is None else OwnCondition(word=value["type"], made=made)
    return _of_kind(checks, field, value, kinds, words.conditions)


def _action(checks: Checks, field: str, value: Any, words: Words) -> Action | None:
    kinds: dict[str, tuple[Sequence[str], Callable[[_Fields], Action | None]]] = {
        "percent": (("percent", "on", "items", "maximum", "pieces"), _percent),
        "fixed": (("amount", "on", "items", "pieces"), _fixed),
        "fixed_price": (("amount", "items"), lambda of: FixedPrice(amount=of.money("amount", 0), select=of.items())),
        "buy_get": (("buy", "buy_quantity", "get", "get_quantity", "percent", "times"), _buy_get),
        "cheapest_free": (("every", "free", "items", "times"), _cheapest_free),
        "bundle": (("parts", "price", "times"), _bundle),
        "free_shipping": ((), lambda _of: ShippingOff(ppm=WHOLE)),
        "shipping": (("percent", "amount"), _shipping),
    }
    if _is_own(value, words.actions):
        made = _own(checks, field, value, words.actions, "act")
        return None if made is None else OwnAction(word=value["type"], made=made)
    return _of_kind(checks, field, value, kinds, words.actions)


class _Fields:
    """The fields of one object, with their names for the errors."""

    def __init__(self, checks: Checks, field: str, value: Mapping[str, Any]) -> None:
        self.checks = checks
        self.field = field
        self.value = value

    def at(self, name: str) -> str:
        return f"{self.field}.{name}"

    def number(self, name: str, default: int | None, *, at_least: int = 0, at_most: int = _MOST) -> int:
        value = self.value.get(name, default)
        return self.checks.whole(self.at(name), value, at_least=at_least, at_most=at_most)

    def optional(self, name: str, *, at_least: int = 1, at_most: int = _MOST) -> int | None:
        return None if self.value.get(name) is None else self.number(name, None, at_least=at_least, at_most=at_most)

    def money(self, name: str, at_least: int) -> int:
        return self.number(name, None, at_least=at_least, at_most=BIGGEST_AMOUNT)

    def most(self) -> int | None:
        return self.optional("maximum", at_least=self.least("minimum"))

    def least(self, name: str) -> int:
        value = self.value.get(name, 0)
        return value if type(value) is int and 0 <= value <= _MOST else 0

    def flag(self, name: str) -> bool:
        value = self.value.get(name, False)
        if not isinstance(value, bool):
            self.checks.wrong(self.at(name), "not_boolean")
        return value is True

    def ppm(self, name: str, default: Any = None) -> int:
        return read_percent(self.checks, self.at(name), self.value.get(name, default))

    def choice(self, name: str, default: str, choices: Collection[str]) -> Any:
        return self.checks.choice(self.at(name), self.value.get(name, default), choices)

    def items(self, name: str = "items") -> Selection:
        value = self.value.get(name)
        return EVERYTHING if value is None else _selection(self.checks, self.at(name), value)

    def words(self, name: str) -> frozenset[str]:
        return _named(self.checks, self.at(name), self.value.get(name, ()), str)

    def numbers(self, name: str) -> frozenset[int]:
        return _named(self.checks, self.at(name), self.value.get(name, ()), int)


def read_percent(checks: Checks, field: str, value: Any) -> int:
    """A percentage above 0 and at most 100, with at most four decimals, as millionths."""
    whole = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 100  # noqa: PLR2004
    ppm = round(value * 10_000) if whole else 0
    if not ppm or abs(ppm - value * 10_000) > 1e-6:  # noqa: PLR2004 - what binary fractions lose
        checks.wrong(field, "invalid", reason="must be above 0, at most 100, with at most four decimals")
        return WHOLE
    return ppm


def _amount(of: _Fields) -> Condition:
    minimum = of.number("minimum", 0, at_most=BIGGEST_AMOUNT)
    maximum = of.optional("maximum", at_least=minimum, at_most=BIGGEST_AMOUNT)
    return Amount(minimum=minimum, maximum=maximum, select=of.items(), discounted=of.flag("discounted"))


def _quantity(of: _Fields) -> Condition:
    return Quantity(minimum=of.number("minimum", 0), maximum=of.most(), select=of.items(), distinct=of.flag("distinct"))


def _where(of: _Fields) -> Condition:
    return Where(
        channels=of.words("channels"),
        countries=of.words("countries"),
        shipping_methods=of.words("shipping_methods"),
    )


def _hours(of: _Fields) -> Condition:
    days = of.numbers("days")
    if not days <= frozenset(range(1, 8)):
        of.checks.wrong(of.at("days"), "invalid", reason="days are 1 (Monday) to 7 (Sunday)")
    start, end = _time(of, "from"), _time(of, "until")
    return Hours(days=days, start=start or time(0), end=end, zone=_zone(of))


def _time(of: _Fields, name: str) -> time | None:
    value = of.value.get(name)
    if value is None:
        return None
    try:
        found = time.fromisoformat(value)
    except (TypeError, ValueError):
        found = None
    if found is None or found.tzinfo is not None:
        of.checks.wrong(of.at(name), "invalid", reason="must be a time such as 18:30")
        return None
    return found


def _zone(of: _Fields) -> ZoneInfo:
    value = of.value.get("zone", "America/Sao_Paulo")
    try:
        return ZoneInfo(value)
    except (TypeError, ValueError, KeyError, OSError):
        of.checks.wrong(of.at("zone"), "invalid", reason="must be a time zone such as America/Sao_Paulo")
        return BRASILIA


def _inner(of: _Fields, depth: int, words: Words) -> tuple[Condition, ...]:
    def read(field: str, each: Any) -> Condition | None:
        return _condition(of.checks, field, each, depth + 1, words)

    return _all_of(of.checks, of.at("conditions"), of.value.get("conditions"), read, at_least=1)


def _negated(of: _Fields, depth: int, words: Words) -> Condition | None:
    inner = _condition(of.checks, of.at("condition"), of.value.get("condition"), depth + 1, words)
    return None if inner is None else Not(condition=inner)


def _percent(of: _Fields) -> Action:
    on = of.choice("on", "line", _ON)
    maximum = of.optional("maximum", at_most=BIGGEST_AMOUNT)
    pieces = _pieces(of, possible=on != "total")
    return PercentOff(ppm=of.ppm("percent"), on=on, select=of.items(), maximum=maximum, pieces=pieces)


def _fixed(of: _Fields) -> Action:
    on = of.choice("on", "total", _ON)
    pieces = _pieces(of, possible=on == "unit")
    return FixedOff(amount=of.money("amount", 1), on=on, select=of.items(), pieces=pieces)


def _pieces(of: _Fields, *, possible: bool) -> int | None:
    pieces = of.optional("pieces")
    if pieces is not None and not possible:
        of.checks.wrong(of.at("pieces"), "invalid", reason="is not possible with this `on`")
    return pieces


def _buy_get(of: _Fields) -> Action:
    return BuyGet(
        buy=of.items("buy"),
        buy_quantity=of.number("buy_quantity", 1, at_least=1),
        get=None if of.value.get("get") is None else of.items("get"),
        get_quantity=of.number("get_quantity", 1, at_least=1),
        ppm=of.ppm("percent", 100),
        times=of.optional("times"),
    )


def _cheapest_free(of: _Fields) -> Action:
    every = of.number("every", None, at_least=2)
    free = of.number("free", 1, at_least=1, at_most=every - 1)
    return BuyGet(buy=of.items(), buy_quantity=every - free, get_quantity=free, times=of.optional("times"))


def _bundle(of: _Fields) -> Action:
    def read(field: str, each: Any) -> tuple[Selection, int] | None:
        part = _Fields(of.checks, field, of.checks.mapping(field, each, ("items", "quantity")))
        return part.items(), part.number("quantity", 1, at_least=1)

    parts = _all_of(of.checks, of.at("parts"), of.value.get("parts"), read, at_least=1)
    return Bundle(parts=parts, price=of.money("price", 0), times=of.optional("times"))


def _shipping(of: _Fields) -> Action:
    if ("percent" in of.value) == ("amount" in of.value):
        of.checks.wrong(of.at("percent"), "invalid", reason="give either percent or amount")
        return ShippingOff()
    return ShippingOff(ppm=of.ppm("percent")) if "percent" in of.value else ShippingOff(amount=of.money("amount", 1))


def _selection(checks: Checks, field: str, value: Any) -> Selection:
    of = _Fields(checks, field, checks.mapping(field, value, _SELECTION))
    lowest = of.optional("min_price", at_least=0, at_most=BIGGEST_AMOUNT)
    on_sale = of.flag("on_sale") if of.value.get("on_sale") is not None else None
    return Selection(
        min_price=lowest,
        max_price=of.optional("max_price", at_least=lowest or 0, at_most=BIGGEST_AMOUNT),
        on_sale=on_sale,
        products=of.numbers("products"),
        categories=of.numbers("categories"),
        not_products=of.numbers("not_products"),
        not_categories=of.numbers("not_categories"),
        skus=of.words("skus"),
        not_skus=of.words("not_skus"),
    )


def _named(checks: Checks, field: str, value: Any, kind: type[T]) -> frozenset[T]:
    """A list of words (1 to 80 characters) or of row numbers."""
    if not isinstance(value, list | tuple | set | frozenset):
        checks.wrong(field, "not_list")
        return frozenset()
    if len(value) > _MOST_NAMED:
        checks.wrong(field, "too_many", limit=_MOST_NAMED)
        return frozenset()
    for each in value:
        if kind is str:
            checks.text(field, each, limit=80)
        else:
            checks.whole(field, each, at_least=1, at_most=BIGGEST_ID)
    return frozenset(each for each in value if type(each) is kind)


def _all_of(
    checks: Checks, field: str, value: Any, read: Callable[[str, Any], T | None], *, at_least: int = 0
) -> tuple[T, ...]:
    if not isinstance(value, list | tuple):
        checks.wrong(field, "required" if value is None else "not_list")
        return ()
    if len(value) < at_least:
        checks.wrong(field, "required")
    if len(value) > _MOST_PARTS:
        checks.wrong(field, "too_many", limit=_MOST_PARTS)
        return ()
    found = [read(f"{field}[{number}]", each) for number, each in enumerate(value)]
    return tuple(each for each in found if each is not None)


def _is_own(value: Any, makers: Mapping[str, Any]) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("type"), str) and value["type"] in makers


def _own(
    checks: Checks, field: str, value: Mapping[str, Any], makers: Mapping[str, Callable[..., T]], call: str
) -> T | None:
    """What the shop's own word makes of its fields; what it refuses is told as the field's error."""
    try:
        json.dumps(dict(value), default=_listed)
        made = makers[value["type"]](**{name: each for name, each in value.items() if name != "type"})
    except (TypeError, ValueError) as error:
        checks.wrong(field, "invalid", reason=str(error))
        return None
    if not callable(getattr(made, call, None)):
        raise ExtensionFailed(f"{value['type']!r}", f"{type(made).__name__} has no {call}()")
    return made


def _listed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple | set | frozenset):
        return sorted(value)
    raise TypeError(f"{value!r} cannot be kept: fields are text, numbers, true, false, lists and mappings of these")


def _of_kind(
    checks: Checks,
    field: str,
    value: Any,
    kinds: Mapping[str, tuple[Sequence[str], Callable[[_Fields], T | None]]],
    own: Mapping[str, Any],
) -> T | None:
    if not isinstance(value, Mapping):
        checks.wrong(field, "required" if value is None else "not_mapping")
        return None
    kind = value.get("type")
    if not isinstance(kind, str) or kind not in kinds:
        checks.wrong(f"{field}.type", "unknown", choices=", ".join((*kinds, *own)))
        return None
    allowed, read = kinds[kind]
    return read(_Fields(checks, field, checks.mapping(field, value, ("type", *allowed))))
