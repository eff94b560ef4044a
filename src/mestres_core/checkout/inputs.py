"""Checking what a buyer says: address, customer, payment."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from mestres_core.rules.br.documents import is_cep, is_document
from mestres_core.rules.checks import Checks

_ADDRESS = {
    "name": 120,
    "street": 200,
    "number": 20,
    "complement": 120,
    "district": 120,
    "city": 120,
    "state": 60,
    "postal_code": 12,
    "country": 2,
}
_STATES = frozenset("AC AL AP AM BA CE DF ES GO MA MT MS MG PA PB PR PE PI RJ RN RS RO RR SC SP SE TO".split())
_OPTIONAL = frozenset({"complement", "country"})
_CUSTOMER = ("name", "email", "document")


def read_address(value: Any) -> dict[str, str]:
    """A checked address; the country is BR unless given. Raises ValidationError naming each wrong field."""
    checks = Checks()
    given = checks.mapping("address", value, _ADDRESS)
    address = {
        name: checks.text(f"address.{name}", given.get(name), limit=limit, required=name not in _OPTIONAL)
        for name, limit in _ADDRESS.items()
    }
    checks.done()
    address["country"] = address["country"].upper() or "BR"
    if address["country"] == "BR":
        address["state"] = address["state"].upper()
        checks.choice("address.state", address["state"], sorted(_STATES))
        if not is_cep(address["postal_code"]):
            checks.wrong("address.postal_code", "invalid_postal_code")
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
