"""An approved dashboard by mail comes each week, once, encrypted, with what its reader sees and nothing else."""

from __future__ import annotations

import io
import json
import logging
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pikepdf
import psycopg
import pytest
from psycopg.rows import dict_row
from tests.dashboards.test_exports import BOARD, MEASURES, REPORT, dollars
from tests.delivery.conftest import bucket  # noqa: F401 (a fixture)
from tests.worlds.client_world import World, client_file, role_of
from tests.worlds.delivery_world import OWNER, Mailbox, Server, attachment, opened, use_mail_port
from tests.worlds.hospital_world import Hospital
from tests.worlds.hospital_world import database as migrated
from tests.worlds.manifest import enter_file
from tests.worlds.pdf_text import text_of

from claimhouse import delivery, reporting
from claimhouse.dashboards import known, mailed, mailings, model
from claimhouse.delivery import outbox
from claimhouse.reporting import readers

PASSWORD = "seven green lamps at dusk"
TO = "care@united.example"
APPROVED = datetime(2026, 3, 13, 15, 0, tzinfo=UTC)  # a Friday
MONDAY = datetime(2026, 3, 16, 12, 0, tzinfo=UTC)  # 07:00 in Chicago
YEAR = [["service_month.from", "2024-05"], ["service_month.to", "2024-09"]]


@dataclass
class Mails:
    """A hospital, a payer whose people ask for dashboards by mail, and a mail server."""

    owner: psycopg.Connection[Any]
    hospital: Hospital
    folder: Path
    name: str
    box: Mailbox = field(default_factory=Mailbox)

    @property
    def login(self) -> str:
        """The person who asks."""
        return f"client_{self.name}__analyst"

    def write(self, **changes: Any) -> None:
        """The payer's file, and its publication."""
        client_file(
            self.folder, self.name, ("hospital", {"payers": ["UnitedHealthcare"]}),
            **{"reports": [REPORT], "logins": [{"name": "analyst", "email": TO}], "title": "United",
               "time_zone": "America/Chicago"} | changes,
        )  # fmt: skip
        roles = self.folder / "roles.yml"
        roles.write_text("roles: []\n")
        reporting.publish(self.owner, self.folder, roles)

    def ask(self, **changes: Any) -> int:
        """Keep that somebody asks for a mail; returns its number."""
        row = {
            "login": self.login, "person": "kim", "dashboard": BOARD.name, "format": "xlsx", "weekday": 1,
            "recipient": TO, "filters": json.dumps(changes.pop("filters", [])), "time_zone": "America/Chicago",
        } | changes  # fmt: skip
        names = ", ".join(row)
        return self.one(
            f"insert into portal.mailing ({names}) values ({', '.join(['%s'] * len(row))}) returning mailing_id",
            *row.values(),
        )["mailing_id"]  # fmt: skip

    def approve(self, mailing: int, at: datetime = APPROVED) -> str:
        """Have somebody else approve it; returns the subscription."""
        self.owner.execute(
            "update portal.mailing set is_approved = true, decided_by = 'lee', decided_at = %s"
            " where mailing_id = %s", (at, mailing),
        )  # fmt: skip
        return self.one(
            "select subscription_id from delivery.subscription where mailing_id = %s", mailing
        )["subscription_id"]

    def approved(self, **changes: Any) -> str:
        """An approved mail; returns the subscription."""
        return self.approve(self.ask(**changes))

    def stop(self) -> None:
        """Stop all mails."""
        self.owner.execute(
            "update portal.mailing set ended_at = now(), ended_by = 'lee' where is_approved and ended_at is null"
        )

    def run(self, now: datetime = MONDAY) -> None:
        """What the DAG does."""
        for subscription in delivery.due(now):
            delivery.send(delivery.prepare(subscription, now, known=mailed), known=mailed)

    def one(self, text: str, *values: Any) -> dict[str, Any]:
        """The one row of a query."""
        (row,) = self.rows(text, *values)
        return row

    def rows(self, text: str, *values: Any) -> list[dict[str, Any]]:
        """The rows of a query."""
        with self.owner.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(text.encode(), values).fetchall()

    def files(self) -> list[bytes]:
        """What was mailed to the recipient."""
        return [
            attachment(mail)[1] for mail in self.box.parsed() if mail["To"] not in (OWNER, None)
        ]

    def notices(self) -> list[str]:
        """What was mailed to the owner."""
        return [mail.get_content() for mail in self.box.parsed() if mail["To"] == OWNER]

    def mailed(self) -> dict[str, Any]:
        """What the pages say of the one mail."""
        return self.one("select * from portal.mailed order by mailing_id desc limit 1")


