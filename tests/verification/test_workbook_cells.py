"""Cells whose value is not what they show: long numbers, times of day, formulas without a result."""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter
from tests.verification.test_sheets import raised, use
from tests.worlds.feeds import batches, claim, claims_csv, drop, issues, take_in_all
from tests.worlds.workbooks import HEADER, Page, table, workbook

from claimhouse import contracts
from claimhouse.reading import Dialect, open_file
from claimhouse.verification.judge import judge

CLAIMS = contracts.of("billing", "claims")
XLSX = Dialect(format="xlsx")
DAY = {"num_format": "m/d/yyyy"}
CLOCK = {"num_format": "h:mm"}
SPAN = {"num_format": "[h]:mm:ss"}


def book(path: Path, *rows: list[Any], **options: Any) -> Path:
    """A workbook of one sheet; a cell may be a pair of a number and its format."""
    with xlsxwriter.Workbook(path, options) as file:
        sheet = file.add_worksheet()
        for number, row in enumerate(rows):
            for place, cell in enumerate(row):
                if isinstance(cell, tuple):
                    sheet.write_number(number, place, cell[0], file.add_format(cell[1]))
                elif isinstance(cell, str) and cell.startswith("="):
                    sheet.write_formula(number, place, cell, None, "")
                else:
                    sheet.write(number, place, cell)
    return path


def column(path: Path) -> list[str]:
    """The values of the first column."""
    (block,) = open_file(path, XLSX, 1 << 20)
    return block.rows.to_series(1).to_list()


def lost(path: Path) -> list[int]:
    """The rows whose first cell lost digits."""
    (block,) = open_file(path, XLSX, 1 << 20)
    return [row for row, _ in block.lost_digits]


NUMBERS = {
    # what the cell holds, and whether digits of it are lost
    12345678901234567: True,
    1234567890123450: True,  # as Excel keeps 1234567890123456
    1234567890123456: False,  # a program wrote it, exactly
    2024000000000000000: True,
    123456789012345: False,
    1234567893: False,
    0.1 + 0.2: False,
    123456.789012345678: False,
    -12345678901234567: True,
    "12345678901234567": False,
    "1234567890123450": False,
}


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_of_more_digits_than_a_workbook_keeps_is_found(number, tmp_path):
    path = book(tmp_path / "feed.xlsx", ["id"], [number])
    assert lost(path) == ([2] if NUMBERS[number] else [])


