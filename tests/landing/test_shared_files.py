"""One file of which several feeds read a part each: it lands once for each of them."""

from __future__ import annotations

import io
from typing import Any

import pytest
import xlsxwriter
from tests.worlds.carrier_source import CLAIM, LINE, PAID, TEXT, Carrier

from claimhouse import contracts, review
from claimhouse.landing import deliveries, uploads
from claimhouse.verification import source_tables

FRAME = {"type": 1, "header": "H", "trailer": "T"}
CLAIMS = {
    "header": "none", "delimiter": "|", "columns": ["", "claim", "member", "paid"],
    "records": {**FRAME, "rows": ["CLM"], "others": ["SVC"], "count": 2},
}  # fmt: skip
LINES = {
    "header": "none", "delimiter": "|", "columns": ["", "line", "code", "paid"],
    "records": {**FRAME, "rows": ["SVC"], "from": {"CLM": {"claim": 2}}, "count": 3, "sums": {"paid": 4}},
}  # fmt: skip
FILE = b"""H|20240131
CLM|A|ann|30.00
SVC|1|99213|10.00
SVC|2|36415|20.00
CLM|B|bob|5.00
SVC|1|99214|oops
T|2|3|35.00
"""


@pytest.fixture
def both(carrier: Carrier) -> Carrier:
    carrier.describes("claims", CLAIMS, PAID, pattern="all*")
    carrier.describes("lines", LINES, LINE, pattern="all*")
    return carrier


def landed(carrier: Carrier) -> list[tuple[Any, ...]]:
    """File and feed of each delivery, and the state of its batch, if it has one."""
    return carrier.connection.execute(
        "select file_name, f.feed, state from landing.file as f left join landing.batch using (file_id)"
        " order by file_name, f.feed, file_id"
    ).fetchall()


def test_claims_and_their_lines_are_two_feeds_of_one_file(both):
    assert both.sends("all.txt", FILE) == ["verified"] * 2
    assert both.rows("claims", "row_number, claim, paid::text") == [
        (2, "A", "30.00"),
        (5, "B", "5.00"),
    ]
    assert both.rows("lines", "row_number, claim, line, paid::text") == [
        (3, "A", "1", "10.00"),
        (4, "A", "2", "20.00"),
    ]
    assert both.aside() == [("lines", 6, "SVC|1|99214|oops")]
    (issue,) = both.connection.execute("select issue_id from quality.issue where column_name = 'paid'"
                                       " and row_number = 6").fetchone()  # fmt: skip
    review.correct(issue, {"paid": "5.00"})
    assert both.sends("nothing", b"") == ["verified"]
    assert both.rows("lines", "claim, line, paid::text")[2:] == [("B", "1", "5.00")]


def test_the_same_file_again_lands_for_none_of_them(both):
    both.sends("all_1.txt", FILE)
    assert both.sends("all_1.txt", FILE) == []
    assert both.sends("all_2.txt", FILE) == []
    repeated = both.connection.execute(
        "select rule, status from quality.issue where file_name = 'all_2.txt' and batch_id is null"
    )
    assert repeated.fetchall() == [("already_landed", "open")]
    assert both.sends("all_3.txt", FILE.replace(b"oops", b"5.00")) == ["verified"] * 2


def test_a_feed_that_is_described_later_gets_what_has_landed_for_others(carrier):
    carrier.describes("claims", CLAIMS, PAID, pattern="all*")
    assert carrier.sends("all.txt", FILE) == ["verified"]
    carrier.describes("lines", LINES, LINE, pattern="all*")
    assert carrier.sends("other", b"") == ["verified"]
    assert landed(carrier) == [("all.txt", "claims", "verified"), ("all.txt", "lines", "verified")]
    assert carrier.sends("other", b"") == []
    assert len(carrier.rows("lines", "line")) == 2


def test_a_run_that_dies_between_the_feeds_leaves_nothing_and_the_next_lands_both(
    both, monkeypatch
):
    enter = deliveries.enter

    def dies(connection: Any, contract: Any, content: Any) -> Any:
        if contract.feed == "lines":
            raise KeyboardInterrupt
        return enter(connection, contract, content)

    monkeypatch.setattr(deliveries, "enter", dies)
    with pytest.raises(KeyboardInterrupt):
        both.sends("all.txt", FILE)
    assert landed(both) == []
    monkeypatch.setattr(deliveries, "enter", enter)
    assert both.sends("all.txt", FILE) == ["verified"] * 2


def test_a_feed_whose_part_is_damaged_does_not_take_the_others_along(both):
    assert sorted(both.sends("all.txt", FILE.replace(b"T|2|3", b"T|2|4"))) == [
        "rejected",
        "verified",
    ]
    assert landed(both) == [("all.txt", "claims", "verified"), ("all.txt", "lines", "rejected")]


# In this file the count of lines is the fifth field of the trailer.
MOVED = FILE.replace(b"T|2|3|35.00", b"T|2|x|30.00|3").replace(b"oops", b"0.00")
MENDED = LINES | {"records": LINES["records"] | {"count": 5}}


def rows_of_both(carrier: Carrier) -> tuple[int, int]:
    return len(carrier.rows("claims", "claim")), len(carrier.rows("lines", "line"))