@pytest.fixture(scope="module")
def world(server, tmp_path_factory) -> Iterator[Mails]:
    folder = tmp_path_factory.mktemp("mailed")
    with migrated(server) as (address, owner), pytest.MonkeyPatch.context() as patch:
        hospital = Hospital(owner, address, encounters=160)
        reports = model.known_reports()
        described = {
            key: {"sentence": f"The {key} of members", "owner": "The account team"} | entry
            for key, entry in MEASURES.items()
        }
        month = {"service_month": {"month_of": "service_date"}}
        of_report = replace(reports[REPORT], measures=described, cuts=month)
        patch.setattr(model, "known_reports", lambda: {**reports, REPORT: of_report})
        yield Mails(owner, hospital, folder, f"united_{address.rpartition('_')[2][:6]}")


@pytest.fixture
def mails(world: Mails, tmp_path, monkeypatch) -> Iterator[Mails]:
    world.owner.execute("delete from portal.mailing")
    board = replace(BOARD, readers=(world.name,))
    monkeypatch.setattr(known, "readers", lambda: readers.load_clients(world.folder))
    monkeypatch.setattr(known, "dashboards", lambda: {board.name: board})
    monkeypatch.setenv("CLAIMHOUSE_EXTRACT_FOLDER", str(tmp_path / "extracts"))
    secret = json.dumps({"conn_type": "generic", "password": PASSWORD})
    monkeypatch.setenv(f"AIRFLOW_CONN_CLAIMHOUSE_EXTRACT_{world.name}".upper(), secret)
    world.write()
    world.box = Mailbox()
    server = Server(world.box, hostname="127.0.0.1", port=0)
    server.start()
    use_mail_port(monkeypatch, server.port)
    yield world
    server.stop()


def text_in(content: bytes, password: str = PASSWORD) -> str:
    """The text of an encrypted PDF."""
    plain = io.BytesIO()
    with pikepdf.open(io.BytesIO(content), password=password) as document:
        assert document.encryption.bits == 256
        document.save(plain)
    return text_of(plain.getvalue())


def by_specialty(
    mails: Mails, since: str = "", until: str = "9"
) -> tuple[Counter[str], dict[str, Decimal]]:
    """The encounters and the cost of the payer's members, in plain Python."""
    seen = [
        entry for entry in mails.hospital.seen(mails.hospital.encounters, "UnitedHealthcare")
        if since <= f"{entry['day']:%Y-%m}" <= until
    ]  # fmt: skip
    cost: dict[str, Decimal] = defaultdict(Decimal)
    for entry in seen:
        cost[entry["specialty"]] += entry["cost"]
    return Counter(entry["specialty"] for entry in seen), cost


