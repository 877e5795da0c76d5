"""Whoever may sign in no more is mailed no dashboard."""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    """Stop a mail when the account of whoever asked is removed."""
    run_sql(__file__)


def downgrade() -> None:
    """Let mails go on."""
    run_sql(__file__, "downgrade")
