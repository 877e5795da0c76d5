"""Who asks to be mailed a dashboard, and what is decided about it."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

from claimhouse.schema import WouldLose, run_sql

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    """Create the table."""
    run_sql(__file__)


def downgrade() -> None:
    """Take it back, where nobody has asked yet.

    Raises:
        WouldLose: the table has rows.
    """
    rows = op.get_bind().scalar(text("select count(*) from portal.mailing"))
    if rows:
        raise WouldLose(f"portal.mailing has {rows} rows, which would be lost")
    run_sql(__file__, "downgrade")
