"""CPF, CNPJ and CEP."""

import pytest

from mestres_core.rules.br.documents import is_cep, is_document


@pytest.mark.parametrize(
    ("document", "valid"),
    [
        ("12.ABC.345/01DE-35", True),
        ("12abc34501de35", True),
        ("12.ABC.345/01DE-36", False),
        ("11222333000181", True),
        ("00000000000000", False),
        ("529.982.247-25", True),
        ("529 982 247 25", True),
        ("529.982.247-24", False),
        ("111.111.111-11", False),
        ("000.000.000-00", False),
        ("", False),
        ("٥٢٩٩٨٢٢٤٧٢٥", False),
        ("529.982.247-2５", False),
        ("\0" * 11, False),
    ],
)
def test_documents(document: str, valid: bool) -> None:
    """A document is valid when its check digits are, and eleven equal digits never."""
    assert valid is is_document(document)


@pytest.mark.parametrize(
    ("cep", "valid"),
    [
        ("38740-000", True),
        ("38740000", True),
        ("3874-0000", False),
        ("38740-00", False),
        ("38740-000\n", False),
        ("٣٨٧٤٠٠٠٠", False),
    ],
)
def test_postal_codes(cep: str, valid: bool) -> None:
    """A CEP is eight plain digits, with a hyphen after the fifth or none."""
    assert valid is is_cep(cep)
