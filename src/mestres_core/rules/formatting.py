"""Money as people read it: the locale's pattern from Babel, the decimal places from ISO 4217."""

from __future__ import annotations

from copy import copy
from decimal import localcontext

from mestres_core.rules.money import EXACT, Money, digits


def format_money(money: Money, locale: str = "pt_BR") -> str:
    """As people of `locale` write it: Money(123456789, "BRL") is "R$ 1.234.567,89", with a no-break space.

    `locale` may be written pt_BR or pt-BR. The decimal places are the standard's, where Babel's own differ (IQD, RSD,
    LBP and others), so no unit that was charged is missing from what is shown. Raises ValueError for an unknown locale.
    """
    from babel import Locale, UnknownLocaleError  # noqa: PLC0415 - 60 ms of imports that most programs do not need

    try:
        known = Locale.parse(locale.replace("-", "_"))
    except (UnknownLocaleError, ValueError, AttributeError, TypeError):
        raise ValueError(f"{locale!r} is not a locale such as 'pt_BR' or 'en'") from None
    pattern = copy(known.currency_formats["standard"])
    pattern.frac_prec = (digits(money.currency),) * 2
    with localcontext(EXACT):
        text: str = pattern.apply(money.to_decimal(), known, currency=money.currency, currency_digits=False)
    return text
