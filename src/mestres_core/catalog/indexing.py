"""Keeping what products are found by as their texts say, whoever has changed those.

Invariant: a saved product's `search_title`, `search_body` and `search_facets` are those of its texts, in the
transaction that saves it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, bindparam, select, update
from sqlalchemy.orm import Session

from mestres_core.catalog.models import attribute, category, product, variant
from mestres_core.catalog.texts import Texts, marked_anew
from mestres_core.catalog.vocabulary import learn, learn_stems

_IDS: BindParameter[list[int]] = bindparam("ids", expanding=True)
_TREE = select(category.c.id, category.c.parent_id, category.c.name)
_PRODUCTS = select(
    product.c.id,
    product.c.name,
    product.c.description,
    product.c.category_id,
    product.c.search_title,
    product.c.search_body,
    product.c.search_facets,
).where(product.c.id.in_(_IDS))
_ATTRIBUTES = (
    select(attribute.c.product_id, attribute.c.name, attribute.c.value)
    .where(attribute.c.product_id.in_(_IDS))
    .order_by(attribute.c.position)
)
_VARIANTS = (
    select(variant.c.product_id, variant.c.sku, variant.c.name)
    .where(variant.c.product_id.in_(_IDS), variant.c.active)
    .order_by(variant.c.position, variant.c.id)
)
_WRITE = (
    update(product)
    .where(product.c.id == bindparam("of"))
    .values(search_title=bindparam("title"), search_body=bindparam("body"), search_facets=bindparam("facets"))
)
_HAVING = (
    select(attribute.c.product_id, product.c.search_body, product.c.search_facets)
    .select_from(attribute.join(product, product.c.id == attribute.c.product_id))
    .where(attribute.c.name_folded == bindparam("name"), attribute.c.product_id > bindparam("after"))
    .order_by(attribute.c.product_id)
    .limit(1000)
)
_FACETS = (
    update(product)
    .where(product.c.id == bindparam("of"))
    .values(search_body=bindparam("body"), search_facets=bindparam("facets"))
)


def texts_of(session: Session, ids: Sequence[int]) -> dict[int, Texts]:
    """What these products are found by, from their rows as they are now."""
    return {number: texts for number, (texts, _) in _read(session, ids).items()}


def stale(session: Session, ids: Sequence[int]) -> dict[int, Texts]:
    """Those of them whose index says something else than their texts."""
    return {number: texts for number, (texts, fresh) in _read(session, ids).items() if not fresh}


def index(session: Session, dialect: str, ids: Sequence[int]) -> list[int]:
    """Put the index right where it is not, and the vocabulary with it; which ones that were."""
    found = stale(session, ids)
    if found:
        rows: list[dict[str, Any]] = [
            {"of": number, "title": texts.title(), "body": texts.body(), "facets": texts.facets()}
            for number, texts in found.items()
        ]
        session.connection().execute(_WRITE, rows)
        learn(session, dialect, (texts.all() for texts in found.values()))
        learn_stems(session, dialect, (row[name] for row in rows for name in ("title", "body")))
    return sorted(found)


def count_anew(session: Session, name: str) -> None:
    """Put right what facets count and what filters find of the products that have an attribute, by folded name.

    It was renamed or rewritten. Their words are left: they are found as before until they are saved, or the index is
    rebuilt.
    """
    after = 0
    while rows := session.execute(_HAVING, {"name": name, "after": after}).all():
        after = rows[-1].product_id
        attributes = _attributes(session, [row.product_id for row in rows])
        changed = []
        for row in rows:
            texts = Texts("", "", (), attributes[row.product_id], ())
            body, facets = marked_anew(row.search_body, texts.marks()), texts.facets()
            if (body, facets) != (row.search_body, row.search_facets):
                changed.append({"of": row.product_id, "body": body, "facets": facets})
        if changed:
            session.connection().execute(_FACETS, changed)


def _attributes(session: Session, ids: Sequence[int]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    for number, name, value in session.execute(_ATTRIBUTES, {"ids": list(ids)}):
        found.setdefault(number, {})[name] = value
    return found


def _read(session: Session, ids: Sequence[int]) -> dict[int, tuple[Texts, bool]]:
    """The texts of each, and whether its index is that of its texts."""
    if not ids:
        return {}
    of = {"ids": list(ids)}
    rows = session.execute(_PRODUCTS, of).all()
    tree = {row.id: row for row in session.execute(_TREE)}
    attributes = _attributes(session, ids)
    parts: dict[int, list[str]] = {}
    for number, sku, name in session.execute(_VARIANTS, of):
        parts.setdefault(number, []).extend((sku, name))
    found = {}
    for row in rows:
        path = _path(tree, row.category_id)
        texts = Texts(row.name, row.description, path, attributes.get(row.id, {}), tuple(parts.get(row.id, ())))
        said = (row.search_title, row.search_body, row.search_facets)
        found[row.id] = (texts, (texts.title(), texts.body(), texts.facets()) == said)
    return found


def _path(tree: Mapping[int, Any], at: int | None) -> tuple[str, ...]:
    names: list[str] = []
    while at is not None:
        names.append(tree[at].name)
        at = tree[at].parent_id
    return tuple(reversed(names))
