"""A host that has set a precision of its own for its Decimals gets the same amounts and rates."""

from decimal import Context, Decimal, localcontext

from core_shop import TestShop
from mestres_core.money import Money, format_money
from mestres_core.rules.attributes import as_text, millionths
from mestres_core.rules.checks import Checks


def test_money_is_not_rounded_to_the_hosts_precision() -> None:
    """Neither as a Decimal nor as text."""
    with localcontext(Context(prec=4)):
        assert Money(123456789, "BRL").to_decimal() == Decimal("1234567.89")
        assert format_money(Money(123456789, "BRL")) == "R$\u00a01.234.567,89"
        assert Money.parse(Decimal("1234567.89"), "BRL") == Money(123456789, "BRL")


def test_rates_are_not_rounded_to_the_hosts_precision(sqlite_shop: TestShop) -> None:
    """12.3456 per cent is not 12.35, and one decimal too many is refused."""
    with localcontext(Context(prec=4)):
        assert sqlite_shop.tax.set_rate("VAT", percent="12.3456", country="DE").percent == Decimal("12.3456")
        checks = Checks()
        checks.ppm("percent", "12.34567")
        assert [error.reason for error in checks.errors] == ["invalid"]


def test_attributes_are_not_rounded_to_the_hosts_precision() -> None:
    """Neither as they are kept nor as they are compared."""
    with localcontext(Context(prec=4)):
        assert as_text("number", "123456.789") == "123456.789"
        assert millionths("123456.789") == 123_456_789_000
