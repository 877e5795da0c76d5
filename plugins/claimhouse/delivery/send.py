"""Sending: hand each waiting mail to the mail server, once, and log each disclosure."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import Connection

from claimhouse import addresses, settings, warehouse
from claimhouse.delivery import dashboards, extract, letters, mail, notices, outbox, transports
from claimhouse.delivery.model import (
    Dashboards,
    DeliveryError,
    Subscription,
    UnsettledMail,
    WaitingMail,
)

log = logging.getLogger(__name__)


def send(subscription_id: str, *, known: Dashboards = dashboards.UNKNOWN) -> int:
    """Send what the outbox holds for a subscription, each mail once, and log each disclosure.

    A mail that the server refuses for good, or too often, becomes ``failed``; any other stays for
    the next attempt. What needs approval waits for it, and a dashboard until it may be mailed. At
    the end the owner is notified of what needs a person.

    Args:
        subscription_id: the subscription.
        known: what knows dashboards; without it none is mailed.

    Returns:
        How many mails the server took.

    Raises:
        DeliveryError: some could not be sent, or the owner not notified; the others were.
    """
    problems: list[str] = []
    sent = 0
    with outbox.connect() as connection, outbox.locked(connection, subscription_id):
        problems += _settle_all(connection, subscription_id)
        for subscription in outbox.active_subscriptions(connection, subscription_id):
            if subscription.held_for:
                continue
            for waiting in outbox.waiting(connection, subscription_id):
                if subscription.is_dashboard and (why := known.problem(subscription)):
                    dashboards.refuse(connection, subscription, waiting.period, why)
                elif problem := _send_one(connection, subscription, waiting, known):
                    problems.append(problem)
                else:
                    sent += 1
        outbox.tidy(connection)
        not_notified = notices.send_due(connection, subscription_id)
    if problems or not_notified:
        raise DeliveryError(_summary(subscription_id, sent, problems, not_notified))
    return sent


def notify_owner() -> None:
    """Mail the owner about all that needs a person and is due; asks no subscription's data or file.

    What another run is sending is left to it.

    Raises:
        DeliveryError: a notice was not sent; the others were.
    """
    problems: list[str] = []
    with outbox.connect() as connection:
        for subscription_id in outbox.in_question(connection):
            try:
                with outbox.locked(connection, subscription_id):
                    problems += _settle_all(connection, subscription_id)
                    if problem := notices.send_due(connection, subscription_id):
                        problems.append(f"the owner was not notified: {problem}")
            except outbox.Busy:
                log.info("%s: another run notifies the owner", subscription_id)
    if problems:
        raise DeliveryError("; ".join(sorted(set(problems))))


def _summary(subscription_id: str, sent: int, problems: list[str], not_notified: str | None) -> str:
    """What was not sent, and why: ``... 1 of 2 mails was not sent: RCPT 550``."""
    parts = []
    if problems:
        total = sent + len(problems)
        mails = "mail" if total == 1 else "mails"
        were = "was" if len(problems) == 1 else "were"
        reasons = ", ".join(sorted(set(problems)))
        parts.append(f"{len(problems)} of {total} {mails} {were} not sent: {reasons}")
    if not_notified:
        parts.append(f"the owner was not notified: {not_notified}")
    return f"{subscription_id}: {'; '.join(parts)}"


def _settle_all(connection: Connection[Any], subscription_id: str) -> list[str]:
    """Settle the mails whose run died; returns why some cannot be settled yet."""
    unsettled = outbox.unsettled(connection, subscription_id)
    return [problem for waiting in unsettled if (problem := _settle(connection, waiting))]


def _settle(connection: Connection[Any], waiting: UnsettledMail) -> str | None:
    """Find out about a mail whose run died, or lost the server, before the server's answer.

    Returns:
        Why that is not known yet; None once it is settled, or is a person's to answer.
    """
    journal = mail.journal()
    if journal is None:
        warehouse.query(connection, "delivery/outbox_in_doubt", waiting.outbox_id)
        return None
    try:
        has_arrived = mail.is_in_journal(journal, waiting.message_id)
    except OSError as error:
        return f"the journal did not answer ({type(error).__name__})"
    if has_arrived:
        handed_over = waiting.sending_at
        warehouse.query(connection, "delivery/disclosure", waiting.outbox_id, None, handed_over)
        return None
    wait = timedelta(minutes=settings.journal_minutes())
    if datetime.now(UTC) - waiting.sending_at < wait:
        return "the journal may not have it yet"
    _not_taken(connection, waiting.outbox_id, mail.NotTaken("not in the journal"))
    return None


def _not_taken(connection: Connection[Any], outbox_id: int, error: mail.NotTaken) -> None:
    """Record that the server certainly did not take a mail: it waits, or has failed."""
    warehouse.query(
        connection,
        "delivery/outbox_not_taken",
        outbox_id,
        str(error),
        error.is_final,
        int(error.is_counted),
        settings.mail_attempts(),
    )


def _send_one(
    connection: Connection[Any],
    subscription: Subscription,
    waiting: WaitingMail,
    known: Dashboards,
) -> str | None:
    """Send one mail and record it; returns the kind of error where that failed."""
    if not outbox.is_usable(subscription, waiting):
        problem = "its file must be prepared again"
        _not_taken(connection, waiting.outbox_id, mail.NotTaken(problem))
        return problem
    outbox.checkpoint("handing over")
    try:
        server_id = _hand_over(connection, subscription, waiting, known)
    except mail.NotTaken as error:
        _not_taken(connection, waiting.outbox_id, error)
        return str(error)
    except mail.InDoubt as error:
        for unsettled in outbox.unsettled(connection, subscription.subscription_id):
            _settle(connection, unsettled)
        return f"in doubt ({error})"
    outbox.checkpoint("accepted")
    warehouse.query(connection, "delivery/disclosure", waiting.outbox_id, server_id, None)
    outbox.checkpoint("sent")
    log.info("sent %s, %s", waiting.file_name, waiting.message_id)
    return None


def _hand_over(
    connection: Connection[Any],
    subscription: Subscription,
    waiting: WaitingMail,
    known: Dashboards,
) -> str | None:
    """Put the file on its transport and hand the mail to the server; returns the server's id."""
    server, journal = mail.server(), mail.journal()
    transport = transports.choose(subscription.transport, waiting.size_bytes)
    file = settings.extract_folder() / waiting.file_name
    media_type = extract.form(waiting.format, waiting.parts).media_type
    enclosure = transports.TRANSPORTS[transport].enclose(connection, waiting, file, media_type)
    title = known.title(subscription) if subscription.is_dashboard else None
    letter = letters.with_extract(subscription, waiting, enclosure.text, title)
    try:
        message = mail.message(
            sender=server.sender,
            recipient=waiting.recipient,
            subject=letter.subject,
            text=letter.text,
            message_id=waiting.message_id,
            attachment=enclosure.attachment,
        )
    except addresses.AddressError as error:  # of a release that checked less
        raise mail.NotTaken(str(error), is_final=True) from error

    def last_moment() -> None:
        outbox.checkpoint("handed over")
        if not warehouse.query(connection, "delivery/outbox_sending", waiting.outbox_id, transport):
            raise outbox.Busy("another run is sending the mail, or nobody shall send it any more")
        outbox.checkpoint("sending")

    return mail.hand_over(server, message, journal.address if journal else None, last_moment)
