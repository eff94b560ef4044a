"""The PIX "copia e cola" code (BR Code): EMV MPM fields closed by a CRC, as Banco Central's manual lays down."""

from __future__ import annotations

from decimal import Decimal

from mestres_core.rules.text import fold

_NAME_LENGTH = 25
_CITY_LENGTH = 15
_FIELD_LENGTH = 99


def br_code(*, key: str, name: str, city: str, txid: str, amount: Decimal) -> str:
    """The text a buyer copies into a bank's app. `amount` is in reais; name and city are cut to their limits."""
    account = _field(0, "br.gov.bcb.pix") + _field(1, key)
    body = (
        _field(0, "01")
        + _field(26, account)
        + _field(52, "0000")
        + _field(53, "986")
        + _field(54, f"{amount:.2f}")
        + _field(58, "BR")
        + _field(59, _plain(name)[:_NAME_LENGTH])
        + _field(60, _plain(city)[:_CITY_LENGTH])
        + _field(62, _field(5, txid))
        + "6304"
    )
    return f"{body}{crc16(body.encode()):04X}"


def crc16(data: bytes) -> int:
    """CRC16-CCITT-FALSE: polynomial 0x1021, start 0xFFFF."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = ((crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def _plain(text: str) -> str:
    """Capitals that every bank reads; what has no plain letter is left out, and lengths stay those of bytes."""
    return "".join(letter for letter in fold(text).upper() if letter.isascii() and letter.isprintable())


def _field(number: int, value: str) -> str:
    if len(value) > _FIELD_LENGTH:
        raise ValueError(f"field {number} of a BR Code holds at most 99 characters, not {len(value)}")
    return f"{number:02d}{len(value):02d}{value}"
