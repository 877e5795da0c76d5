"""Extracts on their way: prepared as the client's own role, encrypted, mailed once, logged.

The outbox (``delivery.outbox``) has a row for each subscription, period and recipient, and its
state says how far that mail has come. Every step can be killed and run again. One moment nobody
can close: between the last byte of a mail and the record that the server took it. A mail that was
there when its run died is looked for in the journal; without a journal it is in doubt, is not
sent again by itself, stands in the ledger, and the owner is told (docs/decisions/0010).
"""

from __future__ import annotations

import argparse
import getpass
import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from croniter import croniter
from psycopg import Connection, sql

from claimhouse import connections, settings, warehouse
from claimhouse.delivery import extract, ledger, links, mail
from claimhouse.delivery.extract import rows as extract_rows
from claimhouse.delivery.extract.model import Extract, Written

log = logging.getLogger(__name__)

# Beyond sending again by itself.
DONE = ("sent", "failed", "in_doubt", "withheld", "refused")
PATIENT = "patient_pseudonym"
# No clock is set back by more at once.
MOST_SHIFT = timedelta(hours=3)


class DeliveryError(RuntimeError):
    """Something that should have been sent was not; the message names no recipient and no data."""


def due(now: datetime | None = None) -> list[str]:
    """The subscriptions that have something to send, by id; none of a client on hold.

    Args:
        now: the moment that decides the period of each; the present when left out.
    """
    now = now or datetime.now(UTC)
    with _connect() as connection:
        _tidy(connection)
        known = warehouse.query(connection, "delivery/active_subscriptions", None)
        return [
            one["subscription_id"]
            for one in known
            if not one["held_for"] and _is_due(connection, one, now)
        ]


def prepare(subscription_id: str, now: datetime | None = None) -> str:
    """Write the encrypted extract of the current period, and enter its mails in the outbox.

    Also writes anew what waits since an earlier period and can no longer be sent: its file
    is gone, or the client's entitlements have changed since. Where the data was not refreshed,
    nothing new is written, and the owner is told.

    Returns:
        *subscription_id*, for the step that sends.

    Raises:
        connections.MissingConnection: the extract's password is not there.
        extract.TooManyRows: the format does not hold the rows.
        DeliveryError: another run is at this subscription.
    """
    now = now or datetime.now(UTC)
    with _connect() as connection, _alone(connection, subscription_id):
        for one in warehouse.query(connection, "delivery/active_subscriptions", subscription_id):
            if one["held_for"]:
                log.info("%s is on hold", subscription_id)
                continue
            current = period(one["schedule"], one["time_zone"], now)
            if _is_stale(connection, one, current, now):
                continue
            waiting = warehouse.query(connection, "delivery/outbox_waiting", subscription_id)
            for moment in sorted({current} | {row["period"] for row in waiting}):
                _prepare_period(connection, one, moment, may_add=moment == current)
    return subscription_id


def send(subscription_id: str) -> int:
    """Send what the outbox holds for a subscription, each mail once, and log each disclosure.

    A mail that the server refuses for good becomes ``failed``; any other stays for the next
    attempt. What a person must approve stays until then.

    Returns:
        How many mails the server has taken.

    Raises:
        DeliveryError: not all could be sent; the others were.
    """
    problems: list[str] = []
    with _connect() as connection, _alone(connection, subscription_id):
        found = warehouse.query(connection, "delivery/active_subscriptions", subscription_id)
        waiting = warehouse.query(connection, "delivery/outbox_waiting", subscription_id)
        for row in waiting:
            if row["state"] == "sending" and (problem := _settle(connection, subscription_id, row)):
                problems.append(problem)
        waiting = warehouse.query(connection, "delivery/outbox_waiting", subscription_id)
        waiting = [row for row in waiting if row["state"] == "prepared"]
        sent = 0
        for one in found:
            for row in waiting if not one["held_for"] else ():
                if problem := _send_one(connection, one, row):
                    problems.append(problem)
                else:
                    sent += 1
        _tidy(connection)
    if problems:
        raise DeliveryError(
            f"{subscription_id}: {len(problems)} of {sent + len(problems)} mails were not sent: "
            + ", ".join(sorted(set(problems)))
        )
    return sent


