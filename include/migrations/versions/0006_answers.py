"""Answers about mails in doubt, limits of attempts, notices that are repeated, and what needs a person."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

from claimhouse.schema import WouldLose, run_sql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the columns, the answers and the view of what needs a person."""
    run_sql(__file__)


def downgrade() -> None:
    """Take them back, where nobody has answered yet.

    Raises:
        WouldLose: there are answers.
    """
    answers = op.get_bind().scalar(text("select count(*) from delivery.answer"))
    if answers:
        raise WouldLose(f"delivery.answer has {answers} answers about mails, which would be lost")
    run_sql(__file__, "downgrade")
