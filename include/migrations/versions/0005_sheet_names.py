"""Name the sheet of an issue and of a quarantined row."""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns."""
    run_sql(__file__)


def downgrade() -> None:
    """Drop the columns; without them the last digits of a row number are the row in its sheet."""
    run_sql(__file__, "downgrade")
