"""signing in: visits, second factor, one-time links, addresses with wrong sign-ins"""

import sqlalchemy as sa
from alembic import op

import bot.store.models

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sign_in_address",
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", bot.store.models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("blocked_until", bot.store.models.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("address", name=op.f("pk_sign_in_address")),
    )
    op.create_table(
        "recovery_code",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("staff_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_recovery_code_staff_id_staff"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_code")),
    )
    with op.batch_alter_table("recovery_code", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_recovery_code_staff_id"), ["staff_id"], unique=False)

    op.create_table(
        "staff_link",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("staff_id", sa.String(length=32), nullable=False),
        sa.Column("expires_at", bot.store.models.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_staff_link_staff_id_staff"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_link")),
    )
    with op.batch_alter_table("staff_link", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_staff_link_staff_id"), ["staff_id"], unique=False)

    op.create_table(
        "staff_visit",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("staff_id", sa.String(length=32), nullable=False),
        sa.Column("way", sa.String(length=8), nullable=False),
        sa.Column("second_factor_at", bot.store.models.UtcDateTime(timezone=True), nullable=True),
        sa.Column("began_at", bot.store.models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("seen_at", bot.store.models.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_staff_visit_staff_id_staff"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_visit")),
    )
    with op.batch_alter_table("staff_visit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_staff_visit_staff_id"), ["staff_id"], unique=False)

    # Plain statements, no batch: SQLite would make the table anew, and cases and visits refer to it.
    op.add_column("staff", sa.Column("totp_sealed", sa.String(length=200), nullable=True))
    op.add_column("staff", sa.Column("totp_since", bot.store.models.UtcDateTime(timezone=True), nullable=True))
    op.add_column("staff", sa.Column("totp_step", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("staff", sa.Column("oidc_subject", sa.String(length=512), nullable=True))
    op.create_index("uq_staff_oidc_subject", "staff", ["oidc_subject"], unique=True)


def downgrade() -> None:
    op.drop_index("uq_staff_oidc_subject", "staff")
    for column in ("oidc_subject", "totp_step", "totp_since", "totp_sealed"):
        op.drop_column("staff", column)
    with op.batch_alter_table("staff_visit", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_staff_visit_staff_id"))

    op.drop_table("staff_visit")
    with op.batch_alter_table("staff_link", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_staff_link_staff_id"))

    op.drop_table("staff_link")
    with op.batch_alter_table("recovery_code", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_recovery_code_staff_id"))

    op.drop_table("recovery_code")
    op.drop_table("sign_in_address")
