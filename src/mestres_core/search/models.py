"""What was searched for, and what is sold most."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, String, Table

from mestres_core.db.base import PREFIX, Folded, Id, UtcDateTime, metadata

asked = Table(
    f"{PREFIX}search_query",
    metadata,
    Column("query", Folded, primary_key=True),  # folded words, one blank between them
    Column("text", String(200), nullable=False),  # as it was typed last
    Column("asked", BigInteger, nullable=False),
    Column("unanswered", BigInteger, nullable=False),  # how often no product had what was typed
    Column("results", Integer, nullable=False),  # of the last time, as it was typed
    Column("first_at", UtcDateTime, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    CheckConstraint("asked >= unanswered AND unanswered >= 0", name="asked"),
    Index("ix_mc_search_query_last_at", "last_at"),
)

popularity = Table(
    f"{PREFIX}search_popularity",
    metadata,
    Column("kind", String(12), primary_key=True),  # product or category
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("sold", BigInteger, nullable=False),
    Index("ix_mc_search_popularity_sold", "kind", "sold", "id"),
)
"""Counted anew now and then: an order does not wait for it."""
