"""The words of products by better rules: plurals and gender, quantities, and what mistyped words may mean."""

import sqlalchemy as sa
from alembic import op

from mestres_core.catalog.indexing import index_all

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Index every product and its words anew."""
    index_all(op.get_bind())


def downgrade() -> None:
    """Leave them: older code finds most of them by the newer rules, and a product that is saved gets the older ones."""
    op.execute(sa.text("SELECT 1"))
