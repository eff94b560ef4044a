"""What facets count beside what a product is found by, the stems that begin like a word, and an index of filters."""

import sqlalchemy as sa
from alembic import op

from mestres_core.catalog.texts import Texts, marked_anew

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

Folded = sa.String().with_variant(sa.String(collation="C"), "postgresql")

# The tables as they are at this revision, whatever they become.
_PRODUCT = sa.table("mc_product", *map(sa.column, ("id", "search_title", "search_body", "search_facets")))
_STEM = sa.table("mc_search_stem", sa.column("stem"))
_ATTRIBUTE = sa.table("mc_attribute", *map(sa.column, ("product_id", "name", "value", "position")))
_WRITE = (
    sa.update(_PRODUCT)
    .where(_PRODUCT.c.id == sa.bindparam("of"))
    .values(search_body=sa.bindparam("body"), search_facets=sa.bindparam("facets"))
)
_CHUNK = 1000
_LONGEST = 40


def upgrade() -> None:
    """Add them, and fill them from every product."""
    op.add_column("mc_product", sa.Column("search_facets", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "mc_search_stem",
        sa.Column("stem", Folded, nullable=False),
        sa.PrimaryKeyConstraint("stem", name=op.f("pk_mc_search_stem")),
    )
    columns = ["product_id", "currency", "category_id", "price", "in_stock"]
    op.create_index("ix_mc_product_card_shown", "mc_product_card", columns)
    _take_in_stems()
    _take_in_facets()


def downgrade() -> None:
    """Drop them. The marks are left in the words of products: older code does not ask for them."""
    op.drop_index("ix_mc_product_card_shown", table_name="mc_product_card")
    op.drop_table("mc_search_stem")
    op.drop_column("mc_product", "search_facets")


def _take_in_stems() -> None:
    columns = (_PRODUCT.c.id, _PRODUCT.c.search_title, _PRODUCT.c.search_body)
    connection, last = op.get_bind(), 0
    stems: set[str] = set()
    while rows := connection.execute(
        sa.select(*columns).where(_PRODUCT.c.id > last).order_by(_PRODUCT.c.id).limit(_CHUNK)
    ).all():
        last = rows[-1].id
        used = {each for row in rows for each in (*row.search_title.split(), *row.search_body.split())}
        stems |= {each[:_LONGEST] for each in used if each.isalpha()}
    if stems:
        connection.execute(sa.insert(_STEM), [{"stem": each} for each in sorted(stems)])


def _take_in_facets() -> None:
    """Of every product the lines that facets count, and the marks by which its attributes are found."""
    connection, last = op.get_bind(), 0
    bodies = sa.select(_PRODUCT.c.id, _PRODUCT.c.search_body).order_by(_PRODUCT.c.id).limit(_CHUNK)
    columns = (_ATTRIBUTE.c.product_id, _ATTRIBUTE.c.name, _ATTRIBUTE.c.value)
    while some := connection.execute(bodies.where(_PRODUCT.c.id > last)).all():
        last = some[-1].id
        found: dict[int, dict[str, str]] = {row.id: {} for row in some}
        rows = sa.select(*columns).where(_ATTRIBUTE.c.product_id.in_(found)).order_by(_ATTRIBUTE.c.position)
        for number, name, value in connection.execute(rows):
            found[number][name] = value
        written = []
        for row in some:
            texts = Texts("", "", (), found[row.id], ())
            body = marked_anew(row.search_body, texts.marks())
            written.append({"of": row.id, "body": body, "facets": texts.facets()})
        connection.execute(_WRITE, written)
