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
import socket
import ssl
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.utils import formataddr, formatdate
from pathlib import Path
from typing import Any

from claimhouse import addresses, connections, settings

# The header by which a mail is found in the journal: SES replaces the Message-ID.
REFERENCE = "X-Claimhouse-Mail"
# How long, in seconds, a server may take to answer after the last byte (RFC 5321, 4.5.3.2.6).
VERDICT_SECONDS = 600.0
# How long, in seconds, it may take to answer QUIT: the mail is taken by then.
QUIT_SECONDS = 5.0
# How many bytes are sent at a time; the connection's timeout is for each of them.
PIECE = 256 * 1024
# Codes of replies (RFC 5321, 4.2.1).
DONE, TEMPORARY, PERMANENT = range(200, 300), range(400, 500), range(500, 600)
REFUSALS = range(400, 600)
# What SES will refuse again; other refusals are about its account, not about the mail.
SES_FINAL = ("MessageRejected", "InvalidParameterValue")


class NotTaken(Exception):
    """The server did not take the mail: the kind of error, without the server's words.

    Attributes:
        is_final: whether it never will.
        is_counted: whether the attempt counts towards ``CLAIMHOUSE_MAIL_ATTEMPTS``: the server was
            there, and it is about this mail.
    """

    def __init__(self, kind: str, *, is_final: bool = False, is_counted: bool = False) -> None:
        super().__init__(kind)
        self.is_final = is_final
        self.is_counted = is_counted or is_final


class InDoubt(Exception):
    """The server had the whole mail, and its answer is missing, or is none."""


class BadSetting(ValueError):
    """A mail address of a setting or a connection is none; the message names the place."""


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
        BadSetting: the sender is no address.
    """
    found = connections.find(settings.MAIL_CONNECTION)
    if found is None:
        raise connections.MissingConnection(
            f"the connection {settings.MAIL_CONNECTION} does not exist"
        )
    extra = found.extra_dejson
    sender = extra.get("from_email")
    if sender:
        _check(sender, f"from_email of the connection {settings.MAIL_CONNECTION}")
    else:
        sender = owner()
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


def owner() -> str:
    """The owner's address.

    Raises:
        BadSetting: ``CLAIMHOUSE_OWNER_EMAIL`` is no address.
    """
    _check(settings.owner_address(), "CLAIMHOUSE_OWNER_EMAIL")
    return settings.owner_address()


def _check(address: str, place: str) -> None:
    try:
        addresses.parse_sender(address)
    except addresses.AddressError as error:
        raise BadSetting(f"{place}: {error}") from None


def journal() -> Journal | None:
    """The mailbox of the connection ``claimhouse_journal``; None where there is none.

    Raises:
        BadSetting: its address is none.
    """
    found = connections.find(settings.JOURNAL_CONNECTION)
    if found is None:
        return None
    extra = found.extra_dejson
    _check(extra["address"], f"address of the connection {settings.JOURNAL_CONNECTION}")
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
            status, matches = client.search(None, "HEADER", REFERENCE, reference(message_id))
            # Taking a refused search for an empty one would send the mail twice.
            if status != "OK":
                raise OSError("the journal was not searched")
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
        sender: an address, or ``Name <address>``.
        recipient: an address.
        subject: one line.
        text: the plain text.
        message_id: in angle brackets.
        attachment: a file and its media type.

    Raises:
        addresses.AddressError: an address is none.
    """
    # 7bit: not every server takes 8-bit text.
    mail = EmailMessage(policy.default.clone(cte_type="7bit"))
    origin = addresses.parse_sender(sender)
    mail["From"] = formataddr((origin.display_name, origin.envelope), "utf-8")
    mail["To"] = addresses.parse(recipient).envelope
    mail["Subject"] = " ".join(subject.split())
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
    is_there = False
    try:
        with _session(at) as client:
            is_there = True
            options, body = _as_the_server_takes_it(client, mail, [at.sender, *recipients])
            sender = addresses.parse_sender(at.sender).envelope
            # A sender that is refused, and a refused journal, are so for every mail.
            _expect(client.mail(sender, options), "MAIL", len(body), counted=TEMPORARY)
            for address in recipients:
                is_ours = address == recipients[0]
                counted = REFUSALS if is_ours else ()
                reply = client.rcpt(address)
                _expect(reply, "RCPT", len(body), is_final=is_ours, counted=counted)
            client.putcmd("data")
            _expect(client.getreply(), "DATA", len(body), wanted=(354,), is_final=True)
            _send_body(client, body)
            last_moment()
            _expect(_verdict(client), "message", len(body), is_final=True)
    except OSError as error:
        raise NotTaken(_kind(error), is_counted=is_there) from error


