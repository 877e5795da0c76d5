"""The roles of the pages."""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Create the roles that the pages work as."""
    run_sql(__file__)


def downgrade() -> None:
    """Take their rights away."""
    run_sql(__file__, "downgrade")
