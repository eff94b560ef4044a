"""CPF, CNPJ and CEP."""

from __future__ import annotations

import re

from stdnum.br import cnpj, cpf

_CEP = re.compile(r"[0-9]{5}-?[0-9]{3}")
_CPF_LENGTH = 11


def is_document(value: str) -> bool:
    """Whether `value` is a valid CPF or CNPJ (alphanumeric ones too), with or without punctuation.

    Eleven equal digits pass the CPF's check sum but are never issued, so they are refused.
    """
    plain = re.sub(r"[.\-/\s]", "", value).upper()
    if not plain.isascii():
        return False
    if len(plain) == _CPF_LENGTH:
        return len(set(plain)) > 1 and bool(cpf.is_valid(plain))
    return bool(cnpj.is_valid(plain))


def is_cep(value: str) -> bool:
    """Whether `value` has the shape of a postal code: 38740-000 or 38740000."""
    return _CEP.fullmatch(value) is not None
