"""Let reports about the pipeline read what arrived, what was wrong and what was sent."""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Grant the columns."""
    run_sql(__file__)


def downgrade() -> None:
    """Revoke them."""
    run_sql(__file__, "downgrade")
