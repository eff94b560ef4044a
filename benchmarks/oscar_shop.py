"""A django-oscar shop on PostgreSQL, for comparison: baskets are filled and become orders as in its own views."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

from sqlalchemy.engine import URL


class OscarShop:
    """Oscar with its defaults: no offers, no taxes, free shipping, an anonymous buyer. Its tables are made in `url`."""

    def __init__(self, url: URL, products: int) -> None:
        _set_up(url)
        from django.core.management import call_command
        from django.db import connection

        call_command("migrate", verbosity=0, interactive=False)
        # Each basket is its own visitor's: nothing of one request is left for the next.
        from oscar.core.loading import get_class, get_model

        self._models = {name: get_model(*name.split(".")) for name in ("basket.Basket", "catalogue.Product")}
        self._strategy = get_class("partner.strategy", "Selector")()
        self._applicator = get_class("offer.applicator", "Applicator")
        self._creator = get_class("order.utils", "OrderCreator")
        self._numbers = get_class("order.utils", "OrderNumberGenerator")
        self._totals = get_class("checkout.calculators", "OrderTotalCalculator")
        self._free = get_class("shipping.methods", "Free")
        self._connection = connection
        self._ids = self._fill(products)
        self._next = itertools.cycle(self._ids)

    def _fill(self, products: int) -> list[int]:
        from oscar.core.loading import get_model

        kind = get_model("catalogue", "ProductClass").objects.create(name="Coffee")
        partner = get_model("partner", "Partner").objects.create(name="Mestres")
        model = self._models["catalogue.Product"]
        ids = []
        for number in range(products):
            product = model.objects.create(title=f"Café {number}", product_class=kind, upc=f"CAFE-{number}")
            product.stockrecords.create(
                partner=partner, partner_sku=f"CAFE-{number}", price=Decimal("45.90"), num_in_stock=1_000_000
            )
            ids.append(product.pk)
        return ids

    def basket(self, lines: int) -> int:
        """A basket with so many lines; its number."""
        basket = self._models["basket.Basket"].objects.create()
        basket.strategy = self._strategy.strategy()
        for _ in range(lines):
            basket.add_product(self._models["catalogue.Product"].objects.get(pk=next(self._next)))
        return int(basket.pk)

    def add(self, number: int) -> None:
        """One more product in a basket, as the view does it: load, add, apply offers, one commit."""
        from django.db import transaction

        with transaction.atomic():
            basket = self._load(number)
            product = self._models["catalogue.Product"].objects.get(pk=next(self._next))
            basket.add_product(product)
            self._applicator().apply(basket)
            basket.total_incl_tax  # noqa: B018 - the answer shows it

    def quote(self, number: int) -> int:
        """Oscar has none: its preview promises nothing."""
        return number

    def place(self, number: int) -> None:
        """The basket becomes an order, as the checkout's last view does it."""
        from django.contrib.auth.models import AnonymousUser
        from django.db import transaction

        with transaction.atomic():
            basket = self._load(number)
            self._applicator().apply(basket)
            method = self._free()
            charge = method.calculate(basket)
            total = self._totals().calculate(basket, charge)
            order: Any = self._creator().place_order(
                basket=basket,
                total=total,
                shipping_method=method,
                shipping_charge=charge,
                user=AnonymousUser(),
                guest_email="buyer@example.com",
                order_number=self._numbers().order_number(basket),
                status="Pending",
            )
            basket.submit()
        if order.lines.count() == 0:
            raise RuntimeError("Oscar placed an order without lines")

    def queries(self, call: Any, *arguments: Any) -> int:
        """How many statements a call sends."""
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(self._connection) as captured:
            call(*arguments)
        return len(captured)

    def _load(self, number: int) -> Any:
        basket = self._models["basket.Basket"].objects.get(pk=number)
        basket.strategy = self._strategy.strategy()
        return basket


def _set_up(url: URL) -> None:
    import django
    from django.conf import settings
    from oscar import defaults

    oscar = {name: value for name, value in vars(defaults).items() if name.startswith("OSCAR_")}
    settings.configure(
        SECRET_KEY="only for this measurement",
        INSTALLED_APPS=[*_APPLICATIONS],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": url.database,
                "USER": url.username,
                "HOST": url.query["host"],
                "CONN_MAX_AGE": None,
            }
        },
        MIDDLEWARE=[],
        ROOT_URLCONF="oscar",
        SITE_ID=1,
        USE_TZ=True,
        TIME_ZONE="UTC",
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        HAYSTACK_CONNECTIONS={"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}},
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        **{**oscar, "OSCAR_INITIAL_ORDER_STATUS": "Pending", "OSCAR_ALLOW_ANON_CHECKOUT": True},
    )
    django.setup()


_APPLICATIONS = (
    *("django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.sites"),
    *("django.contrib.messages", "django.contrib.flatpages"),
    *(f"oscar.{part}" for part in ("config.Shop", "apps.analytics.apps.AnalyticsConfig")),
    *("oscar.apps.checkout.apps.CheckoutConfig", "oscar.apps.address.apps.AddressConfig"),
    *("oscar.apps.shipping.apps.ShippingConfig", "oscar.apps.catalogue.apps.CatalogueConfig"),
    *("oscar.apps.catalogue.reviews.apps.CatalogueReviewsConfig", "oscar.apps.communication.apps.CommunicationConfig"),
    *("oscar.apps.partner.apps.PartnerConfig", "oscar.apps.basket.apps.BasketConfig"),
    *("oscar.apps.payment.apps.PaymentConfig", "oscar.apps.offer.apps.OfferConfig"),
    *("oscar.apps.order.apps.OrderConfig", "oscar.apps.customer.apps.CustomerConfig"),
    *("oscar.apps.search.apps.SearchConfig", "oscar.apps.voucher.apps.VoucherConfig"),
    *("oscar.apps.wishlists.apps.WishlistsConfig", "oscar.apps.dashboard.apps.DashboardConfig"),
    *(
        "oscar.apps.dashboard.reports.apps.ReportsDashboardConfig",
        "oscar.apps.dashboard.users.apps.UsersDashboardConfig",
    ),
    *(
        "oscar.apps.dashboard.orders.apps.OrdersDashboardConfig",
        "oscar.apps.dashboard.catalogue.apps.CatalogueDashboardConfig",
    ),
    *(
        "oscar.apps.dashboard.offers.apps.OffersDashboardConfig",
        "oscar.apps.dashboard.partners.apps.PartnersDashboardConfig",
    ),
    *("oscar.apps.dashboard.pages.apps.PagesDashboardConfig", "oscar.apps.dashboard.ranges.apps.RangesDashboardConfig"),
    *(
        "oscar.apps.dashboard.reviews.apps.ReviewsDashboardConfig",
        "oscar.apps.dashboard.vouchers.apps.VouchersDashboardConfig",
    ),
    *(
        "oscar.apps.dashboard.communications.apps.CommunicationsDashboardConfig",
        "oscar.apps.dashboard.shipping.apps.ShippingDashboardConfig",
    ),
    *("widget_tweaks", "haystack", "treebeard", "django_tables2"),
)
