"""A reader's plan shows the partitions of its own audience, whatever the reader sets."""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Refuse plans without pruning; keep no statistics over the rows of all audiences."""
    run_sql(__file__)


def downgrade() -> None:
    """Back to the function as it was."""
    run_sql(__file__, "downgrade")
