"""What people decide about issues, and counts of issues."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

from claimhouse.schema import WouldLose, run_sql

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Create the tables, and count the issues there are."""
    run_sql(__file__)


def downgrade() -> None:
    """Take them back, where nobody has decided anything yet.

    Raises:
        WouldLose: somebody has.
    """
    acts = op.get_bind().scalar(text("select count(*) from quality.review_act"))
    if acts:
        raise WouldLose(f"quality.review_act has {acts} acts, which would be lost")
    run_sql(__file__, "downgrade")
