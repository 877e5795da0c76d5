"""Spell specialties and metrics in US English."""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Rename them in every row and view that holds one."""
    run_sql(__file__)


def downgrade() -> None:
    """Rename them back."""
    run_sql(__file__, "downgrade")
