"""Find the facts of a patient and of a provider without reading all facts."""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Create the indexes."""
    run_sql(__file__)


def downgrade() -> None:
    """Drop them."""
    run_sql(__file__, "downgrade")
