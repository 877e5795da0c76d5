"""Readers read what was published: tables of the schema published instead of live views over the star."""

from __future__ import annotations

from claimhouse.schema import run_sql

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add the tables of publications; drop the live views, and the row-level security beneath them."""
    run_sql(__file__)
