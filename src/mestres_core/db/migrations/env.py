"""Alembic's entry: runs on a connection that `mestres_core.db.schema` hands over, inside its transaction."""

from alembic import context

from mestres_core.db.base import PREFIX, VERSION_TABLE, metadata
from mestres_core.db.schema import own_name

_UNDECLARED = (
    f"{PREFIX}search_document",
    "search_",
    f"ix_{PREFIX}product_search_",
    f"ix_{PREFIX}stock_level_available",
)

# What the host has in the same database is not ours to compare: autogenerate sees our tables only.
connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table=own_name(connection, VERSION_TABLE),
    version_table_schema=context.config.attributes.get("schema"),
    include_name=lambda name, kind, _parents: kind != "table" or (name or "").startswith(PREFIX),
    # The full-text index and an index by an expression are the database's own: no metadata have them.
    include_object=lambda _object, name, _kind, _reflected, _other: not (name or "").startswith(_UNDECLARED),
    render_as_batch=connection.dialect.name == "sqlite",
)
context.run_migrations()
