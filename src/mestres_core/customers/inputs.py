"""Checking what is said of a customer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mestres_core.customers.dto import ADDRESS_FIELDS
from mestres_core.rules.br.documents import is_cep, is_document
from mestres_core.rules.br.icms import STATES
from mestres_core.rules.checks import BIGGEST_ID, Checks

OPTIONAL = frozenset({"complement", "country"})
_CODE = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_PHONE = re.compile(r"\+?[0-9 ().-]{8,30}")


def is_id(value: object) -> bool:
    """Whether a value may be a row number."""
    return type(value) is int and 0 < value <= BIGGEST_ID


def check_address(checks: Checks, given: Mapping[str, Any], *, prefix: str = "") -> dict[str, str]:
    """A checked address; the country is BR unless given, and a Brazilian one has a state and a CEP."""
    address = {
        name: checks.text(f"{prefix}{name}", given.get(name), limit=limit, required=name not in OPTIONAL)
        for name, limit in ADDRESS_FIELDS.items()
    }
    address["country"] = address["country"].upper() or "BR"
    if address["country"] == "BR":
        address["state"] = address["state"].upper()
        if address["state"] and address["state"] not in STATES:
            checks.wrong(f"{prefix}state", "unknown", choices=", ".join(STATES))
        if address["postal_code"] and not is_cep(address["postal_code"]):
            checks.wrong(f"{prefix}postal_code", "invalid_postal_code")
    return address


def check_document(checks: Checks, value: Any) -> str:
    """A CPF or CNPJ, or nothing."""
    document = checks.text("document", value, limit=20, required=False)
    if document and not is_document(document):
        checks.wrong("document", "invalid_document")
    return document


def check_phone(checks: Checks, value: Any) -> str:
    """A telephone number by its shape, or nothing."""
    phone = checks.text("phone", value, limit=30, required=False)
    if phone and not _PHONE.fullmatch(phone):
        checks.wrong("phone", "invalid", reason="must be 8 to 30 digits, blanks, brackets or dashes")
    return phone


def check_code(checks: Checks, field: str, value: Any) -> str:
    """A code of at most 40 small letters, digits, dots and dashes."""
    code = checks.text(field, value, limit=40)
    if code and not _CODE.fullmatch(code):
        checks.wrong(field, "invalid", reason="must be small letters, digits, dots and dashes")
    return code
