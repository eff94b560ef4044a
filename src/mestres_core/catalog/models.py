"""The catalogue's tables."""

from sqlalchemy import (
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
    false,
    text,
)

from mestres_core.catalog import fulltext
from mestres_core.db.base import PREFIX, Folded, Id, UtcDateTime, metadata

category = Table(
    f"{PREFIX}category",
    metadata,
    Column("id", Id, primary_key=True),
    Column("parent_id", Id, ForeignKey(f"{PREFIX}category.id"), index=True),
    Column("slug", String(120), nullable=False, unique=True),
    Column("name", String(120), nullable=False),
    Column("position", Integer, nullable=False),
)

product = Table(
    f"{PREFIX}product",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", String(200), nullable=False, unique=True),
    Column("slug", String(200), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("sort_name", Folded, nullable=False),
    Column("description", Text, nullable=False),
    Column("category_id", Id, ForeignKey(f"{PREFIX}category.id"), index=True),
    Column("active", Boolean, nullable=False),
    Column("featured", Boolean, nullable=False),
    Column("rating_hundredths", Integer),
    # Stems, each between two blanks, so that "% stem" finds the beginning of a word on both databases. The full-text
    # index over both is the database's own.
    Column("search_title", Text, nullable=False),
    Column("search_body", Text, nullable=False),
    # Its attributes once more, as search counts them: see `Texts.facets`.
    Column("search_facets", Text, nullable=False, server_default=""),
    Column("content_hash", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("ix_mc_product_active_id", "active", "id"),
    Index("ix_mc_product_featured", "featured", "id"),
    Index("ix_mc_product_sort_name", "sort_name", "id"),
)
fulltext.follow(product)

variant = Table(
    f"{PREFIX}variant",
    metadata,
    Column("id", Id, primary_key=True),
    Column("product_id", Id, ForeignKey(f"{PREFIX}product.id"), nullable=False, index=True),
    Column("sku", String(64), nullable=False, unique=True),
    Column("name", String(120), nullable=False),
    Column("position", Integer, nullable=False),
    Column("weight_grams", Integer, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("tax_class", String(40), nullable=False, server_default="standard"),
    Column("digital", Boolean, nullable=False, server_default=false()),
    Column("length_mm", Integer, nullable=False, server_default="0"),  # 0, here and below: not known
    Column("width_mm", Integer, nullable=False, server_default="0"),
    Column("height_mm", Integer, nullable=False, server_default="0"),
    # The values of its options, in one text by which no two variants of a product are the same; None: it has none.
    Column("combination", Folded),
    Index("uq_mc_variant_combination", "product_id", "combination", unique=True),
    # Whose variant it is, and which are not for sale: reports ask it of all that was sold, and of all that is low.
    Index("ix_mc_variant_product", "id", "product_id", "active"),
    Index("ix_mc_variant_hidden", "id", postgresql_where=text("NOT active"), sqlite_where=text("active = 0")),
)

price = Table(
    f"{PREFIX}price",
    metadata,
    Column("variant_id", Id, ForeignKey(f"{PREFIX}variant.id"), primary_key=True, autoincrement=False),
    Column("currency", String(3), primary_key=True),
    Column("amount", BigInteger, nullable=False),
    # No piece is sold for less; 0: no such limit.
    Column("floor", BigInteger, CheckConstraint("floor >= 0", name="floor"), nullable=False, server_default=text("0")),
    CheckConstraint("amount >= 0", name="amount"),
)

attribute = Table(
    f"{PREFIX}attribute",
    metadata,
    Column("id", Id, primary_key=True),
    Column("product_id", Id, ForeignKey(f"{PREFIX}product.id"), nullable=False),
    Column("name", String(60), nullable=False),
    Column("value", String(400), nullable=False),
    Column("name_folded", Folded, nullable=False),
    Column("value_folded", Folded, nullable=False),
    Column("position", Integer, nullable=False),
    Column("number", BigInteger),  # millionths, of what is defined as a number: ranges are asked for by it
    UniqueConstraint("product_id", "name_folded"),
    Index("ix_mc_attribute_name_value", "name_folded", "value_folded", "product_id"),
    Index("ix_mc_attribute_name_number", "name_folded", "number", "product_id"),
)

image = Table(
    f"{PREFIX}image",
    metadata,
    Column("id", Id, primary_key=True),
    Column("product_id", Id, ForeignKey(f"{PREFIX}product.id"), nullable=False, index=True),
    Column("url", String(500), nullable=False),
    Column("alt", String(200), nullable=False),
    Column("position", Integer, nullable=False),
    Column("kind", String(10), nullable=False, server_default="image"),
)

card = Table(
    f"{PREFIX}product_card",
    metadata,
    Column("product_id", Id, ForeignKey(f"{PREFIX}product.id"), primary_key=True, autoincrement=False),
    Column("currency", String(3), primary_key=True),
    Column("price", BigInteger, nullable=False),
    Column("max_price", BigInteger, nullable=False, server_default="0"),
    Column("variants", Integer, nullable=False, server_default="0"),
    Column("sku", String(64), nullable=False),
    Column("image", String(500)),
    Column("in_stock", Boolean, nullable=False),
    Column("category_id", Id),  # the product's, so that a category is listed and counted from an index alone
    CheckConstraint("price <= max_price", name="max_price"),
    Index("ix_mc_product_card_price", "currency", "price", "product_id", "in_stock"),
    Index("ix_mc_product_card_category", "currency", "category_id", "product_id"),
    # What search narrows to, found for a product without a look at the card.
    Index("ix_mc_product_card_shown", "product_id", "currency", "category_id", "price", "in_stock"),
)
"""What a list shows of a product in a currency, and whether it shows it at all: see `mestres_core.catalog.cards`."""

LONGEST_WORD = 40
word = Table(
    f"{PREFIX}search_word",
    metadata,
    Column("word", Folded, primary_key=True),
    Column("products", Integer, nullable=False),  # how many had it when they were saved first
)

form = Table(
    f"{PREFIX}search_form",
    metadata,
    Column("form", Folded, primary_key=True),
    Column("word", String(LONGEST_WORD), primary_key=True),
)

LONGEST_STEM = 40
stem = Table(
    f"{PREFIX}search_stem",
    metadata,
    # Of letters only; of longer ones the first forty letters.
    Column("stem", Folded, primary_key=True),
)
"""The stems that products are found by: a word that is not finished is asked for as those that begin so."""
