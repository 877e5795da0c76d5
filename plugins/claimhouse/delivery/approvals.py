"""Approvals: extracts that leave only after a person has looked at their row count."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from psycopg import Connection

from claimhouse import warehouse
from claimhouse.delivery import outbox
from claimhouse.delivery.model import Approval, Subscription


def approvals_to_ask() -> list[dict[str, Any]]:
    """The files that need approval and that nobody was asked about in the last hour.

    The DAG ``approve_extract`` asks, in one run for each file. A worker may die before it starts
    that run, so a file without an answer is returned again; to start its run twice does nothing.
    The values are the parameters of the run, as text a person reads.
    """
    with outbox.connect() as connection:
        approvals = warehouse.query_as(connection, Approval, "delivery/approvals_wanted")
        for approval in approvals:
            warehouse.query(connection, "delivery/approval_asked", approval.extract_id)
    return [_as_parameters(approval) for approval in approvals]


def decide(extract_id: int, *, may_be_sent: bool, by: str) -> str | None:
    """Record a person's decision about a file. A refused file is never sent.

    Returns:
        The subscription to send now; None where the file is refused or was decided before.
    """
    with outbox.connect() as connection, connection.transaction():
        decided = warehouse.query(
            connection, "delivery/approval_decided", extract_id, may_be_sent, by
        )
        if decided and not may_be_sent:
            warehouse.query(connection, "delivery/outbox_refused", extract_id)
    return decided[0]["subscription_id"] if decided and may_be_sent else None


def require_where_needed(
    connection: Connection[Any],
    subscription: Subscription,
    extract_id: int,
    row_count: int,
    *,
    has_all: bool = True,
) -> None:
    """Require approval of a file where its subscription asks for that.

    Args:
        connection: a connection of :func:`outbox.connect`.
        subscription: of the file.
        extract_id: the file.
        row_count: how many rows it has.
        has_all: whether it has all rows, not only what has changed; it is compared with its like.
    """
    newest = warehouse.query(
        connection, "delivery/previous_count", subscription.subscription_id, has_all
    )
    previous: int | None = newest[0]["row_count"] if newest else None
    if previous is None:
        if not subscription.approve_first:
            return
        why = "the first delivery"
    elif not jumps(previous, row_count, subscription.approve_ratio):
        return
    else:
        why = f"the rows change by more than {subscription.approve_ratio:f} times"
    warehouse.query(connection, "delivery/approval", extract_id, why, previous)


def jumps(previous: int, row_count: int, ratio: Decimal | float | None) -> bool:
    """Whether the rows grew or shrank by more than *ratio* times; from or to none is a jump.

    Args:
        previous: the rows of the last file.
        row_count: the rows of this one.
        ratio: above 1; None for no limit.
    """
    if ratio is None or previous == row_count:
        return False
    fewer, more = sorted((previous, row_count))
    return fewer == 0 or more > fewer * ratio


def _as_parameters(approval: Approval) -> dict[str, Any]:
    previous = approval.previous_row_count
    return vars(approval) | {
        "period": approval.period.isoformat(),
        "row_count": f"{approval.row_count:,}",
        "previous_row_count": "none" if previous is None else f"{previous:,}",
    }
