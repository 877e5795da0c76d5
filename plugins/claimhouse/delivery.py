"""Extracts on their way: prepared as the client's own role, encrypted, mailed once, logged.

The outbox (``delivery.outbox``) has a row for each subscription, period and recipient, and its
state says how far that mail has come: prepared, sending, sent, or failed. Every step can be
killed and run again. The one moment nobody can close is the one after the server has taken a
mail and before that is recorded: then the mail is sent again under the same Message-ID, which
is how a mail system knows that it has it already.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from croniter import croniter
from psycopg import Connection, sql

from claimhouse import connections, extract, mail, settings, warehouse
from claimhouse.extract import Extract, Table

log = logging.getLogger(__name__)

# Beyond sending again: the mailbox does not exist, or the message is refused for what it is.
DONE = ("sent", "failed")


class DeliveryError(RuntimeError):
    """Something that should have been sent was not; the message names no recipient and no data."""


def due(now: datetime | None = None) -> list[str]:
    """The subscriptions that have something to send, by id.

    Args:
        now: the moment that decides the period of each; the present when left out.
    """
    now = now or datetime.now(UTC)
    with _connect() as connection:
        _tidy(connection)
        known = warehouse.query(connection, "delivery/active_subscriptions", None)
        return [one["subscription_id"] for one in known if _is_due(connection, one, now)]


def prepare(subscription_id: str, now: datetime | None = None) -> str:
    """Write the encrypted extract of the current period, and enter its mails in the outbox.

    Also writes anew what waits since an earlier period and can no longer be sent: its file
    is gone, or the client's entitlements have changed since.

    Returns:
        *subscription_id*, for the step that sends.

    Raises:
        connections.MissingConnection: the extract's password is not there.
        extract.TooManyRows: the rows do not fit on a sheet.
        DeliveryError: another run is at this subscription.
    """
    now = now or datetime.now(UTC)
    with _connect() as connection, _alone(connection, subscription_id):
        for one in warehouse.query(connection, "delivery/active_subscriptions", subscription_id):
            waiting = warehouse.query(connection, "delivery/outbox_waiting", subscription_id)
            current = period(one["schedule"], one["time_zone"], now)
            for moment in sorted({current} | {row["period"] for row in waiting}):
                _prepare_period(connection, one, moment, may_add=moment == current)
    return subscription_id


def send(subscription_id: str) -> int:
    """Send what the outbox holds for a subscription, each mail once, and log each disclosure.

    A mail that the server refuses for good becomes ``failed``; any other stays for the next
    attempt.

    Returns:
        How many mails the server has taken.

    Raises:
        DeliveryError: not all could be sent; the others were.
    """
    problems: list[str] = []
    with _connect() as connection, _alone(connection, subscription_id):
        found = warehouse.query(connection, "delivery/active_subscriptions", subscription_id)
        waiting = warehouse.query(connection, "delivery/outbox_waiting", subscription_id)
        for one in found:
            for row in waiting:
                if problem := _send_one(connection, one, row):
                    problems.append(problem)
        _tidy(connection)
    if problems:
        raise DeliveryError(
            f"{subscription_id}: {len(problems)} of {len(waiting)} mails were not sent: "
            + ", ".join(sorted(set(problems)))
        )
    return len(waiting)


def period(schedule: str, time_zone: str, now: datetime) -> datetime:
    """The period that is due at *now*: the latest tick of *schedule* at or before it.

    Args:
        schedule: a cron expression of five fields.
        time_zone: the IANA zone in which the schedule is meant.
        now: with its zone.
    """
    local = now.astimezone(ZoneInfo(time_zone)) + timedelta(seconds=1)
    tick: datetime = croniter(schedule, local).get_prev(datetime)
    return tick.astimezone(UTC)


def checkpoint(step: str) -> None:
    """Called between any two steps. Does nothing; the tests end the process here."""


@contextmanager
def _connect() -> Iterator[Connection[Any]]:
    """A connection on which every statement is final: a step done is a step recorded."""
    with warehouse.connect() as connection:
        connection.set_autocommit(True)
        yield connection


@contextmanager
def _alone(connection: Connection[Any], subscription_id: str) -> Iterator[None]:
    """Keep other runs from this subscription until the block, or the process, ends."""
    if not warehouse.query(connection, "delivery/mailbox_lock", subscription_id)[0]["is_mine"]:
        raise DeliveryError(f"{subscription_id}: another run is preparing or sending it")
    try:
        yield
    finally:
        warehouse.query(connection, "delivery/mailbox_unlock", subscription_id)


def _is_due(connection: Connection[Any], one: dict[str, Any], now: datetime) -> bool:
    current = period(one["schedule"], one["time_zone"], now)
    known = warehouse.query(
        connection, "delivery/outbox_of_period", one["subscription_id"], current
    )
    missing = set(one["recipients"]) - {row["recipient"] for row in known if row["state"] in DONE}
    return bool(missing) or bool(
        warehouse.query(connection, "delivery/outbox_waiting", one["subscription_id"])
    )


def _prepare_period(
    connection: Connection[Any], one: dict[str, Any], moment: datetime, *, may_add: bool
) -> None:
    """Make the file of one period and its outbox rows, unless they are there and still good."""
    known = {
        row["recipient"]: row
        for row in warehouse.query(
            connection, "delivery/outbox_of_period", one["subscription_id"], moment
        )
    }
    wanted = [name for name in one["recipients"] if may_add or name in known]
    open_ = [name for name in wanted if name not in known or known[name]["state"] not in DONE]
    if all(name in known and _is_usable(one, known[name]) for name in open_):
        return
    content = _read(connection, one, moment)
    password = connections.password(f"claimhouse_extract_{one['client']}")
    sealed = extract.encrypt(extract.workbook(content), password)
    file_name = f"{one['subscription_id']}.{moment:%Y%m%dT%H%MZ}.xlsx"
    checksum = _write(file_name, sealed)
    checkpoint("file written")
    with connection.transaction():
        for recipient in open_:
            warehouse.query(
                connection,
                "delivery/outbox",
                one["subscription_id"],
                moment,
                recipient,
                one["report"],
                one["privacy_level"],
                one["reason"],
                _message_id(one["subscription_id"], moment, recipient),
                file_name,
                checksum,
                len(content.rows.rows),
                list(content.rows.columns),
                content.as_of,
                json.dumps(one["entitlements"]),
            )
    checkpoint("prepared")
    log.info(
        "prepared %s: %s rows for %s recipients", file_name, len(content.rows.rows), len(open_)
    )


def _read(connection: Connection[Any], one: dict[str, Any], moment: datetime) -> Extract:
    """What the client's own role sees, in one snapshot."""
    report = one["report"]
    said = {
        row["column_name"]: row["description"]
        for row in warehouse.query(connection, "delivery/definitions", report)
    }
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        connection.execute(sql.SQL("set local role {}").format(sql.Identifier(one["client_role"])))
        rows = _table(connection, f"delivery/{report}/rows")
        summary = _table(connection, f"delivery/{report}/summary")
    return Extract(
        title=said.pop(None, "") or extract.heading(report),
        client=one["client_title"],
        period=_shown(moment, one["time_zone"]),
        filters=_filters(one["entitlements"]),
        as_of=one["as_of"],
        definitions=said,
        rows=rows,
        summary=summary,
    )


