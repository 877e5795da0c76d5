"""Two publications of different source systems at the same time."""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    """Give the rows that all source systems share two locks: a publication takes one, a writer both."""
    run_sql(__file__)


def downgrade() -> None:
    """Give them one again."""
    run_sql(__file__, "downgrade")
