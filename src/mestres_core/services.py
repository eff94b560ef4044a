"""Every service of a shop by its name, made for one session and put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast, get_type_hints

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
    """Every service, bound to one session."""

    def __init__(self, session: Session, config: Config, rulebook: Rulebook, searches: QueryLog | None = None) -> None:
        self.outbox = Outbox(session, config.clock)
        work = Work(session, config.clock, config.ids, self.outbox, rulebook)
        # Within a transaction a provider is only asked what it knows by itself.
        providers = {provider.name: cast("PaymentProvider", provider) for provider in config.providers}
        self.inventory = InventoryService(work, config.allocator)
        self.reservations = ReservationService(work, self.inventory)
        self.attributes = AttributeService(work)
        self.categories = CategoryService(work)
        self.collections = CollectionService(work)
        self.channels = ChannelService(work)
        self.media = MediaService(work)
        self.variants = VariantService(work)
        self.related = RelatedService(work)
        self.translations = TranslationService(work)
        self.downloads = DownloadService(work)
        self.catalog = CatalogService(
            work, self.inventory, collections=self.collections, channels=self.channels, fronts=fronts
        )
        self.search = SearchService(work, self.catalog, config.synonyms, log=searches, backend=config.search)
        words = Words(config.conditions, config.actions)
        self.promotions = PromotionService(work, words=words, rounding=config.rounding)
        self.pricing = PricingService(work, self.promotions, resolver=config.prices)
        self.customers = CustomerService(work)
        self.tax = TaxService(work, calculator=config.tax, settings=config.taxes, rounding=config.rounding)
        self.shipping = ShippingService(work, rater=config.shipping)
        self.carts = CartService(
            work,
            self.promotions,
            self.pricing,
            reservations=self.reservations,
            idle=config.times.cart,
            policies=config.merge_policies,
            holding=config.reservations,
            customers=self.customers,
        )
        self.payments = PaymentService(work, providers, config.webhook_secret, self.customers)
        self.gift_cards = GiftCardService(work)
        self.store_credit = StoreCreditService(work, self.customers)
        self.orders = OrderService(
            work,
            inventory=self.inventory,
            payments=self.payments,
            customers=self.customers,
            promotions=self.promotions,
            numbers=config.numbers or RandomNumbers(config.ids),
            tax=self.tax,
            pricing=self.pricing,
        )
        self.checkout = CheckoutService(
            work,
            carts=self.carts,
            orders=self.orders,
            payments=self.payments,
            promotions=self.promotions,
            reservations=self.reservations,
            shipping=self.shipping,
            tax=self.tax,
            times=config.times,
            holding=config.reservations or ReserveAtQuote(config.times.reservation),
        )
        self.reviews = ReviewService(work, self.customers, config.reviews)
        self.wishlists = WishlistService(work, self.customers, self.carts)
        self.admin = AdminService(work, self.orders)
        self.customers.keeper = People(work, self.reviews)
        self.events = EventService(work, config.relay)
        self.webhooks = WebhookService(work, config.webhooks)
        # Two rooms tell a higher one what happened without knowing it.
        self.inventory.watcher = self.catalog.stock_moved
        self.payments.on_event = self.checkout.apply
        self.payments.on_replay = self.checkout.replay
        self.inventory.claims = CLAIMS
