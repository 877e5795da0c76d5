"""What an extract covers, and in how many parts it goes out."""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    """Add what subscriptions say about it, and how far back reports can be read again."""
    run_sql(__file__)


def downgrade() -> None:
    """Take it away: every extract has all rows, and fails where its format does not hold them."""
    run_sql(__file__, "downgrade")
