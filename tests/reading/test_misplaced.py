"""Rows of a sheet that are no records."""

from __future__ import annotations

import polars as pl
import pytest

from claimhouse.reading.misplaced import misplaced

HEADER = ["id", "name", "cost", "paid"]

ROWS = {
    # the cells of a row, and what it is
    ("Total", "", "9", "9"): "total_row",
    ("", "Grand Total:", "9", "9"): "total_row",
    ("Sub-total", "", "", "9"): "total_row",
    ("Totals for May", "", "", "9"): "total_row",
    ("Total Care Clinic", "Ann", "9", "9"): None,
    ("7", "Total", "9", "9"): None,
    ("Totally", "", "", "9"): None,
    ("id", "name", "cost", "paid"): "repeated_header",
    (" ID ", "Name", "", ""): "repeated_header",
    ("name", "cost", "visits", ""): "second_table",
    ("7", "name", "cost", "9"): "second_table",
    ("7", "name", "3", "9"): None,
    ("", "", "", "9"): None,
}


@pytest.mark.parametrize("cells", ROWS)
def test_only_what_is_no_record_is_found(cells):
    rows = pl.DataFrame([(2, *cells)], schema=["row_number", *HEADER], orient="row")
    rule = ROWS[cells]
    assert misplaced(rows, HEADER) == ({2: rule} if rule else {})


def test_a_total_of_a_narrow_table():
    rows = pl.DataFrame(
        [(2, "Total", "9"), (3, "a", "9")], schema=["row_number", "id", "cost"], orient="row"
    )
    assert misplaced(rows, ["id", "cost"]) == {2: "total_row"}


def test_another_table_goes_on_to_the_end():
    cells = [
        ("1", "a", "2", "3"),
        ("cost", "id", "", ""),
        ("9", "1", "", ""),
        ("Total", "", "", "9"),
    ]
    rows = pl.DataFrame(
        [(number, *row) for number, row in enumerate(cells, 2)],
        schema=["row_number", *HEADER],
        orient="row",
    )
    assert misplaced(rows, HEADER) == dict.fromkeys([3, 4, 5], "second_table")
