"""Store the transport of a mail when it is handed over; the ledger derived it until now."""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column, and fill in what is known of earlier mails."""
    run_sql(__file__)


def downgrade() -> None:
    """Drop the column; the ledger derives it again."""
    run_sql(__file__, "downgrade")
