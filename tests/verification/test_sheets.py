"""Every visible sheet of a workbook that fits is read; of every other one an issue says that it is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import psycopg
import pytest
from tests.worlds.feeds import batches, claim, drop, take_in_all
from tests.worlds.workbooks import HEADER, Page, table, workbook

from claimhouse import contracts, review
from claimhouse.reading import SHEET_ROWS, Dialect

CLAIMS = contracts.of("billing", "claims")


@pytest.fixture
def as_workbooks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The claims of billing come as workbooks."""
    use(monkeypatch, Dialect(format="xlsx"))


def use(monkeypatch: pytest.MonkeyPatch, dialect: Dialect, **changes: Any) -> None:
    """Let the contract of claims have this dialect."""
    own = replace(CLAIMS, dialect=dialect, **changes)
    known = contracts.of_source("billing")
    feeds = [own if contract.feed == "claims" else contract for contract in known]
    monkeypatch.setattr(contracts, "of_source", lambda source: feeds)
    monkeypatch.setattr(
        contracts, "of", lambda source, feed: next(c for c in feeds if c.feed == feed)
    )


def loaded(warehouse: psycopg.Connection[Any]) -> list[tuple[int, str]]:
    """Row number and claim of each accepted row."""
    return warehouse.execute(
        "select row_number, claim_id from source_billing.claims order by row_number"
    ).fetchall()


