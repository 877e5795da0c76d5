"""The outbox: a row for each subscription, period and recipient, and how far its mail has come.

Every step can be killed and run again. One gap cannot be closed: between the last byte of a mail
and the record that the server took it. A mail whose run died there is looked up in the journal;
without a journal it is in doubt: it is not sent again automatically, and the owner is notified until
a person answers (docs/decisions/0010).
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal

from psycopg import Connection

from claimhouse import settings, warehouse
from claimhouse.delivery import extract, links
from claimhouse.delivery.model import (
    DeliveryError,
    DueNotice,
    MailInDoubt,
    PeriodMail,
    Question,
    StoredObject,
    Subscription,
    UnsettledMail,
    WaitingMail,
)

log = logging.getLogger(__name__)

# What a person answers: it arrived; it did not, send it again; it did not, leave it.
Answer = Literal["arrived", "resend", "lost"]


class Busy(DeliveryError):
    """Another run has the subscription."""


def checkpoint(step: str) -> None:
    """Called between any two steps. Does nothing; tests end the process here."""


@contextmanager
def connect() -> Iterator[Connection[Any]]:
    """An autocommit connection: each statement is a step, recorded as soon as it is done."""
    with warehouse.connect() as connection:
        connection.set_autocommit(True)
        yield connection


@contextmanager
def locked(connection: Connection[Any], subscription_id: str) -> Iterator[None]:
    """Keep other runs from this subscription until the block, or the process, ends.

    Raises:
        Busy: another run has it.
    """
    if not warehouse.query(connection, "delivery/subscription_lock", subscription_id)[0]["is_mine"]:
        raise Busy(f"{subscription_id}: another run is preparing or sending it")
    try:
        yield
    finally:
        warehouse.query(connection, "delivery/subscription_unlock", subscription_id)


def active_subscriptions(
    connection: Connection[Any], subscription_id: str | None = None
) -> list[Subscription]:
    """The active subscriptions, or the one of *subscription_id*; those on hold are among them."""
    return warehouse.query_as(
        connection, Subscription, "delivery/active_subscriptions", subscription_id
    )


def waiting(connection: Connection[Any], subscription_id: str) -> list[WaitingMail]:
    """The mails that may be sent, the oldest period first; none that waits for approval."""
    return warehouse.query_as(connection, WaitingMail, "delivery/outbox_waiting", subscription_id)


def unsettled(
    connection: Connection[Any], subscription_id: str | None = None
) -> list[UnsettledMail]:
    """The mails whose run ended, or is still waiting, before the server's answer."""
    return warehouse.query_as(
        connection, UnsettledMail, "delivery/outbox_unsettled", subscription_id
    )


def in_question(connection: Connection[Any]) -> list[str]:
    """The subscriptions, active or not, with a mail to settle or something that needs a person."""
    rows = warehouse.query(connection, "delivery/in_question")
    return [row["subscription_id"] for row in rows]


def notices_due(connection: Connection[Any], subscription_id: str | None = None) -> list[DueNotice]:
    """What the owner is to be mailed about now: never told, or told long ago and still open."""
    return warehouse.query_as(
        connection, DueNotice, "delivery/notices_due", subscription_id, settings.reminder_hours()
    )


def of_period(
    connection: Connection[Any], subscription_id: str, period: datetime
) -> dict[str, PeriodMail]:
    """The mails of *period* in any state, by recipient."""
    mails = warehouse.query_as(
        connection, PeriodMail, "delivery/outbox_of_period", subscription_id, period
    )
    return {mail.recipient: mail for mail in mails}


def enter(
    connection: Connection[Any],
    subscription_id: str,
    period: datetime,
    recipients: Sequence[str],
    extract_id: int | None,
) -> None:
    """Enter a mail for each recipient, or bind a prepared one to a new file.

    Args:
        connection: a connection of :func:`connect`, in a transaction.
        subscription_id: the subscription.
        period: the period.
        recipients: addresses.
        extract_id: the file; None withholds the mails.
    """
    state = "withheld" if extract_id is None else "prepared"
    for recipient in recipients:
        warehouse.query(
            connection,
            "delivery/outbox",
            subscription_id,
            period,
            recipient,
            message_id(subscription_id, period, recipient),
            extract_id,
            state,
        )


def message_id(subscription_id: str, period: datetime, recipient: str) -> str:
    """The Message-ID of a mail: the same for the same mail, in every run."""
    name = "\x1f".join((subscription_id, period.isoformat(), recipient))
    domain = settings.owner_address().rpartition("@")[2]
    return f"<{hashlib.sha256(name.encode()).hexdigest()[:40]}@{domain}>"


def is_usable(subscription: Subscription, mail: PeriodMail | WaitingMail) -> bool:
    """Whether the file of *mail* is whole and shows what its client may see today."""
    if mail.file_name is None or mail.entitlements != subscription.entitlements:
        return False
    return extract.checksum_of(settings.extract_folder() / mail.file_name) == mail.checksum


def in_doubt() -> list[MailInDoubt]:
    """The mails of which nobody knows whether their server took them."""
    with connect() as connection:
        return warehouse.query_as(connection, MailInDoubt, "delivery/in_doubt")


def resolve(outbox_id: int, answer: Answer, *, reason: str, by: str) -> None:
    """Record what a person found out about a mail that is in doubt or has failed, and act on it.

    Args:
        outbox_id: the mail.
        answer: ``arrived``: the ledger has it as sent; ``resend``: it is sent again; ``lost``: it
            is not. A failed mail did not arrive.
        reason: how that person knows.
        by: the person.

    Raises:
        DeliveryError: nobody asks about the mail, a run has it, no reason is given, or the answer
            does not fit.
    """
    if not reason.strip():
        raise DeliveryError("an answer needs a reason: how you know")
    with (
        connect() as connection,
        locked(connection, _question(connection, outbox_id).subscription_id),
    ):
        # Asked again: another person may have answered meanwhile.
        question = _question(connection, outbox_id)
        if question.question == "failed" and answer == "arrived":
            raise DeliveryError(
                f"mail {outbox_id} failed, so it did not arrive: the answer is resend or lost"
            )
        with connection.transaction():
            warehouse.query(
                connection, "delivery/answer", outbox_id, question.question, answer, reason, by
            )
            if answer == "arrived":
                handed_over = question.sending_at
                warehouse.query(connection, "delivery/disclosure", outbox_id, None, handed_over)
            else:
                warehouse.query(
                    connection, "delivery/outbox_resolved", outbox_id, answer == "resend"
                )


def _question(connection: Connection[Any], outbox_id: int) -> Question:
    questions = warehouse.query_as(connection, Question, "delivery/question", outbox_id)
    if not questions:
        raise DeliveryError(f"mail {outbox_id} is neither in doubt nor failed: nothing to answer")
    return questions[0]


def tidy(connection: Connection[Any]) -> None:
    """Remove files and objects that no mail waits for; a killed run may have left some."""
    for row in warehouse.query(connection, "delivery/finished_files"):
        (settings.extract_folder() / row["file_name"]).unlink(missing_ok=True)
    expired = warehouse.query_as(
        connection, StoredObject, "delivery/expired_objects", datetime.now(UTC)
    )
    for stored in expired:
        try:
            links.remove(stored.object_key)
        except Exception as error:
            log.warning("an expired object was not removed: %s", type(error).__name__)
        else:
            warehouse.query(connection, "delivery/object_removed", stored.extract_id)
