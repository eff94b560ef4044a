"""Tables of what surrounds a product: definitions, options, collections, relations, channels, other languages."""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from mestres_core.db.base import PREFIX, Folded, Id, UtcDateTime, metadata


def _product(name: str = "product_id", **options: Any) -> Column[Any]:
    return Column(name, Id, ForeignKey(f"{PREFIX}product.id"), nullable=False, **options)


definition = Table(
    f"{PREFIX}attribute_definition",
    metadata,
    Column("id", Id, primary_key=True),
    Column("code", String(60), nullable=False, unique=True),
    Column("name", String(60), nullable=False),
    Column("name_folded", Folded, nullable=False, unique=True),
    Column("type", String(10), nullable=False),
    Column("unit", String(20), nullable=False),
    Column("required", Boolean, nullable=False),
    Column("filterable", Boolean, nullable=False),
    Column("choices", JSON, nullable=False),
    Column("category_id", Id, ForeignKey(f"{PREFIX}category.id")),  # required only there and below
    Column("position", Integer, nullable=False),
)

option = Table(
    f"{PREFIX}option",
    metadata,
    Column("id", Id, primary_key=True),
    _product(),
    Column("name", String(60), nullable=False),
    Column("name_folded", Folded, nullable=False),
    Column("position", Integer, nullable=False),
    UniqueConstraint("product_id", "name_folded"),
)

option_value = Table(
    f"{PREFIX}option_value",
    metadata,
    Column("id", Id, primary_key=True),
    Column("option_id", Id, ForeignKey(f"{PREFIX}option.id"), nullable=False),
    Column("value", String(60), nullable=False),
    Column("value_folded", Folded, nullable=False),
    Column("position", Integer, nullable=False),
    UniqueConstraint("option_id", "value_folded"),
)

variant_option = Table(
    f"{PREFIX}variant_option",
    metadata,
    Column("variant_id", Id, ForeignKey(f"{PREFIX}variant.id"), primary_key=True, autoincrement=False),
    Column("option_id", Id, ForeignKey(f"{PREFIX}option.id"), primary_key=True, autoincrement=False),
    Column("value_id", Id, ForeignKey(f"{PREFIX}option_value.id"), nullable=False, index=True),
)

tag = Table(
    f"{PREFIX}product_tag",
    metadata,
    _product(primary_key=True, autoincrement=False),
    Column("tag_folded", Folded, primary_key=True),
    Column("tag", String(60), nullable=False),
    Index("ix_mc_product_tag_tag", "tag_folded", "product_id"),
)

collection = Table(
    f"{PREFIX}collection",
    metadata,
    Column("id", Id, primary_key=True),
    Column("slug", String(120), nullable=False, unique=True),
    Column("name", String(120), nullable=False),
    Column("description", Text, nullable=False),
    Column("match", String(3), nullable=False),
    Column("rules", JSON, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("position", Integer, nullable=False),
)

collected = Table(
    f"{PREFIX}collection_product",
    metadata,
    Column("collection_id", Id, ForeignKey(f"{PREFIX}collection.id"), primary_key=True, autoincrement=False),
    _product(primary_key=True, autoincrement=False),
    Column("position", Integer, nullable=False),
    Index("ix_mc_collection_product_product_id", "product_id"),
)
"""The products that were put into a collection by hand."""

relation = Table(
    f"{PREFIX}product_relation",
    metadata,
    _product(primary_key=True, autoincrement=False),
    _product("other_id", primary_key=True, autoincrement=False),
    Column("kind", String(20), primary_key=True),
    Column("position", Integer, nullable=False),
    CheckConstraint("product_id <> other_id", name="other"),
    Index("ix_mc_product_relation_other_id", "other_id"),
)

price_history = Table(
    f"{PREFIX}price_history",
    metadata,
    Column("id", Id, primary_key=True),
    Column("variant_id", Id, ForeignKey(f"{PREFIX}variant.id"), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    CheckConstraint("amount >= 0", name="amount"),
    Index("ix_mc_price_history_variant", "variant_id", "currency", "id"),
)

translation = Table(
    f"{PREFIX}translation",
    metadata,
    Column("kind", String(20), primary_key=True),
    Column("entity_id", Id, primary_key=True, autoincrement=False),
    Column("locale", String(20), primary_key=True),
    Column("field", String(20), primary_key=True),
    Column("text", Text, nullable=False),
)

channel = Table(
    f"{PREFIX}channel",
    metadata,
    Column("code", String(40), primary_key=True),
    Column("name", String(120), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("locale", String(20), nullable=False),
    Column("active", Boolean, nullable=False),
)

publication = Table(
    f"{PREFIX}publication",
    metadata,
    Column("channel", String(40), ForeignKey(f"{PREFIX}channel.code"), primary_key=True),
    _product(primary_key=True, autoincrement=False),
    Column("since", UtcDateTime, nullable=False),
    Column("until", UtcDateTime),
    Index("ix_mc_publication_product_id", "product_id"),
)
"""Which products a channel shows, from when and until when."""
