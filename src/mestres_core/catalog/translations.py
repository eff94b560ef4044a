"""The catalogue in other languages. What is said in the shop's own one stands in the rows themselves.

A text is looked for in the language asked for ("en-GB"), then in the plain one ("en"), then in the shop's own (pt-BR).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import and_, bindparam, delete, or_, select
from sqlalchemy.orm import Session

from mestres_core.catalog.assortment import collection, definition, translation
from mestres_core.catalog.dto import Category, CategoryRef, Product, ProductCard
from mestres_core.catalog.finding import find_category, find_product, find_variant
from mestres_core.db.dialects.sql import insert as upsert
from mestres_core.errors import NotFound
from mestres_core.events.facts import CatalogChanged, ProductChanged
from mestres_core.events.work import Work
from mestres_core.rules.checks import Checks, storable

DEFAULT_LOCALE = "pt-BR"
_OWN = (DEFAULT_LOCALE, DEFAULT_LOCALE.partition("-")[0])
FIELDS: Mapping[str, Mapping[str, int]] = {
    "product": {"name": 200, "description": 20_000},
    "variant": {"name": 120},
    "category": {"name": 120},
    "collection": {"name": 120, "description": 20_000},
    "attribute": {"name": 60, "unit": 20},
}
_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_OF = select(translation.c.locale, translation.c.field, translation.c.text).where(
    translation.c.kind == bindparam("kind"), translation.c.entity_id == bindparam("id")
)


def check_locale(checks: Checks, field: str, locale: Any) -> str:
    """A language tag such as "en" or "pt-PT"."""
    if not isinstance(locale, str) or len(locale) > 20 or not _LOCALE.fullmatch(locale):  # noqa: PLR2004 - the column
        checks.wrong(field, "invalid", reason="must be a language such as en or pt-PT")
        return DEFAULT_LOCALE
    return locale


def chain(locale: str) -> tuple[str, ...]:
    """The languages to look in before the shop's own: en-GB, en."""
    if locale in _OWN:
        return ()
    plain = locale.partition("-")[0]
    return (locale,) if plain in (locale, *_OWN) else (locale, plain)


def forget(session: Session, kind: str, row_id: int) -> None:
    """Take away what is said of a row that goes: on SQLite the next one may get its number."""
    session.execute(delete(translation).where(translation.c.kind == kind, translation.c.entity_id == row_id))


