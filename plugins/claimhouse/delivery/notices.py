"""Notices: mails to the owner about what deliveries wait for, repeated until it is settled.

``delivery.needs_a_person`` says what that is. A notice counts as sent once the mail server took it;
one that may or may not have arrived is sent again.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from psycopg import Connection

from claimhouse import addresses, connections, warehouse
from claimhouse.delivery import letters, mail, outbox
from claimhouse.delivery.model import DueNotice, Matter

log = logging.getLogger(__name__)


def needs_a_person(subscription_id: str | None = None) -> list[Matter]:
    """What deliveries wait for, the oldest first; all subscriptions by default."""
    with outbox.connect() as connection:
        return warehouse.query_as(connection, Matter, "delivery/needs_a_person", subscription_id)


def send_due(connection: Connection[Any], subscription_id: str) -> str | None:
    """Mail the owner what is due about a subscription, in one mail.

    Args:
        connection: a connection of :func:`outbox.connect`, with the subscription's lock.
        subscription_id: the subscription.

    Returns:
        Why that failed; None where it did not, or nothing is due.
    """
    notices = outbox.notices_due(connection, subscription_id)
    if not notices:
        return None
    if problem := _send(subscription_id, notices):
        log.error("%s: the owner was not notified: %s", subscription_id, problem)
        return problem
    outbox.checkpoint("owner notified")
    _record(connection, notices)
    return None


def _send(subscription_id: str, notices: list[DueNotice]) -> str | None:
    """Hand one mail to the server; returns the kind of error where it is not known to be taken."""
    letter = letters.notice(subscription_id, notices)
    now = datetime.now(UTC)
    try:
        server, owner = mail.server(), mail.owner()
        # Each with an id of its own: a mailbox may show a second mail with the same one as read.
        message_id = outbox.message_id(f"{subscription_id}\x1fnotice", now, owner)
        message = mail.message(
            sender=server.sender,
            recipient=owner,
            subject=letter.subject,
            text=letter.text,
            message_id=message_id,
        )
        mail.hand_over(server, message)
    except mail.InDoubt as error:
        return f"in doubt ({error})"
    except (
        mail.NotTaken,
        mail.BadSetting,
        addresses.AddressError,
        connections.MissingConnection,
    ) as error:
        return str(error)
    return None


def _record(connection: Connection[Any], notices: list[DueNotice]) -> None:
    with connection.transaction():
        for notice in notices:
            warehouse.query(
                connection,
                "delivery/notice",
                notice.subscription_id,
                notice.period,
                notice.notice,
            )
