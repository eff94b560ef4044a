"""Reviews, and the stars of each product added up."""

from sqlalchemy import (
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
    text,
)

from mestres_core.db.base import PREFIX, Id, UtcDateTime, metadata

STARS = (1, 2, 3, 4, 5)
_PENDING = text("status = 'pending'")

review = Table(
    f"{PREFIX}review",
    metadata,
    Column("id", Id, primary_key=True),
    Column("product_id", Id, ForeignKey(f"{PREFIX}product.id"), nullable=False),
    Column("customer_id", Id, ForeignKey(f"{PREFIX}customer.id"), nullable=False, index=True),
    Column("rating", Integer, nullable=False),
    Column("title", String(120), nullable=False),
    Column("body", Text, nullable=False),
    Column("author", String(120), nullable=False),  # as it is shown
    Column("status", String(12), nullable=False),  # pending, approved, rejected
    Column("verified", Boolean, nullable=False),  # the customer has bought the product
    Column("reason", String(200), nullable=False),  # why it was rejected
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    CheckConstraint("rating BETWEEN 1 AND 5", name="rating"),
    UniqueConstraint("product_id", "customer_id"),
    Index("ix_mc_review_product_id", "product_id", "status", "id"),
    Index("ix_mc_review_pending", "id", postgresql_where=_PENDING, sqlite_where=_PENDING),
)

summary = Table(
    f"{PREFIX}review_summary",
    metadata,
    Column("product_id", Id, ForeignKey(f"{PREFIX}product.id"), primary_key=True, autoincrement=False),
    *(
        Column(f"stars_{n}", Integer, CheckConstraint(f"stars_{n} >= 0", name=f"stars_{n}"), nullable=False)
        for n in STARS
    ),
)
"""How many approved reviews give each number of stars, kept in the transaction that approves one."""
