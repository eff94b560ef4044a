"""Looking up what a caller names: a product by row number or slug, a category by slug, a variant by SKU."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import ColumnElement, bindparam, select, update
from sqlalchemy.orm import Session

from mestres_core.catalog import cards
from mestres_core.catalog.assortment import collection
from mestres_core.catalog.models import category, product, variant
from mestres_core.errors import NotFound
from mestres_core.events.facts import CatalogChanged, ProductChanged
from mestres_core.events.work import Work
from mestres_core.rules.checks import BIGGEST_ID, storable

_COLUMNS = (product.c.id, product.c.slug, product.c.name, product.c.category_id)
_BY_ID = select(*_COLUMNS).where(product.c.id == bindparam("id"))
_BY_SLUG = select(*_COLUMNS).where(product.c.slug == bindparam("slug"))
_CATEGORY = select(category).where(category.c.slug == bindparam("slug"))
_VARIANT = select(variant).where(variant.c.sku == bindparam("sku"))
_RULES = select(collection.c.id, collection.c.rules).order_by(collection.c.id).with_for_update()


def find_product(session: Session, id_or_slug: Any) -> Any:
    """Its row, active or not. Raises NotFound."""
    row = None
    if type(id_or_slug) is int and 0 < id_or_slug <= BIGGEST_ID:
        row = session.execute(_BY_ID, {"id": id_or_slug}).first()
    elif isinstance(id_or_slug, str) and storable(id_or_slug):
        row = session.execute(_BY_SLUG, {"slug": id_or_slug}).first()
    if row is None:
        raise NotFound("product", id_or_slug)
    return row


def find_category(session: Session, slug: Any) -> Any:
    """Its row. Raises NotFound."""
    row = None
    if isinstance(slug, str) and storable(slug):
        row = session.execute(_CATEGORY, {"slug": slug}).first()
    if row is None:
        raise NotFound("category", slug)
    return row


def find_variant(session: Session, sku: Any) -> Any:
    """Its row, active or not. Raises NotFound."""
    row = None
    if isinstance(sku, str) and storable(sku):
        row = session.execute(_VARIANT, {"sku": sku.strip()}).first()
    if row is None:
        raise NotFound("sku", sku)
    return row


def announce_products(work: Work, condition: ColumnElement[bool]) -> None:
    """Say of every product that meets the condition that it was changed: what its page shows was."""
    query = select(product.c.id, product.c.category_id).where(condition).order_by(product.c.id)
    work.outbox.announce(*(ProductChanged(*row) for row in work.session.execute(query)))


def rename_in_rules(work: Work, renamed: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Have the rules of collections follow a category or an attribute to its other name: `renamed` says a rule anew."""
    for row in work.session.execute(_RULES).all():
        rules = [renamed(rule) for rule in row.rules]
        if rules != row.rules:
            work.session.execute(update(collection).where(collection.c.id == row.id).values(rules=rules))
            work.outbox.announce(CatalogChanged("collection", row.id))


def is_named_in_rules(work: Work, names: Callable[[dict[str, Any]], bool]) -> bool:
    """Whether any collection has a rule that `names` is true of."""
    return any(names(rule) for row in work.session.execute(_RULES) for rule in row.rules)


class Changing:
    """Products that a service is about to change: locked first, shown right and announced afterwards."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._session = work.session

    def lock(self, id_or_slug: Any) -> Any:
        """The product's row, under the lock that every change of its cards takes. Raises NotFound."""
        row = find_product(self._session, id_or_slug)
        cards.lock(self._session, [row.id])
        return row

    def lock_all(self, ids_or_slugs: Iterable[Any]) -> list[Any]:
        """The same for several, in the order in which they were named."""
        rows = [find_product(self._session, each) for each in ids_or_slugs]
        cards.lock(self._session, {row.id for row in rows})
        return rows

    def changed(self, *rows: Any, shown: bool = False) -> None:
        """Announce them; with `shown`, what their cards show was changed, too."""
        if shown:
            cards.refresh(self._session, self._work.dialect, [row.id for row in rows])
        self._work.outbox.announce(*(ProductChanged(row.id, row.category_id) for row in rows))
