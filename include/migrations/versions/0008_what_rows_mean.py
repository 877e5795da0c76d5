"""Keep what a claim row means, and what its words count as.

Quarantined rows keep their amounts, and say whether they had been accepted before. Words of closed
lists count as what ``include/reference`` says, and metrics say how much is unknown.
"""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the columns; the next load fills them."""
    run_sql(__file__)


def downgrade() -> None:
    """Drop them; nothing that was received is lost."""
    run_sql(__file__, "downgrade")
