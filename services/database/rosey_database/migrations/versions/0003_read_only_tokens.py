"""Tokens that may only read.

Revision 0003.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let those that there are go on doing both."""
    op.add_column("api_tokens", sa.Column("read_only", sa.Integer, nullable=False, server_default="0"))