class TranslationService:
    """Texts in other languages in one unit of work. `catalog.get` and `catalog.list` take `locale`."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._session = work.session

    def save(self, kind: str, of: int | str, locale: str, **texts: str | None) -> Mapping[str, str]:
        """Say something of the catalogue in another language.

        `kind` is product (`of`: its row number or slug), variant (SKU), category, collection (slug), attribute (code);
        `texts` are its fields: name and description; unit of an attribute. None or "" takes one away. Those not named
        stay. Returns what there is in this language. Raises NotFound, ValidationError, also for the shop's own
        language: that is changed where it stands.
        """
        checks = Checks()
        checks.choice("kind", kind, tuple(FIELDS))
        check_locale(checks, "locale", locale)
        if locale in _OWN:
            checks.wrong("locale", "invalid", reason=f"{locale} is the shop's own: change the text itself")
        fields = FIELDS.get(kind, {}) if isinstance(kind, str) else {}
        checks.mapping("texts", texts, tuple(fields))
        rows = {
            field: checks.text(field, text, limit=fields.get(field, 200), required=False)
            for field, text in texts.items()
        }
        if not texts:
            checks.wrong("texts", "required")
        checks.done()
        row_id, fact = self._find(kind, of)
        here = {"kind": kind, "entity_id": row_id, "locale": locale}
        gone = [field for field, text in rows.items() if not text]
        mine = and_(*(translation.c[name] == value for name, value in here.items()))
        self._session.execute(delete(translation).where(mine, translation.c.field.in_(gone)))
        kept = [here | {"field": field, "text": text} for field, text in rows.items() if text]
        if kept:
            query = upsert(self._work.dialect, translation)
            key = ["kind", "entity_id", "locale", "field"]
            query = query.on_conflict_do_update(index_elements=key, set_={"text": query.excluded.text})
            self._session.execute(query, kept)
        self._work.outbox.announce(fact)
        return self.of(kind, row_id if kind == "product" else of).get(locale, {})

    def of(self, kind: str, of: int | str) -> Mapping[str, Mapping[str, str]]:
        """Everything that there is in other languages: {locale: {field: text}}. Raises NotFound, ValidationError."""
        checks = Checks()
        checks.choice("kind", kind, tuple(FIELDS))
        checks.done()
        row_id, _ = self._find(kind, of)
        found: dict[str, dict[str, str]] = {}
        for locale, field, text in self._session.execute(_OF, {"kind": kind, "id": row_id}):
            found.setdefault(locale, {})[field] = text
        return found

    def _find(self, kind: str, of: Any) -> tuple[int, Any]:
        if kind in ("product", "variant"):
            row = find_product(self._session, of) if kind == "product" else find_variant(self._session, of)
            product = row if kind == "product" else find_product(self._session, row.product_id)
            return row.id, ProductChanged(product.id, product.category_id)
        if kind == "category":
            row_id = find_category(self._session, of).id
        else:
            table, key = (collection, collection.c.slug) if kind == "collection" else (definition, definition.c.code)
            known = isinstance(of, str) and storable(of)
            found = self._session.execute(select(table.c.id).where(key == of)).scalar() if known else None
            if found is None:
                raise NotFound(kind, of)
            row_id = int(found)
        return row_id, CatalogChanged(kind, row_id)


class Texts:
    """The texts of some rows in a language, read in one statement."""

    def __init__(self, session: Session, locale: str, ids: Mapping[str, Iterable[int]]) -> None:
        self._found: dict[tuple[str, int, str], str] = {}
        languages = chain(locale)
        wanted = [
            and_(translation.c.kind == kind, translation.c.entity_id.in_(sorted(some)))
            for kind, many in ids.items()
            if (some := set(many))
        ]
        if not languages or not wanted:
            return
        query = select(translation).where(translation.c.locale.in_(languages), or_(*wanted))
        for row in sorted(session.execute(query), key=lambda row: -languages.index(row.locale)):
            self._found[row.kind, row.entity_id, row.field] = row.text

    def text(self, kind: str, row_id: int, field: str, otherwise: str) -> str:
        """In this language, or as it stands."""
        return self._found.get((kind, row_id, field), otherwise)

    def card(self, card: ProductCard) -> ProductCard:
        """A card in this language."""
        of = card.category
        if of is not None:
            of = CategoryRef(of.id, of.slug, self.text("category", of.id, "name", of.name))
        return replace(card, name=self.text("product", card.id, "name", card.name), category=of)

    def category(self, node: Category) -> Category:
        """A node and all below it in this language."""
        name = self.text("category", node.id, "name", node.name)
        return Category(node.id, node.slug, name, tuple(map(self.category, node.children)))


def cards_in(session: Session, locale: str, cards: Iterable[ProductCard]) -> tuple[ProductCard, ...]:
    """Cards in a language; in the shop's own no statement is sent."""
    found = tuple(cards)
    if not chain(locale):
        return found
    categories = [card.category.id for card in found if card.category]
    texts = Texts(session, locale, {"product": [card.id for card in found], "category": categories})
    return tuple(map(texts.card, found))


def product_in(session: Session, locale: str, product: Product) -> Product:
    """A product in a language."""
    if not chain(locale):
        return product
    of = product.card.category
    ids = {"product": [product.id], "category": [of.id] if of else [], "variant": [v.id for v in product.variants]}
    texts = Texts(session, locale, ids)
    return replace(
        product,
        card=texts.card(product.card),
        description=texts.text("product", product.id, "description", product.description),
        variants=tuple(replace(v, name=texts.text("variant", v.id, "name", v.name)) for v in product.variants),
    )


def categories_in(session: Session, locale: str, tree: tuple[Category, ...]) -> tuple[Category, ...]:
    """A tree in a language."""
    if not chain(locale):
        return tree
    ids: list[int] = []

    def collect(node: Category) -> None:
        ids.append(node.id)
        for child in node.children:
            collect(child)

    for root in tree:
        collect(root)
    texts = Texts(session, locale, {"category": ids})
    return tuple(map(texts.category, tree))
