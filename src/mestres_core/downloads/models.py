"""Files of digital goods, and what buyers may fetch."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    String,
    Table,
    UniqueConstraint,
)

from mestres_core.db.base import PREFIX, Id, UtcDateTime, metadata

download = Table(
    f"{PREFIX}download",
    metadata,
    Column("id", Id, primary_key=True),
    Column("variant_id", Id, ForeignKey(f"{PREFIX}variant.id"), nullable=False, index=True),
    Column("name", String(120), nullable=False),
    Column("location", String(500), nullable=False),  # the host's own: a path, a key of a store, an address
    Column("most_downloads", Integer),  # for each piece bought; None: no limit
    Column("days", Integer),  # after delivery; None: for ever
    Column("active", Boolean, nullable=False),
    Column("position", Integer, nullable=False),
)

grant = Table(
    f"{PREFIX}download_grant",
    metadata,
    Column("id", Id, primary_key=True),
    Column("token", String(64), nullable=False, unique=True),
    Column("line_id", Id, ForeignKey(f"{PREFIX}order_line.id"), nullable=False),
    Column("download_id", Id, ForeignKey(f"{PREFIX}download.id"), nullable=False, index=True),
    Column("most_downloads", Integer),
    Column("used", Integer, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("line_id", "download_id"),
    CheckConstraint("used >= 0 AND used <= most_downloads", name="used"),
)