def raised(warehouse: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """Each issue: sheet, row, rule, severity."""
    return warehouse.execute(
        "select sheet_name, row_number, rule, severity from quality.issue order by issue_id"
    ).fetchall()


def messages(warehouse: psycopg.Connection[Any]) -> dict[str, str]:
    """The message of each rule."""
    return dict(warehouse.execute("select rule, message from quality.issue").fetchall())


def ids(*numbers: int) -> list[str]:
    return [f"CF#{number}NN" for number in numbers]


pytestmark = pytest.mark.usefixtures("as_workbooks")


def test_both_of_two_sheets_are_read(landing_root, warehouse):
    first, second = [claim(n) for n in range(20)], [claim(n) for n in range(20, 40)]
    drop(
        landing_root,
        "claims.xlsx",
        workbook(Page("January", table(first)), Page("February", table(second))),
    )
    assert take_in_all() == ["verified"]
    assert batches(warehouse)[0][2:] == (40, 40, 0, 0)
    rows = [*range(2, 22), *(SHEET_ROWS + row for row in range(2, 22))]
    assert loaded(warehouse) == list(zip(rows, ids(*range(40)), strict=True))
    assert raised(warehouse) == []


def test_a_row_is_found_by_its_sheet_and_its_row_there(landing_root, warehouse):
    good, bad = claim(1), claim(2, total_cost="xyz")
    drop(
        landing_root,
        "claims.xlsx",
        workbook(Page("January", table([good])), Page("February", table([claim(3), bad]))),
    )
    take_in_all()
    assert raised(warehouse) == [("February", SHEET_ROWS + 3, "number", "error")]
    kept = warehouse.execute("select sheet_name, row_number from quality.quarantine").fetchall()
    assert kept == [("February", SHEET_ROWS + 3)]
    shown = warehouse.execute("select sheet_name, sheet_row from quality.record_issues").fetchall()
    assert shown == [("February", 3)]
    (issue,) = warehouse.execute("select issue_id from quality.issue").fetchone()
    review.correct(issue, {"total_cost": "7.50"})
    take_in_all()
    assert warehouse.execute("select status from quality.issue").fetchall() == [("corrected",)]
    cost = "select total_cost::text from source_billing.claims where claim_id = 'CF#2NN'"
    assert warehouse.execute(cost).fetchall() == [("7.50",)]


def test_each_sheet_is_mapped_by_its_own_header(landing_root, warehouse):
    other = ["Claim Number", *reversed(HEADER[1:]), "note"]
    row = claim(2, total_cost="77.10")
    cells = [row["claim_id"], *(row[name] for name in reversed(HEADER[1:])), "call back"]
    drop(
        landing_root,
        "claims.xlsx",
        workbook(Page("A", table([claim(1)])), Page("B", [other, cells])),
    )
    take_in_all()
    costs = "select claim_id, total_cost::text from source_billing.claims order by 1"
    assert warehouse.execute(costs).fetchall() == [("CF#1NN", "10.50"), ("CF#2NN", "77.10")]
    assert raised(warehouse) == [("B", SHEET_ROWS + 1, "unknown_column", "warning")]


def test_a_record_on_two_sheets_is_decided_as_within_one(landing_root, warehouse):
    older, newer = claim(1), claim(1, total_cost="99", last_modified_date="2/9/2021")
    drop(
        landing_root,
        "claims.xlsx",
        workbook(Page("A", table([older, claim(2)])), Page("B", table([newer, claim(2)]))),
    )
    take_in_all()
    assert batches(warehouse)[0][2:] == (4, 2, 1, 1)
    assert loaded(warehouse) == [(SHEET_ROWS + 2, "CF#1NN"), (SHEET_ROWS + 3, "CF#2NN")]
    assert raised(warehouse) == [
        ("A", 2, "conflicting_copy", "error"),
        ("A", 3, "identical_copy", "warning"),
    ]
    assert "row 2 of the sheet B is kept" in messages(warehouse)["conflicting_copy"]
    kept = warehouse.execute("select sheet_name, row_number from quality.quarantine").fetchall()
    assert kept == [("A", 2)]


PIVOT = [["visit_type", "total_cost"], ["routine", 30], ["Grand Total", 30]]
NOTES = [["How to read this workbook"], ["Amounts are in dollars."], ["Call Ann with questions."]]
OTHERS = {
    # the other sheet, whether it is an error, and what the message says
    "a cover": (Page("Cover", [["Claims of May"], [], ["2024-05-31"]]), False, "no header"),
    "notes": (Page("README", NOTES), False, "no header"),
    "a pivot": (Page("Summary", PIVOT), False, "lacks the required columns: claim_id"),
    "names, one below the other": (
        Page("Fields", [[name, "text"] for name in HEADER]),
        False,
        "no header",
    ),
    "a table that lost its key": (
        Page("June", table([claim(9)], HEADER[1:])),
        True,
        "lacks the required columns: claim_id",
    ),
    "two tables side by side": (
        Page("Both", [[*HEADER, "", *HEADER], [*claim(8).values(), "", *claim(9).values()]]),
        True,
        "mean claim_id",
    ),
    "a header far below": (
        Page("Deep", [*([f"line {n}"] for n in range(60)), *table([claim(9)])]),
        False,
        "no header",
    ),
}


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("is_first", [True, False])
def test_a_visible_sheet_that_fits_nothing_is_an_issue(kind, is_first, landing_root, warehouse):
    other, is_error, says = OTHERS[kind]
    pages = [Page("Data", table([claim(1), claim(2)]))]
    pages.insert(0 if is_first else 1, other)
    drop(landing_root, "claims.xlsx", workbook(*pages))
    assert take_in_all() == ["verified"]
    assert loaded(warehouse) == list(zip([2, 3], ids(1, 2), strict=True))
    ((sheet, _, rule, severity),) = raised(warehouse)
    assert (sheet, rule, severity) == (
        other.name,
        "unread_sheet",
        "error" if is_error else "warning",
    )
    message = messages(warehouse)["unread_sheet"]
    assert says in message
    values = {str(value) for row in other.rows for value in row} - {"", *HEADER}
    assert not [value for value in values if value in message]


@pytest.mark.parametrize("state", ["hidden", "very_hidden"])
def test_a_hidden_sheet_is_not_read_and_a_note_says_so(state, landing_root, warehouse):
    hidden = Page("Old", table([claim(7)]), state=state)
    drop(landing_root, "claims.xlsx", workbook(Page("New", table([claim(1)])), hidden))
    take_in_all()
    assert loaded(warehouse) == [(2, "CF#1NN")]
    assert raised(warehouse) == [("Old", None, "hidden_sheet", "warning")]


def test_empty_sheets_and_charts_say_nothing(landing_root, warehouse):
    content = workbook(
        Page("Empty"),
        Page("Data", table([claim(1)])),
        Page("Unused", state="hidden"),
        chart="Chart",
    )
    drop(landing_root, "claims.xlsx", content)
    assert take_in_all() == ["verified"]
    assert loaded(warehouse) == [(2, "CF#1NN")]
    assert raised(warehouse) == []


def test_a_header_may_stand_below_titles(landing_root, warehouse):
    titles = [["ACME Billing", "", "Claims"], ["Printed", "2024-05-31"], [], ["claim_id of May"]]
    page = Page("Data", [*titles, [], *table([claim(1), claim(2)])], merged={"A1:C1": "ACME"})
    drop(landing_root, "claims.xlsx", workbook(page))
    take_in_all()
    assert loaded(warehouse) == [(7, "CF#1NN"), (8, "CF#2NN")]
    assert raised(warehouse) == [(None, 6, "title_rows", "warning")]
    assert "3 rows" in messages(warehouse)["title_rows"]


def test_a_total_and_a_repeated_header_are_no_records(landing_root, warehouse):
    total = ["Grand total:", "", "", "", "21.00"]
    rows = [*table([claim(1)]), HEADER, *table([claim(2)])[1:], [], total]
    drop(landing_root, "claims.xlsx", workbook(Page("Data", rows)))
    take_in_all()
    assert loaded(warehouse) == [(2, "CF#1NN"), (4, "CF#2NN")]
    assert batches(warehouse)[0][2:] == (4, 2, 2, 0)
    assert raised(warehouse) == [
        (None, 3, "repeated_header", "error"),
        (None, 6, "total_row", "error"),
    ]


def test_a_second_table_below_the_first_is_not_read_into_it(landing_root, warehouse):
    second = [
        ["visit_type", "total_cost", "claims"],
        ["routine", "21.00", "2"],
        ["urgent", "0", "0"],
    ]
    rows = [*table([claim(1), claim(2)]), [], *second]
    drop(landing_root, "claims.xlsx", workbook(Page("Data", rows)))
    take_in_all()
    assert loaded(warehouse) == [(2, "CF#1NN"), (3, "CF#2NN")]
    assert raised(warehouse) == [(None, row, "second_table", "error") for row in (5, 6, 7)]
    assert batches(warehouse)[0][2:] == (5, 2, 3, 0)


def test_a_stray_cell_costs_its_own_row(landing_root, warehouse):
    rows = table([claim(1), claim(2), claim(3), claim(4)])
    rows[2] += ["", "call Ann"]
    rows += [[], [""] * 14 + ["checked"]]
    drop(landing_root, "claims.xlsx", workbook(Page("Data", rows)))
    take_in_all()
    assert loaded(warehouse) == list(zip([2, 4, 5], ids(1, 3, 4), strict=True))
    assert raised(warehouse) == [(None, row, "field_count", "error") for row in (3, 7)]
    kept = warehouse.execute("select raw_row from quality.quarantine order by row_number")
    assert [raw.rpartition(",")[2] for (raw,) in kept] == ["call Ann", "checked"]


def test_a_column_without_a_name_is_no_stray_cell(landing_root, warehouse):
    rows = table([claim(1), claim(2), claim(3)])
    rows = [rows[0], *([*row, "x"] for row in rows[1:])]
    drop(landing_root, "claims.xlsx", workbook(Page("Data", rows)))
    assert take_in_all() == ["rejected"]
    assert raised(warehouse) == [(None, 1, "header", "error")]


def test_a_contract_that_names_a_sheet_reads_it_alone(landing_root, warehouse, monkeypatch):
    use(monkeypatch, Dialect(format="xlsx", sheet="B"))
    pages = [Page("A", table([claim(1)])), Page("B", table([claim(2)])), Page("C", NOTES)]
    drop(landing_root, "claims.xlsx", workbook(*pages))
    take_in_all()
    assert loaded(warehouse) == [(2, "CF#2NN")]
    assert raised(warehouse) == [("A", None, "unread_sheet", "warning")]


REJECTED = {
    "nothing that fits": ([Page("A", NOTES), Page("B", PIVOT)], "no_fitting_sheet"),
    "hidden sheets only": (
        [Page("A"), Page("B", table([claim(1)]), state="hidden")],
        "empty_file",
    ),
    "one sheet without a column": ([Page("A", table([claim(1)], HEADER[1:]))], "missing_column"),
    "a cover before a hidden table": (
        [Page("A", NOTES), Page("B", table([claim(1)]), state="hidden")],
        "no_fitting_sheet",
    ),
    "nothing at all": ([Page("A"), Page("B")], "empty_file"),
}


@pytest.mark.parametrize("kind", REJECTED)
def test_a_workbook_without_a_sheet_that_fits_is_rejected(kind, landing_root, warehouse):
    pages, rule = REJECTED[kind]
    drop(landing_root, "claims.xlsx", workbook(*pages))
    drop(landing_root, "claims_2.xlsx", workbook(Page("A", table([claim(5)]))))
    assert sorted(take_in_all()) == ["rejected", "verified"]
    assert [(found[2], found[3]) for found in raised(warehouse)] == [(rule, "error")]


def test_a_file_known_by_content_is_recognized_by_any_sheet(landing_root, warehouse, monkeypatch):
    use(monkeypatch, Dialect(format="xlsx"), is_by_content=True, file_pattern="")
    pages = [
        Page("Cover", [["Claims"]]),
        Page("One", table([claim(1)])),
        Page("Two", table([claim(2)])),
    ]
    drop(landing_root, "whatever.xlsx", workbook(*pages))
    assert take_in_all() == ["verified"]
    assert [claim_id for _, claim_id in loaded(warehouse)] == ids(1, 2)
    assert raised(warehouse) == [("Cover", None, "unread_sheet", "warning")]


def test_a_workbook_that_no_contract_knows_waits(landing_root, warehouse, monkeypatch):
    use(monkeypatch, Dialect(format="xlsx"), is_by_content=True, file_pattern="")
    drop(landing_root, "whatever.xlsx", workbook(Page("Cover", [["Claims"]]), Page("Sums", PIVOT)))
    assert take_in_all() == []
    ((_, _, rule, _),) = raised(warehouse)
    assert rule == "unclaimed_file"
    assert "Sums" in messages(warehouse)["unclaimed_file"]
