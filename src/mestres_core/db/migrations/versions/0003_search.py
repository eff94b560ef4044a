"""Full-text search: the databases' own index over the words of products, and the vocabulary for mistyped ones."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.orm import Session

from mestres_core.catalog.vocabulary import learn
from mestres_core.rules.text import stems

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Folded = sa.String().with_variant(sa.String(collation="C"), "postgresql")

_POSTGRESQL = (
    """
    ALTER TABLE mc_product ADD COLUMN search_vector tsvector GENERATED ALWAYS AS (
        to_tsvector('simple'::regconfig, search_title) || to_tsvector('simple'::regconfig, search_body)
    ) STORED
    """,
    "CREATE INDEX ix_mc_product_search_vector ON mc_product USING gin (search_vector)",
    # The same for names alone: weights are not in the index, so it could not tell where a word is.
    """
    ALTER TABLE mc_product ADD COLUMN search_title_vector tsvector
    GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, search_title)) STORED
    """,
    "CREATE INDEX ix_mc_product_search_title_vector ON mc_product USING gin (search_title_vector)",
)
_SQLITE = (
    """
    CREATE VIRTUAL TABLE mc_search_document USING fts5(
        search_title, search_body, content='mc_product', content_rowid='id', tokenize='ascii', prefix='3'
    )
    """,
    """
    CREATE TRIGGER mc_product_search_insert AFTER INSERT ON mc_product BEGIN
        INSERT INTO mc_search_document (rowid, search_title, search_body)
        VALUES (new.id, new.search_title, new.search_body);
    END
    """,
    """
    CREATE TRIGGER mc_product_search_update AFTER UPDATE OF search_title, search_body ON mc_product BEGIN
        INSERT INTO mc_search_document (mc_search_document, rowid, search_title, search_body)
        VALUES ('delete', old.id, old.search_title, old.search_body);
        INSERT INTO mc_search_document (rowid, search_title, search_body)
        VALUES (new.id, new.search_title, new.search_body);
    END
    """,
    """
    CREATE TRIGGER mc_product_search_delete AFTER DELETE ON mc_product BEGIN
        INSERT INTO mc_search_document (mc_search_document, rowid, search_title, search_body)
        VALUES ('delete', old.id, old.search_title, old.search_body);
    END
    """,
    "INSERT INTO mc_search_document (mc_search_document) VALUES ('rebuild')",
)
_CHUNK = 1000


def upgrade() -> None:
    """Create them, and take in the products that are there."""
    op.create_table(
        "mc_search_word",
        sa.Column("word", Folded, nullable=False),
        sa.Column("products", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("word", name=op.f("pk_mc_search_word")),
    )
    op.create_table(
        "mc_search_form",
        sa.Column("form", Folded, nullable=False),
        sa.Column("word", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("form", "word", name=op.f("pk_mc_search_form")),
    )
    op.create_index("ix_mc_product_sort_name", "mc_product", ["sort_name", "id"])
    _take_in()
    for statement in _POSTGRESQL if op.get_bind().dialect.name == "postgresql" else _SQLITE:
        op.execute(statement)


def downgrade() -> None:
    """Drop them."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_column("mc_product", "search_title_vector")
        op.drop_column("mc_product", "search_vector")
    else:
        for event in ("insert", "update", "delete"):
            op.execute(f"DROP TRIGGER mc_product_search_{event}")
        op.execute("DROP TABLE mc_search_document")
    op.drop_index("ix_mc_product_sort_name", table_name="mc_product")
    op.drop_table("mc_search_form")
    op.drop_table("mc_search_word")


def _take_in() -> None:
    """Every product's stems anew, since the rules for words have changed, and its words into the vocabulary."""
    connection, last = op.get_bind(), 0
    product = sa.table("mc_product", *map(sa.column, ("id", "name", "description", "search_title", "search_body")))
    with Session(connection) as session:
        while rows := connection.execute(
            sa.select(product.c.id, product.c.name, product.c.description)
            .where(product.c.id > last)
            .order_by(product.c.id)
            .limit(_CHUNK)
        ).all():
            last = rows[-1].id
            more = _more_texts([row.id for row in rows])
            bodies = {row.id: " ".join((row.description, *more.get(row.id, ()))) for row in rows}
            connection.execute(
                product.update()
                .where(product.c.id == sa.bindparam("of"))
                .values(search_title=sa.bindparam("title"), search_body=sa.bindparam("body")),
                [
                    {
                        "of": row.id,
                        "title": f" {' '.join(stems(row.name))} ",
                        "body": f" {' '.join(dict.fromkeys(stems(bodies[row.id])))} ",
                    }
                    for row in rows
                ],
            )
            learn(session, connection.dialect.name, [f"{row.name} {bodies[row.id]}" for row in rows])


def _more_texts(ids: list[int]) -> dict[int, list[str]]:
    """Category names, attribute values and SKUs of these products."""
    category = """
        WITH RECURSIVE line (product_id, name, parent_id) AS (
            SELECT p.id, c.name, c.parent_id FROM mc_product p JOIN mc_category c ON c.id = p.category_id
            WHERE p.id IN :ids
            UNION ALL
            SELECT line.product_id, c.name, c.parent_id FROM line JOIN mc_category c ON c.id = line.parent_id
        )
        SELECT product_id, name FROM line
    """
    attribute = "SELECT product_id, value FROM mc_attribute WHERE product_id IN :ids"
    sku = "SELECT product_id, sku FROM mc_variant WHERE product_id IN :ids"
    found: dict[int, list[str]] = {}
    for query in (category, attribute, sku):
        bound = sa.text(query).bindparams(sa.bindparam("ids", expanding=True))
        for product_id, text in op.get_bind().execute(bound, {"ids": ids}):
            found.setdefault(product_id, []).append(text)
    return found
