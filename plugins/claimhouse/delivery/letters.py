"""The texts of mails, to recipients and to the owner. None holds patient data or a password.

A mail to a recipient holds what a person needs to open the file and to know it is whole. A mail to
the owner names subscriptions and mails by number, never a recipient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from claimhouse import settings
from claimhouse.delivery import extract
from claimhouse.delivery.model import RefreshProblem, Subscription, WaitingMail
from claimhouse.delivery.schedule import wall_time

EXTRACT = """\
{report}
for {client}

Period:      {period}
Data as of:  {as_of}
File:        {file_name}
SHA-256:     {checksum}

{where}

{opens}
Its password was given to you separately and is never sent by mail. If the file does not open,
or was not meant for you, write to {owner}.
"""
WITHHELD = """\
This period's extract is withheld because its data was not refreshed:

    {problems}

The client has not been notified. The extract is sent once the refresh succeeds.
"""
IN_DOUBT = """\
The run that sent mail {number} ended before the mail server answered, so it is not known whether
the server took the mail. It is not sent again automatically, and the ledger counts it as sent.

Look for the Message-ID {message_id}
in the mail server's log, or ask the recipient. Then run one of:

    claimhouse delivery resolve {number} arrived
    claimhouse delivery resolve {number} resend
"""


@dataclass(frozen=True)
class Letter:
    """The subject and the plain text of a mail."""

    subject: str
    text: str


def with_extract(subscription: Subscription, mail: WaitingMail, where: str) -> Letter:
    """The mail that brings a recipient an extract.

    Args:
        subscription: of the mail.
        mail: whom and what it is for.
        where: the transport's paragraph: attached, or behind a link.
    """
    report = extract.heading(mail.report)
    period = wall_time(mail.period, subscription.time_zone)
    text = EXTRACT.format(
        report=report,
        client=subscription.client_title,
        period=period,
        as_of=wall_time(mail.as_of, "UTC") if mail.as_of else "not loaded",
        file_name=mail.file_name,
        checksum=mail.checksum,
        where=where,
        opens=extract.FORMATS[mail.format].opens,
        owner=settings.owner_address(),
    )
    return Letter(f"{report}, {period}", text)


def withheld(problems: Sequence[RefreshProblem]) -> str:
    """What the owner reads where an extract waits for its data."""
    return WITHHELD.format(problems=in_words(problems))


def in_words(problems: Sequence[RefreshProblem]) -> str:
    """*problems* in one line: ``billing: the newest file of claims was rejected``."""
    return "; ".join(f"{problem.source_system}: {problem.problem}" for problem in problems)


def in_doubt(mail: WaitingMail) -> str:
    """What the owner reads about a mail in doubt."""
    return IN_DOUBT.format(number=mail.outbox_id, message_id=mail.message_id)