def approvals_to_ask() -> list[dict[str, Any]]:
    """The files that wait for a person's word and of which nobody has been asked yet.

    Each is yielded once: the DAG ``approve_extract`` asks from here on. The values are fit for
    the Airflow UI.
    """
    with _connect() as connection:
        wanted = warehouse.query(connection, "delivery/approvals_wanted", True)
        for row in wanted:
            warehouse.query(connection, "delivery/approval_asked", row["extract_id"])
    return [
        row
        | {
            "period": row["period"].isoformat(),
            "previous_row_count": "none"
            if row["previous_row_count"] is None
            else f"{row['previous_row_count']:,}",
            "row_count": f"{row['row_count']:,}",
        }
        for row in wanted
    ]


def decide(extract_id: int, *, may_be_sent: bool, by: str) -> str | None:
    """Record a person's word on a file. What is refused is not sent in any later run.

    Returns:
        The subscription, to be sent now; None where the file is refused or was decided before.
    """
    with _connect() as connection, connection.transaction():
        found = warehouse.query(
            connection, "delivery/approval_decided", extract_id, may_be_sent, by
        )
        if found and not may_be_sent:
            warehouse.query(connection, "delivery/outbox_refused", extract_id)
    return found[0]["subscription_id"] if found and may_be_sent else None


def hold(client: str, reason: str, by: str) -> None:
    """Stop all deliveries to *client* from the next mail on; what waits keeps waiting.

    Raises:
        DeliveryError: no reason is given.
    """
    if not reason.strip():
        raise DeliveryError("a reason is needed: somebody will ask")
    with _connect() as connection:
        warehouse.query(connection, "delivery/hold", client, reason, by)


def release(client: str, by: str) -> None:
    """Let deliveries to *client* go on.

    Raises:
        DeliveryError: it was not on hold.
    """
    with _connect() as connection:
        if not warehouse.query(connection, "delivery/release", client, by):
            raise DeliveryError(f"{client} is not on hold, or its own file holds it")


def in_doubt() -> list[dict[str, Any]]:
    """The mails of which nobody knows whether their server took them."""
    with _connect() as connection:
        return warehouse.query(connection, "delivery/in_doubt")


def resolve(outbox_id: int, *, arrived: bool) -> None:
    """Settle a mail in doubt, as a person found out: it arrived, or it is sent again.

    Raises:
        DeliveryError: that mail is not in doubt.
    """
    with _connect() as connection:
        if outbox_id not in {
            row["outbox_id"] for row in warehouse.query(connection, "delivery/in_doubt")
        }:
            raise DeliveryError(f"mail {outbox_id} is not in doubt")
        if arrived:
            warehouse.query(connection, "delivery/disclosure", outbox_id, None)
        else:
            warehouse.query(connection, "delivery/outbox_resolved", outbox_id)


def period(schedule: str, time_zone: str, now: datetime) -> datetime:
    """The period that is due at *now*: the latest tick of *schedule* at or before it.

    The schedule goes by the zone's wall clock. An hour that comes twice has its ticks once, the
    first time; a tick in an hour that is left out comes as long after the hour before as ever.

    Args:
        schedule: a cron expression of five fields.
        time_zone: the IANA zone in which the schedule is meant.
        now: with its zone.
    """
    zone = ZoneInfo(time_zone)
    wall = now.astimezone(zone).replace(tzinfo=None, fold=0)
    ticks = croniter(schedule, wall + MOST_SHIFT)
    while True:
        tick: datetime = ticks.get_prev(datetime)
        if (moment := tick.replace(tzinfo=zone).astimezone(UTC)) <= now:
            return moment


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
    # What waits for a person's approval is there already, and no run can do more about it.
    missing = set(one["recipients"]) - {row["recipient"] for row in known}
    return bool(missing) or bool(
        warehouse.query(connection, "delivery/outbox_waiting", one["subscription_id"])
    )


