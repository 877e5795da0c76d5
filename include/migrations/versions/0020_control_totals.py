"""Counts and sums of what is published, kept by the tables, to compare with the star."""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Create the table of control totals, and what moves them. The next publication fills them."""
    run_sql(__file__)


def downgrade() -> None:
    """Drop them."""
    run_sql(__file__, "downgrade")