def test_each_monday_once_encrypted_with_what_python_makes_of_the_facts(mails, caplog):
    mails.approved(format="pdf")
    mails.approved(format="xlsx")
    with caplog.at_level(logging.DEBUG):
        for now in (APPROVED + timedelta(hours=1), MONDAY - timedelta(hours=2), MONDAY, MONDAY):
            mails.run(now)
            mails.run(now)
    assert len(mails.box.mails) == 2
    kinds = {attachment(mail)[0].rpartition(".")[2]: mail for mail in mails.box.parsed()}
    number, cost = by_specialty(mails)
    shown = text_in(attachment(kinds["pdf"])[1])
    book = openpyxl.load_workbook(io.BytesIO(opened(attachment(kinds["xlsx"])[1], PASSWORD)))
    cells = [[cell.value for cell in row[:3]] for row in book["By specialty"].iter_rows(2)]
    sheet = {row[0]: row[1:] for row in cells if isinstance(row[1], int)}
    assert sheet.keys() == {*number, "Total"}
    for name in number:
        assert f"{name} {number[name]} {dollars(cost[name])}" in shown
        assert sheet[name] == [number[name], float(cost[name])]
    with pytest.raises(pikepdf.PasswordError):
        pikepdf.open(io.BytesIO(attachment(kinds["pdf"])[1]))
    # Nobody's but the payer's: of another one every patient lives in Xanadu.
    assert "Xanadu" not in shown and "hospice" not in shown
    for mail in mails.box.parsed():
        text = str(mail.items()) + mail.get_body().get_content() + attachment(mail)[0]
        assert mail["Subject"] == "Members' care, 2026-03-16 06:00 America/Chicago"
        assert "comes each Monday: kim asked for it" in text
        for secret in (PASSWORD, "pat-0", "enc-0", "02118", "Quillfeather", "cardiology"):
            assert secret not in text and secret not in caplog.text
    mails.run(MONDAY + timedelta(days=7))
    assert len(mails.box.mails) == 4 and mails.notices() == []
    sent = mails.rows(
        "select last_sent_at, problem from portal.mailed order by mailing_id desc limit 2"
    )
    assert all(row["last_sent_at"] and not row["problem"] for row in sent)


def test_it_has_the_filters_that_were_approved_and_the_ledger_has_its_patients(mails):
    subscription = mails.approved(filters=YEAR)
    mails.run()
    (content,) = mails.files()
    book = openpyxl.load_workbook(io.BytesIO(opened(content, PASSWORD)))
    number, cost = by_specialty(mails, "2024-05", "2024-09")
    rows = [[cell.value for cell in row[:3]] for row in book["By specialty"].iter_rows(2)]
    assert {row[0]: row[1:] for row in rows[: len(number)]} == {
        name: [number[name], float(cost[name])] for name in number
    }
    logged = mails.one(
        "select * from delivery.ledger order by disclosed_at desc limit 1",
    )
    assert (logged["client"], logged["recipient"], logged["report"]) == (mails.name, TO, BOARD.name)
    assert logged["reason"] == "dashboard asked for by kim, approved by lee"
    assert {"specialty", "patients", "service_date"} <= set(logged["column_names"])
    # The table of encounters shows no pseudonym, and its rows are of these patients.
    seen = [
        entry for entry in mails.hospital.seen(mails.hospital.encounters, "UnitedHealthcare")
        if "2024-05" <= f"{entry['day']:%Y-%m}" <= "2024-09"
    ]  # fmt: skip
    assert len(seen) <= 100
    expected = {
        World.pseudonym(mails.name, "patient", "hospital", entry["patient_id"]) for entry in seen
    }
    patients = mails.rows(
        "select patient_pseudonym from delivery.extract_patient inner join delivery.extract using (extract_id)"
        " where subscription_id = %s", subscription,
    )  # fmt: skip
    assert {row["patient_pseudonym"].hex for row in patients} == expected
    assert len(patients) < len(mails.hospital.patients)


def test_approved_on_its_day_it_goes_that_day_and_on_no_day_before(mails):
    mails.approve(mails.ask(weekday=5))  # a Friday, approved on a Friday after six in the morning
    mails.approve(mails.ask(weekday=4))
    mails.run(APPROVED + timedelta(minutes=1))
    assert len(mails.files()) == 1
    mails.run(APPROVED + timedelta(days=6))
    assert len(mails.files()) == 2


def leaves(mails: Mails, patch: pytest.MonkeyPatch) -> None:
    mails.write(logins=["other"])


def moves(mails: Mails, patch: pytest.MonkeyPatch) -> None:
    mails.write(logins=[{"name": "analyst", "email": "else@united.example"}])


