"""The words of products by better rules: plurals and gender, quantities, and what mistyped words may mean."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.orm import Session

from mestres_core.catalog.texts import Texts
from mestres_core.catalog.vocabulary import learn

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# The tables as they are at this revision, whatever they become.
_PRODUCT = sa.table(
    "mc_product", *map(sa.column, ("id", "name", "description", "category_id", "search_title", "search_body"))
)
_CATEGORY = sa.table("mc_category", *map(sa.column, ("id", "parent_id", "name")))
_ATTRIBUTE = sa.table("mc_attribute", *map(sa.column, ("product_id", "name", "value", "position")))
_VARIANT = sa.table("mc_variant", *map(sa.column, ("product_id", "sku", "name", "position", "active")))
_WRITE = (
    sa.update(_PRODUCT)
    .where(_PRODUCT.c.id == sa.bindparam("of"))
    .values(search_title=sa.bindparam("title"), search_body=sa.bindparam("body"))
)
_CHUNK = 1000


def upgrade() -> None:
    """Index every product and its words anew."""
    op.execute("DELETE FROM mc_search_form")
    op.execute("DELETE FROM mc_search_word")
    connection, last = op.get_bind(), 0
    tree = {row.id: row for row in connection.execute(sa.select(_CATEGORY))}
    columns = (_PRODUCT.c.id, _PRODUCT.c.name, _PRODUCT.c.description, _PRODUCT.c.category_id)
    with Session(connection) as session:
        while rows := connection.execute(
            sa.select(*columns).where(_PRODUCT.c.id > last).order_by(_PRODUCT.c.id).limit(_CHUNK)
        ).all():
            last = rows[-1].id
            found = _texts(rows, tree)
            connection.execute(
                _WRITE, [{"of": of, "title": texts.title(), "body": texts.body()} for of, texts in found.items()]
            )
            learn(session, connection.dialect.name, (texts.all() for texts in found.values()))


def downgrade() -> None:
    """Leave them: older code finds most of them by the newer rules, and a product that is saved gets the older ones."""
    op.execute(sa.text("SELECT 1"))


def _texts(rows: Sequence[Any], tree: dict[int, Any]) -> dict[int, Texts]:
    ids = [row.id for row in rows]
    attributes: dict[int, dict[str, str]] = {}
    query = sa.select(_ATTRIBUTE).where(_ATTRIBUTE.c.product_id.in_(ids)).order_by(_ATTRIBUTE.c.position)
    for row in op.get_bind().execute(query):
        attributes.setdefault(row.product_id, {})[row.name] = row.value
    parts: dict[int, tuple[str, ...]] = {}
    query = sa.select(_VARIANT).where(_VARIANT.c.product_id.in_(ids)).order_by(_VARIANT.c.position)
    for row in op.get_bind().execute(query):
        if row.active:
            parts[row.product_id] = (*parts.get(row.product_id, ()), row.sku, row.name)
    return {
        row.id: Texts(
            row.name, row.description, _path(tree, row.category_id), attributes.get(row.id, {}), parts.get(row.id, ())
        )
        for row in rows
    }


def _path(tree: dict[int, Any], at: int | None) -> tuple[str, ...]:
    names: list[str] = []
    while at is not None:
        names.append(tree[at].name)
        at = tree[at].parent_id
    return tuple(reversed(names))
