"""Remember the days that each feed from a database was asked for."""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the table."""
    run_sql(__file__)


def downgrade() -> None:
    """Drop the table; an earlier version asks for the day of its run alone."""
    run_sql(__file__, "downgrade")
