"""Rank the batches in one pass; the time grew with the square of the deliveries of a feed."""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Define the view anew; it says the same."""
    run_sql(__file__)


def downgrade() -> None:
    """Nothing to take back."""
