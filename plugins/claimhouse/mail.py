"""Mail: one message to one recipient, through the server of the connection ``claimhouse_mail``.

Airflow's own mail hook sends again by itself after any error, also when the server may already
have taken the message; the outbox must decide that, so this module talks to the server directly.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate

from claimhouse import connections, settings

XLSX = ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet")


@dataclass(frozen=True)
class Server:
    """A mail server and how to speak to it, in the terms of Airflow's SMTP connection."""

    host: str
    port: int
    user: str | None
    password: str | None
    implicit_tls: bool
    starttls: bool
    timeout: float
    sender: str


def server() -> Server:
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
    implicit_tls = not extra.get("disable_ssl", False)
    return Server(
        host=found.host or "localhost",
        port=int(found.port or (465 if implicit_tls else 587)),
        user=found.login,
        password=found.password,
        implicit_tls=implicit_tls,
        starttls=not implicit_tls and not extra.get("disable_tls", False),
        timeout=float(extra.get("timeout", 30)),
        sender=extra.get("from_email") or settings.owner_address(),
    )


@contextmanager
def session(at: Server) -> Iterator[smtplib.SMTP]:
    """A conversation with the mail server *at*, logged in where it has a user.

    Raises:
        OSError: the server cannot be reached, or refuses (``smtplib.SMTPException``).
    """
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
        yield client
        with suppress(OSError):  # what was taken stays taken, however the farewell goes
            client.quit()
    finally:
        client.close()


def message(
    *,
    sender: str,
    recipient: str,
    subject: str,
    text: str,
    message_id: str,
    file_name: str,
    content: bytes,
) -> EmailMessage:
    """A message with one workbook attached; the same arguments give the same Message-ID."""
    made = EmailMessage()
    made["From"] = sender
    made["To"] = recipient
    made["Subject"] = subject
    made["Date"] = formatdate(localtime=False)
    made["Message-ID"] = message_id
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(text)
    main, sub = XLSX
    made.add_attachment(content, maintype=main, subtype=sub, filename=file_name)
    return made
