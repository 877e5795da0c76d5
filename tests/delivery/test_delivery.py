"""Extracts: what is in the file, who gets it, and that each gets it once whatever breaks."""

from __future__ import annotations

import asyncio
import email
import email.policy
import hashlib
import imaplib
import io
import json
import logging
import multiprocessing
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing import forkserver
from pathlib import Path
from zoneinfo import ZoneInfo

import boto3
import fastexcel
import msoffcrypto
import pytest
from aiosmtpd.controller import Controller
from tests.delivery import killed_delivery
from tests.worlds.client_world import COLUMNS, MASTER_KEY, World

from claimhouse import connections, delivery, reporting
from claimhouse.delivery import extract, links
from claimhouse.delivery import ledger as deliveries
from claimhouse.delivery import outbox as delivering

PASSWORD = "correct horse battery staple"
JOURNAL = "journal@claimhouse.example"
NOW = datetime(2026, 3, 15, 12, 0, tzinfo=UTC)
SUMMIT = ("billing", ["orthopedist", "physical_therapist"])
CHICAGO = ZoneInfo("America/Chicago")


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


@pytest.fixture
def mailbox(monkeypatch):
    """A real SMTP server on loopback; the connection ``claimhouse_mail`` names it."""
    box = Mailbox()
    controller = Server(box, hostname="127.0.0.1", port=0)
    controller.start()
    box.port = controller.port
    use_mail_port(monkeypatch, box.port)
    yield box
    controller.stop()


@pytest.fixture(scope="session")
def journal_port(tmp_path_factory):
    """The port of a real IMAP server; what a test looks for there is named by its own world."""
    port = free_port()
    with running("pymap", "--host", "127.0.0.1", "--port", str(port), "--no-tls", "dict",
                 "--demo-user", "us", port=port, cwd=tmp_path_factory.mktemp("imap")):  # fmt: skip
        yield port


@pytest.fixture
def journal(monkeypatch, journal_port):
    """A session with the mailbox that the connection ``claimhouse_journal`` names."""
    said = {"conn_type": "imap", "host": "127.0.0.1", "port": journal_port, "login": "us",
            "password": "demopass", "extra": {"disable_ssl": True, "address": JOURNAL}}  # fmt: skip
    monkeypatch.setenv("AIRFLOW_CONN_CLAIMHOUSE_JOURNAL", json.dumps(said))
    monkeypatch.setenv("CLAIMHOUSE_JOURNAL_MINUTES", "0")
    with imaplib.IMAP4("127.0.0.1", journal_port) as client:
        client.login("us", "demopass")
        yield client


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


@pytest.fixture
def world(warehouse, warehouse_url, tmp_path, monkeypatch):
    """A published world whose client summit has a subscription with two recipients."""
    secret = {"conn_type": "generic", "password": MASTER_KEY}
    monkeypatch.setenv("AIRFLOW_CONN_CLAIMHOUSE_PSEUDONYM", json.dumps(secret))
    monkeypatch.setenv("CLAIMHOUSE_EXTRACT_FOLDER", str(tmp_path / "extracts"))
    clients = tmp_path / "clients"
    clients.mkdir()
    world = World(warehouse, warehouse_url, clients)
    world.extracts = tmp_path / "extracts"
    world.recipients = ["one@summit.example", "two@summit.example"]
    world.id = f"{world.summit}.monthly"
    name = f"AIRFLOW_CONN_CLAIMHOUSE_EXTRACT_{world.summit}".upper()
    monkeypatch.setenv(name, json.dumps({"conn_type": "generic", "password": PASSWORD}))
    publish(world, SUMMIT)
    return world


