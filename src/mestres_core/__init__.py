"""An embeddable commerce core on SQLAlchemy 2: catalogue, cart, checkout, orders, inventory, payments, search.

from mestres_core import Commerce
shop = Commerce.open("sqlite:///shop.db")
"""

from mestres_core.catalog.dto import ProductDraft, VariantDraft
from mestres_core.checkout.service import Times
from mestres_core.commerce import Commerce, Config, Services
from mestres_core.db.base import metadata
from mestres_core.db.dialects.sqlite import configure_sqlite
from mestres_core.errors import CommerceError
from mestres_core.money import Money

__all__ = [
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
