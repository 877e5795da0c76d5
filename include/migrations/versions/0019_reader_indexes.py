"""Indexes by which readers find the visit of an appointment and the newest report of the pend queue."""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Create the indexes."""
    run_sql(__file__)


def downgrade() -> None:
    """Drop them."""
    run_sql(__file__, "downgrade")
