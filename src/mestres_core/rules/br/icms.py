"""ICMS between the states of Brazil: which rate crosses a border, and what the state of arrival gets (DIFAL).

Internal rates are laws of 27 states that change every year, so they are the shop's data, not part of this package; the
interstate ones are resolutions of the Senate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mestres_core.rules.tax import GROSS, Rate

STATES: Final = tuple("AC AL AM AP BA CE DF ES GO MA MG MS MT PA PB PE PI PR RJ RN RO RR RS SC SE SP TO".split())
_RICHER: Final = frozenset("MG PR RJ RS SC SP".split())  # South and Southeast without Espírito Santo
_TO_OTHERS: Final = 70_000
_USUAL: Final = 120_000
_IMPORTED: Final = 40_000


def interstate_ppm(origin: str, destination: str, *, imported: bool = False) -> int:
    """The rate between two states in parts per million.

    4 % for imported goods, 7 % from the South and Southeast to the others and Espírito Santo, else 12 %: the Senate's
    resolutions 22/1989 and 13/2012. Raises ValueError for an unknown state, or within one.
    """
    for state in (origin, destination):
        if state not in STATES:
            raise ValueError(f"{state!r} is not a state of Brazil such as 'MG'")
    if origin == destination:
        raise ValueError(f"within {origin} its internal rate holds, not an interstate one")
    if imported:
        return _IMPORTED
    return _TO_OTHERS if origin in _RICHER and destination not in _RICHER else _USUAL


def icms(origin: str, destination: str, internal: Mapping[str, int], *, imported: bool = False) -> tuple[Rate, ...]:
    """The rates of a sale to somebody who buys for himself: ICMS for the state of origin, DIFAL for that of arrival.

    `internal` has the internal rate of each state in parts per million. Both are rates on the price that contains them.
    Within one state there is its internal rate alone. Raises KeyError for a state without one.
    """
    if origin == destination:
        return (Rate(name="ICMS", ppm=internal[origin], mode=GROSS),)
    between = interstate_ppm(origin, destination, imported=imported)
    difference = max(0, internal[destination] - between)
    ours = Rate(name="ICMS", ppm=between, mode=GROSS)
    return (ours, Rate(name="DIFAL", ppm=difference, mode=GROSS)) if difference else (ours,)
