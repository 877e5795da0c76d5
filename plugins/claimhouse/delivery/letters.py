"""The texts of mails, to recipients and to the owner. None holds patient data or a password.

A mail to a recipient holds what a person needs to open the file and to know it is whole. A mail to
the owner names subscriptions and mails by number, never a recipient.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from zoneinfo import ZoneInfo

from claimhouse import settings
from claimhouse.delivery import extract
from claimhouse.delivery.model import DueNotice, RefreshProblem, Subscription, WaitingMail
from claimhouse.delivery.schedule import wall_time

EXTRACT = """\
{report}
for {client}

Period:      {period}
Data as of:  {as_of}
File:        {file_name}
SHA-256:     {checksum}

{where}
{contents}
{opens}
Its password was given to you separately and is never sent by mail. If the file does not open,
or was not meant for you, write to {owner}.
"""
DASHBOARD = """\
{report}
for {client}

Sent for:    {weekday}, {period}
Data as of:  {as_of}
File:        {file_name}
SHA-256:     {checksum}

{where}

{opens}
Its password is that of the extracts of {client}. It was given to you separately
and is never sent by mail. This dashboard comes each {weekday}: {person} asked for it.
If the file does not open, was not meant for you, or is no longer wanted, write to {owner}.
"""
BEGINS = """\
The file has all rows, and replaces what you have of earlier ones."""
CONTINUES = """\
The file has the rows that are new, changed or removed since the one for the period
{since}: see its column "change". Bring your copy up to date
with it, the older file first."""
IN_PARTS = """\
One workbook does not hold so many rows: the archive has {parts}, part 1 to part {parts}, and each row
is in one of them."""
OTHER_FORMAT = """\
The file is {format}, because {wanted} does not hold so much."""
NOTICE = """\
What the deliveries of {subscription} wait for:

{matters}

Everything that needs a person: claimhouse delivery needs-a-person
This mail comes again {every} while it is open. docs/how-to/answer-a-mail-in-doubt.md has the steps.
"""
MATTER = """\
* {kind}, since {since} UTC (period {period})
{lines}
"""
IN_DOUBT = """\
The run that sent mail {number} ended, or lost the mail server, before the server answered. The
server may or may not have taken it. It is not sent again automatically, and the ledger has it as
"in doubt". Look for the Message-ID
{message_id}
in the mail server's log, or ask the recipient. Then run one of:
  claimhouse delivery resolve {number} arrived --reason "..."
  claimhouse delivery resolve {number} resend --reason "..."
  claimhouse delivery resolve {number} lost --reason "..."   (it did not arrive, and is not sent)"""
FAILED = """\
Mail {number} was given up and is not sent: {problem}
Remove the cause, then run one of:
  claimhouse delivery resolve {number} resend --reason "..."
  claimhouse delivery resolve {number} lost --reason "..."   (it is not sent)"""
WITHHELD = """\
The extract is withheld because its data was not refreshed: {problem}
The client was not notified. It is sent once the refresh succeeds."""
NOT_MAILED = """\
The dashboard is not mailed: {problem}
Remove the cause, and it is mailed; or stop it on the page /claimhouse/mailings."""
OTHER = "{problem}\n{to_do}"
MATTERS = {
    "mail in doubt": IN_DOUBT,
    "mail failed": FAILED,
    "extract withheld": WITHHELD,
    "dashboard not mailed": NOT_MAILED,
}


@dataclass(frozen=True)
class Letter:
    """The subject and the plain text of a mail."""

    subject: str
    text: str


def with_extract(
    subscription: Subscription, mail: WaitingMail, where: str, title: str | None = None
) -> Letter:
    """The mail that brings a recipient an extract, or a dashboard.

    Args:
        subscription: of the mail.
        mail: whom and what it is for.
        where: the transport's paragraph: attached, or behind a link.
        title: of the dashboard.
    """
    report = title or extract.heading(mail.report)
    period = wall_time(mail.period, subscription.time_zone)
    contents = [_copied(subscription, mail), _enlarged(subscription, mail)]
    text = (DASHBOARD if subscription.is_dashboard else EXTRACT).format(
        report=report,
        client=subscription.client_title,
        period=period,
        as_of=wall_time(mail.as_of, "UTC") if mail.as_of else "not loaded",
        file_name=mail.file_name,
        checksum=mail.checksum,
        where=where,
        contents="".join(f"\n{paragraph}\n" for paragraph in contents if paragraph),
        opens=extract.form(mail.format, mail.parts).opens,
        owner=settings.owner_address(),
        person=subscription.person,
        weekday=f"{mail.period.astimezone(ZoneInfo(subscription.time_zone)):%A}",
    )
    return Letter(f"{report}, {period}", text)


def _copied(subscription: Subscription, mail: WaitingMail) -> str | None:
    """What becomes of a client's copy by the file; None where it keeps none."""
    if not mail.is_of_copy:
        return None
    return (
        BEGINS
        if mail.since is None
        else CONTINUES.format(since=wall_time(mail.since, subscription.time_zone))
    )


def _enlarged(subscription: Subscription, mail: WaitingMail) -> str | None:
    """In which way a file that was too large for its format goes out; None where it was not."""
    if mail.parts > 1:
        return IN_PARTS.format(parts=mail.parts)
    if not subscription.is_dashboard and mail.format != subscription.format:
        return OTHER_FORMAT.format(format=mail.format, wanted=subscription.format)
    return None


def notice(subscription_id: str, notices: Sequence[DueNotice]) -> Letter:
    """What the owner reads about all that a subscription's deliveries wait for."""
    count = len(notices)
    subject = f"Claimhouse: {subscription_id}: " + (
        notices[0].kind if count == 1 else f"{count} matters need a person"
    )
    text = NOTICE.format(
        subscription=subscription_id,
        matters="\n".join(map(_matter, notices)),
        every=f"every {settings.reminder_hours():g} hours",
    )
    return Letter(subject, text)


def _matter(notice: DueNotice) -> str:
    lines = MATTERS.get(notice.kind, OTHER).format(
        number=notice.outbox_id,
        message_id=notice.message_id,
        problem=notice.problem or "unknown",
        to_do=notice.to_do,
    )
    return MATTER.format(
        kind=notice.kind,
        since=f"{notice.since.astimezone(UTC):%Y-%m-%d %H:%M}",
        period=f"{notice.period.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
        lines=textwrap.indent(lines, "  "),
    )


def in_words(problems: Sequence[RefreshProblem]) -> str:
    """*problems* in one line: ``billing: the newest file of claims was rejected``."""
    return "; ".join(f"{problem.source_system}: {problem.problem}" for problem in problems)
