"""indexes of the few messages that are open or due, and of what answers what"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_message_open", table_name="message")
    op.drop_index("ix_message_due", table_name="message")
    for name, lacks in (("ix_message_open", "answered_at"), ("ix_message_due", "delivered_at")):
        where = sa.text(f"{lacks} IS NULL")
        op.create_index(name, "message", ["conversation_id", "seq"], sqlite_where=where, postgresql_where=where)
    op.create_index("ix_message_in_reply_to", "message", ["in_reply_to"])


def downgrade() -> None:
    op.drop_index("ix_message_in_reply_to", table_name="message")
    op.drop_index("ix_message_due", table_name="message")
    op.drop_index("ix_message_open", table_name="message")
    op.create_index("ix_message_due", "message", ["direction", "delivered_at"])
    op.create_index("ix_message_open", "message", ["direction", "answered_at"])