def _is_stale(
    connection: Connection[Any], one: dict[str, Any], moment: datetime, now: datetime
) -> bool:
    """Whether the refresh of what this subscription shows has failed; the owner is told once."""
    allowed = now - timedelta(minutes=settings.refresh_minutes())
    found = warehouse.query(connection, "delivery/refresh_problems", one["client_role"], allowed)
    if not found:
        return False
    said = "; ".join(f"{row['source_system']}: {row['problem']}" for row in found)
    log.warning("%s is withheld: %s", one["subscription_id"], said)
    _tell_owner(connection, one["subscription_id"], moment, "withheld", STALE.format(said=said))
    return True


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
    open_ = [
        name
        for name in wanted
        if name not in known or known[name]["state"] not in (*DONE, "sending")
    ]
    if all(name in known and _is_usable(one, known[name]) for name in open_):
        return
    suffix = extract.SUFFIXES[one["format"]]
    stamp = f"{moment:%Y%m%dT%H%MZ}"
    file = settings.extract_folder() / f"{one['subscription_id']}.{stamp}.{suffix}"
    written, columns = _write(connection, one, moment, file)
    checkpoint("file written")
    with connection.transaction():
        if written.row_count == 0 and one["when_empty"] == "withhold":
            _enter(connection, one, moment, open_, None)
            file.unlink()
        else:
            extract_id = _record(connection, one, moment, file.name, written, columns)
            _enter(connection, one, moment, open_, extract_id)
            _ask_where_needed(connection, one, extract_id, written.row_count)
    checkpoint("prepared")
    log.info("prepared %s: %s rows for %s recipients", file.name, written.row_count, len(open_))


def _write(
    connection: Connection[Any], one: dict[str, Any], moment: datetime, file: Path
) -> tuple[Written, list[str]]:
    """Write the file as the client's own role sees the report, in one snapshot."""
    report = one["report"]
    said = {
        row["column_name"]: row["description"]
        for row in warehouse.query(connection, "delivery/definitions", report)
    }
    password = connections.password(f"claimhouse_extract_{one['client']}")
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        connection.execute(sql.SQL("set local role {}").format(sql.Identifier(one["client_role"])))
        summary = _summary(connection, report)
        rows = extract_rows.stream(connection, warehouse.sql(f"reporting/{report}/rows"))
        columns = list(rows.schema) if one["detail"] or summary is None else summary.columns
        content = Extract(
            title=said.pop(None, "") or extract.heading(report),
            client=one["client_title"],
            period=_shown(moment, one["time_zone"]),
            filters=_filters(one["entitlements"]),
            as_of=one["as_of"],
            privacy_level=one["privacy_level"],
            definitions=said,
            rows=rows if one["detail"] else None,
            summary=summary,
        )
        with closing(rows):
            written = extract.write(content, one["format"], password, file, _patients)
    return written, columns


def _summary(connection: Connection[Any], report: str) -> pl.DataFrame | None:
    """The report's summary, where it has one; small, for it is shown on a page."""
    path = f"reporting/{report}/summary"
    if not (settings.INCLUDE / "sql" / f"{path}.sql").exists():
        return None
    found = extract_rows.stream(connection, warehouse.sql(path))
    with closing(found):
        frames: list[pl.DataFrame] = [pl.DataFrame(schema=found.schema), *found]
    joined: pl.DataFrame = pl.concat(frames)
    return joined


def _patients(frame: pl.DataFrame) -> set[str]:
    """The patients whose rows are in *frame*, as their client knows them."""
    if PATIENT not in frame.columns:
        return set()
    return set(frame[PATIENT].drop_nulls().unique())


