"""Mail: one message to one recipient, through the server of the connection ``claimhouse_mail``.

The connection's type decides: ``smtp`` for any mail server, ``aws`` for Amazon SES. Airflow's own
hooks retry after any error, also when the server may already have taken the message. That is for
the outbox to decide, so this module talks to the server directly.

A mail is taken when the server has its last byte. :func:`hand_over` calls *last_moment* right
before that. After an earlier error the mail was not taken (RFC 5321, 4.1.1.4). A later error leaves
it in doubt until it is looked up in the journal: a mailbox of the house that gets a blind copy of
each mail in the same transaction. The server takes both or neither.
"""

from __future__ import annotations

import imaplib
import re
import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path
from typing import Any

from claimhouse import connections, settings

# The header by which a mail is found in the journal: SES replaces the Message-ID.
REFERENCE = "X-Claimhouse-Mail"
# How long, in seconds, a server may take to answer after the last byte (RFC 5321, 4.5.3.2.6).
VERDICT_SECONDS = 600.0


class NotTaken(Exception):
    """The server did not take the mail: the kind of error, without the server's words.

    Attributes:
        is_final: whether it never will.
    """

    def __init__(self, kind: str, *, is_final: bool = False) -> None:
        super().__init__(kind)
        self.is_final = is_final


class InDoubt(Exception):
    """The server had the whole mail, and its answer is missing."""


@dataclass(frozen=True)
class Server:
    """A mail server, in the terms of Airflow's SMTP connection."""

    host: str
    port: int
    user: str | None
    password: str | None
    implicit_tls: bool
    starttls: bool
    timeout: float
    sender: str


@dataclass(frozen=True)
class Ses:
    """Amazon SES, by an ``aws`` connection that has its endpoint and region."""

    sender: str


@dataclass(frozen=True)
class Journal:
    """The mailbox that gets a blind copy of each mail, and can be searched (IMAP)."""

    host: str
    port: int
    user: str
    password: str
    implicit_tls: bool
    address: str
    folder: str


def server() -> Server | Ses:
    """The mail server of the connection ``claimhouse_mail``.

    Raises:
        connections.MissingConnection: there is no such connection.
    """
    found = connections.find(settings.MAIL_CONNECTION)
    if found is None:
        raise connections.MissingConnection(
            f"the connection {settings.MAIL_CONNECTION} does not exist"
        )
    extra = found.extra_dejson
    sender = extra.get("from_email") or settings.owner_address()
    if found.conn_type == "aws":
        return Ses(sender)
    implicit_tls = not extra.get("disable_ssl", False)
    return Server(
        host=found.host or "localhost",
        port=int(found.port or (465 if implicit_tls else 587)),
        user=found.login,
        password=found.password,
        implicit_tls=implicit_tls,
        starttls=not implicit_tls and not extra.get("disable_tls", False),
        timeout=float(extra.get("timeout", 30)),
        sender=sender,
    )


def journal() -> Journal | None:
    """The mailbox of the connection ``claimhouse_journal``; None where there is none."""
    found = connections.find(settings.JOURNAL_CONNECTION)
    if found is None:
        return None
    extra = found.extra_dejson
    implicit_tls = not extra.get("disable_ssl", False)
    return Journal(
        host=found.host or "localhost",
        port=int(found.port or (993 if implicit_tls else 143)),
        user=found.login or "",
        password=found.password or "",
        implicit_tls=implicit_tls,
        address=extra["address"],
        folder=extra.get("folder", "INBOX"),
    )


def is_in_journal(at: Journal, message_id: str) -> bool:
    """Whether the mail of *message_id* has arrived in the journal.

    Raises:
        OSError: the journal does not answer.
    """
    try:
        client = (imaplib.IMAP4_SSL if at.implicit_tls else imaplib.IMAP4)(
            at.host, at.port, timeout=30
        )
        with client:
            client.login(at.user, at.password)
            client.select(at.folder, readonly=True)
            _, matches = client.search(None, "HEADER", REFERENCE, reference(message_id))
            return bool(matches and matches[0] and matches[0].split())
    except imaplib.IMAP4.error as error:
        raise OSError("the journal did not answer") from error


def reference(message_id: str) -> str:
    """The value of the header :data:`REFERENCE` for *message_id*."""
    return message_id.strip("<>").partition("@")[0]


def message(
    *,
    sender: str,
    recipient: str,
    subject: str,
    text: str,
    message_id: str,
    attachment: tuple[Path, str] | None = None,
) -> EmailMessage:
    """A message; the same arguments give the same Message-ID.

    Args:
        sender: an address.
        recipient: an address.
        subject: one line.
        text: the plain text.
        message_id: in angle brackets.
        attachment: a file and its media type.
    """
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = recipient
    mail["Subject"] = subject
    mail["Date"] = formatdate(localtime=False)
    mail["Message-ID"] = message_id
    mail[REFERENCE] = reference(message_id)
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text)
    if attachment:
        file, media_type = attachment
        main, _, sub = media_type.partition("/")
        mail.add_attachment(file.read_bytes(), maintype=main, subtype=sub, filename=file.name)
    return mail


