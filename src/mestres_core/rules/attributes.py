"""Typed values of attributes: what a definition takes, and how it is kept as text that both databases compare alike."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal, localcontext

from mestres_core.rules.money import EXACT
from mestres_core.rules.text import fold

TYPES = ("text", "number", "boolean", "choice", "date")
LONGEST_TEXT = 400
_MILLION = 1_000_000
_BIGGEST = Decimal(10**12)
_TRUE = frozenset({"true", "yes", "sim", "1", "verdadeiro"})
_FALSE = frozenset({"false", "no", "nao", "0", "falso"})

Value = str | Decimal | bool | date


def as_text(kind: str, value: object, choices: Sequence[str] = ()) -> str:
    """The canonical text of a value; raises ValueError with what it must be.

    Numbers lose zeros behind the point, dates are YYYY-MM-DD, booleans true or false, a choice is spelled as defined.
    """
    match kind:
        case "number":
            return format(_number(value), "f")
        case "boolean":
            return "true" if _boolean(value) else "false"
        case "date":
            return _date(value).isoformat()
        case "choice":
            return _choice(value, choices)
    if not isinstance(value, str) or not value.strip() or len(value.strip()) > LONGEST_TEXT:
        raise ValueError(f"must be text of 1 to {LONGEST_TEXT} characters")
    return value.strip()


def from_text(kind: str, text: str) -> Value:
    """The value that a canonical text stands for."""
    match kind:
        case "number":
            return Decimal(text)
        case "boolean":
            return text == "true"
        case "date":
            return date.fromisoformat(text)
    return text


def millionths(text: str) -> int:
    """A canonical number as it is kept for comparing: a whole number of millionths."""
    return int(EXACT.multiply(Decimal(text), _MILLION))


def _number(value: object) -> Decimal:
    wrong = ValueError("must be a number below 10^12 with at most six decimals")
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise wrong
    try:
        with localcontext(EXACT):  # an exponent that is out of bounds raises or rounds, and so comes out as another
            exact = Decimal(str(value).strip())
            plain = exact.normalize()
            fits = plain == exact and abs(plain) < _BIGGEST and not plain * _MILLION % 1
    except ArithmeticError:
        fits = False
    if not fits:
        raise wrong
    return plain or Decimal(0)  # no minus before a zero


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    folded = fold(value.strip()) if isinstance(value, str) else ""
    if folded not in _TRUE | _FALSE:
        raise ValueError("must be true or false")
    return folded in _TRUE


def _date(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value) if isinstance(value, str) else date.fromisoformat("")
    except ValueError:
        raise ValueError("must be a date, or one as text: YYYY-MM-DD") from None


def _choice(value: object, choices: Sequence[str]) -> str:
    folded = fold(value.strip()) if isinstance(value, str) else None
    for each in choices:
        if fold(each) == folded:
            return each
    raise ValueError(f"must be one of: {', '.join(choices)}")
