"""What shipping gives."""

from __future__ import annotations

from dataclasses import dataclass

from mestres_core.rules.money import Money


@dataclass(frozen=True, slots=True)
class ShippingOption:
    """A way to send a cart to an address: `id` is stable ("sedex"), `days` the working days it takes."""

    id: str
    name: str
    price: Money
    days: int
