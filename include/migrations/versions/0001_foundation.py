"""Landing, quality and star: the tables of the main job."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

FILES = ["landing", "quality", "star", "security"]


def upgrade() -> None:
    """Run this revision's SQL files, in order."""
    folder = Path(__file__).parents[1] / "sql"
    for name in FILES:
        op.get_bind().exec_driver_sql((folder / f"0001_{name}.sql").read_text())