def publish(world, *entitlements, recipients=None, hold=None, **changes):
    said = {
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
    world.write(world.summit, *entitlements, subscriptions=[said | changes], **held)
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
    for one in delivery.due(now):
        delivery.send(delivery.prepare(one, now))


def outbox(world):
    return world.connection.execute(
        "select recipient, state, attempts, last_error from delivery.outbox order by period, recipient"
    ).fetchall()


def ledger(world):
    return world.connection.execute(
        "select recipient, message_id, checksum, row_count from delivery.disclosure order by recipient"
    ).fetchall()


def test_each_recipient_has_one_mail_with_the_rows_of_the_client(world, mailbox):
    run(world)
    assert sorted(to for (to,), _ in mailbox.mails) == world.recipients
    expected = world.expected(world.summit, SUMMIT)
    for message in mailbox.parsed():
        name, content = attachment(message)
        assert name == f"{world.id}.20260301T1200Z.xlsx"
        table = fastexcel.read_excel(opened(content)).load_sheet("Rows").to_polars()
        assert table.columns == [extract.heading(column) for column in COLUMNS]
        assert [typed(row) for row in table.rows()] == [shown(row) for row in expected]


def shown(row):
    """An expected row as the workbook shows it: neutralised text, money to the cent, UTC."""
    specialty, month, day, claim, patient, city, state, visit, coverage, cost, covered, *rest = row
    billed, as_of = rest
    city = f"'{city}" if city and city.startswith("=") else city
    return (
        specialty, month, day, claim, patient, city, state, visit, coverage,
        float(cost), float(covered), billed, as_of and as_of.replace(tzinfo=None),
    )  # fmt: skip


def typed(row):
    """A read row, its whole-day moments as dates and its coverage as the integer it is."""
    month, day, coverage = row[1], row[2], row[8]
    plain = [value.date() if isinstance(value, datetime) else value for value in (month, day)]
    assert coverage == int(coverage)
    return (row[0], *plain, *row[3:8], int(coverage), *row[9:])


def test_the_workbook_says_what_it_is_and_sums_up(world, mailbox):
    run(world)
    plain = opened(attachment(mailbox.parsed()[0])[1])
    expected = world.expected(world.summit, SUMMIT)
    cover = dict(row[:2] for row in sheet(plain, "Cover") if row[0] and row[1])
    assert cover["Prepared for"] == f"{world.summit} & Co"
    assert cover["Period"] == "2026-03-01 06:00 America/Chicago"
    assert cover["Filters"] == "billing: orthopedist, physical therapist"
    assert cover["Data as of"] == "2026-03-02 04:05:06 UTC"
    assert cover["Rows"] == str(len(expected))
    assert "limited data set" in cover["Notice"]
    assert {extract.heading(column) for column in COLUMNS} <= set(cover)
    assert all(cover[extract.heading(column)] for column in COLUMNS)

    sums = {}
    for row in expected:
        key = (row[0], row[1])
        claims, cost, covered = sums.get(key, (0, 0, 0))
        sums[key] = (claims + 1, cost + row[9], covered + row[10])
    grid = {(one, month) for one in {k[0] for k in sums} for month in {k[1] for k in sums}}
    table = fastexcel.read_excel(plain).load_sheet("Summary").to_polars().rows()
    assert [row[0] for row in table] == sorted(row[0] for row in table)
    found = {
        (row[0], row[1].date() if isinstance(row[1], datetime) else row[1]): row[2:]
        for row in table
    }
    assert set(found) == grid
    for key, (claims, cost, covered) in found.items():
        assert (claims, round(cost, 2), round(covered, 2)) == tuple(
            map(float, sums.get(key, (0, 0, 0)))
        )

    parts = zipfile.ZipFile(io.BytesIO(plain))
    assert "xl/charts/chart1.xml" in parts.namelist()
    rows = parts.read("xl/worksheets/sheet3.xml").decode()
    assert 'state="frozen"' in rows and "<f>" not in rows and "<cols>" in rows


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_looks_like_a_formula_is_neutralised(start):
    assert extract.neutral(f"{start}1+1") == f"'{start}1+1"
    assert extract.neutral("Albany") == "Albany"


def test_the_wrong_password_does_not_open_it(world, mailbox):
    run(world)
    _, content = attachment(mailbox.parsed()[0])
    assert content[:8] == bytes.fromhex("D0CF11E0A1B11AE1")  # no zip: an encrypted container
    with pytest.raises(msoffcrypto.exceptions.InvalidKeyError):
        opened(content, "wrong")


def test_the_mail_and_the_log_hold_no_phi_and_no_password(world, mailbox, caplog):
    with caplog.at_level(logging.DEBUG):
        run(world)
    for message in mailbox.parsed():
        text = message.get_body().get_content() + str(message.items())
        for secret in (PASSWORD, MASTER_KEY, "Albany", "PAT0", "CLM0"):
            assert secret not in text and secret not in caplog.text
        assert hashlib.sha256(attachment(message)[1]).hexdigest() in text


def test_the_ledger_tells_what_was_sent(world, mailbox):
    run(world)
    assert ledger(world) == sorted(
        (
            message["To"],
            message["Message-ID"],
            hashlib.sha256(attachment(message)[1]).hexdigest(),
            len(world.expected(world.summit, SUMMIT)),
        )
        for message in mailbox.parsed()
    )
    said = world.connection.execute(
        "select distinct client, report, privacy_level, reason, column_names, period, as_of"
        " from delivery.disclosure"
    ).fetchall()
    assert said[0][:5] == (
        world.summit, "claims_by_specialty_month", "limited", "benefit administration", list(COLUMNS),
    )  # fmt: skip
    assert said[0][5] == datetime(2026, 3, 1, 6, tzinfo=CHICAGO)
    for change in ("delete from", "truncate"):
        with pytest.raises(Exception, match="never changed"):
            world.connection.execute(f"{change} delivery.disclosure")


def test_a_period_is_sent_once_and_the_next_one_again(world, mailbox):
    run(world)
    assert delivery.due(NOW) == []
    run(world)
    delivery.send(delivery.prepare(world.id, NOW))
    assert len(mailbox.mails) == 2
    run(world, NOW + timedelta(days=31))
    assert len(mailbox.mails) == 4
    assert len({message["Message-ID"] for message in mailbox.parsed()}) == 4


def test_nothing_is_left_on_disk_once_all_have_it(world, mailbox):
    delivery.prepare(world.id, NOW)
    (file,) = world.extracts.iterdir()
    assert file.read_bytes()[:4] != b"PK\x03\x04"
    assert file.stat().st_mode & 0o077 == 0
    delivery.send(world.id)
    assert list(world.extracts.iterdir()) == []


def test_a_mail_server_that_is_away_means_late_not_lost(world, mailbox, monkeypatch):
    use_mail_port(monkeypatch, 1)
    delivery.prepare(world.id, NOW)
    with pytest.raises(
        delivery.DeliveryError, match="2 of 2 mails were not sent: ConnectionRefused"
    ):
        delivery.send(world.id)
    assert [row[1:] for row in outbox(world)] == [("prepared", 1, "ConnectionRefusedError")] * 2
    assert ledger(world) == []
    use_mail_port(monkeypatch, mailbox.port)
    assert delivery.due(NOW + timedelta(days=40)) == [world.id]
    assert delivery.send(world.id) == 2
    assert sorted(to for (to,), _ in mailbox.mails) == world.recipients


def test_a_recipient_refused_for_good_stops_no_other(world, mailbox):
    mailbox.refuse = {"one@summit.example": "550 no such mailbox: one@summit.example"}
    delivery.prepare(world.id, NOW)
    with pytest.raises(delivery.DeliveryError) as raised:
        delivery.send(world.id)
    assert "one@summit.example" not in str(raised.value)
    assert outbox(world) == [
        ("one@summit.example", "failed", 1, "RCPT 550"),
        ("two@summit.example", "sent", 1, None),
    ]
    assert delivery.due(NOW) == []
    assert [row[0] for row in ledger(world)] == ["two@summit.example"]


def test_a_recipient_refused_for_now_waits(world, mailbox):
    mailbox.refuse = {"one@summit.example": "451 try again"}
    delivery.prepare(world.id, NOW)
    with pytest.raises(delivery.DeliveryError):
        delivery.send(world.id)
    mailbox.refuse = {}
    run(world)
    assert sorted(to for (to,), _ in mailbox.mails) == world.recipients
    assert len(ledger(world)) == 2


@pytest.fixture(scope="session")
def fork_server():
    """Starts processes that have everything imported and no threads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.delivery.killed_delivery"])
        forkserver.ensure_running()
        return context


@pytest.fixture
def killed(world, fork_server):
    """Prepare and send in a process of its own that dies at the *count*-th *step*."""

    def run_and_die(step, count):
        said = (dict(os.environ), step, count, world.id, NOW.isoformat())
        process = fork_server.Process(target=killed_delivery.main, args=said)
        process.start()
        process.join(60)
        assert process.exitcode == -9

    return run_and_die


def mails_of(world, mailbox):
    """To whom mails went, the owner and the journal left out."""
    return sorted(to[0] for to, _ in mailbox.mails if to[0] in world.recipients)


def assert_each_has_one(world, mailbox):
    assert mails_of(world, mailbox) == world.recipients
    by_id = {message["Message-ID"]: message["To"] for message in mailbox.parsed()}
    told = {row[1]: row[0] for row in ledger(world)}
    assert told.items() <= by_id.items() and sorted(told.values()) == world.recipients
    assert {row[1] for row in outbox(world)} == {"sent"}
    assert list(world.extracts.iterdir()) == []


SAFE_STEPS = [
    ("file written", 1), ("prepared", 1), ("handing over", 1), ("handing over", 2),
    ("handed over", 1), ("handed over", 2), ("sent", 1), ("sent", 2),
]  # fmt: skip


@pytest.mark.parametrize("step, count", SAFE_STEPS)
def test_killed_between_any_two_steps_each_recipient_has_one_mail(
    world, mailbox, killed, step, count
):
    killed(step, count)
    run(world)
    run(world)
    assert_each_has_one(world, mailbox)


@pytest.mark.parametrize(
    "step, count, arrived, verdict",
    [("sending", 2, 1, "resend"), ("accepted", 1, 1, "arrived"), ("accepted", 2, 2, "arrived")],
)
def test_killed_before_the_servers_answer_was_heard_the_mail_is_in_doubt(
    world, mailbox, killed, step, count, arrived, verdict
):
    """Nobody can know: it is not sent again, the owner is told once, the ledger counts it."""
    killed(step, count)
    assert len(mails_of(world, mailbox)) == arrived
    run(world)
    run(world)
    assert [row[1] for row in outbox(world)].count("in_doubt") == 1
    assert delivery.due(NOW) == []
    (doubt,) = delivery.in_doubt()
    (told,) = [
        one for one in mailbox.parsed() if one["To"] == "data-engineering@claimhouse.example"
    ]
    assert (
        doubt["message_id"] in told.get_content() and str(doubt["outbox_id"]) in told.get_content()
    )
    assert doubt["recipient"] not in told.get_content()
    said = {row["recipient"]: row["state"] for row in deliveries.disclosures(client=world.summit)}
    assert said == dict.fromkeys(world.recipients, "sent") | {doubt["recipient"]: "in doubt"}

    delivery.main(["resolve", str(doubt["outbox_id"]), verdict])
    run(world)
    assert_each_has_one(world, mailbox)
    with pytest.raises(SystemExit):
        delivery.main(["resolve", str(doubt["outbox_id"]), verdict])


@pytest.mark.parametrize(
    "step, count", [*SAFE_STEPS[2:6], ("sending", 1), ("accepted", 1), ("accepted", 2)]
)
def test_with_a_journal_a_mail_is_never_in_doubt(world, mailbox, journal, killed, step, count):
    """The journal is a mailbox that gets a copy in the same transaction, and can be asked."""
    mailbox.journal = journal
    killed(step, count)
    run(world)
    run(world)
    assert_each_has_one(world, mailbox)
    assert delivery.in_doubt() == []


def test_a_mail_that_may_still_come_to_the_journal_is_waited_for(
    world, mailbox, journal, killed, monkeypatch
):
    monkeypatch.setenv("CLAIMHOUSE_JOURNAL_MINUTES", "15")
    killed("accepted", 1)  # taken, and not yet brought to the journal
    with pytest.raises(delivery.DeliveryError, match="the journal may not have it yet"):
        run(world)
    assert len(mails_of(world, mailbox)) == 2  # the other recipient does not wait
    mailbox.bring(journal)
    run(world)
    assert_each_has_one(world, mailbox)


def test_a_server_that_goes_silent_after_the_last_byte_leaves_a_doubt(world, mailbox, monkeypatch):
    mailbox.silent = True
    monkeypatch.setattr("claimhouse.delivery.mail.VERDICT_SECONDS", 0.3)
    delivery.prepare(world.id, NOW)
    with pytest.raises(delivery.DeliveryError, match="in doubt"):
        delivery.send(world.id)
    mailbox.silent = False
    run(world)
    assert {row[1] for row in outbox(world)} == {"in_doubt"}
    assert len(mails_of(world, mailbox)) == 2


def test_two_runs_at_once_do_not_send_twice(world, mailbox, monkeypatch):
    delivery.prepare(world.id, NOW)

    def meanwhile(step):
        if step == "sending":
            with pytest.raises(delivery.DeliveryError, match="another run"):
                delivery.send(world.id)

    monkeypatch.setattr(delivering, "checkpoint", meanwhile)
    assert delivery.send(world.id) == 2
    assert len(mailbox.mails) == 2


def test_what_was_prepared_before_a_specialty_was_taken_away_is_not_sent(world, mailbox):
    delivery.prepare(world.id, NOW)
    publish(world, ("billing", ["physical_therapist"]))
    with pytest.raises(delivery.DeliveryError, match="prepared anew"):
        delivery.send(world.id)
    assert mailbox.mails == []
    run(world, NOW + timedelta(days=31))  # also when the period has passed meanwhile
    assert len(mailbox.mails) == 4
    for message in mailbox.parsed():
        plain = opened(attachment(message)[1])
        table = fastexcel.read_excel(plain).load_sheet("Rows").to_polars()
        assert set(table["Provider specialty"]) == {"physical_therapist"}


def test_a_recipient_struck_off_gets_nothing(world, mailbox):
    delivery.prepare(world.id, NOW)
    publish(world, SUMMIT, recipients=["two@summit.example"])
    run(world)
    assert [to for (to,), _ in mailbox.mails] == ["two@summit.example"]


def test_a_client_that_left_gets_nothing(world, mailbox):
    delivery.prepare(world.id, NOW)
    (world.folder / f"{world.summit}.yaml").unlink()
    reporting.publish(world.connection, world.folder)
    assert delivery.due(NOW) == []
    assert delivery.send(world.id) == 0
    assert mailbox.mails == []
    assert list(world.extracts.iterdir()) == []


def test_a_file_that_was_changed_on_disk_is_not_sent(world, mailbox):
    delivery.prepare(world.id, NOW)
    (file,) = world.extracts.iterdir()
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(delivery.DeliveryError, match="prepared anew"):
        delivery.send(world.id)
    run(world)
    assert len(mailbox.mails) == 2


def test_an_empty_report_is_sent_as_such(world, mailbox):
    publish(world, ("billing", ["nobody_practises_this"]))
    run(world)
    plain = opened(attachment(mailbox.parsed()[0])[1])
    assert len(sheet(plain, "Rows")) == 1
    assert {row[3] for row in ledger(world)} == {0}


def test_without_a_password_nothing_is_prepared(world, mailbox, monkeypatch):
    monkeypatch.delenv(f"AIRFLOW_CONN_CLAIMHOUSE_EXTRACT_{world.summit}".upper())
    with pytest.raises(connections.MissingConnection, match=f"claimhouse_extract_{world.summit}"):
        delivery.prepare(world.id, NOW)
    assert not world.extracts.exists()


@pytest.mark.parametrize(
    "schedule, zone, now, tick",
    [
        ("0 6 1 * *", "America/Chicago", "2026-03-01T12:00+00:00", "2026-03-01T12:00+00:00"),
        ("0 6 1 * *", "America/Chicago", "2026-03-01T11:59:58+00:00", "2026-02-01T12:00+00:00"),
        ("0 6 * * *", "America/Chicago", "2026-03-09T00:00+00:00", "2026-03-08T11:00+00:00"),
        ("0 6 * * *", "America/Chicago", "2026-11-02T00:00+00:00", "2026-11-01T12:00+00:00"),
        ("30 2 * * *", "America/Chicago", "2026-03-08T18:00+00:00", "2026-03-08T08:30+00:00"),
        ("0 0 * * 1", "Asia/Kolkata", "2026-03-15T18:30:00+00:00", "2026-03-15T18:30+00:00"),
    ],
)
def test_the_period_is_the_latest_tick_in_the_subscriptions_zone(schedule, zone, now, tick):
    found = delivery.period(schedule, zone, datetime.fromisoformat(now))
    assert found == datetime.fromisoformat(tick)


@pytest.mark.parametrize(
    "schedule, now, ticks",
    [
        # 02:30 does not exist on the day the clock goes forward: one period, not none
        ("30 2 * * *", "2026-03-08T00:00", 1),
        # 01:30 exists twice on the day it goes back: one period, not two
        ("30 1 * * *", "2026-11-01T00:00", 1),
        # every hour of the wall clock
        ("0 * * * *", "2026-03-08T00:00", 23),
        ("0 * * * *", "2026-11-01T00:00", 24),
    ],
)
def test_a_day_on_which_the_clock_is_set_loses_no_period_and_doubles_none(schedule, now, ticks):
    start = datetime.fromisoformat(now).replace(tzinfo=CHICAGO).astimezone(UTC)
    day = datetime.fromisoformat(now).date()
    found = {
        delivery.period(schedule, "America/Chicago", start + timedelta(minutes=step))
        for step in range(0, 25 * 60 + 1, 5)
    }
    assert len([one for one in found if one.astimezone(CHICAGO).date() == day]) == ticks


def test_a_client_on_hold_gets_nothing_until_it_is_released(world, mailbox):
    delivery.prepare(world.id, NOW)
    delivery.main(["hold", world.summit, "--reason", "a dispute"])
    assert delivery.due(NOW) == []
    assert delivery.send(delivery.prepare(world.id, NOW)) == 0
    assert mailbox.mails == []
    delivery.main(["release", world.summit])
    run(world)
    assert mails_of(world, mailbox) == world.recipients
    with pytest.raises(SystemExit):
        delivery.main(["release", world.summit])
    with pytest.raises(SystemExit):
        delivery.main(["hold", world.summit, "--reason", " "])


def test_a_hold_in_the_client_file_holds_too(world, mailbox):
    publish(world, SUMMIT, hold="the agreement has run out")
    assert delivery.due(NOW) == []
    assert delivery.send(delivery.prepare(world.id, NOW)) == 0
    publish(world, SUMMIT)
    run(world)
    assert len(mailbox.mails) == 2


def test_an_empty_report_is_withheld_where_the_subscription_says_so(world, mailbox):
    publish(world, ("billing", ["nobody_practises_this"]), when_empty="withhold")
    run(world)
    assert mailbox.mails == []
    assert {row[1] for row in outbox(world)} == {"withheld"}
    assert delivery.due(NOW) == [] and list(world.extracts.iterdir()) == []
    publish(world, SUMMIT, when_empty="withhold")
    run(world, NOW + timedelta(days=31))
    assert len(mailbox.mails) == 2


def test_the_first_delivery_and_a_jump_wait_for_a_persons_word(world, mailbox):
    approval = {"first": True, "when_rows_change_by": 2.0}
    publish(world, SUMMIT, approval=approval)
    run(world)
    (asked,) = delivery.approvals_to_ask()
    count = len(world.expected(world.summit, SUMMIT))
    assert asked["why"] == "the first delivery" and asked["row_count"] == str(count)
    assert asked["recipients"] == 2
    run(world)
    assert mailbox.mails == [] and delivery.approvals_to_ask() == [] and delivery.due(NOW) == []
    assert delivery.decide(asked["extract_id"], may_be_sent=True, by="maria") == world.id
    assert delivery.decide(asked["extract_id"], may_be_sent=False, by="late") is None
    run(world)
    assert mails_of(world, mailbox) == world.recipients
    run(world, NOW + timedelta(days=31))  # as many rows: nobody is asked
    assert len(mailbox.mails) == 4

    few = ("billing", ["physical_therapist"])
    fewer = len(world.expected(world.summit, few))
    assert fewer * 2 < count
    publish(world, few, approval=approval)
    run(world, NOW + timedelta(days=62))
    (asked,) = delivery.approvals_to_ask()
    assert asked["previous_row_count"] == str(count) and asked["row_count"] == str(fewer)
    delivery.decide(asked["extract_id"], may_be_sent=False, by="maria")
    run(world, NOW + timedelta(days=62))
    assert len(mailbox.mails) == 4
    assert [row[1] for row in outbox(world)][-2:] == ["refused", "refused"]
    assert list(world.extracts.iterdir()) == []


@pytest.mark.parametrize("previous, count, ratio, jumps", [
    (100, 200, 2, False), (100, 201, 2, True), (100, 50, 2, False), (100, 49, 2, True),
    (0, 1, 9, True), (1, 0, 9, True), (0, 0, 9, False), (1, 1_000, None, False),
])  # fmt: skip
def test_what_counts_as_a_jump(previous, count, ratio, jumps):
    assert delivering._jumps(previous, count, ratio) is jumps


def batch(world, state, received):
    """Enter a batch of claims that stopped in *state*."""
    file_id = world.connection.execute(
        "insert into landing.file (checksum, size_bytes, source_system, feed, file_name, archive_path)"
        " values (%s, 1, 'billing', 'claims', 'c.csv', '-') returning file_id", (state,)
    ).fetchone()[0]  # fmt: skip
    world.connection.execute(
        "insert into landing.batch (file_id, source_system, feed, received_date, state, code_version,"
        " created_at, loaded_at) values (%s, 'billing', 'claims', '2026-03-15', %s, 'test', %s, %s)",
        (file_id, state, received, received if state == "loaded" else None),
    )


@pytest.mark.parametrize(
    "state, hours_ago, why",
    [
        ("held", 0, "the newest claims are held by a failed check"),
        ("rejected", 0, "the newest file of claims was rejected"),
        ("checked", 3, "the newest claims have not been loaded"),
        ("loaded", 3, "what was loaded has not been published"),
    ],
)
def test_a_refresh_that_failed_withholds_and_tells_the_owner_alone(
    world, mailbox, state, hours_ago, why
):
    batch(world, state, NOW - timedelta(hours=hours_ago))
    run(world)
    run(world)
    (told,) = mailbox.parsed()
    assert told["To"] == "data-engineering@claimhouse.example"
    assert f"billing: {why}" in told.get_content()
    assert outbox(world) == [] and delivery.due(NOW) == [world.id]
    world.connection.execute("update landing.batch set state = 'loaded', loaded_at = %s", (NOW,))
    publish(world, SUMMIT)
    run(world)
    assert mails_of(world, mailbox) == world.recipients


@pytest.mark.parametrize("state", ["checked", "loaded"])
def test_a_refresh_under_way_is_no_failure(world, mailbox, state):
    batch(world, state, NOW - timedelta(minutes=5))
    run(world)
    assert mails_of(world, mailbox) == world.recipients


def test_the_ledger_answers_by_patient_client_and_period(world, mailbox, capsys):
    run(world)
    seen = {c["patient_id"] for c in world.claims
            if c["source"] == "billing" and c["specialty"] in SUMMIT[1] and c["patient_id"]}  # fmt: skip
    unseen = {c["patient_id"] for c in world.claims
              if c["source"] == "billing" and c["patient_id"]} - seen  # fmt: skip
    for patient in sorted(seen)[:5]:
        found = deliveries.disclosures(("billing", patient))
        assert sorted(row["recipient"] for row in found) == world.recipients
    for patient in sorted(unseen)[:5] or ["PAT9999"]:
        assert deliveries.disclosures(("billing", patient)) == []
    patient = min(seen)
    assert deliveries.disclosures(("clinic", patient)) == []
    assert deliveries.disclosures(("billing", patient), client=world.harbor) == []
    held = world.connection.execute(
        "select count(*) from delivery.extract_patient where patient_pseudonym = %s",
        (world.pseudonym(world.summit, "patient", "billing", patient),),
    ).fetchone()
    assert held == (1,)

    today = datetime.now(UTC).date()
    window = ["--from", str(today - timedelta(days=1)), "--to", str(today + timedelta(days=1))]
    delivery.main(["ledger", "--patient", f"billing:{patient}", "--client", world.summit, *window])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and lines[0].startswith("disclosed_at,state,client,recipient,report")
    delivery.main(["ledger", "--client", world.summit, "--to", str(today - timedelta(days=1))])
    assert capsys.readouterr().out == ""
    with pytest.raises(SystemExit):
        delivery.main(["ledger", "--patient", "PAT0001"])


def test_a_file_of_the_summary_alone_names_no_patient(world, mailbox):
    publish(world, SUMMIT, detail=False)
    run(world)
    assert fastexcel.read_excel(opened(attachment(mailbox.parsed()[0])[1])).sheet_names == [
        "Cover", "Summary",
    ]  # fmt: skip
    assert world.connection.execute("select * from delivery.extract_patient").fetchall() == []


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    """A bucket of an S3 server that checks signatures and their hours."""
    port = free_port()
    (tmp_path / "s3").mkdir()
    endpoint = f"http://127.0.0.1:{port}"
    known = {"NANIO_ACCESS_KEY": "test", "NANIO_SECRET_KEY": "secretsecret"}
    extra = {"endpoint_url": endpoint, "region_name": "us-east-1"}
    said = {"conn_type": "aws", "login": "test", "password": "secretsecret", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_CLAIMHOUSE_LINKS", json.dumps(said))
    monkeypatch.setenv("CLAIMHOUSE_LINK_STORE", "s3://claimhouse_links@extracts/out")
    with running("nanio", "serve", "--host", "127.0.0.1", "--port", str(port), "--data-dir",
                 str(tmp_path / "s3"), port=port, cwd=tmp_path, **known):  # fmt: skip
        client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1",
                              aws_access_key_id="test", aws_secret_access_key="secretsecret")  # fmt: skip
        client.create_bucket(Bucket="extracts")
        yield client


def link_in(message):
    (url,) = re.findall(r"^http\S+", message.get_content(), re.M)
    return url


def fetched(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read()


def refused(url):
    with pytest.raises(urllib.error.HTTPError) as raised:
        fetched(url)
    return raised.value.code == 403


def test_what_is_too_big_to_attach_comes_by_a_link_that_expires(
    world, mailbox, bucket, monkeypatch, caplog
):
    monkeypatch.setenv("CLAIMHOUSE_ATTACHMENT_MIB", "0.001")
    monkeypatch.setenv("CLAIMHOUSE_LINK_HOURS", str(4 / 3600))
    with caplog.at_level(logging.INFO):
        run(world)
    first, second = mailbox.parsed()
    assert list(first.iter_attachments()) == []
    url = link_in(first)
    content = fetched(url)
    assert len(sheet(opened(content), "Rows")) == len(world.expected(world.summit, SUMMIT)) + 1
    assert hashlib.sha256(content).hexdigest() in first.get_content()
    assert fetched(link_in(second)) == content
    assert "X-Amz-Signature" not in caplog.text
    other = url.replace("X-Amz-Expires=4", "X-Amz-Expires=400")
    assert other != url and refused(other)
    assert refused(re.sub("X-Amz-Signature=....", "X-Amz-Signature=0000", url))
    time.sleep(4.5)
    assert refused(url)
    delivery.due(NOW)
    assert "Contents" not in bucket.list_objects_v2(Bucket="extracts")
    said = {row["transport"] for row in deliveries.disclosures(client=world.summit)}
    assert said == {"link"}


@pytest.mark.parametrize("step", ["uploaded", "link signed", "accepted"])
def test_killed_on_the_way_to_a_link_each_recipient_has_one_mail(
    world, mailbox, journal, bucket, killed, step
):
    mailbox.journal = journal
    publish(world, SUMMIT, transport="link")
    killed(step, 1)
    run(world)
    assert_each_has_one(world, mailbox)
    assert len(bucket.list_objects_v2(Bucket="extracts")["Contents"]) == 1


def test_without_a_bucket_what_is_too_big_waits(world, mailbox, monkeypatch):
    monkeypatch.setenv("CLAIMHOUSE_ATTACHMENT_MIB", "0.001")
    delivery.prepare(world.id, NOW)
    with pytest.raises(links.NoLinkStore, match="CLAIMHOUSE_LINK_STORE"):
        delivery.send(world.id)
    assert {row[1] for row in outbox(world)} == {"prepared"}


@pytest.fixture
def ses(tmp_path, monkeypatch):
    """A server that speaks SES; the connection ``claimhouse_mail`` names it."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    extra = {"endpoint_url": endpoint, "region_name": "us-east-1",
             "from_email": "reports@claimhouse.example"}  # fmt: skip
    said = {"conn_type": "aws", "login": "test", "password": "test", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_CLAIMHOUSE_MAIL", json.dumps(said))
    with running("ministack", port=port, cwd=tmp_path, GATEWAY_PORT=str(port),
                 MINISTACK_HOST="127.0.0.1", BIND_HOST="127.0.0.1"):  # fmt: skip
        yield endpoint


def test_mails_go_through_ses_too(world, ses):
    client = boto3.client("ses", endpoint_url=ses, region_name="us-east-1",
                          aws_access_key_id="test", aws_secret_access_key="test")  # fmt: skip
    client.verify_email_identity(EmailAddress="reports@claimhouse.example")
    run(world)
    run(world)
    assert client.get_send_quota()["SentLast24Hours"] == 2
    given = world.connection.execute("select server_id from delivery.outbox").fetchall()
    assert len(set(given)) == 2 and all(one[0] for one in given)
    assert [row[0] for row in ledger(world)] == world.recipients


def test_ses_away_means_late_not_lost(world, mailbox, monkeypatch):
    extra = {"endpoint_url": "http://127.0.0.1:1", "region_name": "us-east-1"}
    said = {"conn_type": "aws", "login": "test", "password": "test", "extra": extra}
    with monkeypatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_CLAIMHOUSE_MAIL", json.dumps(said))
        delivery.prepare(world.id, NOW)
        with pytest.raises(delivery.DeliveryError, match="EndpointConnectionError"):
            delivery.send(world.id)
    run(world)
    assert mails_of(world, mailbox) == world.recipients
