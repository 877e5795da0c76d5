"""Notices: mails to the owner, one for each kind of problem of a period."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime
from typing import Any

from psycopg import Connection

from claimhouse import settings, warehouse
from claimhouse.delivery import mail, outbox

log = logging.getLogger(__name__)


def notify_owner(
    connection: Connection[Any], subscription_id: str, period: datetime, kind: str, text: str
) -> None:
    """Mail the owner, once for each *kind*. Where the mail fails, the next run sends it.

    Args:
        connection: a connection of :func:`outbox.connect`.
        subscription_id: the subscription it is about.
        period: the period it is about.
        kind: a few words: the end of the subject, and what makes the notice the same.
        text: the plain text; names no recipient and no data.
    """
    if warehouse.query(connection, "delivery/notice_sent", subscription_id, period, kind):
        return
    owner = settings.owner_address()
    server = mail.server()
    message = mail.message(
        sender=server.sender,
        recipient=owner,
        subject=f"Claimhouse: {subscription_id}, {period:%Y-%m-%d}: {kind}",
        text=text,
        message_id=outbox.message_id(f"{subscription_id}\x1f{kind}", period, owner),
    )
    try:
        with suppress(mail.InDoubt):
            mail.hand_over(server, message)
    except mail.NotTaken as error:
        log.warning("the owner was not notified: %s", error)
        return
    warehouse.query(connection, "delivery/notice", subscription_id, period, kind)
