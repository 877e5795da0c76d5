"""Under which version of its contract each batch was read."""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    """Add the versions of contracts and the readings of batches."""
    run_sql(__file__)


def downgrade() -> None:
    """Take them away: batches are read again under the contract of the day."""
    run_sql(__file__, "downgrade")
