"""Record what changes in the star between two publications of a source system."""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Create the schema, and its triggers on the tables of the star."""
    run_sql(__file__)


def downgrade() -> None:
    """Drop them; a publication without them computes all rows."""
    run_sql(__file__, "downgrade")
