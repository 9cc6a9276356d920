"""Claims that can be repeated, and top chatters in the order of an index.

Revision 0002.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Give each message a place for the name of its claim, and users of equal counts an order."""
    op.add_column("outbound_messages", sa.Column("claim", sa.Text))
    op.drop_index("user_stats_chatters")
    op.create_index("user_stats_chatters", "user_stats", ["channel_id", sa.text("total_chat_lines DESC"), "user_key"])
