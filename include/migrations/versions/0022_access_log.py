"""The access log of the pages, and what their list of files is read by."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

from claimhouse.schema import WouldLose, run_sql

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Create the table and the indexes."""
    run_sql(__file__)


def downgrade() -> None:
    """Take them back, where nobody has looked at a row yet.

    Raises:
        WouldLose: the log has entries.
    """
    entries = op.get_bind().scalar(text("select count(*) from quality.access_log"))
    if entries:
        raise WouldLose(f"quality.access_log has {entries} entries, which would be lost")
    run_sql(__file__, "downgrade")
