"""What is in the file, who may see it, and when it is written again."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime, timedelta

import fastexcel
import msoffcrypto
import pytest
from tests.worlds.client_world import COLUMNS
from tests.worlds.delivery_world import (
    NOW,
    OWNER,
    SUMMIT,
    attachment,
    disclosed,
    mails_of,
    opened,
    outbox_rows,
    publish,
    run,
    sheet,
)
from tests.worlds.manifest import enter_file

from claimhouse import connections, delivery
from claimhouse.delivery import extract


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
    """An expected row as the workbook shows it: neutralized text, money to the cent, UTC."""
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
    grid = {(specialty, month) for specialty, _ in sums for _, month in sums}
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
def test_text_that_looks_like_a_formula_is_neutralized(start):
    assert extract.neutral(f"{start}1+1") == f"'{start}1+1"
    assert extract.neutral("Albany") == "Albany"


def test_the_wrong_password_does_not_open_it(world, mailbox):
    run(world)
    _, content = attachment(mailbox.parsed()[0])
    assert content[:8] == bytes.fromhex("D0CF11E0A1B11AE1")  # no zip: an encrypted container
    with pytest.raises(msoffcrypto.exceptions.InvalidKeyError):
        opened(content, "wrong")


def test_nothing_is_left_on_disk_once_all_have_it(world, mailbox):
    delivery.prepare(world.id, NOW)
    (file,) = world.extracts.iterdir()
    assert file.read_bytes()[:4] != b"PK\x03\x04"
    assert file.stat().st_mode & 0o077 == 0
    delivery.send(world.id)
    assert list(world.extracts.iterdir()) == []


def test_what_was_prepared_before_a_specialty_was_taken_away_is_not_sent(world, mailbox):
    delivery.prepare(world.id, NOW)
    publish(world, ("billing", ["physical_therapist"]))
    with pytest.raises(delivery.DeliveryError, match="prepared again"):
        delivery.send(world.id)
    assert mailbox.mails == []
    run(world, NOW + timedelta(days=31))  # also when the period has passed meanwhile
    assert len(mailbox.mails) == 4
    for message in mailbox.parsed():
        plain = opened(attachment(message)[1])
        table = fastexcel.read_excel(plain).load_sheet("Rows").to_polars()
        assert set(table["Provider specialty"]) == {"physical_therapist"}


def test_a_file_that_was_changed_on_disk_is_not_sent(world, mailbox):
    delivery.prepare(world.id, NOW)
    (file,) = world.extracts.iterdir()
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(delivery.DeliveryError, match="prepared again"):
        delivery.send(world.id)
    run(world)
    assert len(mailbox.mails) == 2


def test_an_empty_report_is_sent_as_such(world, mailbox):
    publish(world, ("billing", ["nobody_practises_this"]))
    run(world)
    plain = opened(attachment(mailbox.parsed()[0])[1])
    assert len(sheet(plain, "Rows")) == 1
    assert {row[3] for row in disclosed(world)} == {0}


def test_an_empty_report_is_withheld_where_the_subscription_says_so(world, mailbox):
    publish(world, ("billing", ["nobody_practises_this"]), when_empty="withhold")
    run(world)
    assert mailbox.mails == []
    assert {row[1] for row in outbox_rows(world)} == {"withheld"}
    assert delivery.due(NOW) == [] and list(world.extracts.iterdir()) == []
    publish(world, SUMMIT, when_empty="withhold")
    run(world, NOW + timedelta(days=31))
    assert len(mailbox.mails) == 2


def test_without_a_password_nothing_is_prepared(world, mailbox, monkeypatch):
    monkeypatch.delenv(f"AIRFLOW_CONN_CLAIMHOUSE_EXTRACT_{world.summit}".upper())
    with pytest.raises(connections.MissingConnection, match=f"claimhouse_extract_{world.summit}"):
        delivery.prepare(world.id, NOW)
    assert not world.extracts.exists()


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
    (notice,) = mailbox.parsed()
    assert notice["To"] == OWNER
    assert f"billing: {why}" in notice.get_content()
    assert outbox_rows(world) == [] and delivery.due(NOW) == [world.id]
    world.connection.execute("update landing.batch set state = 'loaded', loaded_at = %s", (NOW,))
    publish(world, SUMMIT)
    run(world)
    assert mails_of(world, mailbox) == world.recipients


@pytest.mark.parametrize("state", ["checked", "loaded"])
def test_a_refresh_under_way_is_no_failure(world, mailbox, state):
    batch(world, state, NOW - timedelta(minutes=5))
    run(world)
    assert mails_of(world, mailbox) == world.recipients


def batch(world, state, received):
    """Enter a batch of claims that stopped in *state*."""
    file_id = enter_file(world.connection, "billing", "claims", at=received)
    world.connection.execute(
        "insert into landing.batch (file_id, source_system, feed, received_date, state, code_version,"
        " created_at, loaded_at) values (%s, 'billing', 'claims', '2026-03-15', %s, 'test', %s, %s)",
        (file_id, state, received, received if state == "loaded" else None),
    )


def test_a_file_of_the_summary_alone_names_no_patient(world, mailbox):
    publish(world, SUMMIT, detail=False)
    run(world)
    assert fastexcel.read_excel(opened(attachment(mailbox.parsed()[0])[1])).sheet_names == [
        "Cover", "Summary",
    ]  # fmt: skip
    assert world.connection.execute("select * from delivery.extract_patient").fetchall() == []
