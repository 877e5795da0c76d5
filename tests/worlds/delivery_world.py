"""A mail server and the deliveries of one client, for the tests of delivery."""

from __future__ import annotations

import asyncio
import email
import email.policy
import io
import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import fastexcel
import msoffcrypto
from aiosmtpd.controller import Controller

from claimhouse import delivery, reporting

PASSWORD = "correct horse battery staple"
JOURNAL = "journal@claimhouse.example"
NOW = datetime(2026, 3, 15, 12, 0, tzinfo=UTC)
SUMMIT = ("billing", ["orthopedist", "physical_therapist"])
CHICAGO = ZoneInfo("America/Chicago")
OWNER = "data-engineering@claimhouse.example"

SAFE_STEPS = [
    ("file written", 1), ("prepared", 1), ("handing over", 1), ("handing over", 2),
    ("handed over", 1), ("handed over", 2), ("sent", 1), ("sent", 2),
]  # fmt: skip


class Mailbox:
    """A mail server's memory; *refuse* answers a command with an error of its own."""

    def __init__(self):
        self.mails, self.refuse, self.journal, self.silent = [], {}, None, False

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: D102
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: D102
        self.mails.append((envelope.rcpt_tos, envelope.content))
        if self.journal:
            self.bring(self.journal)
        if self.silent:
            await asyncio.sleep(1)
        return "250 taken"

    def bring(self, journal):
        """Lay the mails that went to the journal too into its mailbox."""
        for to, content in self.mails:
            if JOURNAL in to:
                journal.append("INBOX", None, None, content)

    def parsed(self):
        """The mails as messages."""
        return [email.message_from_bytes(raw, policy=email.policy.default) for _, raw in self.mails]


class Server(Controller):
    """An SMTP server on whichever port is free."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def running(program, *arguments, port, cwd, **environment):
    """A server of the virtual environment's, once its *port* answers, until the block ends."""
    server = subprocess.Popen(
        [Path(sys.executable).with_name(program), *arguments],
        cwd=cwd, env=os.environ | environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await_port(port)
        yield
    finally:
        server.terminate()
        server.wait()


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def await_port(port):
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the server did not come up")


def use_mail_port(monkeypatch, port):
    monkeypatch.setenv(
        "AIRFLOW_CONN_CLAIMHOUSE_MAIL",
        json.dumps(
            {
                "conn_type": "smtp",
                "host": "127.0.0.1",
                "port": port,
                "extra": {
                    "disable_ssl": True,
                    "disable_tls": True,
                    "from_email": "reports@claimhouse.example",
                },
            }
        ),
    )


def publish(world, *entitlements, recipients=None, hold=None, **changes):
    subscription = {
        "name": "monthly",
        "report": "claims_by_specialty_month",
        "format": "xlsx",
        "schedule": "0 6 1 * *",
        "time_zone": "America/Chicago",
        "recipients": recipients or world.recipients,
        "transport": "attachment",
        "reason": "benefit administration",
    }
    held = {"hold": hold} if hold else {}
    world.write(world.summit, *entitlements, subscriptions=[subscription | changes], **held)
    reporting.publish(world.connection, world.folder)


def opened(content, password=PASSWORD):
    """The decrypted workbook."""
    sealed, plain = msoffcrypto.OfficeFile(io.BytesIO(content)), io.BytesIO()
    sealed.load_key(password=password, verify_password=True)
    sealed.decrypt(plain)
    return plain.getvalue()


def sheet(plain, name):
    """A sheet as rows of typed Python values, the header first."""
    read = fastexcel.read_excel(plain).load_sheet(name, header_row=None, dtypes="string")
    return read.to_polars().rows()


def attachment(message):
    (part,) = list(message.iter_attachments())
    return part.get_filename(), part.get_content()


def run(world, now=NOW):
    for subscription_id in delivery.due(now):
        delivery.send(delivery.prepare(subscription_id, now))


def outbox_rows(world):
    return world.connection.execute(
        "select recipient, state, attempts, last_error from delivery.outbox order by period, recipient"
    ).fetchall()


def disclosed(world):
    return world.connection.execute(
        "select recipient, message_id, checksum, row_count from delivery.disclosure order by recipient"
    ).fetchall()


def mails_of(world, mailbox):
    """To whom mails went, the owner and the journal left out."""
    return sorted(to[0] for to, _ in mailbox.mails if to[0] in world.recipients)


def assert_each_has_one(world, mailbox):
    assert mails_of(world, mailbox) == world.recipients
    by_id = {message["Message-ID"]: message["To"] for message in mailbox.parsed()}
    logged = {row[1]: row[0] for row in disclosed(world)}
    assert logged.items() <= by_id.items() and sorted(logged.values()) == world.recipients
    assert {row[1] for row in outbox_rows(world)} == {"sent"}
    assert list(world.extracts.iterdir()) == []
