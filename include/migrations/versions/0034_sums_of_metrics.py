"""Sums of counts that take no memory of their own, for the sums of metrics."""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    """Create the aggregate."""
    run_sql(__file__)


def downgrade() -> None:
    """Take it back: no table depends on it."""
    run_sql(__file__, "downgrade")
