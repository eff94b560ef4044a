"""Reading from a django-oscar shop, for comparison: as much prefetched as Oscar can."""

from __future__ import annotations

from typing import Any

from oscar_shop import OscarShop
from sqlalchemy.engine import URL

PRODUCTS = 200
_PARTS = ("categories", "children", "attribute_values__attribute", "recommended_products")


class OscarReads:
    """A list of 20 and one product of an Oscar shop whose tables are made in `url`."""

    def __init__(self, url: URL) -> None:
        OscarShop(url, PRODUCTS)
        from oscar.core.loading import get_class, get_model

        self._products = get_model("catalogue", "Product").objects
        self._strategy = get_class("partner.strategy", "Selector")().strategy()
        self._one = self._products.order_by("-pk")[7].pk

    def listing(self) -> list[tuple[Any, ...]]:
        """Twenty cards, newest first, not counted."""
        found = self._products.browsable().base_queryset().prefetch_related("categories").order_by("-pk")[:20]
        return [self._card(product) for product in found]

    def detail(self) -> tuple[Any, ...]:
        """A product's page: price, stock, images, attributes, categories, what is recommended beside it."""
        product = self._products.browsable().base_queryset().prefetch_related(*_PARTS).get(pk=self._one)
        attributes = {value.attribute.name: value.value for value in product.attribute_values.all()}
        images = [image.original.url for image in product.images.all()]
        return self._card(product), product.description, attributes, images, list(product.recommended_products.all())

    def _card(self, product: Any) -> tuple[Any, ...]:
        bought = self._strategy.fetch_for_product(product)
        category = next(iter(product.categories.all()), None)
        return (
            product.pk,
            product.slug,
            product.upc,
            product.get_title(),
            bought.price.incl_tax if bought.price.is_tax_known else bought.price.excl_tax,
            category and (category.pk, category.slug, category.name),
            product.primary_image(),
            bought.availability.is_available_to_buy,
            product.rating,
        )