def test_a_file_rejected_for_one_feed_lands_for_it_when_its_contract_is_mended(both):
    assert sorted(both.sends("all.txt", MOVED)) == ["rejected", "verified"]
    assert both.sends("nothing", b"") == []
    waits = "select kind, source_system, feed, subject, problem, to_do from quality.needs_a_person"
    assert both.connection.execute(waits + " where feed is not null").fetchall() == [
        (
            "file rejected",
            "carrier",
            "lines",
            "all.txt",
            "The trailer has no number where its count of rows should be. Ask the sender to send it again.",
            "mend include/schemas/carrier/lines.yaml, and the next run reads the file again;"
            " or ask its sender for another",
        )
    ]
    both.describes("lines", MENDED, LINE, pattern="all*")
    assert both.sends("nothing", b"") == ["verified"]
    assert landed(both) == [("all.txt", "claims", "verified"), ("all.txt", "lines", "verified")]
    assert rows_of_both(both) == (2, 3)
    open_issues = (
        "select rule from quality.issue where status = 'open' and rule <> 'unclaimed_file'"
    )
    assert both.connection.execute(open_issues).fetchall() == []
    assert both.sends("nothing", b"") == []


def test_a_file_rejected_for_one_feed_may_be_sent_again(both):
    """The claims have its bytes already; the lines never had them, and have them once."""
    both.sends("all_1.txt", MOVED)
    assert both.sends("all_2.txt", MOVED) == ["rejected"]
    assert landed(both)[2:] == [("all_2.txt", "claims", None), ("all_2.txt", "lines", "rejected")]
    both.describes("lines", MENDED, LINE, pattern="all*")
    assert both.sends("nothing", b"") == ["verified"]
    assert rows_of_both(both) == (2, 3)
    noted = (
        "select file_name, feed from landing.file where same_as_file_id is not null order by feed"
    )
    assert both.connection.execute(noted).fetchall() == [
        ("all_2.txt", "claims"),
        ("all_2.txt", "lines"),
    ]
    assert both.sends("nothing", b"") == []


def test_a_run_that_dies_while_a_rejected_file_is_read_again_is_made_up_for(both, monkeypatch):
    both.sends("all.txt", MOVED)
    both.describes("lines", MENDED, LINE, pattern="all*")
    load = source_tables.load

    def dies(*arguments: Any) -> Any:
        load(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(source_tables, "load", dies)
    with pytest.raises(KeyboardInterrupt):
        both.sends("nothing", b"")
    assert rows_of_both(both) == (2, 0)
    monkeypatch.setattr(source_tables, "load", load)
    assert both.sends("nothing", b"") == ["verified"]
    assert rows_of_both(both) == (2, 3)
    assert both.sends("nothing", b"") == []


def test_a_file_rejected_for_one_feed_is_not_given_to_the_other_a_second_time(both):
    """The contract of the lines claims the file no longer: it is the claims', which have it."""
    both.sends("all.txt", MOVED)
    both.describes("lines", LINES, LINE, pattern="lines*")
    assert both.sends("nothing", b"") == []
    assert rows_of_both(both) == (2, 0)
    # and it is the lines' again
    both.describes("lines", MENDED, LINE, pattern="all*")
    assert both.sends("nothing", b"") == ["verified"]
    assert rows_of_both(both) == (2, 3)


def test_sheets_are_feeds_of_one_workbook(carrier):
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as book:
        for name, rows in {
            "Claims": [list(PAID), ["A", "ann", "30.00"]],
            "Members": [["Members of ACME"], ["claim", "member"], ["M1", "ann"], ["M2", "bob"]],
        }.items():
            sheet = book.add_worksheet(name)
            for place, row in enumerate(rows):
                sheet.write_row(place, 0, row)
        sheet.merge_range("A1:B1", "Members of ACME")
    member = {"claim": CLAIM, "member": TEXT}
    carrier.describes("claims", {"format": "xlsx", "sheet": "Claims"}, PAID, pattern="book*")
    carrier.describes("members", {"format": "xlsx", "sheet": "Members"}, member, pattern="book*")
    assert carrier.sends("book.xlsx", target.getvalue()) == ["verified"] * 2
    assert carrier.rows("claims", "claim, paid::text") == [("A", "30.00")]
    assert carrier.rows("members", "row_number, claim") == [(3, "M1"), (4, "M2")]
    assert [issue[2] for issue in carrier.issues()] == ["title_rows"]


@pytest.mark.parametrize(
    ("dialects", "patterns"),
    [
        ([CLAIMS, CLAIMS], ["all*", "all*"]),
        ([CLAIMS, LINES], ["all*", "*.txt"]),
        ([CLAIMS, {"delimiter": "|"}], ["all*", "all*"]),
        ([CLAIMS, {"format": "xlsx", "sheet": "Claims"}], ["all*", "all*"]),
        ([{"format": "xlsx"}, {"format": "xlsx", "sheet": "Claims"}], ["all*", "all*"]),
    ],
)
def test_feeds_that_do_not_say_which_part_is_theirs_claim_no_file_together(
    carrier, dialects, patterns
):
    for feed, dialect, pattern in zip(("claims", "lines"), dialects, patterns, strict=True):
        carrier.describes(feed, dialect, LINE if dialect is LINES else PAID, pattern=pattern)
    assert carrier.sends("all.txt", FILE) == []
    assert [issue[2] for issue in carrier.issues()] == ["unclaimed_file"]


def test_an_upload_may_be_for_several_feeds(both):
    claims = contracts.of("carrier", "claims")
    assert uploads.name_for(claims, "all.txt") == "all.txt"
    assert uploads.name_for(claims, "x.txt") == "all_x.txt"