def closes(mails: Mails, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(known, "dashboards", lambda: {BOARD.name: BOARD})


def goes(mails: Mails, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(known, "dashboards", dict)


def loses_a_filter(mails: Mails, patch: pytest.MonkeyPatch) -> None:
    board = replace(BOARD, readers=(mails.name,), filters=BOARD.filters[1:])
    patch.setattr(known, "dashboards", lambda: {board.name: board})


def sees_more(mails: Mails, patch: pytest.MonkeyPatch) -> None:
    entitled = {
        "source_system": "hospital", "payers": ["UnitedHealthcare"], "restricted_specialties": ["hospice"],
    }  # fmt: skip
    mails.write(
        entitlements=[entitled],
        logins=[{"name": "analyst", "specialty": "hospice", "email": TO}],
    )


def has_no_password(mails: Mails, patch: pytest.MonkeyPatch) -> None:
    patch.delenv(f"AIRFLOW_CONN_CLAIMHOUSE_EXTRACT_{mails.name}".upper())


def has_a_weak_password(mails: Mails, patch: pytest.MonkeyPatch) -> None:
    secret = json.dumps({"conn_type": "generic", "password": "secret"})
    patch.setenv(f"AIRFLOW_CONN_CLAIMHOUSE_EXTRACT_{mails.name}".upper(), secret)


def is_not_published(mails: Mails, patch: pytest.MonkeyPatch) -> None:
    mails.owner.execute(
        f"revoke select on reporting.{REPORT} from {role_of(mails.owner, mails.login)}"
    )


CAUSES: list[tuple[Callable[[Mails, pytest.MonkeyPatch], None], str]] = [
    (leaves, "Nobody reads as this login"),
    (moves, "No file of this reader has this address"),
    (closes, "does not open this dashboard"),
    (goes, "does not open this dashboard"),
    (loses_a_filter, "does not have these filters"),
    (sees_more, "restricted specialty"),
]


@pytest.mark.parametrize(
    ("happens", "why"),
    [
        *CAUSES,
        (has_no_password, "has no password"),
        (has_a_weak_password, "is too weak"),
        (is_not_published, "not published to its reader"),
    ],
)
def test_what_may_not_be_mailed_any_more_is_not_and_its_owner_reads_why(
    mails, monkeypatch, happens, why
):
    mails.approved(filters=YEAR)
    happens(mails, monkeypatch)
    mails.run()
    mails.run()
    assert mails.files() == [] and len(mails.notices()) == 1
    assert why in mails.notices()[0] and why in mails.mailed()["problem"]
    assert TO not in mails.notices()[0] and "2024-05" not in mails.notices()[0]
    mails.stop()
    assert mails.mailed()["problem"] is None and delivery.due(MONDAY) == []


@pytest.mark.parametrize(("happens", "why"), CAUSES)
def test_the_same_between_the_file_and_the_mail(mails, monkeypatch, happens, why):
    subscription = mails.approved(filters=YEAR)
    delivery.prepare(subscription, MONDAY, known=mailed)
    with monkeypatch.context() as patch:
        happens(mails, patch)
        assert delivery.send(subscription, known=mailed) == 0
        assert mails.files() == [] and why in mails.mailed()["problem"]
    mails.write()
    mails.run()
    assert len(mails.files()) == 1 and mails.mailed()["problem"] is None


def test_stopped_between_the_file_and_the_mail_it_is_not_sent(mails, monkeypatch):
    subscription = mails.approved()
    delivery.prepare(subscription, MONDAY, known=mailed)

    def at_the_last_moment(step: str) -> None:
        if step == "handed over":
            mails.stop()

    with monkeypatch.context() as patch:
        patch.setattr(outbox, "checkpoint", at_the_last_moment)
        with pytest.raises(delivery.DeliveryError):
            delivery.send(subscription, known=mailed)
    mails.run()
    mails.run(MONDAY + timedelta(days=7))
    assert (
        mails.box.mails == []
        and list(Path(os.environ["CLAIMHOUSE_EXTRACT_FOLDER"]).iterdir()) == []
    )


def test_without_what_knows_dashboards_none_is_mailed(mails):
    subscription = mails.approved()
    delivery.send(delivery.prepare(subscription, MONDAY))
    assert mails.files() == [] and "knows no dashboards" in mails.notices()[0]


@pytest.mark.parametrize("way", ["command", "file"])
def test_a_hold_holds_it(mails, way):
    subscription = mails.approved()
    if way == "file":
        mails.write(hold="a dispute")
    else:
        delivery.hold(mails.name, "a dispute", "lee")
    mails.run()
    assert mails.box.mails == [] and "a dispute" in mails.mailed()["problem"]
    if way == "file":
        mails.write()
    else:
        delivery.release(mails.name, "lee")
    mails.run()
    assert len(mails.files()) == 1 and delivery.needs_a_person(subscription) == []


def test_data_that_was_not_refreshed_withholds_it(mails):
    mails.approved()
    file_id = enter_file(mails.owner, "hospital", "encounters", at=MONDAY)
    batch = mails.one(
        "insert into landing.batch (file_id, source_system, feed, received_date, state, code_version, created_at)"
        " values (%s, 'hospital', 'encounters', '2026-03-15', 'held', 'test', %s) returning batch_id",
        file_id, MONDAY,
    )["batch_id"]  # fmt: skip
    mails.run()
    assert mails.files() == [] and "held by a failed check" in mails.notices()[0]
    mails.owner.execute("delete from landing.batch where batch_id = %s", (batch,))
    mails.run()
    assert len(mails.files()) == 1


def test_a_mail_that_bounces_is_told_to_the_owner(mails):
    mails.approved()
    mails.box.refuse = {TO: "550 no such mailbox"}
    with pytest.raises(delivery.DeliveryError, match="RCPT 550"):
        mails.run()
    assert mails.files() == [] and "RCPT 550" in mails.notices()[0]


def test_a_file_that_is_too_large_becomes_a_link(mails, bucket, monkeypatch):  # noqa: F811
    monkeypatch.setenv("CLAIMHOUSE_ATTACHMENT_MIB", "0.001")
    mails.approved()
    mails.run()
    (mail,) = mails.box.parsed()
    assert list(mail.iter_attachments()) == [] and "https" in mail.get_content().replace(
        "http:", "https:"
    )
    (stored,) = bucket.list_objects_v2(Bucket="extracts")["Contents"]
    content = bucket.get_object(Bucket="extracts", Key=stored["Key"])["Body"].read()
    assert openpyxl.load_workbook(io.BytesIO(opened(content, PASSWORD))).sheetnames[0] == "About"


def kill(mails: Mails, step: str) -> None:
    """Prepare and send in a process of its own that is killed at a step."""
    subscription = mails.approved()
    child = os.fork()
    if child == 0:
        outbox.checkpoint = lambda name: os.kill(os.getpid(), 9) if name == step else None
        try:
            delivery.send(delivery.prepare(subscription, MONDAY, known=mailed), known=mailed)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 9
    for _ in range(2):
        mails.run()


@pytest.mark.parametrize(
    "step", ["file written", "prepared", "handing over", "handed over", "sent"]
)
def test_killed_between_two_steps_it_arrives_once(mails, step):
    kill(mails, step)
    assert len(mails.files()) == 1 and mails.notices() == []
    assert list(Path(os.environ["CLAIMHOUSE_EXTRACT_FOLDER"]).iterdir()) == []


@pytest.mark.parametrize(("step", "arrived"), [("sending", 0), ("accepted", 1)])
def test_killed_before_the_server_s_answer_it_is_in_doubt_and_not_sent_again(mails, step, arrived):
    kill(mails, step)
    assert len(mails.files()) == arrived and len(mails.notices()) == 1
    assert "mail in doubt" in mails.mailed()["problem"]
    (doubt,) = [mail for mail in delivery.in_doubt() if mail.recipient == TO]
    delivery.resolve(doubt.outbox_id, "lost", reason="asked", by="lee")
    mails.run()
    assert len(mails.files()) == arrived and mails.mailed()["problem"] is None


def test_publication_leaves_it_on_and_it_leaves_a_file_s_subscription_on(mails):
    monthly = {
        "name": "monthly", "report": "member_procedures", "format": "csv", "schedule": "0 6 1 * *",
        "time_zone": "America/Chicago",
        "recipients": ["other@united.example"], "transport": "attachment", "reason": "care",
    }  # fmt: skip
    mails.approved()
    mails.write(reports=[REPORT, "member_procedures"], subscriptions=[monthly])
    active = "select subscription_id from delivery.subscription where is_active order by mailing_id"
    dashboard, monthly_id = (row["subscription_id"] for row in mails.rows(active))
    mails.stop()
    assert [row["subscription_id"] for row in mails.rows(active)] == [monthly_id]
    mails.write()
    assert mails.rows(active) == [] and monthly_id == f"{mails.name}.monthly" != dashboard


@pytest.mark.parametrize(
    "statement",
    [
        "update portal.mailing set is_approved = true, decided_at = now(), decided_by = 'Kim'",
        "update portal.mailing set recipient = 'me@elsewhere.example'",
        "update portal.mailing set filters = '[]', login = 'client_other'",
    ],
)
def test_the_database_refuses_what_nobody_may_decide(mails, statement):
    mails.ask(filters=YEAR)
    with pytest.raises(psycopg.Error):
        mails.owner.execute(statement)


def test_a_mail_ends_with_the_account_of_whoever_asked(mails):
    for kind in ("oidc", "airflow"):
        mails.owner.execute(
            "insert into portal.account (kind, name, login, made_by) values (%s, 'kim', %s, 'test')",
            (kind, mails.login),
        )
    mails.approved(person="Kim")
    waiting, other = mails.ask(), mails.ask(person="max")
    ended = "select ended_by from portal.mailing where person = 'Kim'"
    mails.owner.execute("delete from portal.account where kind = 'airflow'")
    assert mails.one(ended)["ended_by"] is None
    mails.owner.execute("delete from portal.account")
    assert (
        mails.one(ended)["ended_by"] == "the removal of the account" and delivery.due(MONDAY) == []
    )
    decided = "select is_approved from portal.mailing where mailing_id = %s"
    assert mails.one(decided, waiting)["is_approved"] is False
    assert mails.one(decided, other)["is_approved"] is None


@pytest.mark.parametrize(
    ("now", "last", "expected"),
    [
        ("2026-03-13T15:00", None, "Monday, 2026-03-16 06:00 America/Chicago"),
        ("2026-03-16T10:59", None, "Monday, 2026-03-16 06:00 America/Chicago"),
        ("2026-03-16T11:00", None, ""),
        ("2026-03-16T11:01", "2026-03-16T11:00", "Monday, 2026-03-23 06:00 America/Chicago"),
        # The clocks are set forward on March 8, and back on November 1.
        ("2026-03-07T12:00", "2026-03-02T12:00", "Monday, 2026-03-09 06:00 America/Chicago"),
        ("2026-11-01T06:30", "2026-10-26T11:00", "Monday, 2026-11-02 06:00 America/Chicago"),
    ],
)
def test_the_pages_say_when_the_next_one_goes(now, last, expected):
    def moment(text: str | None) -> datetime | None:
        return text and datetime.fromisoformat(text).replace(tzinfo=UTC)

    row = {"schedule": "0 6 * * 1", "time_zone": "America/Chicago", "starts_at": moment("2026-02-01"),
           "last_period": moment(last)}  # fmt: skip
    if last is None:
        row["starts_at"] = moment("2026-03-13")
    assert mailings.next_mail(row, moment(now)) == expected


def test_what_is_decided_stays_so(mails):
    mails.approved()
    mails.stop()
    for statement in (
        "update portal.mailing set ended_at = null, ended_by = null",
        "update portal.mailing set is_approved = false",
        "update portal.mailing set decided_by = 'max'",
    ):
        with pytest.raises(psycopg.Error):
            mails.owner.execute(statement)
    assert delivery.due(MONDAY) == []
