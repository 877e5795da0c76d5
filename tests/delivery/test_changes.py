"""A client that keeps a copy is sent all rows once, then what has changed since the last extract that it got."""

from __future__ import annotations

import csv
import io
import random
from datetime import timedelta
from decimal import Decimal

import pytest
import pyzipper
from tests.worlds.client_world import COLUMNS
from tests.worlds.delivery_world import (
    NOW,
    PASSWORD,
    SUMMIT,
    attachment,
    opened,
    publish,
    run,
    sheet,
)

from claimhouse import delivery, reporting
from claimhouse.delivery import ledger
from claimhouse.reporting import readers

KEY = "claim_pseudonym"
COPIED = {"covers": "changed", "format": "csv"}
MONTH = timedelta(days=31)


class Claims:
    """The claims of a world, changed in the star and in plain Python alike."""

    def __init__(self, world):
        self.world, self.dice, self.parked = world, random.Random(11), []
        world.claims = [dict(claim) for claim in world.claims]
        world.connection.execute("create table public.parked (like star.fact_claim)")

    @property
    def of_client(self):
        """Those that the client may see."""
        return [
            claim
            for claim in self.world.claims
            if claim["source"] == SUMMIT[0] and claim["specialty"] in SUMMIT[1]
        ]

    def change(self, count=6, *, back=False):
        """Some costs change, some claims go, and one that was gone comes back.

        With *back* one more cost has changed in an edition before.
        """
        world = self.world
        if back:
            claim = self.dice.choice(self.of_client)
            self.cost(claim, claim["cost"] + 1)
            reporting.publish(world.connection, world.folder)
            self.cost(claim, claim["cost"] - 1)
        for claim in self.dice.sample(self.of_client, count):
            self.cost(claim, claim["cost"] + 1)
        if self.parked:
            claim = self.parked.pop(0)
            self._move(claim, "public.parked", "star.fact_claim")
            world.claims.append(claim)
        for claim in self.dice.sample(self.of_client, 2):
            self._move(claim, "star.fact_claim", "public.parked")
            world.claims.remove(claim)
            self.parked.append(claim)
        reporting.publish(world.connection, world.folder)

    def cost(self, claim, cost):
        """Let *claim* cost *cost*."""
        claim["cost"] = cost
        claim["covered"] = (cost * claim["coverage"] / 100).quantize(Decimal("0.01"))
        self.world.connection.execute(
            "update star.fact_claim set total_cost = %s, covered_amount = %s"
            " where source_system = %s and claim_id = %s",
            (claim["cost"], claim["covered"], claim["source"], claim["claim_id"]),
        )

    def _move(self, claim, place, other):
        self.world.connection.execute(
            f"with gone as (delete from {place} where source_system = %s and claim_id = %s returning *)"
            f" insert into {other} select * from gone",
            (claim["source"], claim["claim_id"]),
        )

    def shown(self, entitled=SUMMIT):
        """The rows that the client may see, as the csv file has them, by what identifies them."""
        found = {}
        for row in self.world.expected(self.world.summit, entitled):
            named = dict(zip(COLUMNS, row, strict=True))
            del named["as_of"]
            city = named["patient_city"] or ""
            named["patient_city"] = f"'{city}" if city.startswith("=") else city
            named["total_cost"] = f"{named['total_cost']:.2f}"
            named["is_billed"] = str(named["is_billed"]).lower()
            found[named[KEY]] = {name: "" if v is None else str(v) for name, v in named.items()}
        return found


class Copies:
    """The copy that each recipient keeps, by what the mails say, and nothing else."""

    def __init__(self, mailbox):
        self.mailbox, self.read, self.of = mailbox, 0, {}

    def follow(self):
        """Apply the mails that came; returns the last file's name and rows."""
        for (recipient,), message in zip(
            [to for to, _ in self.mailbox.mails[self.read :]],
            self.mailbox.parsed()[self.read :],
            strict=True,
        ):
            if not list(message.iter_attachments()):
                continue
            name, rows = table(message)
            copy = self.of.setdefault(recipient, {})
            if ".all." in name:
                copy.clear()
            for row in rows:
                copy.pop(row[KEY], None)
                if row["change"] != "removed":
                    copy[row[KEY]] = {k: v for k, v in row.items() if k not in ("change", "as_of")}
        self.read = len(self.mailbox.mails)
        return name, rows


