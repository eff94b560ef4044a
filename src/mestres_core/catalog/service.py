"""Products, as a shop shows and keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Select, select

from mestres_core.catalog import cards, queries
from mestres_core.catalog.attributes import check_filters
from mestres_core.catalog.channels import ChannelService, FrontPrices
from mestres_core.catalog.collections import CollectionService
from mestres_core.catalog.drafts import make_draft, settled
from mestres_core.catalog.dto import (
    Category,
    Image,
    Page,
    Product,
    ProductCard,
    ProductDraft,
    SaveReport,
    Variant,
    VariantDraft,
)
from mestres_core.catalog.models import card, product
from mestres_core.catalog.saving import Saver
from mestres_core.catalog.translations import DEFAULT_LOCALE, cards_in, categories_in, check_locale, product_in
from mestres_core.db.keyset import Keyset
from mestres_core.db.reading import rows_of
from mestres_core.errors import NotFound
from mestres_core.events.facts import StockChanged
from mestres_core.events.work import Work
from mestres_core.inventory.service import InventoryService
from mestres_core.rules.checks import BIGGEST_AMOUNT, BIGGEST_ID, Checks, storable
from mestres_core.rules.money import Money

MOST_PER_PAGE = 100
LAST_PAGE = 100_000
cursor_values = queries.cursor_values


class CatalogService:
    """Lists, details and the saving of products, in one unit of work."""

    def __init__(
        self,
        work: Work,
        inventory: InventoryService,
        *,
        collections: CollectionService | None = None,
        channels: ChannelService | None = None,
        fronts: FrontPrices | None = None,
    ) -> None:
        self._work = work
        self._session = work.session
        self._inventory = inventory
        self._collections = collections or CollectionService(work)
        self._channels = channels or ChannelService(work)
        self._fronts = fronts

    def list(
        self,
        *,
        category: str | None = None,
        page: int = 1,
        per_page: int = 20,
        cursor: str | None = None,
        sort: str | None = None,
        min_price: int | None = None,
        max_price: int | None = None,
        in_stock: bool | None = None,
        attributes: Mapping[str, Any] | None = None,
        currency: str | None = None,
        count: bool = True,
        collection: str | None = None,
        channel: str | None = None,
        locale: str | None = None,
    ) -> Page[ProductCard]:
        """One page of the active products.

        `category` is a slug and includes what is below it; prices are in minor units. `sort` is newest, price, -price,
        name or chosen (what was put into a collection by hand, in that order, then what its rules bring, newest first);
        None is chosen in a collection, newest elsewhere. `cursor` (from `next_cursor`) continues a list and goes before
        `page`; `count=False` leaves `total` None and saves a statement.

        `attributes` has a value for each name, a list of which one must be there, or {"min": ..., "max": ...} of a
        number or date. `collection` is a slug, `channel` the front that it is listed for: at its prices, in its
        currency and language unless `currency` (else BRL) and `locale` (else pt-BR) say others; what narrows and sorts
        are the plain prices. Raises NotFound for an unknown category, collection or channel, ValidationError.
        """
        checks = Checks()
        locale = locale if locale is None else check_locale(checks, "locale", locale)
        front, more = self._channels.shows(channel)
        currency = currency if currency is not None else front.currency if front else "BRL"
        check_paging(checks, page=page, per_page=per_page)
        inside, by_hand = (None, None) if collection is None else self._collections.listing(collection)
        order = _order(checks, sort, by_hand, in_collection=inside is not None)
        after = order.read(checks, cursor)
        filters = self.filters(
            checks,
            category=category,
            min_price=min_price,
            max_price=max_price,
            in_stock=in_stock,
            attributes=attributes,
            currency=currency,
        )
        language = locale or (front.locale if front else DEFAULT_LOCALE)
        more = [*more, *filters.more, *([] if inside is None else [inside])]
        if more or channel is not None:
            conditions = replace(filters, more=more).conditions()
            total = self._session.execute(queries.count_of(conditions)).scalar_one() if count else None
            skipped = (page - 1) * per_page if after is None else 0
            query = self._at_front(queries.listing_of(conditions, order, per_page + 1, after, skipped), channel)
            rows = self._session.execute(query).all()
            return self._page(rows, page, per_page, total=total, order=order, locale=language, channel=channel)
        shape, values = filters.shape, filters.values()
        total = self._session.execute(queries.count(shape), values).scalar_one() if count else None
        skipped = (page - 1) * per_page if after is None else 0
        query = queries.listing(shape, order.name, per_page + 1, after=after is not None, skip=skipped > 0)
        values |= order.place(after or ()) | ({"skip": skipped} if skipped else {})
        rows = rows_of(self._session, query, values)
        return self._page(rows, page, per_page, total=total, order=order, locale=language)

    def _page(
        self,
        rows: Sequence[Any],
        page: int,
        per_page: int,
        *,
        total: int | None,
        order: Keyset,
        locale: str,
        channel: str | None = None,
    ) -> Page[ProductCard]:
        following = order.following(rows, per_page, lambda row: queries.cursor_values(row, order.name))
        found = [queries.to_card(row) for row in rows[:per_page]]
        if channel is not None:
            found = [_priced(each, self._asked(row, channel)) for each, row in zip(found, rows, strict=False)]
        shown = cards_in(self._session, locale, found)
        return Page(shown, page, per_page, total, following)

    def _at_front(self, query: Select[Any], channel: str | None) -> Select[Any]:
        """A statement over cards with the prices of a channel, which come along with it."""
        return query if channel is None or self._fronts is None else query.add_columns(self._fronts.COLUMN)

    def _asked(self, row: Any, channel: str | None) -> Mapping[int, int]:
        """What a row of such a statement says of each variant's price."""
        if channel is None or self._fronts is None:
            return {}
        now = self._work.clock.now()
        return self._fronts.asked(row.front_prices, channel=channel, currency=row.currency, at=now)

    def filters(
        self,
        checks: Checks,
        *,
        category: str | None,
        min_price: int | None,
        max_price: int | None,
        in_stock: bool | None,
        attributes: Mapping[str, Any] | None,
        currency: str,
    ) -> queries.Filters:
        """Check what a list is narrowed to and look its category up. Raises ValidationError, NotFound."""
        for name, value in (("min_price", min_price), ("max_price", max_price)):
            if value is not None:
                checks.whole(name, value, at_least=0, at_most=BIGGEST_AMOUNT)
        if attributes is not None and not isinstance(attributes, Mapping):
            checks.wrong("attributes", "not_mapping")
            attributes = None
        wanted = self._attributes(checks, attributes or {})
        if in_stock is not None and not isinstance(in_stock, bool):
            checks.wrong("in_stock", "not_boolean")
        checks.text("currency", currency, limit=3)
        checks.done()
        subtree = None if category is None else self._subtree(category)
        return queries.Filters(
            currency=currency,
            categories=subtree,
            min_price=min_price,
            max_price=max_price,
            in_stock=in_stock,
            attributes={name: value for name, value in wanted.items() if isinstance(value, str)},
            more=[queries.has(name, value) for name, value in wanted.items() if not isinstance(value, str)],
        )

    def get(
        self,
        id_or_slug: int | str,
        *,
        currency: str | None = None,
        channel: str | None = None,
        locale: str | None = None,
    ) -> Product:
        """A product with its variants, attributes and images, by row number or slug.

        `channel` is the front that it is shown in: at its prices, in its currency and language unless `currency` (else
        BRL) and `locale` (else pt-BR) say others. Raises NotFound, also when it is not published there, or
        ValidationError.
        """
        checks = Checks()
        locale = locale if locale is None else check_locale(checks, "locale", locale)
        if currency is not None:
            checks.text("currency", currency, limit=3)
        checks.done()
        front, more = self._channels.shows(channel)
        currency = currency if currency is not None else front.currency if front else "BRL"
        row = self._find(id_or_slug, currency)
        shown = None if row is None else self._shown(row, more, channel)
        if shown is None:
            raise NotFound("product", id_or_slug)
        asked = self._asked(shown, channel)
        variants = tuple(
            Variant(row_id, sku, name, Money(asked.get(row_id, amount), currency), available)
            for _, row_id, sku, name, amount, available in sorted(row.variants_rows or ())
        )
        attributes = {name: value for _, name, value in sorted(row.attribute_rows or ())}
        images = tuple(Image(url, alt) for _, _, url, alt in sorted(row.image_rows or ()))
        found = Product(_priced(queries.to_card(row), asked), row.description, attributes, variants, images)
        return product_in(self._session, locale or (front.locale if front else DEFAULT_LOCALE), found)

    def _attributes(self, checks: Checks, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Texts are compared as they are stored; for whatever else the definitions are asked, in a statement more."""
        if not all(isinstance(value, str) for value in given.values()):
            return check_filters(checks, self._work, given)
        for name, value in given.items():
            checks.text("attributes", name, limit=60)
            checks.text(f"attributes.{str(name)[:60]}", value, limit=400)
        return given

    def _shown(self, row: Any, conditions: Iterable[Any], channel: str | None) -> Any:
        """The card at a channel's prices; None when it does not meet the conditions. Nothing is asked without one."""
        if channel is None:
            return row
        mine = (card.c.product_id == row.id, card.c.currency == row.currency, *conditions)
        query = select(card.c.product_id, card.c.currency).select_from(queries.CARD_SOURCE).where(*mine)
        return self._session.execute(self._at_front(query, channel)).first()

    def categories(self, *, locale: str = DEFAULT_LOCALE) -> tuple[Category, ...]:
        """The whole tree, roots first, in a language. Raises ValidationError."""
        checks = Checks()
        check_locale(checks, "locale", locale)
        checks.done()
        return categories_in(self._session, locale, self._tree())

    def _tree(self) -> tuple[Category, ...]:
        children: dict[int | None, list[Any]] = {}
        for row in self._session.execute(queries.TREE):
            children.setdefault(row.parent_id, []).append(row)

        def grow(parent: int | None) -> tuple[Category, ...]:
            return tuple(Category(row.id, row.slug, row.name, grow(row.id)) for row in children.get(parent, ()))

        return grow(None)

    def featured(self, *, limit: int = 12, currency: str = "BRL") -> tuple[ProductCard, ...]:
        """The products that the shop puts forward, newest first. Raises ValidationError."""
        checks = Checks()
        checks.text("currency", currency, limit=3)
        checks.whole("limit", limit, at_least=1, at_most=MOST_PER_PAGE)
        checks.done()
        conditions = [*queries.Filters(currency=currency).conditions(), product.c.featured]
        query = queries.ordered(queries.cards(conditions), queries.SORTS["newest"], None).limit(limit)
        return tuple(queries.to_card(row) for row in self._session.execute(query))

    def save(
        self,
        *,
        name: str,
        variants: Iterable[VariantDraft | Mapping[str, Any]],
        category: str | Sequence[str] | None = None,
        key: str | None = None,
        slug: str = "",
        description: str = "",
        attributes: Mapping[str, Any] | None = None,
        images: Sequence[str] = (),
        featured: bool = False,
        active: bool = True,
        currency: str = "BRL",
    ) -> Product | None:
        """Create a product, or change the one saved before with the same `key` (default: the slug of its name).

        `variants` are VariantDrafts or mappings of its fields (sku, price, weight_grams, stock...); `stock` is what
        a new variant starts with and leaves a known one alone (use `inventory.set` or `receive`). `category` is a name
        or a path of names. Returns the product, None when it was saved as not active. Raises ValidationError.
        """
        draft = make_draft(
            name=name,
            variants=variants,
            category=category,
            key=key,
            slug=slug,
            description=description,
            attributes=attributes,
            images=images,
            featured=featured,
            active=active,
            currency=currency,
        )
        self.save_many([draft])
        row_id = self._session.execute(select(product.c.id).where(product.c.key == draft.key.strip())).scalar_one()
        return self.get(row_id, currency=currency) if active else None

    def save_many(self, drafts: Iterable[ProductDraft]) -> SaveReport:
        """Save many products at once, all or none. Raises ValidationError naming every wrong field of every draft."""
        return Saver(self._work, self._inventory).save(settled(drafts))

    def stock_moved(self, changed: Iterable[int], flipped: Iterable[int]) -> None:
        """Put the cards right after a movement of stock, and announce the products concerned."""
        edge, ids = set(flipped), sorted(changed)
        known = self._work.products
        if not edge and all(variant_id in known for variant_id in ids):
            self._work.outbox.announce(*(StockChanged(p, False) for p in sorted({known[v] for v in ids})))
            return
        products, turned = cards.restock(self._session, ids, edge)
        self._work.outbox.announce(*(StockChanged(p, p in turned) for p in sorted(set(products.values()))))

    def _find(self, id_or_slug: int | str, currency: str) -> Any:
        if type(id_or_slug) is int:
            if not 0 < id_or_slug <= BIGGEST_ID:
                return None
            return self._session.execute(queries.BY_ID, {"id": id_or_slug, "currency": currency}).first()
        if not isinstance(id_or_slug, str) or not storable(id_or_slug):
            return None
        return self._session.execute(queries.BY_SLUG, {"slug": id_or_slug, "currency": currency}).first()

    def _subtree(self, slug: str) -> Sequence[int]:
        rows = self._session.execute(queries.TREE).all()
        inside = {row.id for row in rows if row.slug == slug}
        if not inside:
            raise NotFound("category", slug)
        grown = True
        while grown:
            more = {row.id for row in rows if row.parent_id in inside} - inside
            grown = bool(more)
            inside |= more
        return sorted(inside)


def _order(checks: Checks, sort: str | None, by_hand: Keyset | None, *, in_collection: bool) -> Keyset:
    newest = queries.SORTS["newest"]
    if sort is None or (in_collection and sort == queries.CHOSEN):
        return by_hand or newest
    return queries.SORTS[checks.choice("sort", sort, queries.SORTS)]


def _priced(shown: ProductCard, asked: Mapping[int, int]) -> ProductCard:
    if not asked:
        return shown
    lowest, highest = (Money(choose(asked.values()), shown.price.currency) for choose in (min, max))
    return replace(shown, price=lowest, max_price=highest)


def check_paging(checks: Checks, *, page: int, per_page: int) -> None:
    """Bounds that keep a list from being used to read the whole shop at once."""
    checks.whole("page", page, at_least=1, at_most=LAST_PAGE)
    checks.whole("per_page", per_page, at_least=1, at_most=MOST_PER_PAGE)
