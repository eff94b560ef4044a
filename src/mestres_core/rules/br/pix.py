"""The PIX "copia e cola" code (BR Code): EMV MPM fields closed by a CRC, as Banco Central's manual lays down."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal

_NAME_LENGTH = 25
_CITY_LENGTH = 15
_FIELD_LENGTH = 99
_CHECK_SUM = "6304"
_TXID = re.compile(r"[A-Za-z0-9]{1,25}|\*\*\*")
_CHARGE = re.compile(r"[A-Za-z0-9]{26,35}")


def br_code(
    *, name: str, city: str, key: str = "", url: str = "", txid: str = "***", amount: Decimal | None = None
) -> str:
    """The text a buyer copies into a bank's app.

    Either `key`, the shop's PIX key, or `url`, where the bank finds the charge ("pix.example.com/v2/cobv/...", without
    https://). `amount` is in reais (None: the buyer types it); name and city lose their accents and are cut to 25 and
    15 characters. `txid` has 1 to 25 letters and digits, or is "***" for none. Raises ValueError.
    """
    if bool(key) == bool(url):
        raise ValueError("a BR Code has either a key or a url")
    if not _TXID.fullmatch(txid):
        raise ValueError(f"the txid of a BR Code has 1 to 25 letters and digits, not {txid!r}")
    account = _field(0, "br.gov.bcb.pix") + (_field(1, key) if key else _field(25, url))
    body = (
        _field(0, "01")
        + (_field(1, "12") if url else "")  # 12: to be paid once
        + _field(26, account)
        + _field(52, "0000")
        + _field(53, "986")
        + ("" if amount is None else _field(54, f"{amount:.2f}"))
        + _field(58, "BR")
        + _field(59, _plain(name)[:_NAME_LENGTH])
        + _field(60, _plain(city)[:_CITY_LENGTH])
        + _field(62, _field(5, txid))
        + _CHECK_SUM
    )
    return f"{body}{crc16(body.encode()):04X}"


def is_br_code(code: str) -> bool:
    """Whether a text is a BR Code whose fields can be read and whose check sum is right."""
    try:
        numbers = [number for number, _ in _fields(code)]
    except ValueError:
        return False
    body = code[: -len("FFFF")]
    return numbers[:1] == ["00"] and body.endswith(_CHECK_SUM) and code == f"{body}{crc16(body.encode()):04X}"


def is_txid(txid: str) -> bool:
    """Whether a text may name an immediate charge (cob) or one with a due date: 26 to 35 letters and digits."""
    return _CHARGE.fullmatch(txid) is not None


def crc16(data: bytes) -> int:
    """CRC16-CCITT-FALSE: polynomial 0x1021, start 0xFFFF."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = ((crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def _plain(text: str) -> str:
    """Letters that every bank reads; what has no plain letter is left out, and lengths stay those of bytes."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in decomposed if letter.isascii() and letter.isprintable())


def _field(number: int, value: str) -> str:
    if len(value) > _FIELD_LENGTH:
        raise ValueError(f"field {number} of a BR Code holds at most 99 characters, not {len(value)}")
    return f"{number:02d}{len(value):02d}{value}"


def _fields(code: str) -> Iterator[tuple[str, str]]:
    """Number and value of each field. Raises ValueError when a length is none, or goes beyond the end."""
    at = 0
    while at < len(code):
        head = code[at : at + 4]
        if not (head.isascii() and head.isdigit() and len(head) == len("0000")):
            raise ValueError(f"no field begins at {at}")
        end = at + 4 + int(head[2:])
        if end > len(code):
            raise ValueError(f"the field at {at} goes beyond the end")
        yield head[:2], code[at + 4 : end]
        at = end
