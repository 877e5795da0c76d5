"""Rename the tables of published counts: they are count tables."""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Rename the schema and its tables."""
    run_sql(__file__)


def downgrade() -> None:
    """Rename them back."""
    run_sql(__file__, "downgrade")
