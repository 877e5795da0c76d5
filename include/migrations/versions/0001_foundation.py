"""Landing, quality and star: the tables of the main job."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

FILES = [
    "landing",
    "quality",
    "star",
    "star_encounter",
    "star_appointment",
    "star_pended",
    "star_roles",
    "security",
    "crosswalk",
    "policies",
    "delivery",
    "metrics",
]


def upgrade() -> None:
    """Run this revision's SQL files, in order."""
    folder = Path(__file__).parents[1] / "sql"
    for name in FILES:
        # Past SQLAlchemy, which would take a '%' of the file for a placeholder.
        server = op.get_bind().connection.driver_connection
        server.execute((folder / f"0001_{name}.sql").read_bytes())
