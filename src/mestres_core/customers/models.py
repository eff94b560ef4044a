"""Customers, their groups and addresses, and what they have agreed to."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, String, Table, false, text

from mestres_core.db.base import PREFIX, Id, UtcDateTime, metadata

_SHIPPING, _BILLING = text("default_shipping"), text("default_billing")

group = Table(
    f"{PREFIX}customer_group",
    metadata,
    Column("code", String(40), primary_key=True),  # what carts, prices and promotions call it
    Column("name", String(120), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

customer = Table(
    f"{PREFIX}customer",
    metadata,
    Column("id", Id, primary_key=True),
    Column("email", String(254), nullable=False, unique=True),  # in small letters
    Column("name", String(120), nullable=False),
    Column("document", String(20), nullable=False),
    Column("token_hash", String(64)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("reference", String(120)),  # the host's own name for the user; None is a guest
    Column("customer_group", String(40)),
    Column("phone", String(30), nullable=False, server_default=""),
    Column("merged_into", Id),  # the customer that this one's address belongs to now
    Column("erased_at", UtcDateTime),
    Index("uq_mc_customer_reference", "reference", unique=True),
    Index("ix_mc_customer_customer_group", "customer_group", "id"),
    Index("ix_mc_customer_merged_into", "merged_into"),
)

address = Table(
    f"{PREFIX}customer_address",
    metadata,
    Column("id", Id, primary_key=True),
    Column("customer_id", Id, ForeignKey(f"{PREFIX}customer.id"), nullable=False, index=True),
    Column("label", String(60), nullable=False),
    Column("name", String(120), nullable=False),
    Column("street", String(200), nullable=False),
    Column("number", String(20), nullable=False),
    Column("complement", String(120), nullable=False),
    Column("district", String(120), nullable=False),
    Column("city", String(120), nullable=False),
    Column("state", String(60), nullable=False),
    Column("postal_code", String(12), nullable=False),
    Column("country", String(2), nullable=False),
    Column("default_shipping", Boolean, nullable=False, server_default=false()),
    Column("default_billing", Boolean, nullable=False, server_default=false()),
    Column("created_at", UtcDateTime, nullable=False),
    # The last line of defence: one default of each kind.
    Index(
        "uq_mc_customer_address_default_shipping",
        "customer_id",
        unique=True,
        postgresql_where=_SHIPPING,
        sqlite_where=_SHIPPING,
    ),
    Index(
        "uq_mc_customer_address_default_billing",
        "customer_id",
        unique=True,
        postgresql_where=_BILLING,
        sqlite_where=_BILLING,
    ),
)

consent = Table(
    f"{PREFIX}customer_consent",
    metadata,
    Column("id", Id, primary_key=True),
    Column("customer_id", Id, ForeignKey(f"{PREFIX}customer.id"), nullable=False),
    Column("purpose", String(40), nullable=False),
    Column("granted", Boolean, nullable=False),
    Column("version", String(40), nullable=False),  # of the text that was agreed to
    Column("source", String(120), nullable=False),  # where it was said
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_mc_customer_consent_customer_id", "customer_id", "purpose", "id"),
)
"""What a customer said of each purpose, and when; rows are only ever added."""
