"""Checking arguments."""

from collections.abc import Callable
from typing import Any

import pytest

from mestres_core.errors import FieldError, ValidationError
from mestres_core.rules.checks import Checks, storable


def reasons(check: Callable[[Checks], Any]) -> list[str]:
    """Why one check fails."""
    checks = Checks()
    check(checks)
    return [error.reason for error in checks.errors]


def test_every_wrong_field_is_named_at_once() -> None:
    """Wrong fields are collected, then raised together."""
    checks = Checks()
    checks.text("name", None, limit=5)
    checks.whole("quantity", 0, at_least=1, at_most=9)
    with pytest.raises(ValidationError) as caught:
        checks.done()
    assert (FieldError("name", "required"), FieldError.of("quantity", "too_small", limit=1)) == caught.value.errors


def test_nothing_wrong_raises_nothing() -> None:
    """Right values come back, text stripped."""
    checks = Checks()
    assert "Ana" == checks.text("name", " Ana ", limit=3)
    assert 3 == checks.whole("n", 3, at_least=1, at_most=3)
    assert "ana@example.com" == checks.email("email", "ana@example.com")
    assert "b" == checks.choice("c", "b", ("a", "b"))
    checks.done()


@pytest.mark.parametrize(
    ("value", "reason"),
    [(None, "required"), ("  ", "required"), (5, "not_text"), ("aaaa", "too_long"), ("a\0", "invalid")],
)
def test_text(value: object, reason: str) -> None:
    """Text is a str with something in it, within its limit, that a database takes."""
    assert [reason] == reasons(lambda checks: checks.text("f", value, limit=3))


@pytest.mark.parametrize(
    ("value", "reason"),
    [(None, "required"), (True, "not_integer"), (1.0, "not_integer"), (0, "too_small"), (10, "too_large")],
)
def test_whole_numbers(value: object, reason: str) -> None:
    """A whole number is an int within its bounds; True is none."""
    assert [reason] == reasons(lambda checks: checks.whole("f", value, at_least=1, at_most=9))


@pytest.mark.parametrize("address", ["a", "a@b", "@b.c", "a b@c.d", "a@b..c", "a@b.c, d@e.f", "a@@b.c"])
def test_shapes_that_are_no_address(address: str) -> None:
    """An e-mail address has one @, a domain with a dot, and no blanks."""
    assert ["invalid_email"] == reasons(lambda checks: checks.email("f", address))


def test_unexpected_keys_are_named() -> None:
    """A mapping with keys that nobody reads is refused by their names."""
    checks = Checks()
    checks.mapping("address", {"city": "a", "planet": "b", 5: "c"}, ("city",))
    assert ["address.planet", "address.5"] == [error.field for error in checks.errors]
    assert ["not_mapping"] == reasons(lambda checks: checks.mapping("f", [1], ()))
    assert ["unknown"] == reasons(lambda checks: checks.choice("f", [], ("a",)))


def test_what_a_database_cannot_keep() -> None:
    """NUL and half a surrogate pair cannot be stored; everything else can."""
    assert [False, False, True] == [storable(text) for text in ("a\0", "\ud83d", "☕ 😀")]