def as_written(content: bytes, before: str, after: str) -> bytes:
    """A workbook with its sheet's XML changed."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w") as new:
        for member in old.infolist():
            data = old.read(member)
            if member.filename.startswith("xl/worksheets/sheet"):
                assert re.search(before, data.decode())
                data = re.sub(before, after, data.decode()).encode()
            new.writestr(member, data)
    return file.getvalue()


WRITERS = {
    "as Excel does": (r"<v>[^<]*</v></c></row></sheetData>", "<v>1.23456789012345E+16</v></c></row></sheetData>"),
    "with every digit": (r"<v>[^<]*</v></c></row></sheetData>", "<v>12345678901234567</v></c></row></sheetData>"),
    "without places": (r' r="[A-Z]*2"', ""),
}  # fmt: skip


@pytest.mark.parametrize("writer", WRITERS)
def test_long_numbers_are_found_however_the_file_was_written(writer, tmp_path):
    path = book(tmp_path / "feed.xlsx", ["a", "id"], ["x", 12345678901234567])
    path.write_bytes(as_written(path.read_bytes(), *WRITERS[writer]))
    (block,) = open_file(path, XLSX, 1 << 20)
    assert block.lost_digits == ((2, "id"),)


def test_a_long_number_is_a_warning_of_its_row(landing_root, warehouse, monkeypatch):
    use(monkeypatch, XLSX)
    columns = tuple(
        replace(column, pattern=None) if column.name == "provider_id" else column
        for column in CLAIMS.columns
    )
    use(monkeypatch, XLSX, columns=columns)
    rows = table([claim(1), claim(2, provider_id="1234567890123456789"), claim(3)])
    rows[3][HEADER.index("provider_id")] = 1234567890123456789
    drop(landing_root, "claims.xlsx", workbook(Page("Data", rows)))
    take_in_all()
    assert batches(warehouse)[0][2:] == (3, 3, 0, 0)
    found = warehouse.execute(
        "select row_number, record_key, column_name, rule, severity, message from quality.issue"
    ).fetchall()
    assert [issue[:5] for issue in found] == [
        (4, "CF#3NN", "provider_id", "digits_lost", "warning")
    ]
    assert "Format the column as text" in found[0][5]
    assert "12345678" not in found[0][5]


def test_a_csv_that_a_spreadsheet_saved_shows_lost_digits(landing_root, warehouse):
    drop(landing_root, "claims.csv", claims_csv(claim(1), claim(2, patient_id="1.23457E+16")))
    take_in_all()
    assert [(row, column, rule) for row, column, rule, *_ in issues(warehouse)] == [
        (3, "patient_id", "digits_lost"),
        (3, "patient_id", "pattern"),
    ]


SCIENTIFIC = {
    "1.23457E+16": True,
    "1E+11": True,
    "1.2345678901234568e+16": True,
    "1.2E+5": False,
    "5E11": False,
    "E+16": False,
    "1.23457E+16 units": False,
    "12345678901234567": False,
}


@pytest.mark.parametrize("text", SCIENTIFIC)
def test_only_a_number_that_was_cut_is_said_to_be(text):
    plain = next(column for column in CLAIMS.columns if column.name == "patient_id")
    judged = judge(replace(plain, pattern=None), pl.Series([text]))
    assert [failure.rule for failure in judged.failures] == (
        ["digits_lost"] if SCIENTIFIC[text] else []
    )
    assert judged.each("text")[0] == text


DATES = {
    # the cell, and what it is read as
    "a time of day": ((0.5, CLOCK), "12:00:00"),
    "midnight": ((0, CLOCK), "00:00:00"),
    "a time in a date format": ((0.25, DAY), "06:00:00"),
    "the zeroth of January": ((0, DAY), "00:00:00"),
    "a span of time": ((1.5, SPAN), "36:00:00"),
    "a span below a day": ((0.5, SPAN), "12:00:00"),
    "the first day": ((1, DAY), "1900-01-01"),
    "a date": ((45000, DAY), "2023-03-15"),
    "a date with a time": ((45000.75, {"num_format": "m/d/yyyy h:mm"}), "2023-03-15 18:00:00"),
    "a date as a number": (45000, "45000"),
    "a date as text": ("12/31/1899", "12/31/1899"),
    "a share": ((0.125, {"num_format": "0.0%"}), "0.125"),
    "a truth": (True, "true"),
}


@pytest.mark.parametrize("kind", DATES)
def test_a_cell_reads_as_it_shows(kind, tmp_path):
    cell, text = DATES[kind]
    assert column(book(tmp_path / "feed.xlsx", ["at"], [cell])) == [text]


def test_a_workbook_that_counts_from_1904(tmp_path):
    cells = [[(0.5, CLOCK)], [(0, DAY)], [(1, DAY)], [(43538, DAY)], [(0.5, {})]]
    path = book(tmp_path / "feed.xlsx", ["at"], *cells, date_1904=True)
    days = [dt.date(1904, 1, 1) + dt.timedelta(days=days) for days in (0, 1, 43538)]
    assert column(path) == ["12:00:00", *map(str, days), "0.5"]


@pytest.mark.parametrize(
    ("cell", "says"),
    [((0.5, CLOCK), "a time of day"), (45000, "kept as a number"), ((1.5, SPAN), "a time of day")],
)
def test_no_day_is_made_of_what_is_none(cell, says, landing_root, warehouse, monkeypatch, tmp_path):
    formats = ("%m/%d/%Y", "%Y-%m-%d", "%Y-%m-%d %H:%M:%S")
    columns = tuple(
        replace(column, date_formats=formats) if column.type == "date" else column
        for column in CLAIMS.columns
    )
    use(monkeypatch, XLSX, columns=columns)
    rows = table([claim(1), claim(2)])
    rows[2][HEADER.index("date_of_service")] = cell
    drop(landing_root, "claims.xlsx", book(tmp_path / "made.xlsx", *rows).read_bytes())
    take_in_all()
    assert batches(warehouse)[0][2:] == (2, 1, 1, 0)
    assert raised(warehouse) == [(None, 3, "date", "error")]
    (message,) = warehouse.execute("select message from quality.issue").fetchone()
    assert says in message


def test_a_formula_without_its_result_breaks_its_row(tmp_path):
    path = book(tmp_path / "feed.xlsx", ["id", "cost"], ["1", "=B9"], ["2", 5], ["", "=B9"])
    (block,) = open_file(path, XLSX, 1 << 20)
    assert block.rows.rows() == [(3, "2", "5")]
    assert [(row.row_number, row.rule, row.column_name) for row in block.broken] == [
        (2, "formula", "cost"),
        (4, "formula", "cost"),
    ]


def test_a_formula_whose_result_is_no_text_is_blank(tmp_path):
    path = book(tmp_path / "feed.xlsx", ["id", "cost"], ["1", "=B9"])
    path.write_bytes(as_written(path.read_bytes(), r'<c r="B2"><f>', '<c r="B2" t="str"><f>'))
    (block,) = open_file(path, XLSX, 1 << 20)
    assert block.rows.rows() == [(2, "1", "")]