def _table(connection: Connection[Any], path: str) -> Table:
    cursor = connection.execute(warehouse.sql(path).encode())
    columns = tuple(column.name for column in cursor.description or ())
    return Table(columns, cursor.fetchall())


def _filters(entitlements: list[list[str]]) -> str:
    """The entitlements as a person reads them: ``billing: orthopedist, physical therapist``."""
    by_source: dict[str, list[str]] = {}
    for source, specialty, _ in entitlements:
        by_source.setdefault(source, []).append(specialty.replace("_", " "))
    return "; ".join(f"{source}: {', '.join(names)}" for source, names in by_source.items())


def _shown(moment: datetime, time_zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(time_zone)):%Y-%m-%d %H:%M} {time_zone}"


def _is_usable(one: dict[str, Any], row: dict[str, Any]) -> bool:
    """Whether the file of an outbox row is whole and shows what its client may see today."""
    return bool(row["entitlements"] == one["entitlements"]) and _content(row) is not None


def _content(row: dict[str, Any]) -> bytes | None:
    """The file of an outbox row, or None where it is gone or is not the one recorded."""
    file = settings.extract_folder() / row["file_name"]
    content = file.read_bytes() if file.exists() else b""
    return content if hashlib.sha256(content).hexdigest() == row["checksum"] else None