def table(message):
    """The name of a mailed csv archive, and its rows."""
    name, content = attachment(message)
    with pyzipper.AESZipFile(io.BytesIO(content)) as archive:
        archive.setpassword(PASSWORD.encode())
        text = archive.read(name.removesuffix(".zip")).decode()
    return name, list(csv.DictReader(io.StringIO(text)))


def changed(before, after):
    """What a file since *before* says, in plain Python: by what identifies each row that differs."""
    said = dict.fromkeys(before.keys() - after.keys(), "removed")
    said |= dict.fromkeys(after.keys() - before.keys(), "new")
    return said | {k: "changed" for k in before.keys() & after.keys() if before[k] != after[k]}


def test_a_copy_follows_whatever_mails_arrive(world, mailbox):
    """Two recipients; some mails are refused, some periods held: each copy is the last edition it was sent."""
    claims, copies = Claims(world), Copies(mailbox)
    one, two = world.recipients
    publish(world, SUMMIT, **COPIED)
    run(world)
    name, rows = copies.follow()
    assert ".20260301T1200Z.all.csv" in name
    assert {row["change"] for row in rows} == {"new"}
    assert copies.of == {one: claims.shown(), two: claims.shown()}
    sent = claims.shown()

    claims.change(back=True)
    run(world, NOW + MONTH)
    name, rows = copies.follow()
    assert ".20260401T1100Z.changed.csv" in name
    said = {row[KEY]: row["change"] for row in rows}
    expected = changed(sent, claims.shown())
    assert set(expected.values()) == {"changed", "removed"}
    assert expected.items() <= said.items()
    assert len(rows) == len(said) <= len(expected) + 1  # what changed back is told, too
    assert [row["change"] for row in rows] == sorted(said.values(), key="removed".__eq__)
    assert all(not row["total_cost"] for row in rows if row["change"] == "removed")
    assert copies.of == {one: claims.shown(), two: claims.shown()}
    behind = dict(copies.of[two])

    claims.change()
    mailbox.refuse = {two: "550 no such mailbox"}
    with pytest.raises(delivery.DeliveryError, match="RCPT 550"):
        run(world, NOW + 2 * MONTH)
    copies.follow()
    assert copies.of == {one: claims.shown(), two: behind}
    mailbox.refuse = {}

    delivery.hold(world.summit, "an audit", by="a person")
    run(world, NOW + 3 * MONTH)
    delivery.release(world.summit, by="a person")
    claims.change()
    run(world, NOW + 4 * MONTH)
    copies.follow()
    assert copies.of == {one: claims.shown(), two: claims.shown()}
    files = [row.file_name.split(".")[3] for row in ledger.disclosures()]
    assert files == ["all", "all", *["changed"] * 5]


def test_all_rows_come_again_where_a_copy_cannot_follow(world, mailbox, monkeypatch):
    """Other entitlements, a new recipient, an edition that is not kept, a report with other columns."""
    claims, copies = Claims(world), Copies(mailbox)
    publish(world, SUMMIT, **COPIED)
    run(world)

    def next_name():
        nonlocal month
        month += 1
        run(world, NOW + month * MONTH)
        return copies.follow()[0].split(".")[3]

    month = 0
    fewer = ("billing", ["physical_therapist"])
    publish(world, fewer, **COPIED)
    assert next_name() == "all"
    assert copies.of[world.recipients[0]] == claims.shown(fewer)
    assert next_name() == "changed"
    publish(world, fewer, recipients=[*world.recipients, "three@summit.example"], **COPIED)
    assert next_name() == "all"
    assert next_name() == "changed"
    world.connection.execute("update published.report set changed_at = now()")
    assert next_name() == "all"
    world.connection.execute("update published.basis set kept_from = 99")
    assert next_name() == "all"


