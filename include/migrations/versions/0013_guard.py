"""Record the sessions that were ended, and bind Tableau's sessions on a standby too."""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Run this revision's statements."""
    run_sql(__file__)


def downgrade() -> None:
    """Drop the record, and bind as before."""
    run_sql(__file__, "downgrade")