def _write(file_name: str, content: bytes) -> str:
    """Put an encrypted file in its place, whole or not at all; returns its SHA-256."""
    folder = settings.extract_folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = folder / f".{file_name}.part"
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / file_name)
    return hashlib.sha256(content).hexdigest()


def _message_id(subscription_id: str, moment: datetime, recipient: str) -> str:
    """The same for the same mail, whoever makes it and how often."""
    name = "\x1f".join((subscription_id, moment.isoformat(), recipient))
    domain = settings.owner_address().rpartition("@")[2]
    return f"<{hashlib.sha256(name.encode()).hexdigest()[:40]}@{domain}>"


def _send_one(connection: Connection[Any], one: dict[str, Any], row: dict[str, Any]) -> str | None:
    """Send one mail and record it; returns the kind of error where that did not work."""
    content = _content(row) if row["entitlements"] == one["entitlements"] else None
    if content is None:
        problem = "its file must be prepared anew"
        warehouse.query(connection, "delivery/outbox_waits", row["outbox_id"], problem)
        return problem
    warehouse.query(connection, "delivery/outbox_sending", row["outbox_id"])
    checkpoint("sending")
    try:
        _hand_over(one, row, content)
    except OSError as error:
        problem = _kind(error)
        outcome = "outbox_failed" if _is_final(error) else "outbox_waits"
        warehouse.query(connection, f"delivery/{outcome}", row["outbox_id"], problem)
        return problem
    checkpoint("accepted")
    warehouse.query(connection, "delivery/disclosure", row["outbox_id"])
    checkpoint("sent")
    log.info("sent %s, %s", row["file_name"], row["message_id"])
    return None


def _hand_over(one: dict[str, Any], row: dict[str, Any], content: bytes) -> None:
    server = mail.server()
    message = mail.message(
        sender=server.sender,
        recipient=row["recipient"],
        subject=f"{extract.heading(one['report'])}, {_shown(row['period'], one['time_zone'])}",
        text=TEXT.format(
            report=extract.heading(one["report"]),
            client=one["client_title"],
            period=_shown(row["period"], one["time_zone"]),
            as_of=_shown(row["as_of"], "UTC") if row["as_of"] else "not loaded",
            checksum=row["checksum"],
            owner=settings.owner_address(),
        ),
        message_id=row["message_id"],
        file_name=row["file_name"],
        content=content,
    )
    with mail.session(server) as client:
        client.send_message(message, from_addr=server.sender, to_addrs=[row["recipient"]])


TEXT = """\
{report}
for {client}

Period:      {period}
Data as of:  {as_of}
SHA-256:     {checksum}

The attached workbook is encrypted. Its password was given to you in another way and is never
sent by mail. If it does not open, or was not meant for you, write to {owner}.
"""


def _is_final(error: OSError) -> bool:
    """Whether the server will never take this mail for this recipient."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= 500


def _kind(error: OSError) -> str:
    """The kind of an error and its code, without the server's words: they quote what it was sent."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = sorted({code for code, _ in error.recipients.values()})
        return f"SMTPRecipientsRefused {' '.join(map(str, codes))}"
    code = getattr(error, "smtp_code", None)
    return type(error).__name__ + (f" {code}" if code else "")


def _tidy(connection: Connection[Any]) -> None:
    """Remove the files that no mail waits for; a run that was killed may have left one."""
    for row in warehouse.query(connection, "delivery/finished_files"):
        (settings.extract_folder() / row["file_name"]).unlink(missing_ok=True)
