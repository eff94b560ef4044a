"""Who ordered, and where to, in a form that PostgreSQL finds fields in: an export of orders reads four of each."""

from collections.abc import Sequence

from alembic import op

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Make them `jsonb`. SQLite keeps JSON as text."""
    _make("jsonb")


def downgrade() -> None:
    """Make them `json` again."""
    _make("json")


def _make(kind: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        columns = (f"ALTER COLUMN {name} TYPE {kind} USING {name}::{kind}" for name in ("customer", "address"))
        op.execute(f"ALTER TABLE mc_order {', '.join(columns)}")