def _record(
    connection: Connection[Any],
    one: dict[str, Any],
    moment: datetime,
    file_name: str,
    written: Written,
    columns: list[str],
) -> int:
    """Enter a file that was made, and whose rows are in it."""
    made = warehouse.query(
        connection,
        "delivery/extract",
        one["subscription_id"],
        moment,
        one["report"],
        one["format"],
        one["privacy_level"],
        one["reason"],
        file_name,
        written.checksum,
        written.size,
        written.row_count,
        columns,
        one["as_of"],
        json.dumps(one["entitlements"]),
    )
    extract_id = int(made[0]["extract_id"])
    warehouse.query(connection, "delivery/extract_patient", extract_id, sorted(written.patients))
    return extract_id


def _enter(
    connection: Connection[Any],
    one: dict[str, Any],
    moment: datetime,
    recipients: list[str],
    extract_id: int | None,
) -> None:
    """Enter a mail for each recipient; without a file they are withheld."""
    state = "withheld" if extract_id is None else "prepared"
    for recipient in recipients:
        name = _message_id(one["subscription_id"], moment, recipient)
        warehouse.query(
            connection,
            "delivery/outbox",
            one["subscription_id"],
            moment,
            recipient,
            name,
            extract_id,
            state,
        )


def _ask_where_needed(
    connection: Connection[Any], one: dict[str, Any], extract_id: int, count: int
) -> None:
    """Ask for a person's approval where the subscription wants it for such a file."""
    found = warehouse.query(connection, "delivery/previous_count", one["subscription_id"])
    previous = found[0]["row_count"] if found else None
    if previous is None:
        if not one["approve_first"]:
            return
        why = "the first delivery"
    elif not _jumps(previous, count, one["approve_ratio"]):
        return
    else:
        why = f"the rows change by more than {one['approve_ratio']:f} times"
    warehouse.query(connection, "delivery/approval", extract_id, why, previous)


def _jumps(previous: int, count: int, ratio: Any) -> bool:
    """Whether the rows grew, or shrank, by more than *ratio* times; from or to none is a jump."""
    if ratio is None or previous == count:
        return False
    few, many = sorted((previous, count))
    return few == 0 or many > few * ratio


def _filters(entitlements: list[list[str]]) -> str:
    """The entitlements as a person reads them: ``billing: orthopedist, physical therapist``."""
    by_source: dict[str, list[str]] = {}
    for source, value, *_ in entitlements:
        shown = "all" if value == "*" else value.replace("_", " ")
        by_source.setdefault(source, []).append(shown)
    return "; ".join(f"{source}: {', '.join(names)}" for source, names in by_source.items())


def _shown(moment: datetime, time_zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(time_zone)):%Y-%m-%d %H:%M} {time_zone}"


def _is_usable(one: dict[str, Any], row: dict[str, Any]) -> bool:
    """Whether the file of an outbox row is whole and shows what its client may see today."""
    if row["entitlements"] != one["entitlements"]:
        return False
    file = settings.extract_folder() / row["file_name"]
    return bool(extract.checksum_of(file) == row["checksum"])


def _message_id(subscription_id: str, moment: datetime, recipient: str) -> str:
    """The same for the same mail, whoever makes it and how often."""
    name = "\x1f".join((subscription_id, moment.isoformat(), recipient))
    domain = settings.owner_address().rpartition("@")[2]
    return f"<{hashlib.sha256(name.encode()).hexdigest()[:40]}@{domain}>"


def _settle(connection: Connection[Any], subscription_id: str, row: dict[str, Any]) -> str | None:
    """Find out about a mail whose run died before it heard from the server.

    Returns:
        Why it cannot be said yet; None once it is settled.
    """
    journal = mail.journal()
    if journal is None:
        warehouse.query(connection, "delivery/outbox_in_doubt", row["outbox_id"])
        text = IN_DOUBT.format(number=row["outbox_id"], message_id=row["message_id"])
        kind = f"in doubt {row['outbox_id']}"
        _tell_owner(connection, subscription_id, row["period"], kind, text)
        return None
    try:
        arrived = mail.is_in_journal(journal, row["message_id"])
    except OSError as error:
        return f"the journal cannot be asked ({type(error).__name__})"
    if arrived:
        warehouse.query(connection, "delivery/disclosure", row["outbox_id"], None)
        return None
    wait = timedelta(minutes=settings.journal_minutes())
    if datetime.now(UTC) - row["sending_at"] < wait:
        return "the journal may not have it yet"
    warehouse.query(connection, "delivery/outbox_waits", row["outbox_id"], "not in the journal")
    return None


