"""Every service of a shop by its name, made for one session and put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast, get_type_hints

from sqlalchemy.orm import Session

from mestres_core.admin.service import AdminService
from mestres_core.cart.service import CartService
from mestres_core.catalog.attributes import AttributeService
from mestres_core.catalog.categories import CategoryService
from mestres_core.catalog.channels import ChannelService
from mestres_core.catalog.collections import CollectionService
from mestres_core.catalog.media import MediaService
from mestres_core.catalog.options import VariantService
from mestres_core.catalog.related import RelatedService
from mestres_core.catalog.service import CatalogService
from mestres_core.catalog.translations import TranslationService
from mestres_core.checkout.audit import CLAIMS
from mestres_core.checkout.service import CheckoutService
from mestres_core.config import Config
from mestres_core.customers.service import CustomerService
from mestres_core.db.rulebook import Rulebook
from mestres_core.downloads.service import DownloadService
from mestres_core.events.outbox import Outbox
from mestres_core.events.service import EventService
from mestres_core.events.webhooks import WebhookService
from mestres_core.events.work import Work
from mestres_core.inventory.holding import ReserveAtQuote
from mestres_core.inventory.reservations import ReservationService
from mestres_core.inventory.service import InventoryService
from mestres_core.orders.numbers import RandomNumbers
from mestres_core.orders.service import OrderService
from mestres_core.payments.accounts import GiftCardService, StoreCreditService
from mestres_core.payments.service import PaymentService
from mestres_core.pricing import fronts
from mestres_core.pricing.service import PricingService
from mestres_core.privacy.people import People
from mestres_core.promotions.definitions import Words
from mestres_core.promotions.service import PromotionService
from mestres_core.reviews.service import ReviewService
from mestres_core.search.querylog import QueryLog
from mestres_core.search.service import SearchService
from mestres_core.shipping.service import ShippingService
from mestres_core.tax.service import TaxService
from mestres_core.typing import (
    PaymentProvider,
)
from mestres_core.wishlists.service import WishlistService


class ServiceNames:
    """The services of a shop: what `shop.catalog` and the others are."""

    catalog: CatalogService
    attributes: AttributeService
    categories: CategoryService
    collections: CollectionService
    channels: ChannelService
    media: MediaService
    variants: VariantService
    related: RelatedService
    translations: TranslationService
    downloads: DownloadService
    search: SearchService
    inventory: InventoryService
    reservations: ReservationService
    promotions: PromotionService
    tax: TaxService
    shipping: ShippingService
    pricing: PricingService
    customers: CustomerService
    carts: CartService
    checkout: CheckoutService
    orders: OrderService
    payments: PaymentService
    gift_cards: GiftCardService
    store_credit: StoreCreditService
    reviews: ReviewService
    wishlists: WishlistService
    admin: AdminService
    events: EventService
    webhooks: WebhookService


SERVICE_TYPES: Mapping[str, type] = get_type_hints(ServiceNames)


class Services(ServiceNames):
    """Every service, bound to one session. Each is made when it is first asked for: a call uses few of them."""

    def __init__(self, session: Session, config: Config, rulebook: Rulebook, searches: QueryLog | None = None) -> None:
        self.outbox = Outbox(session, config.clock)
        self.work = Work(session, config.clock, config.ids, self.outbox, rulebook)
        self.config = config
        self.searches = searches

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """A service that was not asked for before. Raises AttributeError."""
            make = MAKERS.get(name)
            if make is None:
                raise AttributeError(f"{type(self).__name__!r} has no service {name!r}")
            made = make(self)
            setattr(self, name, made)
            return made


def _catalog(of: Services) -> CatalogService:
    return CatalogService(of.work, of.inventory, collections=of.collections, channels=of.channels, fronts=fronts)


def _inventory(of: Services) -> InventoryService:
    made = InventoryService(of.work, of.config.allocator)
    # A room tells a higher one what happened without knowing it; so do payments and customers below. The higher one is
    # made when there is something to tell.
    made.watcher = lambda changed, flipped: of.catalog.stock_moved(changed, flipped)  # noqa: PLW0108 - as above
    made.claims = CLAIMS
    return made


def _promotions(of: Services) -> PromotionService:
    words = Words(of.config.conditions, of.config.actions)
    return PromotionService(of.work, words=words, rounding=of.config.rounding)


def _customers(of: Services) -> CustomerService:
    made = CustomerService(of.work)
    made.keeper = People(of.work, ReviewService(of.work, made, of.config.reviews))
    return made


def _tax(of: Services) -> TaxService:
    config = of.config
    return TaxService(of.work, calculator=config.tax, settings=config.taxes, rounding=config.rounding)


def _carts(of: Services) -> CartService:
    return CartService(
        of.work,
        of.promotions,
        of.pricing,
        reservations=of.reservations,
        idle=of.config.times.cart,
        policies=of.config.merge_policies,
        holding=of.config.reservations,
        customers=of.customers,
    )


def _payments(of: Services) -> PaymentService:
    # Within a transaction a provider is only asked what it knows by itself.
    providers = {provider.name: cast("PaymentProvider", provider) for provider in of.config.providers}
    made = PaymentService(of.work, providers, of.config.webhook_secret, of.customers)
    made.on_event = lambda event: of.checkout.apply(event)  # noqa: PLW0108 - as for the inventory
    made.on_replay = lambda key: of.checkout.replay(key)  # noqa: PLW0108 - as for the inventory
    return made


def _orders(of: Services) -> OrderService:
    return OrderService(
        of.work,
        inventory=of.inventory,
        payments=of.payments,
        customers=of.customers,
        promotions=of.promotions,
        numbers=of.config.numbers or RandomNumbers(of.config.ids),
        tax=of.tax,
        pricing=of.pricing,
    )


def _checkout(of: Services) -> CheckoutService:
    return CheckoutService(
        of.work,
        carts=of.carts,
        orders=of.orders,
        payments=of.payments,
        promotions=of.promotions,
        reservations=of.reservations,
        shipping=of.shipping,
        tax=of.tax,
        times=of.config.times,
        holding=of.config.reservations or ReserveAtQuote(of.config.times.reservation),
    )


def _search(of: Services) -> SearchService:
    config = of.config
    return SearchService(of.work, of.catalog, config.synonyms, log=of.searches, backend=config.search)


MAKERS: Mapping[str, Callable[[Services], Any]] = {
    "catalog": _catalog,
    "attributes": lambda of: AttributeService(of.work),
    "categories": lambda of: CategoryService(of.work),
    "collections": lambda of: CollectionService(of.work),
    "channels": lambda of: ChannelService(of.work),
    "media": lambda of: MediaService(of.work),
    "variants": lambda of: VariantService(of.work),
    "related": lambda of: RelatedService(of.work),
    "translations": lambda of: TranslationService(of.work),
    "downloads": lambda of: DownloadService(of.work),
    "search": _search,
    "inventory": _inventory,
    "reservations": lambda of: ReservationService(of.work, of.inventory),
    "promotions": _promotions,
    "tax": _tax,
    "shipping": lambda of: ShippingService(of.work, rater=of.config.shipping),
    "pricing": lambda of: PricingService(of.work, of.promotions, resolver=of.config.prices),
    "customers": _customers,
    "carts": _carts,
    "checkout": _checkout,
    "orders": _orders,
    "payments": _payments,
    "gift_cards": lambda of: GiftCardService(of.work),
    "store_credit": lambda of: StoreCreditService(of.work, of.customers),
    "reviews": lambda of: ReviewService(of.work, of.customers, of.config.reviews),
    "wishlists": lambda of: WishlistService(of.work, of.customers, of.carts),
    "admin": lambda of: AdminService(of.work, of.orders),
    "events": lambda of: EventService(of.work, of.config.relay),
    "webhooks": lambda of: WebhookService(of.work, of.config.webhooks),
}
