"""Saving products as sets: a fixed number of statements for any number of drafts.

Invariant: the cards of a product (what lists show) are rewritten in the transaction that changes the product.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import and_, delete, insert, select, update

from mestres_core.catalog import cards
from mestres_core.catalog.attributes import SAVES, row_of, typed
from mestres_core.catalog.drafts import check_drafts, content_hash, tidy
from mestres_core.catalog.dto import ProductDraft, SaveReport
from mestres_core.catalog.models import attribute, category, image, price, product, variant
from mestres_core.catalog.price_history import record
from mestres_core.catalog.texts import Texts
from mestres_core.catalog.vocabulary import learn, learn_stems
from mestres_core.db.bulk import InsertMany, UpdateMany
from mestres_core.db.dialects.sql import as_dict, one_at_a_time
from mestres_core.events.facts import ProductChanged
from mestres_core.events.work import Work
from mestres_core.inventory.models import level
from mestres_core.inventory.service import InventoryService
from mestres_core.rules.checks import Checks
from mestres_core.rules.text import fold, slug

_LONGEST_SLUG = 120
_SAVED = (
    *("name", "sort_name", "description", "category_id", "active", "featured"),
    *("search_title", "search_body", "search_facets", "content_hash", "updated_at"),
)
_NEW_PRODUCTS = InsertMany(product, "key", "slug", "created_at", *_SAVED, returning=(product.c.key, product.c.id))
_CHANGED_PRODUCTS = UpdateMany(product, key=("id",), change=_SAVED)
_NEW_ATTRIBUTES = InsertMany(
    attribute, *("product_id", "name", "value", "name_folded", "value_folded", "position", "number")
)
_NEW_IMAGES = InsertMany(image, "product_id", "url", "alt", "position")
_VARIANTS = InsertMany(
    variant,
    *("product_id", "sku", "name", "position", "weight_grams", "active", "tax_class", "digital"),
    *("length_mm", "width_mm", "height_mm"),
    key=("sku",),
    fixed=("product_id",),  # part of a unique index: to set it would wait for every order under way
    returning=(variant.c.sku, variant.c.id),
)
_PRICES = InsertMany(price, "variant_id", "currency", "amount", key=("variant_id", "currency"))


class Saver:
    """One bulk save."""

    def __init__(self, work: Work, inventory: InventoryService) -> None:
        self._work = work
        self._session = work.session
        self._inventory = inventory
        self._types: Mapping[str, str] = {}

    def save(self, drafts: Sequence[ProductDraft]) -> SaveReport:
        """Create or change every draft's product; those saved before with the same content are left alone."""
        one_at_a_time(self._session, self._work.dialect, SAVES)
        drafts, self._types = typed(self._work, drafts)
        check_drafts(drafts)
        drafts = [tidy(draft) for draft in drafts]
        hashes = {draft.key: content_hash(draft) for draft in drafts}
        known = self._known(hashes)
        fresh = [draft for draft in drafts if draft.key not in known]
        changed = [draft for draft in drafts if draft.key in known and known[draft.key][1] != hashes[draft.key]]
        touched = fresh + changed
        if touched:
            self._refuse_taken_skus(touched, known)
            categories = self._categories(touched)
            rows = {d.key: self._product_row(d, categories, hashes[d.key]) for d in touched}
            ids = self._insert(fresh, rows) | self._update(changed, rows, known)
            learn(self._session, self._work.dialect, (_texts(draft).all() for draft in touched))
            found_by = (rows[d.key][name] for d in touched for name in ("search_title", "search_body"))
            learn_stems(self._session, self._work.dialect, found_by)
            self._write_parts(touched, ids)
            facts = (ProductChanged(ids[d.key], rows[d.key]["category_id"]) for d in touched)
            self._work.outbox.announce(*facts)
        return SaveReport(len(fresh), len(changed), len(drafts) - len(touched))

    def _known(self, keys: Mapping[str, str]) -> dict[str, tuple[int, str]]:
        columns = (product.c.key, product.c.id, product.c.content_hash)
        # In the order in which everybody locks products: see `cards`.
        query = select(*columns).where(product.c.key.in_(keys)).order_by(product.c.id).with_for_update()
        rows = self._session.execute(query)
        return {key: (row_id, content) for key, row_id, content in rows}

    def _refuse_taken_skus(self, drafts: Sequence[ProductDraft], known: Mapping[str, tuple[int, str]]) -> None:
        checks = Checks()
        skus = [v.sku for draft in drafts for v in draft.variants]
        owners = as_dict(
            self._session.execute(select(variant.c.sku, variant.c.product_id).where(variant.c.sku.in_(skus)))
        )
        for index, draft in enumerate(drafts):
            mine = known.get(draft.key, (None, ""))[0]
            for position, v in enumerate(draft.variants):
                if owners.get(v.sku, mine) != mine:
                    at = "" if len(drafts) == 1 else f"drafts[{index}]."
                    checks.wrong(f"{at}variants[{position}].sku", "duplicate", value=v.sku)
        checks.done()

    def _categories(self, drafts: Sequence[ProductDraft]) -> dict[tuple[str, ...], int]:
        """The row of every category path, made where it was missing. Paths are compared by the slugs of their names."""
        rows = self._session.execute(
            select(category.c.id, category.c.parent_id, category.c.slug, category.c.name)
        ).all()
        by_place = {(row.parent_id, slug(row.name)): row.id for row in rows}
        slugs = {row.slug for row in rows}
        found: dict[tuple[str, ...], int] = {}
        for path in dict.fromkeys(tuple(draft.category) for draft in drafts if draft.category):
            parent: int | None = None
            for depth, name in enumerate(path):
                short = slug(name)
                row_id = by_place.get((parent, short))
                if row_id is None:
                    chosen = _free_slug(path[: depth + 1], slugs)
                    row_id = self._new_category(parent, chosen, name.strip(), len(by_place))
                    by_place[parent, short] = row_id
                    slugs.add(chosen)
                parent = row_id
            if parent is not None:
                found[path] = parent
        return found

    def _new_category(self, parent: int | None, short: str, name: str, position: int) -> int:
        row = {"parent_id": parent, "slug": short, "name": name, "position": position}
        return int(self._session.execute(insert(category).returning(category.c.id), row).scalar_one())

    def _product_row(
        self, draft: ProductDraft, categories: Mapping[tuple[str, ...], int], content: str
    ) -> dict[str, Any]:
        texts = _texts(draft)
        return {
            "key": draft.key,
            "name": draft.name.strip(),
            "sort_name": fold(draft.name.strip()),
            "description": draft.description.strip(),
            "category_id": categories.get(tuple(draft.category)),
            "active": draft.active,
            "featured": draft.featured,
            "search_title": texts.title(),
            "search_body": texts.body(),
            "search_facets": texts.facets(),
            "content_hash": content,
            "updated_at": self._work.clock.now(),
        }

    def _insert(self, drafts: Sequence[ProductDraft], rows: Mapping[str, dict[str, Any]]) -> dict[str, int]:
        if not drafts:
            return {}
        slugs = self._free_slugs(drafts)
        now = self._work.clock.now()
        new = [rows[d.key] | {"slug": slugs[d.key], "created_at": now} for d in drafts]
        return as_dict(_NEW_PRODUCTS(self._session, new))

    def _free_slugs(self, drafts: Sequence[ProductDraft]) -> dict[str, str]:
        wanted = {d.key: d.slug or slug(d.name)[:180] for d in drafts}
        query = select(product.c.slug).where(product.c.slug.in_(set(wanted.values())))
        used = set(self._session.execute(query).scalars())
        for key, short in wanted.items():
            if short in used:
                wanted[key] = f"{short}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
            used.add(wanted[key])
        return wanted

    def _update(
        self, drafts: Sequence[ProductDraft], rows: Mapping[str, dict[str, Any]], known: Mapping[str, tuple[int, str]]
    ) -> dict[str, int]:
        ids = {d.key: known[d.key][0] for d in drafts}
        if drafts:
            saved = [{name: rows[d.key][name] for name in _SAVED} | {"id": ids[d.key]} for d in drafts]
            _CHANGED_PRODUCTS(self._session, saved)
            mine = attribute.c.product_id.in_(ids.values())
            self._session.execute(delete(attribute).where(mine))
            pictures = and_(image.c.product_id.in_(ids.values()), image.c.kind == "image")
            self._session.execute(delete(image).where(pictures))
            hidden = update(variant).where(variant.c.product_id.in_(ids.values())).values(active=False)
            self._session.execute(hidden)
        return ids

    def _write_parts(self, drafts: Sequence[ProductDraft], ids: Mapping[str, int]) -> None:
        self._insert_all(
            _NEW_ATTRIBUTES,
            [
                row_of(ids[d.key], name, value, self._types.get(fold(name)), position)
                for d in drafts
                for position, (name, value) in enumerate(d.attributes.items())
            ],
        )
        self._insert_all(
            _NEW_IMAGES,
            [
                {"product_id": ids[d.key], "url": url, "alt": d.name, "position": position}
                for d in drafts
                for position, url in enumerate(d.images)
            ],
        )
        variants = self._write_variants(drafts, ids)
        self._write_prices(drafts, variants)
        self._write_stock(drafts, variants)
        cards.refresh(self._session, self._work.dialect, ids.values())

    def _write_variants(self, drafts: Sequence[ProductDraft], ids: Mapping[str, int]) -> dict[str, int]:
        rows = [
            {
                "product_id": ids[d.key],
                "sku": v.sku,
                "name": v.name,
                "position": position,
                "weight_grams": v.weight_grams,
                "active": True,
                "tax_class": v.tax_class,
                "digital": v.digital,
                "length_mm": v.length_mm,
                "width_mm": v.width_mm,
                "height_mm": v.height_mm,
            }
            for d in drafts
            for position, v in enumerate(d.variants)
        ]
        return as_dict(_VARIANTS(self._session, rows))

    def _write_prices(self, drafts: Sequence[ProductDraft], variants: Mapping[str, int]) -> None:
        rows = [
            {"variant_id": variants[v.sku], "currency": d.currency, "amount": v.price}
            for d in drafts
            for v in d.variants
        ]
        _PRICES(self._session, rows)
        record(self._session, variants.values(), self._work.clock.now())

    def _write_stock(self, drafts: Sequence[ProductDraft], variants: Mapping[str, int]) -> None:
        """Open levels for new variants; the pieces of known ones are left alone."""
        kept = set(
            self._session.execute(select(level.c.variant_id).where(level.c.variant_id.in_(variants.values()))).scalars()
        )
        opened = {
            variants[v.sku]: (v.sku, v.stock or 0) for d in drafts for v in d.variants if variants[v.sku] not in kept
        }
        self._inventory.open(opened)

    def _insert_all(self, into: InsertMany, rows: list[dict[str, Any]]) -> None:
        if rows:
            into(self._session, rows)


def _texts(draft: ProductDraft) -> Texts:
    parts = tuple(each for v in draft.variants for each in (v.sku, v.name))
    return Texts(draft.name, draft.description, tuple(draft.category), draft.attributes, parts)


def _free_slug(path: Sequence[str], used: Collection[str]) -> str:
    """The category's own name, else its whole path, else its path with a mark that no other path has."""
    mark = hashlib.sha256(json.dumps(path).encode()).hexdigest()[:8]
    whole = slug("-".join(path))
    for wanted in (slug(path[-1]), whole):
        if wanted not in used and len(wanted) <= _LONGEST_SLUG:
            return wanted
    return f"{whole[: _LONGEST_SLUG - 9]}-{mark}"
