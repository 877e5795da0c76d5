"""Keep what published rows follow from besides the star: the next edition can follow the changes alone."""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add the table."""
    run_sql(__file__)


def downgrade() -> None:
    """Drop it: the next publication compares everything."""
    run_sql(__file__, "downgrade")
