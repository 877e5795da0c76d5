"""Sending: hand each waiting mail to the mail server, once, and log each disclosure."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import Connection

from claimhouse import settings, warehouse
from claimhouse.delivery import extract, letters, mail, notices, outbox, transports
from claimhouse.delivery.model import DeliveryError, Subscription, WaitingMail

log = logging.getLogger(__name__)


def send(subscription_id: str) -> int:
    """Send what the outbox holds for a subscription, each mail once, and log each disclosure.

    A mail that the server refuses for good becomes ``failed``; any other stays for the next
    attempt. What needs approval waits for it.

    Returns:
        How many mails the server took.

    Raises:
        DeliveryError: some could not be sent; the others were.
    """
    problems: list[str] = []
    sent = 0
    with outbox.connect() as connection, outbox.locked(connection, subscription_id):
        for waiting in outbox.waiting(connection, subscription_id):
            if waiting.state == "sending" and (
                problem := _settle(connection, subscription_id, waiting)
            ):
                problems.append(problem)
        for subscription in outbox.active_subscriptions(connection, subscription_id):
            if subscription.held_for:
                continue
            for waiting in outbox.waiting(connection, subscription_id):
                if waiting.state != "prepared":
                    continue
                if problem := _send_one(connection, subscription, waiting):
                    problems.append(problem)
                else:
                    sent += 1
        outbox.tidy(connection)
    if problems:
        raise DeliveryError(_summary(subscription_id, sent, problems))
    return sent


def _summary(subscription_id: str, sent: int, problems: list[str]) -> str:
    """What was not sent, and why: ``... 1 of 2 mails was not sent: RCPT 550``."""
    total = sent + len(problems)
    mails = "mail" if total == 1 else "mails"
    were = "was" if len(problems) == 1 else "were"
    reasons = ", ".join(sorted(set(problems)))
    return f"{subscription_id}: {len(problems)} of {total} {mails} {were} not sent: {reasons}"


def _settle(connection: Connection[Any], subscription_id: str, waiting: WaitingMail) -> str | None:
    """Find out about a mail whose run died, or lost the server, before the server's answer.

    Returns:
        Why that is not known yet; None once it is settled.
    """
    journal = mail.journal()
    if journal is None:
        warehouse.query(connection, "delivery/outbox_in_doubt", waiting.outbox_id)
        kind = f"in doubt {waiting.outbox_id}"
        text = letters.in_doubt(waiting)
        notices.notify_owner(connection, subscription_id, waiting.period, kind, text)
        return None
    try:
        has_arrived = mail.is_in_journal(journal, waiting.message_id)
    except OSError as error:
        return f"the journal did not answer ({type(error).__name__})"
    if has_arrived:
        warehouse.query(connection, "delivery/disclosure", waiting.outbox_id, None)
        return None
    wait = timedelta(minutes=settings.journal_minutes())
    if waiting.sending_at is not None and datetime.now(UTC) - waiting.sending_at < wait:
        return "the journal may not have it yet"
    warehouse.query(connection, "delivery/outbox_waits", waiting.outbox_id, "not in the journal")
    return None


def _send_one(
    connection: Connection[Any], subscription: Subscription, waiting: WaitingMail
) -> str | None:
    """Send one mail and record it; returns the kind of error where that failed."""
    if not outbox.is_usable(subscription, waiting):
        problem = "its file must be prepared again"
        warehouse.query(connection, "delivery/outbox_waits", waiting.outbox_id, problem)
        return problem
    outbox.checkpoint("handing over")
    try:
        server_id = _hand_over(connection, subscription, waiting)
    except mail.NotTaken as error:
        outcome = "outbox_failed" if error.is_final else "outbox_waits"
        warehouse.query(connection, f"delivery/{outcome}", waiting.outbox_id, str(error))
        return str(error)
    except mail.InDoubt as error:
        handed_over = replace(waiting, sending_at=datetime.now(UTC))
        _settle(connection, subscription.subscription_id, handed_over)
        return f"in doubt ({error})"
    outbox.checkpoint("accepted")
    warehouse.query(connection, "delivery/disclosure", waiting.outbox_id, server_id)
    outbox.checkpoint("sent")
    log.info("sent %s, %s", waiting.file_name, waiting.message_id)
    return None


def _hand_over(
    connection: Connection[Any], subscription: Subscription, waiting: WaitingMail
) -> str | None:
    """Put the file on its transport and hand the mail to the server; returns the server's id."""
    server, journal = mail.server(), mail.journal()
    transport = transports.choose(subscription.transport, waiting.size_bytes)
    file = settings.extract_folder() / waiting.file_name
    media_type = extract.FORMATS[waiting.format].media_type
    enclosure = transports.TRANSPORTS[transport].enclose(connection, waiting, file, media_type)
    letter = letters.with_extract(subscription, waiting, enclosure.text)
    message = mail.message(
        sender=server.sender,
        recipient=waiting.recipient,
        subject=letter.subject,
        text=letter.text,
        message_id=waiting.message_id,
        attachment=enclosure.attachment,
    )

    def last_moment() -> None:
        outbox.checkpoint("handed over")
        warehouse.query(connection, "delivery/outbox_sending", waiting.outbox_id, transport)
        outbox.checkpoint("sending")

    return mail.hand_over(server, message, journal.address if journal else None, last_moment)
