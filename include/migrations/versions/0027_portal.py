"""The readers' portal: who signs in, as which login they read, and the role of its process."""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Create its tables and its role."""
    run_sql(__file__)
