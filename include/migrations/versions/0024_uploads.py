"""Files that people upload on the pages."""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Create the list of uploads."""
    run_sql(__file__)


def downgrade() -> None:
    """Drop it; the files stay where they are."""
    run_sql(__file__, "downgrade")
