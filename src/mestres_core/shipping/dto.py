"""What shipping gives: the value that every rater returns."""

from mestres_core.typing import ShippingOption

__all__ = ["ShippingOption"]
