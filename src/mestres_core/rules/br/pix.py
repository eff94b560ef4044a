"""The PIX "copia e cola" code (BR Code): EMV MPM fields closed by a CRC, as Banco Central's manual lays down."""

from __future__ import annotations

from decimal import Decimal

from mestres_core.rules.text import fold

_NAME_LENGTH = 25
_CITY_LENGTH = 15


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
        + _field(59, fold(name).upper()[:_NAME_LENGTH])
        + _field(60, fold(city).upper()[:_CITY_LENGTH])
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


def _field(number: int, value: str) -> str:
    return f"{number:02d}{len(value):02d}{value}"
