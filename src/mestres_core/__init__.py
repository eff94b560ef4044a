"""An embeddable commerce core on SQLAlchemy 2: catalogue, cart, checkout, orders, inventory, payments, search.

from mestres_core import Commerce
shop = Commerce.open("sqlite:///shop.db")
"""

from typing import TYPE_CHECKING, Any

from mestres_core.catalog.dto import ProductDraft, VariantDraft
from mestres_core.checkout.service import Times
from mestres_core.commerce import Commerce
from mestres_core.config import Config
from mestres_core.db.base import metadata
from mestres_core.db.dialects.sqlite import configure_sqlite
from mestres_core.errors import CommerceError
from mestres_core.money import Money
from mestres_core.services import Services

if TYPE_CHECKING:
    from mestres_core.aio import AsyncCommerce

__all__ = [
    "AsyncCommerce",
    "Commerce",
    "CommerceError",
    "Config",
    "Money",
    "ProductDraft",
    "Services",
    "Times",
    "VariantDraft",
    "configure_sqlite",
    "metadata",
]


def __getattr__(name: str) -> Any:
    """`AsyncCommerce`, loaded when somebody wants it."""
    if name != "AsyncCommerce":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mestres_core.aio import AsyncCommerce  # noqa: PLC0415 - see above

    return AsyncCommerce