def _send_one(connection: Connection[Any], one: dict[str, Any], row: dict[str, Any]) -> str | None:
    """Send one mail and record it; returns the kind of error where that did not work."""
    if not _is_usable(one, row):
        problem = "its file must be prepared anew"
        warehouse.query(connection, "delivery/outbox_waits", row["outbox_id"], problem)
        return problem
    checkpoint("handing over")

    def last_moment() -> None:
        checkpoint("handed over")
        warehouse.query(connection, "delivery/outbox_sending", row["outbox_id"])
        checkpoint("sending")

    try:
        server_id = _hand_over(connection, one, row, last_moment)
    except mail.NotTaken as error:
        outcome = "outbox_failed" if error.is_final else "outbox_waits"
        warehouse.query(connection, f"delivery/{outcome}", row["outbox_id"], str(error))
        return str(error)
    except mail.InDoubt as error:
        _settle(connection, one["subscription_id"], row | {"sending_at": datetime.now(UTC)})
        return f"in doubt ({error})"
    checkpoint("accepted")
    warehouse.query(connection, "delivery/disclosure", row["outbox_id"], server_id)
    checkpoint("sent")
    log.info("sent %s, %s", row["file_name"], row["message_id"])
    return None


def _hand_over(
    connection: Connection[Any], one: dict[str, Any], row: dict[str, Any], last_moment: Any
) -> str | None:
    server, journal = mail.server(), mail.journal()
    file = settings.extract_folder() / row["file_name"]
    media_type = extract.MEDIA_TYPES[row["format"]]
    is_link = one["transport"] == "link" or row["size_bytes"] > settings.attachment_bytes()
    how = _linked(connection, row, file, media_type) if is_link else ATTACHED
    made = mail.message(
        sender=server.sender,
        recipient=row["recipient"],
        subject=f"{extract.heading(row['report'])}, {_shown(row['period'], one['time_zone'])}",
        text=TEXT.format(
            report=extract.heading(row["report"]),
            client=one["client_title"],
            period=_shown(row["period"], one["time_zone"]),
            as_of=_shown(row["as_of"], "UTC") if row["as_of"] else "not loaded",
            file_name=row["file_name"],
            checksum=row["checksum"],
            how=how,
            opens=OPENS[row["format"]],
            owner=settings.owner_address(),
        ),
        message_id=row["message_id"],
        attachment=None if is_link else (file, media_type),
    )
    return mail.hand_over(server, made, journal.address if journal else None, last_moment)


def _linked(connection: Connection[Any], row: dict[str, Any], file: Path, media_type: str) -> str:
    """Lay the file into the bucket, sign a link of this mail's own, and say so."""
    # A folder of its own for each file that was made: a link never leads to another one.
    found = warehouse.query(connection, "delivery/object", row["extract_id"])
    key = found[0]["object_key"] if found else links.put(file, str(row["extract_id"]))
    checkpoint("uploaded")
    url, expires_at = links.sign(key, media_type)
    warehouse.query(connection, "delivery/link", row["extract_id"], key, expires_at)
    checkpoint("link signed")
    return LINKED.format(url=url, expires_at=f"{expires_at:%Y-%m-%d %H:%M} UTC")


