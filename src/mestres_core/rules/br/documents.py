"""CPF, CNPJ and CEP."""

from __future__ import annotations

import re

from stdnum.br import cnpj, cpf

_CEP = re.compile(r"[0-9]{5}-?[0-9]{3}")
_CPF_LENGTH = 11
_CNPJ_LENGTH = 14


def is_document(value: str) -> bool:
    """Whether `value` is a valid CPF or CNPJ (alphanumeric ones too), with or without punctuation."""
    return is_cpf(value) or is_cnpj(value)


def is_cpf(value: str) -> bool:
    """Whether `value` is a valid CPF. Eleven equal digits pass the check sum but are never issued: they are not."""
    digits = plain(value)
    return len(digits) == _CPF_LENGTH and digits.isascii() and len(set(digits)) > 1 and bool(cpf.is_valid(digits))


def is_cnpj(value: str) -> bool:
    """Whether `value` is a valid CNPJ: fourteen digits, or the alphanumeric ones of 2026. Equal ones are not."""
    digits = plain(value)
    return len(digits) == _CNPJ_LENGTH and digits.isascii() and len(set(digits)) > 1 and bool(cnpj.is_valid(digits))


def plain(value: str) -> str:
    """A document without punctuation, in capitals: "12.ABC.345/01DE-35" is "12ABC34501DE35"."""
    return re.sub(r"[.\-/\s]", "", value).upper()


def is_cep(value: str) -> bool:
    """Whether `value` has the shape of a postal code: 38740-000 or 38740000."""
    return _CEP.fullmatch(value) is not None