def hand_over(
    at: Server | Ses,
    mail: EmailMessage,
    copy_to: str | None = None,
    last_moment: Callable[[], None] = lambda: None,
) -> str | None:
    """Hand *mail* to the server, once; nothing is retried here.

    Args:
        at: the server.
        mail: a message to one recipient.
        copy_to: an address that gets a blind copy.
        last_moment: called when all went well and the server cannot have taken the mail yet.

    Returns:
        The server's own id of the mail, where it tells one.

    Raises:
        NotTaken: certainly not taken.
        InDoubt: perhaps taken.
    """
    recipients = [str(mail["To"]), *([copy_to] if copy_to else [])]
    if isinstance(at, Ses):
        return _by_ses(at, mail, recipients, last_moment)
    _by_smtp(at, mail, recipients, last_moment)
    return None


def _by_smtp(
    at: Server, mail: EmailMessage, recipients: list[str], last_moment: Callable[[], None]
) -> None:
    try:
        with _session(at) as client:
            _expect(client.mail(at.sender), "MAIL")
            for address in recipients:
                _expect(client.rcpt(address), "RCPT", is_final=address == recipients[0])
            client.putcmd("data")
            _expect(client.getreply(), "DATA", wanted=354)
            body = mail.as_bytes(policy=policy.SMTP)
            client.send(re.sub(rb"(?m)^\.", b"..", body).removesuffix(b"\r\n") + b"\r\n")
            last_moment()
            _expect(_verdict(client), "message", is_final=True)
    except OSError as error:
        raise NotTaken(_kind(error)) from error


def _verdict(client: smtplib.SMTP) -> tuple[int, bytes]:
    """Send the line that ends the mail, and wait for the answer."""
    try:
        if client.sock:
            client.sock.settimeout(VERDICT_SECONDS)
        client.send(b".\r\n")
        return client.getreply()
    except OSError as error:
        raise InDoubt(_kind(error)) from error


def _expect(
    reply: tuple[int, bytes], command: str, wanted: int = 250, *, is_final: bool = False
) -> None:
    code = reply[0]
    if code != wanted and not (wanted == 250 and code == 251):
        raise NotTaken(f"{command} {code}", is_final=is_final and code >= 500)


@contextmanager
def _session(at: Server) -> Iterator[smtplib.SMTP]:
    """A session with the mail server *at*, logged in where it has a user."""
    if at.implicit_tls:
        context = ssl.create_default_context()
        client: smtplib.SMTP = smtplib.SMTP_SSL(
            at.host, at.port, timeout=at.timeout, context=context
        )
    else:
        client = smtplib.SMTP(at.host, at.port, timeout=at.timeout)
    try:
        if at.starttls:
            client.starttls(context=ssl.create_default_context())
        if at.user and at.password:
            client.login(at.user, at.password)
        client.ehlo_or_helo_if_needed()
        yield client
        with suppress(OSError):  # a failing QUIT does not undo what was taken
            client.quit()
    finally:
        client.close()


def _by_ses(
    at: Ses, mail: EmailMessage, recipients: list[str], last_moment: Callable[[], None]
) -> str:
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        ConnectTimeoutError,
        EndpointConnectionError,
        NoCredentialsError,
    )

    client = _ses_client()
    last_moment()
    try:
        answer = client.send_raw_email(
            Source=at.sender, Destinations=recipients, RawMessage={"Data": mail.as_bytes()}
        )
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        code = error.response["Error"]["Code"]
        if status >= 500 and status != 503:
            raise InDoubt(f"SES {status} {code}") from error
        raise NotTaken(f"SES {status} {code}", is_final=code == "MessageRejected") from error
    except (EndpointConnectionError, ConnectTimeoutError, NoCredentialsError) as error:
        raise NotTaken(type(error).__name__) from error
    except BotoCoreError as error:
        raise InDoubt(type(error).__name__) from error
    return str(answer["MessageId"])


def _ses_client() -> Any:
    from airflow.providers.amazon.aws.hooks.ses import SesHook
    from botocore.config import Config

    # One attempt: only the outbox decides to send again.
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=60)
    return SesHook(aws_conn_id=settings.MAIL_CONNECTION, config=config).get_conn()


def _kind(error: OSError) -> str:
    """The kind of an error and its code, without the server's words: they quote the mail."""
    code = getattr(error, "smtp_code", None)
    return type(error).__name__ + (f" {code}" if code else "")
