"""Keep the name of a login's database role beside the login, so that the two may differ."""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Run this revision's statements."""
    run_sql(__file__)


def downgrade() -> None:
    """Give the roles the names of their logins again, and drop the column."""
    run_sql(__file__, "downgrade")
