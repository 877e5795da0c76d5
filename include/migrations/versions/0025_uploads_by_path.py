"""Find the upload that a landed file was."""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Create the index."""
    run_sql(__file__)


def downgrade() -> None:
    """Drop it."""
    run_sql(__file__, "downgrade")
