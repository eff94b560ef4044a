"""Checking what a buyer says: address, customer, payment."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from mestres_core.customers.dto import ADDRESS_FIELDS
from mestres_core.customers.inputs import check_address
from mestres_core.rules.br.documents import is_document
from mestres_core.rules.checks import Checks

_CUSTOMER = ("name", "email", "document")


def read_address(value: Any) -> dict[str, str]:
    """A checked address; the country is BR unless given. Raises ValidationError naming each wrong field."""
    checks = Checks()
    address = check_address(checks, checks.mapping("address", value, ADDRESS_FIELDS), prefix="address.")
    checks.done()
    return address


def read_customer(value: Any) -> dict[str, str]:
    """A checked customer: name, e-mail, and a CPF or CNPJ if given. Raises ValidationError naming each wrong field."""
    checks = Checks()
    given = checks.mapping("customer", value, _CUSTOMER)
    customer = {
        "name": checks.text("customer.name", given.get("name"), limit=120),
        "email": checks.email("customer.email", given.get("email")),
        "document": checks.text("customer.document", given.get("document"), limit=20, required=False),
    }
    if customer["document"] and not is_document(customer["document"]):
        checks.wrong("customer.document", "invalid_document")
    checks.done()
    return customer


def read_known_customer(value: Any) -> dict[str, str]:
    """Whatever is known of a customer before the order; nothing is required. Raises ValidationError."""
    if value is None:
        return {}
    checks = Checks()
    given = checks.mapping("customer", value, _CUSTOMER)
    known = {
        name: checks.text(f"customer.{name}", given.get(name), limit=254, required=False)
        for name in _CUSTOMER
        if name in given
    }
    if known.get("email"):
        checks.email("customer.email", known["email"])
    if known.get("document") and not is_document(known["document"]):
        checks.wrong("customer.document", "invalid_document")
    checks.done()
    return known


def read_key(value: Any) -> str:
    """An idempotency key of 1 to 255 characters. Raises ValidationError."""
    checks = Checks()
    key = checks.text("idempotency_key", value, limit=255)
    checks.done()
    return key


def digest(value: Mapping[str, Any] | list[Any]) -> str:
    """A hash that is equal for equal JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
