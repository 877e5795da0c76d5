"""An approved dashboard by mail is a subscription."""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    """Make subscriptions of what was approved, and of what is approved from now on."""
    run_sql(__file__)
