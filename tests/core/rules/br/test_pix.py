"""BR Codes."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mestres_core.rules.br.pix import br_code, crc16, is_br_code

OFFICIAL = (
    "00020126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-4266554400005204000053039865802BR"
    "5913Fulano de Tal6008BRASILIA62070503***6304"
)


def fields(code: str) -> dict[str, str]:
    """The fields of a code, read as a bank reads them."""
    found, at = {}, 0
    while at < len(code):
        length = int(code[at + 2 : at + 4])
        found[code[at : at + 2]] = code[at + 4 : at + 4 + length]
        at += 4 + length
    return found


def test_the_check_sum_is_the_standard_one() -> None:
    """CRC16-CCITT-FALSE: the catalogue's check value, and the manual's example."""
    assert 0x29B1 == crc16(b"123456789")
    assert 0x1D3D == crc16(OFFICIAL.encode())


@given(
    name=st.text(max_size=60),
    city=st.text(max_size=60),
    txid=st.from_regex(r"[A-Za-z0-9]{1,25}", fullmatch=True),
    cents=st.integers(1, 10**9),
)
def test_every_code_verifies_itself(name: str, city: str, txid: str, cents: int) -> None:
    """A code's check sum is right, its fields can be read back, it is plain ASCII and within its lengths."""
    amount = Decimal(cents) / 100
    code = br_code(key="pix@mestres.example", name=name, city=city, txid=txid, amount=amount)
    assert code[-4:] == f"{crc16(code[:-4].encode()):04X}"
    assert code.isascii()
    read = fields(code)
    assert "01" == read["00"]
    assert amount == Decimal(read["54"])
    assert "986" == read["53"]
    assert "BR" == read["58"]
    assert len(read["59"]) <= 25
    assert len(read["60"]) <= 15
    assert txid == fields(read["62"])["05"]
    assert "pix@mestres.example" == fields(read["26"])["01"]


def test_a_field_that_does_not_fit_is_refused() -> None:
    """A key too long for its field is an error, not a code that no bank can read."""
    with pytest.raises(ValueError, match="99"):
        br_code(key="k" * 100, name="Ana", city="Patos", txid="a", amount=Decimal(1))


def test_a_charge_is_found_by_its_location() -> None:
    """With a url the code is to be paid once, and names no key."""
    code = br_code(url="pix.example.com/v2/cobv/9d36b84f", name="Ana", city="Patos de Minas")
    read = fields(code)
    assert is_br_code(code)
    assert ("12", {"00": "br.gov.bcb.pix", "25": "pix.example.com/v2/cobv/9d36b84f"}) == (
        read["01"],
        fields(read["26"]),
    )
    assert "54" not in read
    assert "***" == fields(read["62"])["05"]


@pytest.mark.parametrize(
    "wrong", [{"key": "k", "url": "u"}, {}, {"key": "k", "txid": "a-b"}, {"key": "k", "txid": "a" * 26}]
)
def test_a_code_needs_one_receiver_and_a_proper_txid(wrong: dict[str, str]) -> None:
    """Key and url both or neither, or a txid with other signs, is an error."""
    with pytest.raises(ValueError, match="BR Code"):
        br_code(name="Ana", city="Patos", **wrong)


@pytest.mark.parametrize(
    "code", ["", "000201", "0002016304FFFF", "0009", "000x01", "000201630", "é", OFFICIAL + "1d3d"]
)
def test_what_is_no_code_is_told(code: str) -> None:
    """Cut off, mistyped or without its check sum: no code, and no error."""
    assert not is_br_code(code)
