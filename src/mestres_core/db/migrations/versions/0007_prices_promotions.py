"""Price lists, promotions and their codes. What was a coupon is a code of a promotion from now on."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Moment = sa.DateTime(timezone=True)
_COUPON = "coupon:"

_FLOOR = """
    ALTER TABLE mc_price ADD COLUMN floor BIGINT DEFAULT 0 NOT NULL CONSTRAINT ck_mc_price_floor CHECK (floor >= 0)
"""
# The newest orders that hold a coupon now, as many as are counted: who has given it back is not to be counted again.
_USES = """
    INSERT INTO mc_promotion_use (order_number, promotion_id, code, customer, amount, state, created_at)
    SELECT number, promotion_id, code, customer, amount, 'taken', created_at FROM (
        SELECT o.number, c.promotion_id, c.code, CAST(o.customer_id AS varchar(254)) AS customer, {amount} AS amount,
               o.created_at, c.uses, row_number() OVER (PARTITION BY c.code ORDER BY o.id DESC) AS place
        FROM mc_order o {each} JOIN mc_promotion_code c ON c.code = {code}
        WHERE o.status IN ('pending', 'placed', 'completed')
    ) AS held WHERE place <= uses
"""
_USES_OF = {
    "postgresql": _USES.format(
        each="CROSS JOIN LATERAL json_array_elements(o.coupons) AS e(pair)",
        code="e.pair ->> 0",
        amount="CAST(e.pair ->> 1 AS bigint)",
    ),
    "sqlite": _USES.format(
        each="JOIN json_each(o.coupons) AS e",
        code="json_extract(e.value, '$[0]')",
        amount="json_extract(e.value, '$[1]')",
    ),
}
_coupon = sa.table(
    "mc_coupon",
    *(sa.column(name) for name in ("code", "kind", "value", "currency", "minimum", "most_uses", "uses")),
    *(sa.column(name, Moment) for name in ("starts_at", "ends_at", "created_at")),
    sa.column("active", sa.Boolean),
)
_promotion = sa.table(
    "mc_promotion",
    *(sa.column(name) for name in ("id", "key", "name", "kind", "currency", "uses", "spent")),
    *(sa.column(name, Moment) for name in ("starts_at", "ends_at", "created_at", "updated_at")),
    *(sa.column(name, sa.Boolean) for name in ("active", "needs_code", "reusable")),
    sa.column("definition", sa.JSON),
)
_code = sa.table(
    "mc_promotion_code",
    *(sa.column(name) for name in ("code", "promotion_id", "most_uses", "uses")),
    sa.column("created_at", Moment),
)


def upgrade() -> None:
    """Create the tables, and make promotions of the coupons."""
    op.execute(_FLOOR)
    _create_prices()
    _create_promotions()
    _move_coupons()
    op.drop_table("mc_coupon")


def downgrade() -> None:
    """Make coupons of the codes that were coupons, and drop the tables: other promotions are lost."""
    _create_coupons()
    _move_back()
    for table in ("mc_promotion_customer", "mc_promotion_use", "mc_promotion_code", "mc_promotion"):
        op.drop_table(table)
    op.drop_table("mc_special_price")
    op.drop_table("mc_price_list")
    op.drop_column("mc_price", "floor")


def _create_prices() -> None:
    op.create_table(
        "mc_price_list",
        sa.Column("id", Id, nullable=False),
        sa.Column("code", sa.String(80), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("customer_group", sa.String(80), nullable=True),
        sa.Column("channel", sa.String(40), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("sale", sa.Boolean(), nullable=False),
        sa.Column("starts_at", Moment, nullable=True),
        sa.Column("ends_at", Moment, nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_price_list")),
        sa.UniqueConstraint("code", name=op.f("uq_mc_price_list_code")),
    )
    op.create_table(
        "mc_special_price",
        sa.Column("id", Id, nullable=False),
        sa.Column("variant_id", Id, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("list_id", Id, nullable=True),
        sa.Column("customer_group", sa.String(80), nullable=True),
        sa.Column("channel", sa.String(40), nullable=True),
        sa.Column("min_quantity", sa.Integer(), nullable=False),
        sa.Column("starts_at", Moment, nullable=True),
        sa.Column("ends_at", Moment, nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_mc_special_price_amount")),
        sa.CheckConstraint("min_quantity >= 1", name=op.f("ck_mc_special_price_min_quantity")),
        sa.ForeignKeyConstraint(["variant_id"], ["mc_variant.id"], name=op.f("fk_mc_special_price_variant_id")),
        sa.ForeignKeyConstraint(["list_id"], ["mc_price_list.id"], name=op.f("fk_mc_special_price_list_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_special_price")),
    )
    op.create_index("ix_mc_special_price_variant_id", "mc_special_price", ["variant_id", "currency"])
    op.create_index("ix_mc_special_price_list_id", "mc_special_price", ["list_id"])


def _create_promotions() -> None:
    op.create_table(
        "mc_promotion",
        sa.Column("id", Id, nullable=False),
        sa.Column("key", sa.String(80), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=True),
        sa.Column("starts_at", Moment, nullable=True),
        sa.Column("ends_at", Moment, nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("needs_code", sa.Boolean(), nullable=False),
        sa.Column("reusable", sa.Boolean(), nullable=False),
        sa.Column("most_uses", sa.Integer(), nullable=True),
        sa.Column("most_uses_per_customer", sa.Integer(), nullable=True),
        sa.Column("budget", sa.BigInteger(), nullable=True),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("updated_at", Moment, nullable=False),
        sa.CheckConstraint("uses >= 0 AND (most_uses IS NULL OR uses <= most_uses)", name=op.f("ck_mc_promotion_uses")),
        sa.CheckConstraint("spent >= 0 AND (budget IS NULL OR spent <= budget)", name=op.f("ck_mc_promotion_spent")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_promotion")),
        sa.UniqueConstraint("key", name=op.f("uq_mc_promotion_key")),
    )
    op.create_table(
        "mc_promotion_code",
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("promotion_id", Id, nullable=False),
        sa.Column("most_uses", sa.Integer(), nullable=True),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.CheckConstraint(
            "uses >= 0 AND (most_uses IS NULL OR uses <= most_uses)", name=op.f("ck_mc_promotion_code_uses")
        ),
        sa.ForeignKeyConstraint(["promotion_id"], ["mc_promotion.id"], name=op.f("fk_mc_promotion_code_promotion_id")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_mc_promotion_code")),
    )
    op.create_index("ix_mc_promotion_code_promotion_id", "mc_promotion_code", ["promotion_id", "code"])
    op.create_table(
        "mc_promotion_use",
        sa.Column("id", Id, nullable=False),
        sa.Column("order_number", sa.String(32), nullable=False),
        sa.Column("promotion_id", Id, nullable=False),
        sa.Column("code", sa.String(40), nullable=True),
        sa.Column("customer", sa.String(254), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_mc_promotion_use_amount")),
        sa.ForeignKeyConstraint(["promotion_id"], ["mc_promotion.id"], name=op.f("fk_mc_promotion_use_promotion_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mc_promotion_use")),
        sa.UniqueConstraint("order_number", "promotion_id", name=op.f("uq_mc_promotion_use_order_number_promotion_id")),
    )
    op.create_index("ix_mc_promotion_use_promotion_id", "mc_promotion_use", ["promotion_id", "state"])
    op.create_index("ix_mc_promotion_use_code", "mc_promotion_use", ["code", "state"])
    op.create_table(
        "mc_promotion_customer",
        sa.Column("promotion_id", Id, autoincrement=False, nullable=False),
        sa.Column("customer", sa.String(254), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.CheckConstraint("uses >= 0", name=op.f("ck_mc_promotion_customer_uses")),
        sa.ForeignKeyConstraint(
            ["promotion_id"], ["mc_promotion.id"], name=op.f("fk_mc_promotion_customer_promotion_id")
        ),
        sa.PrimaryKeyConstraint("promotion_id", "customer", name=op.f("pk_mc_promotion_customer")),
    )
    op.create_index("ix_mc_promotion_customer_customer", "mc_promotion_customer", ["customer"])


def _create_coupons() -> None:
    op.create_table(
        "mc_coupon",
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("minimum", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", Moment, nullable=True),
        sa.Column("ends_at", Moment, nullable=True),
        sa.Column("most_uses", sa.Integer(), nullable=True),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.CheckConstraint("value > 0", name=op.f("ck_mc_coupon_value")),
        sa.CheckConstraint("uses >= 0 AND (most_uses IS NULL OR uses <= most_uses)", name=op.f("ck_mc_coupon_uses")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_mc_coupon")),
    )


def _move_coupons() -> None:
    connection, now = op.get_bind(), datetime.now(UTC)
    for row in connection.execute(sa.select(_coupon).order_by(_coupon.c.code)).all():
        percent = {"type": "percent", "percent": row.value / 100}
        action = percent if row.kind == "percent" else {"type": "fixed", "amount": row.value}
        conditions = [{"type": "amount", "minimum": row.minimum}] if row.minimum else []
        values = {
            "key": f"{_COUPON}{row.code}",
            "name": row.code,
            "kind": "cart",
            "definition": {"conditions": conditions, "actions": [action]},
            "currency": row.currency,
            "starts_at": row.starts_at,
            "ends_at": row.ends_at,
            "active": row.active,
            "needs_code": True,
            "reusable": True,
            "uses": 0,
            "spent": 0,
            "created_at": row.created_at,
            "updated_at": now,
        }
        made = connection.execute(sa.insert(_promotion).values(values).returning(_promotion.c.id)).scalar_one()
        counted = {"most_uses": row.most_uses, "uses": row.uses, "created_at": row.created_at}
        connection.execute(sa.insert(_code).values(code=row.code, promotion_id=made, **counted))
    op.execute(_USES_OF[connection.dialect.name])


def _move_back() -> None:
    connection = op.get_bind()
    together = _promotion.join(_code, _code.c.promotion_id == _promotion.c.id)
    columns = (_promotion, _code.c.code, _code.c.most_uses, _code.c.uses.label("times"))
    query = sa.select(*columns).select_from(together).where(_promotion.c.key == sa.literal(_COUPON) + _code.c.code)
    for row in connection.execute(query).all():
        action, conditions = row.definition["actions"][0], row.definition["conditions"]
        values = {
            "code": row.code,
            "kind": action["type"],
            "value": round(action["percent"] * 100) if action["type"] == "percent" else action["amount"],
            "currency": row.currency,
            "minimum": conditions[0]["minimum"] if conditions else 0,
            "starts_at": row.starts_at,
            "ends_at": row.ends_at,
            "most_uses": row.most_uses,
            "uses": row.times,
            "active": row.active,
            "created_at": row.created_at,
        }
        connection.execute(sa.insert(_coupon).values(values))
