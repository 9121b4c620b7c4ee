"""mails about appointments and busy times"""

import sqlalchemy as sa
from alembic import op

import bot.store.models

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "calendar_mail",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("appointment_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", bot.store.models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("sent_at", bot.store.models.UtcDateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(length=200), nullable=True),
        sa.Column("created_at", bot.store.models.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["appointment_id"],
            ["appointment.id"],
            name=op.f("fk_calendar_mail_appointment_id_appointment"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_mail")),
        sa.UniqueConstraint("appointment_id", "kind", "sequence", name=op.f("uq_calendar_mail_appointment_id")),
    )
    with op.batch_alter_table("calendar_mail", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_calendar_mail_appointment_id"), ["appointment_id"], unique=False)

    op.create_table(
        "busy_time",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("clinician", sa.String(length=64), nullable=False),
        sa.Column("starts_at", bot.store.models.UtcDateTime(timezone=True), nullable=False),
        sa.Column("ends_at", bot.store.models.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_busy_time")),
    )
    with op.batch_alter_table("busy_time", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_busy_time_clinician"), ["clinician"], unique=False)


def downgrade() -> None:
    op.drop_table("busy_time")
    op.drop_table("calendar_mail")
