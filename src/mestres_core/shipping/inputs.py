"""Checking what is said about zones, methods and goods to be sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from mestres_core.rules.br.icms import STATES
from mestres_core.rules.checks import BIGGEST_AMOUNT, Checks
from mestres_core.rules.money import Money
from mestres_core.rules.shipping import PostalRange, ShippingItem, plain_postal_code

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_COUNTRY = re.compile(r"[A-Z]{2}")
_MOST_ENTRIES = 500
_MOST_ITEMS = 1000
_MOST_PIECES = 1_000_000
_HEAVIEST = 100_000_000
_LONGEST = 100_000
_MOST_DAYS = 365
_PAIR = 2
_ITEM = {"weight_grams": _HEAVIEST, "length_mm": _LONGEST, "width_mm": _LONGEST, "height_mm": _LONGEST}
_LIMITS = {"max_weight_grams": _HEAVIEST, "max_side_mm": _LONGEST, "max_sides_mm": _LONGEST}


def read_code(checks: Checks, field: str, value: Any) -> str:
    """A name for machines: letters, digits, hyphens, underscores."""
    code = checks.text(field, value, limit=40)
    if code and not _CODE.fullmatch(code):
        checks.wrong(field, "invalid", reason="use letters, digits, hyphens and underscores")
    return code


def read_zone(**given: Any) -> dict[str, Any]:
    """A checked zone, as a row. Raises ValidationError naming each wrong field."""
    checks = Checks()
    code = read_code(checks, "code", given["code"])
    countries = [text.upper() for text in _texts(checks, "countries", given["countries"], limit=2)]
    for index, country in enumerate(countries):
        if country and len(country) <= _PAIR and not _COUNTRY.fullmatch(country):
            checks.wrong(f"countries[{index}]", "invalid", reason="must be two letters such as BR")
    regions = [text.upper() for text in _texts(checks, "regions", given["regions"], limit=60)]
    if regions and not countries:
        checks.wrong("countries", "required")
    if countries == ["BR"]:
        for index, region in enumerate(regions):
            checks.choice(f"regions[{index}]", region, STATES)
    ranges = _postal_codes(checks, given["postal_codes"])
    if ranges and not countries:
        checks.wrong("countries", "required")
    name = checks.text("name", given["name"], limit=120, required=False) or code
    checks.done()
    return {
        "code": code,
        "name": name,
        "countries": list(dict.fromkeys(countries)),
        "regions": list(dict.fromkeys(regions)),
        "postal_codes": ranges,
    }


def read_method(**given: Any) -> dict[str, Any]:
    """A checked method, as a row without its zone. Raises ValidationError naming each wrong field."""
    checks = Checks()
    row: dict[str, Any] = {
        "code": read_code(checks, "code", given["code"]),
        "name": checks.text("name", given["name"], limit=120),
        "days": checks.whole("days", given["days"], at_least=0, at_most=_MOST_DAYS),
        "currency": read_currency(checks, given["currency"]),
        "by_weight": _steps(checks, "by_weight", given["by_weight"], most=_HEAVIEST),
        "by_price": _steps(checks, "by_price", given["by_price"], most=BIGGEST_AMOUNT),
        "ppm": checks.ppm("percent", given["percent"]),
        "active": given["active"],
    }
    for field in ("base", "per_item", "minimum"):
        row[field] = checks.whole(field, given[field], at_least=0, at_most=BIGGEST_AMOUNT)
    row["min_weight_grams"] = checks.whole("min_weight_grams", given["min_weight_grams"], at_least=0, at_most=_HEAVIEST)
    for field in ("per_kg", "maximum", "free_over", "max_items_total"):
        row[field] = _or_none(checks, field, given[field], at_least=0, at_most=BIGGEST_AMOUNT)
    for field, most in _LIMITS.items():
        row[field] = _or_none(checks, field, given[field], at_least=1, at_most=most)
    if not isinstance(given["active"], bool):
        checks.wrong("active", "not_boolean")
    if row["maximum"] is not None and row["maximum"] < row["minimum"]:
        checks.wrong("maximum", "too_small", limit=row["minimum"])
    read_code(checks, "zone", given["zone"])
    checks.done()
    return row


def read_currency(checks: Checks, currency: Any) -> str:
    """A code of three capitals."""
    try:
        return Money(0, currency).currency
    except (ValueError, TypeError) as error:
        checks.wrong("currency", "invalid", reason=str(error))
        return "BRL"


def read_items(checks: Checks, items: Any) -> tuple[ShippingItem, ...]:
    """Goods given as ShippingItem, or as mappings with its fields."""
    given = _list(checks, "items", items, most=_MOST_ITEMS)
    if not given and not checks.errors:
        checks.wrong("items", "required")
    return tuple(_item(checks, f"items[{index}].", item) for index, item in enumerate(given))


def read_address(checks: Checks, address: Any) -> dict[str, str]:
    """Country (BR unless given), state and postal code of an address; its other fields are not looked at."""
    if not isinstance(address, Mapping):
        checks.wrong("address", "required" if address is None else "not_mapping")
        return {"country": "BR", "state": "", "postal_code": ""}
    limits = {"country": 2, "state": 60, "postal_code": 12}
    found = {
        name: checks.text(f"address.{name}", address.get(name), limit=limit, required=False).upper()
        for name, limit in limits.items()
    }
    return {**address, **found, "country": found["country"] or "BR"}


def _item(checks: Checks, at: str, item: Any) -> ShippingItem:
    names = (*_ITEM, "quantity", "digital", "location", "sku")
    if isinstance(item, ShippingItem):
        fields: Mapping[str, Any] = {name: getattr(item, name) for name in names}
    else:
        fields = checks.mapping(at.removesuffix("."), item, names)
    if not isinstance(fields.get("digital", False), bool):
        checks.wrong(f"{at}digital", "not_boolean")
    sizes = {
        name: checks.whole(f"{at}{name}", fields.get(name, 0), at_least=0, at_most=most) for name, most in _ITEM.items()
    }
    return ShippingItem(
        **sizes,
        quantity=checks.whole(f"{at}quantity", fields.get("quantity", 1), at_least=1, at_most=_MOST_PIECES),
        digital=bool(fields.get("digital", False)),
        location=checks.text(f"{at}location", fields.get("location", ""), limit=64, required=False),
        sku=checks.text(f"{at}sku", fields.get("sku", ""), limit=64, required=False),
    )


def _list(checks: Checks, field: str, value: Any, *, most: int = _MOST_ENTRIES) -> list[Any]:
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        checks.wrong(field, "required" if value is None else "not_list")
        return []
    entries = list(value)
    if len(entries) > most:
        checks.wrong(field, "too_many", limit=most)
        return []
    return entries


def _texts(checks: Checks, field: str, value: Any, *, limit: int) -> list[str]:
    entries = _list(checks, field, value)
    return [checks.text(f"{field}[{index}]", entry, limit=limit) for index, entry in enumerate(entries)]


def _postal_codes(checks: Checks, value: Any) -> list[list[str]]:
    found = []
    for index, entry in enumerate(_list(checks, "postal_codes", value)):
        at = f"postal_codes[{index}]"
        pair = (entry, entry) if isinstance(entry, str) else entry
        if not (isinstance(pair, tuple | list) and len(pair) == _PAIR and all(isinstance(each, str) for each in pair)):
            checks.wrong(at, "invalid", reason="must be a postal code, or a pair of the first and the last")
            continue
        first, last = (plain_postal_code(each) for each in pair)
        if not (first and last):
            checks.wrong(at, "invalid", reason="a postal code has 1 to 12 letters and digits")
        elif PostalRange(first, last).width < 0:
            checks.wrong(at, "invalid", reason="the last code comes before the first")
        else:
            found.append([first, last])
    return found


def _steps(checks: Checks, field: str, value: Any, *, most: int) -> list[list[int]]:
    """Pairs (limit, minor units), by rising limits."""
    found: list[list[int]] = []
    for index, entry in enumerate(_list(checks, field, value)):
        at = f"{field}[{index}]"
        if not (isinstance(entry, tuple | list) and len(entry) == _PAIR):
            checks.wrong(at, "invalid", reason="must be a pair of a limit and an amount")
            continue
        limit = checks.whole(f"{at}[0]", entry[0], at_least=0, at_most=most)
        amount = checks.whole(f"{at}[1]", entry[1], at_least=0, at_most=BIGGEST_AMOUNT)
        if found and limit <= found[-1][0]:
            checks.wrong(at, "invalid", reason="the limits must rise")
        found.append([limit, amount])
    return found


def _or_none(checks: Checks, field: str, value: Any, *, at_least: int, at_most: int) -> int | None:
    return None if value is None else checks.whole(field, value, at_least=at_least, at_most=at_most)