TEXT = """\
{report}
for {client}

Period:      {period}
Data as of:  {as_of}
File:        {file_name}
SHA-256:     {checksum}

{how}

{opens} Its password was given to you in another way and is never
sent by mail. If it does not open, or was not meant for you, write to {owner}.
"""
ATTACHED = "The file is attached."
LINKED = """\
The file is too large for a mail, or you asked for a link. Until {expires_at} it opens with:

{url}"""
OPENS = {
    "xlsx": "The workbook is encrypted and opens in Excel 2010 or newer, or LibreOffice.",
    "csv": "The archive is encrypted (AES-256) and opens in 7-Zip, WinZip or Keka.",
    "parquet": "The archive is encrypted (AES-256) and opens in 7-Zip, WinZip or Keka.",
    "pdf": "The document is encrypted and opens in Acrobat or any current browser.",
}
STALE = """\
This period's extract is withheld, for the data it would show was not refreshed:

    {said}

The client has been told nothing. Once the refresh succeeds, the extract is sent by itself.
"""
IN_DOUBT = """\
The run that sent mail {number} ended before the server answered, and nobody knows whether the
server took it. It is not sent again by itself, and the ledger counts it as sent.

Ask the mail server's log, or the recipient, for the Message-ID {message_id}
and then say one of:

    claimhouse delivery resolve {number} arrived
    claimhouse delivery resolve {number} resend
"""


def _tell_owner(
    connection: Connection[Any], subscription_id: str, moment: datetime, kind: str, text: str
) -> None:
    """Mail the owner, once for each kind of thing; where that fails, the next run does it."""
    if warehouse.query(connection, "delivery/notice_told", subscription_id, moment, kind):
        return
    server = mail.server()
    made = mail.message(
        sender=server.sender,
        recipient=settings.owner_address(),
        subject=f"Claimhouse: {subscription_id}, {moment:%Y-%m-%d}: {kind}",
        text=text,
        message_id=_message_id(f"{subscription_id}\x1f{kind}", moment, settings.owner_address()),
    )
    try:
        with suppress(mail.InDoubt):
            mail.hand_over(server, made)
    except mail.NotTaken as error:
        log.warning("the owner could not be told: %s", error)
        return
    warehouse.query(connection, "delivery/notice", subscription_id, moment, kind)


def _tidy(connection: Connection[Any]) -> None:
    """Remove the files and objects that no mail waits for; a killed run may have left some."""
    for row in warehouse.query(connection, "delivery/finished_files"):
        (settings.extract_folder() / row["file_name"]).unlink(missing_ok=True)
    for row in warehouse.query(connection, "delivery/expired_objects", datetime.now(UTC)):
        try:
            links.remove(row["object_key"])
        except Exception as error:
            log.warning("an expired object was not removed: %s", type(error).__name__)
        else:
            warehouse.query(connection, "delivery/object_removed", row["extract_id"])


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: ``ledger``, ``hold``, ``release``, ``in-doubt``, ``resolve``."""
    parser = argparse.ArgumentParser(prog="claimhouse delivery", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    ledger.add_arguments(commands.add_parser("ledger", help="what was sent, as csv"))
    one = commands.add_parser("hold", help="stop all deliveries to a client")
    one.add_argument("client")
    one.add_argument("--reason", required=True)
    commands.add_parser("release", help="let them go on").add_argument("client")
    commands.add_parser("in-doubt", help="mails of which nobody knows whether they were taken")
    one = commands.add_parser("resolve", help="settle a mail in doubt")
    one.add_argument("mail", type=int)
    one.add_argument("verdict", choices=["arrived", "resend"])
    asked = parser.parse_args(arguments)
    try:
        if asked.command == "ledger":
            print(ledger.as_csv(ledger.asked(asked)), end="")
        elif asked.command == "hold":
            hold(asked.client, asked.reason, getpass.getuser())
        elif asked.command == "release":
            release(asked.client, getpass.getuser())
        elif asked.command == "in-doubt":
            print(ledger.as_csv(in_doubt()), end="")
        else:
            resolve(asked.mail, arrived=asked.verdict == "arrived")
    except (DeliveryError, ledger.LedgerError) as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
