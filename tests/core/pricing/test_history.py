"""What prices were, and the lowest of the thirty days before a reduction."""

from datetime import UTC, datetime, timedelta

import pytest

from core_shop import TestShop
from mestres_core.errors import NotFound, ValidationError
from mestres_core.rules.omnibus import prior_price

DAY = timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("history", "at", "prior", "reduced"),
    [
        ([(100, 0)], 5, 100, False),
        ([(100, 0), (80, 50)], 60, 100, True),
        ([(100, 0), (70, 40), (90, 45), (80, 50)], 60, 70, True),  # lower once in the days before: that one counts
        ([(60, 0), (100, 10), (80, 50)], 60, 100, True),  # 60 was given up 40 days before the reduction
        ([(60, 0), (100, 21), (80, 50)], 60, 60, True),  # 60 was still asked 29 days before it
        ([(60, 0), (100, 20), (80, 50)], 60, 100, True),  # it ended as the days began: not within them
        ([(100, 0), (80, 50)], 300, 100, True),  # however long the reduction lasts
        ([(100, 0), (90, 40), (80, 50)], 60, 90, True),  # a second reduction is measured by the first
        ([(100, 0), (80, 50), (100, 60)], 65, 80, False),  # raised again: nothing is reduced
        ([(100, 0), (80, 50)], 45, 100, False),  # before it began
    ],
)
def test_the_rule(history: list[tuple[int, int]], at: int, prior: int, reduced: bool) -> None:
    """Directive 98/6/EC, article 6a: the lowest price of the 30 days before the present reduction."""
    found = prior_price([(amount, START + day * DAY) for amount, day in history], at=START + at * DAY, days=30)
    assert (prior, reduced) == (found.amount, found.reduced)


def test_history_is_written_with_the_price(shop: TestShop) -> None:
    """Saving, setting and bulk saving write what changed, and nothing when nothing did; a rollback leaves nothing."""
    shop.product(price=1000)
    shop.product(price=1000, description="other")
    shop.clock.advance(days=40)
    shop.pricing.set_price("A1", amount=1200)
    shop.pricing.set_price("A1", amount=1200)
    shop.clock.advance(days=10)
    reduced_at = shop.clock.now()
    shop.product(price=900)
    with pytest.raises(RuntimeError), shop.transaction() as tx:
        tx.pricing.set_price("A1", amount=1)
        raise RuntimeError
    assert [1000, 1200, 900] == [each.amount for each in shop.pricing.history("A1")]
    shop.clock.advance(days=5)
    found = shop.pricing.lowest_price("A1")
    assert (1000, 900, True, reduced_at) == (found.amount, found.current, found.reduced, found.before)
    assert 1200 == shop.pricing.lowest_price("A1", days=10).price.amount
    assert () == shop.pricing.history("A1", currency="USD")
    assert shop.audit().clean


def test_wrong_arguments(sqlite_shop: TestShop) -> None:
    """Wrong days, moments, currencies and SKUs are refused; so is what has no price."""
    shop = sqlite_shop
    shop.product()
    for wrong in ({"days": 0}, {"at": datetime(2026, 1, 1)}, {"currency": "real"}, {"currency": "USD"}):  # noqa: DTZ001
        with pytest.raises(ValidationError):
            shop.pricing.lowest_price("A1", **wrong)
    with pytest.raises(NotFound):
        shop.pricing.lowest_price("Z9")
    with pytest.raises(NotFound):
        shop.pricing.history("Z9")


def test_the_audit_sees_a_price_that_was_not_written_down(shop: TestShop) -> None:
    """A price changed by hand, behind its history, is named."""
    shop.product()
    shop.sql("UPDATE mc_price SET amount = 5")
    assert "a price is the last one of its history" in {violation.rule for violation in shop.audit().violations}
