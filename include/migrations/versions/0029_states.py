"""From what a page of published reports follows, as one value."""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """Add it to the view of readers."""
    run_sql(__file__)


def downgrade() -> None:
    """Take it back."""
    run_sql(__file__, "downgrade")
