"""The overview after the demo: its numbers are those of the sample files, and each leads to its list."""

from __future__ import annotations

import csv
import html
import re
from collections import Counter, defaultdict
from decimal import Decimal
from email import message_from_bytes

import psycopg
import pytest

DATED = re.compile(r"(\w+?)_(\d{8})\.csv")


@pytest.fixture(scope="module")
def page(house):
    """The page's HTML, as a viewer is shown it."""
    with house.client("viewer") as viewer:
        answer = viewer.get("/claimhouse/")
    assert answer.status_code == 200
    return answer.text


@pytest.fixture(scope="module")
def feeds(demo):
    """The rows of the dated sample files by source and feed, which such a file's name begins with."""
    rows = defaultdict(list)
    files = Counter()
    for file in (demo.folder / "samples" / "landing").glob("*/*.csv"):
        if match := DATED.fullmatch(file.name):
            feed = (file.parent.name, match[1])
            files[feed] += 1
            with file.open(encoding="utf-8-sig", newline="") as lines:
                rows[feed] += csv.DictReader(lines)
    assert len(rows) > 12
    return {feed: (files[feed], of) for feed, of in rows.items()}


def table(text, heading):
    """The rows of the table of a section, as texts."""
    section = re.search(rf'<section aria-labelledby="{heading}">(.*?)</section>', text, re.S)[1]
    return [
        [
            " ".join(html.unescape(re.sub(r"<[^>]+>", " ", cell)).split())
            for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S)
        ]
        for row in re.findall(r"<tr>(.*?)</tr>", section, re.S)[1:]
    ]


def test_files_and_rows_of_each_feed_are_those_of_the_samples(page, feeds):
    shown = {(row[0], row[1]): row[4:] for row in table(page, "arrived")}
    for feed, (files, rows) in feeds.items():
        read, accepted, quarantined, dropped = (int(n.replace(",", "")) for n in shown[feed][1:5])
        assert (feed, shown[feed][0], read) == (feed, str(files), len(rows))
        assert read == accepted + quarantined + dropped
        assert shown[feed][5:] == ["0", "0"]


def test_a_feed_is_late_by_its_contract(page, feeds):
    """The samples are of January: whatever has to come every few days is late."""
    late = {(row[0], row[1]) for row in table(page, "arrived") if "late" in row[3]}
    due = {(row[0], row[1]) for row in table(page, "arrived") if row[3]}
    assert late == due
    assert ("billing", "claims") in late


def test_money_is_that_of_the_samples(page, feeds):
    shown = {tuple(row[:3]): [amount(cell) for cell in row[3:]] for row in table(page, "money")}
    columns = {
        ("hospital", "procedures"): ("BASE_COST", "base cost"),
        ("clinic", "visits"): ("billed_amount", "billed amount"),
    }
    for feed, (column, name) in columns.items():
        _, rows = feeds[feed]
        total = sum(Decimal(row[column] or 0) for row in rows)
        assert shown[(*feed, name)][0] == total > 0
    for read, accepted, quarantined, dropped, _, loaded in shown.values():
        assert read == accepted + quarantined + dropped
        assert loaded == accepted


def amount(cell):
    return Decimal(re.sub(r"[$,]", "", cell))


def test_what_nobody_recognizes_needs_a_person_and_what_was_sent_is_told(page, demo):
    (waits,) = table(page, "person")
    assert waits[:3] == ["file not recognized", "billing_exports", "export.csv"]
    mails = [message_from_bytes(mail.read_bytes()) for mail in (demo.folder / "mail").glob("*.eml")]
    extracts = [mail for mail in mails if "data-engineering" not in mail["To"]]
    assert sum(int(row[3]) for row in table(page, "sent")) == len(extracts) == 2


def test_new_issues_are_those_of_the_warehouse_by_feed_and_rule(page, demo):
    with psycopg.connect(demo.warehouse) as connection:
        found = connection.execute(
            "select source_system, feed, status from quality.issue where feed is not null"
        ).fetchall()
    counted = Counter((source, feed) for source, feed, status in found if status == "open")
    shown = {(row[0], row[1]): int(row[2].replace(",", "")) for row in table(page, "issues")}
    assert {feed: n for feed, n in shown.items() if feed[1] != "no feed"} == counted
    for row in table(page, "issues"):
        rules = [int(n.replace(",", "")) for n in re.findall(r" ([\d,]*\d)(?=,? |$|,$)", row[3])]
        assert sum(rules) == int(row[2].replace(",", "")), row


@pytest.fixture
def yesterday(demo):
    """One file of billing.claims landed two days ago, one waits for its checks, one is held; then as before."""
    query = (
        "select f.file_id, b.batch_id from landing.file as f join landing.batch as b using (file_id)"
        " where b.source_system = 'billing' and b.feed = 'claims' order by f.file_id limit 3"
    )
    move = (
        "update landing.file set landed_at = landed_at - %s * interval '2 days' where file_id = %s"
    )
    become = "update landing.batch set state = %s where batch_id = %s"
    with psycopg.connect(demo.warehouse, autocommit=True) as connection:
        (old, _), (_, verified), (_, held) = connection.execute(query).fetchall()
        connection.execute(move, (1, old))
        connection.execute(become, ("verified", verified))
        connection.execute(become, ("held", held))
        yield
        connection.execute(move, (-1, old))
        connection.execute(become, ("loaded", verified))
        connection.execute(become, ("loaded", held))


def claims_of(page):
    """The numbers of billing.claims: files to held."""
    (row,) = (row[4:] for row in table(page, "arrived") if row[:2] == ["billing", "claims"])
    return row


def test_each_number_is_a_link_to_a_list_of_as_many(house, page, yesterday):
    before = claims_of(page)
    with house.client("viewer") as viewer:
        shown = viewer.get("/claimhouse/").text
        links = re.findall(r'<a href="([^"#]+)">([\d,]+)</a>', shown)
        assert len(links) > 60
        now = claims_of(shown)
        assert int(now[0]) == int(before[0]) - 1
        assert now[5:] == ["1", "1"]
        for address, number in links:
            answer = viewer.get(html.unescape(address))
            text = " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())
            counts = re.findall(r"([\d,]+) (?:files?|issues?)(?:,| )", text)
            assert (address, answer.status_code) == (address, 200)
            assert number in counts, (address, number, counts)


def test_a_long_reason_is_folded_and_can_be_opened(enter):
    page = enter("viewer")
    page.goto("/claimhouse/")
    reason = page.locator("#person ~ div details")
    assert not reason.get_by_text("Its keys").is_visible()
    reason.locator("summary").click()
    assert reason.get_by_text("Its keys").is_visible()
    page.get_by_role("link", name="file not recognized").click()
    page.get_by_text("export.csv").first.wait_for()
