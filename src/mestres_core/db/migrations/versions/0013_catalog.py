"""The whole catalogue: typed attributes, options, collections, media, relations, languages, channels, downloads.

The history of prices begins with the prices that there are, as of when their products were last changed.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Folded = sa.String().with_variant(sa.String(collation="C"), "postgresql")
Moment = sa.DateTime(timezone=True)
_FIRST_PRICES = """
    INSERT INTO mc_price_history (variant_id, currency, amount, since)
    SELECT p.variant_id, p.currency, p.amount, product.updated_at
    FROM mc_price p JOIN mc_variant v ON v.id = p.variant_id JOIN mc_product product ON product.id = v.product_id
"""
_TABLES = (
    *("mc_download_grant", "mc_download", "mc_publication", "mc_channel", "mc_translation", "mc_price_history"),
    *("mc_product_relation", "mc_collection_product", "mc_collection", "mc_product_tag", "mc_variant_option"),
    *("mc_option_value", "mc_option", "mc_attribute_definition"),
)


def _to(table: str, column: str, other: str, key: str = "id") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.{key}"], name=op.f(f"fk_{table}_{column}"))


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*(columns or ("id",)), name=op.f(f"pk_{table}"))


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=op.f("_".join((f"uq_{table}", *columns))))


def _needed(name: str, kind: Any, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, **more)


def _row(name: str) -> sa.Column[Any]:
    return sa.Column(name, Id, autoincrement=False, nullable=False)


def upgrade() -> None:
    """Create them."""
    op.add_column("mc_attribute", sa.Column("number", sa.BigInteger()))
    op.create_index("ix_mc_attribute_name_number", "mc_attribute", ["name_folded", "number", "product_id"])
    op.add_column("mc_image", _needed("kind", sa.String(10), server_default="image"))
    op.add_column("mc_variant", sa.Column("combination", Folded))
    op.create_index("uq_mc_variant_combination", "mc_variant", ["product_id", "combination"], unique=True)
    _attributes_and_options()
    _collections()
    _prices_languages_channels()
    _downloads()
    op.execute(_FIRST_PRICES)


def _attributes_and_options() -> None:
    op.create_table(
        "mc_attribute_definition",
        _needed("id", Id),
        _needed("code", sa.String(60)),
        _needed("name", sa.String(60)),
        _needed("name_folded", Folded),
        _needed("type", sa.String(10)),
        _needed("unit", sa.String(20)),
        _needed("required", sa.Boolean()),
        _needed("filterable", sa.Boolean()),
        _needed("choices", sa.JSON()),
        sa.Column("category_id", Id),
        _needed("position", sa.Integer()),
        _to("mc_attribute_definition", "category_id", "mc_category"),
        _key("mc_attribute_definition"),
        _unique("mc_attribute_definition", "code"),
        _unique("mc_attribute_definition", "name_folded"),
    )
    op.create_table(
        "mc_option",
        _needed("id", Id),
        _needed("product_id", Id),
        _needed("name", sa.String(60)),
        _needed("name_folded", Folded),
        _needed("position", sa.Integer()),
        _to("mc_option", "product_id", "mc_product"),
        _key("mc_option"),
        _unique("mc_option", "product_id", "name_folded"),
    )
    op.create_table(
        "mc_option_value",
        _needed("id", Id),
        _needed("option_id", Id),
        _needed("value", sa.String(60)),
        _needed("value_folded", Folded),
        _needed("position", sa.Integer()),
        _to("mc_option_value", "option_id", "mc_option"),
        _key("mc_option_value"),
        _unique("mc_option_value", "option_id", "value_folded"),
    )
    op.create_table(
        "mc_variant_option",
        _row("variant_id"),
        _row("option_id"),
        _needed("value_id", Id),
        _to("mc_variant_option", "variant_id", "mc_variant"),
        _to("mc_variant_option", "option_id", "mc_option"),
        _to("mc_variant_option", "value_id", "mc_option_value"),
        _key("mc_variant_option", "variant_id", "option_id"),
    )
    op.create_index("ix_mc_variant_option_value_id", "mc_variant_option", ["value_id"])


def _collections() -> None:
    op.create_table(
        "mc_product_tag",
        _row("product_id"),
        _needed("tag_folded", Folded),
        _needed("tag", sa.String(60)),
        _to("mc_product_tag", "product_id", "mc_product"),
        _key("mc_product_tag", "product_id", "tag_folded"),
    )
    op.create_index("ix_mc_product_tag_tag", "mc_product_tag", ["tag_folded", "product_id"])
    op.create_table(
        "mc_collection",
        _needed("id", Id),
        _needed("slug", sa.String(120)),
        _needed("name", sa.String(120)),
        _needed("description", sa.Text()),
        _needed("match", sa.String(3)),
        _needed("rules", sa.JSON()),
        _needed("active", sa.Boolean()),
        _needed("position", sa.Integer()),
        _key("mc_collection"),
        _unique("mc_collection", "slug"),
    )
    op.create_table(
        "mc_collection_product",
        _row("collection_id"),
        _row("product_id"),
        _needed("position", sa.Integer()),
        _to("mc_collection_product", "collection_id", "mc_collection"),
        _to("mc_collection_product", "product_id", "mc_product"),
        _key("mc_collection_product", "collection_id", "product_id"),
    )
    op.create_index("ix_mc_collection_product_product_id", "mc_collection_product", ["product_id"])
    op.create_table(
        "mc_product_relation",
        _row("product_id"),
        _row("other_id"),
        _needed("kind", sa.String(20)),
        _needed("position", sa.Integer()),
        sa.CheckConstraint("product_id <> other_id", name=op.f("ck_mc_product_relation_other")),
        _to("mc_product_relation", "product_id", "mc_product"),
        _to("mc_product_relation", "other_id", "mc_product"),
        _key("mc_product_relation", "product_id", "other_id", "kind"),
    )
    op.create_index("ix_mc_product_relation_other_id", "mc_product_relation", ["other_id"])


def _prices_languages_channels() -> None:
    op.create_table(
        "mc_price_history",
        _needed("id", Id),
        _needed("variant_id", Id),
        _needed("currency", sa.String(3)),
        _needed("amount", sa.BigInteger()),
        _needed("since", Moment),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_mc_price_history_amount")),
        _to("mc_price_history", "variant_id", "mc_variant"),
        _key("mc_price_history"),
    )
    op.create_index("ix_mc_price_history_variant", "mc_price_history", ["variant_id", "currency", "id"])
    op.create_table(
        "mc_translation",
        _needed("kind", sa.String(20)),
        _row("entity_id"),
        _needed("locale", sa.String(20)),
        _needed("field", sa.String(20)),
        _needed("text", sa.Text()),
        _key("mc_translation", "kind", "entity_id", "locale", "field"),
    )
    op.create_table(
        "mc_channel",
        _needed("code", sa.String(40)),
        _needed("name", sa.String(120)),
        _needed("currency", sa.String(3)),
        _needed("locale", sa.String(20)),
        _needed("active", sa.Boolean()),
        _key("mc_channel", "code"),
    )
    op.create_table(
        "mc_publication",
        _needed("channel", sa.String(40)),
        _row("product_id"),
        _needed("since", Moment),
        sa.Column("until", Moment),
        _to("mc_publication", "channel", "mc_channel", "code"),
        _to("mc_publication", "product_id", "mc_product"),
        _key("mc_publication", "channel", "product_id"),
    )
    op.create_index("ix_mc_publication_product_id", "mc_publication", ["product_id"])


def _downloads() -> None:
    op.create_table(
        "mc_download",
        _needed("id", Id),
        _needed("variant_id", Id),
        _needed("name", sa.String(120)),
        _needed("location", sa.String(500)),
        sa.Column("most_downloads", sa.Integer()),
        sa.Column("days", sa.Integer()),
        _needed("active", sa.Boolean()),
        _needed("position", sa.Integer()),
        _to("mc_download", "variant_id", "mc_variant"),
        _key("mc_download"),
    )
    op.create_index("ix_mc_download_variant_id", "mc_download", ["variant_id"])
    op.create_table(
        "mc_download_grant",
        _needed("id", Id),
        _needed("token", sa.String(64)),
        _needed("line_id", Id),
        _needed("download_id", Id),
        sa.Column("most_downloads", sa.Integer()),
        _needed("used", sa.Integer()),
        sa.Column("expires_at", Moment),
        _needed("created_at", Moment),
        sa.CheckConstraint("used >= 0 AND used <= most_downloads", name=op.f("ck_mc_download_grant_used")),
        _to("mc_download_grant", "line_id", "mc_order_line"),
        _to("mc_download_grant", "download_id", "mc_download"),
        _key("mc_download_grant"),
        _unique("mc_download_grant", "token"),
        _unique("mc_download_grant", "line_id", "download_id"),
    )
    op.create_index("ix_mc_download_grant_download_id", "mc_download_grant", ["download_id"])


def downgrade() -> None:
    """Drop them. Videos go, too: what was there before knew pictures only."""
    for table in _TABLES:
        op.drop_table(table)
    op.drop_index("uq_mc_variant_combination", table_name="mc_variant")
    op.execute("DELETE FROM mc_image WHERE kind <> 'image'")
    op.drop_index("ix_mc_attribute_name_number", table_name="mc_attribute")
    for table, column in (("mc_variant", "combination"), ("mc_image", "kind"), ("mc_attribute", "number")):
        op.drop_column(table, column)
