"""Issues in a browser: found by filters, looked at, waived, corrected, undone, by the people who may."""

from __future__ import annotations

import csv
import re
import time
from collections import Counter

import psycopg
import pytest
from playwright.sync_api import Page, expect

# Kinds of planted faults, and the rule that finds each.
RULES = {"unknown_visit_type": "enum", "unknown_coverage": "enum", "junk_cost": "number"}
PATIENCE_SECONDS = 120


@pytest.fixture
def rows(demo):
    """Read the demo's warehouse: ``rows("select ...", value)``."""
    address = dict(
        line.split("=", 1)
        for line in (demo.folder / "warehouse.env").read_text().splitlines()
        if "=" in line
    )["WAREHOUSE_URL"].strip("'\"")

    def query(text, *values):
        with psycopg.connect(address, autocommit=True) as connection:
            return connection.execute(text, values).fetchall()

    return query


@pytest.fixture
def planted(demo):
    """The faults that the samples were given: each row of the list."""
    with (demo.folder / "samples" / "planted_billing.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def issue_of(rows, fault) -> int:
    """The open issue of a planted fault."""
    found = rows(
        "select issue_id from quality.issue where status = 'open' and record_key = %s and column_name = %s"
        " and source_system = 'billing' order by issue_id",
        fault["record_key"], fault["column"],
    )  # fmt: skip
    return found[0][0]


def open_faults(rows, planted, kind):
    """The planted faults of a kind whose issue no later file has closed."""
    keys = {
        row[0]
        for row in rows(
            "select record_key from quality.issue where status = 'open' and source_system = 'billing'"
            " and feed = 'claims' and severity = 'error'"
        )
    }
    return [fault for fault in planted if fault["kind"] == kind and fault["record_key"] in keys]


def number_beside(page: Page, name: str) -> str:
    """The number beside a value of a filter."""
    item = page.get_by_role("navigation", name="Filters").get_by_role("listitem")
    return (
        item.filter(has=page.get_by_role("link", name=name, exact=True))
        .locator(".number")
        .inner_text()
    )


def decide(page: Page, button: str, reason: str) -> None:
    """Give a reason in the form of *button*, and press it."""
    form = (
        page.locator("form").filter(has=page.get_by_role("button", name=button, exact=True)).first
    )
    form.get_by_label(re.compile("^Why")).fill(reason)
    form.get_by_role("button", name=button, exact=True).click()


def test_the_numbers_beside_the_filters_are_those_of_what_was_planted(enter, rows, planted):
    page = enter("viewer")
    page.goto("/claimhouse/issues?source=billing&feed=patients&state=all")
    zips = [
        fault
        for fault in planted
        if fault["kind"] == "lost_zero_zip" and "patients" in fault["file"]
    ]
    assert number_beside(page, "lost_zeros") == str(len(zips))
    by_feed = Counter(
        row[0] or "no feed"
        for row in rows(
            "select feed from quality.issue where source_system = 'billing' and status = 'open'"
        )
    )
    page.goto("/claimhouse/issues?source=billing")
    for feed, count in by_feed.items():
        assert number_beside(page, feed) == f"{count:,}"
    assert page.get_by_role("heading", name=f"{by_feed.total():,} issues").is_visible()


def test_a_filter_is_one_click_and_in_the_address(enter, rows):
    page = enter("viewer")
    page.goto("/claimhouse/issues")
    page.get_by_role("navigation", name="Filters").get_by_role(
        "link", name="number", exact=True
    ).click()
    assert "rule=number" in page.url
    page.get_by_label("File", exact=True).fill("CLAIMS_2026")
    page.get_by_label("Message").fill("total_cost IS")
    page.get_by_role("button", name="Search").click()
    wanted = rows(
        "select i.issue_id from quality.issue as i where i.rule = 'number' and i.status = 'open'"
        " and i.message ilike '%%total_cost is%%' and i.file_name ilike '%%claims\\_2026%%' order by 1 desc"
    )
    shown = [int(link.inner_text()) for link in page.locator("tbody th a").all()]
    assert shown == [row[0] for row in wanted]
    page.get_by_role("link", name="Clear all filters").click()
    assert page.url.endswith("/claimhouse/issues")


def test_pages_of_the_list_have_every_issue_once(house, rows):
    with house.client("viewer") as viewer:
        address, seen = "/claimhouse/issues?rule=misspelling&state=all", []
        while address:
            text = viewer.get(address).text
            seen += map(int, re.findall(r'<th scope="row"><a href="[^"]*/issues/(\d+)">', text))
            older = re.search(r'href="([^"]*before=\d+)">Older', text)
            address = older and older[1].replace("&amp;", "&")
    wanted = rows("select issue_id from quality.issue where rule = 'misspelling' order by 1 desc")
    assert seen == [row[0] for row in wanted]
    assert len(seen) > 100


def test_an_issue_shows_its_row_masked_until_somebody_asks(enter, rows, planted):
    fault = open_faults(rows, planted, "unknown_coverage")[0]
    issue = issue_of(rows, fault)
    page = enter("reviewer")
    page.goto(f"/claimhouse/issues/{issue}")
    failing = page.locator("tr.failing")
    assert failing.count() == 1
    assert fault["column"] in failing.inner_text()
    assert "is not one of" in failing.inner_text()
    assert fault["record_key"] not in page.content()
    before = rows("select count(*) from quality.access_log where person = 'reviewer'")[0][0]
    page.get_by_role("button", name="Show what is masked").click()
    page.get_by_text(fault["record_key"]).first.wait_for()
    assert fault["record_key"] not in page.url
    logged = rows(
        "select person, what, row_number from quality.access_log order by access_id desc limit 1"
    )
    assert logged == [("reviewer", f"issue {issue}", int(fault["row_number"]))]
    assert (
        rows("select count(*) from quality.access_log where person = 'reviewer'")[0][0]
        == before + 1
    )
    colleague = enter("admin")  # the address of what was shown shows another person nothing
    colleague.goto(page.url)
    colleague.get_by_role("heading", name=f"Issue {issue}").wait_for()
    assert fault["record_key"] not in colleague.content()


def test_the_second_reviewer_sees_what_the_first_did_and_it_can_be_undone(enter, rows, planted):
    issue = issue_of(rows, open_faults(rows, planted, "unknown_visit_type")[0])
    first, second = enter("reviewer"), enter("admin")
    for page in (first, second):
        page.goto(f"/claimhouse/issues/{issue}")
    decide(first, "Waive", "agreed with the <b>sender</b>")
    expect(first.get_by_text("waived by reviewer")).to_be_visible()
    decide(second, "Waive", "the same")
    expect(second.get_by_role("alert")).to_contain_text("waived by reviewer at 20")
    second.get_by_role("link", name="Look at it again").click()
    expect(second.get_by_text("agreed with the <b>sender</b>").first).to_be_visible()
    decide(second, "Undo", "they had not agreed")
    expect(second.get_by_text("undone by admin").first).to_be_visible()
    assert rows(
        "select status, closed_by, reason from quality.issue where issue_id = %s", issue
    ) == [("open", None, None)]


def test_a_corrected_row_waits_can_be_taken_back_and_runs_now(enter, rows, planted, demo):
    fault = open_faults(rows, planted, "junk_cost")[0]
    issue = issue_of(rows, fault)
    page = enter("reviewer")
    page.goto(f"/claimhouse/issues/{issue}")
    page.get_by_role("link", name="Correct values").click()
    page.get_by_role("button", name="Show the row").click()
    page.get_by_label("total_cost").fill("abc")
    decide(page, "Send it back through verification", "a call")
    expect(page.get_by_role("alert")).to_contain_text("kept out again")
    page.get_by_label("total_cost").fill("123.45")
    decide(page, "Send it back through verification", "a call with the sender")
    expect(page.get_by_text("waiting for the next run").first).to_be_visible()
    folder = demo.folder / "corrections" / "billing" / "claims"
    assert len(list(folder.iterdir())) == 1
    decide(page, "Undo", "the other number")
    expect(page.get_by_text("undone by reviewer").first).to_be_visible()
    assert list(folder.iterdir()) == []
    page.goto(f"/claimhouse/issues/{issue}/correct")
    page.get_by_role("button", name="Show the row").click()
    page.get_by_label("total_cost").fill("543.21")
    decide(page, "Send it back through verification", "a second call")
    page.get_by_role("button", name="Run now").click()
    expect(page.get_by_role("status")).to_contain_text("A run of billing is asked for")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if rows("select status from quality.issue where issue_id = %s", issue) == [("corrected",)]:
            break
        time.sleep(1)
    page.reload()
    expect(page.get_by_text("corrected by batch")).to_be_visible()
    costs = rows(
        "select c.total_cost::text from source_billing.claims as c inner join landing.batch as b"
        " using (batch_id) where b.is_correction and c.claim_id = %s", fault["record_key"],
    )  # fmt: skip
    assert costs == [("543.21",)]


def test_of_all_that_match_what_was_shown_is_waived_and_nothing_else(enter, rows):
    page = enter("reviewer")
    page.goto("/claimhouse/issues?source=billing&feed=providers&rule=lost_zeros")
    page.get_by_role("button", name="Waive all that match").click()
    shown = rows(
        "select issue_id from quality.issue where source_system = 'billing' and feed = 'providers'"
        " and rule = 'lost_zeros' and status = 'open'"
    )
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Waive {len(shown)} issues?")
    # Meanwhile one is found, and must be left out.
    (newer,) = rows(
        "insert into quality.issue (source_system, feed, rule, severity, message)"
        " values ('billing', 'providers', 'lost_zeros', 'warning', 'new') returning issue_id"
    )
    decide(page, f"Waive {len(shown)} issues", "all of them are right")
    page.get_by_role("heading", name="What was decided", level=1).wait_for()
    waived = "select issue_id from quality.issue where reason = 'all of them are right'"
    assert sorted(rows(waived)) == sorted(shown)
    assert rows("select status from quality.issue where issue_id = %s", *newer) == [("open",)]
    decide(page, "Undo", "no")
    expect(page.get_by_text("undone by reviewer").first).to_be_visible()
    assert rows(waived) == []
    rows("delete from quality.issue where issue_id = %s returning issue_id", *newer)


def test_where_what_was_shown_has_changed_nothing_is_waived(enter, rows):
    page = enter("reviewer")
    page.goto("/claimhouse/issues?source=clinic&rule=misspelling&feed=providers")
    boxes = page.get_by_role("checkbox")
    ids = [int(box.get_attribute("value")) for box in boxes.all()]
    for box in boxes.all():
        box.check()
    page.get_by_role("button", name="Waive the selected").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Waive {len(ids)} issues?")
    colleague = enter("admin")
    colleague.goto(f"/claimhouse/issues/{ids[0]}")
    decide(colleague, "Waive", "seen to")
    decide(page, f"Waive {len(ids)} issues", "mine")
    expect(page.get_by_role("alert")).to_contain_text("Meanwhile")
    assert rows("select count(*) from quality.issue where reason = 'mine'") == [(0,)]
    decide(page, f"Waive {len(ids) - 1} issues", "mine")
    page.get_by_role("heading", name="What was decided", level=1).wait_for()
    assert rows("select count(*) from quality.issue where reason = 'mine'") == [(len(ids) - 1,)]
    for _ in range(2):
        decide(page, "Undo", "no")
        page.get_by_text("undone by reviewer").first.wait_for()
        page.goto("/claimhouse/acts")
    assert rows("select count(*) from quality.issue where reason in ('mine', 'seen to')") == [(0,)]
