"""Checking what is said about taxes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from mestres_core.rules.br.icms import STATES
from mestres_core.rules.checks import BIGGEST_AMOUNT, Checks
from mestres_core.rules.tax import GROSS, MILLION, MODES
from mestres_core.rules.tax_rates import STANDARD
from mestres_core.typing import TaxLine

MOST_LINES = 1000
MOST_PIECES = 1_000_000
ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
"""When a rate begins that was given no beginning."""
_LINE_FIELDS = ("key", "amount", "quantity", "tax_class", "sku", "codes")


def read_rate(**given: Any) -> dict[str, Any]:
    """A checked rate, as a row. Raises ValidationError naming each wrong field."""
    checks = Checks()
    row: dict[str, Any] = {
        "name": checks.text("name", given["name"], limit=40),
        "tax_class": checks.text("tax_class", given["tax_class"], limit=40),
        "ppm": checks.ppm("percent", given["percent"]),
        "mode": checks.choice("mode", given["mode"], MODES),
        "country": read_country(checks, "country", given["country"]),
        "region": checks.text("region", given["region"], limit=60, required=False).upper(),
        "origin": checks.text("origin", given["origin"], limit=60, required=False).upper(),
        "customer_type": checks.text("customer_type", given["customer_type"], limit=20, required=False),
        "position": checks.whole("position", given["position"], at_least=-10_000, at_most=10_000),
    }
    for field in ("informational", "compound"):
        row[field] = given[field]
        if not isinstance(given[field], bool):
            checks.wrong(field, "not_boolean")
    if row["mode"] == GROSS and row["ppm"] >= MILLION:
        checks.wrong("percent", "invalid", reason="a rate on the gross price must be below 100")
    if row["region"] and not row["country"]:
        checks.wrong("country", "required")
    if row["country"] == "BR" and row["region"]:
        checks.choice("region", row["region"], STATES)
    row["starts_at"], row["ends_at"] = read_span(checks, given["starts_at"], given["ends_at"])
    checks.done()
    return row


def read_country(checks: Checks, field: str, value: Any, *, required: bool = False) -> str:
    """Two capital letters, or nothing."""
    code = checks.text(field, value, limit=2, required=required).upper()
    if len(code) == 1 or (len(code) == 2 and not (code.isascii() and code.isalpha())):  # noqa: PLR2004 - ISO 3166
        checks.wrong(field, "invalid", reason="must be two letters such as BR")
    return code


def read_span(checks: Checks, starts_at: Any, ends_at: Any) -> tuple[datetime | None, datetime | None]:
    """When something holds: aware datetimes, the end after the beginning."""
    for name, value in (("starts_at", starts_at), ("ends_at", ends_at)):
        if value is not None and (not isinstance(value, datetime) or value.tzinfo is None):
            checks.wrong(name, "invalid", reason="must be a datetime with a time zone")
            return None, None
    begins = starts_at or ALWAYS
    if ends_at is not None and ends_at <= begins:
        checks.wrong("ends_at", "invalid", reason=f"must be after {begins.isoformat()}")
    return starts_at, ends_at


def read_place(checks: Checks, address: Any) -> tuple[str, str]:
    """Country (BR unless given) and state of an address; its other fields are not looked at."""
    if not isinstance(address, Mapping):
        checks.wrong("address", "required" if address is None else "not_mapping")
        return "BR", ""
    country = read_country(checks, "address.country", address.get("country") or "BR")
    return country, checks.text("address.state", address.get("state"), limit=60, required=False).upper()


def read_lines(checks: Checks, lines: Any) -> tuple[TaxLine, ...]:
    """Lines given as TaxLine, or as mappings with its fields."""
    if isinstance(lines, str | bytes | Mapping) or not isinstance(lines, Iterable):
        checks.wrong("lines", "required" if lines is None else "not_list")
        return ()
    given = list(lines)
    if len(given) > MOST_LINES:
        checks.wrong("lines", "too_many", limit=MOST_LINES)
        return ()
    return tuple(_line(checks, f"lines[{index}]", index, line) for index, line in enumerate(given))


def _line(checks: Checks, at: str, index: int, line: Any) -> TaxLine:
    if isinstance(line, TaxLine):
        fields: Mapping[str, Any] = {name: getattr(line, name) for name in _LINE_FIELDS}
    else:
        fields = checks.mapping(at, line, _LINE_FIELDS)
    return TaxLine(
        key=fields.get("key", index),
        amount=checks.whole(f"{at}.amount", fields.get("amount"), at_least=0, at_most=BIGGEST_AMOUNT),
        quantity=checks.whole(f"{at}.quantity", fields.get("quantity", 1), at_least=1, at_most=MOST_PIECES),
        tax_class=checks.text(f"{at}.tax_class", fields.get("tax_class", STANDARD), limit=40),
        sku=checks.text(f"{at}.sku", fields.get("sku", ""), limit=64, required=False),
        codes=checks.mapping(f"{at}.codes", fields.get("codes", {}), fields.get("codes", {}) or ()),
    )
