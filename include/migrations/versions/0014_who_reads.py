"""Say for any session as which login it reads, and forget its plans when it is bound."""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Run this revision's statements."""
    run_sql(__file__)


def downgrade() -> None:
    """Define the functions as before."""
    run_sql(__file__, "downgrade")
