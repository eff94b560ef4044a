"""Customers: one row for each e-mail address that has bought something."""

from sqlalchemy import Column, String, Table

from mestres_core.db.base import PREFIX, Id, UtcDateTime, metadata

customer = Table(
    f"{PREFIX}customer",
    metadata,
    Column("id", Id, primary_key=True),
    Column("email", String(254), nullable=False, unique=True),  # in small letters
    Column("name", String(120), nullable=False),
    Column("document", String(20), nullable=False),
    Column("token_hash", String(64)),
    Column("created_at", UtcDateTime, nullable=False),
)
