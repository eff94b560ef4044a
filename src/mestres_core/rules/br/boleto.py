"""The numbers of a boleto: due factor, barcode and the line that people type, by FEBRABAN's rules.

The factor counts days in four digits: 1000 was 2000-07-03, 9999 was 2025-02-21, and since 2025-02-22 it counts from
1000 again. So a factor alone names a day in each cycle of 9,000 days; whoever reads one says about when it was.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

_FIRST: Final = date(2000, 7, 3)
_LOWEST: Final = 1000
_CYCLE: Final = 9000
_BANK: Final = 3
_FREE: Final = 25
_BARCODE: Final = 44
_LINE: Final = 47
_REAL: Final = "9"
_MOST_CENTS: Final = 10**10 - 1
_MODULUS_10: Final = 10
_MODULUS_11: Final = 11
_HEAVIEST: Final = 9


def due_factor(due: date) -> int:
    """The four digits for a due day, from 2000-07-03 on. Raises ValueError for an earlier one."""
    if due < _FIRST:
        raise ValueError(f"a boleto's factor counts from {_FIRST.isoformat()} on, not {due.isoformat()}")
    return (due - _FIRST).days % _CYCLE + _LOWEST


def due_date(factor: int, *, near: date) -> date:
    """The day that a factor means: of all that it may mean the one nearest to `near` (the day of issue, or today)."""
    if type(factor) is not int or not _LOWEST <= factor < _LOWEST + _CYCLE:
        raise ValueError(f"a boleto's factor is between 1000 and 9999, not {factor!r}")
    first = _FIRST + timedelta(days=factor - _LOWEST)
    cycles = max(0, round((near - first).days / _CYCLE))
    return first + timedelta(days=cycles * _CYCLE)


def barcode(*, bank: str, due: date, cents: int, free: str) -> str:
    """The 44 digits: bank (3), currency, check digit, due factor (4), amount (10), the bank's free field (25).

    Raises ValueError when a part has another length or does not fit.
    """
    for name, value, length in (("bank", bank, _BANK), ("free", free, _FREE)):
        if len(value) != length or not (value.isascii() and value.isdigit()):
            raise ValueError(f"{name} must be {length} digits, not {value!r}")
    if type(cents) is not int or not 0 <= cents <= _MOST_CENTS:
        raise ValueError(f"cents must be between 0 and {_MOST_CENTS}, not {cents!r}")
    rest = f"{due_factor(due):04d}{cents:010d}{free}"
    return f"{bank}{_REAL}{_general_digit(bank + _REAL + rest)}{rest}"


def typeable_line(code: str) -> str:
    """The 47 digits ("linha digitável") of a barcode, without dots and blanks. Raises ValueError for a wrong one."""
    if not is_barcode(code):
        raise ValueError(f"{code!r} is not the barcode of a boleto")
    fields = (code[:4] + code[19:24], code[24:34], code[34:44])
    return "".join(field + str(_mod_10(field)) for field in fields) + code[4] + code[5:19]


def barcode_of(line: str) -> str:
    """The barcode that a typed line stands for; dots and blanks are skipped. Raises ValueError for a wrong digit."""
    plain = "".join(letter for letter in line if letter not in " .-")
    if len(plain) == _LINE and plain.isascii() and plain.isdigit():
        code = plain[:4] + plain[32] + plain[33:] + plain[4:9] + plain[10:20] + plain[21:31]
        if is_barcode(code) and typeable_line(code) == plain:
            return code
    raise ValueError(f"{line!r} is not the line of a boleto")


def is_barcode(code: str) -> bool:
    """Whether these are 44 digits whose check digit is right."""
    if len(code) != _BARCODE or not (code.isascii() and code.isdigit()):
        return False
    return code[4] == _general_digit(code[:4] + code[5:])


def _mod_10(digits: str) -> int:
    total = 0
    for index, digit in enumerate(reversed(digits)):
        product = int(digit) * (1 if index % 2 else 2)
        total += product // 10 + product % 10
    return -total % _MODULUS_10


def _general_digit(digits: str) -> str:
    """Weights 2 to 9 from the right, modulus 11; what would be 0, 10 or 11 is 1."""
    total = sum(int(digit) * (index % (_HEAVIEST - 1) + 2) for index, digit in enumerate(reversed(digits)))
    digit = _MODULUS_11 - total % _MODULUS_11
    return "1" if digit > _HEAVIEST else str(digit)
