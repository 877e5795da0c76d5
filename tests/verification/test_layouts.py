"""Layouts that carriers send, loaded as the contract describes them, and refused where they differ from it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.worlds.carrier_source import PAID, TEXT

from claimhouse import contracts, review
from claimhouse.contracts import ContractError

ROWS = [("C1", "ann", "10.00"), ("C2", "bob", "0.50"), ("C3", "", "7.25")]


def lines(*rows: tuple[str, ...], delimiter: str = "|", end: str = "\n") -> bytes:
    return "".join(delimiter.join(row) + end for row in rows).encode()


def loaded(first: int = 1) -> list[tuple[Any, ...]]:
    """ROWS as they are loaded from lines from *first* on."""
    return [
        (line, claim, member or None, paid)
        for line, (claim, member, paid) in enumerate(ROWS, first)
    ]


# No header


def test_without_a_header_columns_are_known_by_their_place(carrier):
    for place, delimiter in enumerate([",", "|", "~", "^", ";", "\t"]):
        for end in ("\n", "\r\n"):
            carrier.describes("paid", {"header": "none", "delimiter": delimiter})
            content = lines(*ROWS, delimiter=delimiter, end=end)
            assert carrier.sends(f"paid{place}{len(end)}.txt", content) == ["verified"]
            assert carrier.newest("paid") == loaded()
    assert carrier.issues() == []


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_without_a_header_may_have_a_mark_of_its_encoding(carrier, encoding):
    carrier.describes("paid", {"header": "none", "delimiter": "|", "encoding": encoding})
    assert carrier.sends("paid.txt", lines(*ROWS).decode().encode(encoding)) == ["verified"]
    assert (carrier.rows("paid"), carrier.issues()) == (loaded(), [])


def test_a_field_that_is_not_read_is_kept_in_a_quarantined_row_which_can_be_corrected(carrier):
    columns = ["", "member", "claim", "", "paid"]
    carrier.describes("paid", {"header": "none", "delimiter": "|", "columns": columns})
    wrong = ("x1", "cy", "C9", "junk", "oops")
    rows = [("x", member, claim, "y|z"[:1], paid) for claim, member, paid in ROWS]
    assert carrier.sends("paid.txt", lines(*rows, wrong)) == ["verified"]
    assert carrier.rows("paid") == loaded()
    assert carrier.aside() == [("paid", 4, "|".join(wrong))]
    assert carrier.issues() == [(4, "paid", "number", "error")]
    (issue,) = carrier.connection.execute("select issue_id from quality.issue").fetchone()
    review.correct(issue, {"paid": "3.00"})
    assert (
        carrier.sends("other.txt", lines(*[(*row[:2], f"D{row[2]}", *row[3:]) for row in rows]))
        == ["verified"] * 2
    )
    assert ("C9", "cy", "3.00") in carrier.rows("paid", "claim, member, paid::text")


def test_a_row_of_another_width_is_quarantined(carrier):
    carrier.describes("paid", {"header": "none", "delimiter": "|"})
    assert carrier.sends("paid.txt", lines(*ROWS, ("C4", "dan"))) == ["verified"]
    assert (carrier.rows("paid"), carrier.issues()) == (
        loaded(),
        [(4, None, "field_count", "error")],
    )


def test_a_header_that_the_contract_denies_is_no_row(carrier):
    carrier.describes(
        "paid", {"header": "none", "delimiter": "|"}, {"claim": PAID["claim"], "paid": TEXT}
    )
    assert carrier.sends("paid.txt", b"Claim|Paid\nC1|ten\n") == ["rejected"]
    assert carrier.issues() == [(1, None, "header", "error")]
    assert "header: none" in carrier.messages()


@pytest.mark.parametrize("header", ["first", "none"])
def test_another_delimiter_is_named(carrier, header):
    carrier.describes("paid", {"header": header})
    rows = [tuple(PAID), *ROWS] if header == "first" else ROWS
    for used, word in {"~": "tildes", "^": "carets", ";": "semicolons"}.items():
        assert carrier.sends(f"{word}.txt", lines(*rows, delimiter=used)) == ["rejected"]
        assert word in carrier.messages()


def test_a_file_without_a_header_is_recognized_by_its_fields_and_values(carrier):
    written = "customProperties: [{property: dateFormats, value: [YYYYMMDD]}]"
    day = f"{{logicalType: date, physicalType: date, classification: date, {written}}}"
    dialect = {"header": "none", "delimiter": "|"}
    carrier.describes("paid", dialect, pattern="")
    carrier.describes(
        "days", dialect, {"claim": PAID["claim"], "member": TEXT, "day": day}, pattern=""
    )
    carrier.describes("short", dialect, {"claim": PAID["claim"], "paid": PAID["paid"]}, pattern="")
    assert carrier.sends("a.dat", lines(*ROWS)) == ["verified"]
    assert carrier.sends("b.dat", lines(("C1", "ann", "20240131"))) == ["verified"]
    assert carrier.sends("c.dat", lines(("C1", "7.00"))) == ["verified"]
    assert carrier.sends("d.dat", lines(("C1", "7.00", "x", "y"))) == []
    found = carrier.connection.execute(
        "select file_name, feed from landing.file order by file_name"
    )
    assert found.fetchall() == [("a.dat", "paid"), ("b.dat", "days"), ("c.dat", "short")]
    assert "ann" not in carrier.messages()


WRONG = [
    ({"columns": ["claim", "member", "paid"]}, "header: none"),
    ({"header": "none", "columns": ["claim", "cost"]}, "'cost' is not a column"),
    ({"header": "none", "columns": ["claim", "claim"]}, "'claim' occurs twice"),
    ({"header": "none", "columns": ["", "paid"]}, "lack what each row needs: claim"),
    ({"header": "last"}, "header must be first or none or search"),
    ({"header": "none", "format": "xlsx"}, "header is for csv"),
    ({"header": "none", "columns": [1, 2]}, "columns must be a list of names"),
]


def test_what_a_layout_cannot_mean_is_an_error_of_the_contract(carrier):
    for dialect, why in WRONG:
        with pytest.raises(ContractError, match=r"paid\.yaml:\d+: ") as caught:
            carrier.describes("paid", dialect)
        assert why in str(caught.value)


# Titles above the header


TITLES = 'ACME Health Plan\r\n\r\nPaid claims, "final"\r\nRun: 01/31/2024|page 1\r\n'


def test_titles_above_a_header_are_not_read(carrier):
    text = TITLES + lines(("Claim", "MEMBER", "Paid"), *ROWS, end="\r\n").decode()
    for feed, encoding in {"plain": "utf-8", "marked": "utf-8-sig", "wide": "utf-16"}.items():
        dialect = {"header": "search", "delimiter": "|", "encoding": encoding}
        carrier.describes(feed, dialect, pattern=f"{feed}*")
        assert carrier.sends(f"{feed}.txt", text.encode(encoding)) == ["verified"]
        assert carrier.rows(feed) == loaded(6)
    assert carrier.issues() == [(5, None, "title_rows", "warning")] * 3
    assert "The header is in row 5; 3 rows of titles above it are not read." in carrier.messages()


def test_a_header_is_searched_for_where_it_is_first_too(carrier):
    carrier.describes("paid", {"header": "search", "delimiter": "|"})
    assert carrier.sends("paid.txt", lines(tuple(PAID), *ROWS)) == ["verified"]
    assert (carrier.rows("paid"), carrier.issues()) == (loaded(2), [])


def test_a_header_is_found_among_the_first_fifty_lines(carrier):
    carrier.describes("paid", {"header": "search", "delimiter": "|"})
    table = lines(tuple(PAID), *ROWS)
    assert carrier.sends("a.txt", b"claim status report\n" * 49 + table) == ["verified"]
    assert carrier.sends("b.txt", b"claim status report\n" * 50 + table) == ["rejected"]
    assert carrier.rows("paid") == loaded(51)
    assert "None of the first 50 lines names a column" in carrier.messages()


def test_the_wider_of_two_lines_that_name_columns_is_the_header(carrier):
    carrier.describes("paid", {"header": "search", "delimiter": "|"})
    content = b"claim|2024\n" + lines(tuple(PAID), *ROWS)
    assert carrier.sends("paid.txt", content) == ["verified"]
    assert carrier.rows("paid") == loaded(3)


def test_no_contract_changes_when_nothing_is_said_of_its_header():
    """The layouts of all feeds that are there keep their defaults."""
    for contract in contracts.sound():
        assert (contract.dialect.header, contract.dialect.columns) == ("first", ())
