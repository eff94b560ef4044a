"""Checking what is to be saved, before anything is written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mestres_core.catalog.dto import ProductDraft, VariantDraft
from mestres_core.inventory.service import MOST_PIECES
from mestres_core.rules.checks import BIGGEST_AMOUNT, Checks
from mestres_core.rules.money import Money
from mestres_core.rules.text import fold, slug, words

_SIZES = ("length_mm", "width_mm", "height_mm")
_VARIANT_FIELDS = ("sku", "price", "name", "weight_grams", "stock", "tax_class", "digital", *_SIZES)
_MOST_VARIANTS = 200
_HEAVIEST = 1_000_000
_LONGEST = 100_000


def make_draft(
    *,
    name: str,
    variants: Iterable[VariantDraft | Mapping[str, Any]],
    category: str | Sequence[str] | None,
    **rest: Any,
) -> ProductDraft:
    """The draft that plain arguments mean. Raises ValidationError."""
    checks = Checks()
    loose = {"attributes": rest.pop("attributes", None), "images": rest.pop("images", None)}
    parts = _parts(checks, "", variants=variants, category=category, **loose)
    checks.done()
    named = rest["slug"] if isinstance(rest.get("slug"), str) else ""
    key = rest.pop("key", None) or named or (slug(name) if isinstance(name, str) and words(name) else "")
    return ProductDraft(key=key, name=name, **parts, **rest)


def settled(drafts: Iterable[Any]) -> list[ProductDraft]:
    """The drafts with parts of the types that they are declared with, from whatever a caller has written for them.

    A name alone is a category, and not the path of its letters. Raises ValidationError.
    """
    checks = Checks()
    if isinstance(drafts, (str, bytes, Mapping)) or not isinstance(drafts, Iterable):
        checks.wrong("drafts", "not_list")
        drafts = ()
    given = list(drafts)
    made: list[ProductDraft] = []
    for index, draft in enumerate(given):
        at = "" if len(given) == 1 else f"drafts[{index}]."
        if not isinstance(draft, ProductDraft):
            checks.wrong(f"drafts[{index}]", "invalid", reason="must be a ProductDraft")
        elif _is_settled(draft):
            made.append(draft)
        else:
            loose = {each: getattr(draft, each) for each in ("variants", "category", "attributes", "images")}
            made.append(replace(draft, **_parts(checks, at, **loose)))
    checks.done()
    return made


def _is_settled(draft: ProductDraft) -> bool:
    tuples = all(type(each) is tuple for each in (draft.variants, draft.category, draft.images))
    return tuples and type(draft.attributes) is dict and all(type(each) is VariantDraft for each in draft.variants)


def _parts(checks: Checks, at: str, *, variants: Any, category: Any, attributes: Any, images: Any) -> dict[str, Any]:
    if attributes is not None and not isinstance(attributes, Mapping):
        checks.wrong(f"{at}attributes", "not_mapping")
        attributes = None
    if images is not None and (isinstance(images, (str, bytes)) or not isinstance(images, Sequence)):
        checks.wrong(f"{at}images", "not_list")
        images = None
    if not (category is None or isinstance(category, (str, Sequence))):
        checks.wrong(f"{at}category", "not_text")
        category = None
    if isinstance(variants, (str, bytes, Mapping)) or not isinstance(variants, Iterable):
        checks.wrong(f"{at}variants", "not_list")
        variants = ()
    return {
        "variants": tuple(_variants(checks, at, variants)),
        "category": (category,) if isinstance(category, str) else tuple(category or ()),
        "attributes": dict(attributes or {}),
        "images": tuple(images or ()),
    }


def _variants(checks: Checks, at: str, variants: Iterable[Any]) -> Iterator[VariantDraft]:
    for index, given in enumerate(variants):
        if isinstance(given, VariantDraft):
            yield given
            continue
        fields = checks.mapping(f"{at}variants[{index}]", given, _VARIANT_FIELDS)
        for needed in ("sku", "price"):
            if needed not in fields:
                checks.wrong(f"{at}variants[{index}].{needed}", "required")
        if not checks.errors:
            yield VariantDraft(**fields)


def check_drafts(drafts: Sequence[ProductDraft]) -> None:
    """Raises one ValidationError that names every wrong field of every draft; also for keys and SKUs given twice."""
    checks = Checks()
    keys: set[str] = set()
    skus: set[str] = set()
    for index, draft in enumerate(drafts):
        at = "" if len(drafts) == 1 else f"drafts[{index}]."
        _check_draft(checks, at, draft)
        _once(checks, f"{at}key", draft.key, keys)
        for position, variant in enumerate(draft.variants):
            _once(checks, f"{at}variants[{position}].sku", variant.sku, skus)
    checks.done()


def content_hash(draft: ProductDraft) -> str:
    """Equal for drafts that would save the same; the pieces to start with are not content."""
    content = [
        draft.key,
        draft.slug,
        draft.name,
        draft.description,
        list(draft.category),
        list(draft.attributes.items()),
        list(draft.images),
        draft.featured,
        draft.active,
        draft.currency,
        [[v.sku, v.price, v.name, v.weight_grams, *_unusual(v)] for v in draft.variants],
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _unusual(variant: VariantDraft) -> list[Any]:
    """What most variants do not have: left out of the hash where it is missing, so that old hashes stay true."""
    found = [variant.tax_class, variant.digital, *(getattr(variant, size) for size in _SIZES)]
    return [] if found == ["standard", False, 0, 0, 0] else found


def tidy(draft: ProductDraft) -> ProductDraft:
    """The checked draft without blanks around its names: " A1" could be saved, but nobody would find it."""
    variants = tuple(
        replace(v, sku=v.sku.strip(), name=(v.name or "").strip(), tax_class=v.tax_class.strip())
        for v in draft.variants
    )
    return replace(draft, key=draft.key.strip(), variants=variants)


def _once(checks: Checks, field: str, value: Any, seen: set[str]) -> None:
    if not isinstance(value, str):
        return  # named already as not_text
    value = value.strip()
    if value in seen:
        checks.wrong(field, "duplicate", value=value)
    seen.add(value)


def _check_draft(checks: Checks, at: str, draft: ProductDraft) -> None:
    checks.text(f"{at}key", draft.key, limit=200)
    _check_texts(checks, at, draft)
    for field in ("featured", "active"):
        if not isinstance(getattr(draft, field), bool):
            checks.wrong(f"{at}{field}", "not_boolean")
    try:
        Money(0, draft.currency)
    except ValueError as error:
        checks.wrong(f"{at}currency", "invalid", reason=str(error))
    if not draft.variants:
        checks.wrong(f"{at}variants", "required")
    if len(draft.variants) > _MOST_VARIANTS:
        checks.wrong(f"{at}variants", "too_many", limit=_MOST_VARIANTS)
    for index, variant in enumerate(draft.variants):
        _check_variant(checks, f"{at}variants[{index}].", variant)


def _check_texts(checks: Checks, at: str, draft: ProductDraft) -> None:
    checks.text(f"{at}name", draft.name, limit=200)
    checks.text(f"{at}description", draft.description, limit=20_000, required=False)
    checks.text(f"{at}slug", draft.slug, limit=180, required=False)
    if isinstance(draft.slug, str) and draft.slug and draft.slug != slug(draft.slug):
        checks.wrong(f"{at}slug", "invalid", reason="use small letters, digits and hyphens")
    for name in draft.category:
        checks.text(f"{at}category", name, limit=120)
    folded: set[str] = set()
    for name, value in draft.attributes.items():
        if isinstance(name, str):
            _once(checks, f"{at}attributes.{name[:60]}", fold(name), folded)
        checks.text(f"{at}attributes", name, limit=60)
        checks.text(f"{at}attributes.{str(name)[:60]}", value, limit=400)
    for url in draft.images:
        checks.text(f"{at}images", url, limit=500)


def _check_variant(checks: Checks, at: str, variant: VariantDraft) -> None:
    checks.text(f"{at}sku", variant.sku, limit=64)
    checks.text(f"{at}name", variant.name, limit=120, required=False)
    checks.whole(f"{at}price", variant.price, at_least=0, at_most=BIGGEST_AMOUNT)
    checks.whole(f"{at}weight_grams", variant.weight_grams, at_least=0, at_most=_HEAVIEST)
    checks.text(f"{at}tax_class", variant.tax_class, limit=40)
    if not isinstance(variant.digital, bool):
        checks.wrong(f"{at}digital", "not_boolean")
    for size in _SIZES:
        checks.whole(f"{at}{size}", getattr(variant, size), at_least=0, at_most=_LONGEST)
    if variant.stock is not None:
        checks.whole(f"{at}stock", variant.stock, at_least=0, at_most=MOST_PIECES)