def _as_the_server_takes_it(
    client: smtplib.SMTP, mail: EmailMessage, parties: list[str]
) -> tuple[list[str], bytes]:
    """The options of the command MAIL, and the mail as bytes.

    Raises:
        NotTaken: for good: the mail is larger than the server said it takes, or an address needs
            SMTPUTF8 and the server does not have it.
    """
    needs_utf8 = any(addresses.parse_sender(address).needs_utf8 for address in parties)
    if needs_utf8 and not client.has_extn("smtputf8"):
        raise NotTaken(
            "SMTPUTF8: the mail server takes no letters beyond ASCII before the @-sign of an address",
            is_final=True,
        )
    form = policy.SMTPUTF8 if needs_utf8 else policy.SMTP
    body = mail.as_bytes(policy=form.clone(cte_type="7bit")).removesuffix(b"\r\n") + b"\r\n"
    options = ["SMTPUTF8", "BODY=8BITMIME"] if needs_utf8 else []
    if client.has_extn("size"):
        announced = client.esmtp_features["size"].strip()
        # 0, or no number, is no limit (RFC 1870).
        if announced.isdecimal() and 0 < int(announced) < len(body):
            raise NotTaken(_too_large(len(body), int(announced)), is_final=True)
        options.append(f"size={len(body)}")
    return options, body


def _too_large(size: int, limit: int | None) -> str:
    takes = "less" if limit is None else f"at most {limit:,}"
    return (
        f"SIZE: the mail has {size:,} bytes and the mail server takes {takes}: "
        "use the transport link, or split the report"
    )


def _send_body(client: smtplib.SMTP, body: bytes) -> None:
    """Send all of a mail but the line that ends it.

    Raises:
        NotTaken: the server gave up before it had all.
        OSError: the connection is lost.
    """
    stuffed = re.sub(rb"(?m)^\.", b"..", body)
    for start in range(0, len(stuffed), PIECE):
        client.send(stuffed[start : start + PIECE])
    if not _has_something_to_read(client):
        return
    if not isinstance(client.sock, ssl.SSLSocket):
        _expect(client.getreply(), "DATA", len(body), wanted=(), is_final=True)


def _has_something_to_read(client: smtplib.SMTP) -> bool:
    """Whether the server has sent something, or is gone; nothing is read."""
    if client.sock is None:
        raise smtplib.SMTPServerDisconnected("not connected")
    # The copy looks beneath TLS, which has messages of its own.
    with socket.socket(fileno=socket.dup(client.sock.fileno())) as copy:
        try:
            if not copy.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
                raise smtplib.SMTPServerDisconnected("the server has hung up")
        except BlockingIOError:
            return False
    return True


def _verdict(client: smtplib.SMTP) -> tuple[int, bytes]:
    """Send the line that ends the mail, and wait for the answer.

    Raises:
        InDoubt: no answer came, or one that is neither yes nor no.
    """
    try:
        if client.sock:
            client.sock.settimeout(VERDICT_SECONDS)
        client.send(b".\r\n")
        code, text = client.getreply()
    except OSError as error:
        raise InDoubt(_kind(error)) from error
    if code not in DONE and code not in REFUSALS:
        raise InDoubt(f"answered {code}")
    return code, text


def _expect(
    reply: tuple[int, bytes],
    command: str,
    size: int,
    *,
    wanted: Container[int] = DONE,
    is_final: bool = False,
    counted: Container[int] = REFUSALS,
) -> None:
    """Raise where the server does not agree.

    Args:
        reply: its code and text.
        command: what it answers.
        size: of the mail, in bytes.
        wanted: the codes of agreement.
        is_final: whether a permanent refusal of this command is one of this mail.
        counted: the codes of refusals that count as an attempt at this mail.
    """
    code, text = reply
    if code in wanted:
        return
    is_permanent = code in PERMANENT
    # 552 and 5.3.4 are about the size (RFC 5321, 3463).
    if is_permanent and (code == 552 or text.startswith(b"5.3.4")):
        raise NotTaken(f"{_too_large(size, None)} ({command} {code})", is_final=True)
    raise NotTaken(
        f"{command} {code}",
        is_final=is_final and is_permanent,
        is_counted=code in counted or code not in REFUSALS,
    )


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
            if client.sock:
                client.sock.settimeout(QUIT_SECONDS)
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
        ParamValidationError,
    )

    if any(addresses.parse_sender(address).needs_utf8 for address in [at.sender, *recipients]):
        raise NotTaken(
            "SMTPUTF8: SES takes no letters beyond ASCII before the @-sign of an address",
            is_final=True,
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
        raise NotTaken(f"SES {status} {code}", is_final=code in SES_FINAL) from error
    except (
        EndpointConnectionError,
        ConnectTimeoutError,
        NoCredentialsError,
        ParamValidationError,
    ) as error:
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
