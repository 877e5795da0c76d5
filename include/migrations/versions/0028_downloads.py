"""Which files of dashboards were made for whom."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

from claimhouse.schema import WouldLose, run_sql

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Create the table."""
    run_sql(__file__)


def downgrade() -> None:
    """Take it back, where nobody has taken a file yet.

    Raises:
        WouldLose: the table has rows.
    """
    rows = op.get_bind().scalar(text("select count(*) from portal.download"))
    if rows:
        raise WouldLose(f"portal.download has {rows} rows, which would be lost")
    run_sql(__file__, "downgrade")
