"""Which feeds are expected, and how often."""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    """Create the table; the next publication fills it."""
    run_sql(__file__)


def downgrade() -> None:
    """Take it back: each publication writes it anew."""
    run_sql(__file__, "downgrade")
