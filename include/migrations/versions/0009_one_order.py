"""Keep a row for each delivery of a file, and its place in the order that decides what is newer."""

from __future__ import annotations

from alembic import op

from claimhouse.schema import WouldLose, run_sql

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add arrival and order, and keep the order that the warehouse had."""
    run_sql(__file__)


def downgrade() -> None:
    """Drop them, unless some content was delivered more than once."""
    files = "select count(*) - count(distinct (checksum, told_by_name)) from landing.file"
    if op.get_bind().exec_driver_sql(files).scalar():
        raise WouldLose(
            "earlier revisions keep one delivery of each content, and there are several"
        )
    run_sql(__file__, "downgrade")
