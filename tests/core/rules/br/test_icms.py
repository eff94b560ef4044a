"""ICMS between states."""

import pytest

from mestres_core.rules.br.icms import STATES, icms, interstate_ppm

INTERNAL = dict.fromkeys(STATES, 180_000) | {"BA": 205_000, "XX": 0}


def test_there_are_27_states() -> None:
    """26 states and the federal district, each once."""
    assert 27 == len(set(STATES)) == len(STATES)


@pytest.mark.parametrize(
    ("origin", "destination", "imported", "percent"),
    [
        ("MG", "SP", False, 12),
        ("SP", "MG", False, 12),
        ("SP", "BA", False, 7),
        ("SP", "ES", False, 7),
        ("ES", "SP", False, 12),
        ("ES", "BA", False, 12),
        ("BA", "SP", False, 12),
        ("BA", "AM", False, 12),
        ("RS", "DF", False, 7),
        ("SP", "BA", True, 4),
        ("BA", "SP", True, 4),
    ],
)
def test_what_crosses_a_border(origin: str, destination: str, imported: bool, percent: int) -> None:
    """7 % from the South and Southeast to the rest and Espírito Santo, 12 % otherwise, 4 % for imported goods."""
    assert percent * 10_000 == interstate_ppm(origin, destination, imported=imported)


def test_difal_is_the_difference() -> None:
    """The state of arrival gets its internal rate less what the state of origin has; nothing when that is less."""
    assert [("ICMS", 180_000)] == [(rate.name, rate.ppm) for rate in icms("MG", "MG", INTERNAL)]
    assert [("ICMS", 70_000), ("DIFAL", 135_000)] == [(rate.name, rate.ppm) for rate in icms("MG", "BA", INTERNAL)]
    assert [("ICMS", 120_000)] == [(rate.name, rate.ppm) for rate in icms("MG", "SP", {"SP": 100_000})]


@pytest.mark.parametrize(("origin", "destination"), [("MG", "MG"), ("MG", "XX"), ("", "SP")])
def test_there_is_no_border_within_a_state(origin: str, destination: str) -> None:
    """One state, or an unknown one, is an error."""
    with pytest.raises(ValueError, match="state"):
        interstate_ppm(origin, destination)
