"""When the pieces of a cart are set aside: the shop's own policies, and asking whichever a shop has."""

from __future__ import annotations

from datetime import timedelta

from mestres_core.errors import ExtensionFailed
from mestres_core.inventory.reservations import LONGEST, ReservationService
from mestres_core.typing import ReservationPolicy, ReservationRequest

_SHORTEST = timedelta(seconds=1)


class ReserveAtQuote:
    """Pieces are set aside when a total is promised, for `ttl`; None: never, only an order takes them."""

    def __init__(self, ttl: timedelta | None) -> None:
        self._ttl = ttl

    def hold(self, request: ReservationRequest) -> timedelta | None:
        """The time at a quote."""
        return self._ttl if request.step == "quote" else None


class ReserveInCart:
    """Pieces are the cart's as soon as they are in it, for `ttl` after its last change; a quote renews it."""

    def __init__(self, ttl: timedelta) -> None:
        self._ttl = ttl

    def hold(self, request: ReservationRequest) -> timedelta | None:  # noqa: ARG002 - as every policy
        """The same time at every step."""
        return self._ttl


def hold(policy: ReservationPolicy, reservations: ReservationService, request: ReservationRequest) -> None:
    """Set aside what the policy says. Raises InsufficientStock, ExtensionFailed."""
    if not request.items:
        reservations.leave(request.cart_id)
        return
    ttl = policy.hold(request)
    if ttl is None:
        return
    if not isinstance(ttl, timedelta) or not _SHORTEST <= ttl <= LONGEST:
        raise ExtensionFailed("the reservation policy", f"1 second to 30 days are possible, not {ttl!r}")
    reservations.reserve(request.cart_id, items=request.items, ttl=ttl)