def test_what_an_extract_will_be_compared_with_is_kept(world, mailbox, monkeypatch):
    """More editions than are kept otherwise come between two extracts; then the older ones go."""
    monkeypatch.setenv("CLAIMHOUSE_EDITIONS", "1")
    claims, copies = Claims(world), Copies(mailbox)
    publish(world, SUMMIT, **COPIED)
    run(world)
    claims.change()
    claims.change()
    run(world, NOW + MONTH)
    assert ".changed." in copies.follow()[0]
    assert copies.of[world.recipients[1]] == claims.shown()
    claims.change()
    kept = "select kept_from from published.basis join security.login using (audience) where login = %s"
    (edition,) = {row.editions["billing"] for row in ledger.disclosures()[-2:]}
    assert world.connection.execute(kept, (f"client_{world.summit}",)).fetchall() == [(edition,)]
    oldest = "select min(edition_to) from published.claims_by_specialty_month_was"
    assert world.connection.execute(oldest).fetchone() == (edition + 1,)


@pytest.mark.parametrize("step", ["file written", "sent"])
def test_a_run_that_dies_does_not_move_what_is_compared(world, mailbox, killed, step):
    claims, copies = Claims(world), Copies(mailbox)
    publish(world, SUMMIT, **COPIED)
    run(world, NOW - MONTH)
    copies.follow()
    claims.change()
    expected = changed(copies.of[world.recipients[0]], claims.shown())
    killed(step, 1)
    run(world)
    name, rows = copies.follow()
    assert ".20260301T1200Z.changed." in name
    assert expected.items() <= {row[KEY]: row["change"] for row in rows}.items()
    assert copies.of == dict.fromkeys(world.recipients, claims.shown())
    assert {row.row_count for row in ledger.disclosures()[2:]} == {len(rows)}


def test_the_workbook_and_the_mail_say_what_is_covered(world, mailbox):
    claims = Claims(world)
    publish(world, SUMMIT, covers="changed")
    run(world)
    begins = mailbox.parsed()[-1]
    assert "has all rows, and replaces what you have" in begins.get_body().get_content()
    claims.change()
    run(world, NOW + MONTH)
    message = mailbox.parsed()[-1]
    text = " ".join(message.get_body().get_content().split())
    assert "since the one for the period 2026-03-01 06:00 America/Chicago" in text
    plain = opened(attachment(message)[1])
    cover = dict(row[:2] for row in sheet(plain, "Cover") if row[0] and row[1])
    assert cover["Covers"] == (
        "what is new, changed or removed since the file for the period 2026-03-01 06:00 America/Chicago"
    )
    assert cover["Change"].startswith("new, changed, or removed")
    assert sheet(plain, "Rows")[0][0] == "Change"
    claims.change()
    world.connection.execute("update delivery.subscription set identified_by = '{patient_city}'")
    with pytest.raises(
        delivery.DeliveryError, match="identified_by is empty in a row, or the same"
    ):
        run(world, NOW + 2 * MONTH)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"report": "member_procedures"}, "nothing identifies a row of member_procedures"),
        ({"detail": False}, "needs rows"),
        ({"covers": "recent"}, "recent"),
        ({"format": "csv", "when_too_large": "parts"}, "a csv file holds any number of rows"),
        ({"format": "pdf", "when_too_large": "parts"}, "of pdf it is one of xlsx, csv, parquet"),
    ],
)
def test_what_cannot_be_covered_is_an_error_of_the_file(world, changes, problem):
    reports = ["claims_by_specialty_month", "member_procedures"]
    subscription = {"covers": "changed", "name": "monthly", "report": reports[0], "format": "xlsx",
                    "schedule": "0 6 1 * *", "time_zone": "UTC", "recipients": ["a@b.example"],
                    "transport": "link", "reason": "a test"}  # fmt: skip
    file = world.write(
        world.summit, SUMMIT, reports=reports, subscriptions=[subscription | changes]
    )
    with pytest.raises(readers.ReaderError, match=problem):
        readers.load_client(file)
