"""Alembic's entry: runs on a connection that `mestres_core.db.schema` hands over, inside its transaction."""

from alembic import context

from mestres_core.db.base import VERSION_TABLE, metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=connection.dialect.name == "sqlite",
)
context.run_migrations()
