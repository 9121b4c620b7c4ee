"""taking over a conversation, notes on a case, and what each turn heard"""

import sqlalchemy as sa
from alembic import op

from bot.store.models import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("client", sa.Column("taken_by", sa.String(length=32), nullable=True))
    op.add_column("client", sa.Column("taken_at", UtcDateTime(timezone=True), nullable=True))
    op.add_column("message", sa.Column("heard", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("case", sa.Column("assigned_to", sa.String(length=32), nullable=True))
    op.create_table(
        "case_note",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("staff_id", sa.String(length=32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_case_note_case_id_case"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_case_note_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_note")),
    )
    op.create_index(op.f("ix_case_note_case_id"), "case_note", ["case_id"])


def downgrade() -> None:
    op.drop_table("case_note")
    op.drop_column("case", "assigned_to")
    op.drop_column("message", "heard")
    op.drop_column("client", "taken_at")
    op.drop_column("client", "taken_by")
