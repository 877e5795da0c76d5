"""What the views of metrics were made of."""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    """Let a publication leave views that are as they should be."""
    run_sql(__file__)


def downgrade() -> None:
    """Forget what they were made of."""
    run_sql(__file__, "downgrade")
