"""What is too large for its format goes out in parts, or in the format that holds it, and whole."""

from __future__ import annotations

import csv
import io
import zipfile

import fastexcel
import polars as pl
import pytest
import pyzipper
from hypothesis import given
from hypothesis import strategies as st
from tests.delivery.test_prepare import shown, typed
from tests.worlds.client_world import COLUMNS
from tests.worlds.delivery_world import (
    PASSWORD,
    SUMMIT,
    attachment,
    disclosed,
    opened,
    publish,
    run,
    sheet,
)

from claimhouse.delivery import extract, ledger
from claimhouse.delivery.extract import model, pdf, xlsx
from claimhouse.reporting import reader_checks

SHEET = 1_048_575


def mailed(mailbox):
    """The text, the name and the content of the last mail."""
    message = mailbox.parsed()[-1]
    return (" ".join(message.get_body().get_content().split()), *attachment(message))


@pytest.mark.parametrize(
    ("asked", "layout"),
    [
        (("xlsx", SHEET, 13), ("xlsx", ())),
        (("xlsx", SHEET + 1, 13), ("xlsx", (524_288, 524_288))),
        (("xlsx", 2_100_000, 13), ("xlsx", (700_000, 700_000, 700_000))),
        (("xlsx", SHEET + 1, 13, "csv"), ("csv", ())),
        (("xlsx", SHEET, 13, "csv"), ("xlsx", ())),
        (("csv", 10**9, 13), ("csv", ())),
        (("parquet", 10**9, 13), ("parquet", ())),
        (("pdf", 2_000, 16), ("pdf", ())),
        (("pdf", 2_001, 16), ("xlsx", ())),
        (("pdf", 10, 17), ("xlsx", ())),
        (("pdf", SHEET + 1, 3), ("xlsx", (524_288, 524_288))),
        (("pdf", 2_001, 3, "parquet"), ("parquet", ())),
        (("xlsx", 0, 13), ("xlsx", ())),
    ],
)
def test_the_layout_follows_from_the_size_alone(asked, layout):
    found = extract.layout(*asked)
    assert (found.format, found.part_sizes) == layout


def test_columns_that_no_part_holds_are_refused():
    with pytest.raises(extract.TooManyRows, match="16,385 columns"):
        extract.layout("xlsx", 10, 16_385)


def test_client_files_say_what_the_formats_know():
    known = {name: form.when_too_large for name, form in extract.FORMATS.items()}
    assert known == reader_checks.WHEN_TOO_LARGE


@pytest.mark.property
@given(st.lists(st.integers(0, 40), max_size=12), st.integers(1, 25))
def test_parts_add_up_row_for_row(frames, most):
    """Whatever the frames' sizes, each row is in one part, in its place, and no part is too large."""
    total = sum(frames)
    numbers = iter(range(total))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xlsx, "MOST_ROWS", most)
        sizes = extract.layout("xlsx", total, 1).part_sizes or (total,)
    assert max(sizes) <= most or total == 0
    assert max(sizes) - min(sizes) <= 1
    schema = {"n": pl.Int64()}
    made = (
        pl.DataFrame({"n": [next(numbers) for _ in range(size)]}, schema=schema) for size in frames
    )
    parts = []
    for rows in model.split(extract.Rows(schema, made), sizes):
        parts.append([n for frame in rows for n in frame["n"]])
        assert rows.count == len(parts[-1])
    assert [len(part) for part in parts] == list(sizes)
    assert [n for part in parts for n in part] == list(range(total))


@pytest.mark.parametrize(("came", "problem"), [(9, "fewer"), (11, "more")])
def test_rows_that_are_not_as_many_as_counted_are_no_file(came, problem, tmp_path):
    schema = {"n": pl.Int64()}
    rows = extract.Rows(schema, (pl.DataFrame({"n": [n]}, schema=schema) for n in range(came)))
    content = extract.Extract("", "", "", "", None, "limited", {}, rows, None, part_sizes=(5, 5))
    with pytest.raises(extract.UnfitCount, match=problem):
        extract.write(content, "xlsx", PASSWORD, tmp_path / "x.xlsx.zip")
    assert not (tmp_path / "x.xlsx.zip").exists()


def test_more_rows_than_a_sheet_holds_come_as_numbered_workbooks(world, mailbox, monkeypatch):
    expected = world.expected(world.summit, SUMMIT)
    monkeypatch.setattr(xlsx, "MOST_ROWS", len(expected) // 3 + 1)
    run(world)
    text, name, content = mailed(mailbox)
    assert name == f"{world.id}.20260301T1200Z.xlsx.zip"
    assert "the archive has 3, part 1 to part 3" in text
    assert "Each workbook in the archive is encrypted" in text
    archive = zipfile.ZipFile(io.BytesIO(content))
    stem = f"{world.id}.20260301T1200Z"
    assert archive.namelist() == [f"{stem}_part{number}of3.xlsx" for number in (1, 2, 3)]
    found = []
    for number, part in enumerate(archive.namelist(), 1):
        plain = opened(archive.read(part))
        read = fastexcel.read_excel(plain)
        rows = read.load_sheet("Rows").to_polars()
        assert rows.columns == [extract.heading(column) for column in COLUMNS]
        cover = dict(row[:2] for row in sheet(plain, "Cover") if row[0] and row[1])
        assert (cover["Part"], cover["Rows"]) == (f"{number} of 3", str(rows.height))
        assert ("Summary" in read.sheet_names) == (number == 1)
        found += [typed(row) for row in rows.rows()]
    assert found == [shown(row) for row in expected]
    assert {row[3] for row in disclosed(world)} == {len(expected)}
    known = {row[4] for row in expected if row[4]}
    patients = "select count(*), count(distinct patient_pseudonym) from delivery.extract_patient"
    assert world.connection.execute(patients).fetchone() == (len(known), len(known))
    assert list(world.extracts.iterdir()) == []


def test_another_format_goes_out_where_the_client_wants_that(world, mailbox, monkeypatch):
    expected = world.expected(world.summit, SUMMIT)
    monkeypatch.setattr(xlsx, "MOST_ROWS", len(expected) - 1)
    publish(world, SUMMIT, when_too_large="csv")
    run(world)
    text, name, content = mailed(mailbox)
    assert name == f"{world.id}.20260301T1200Z.csv.zip"
    assert "The file is csv, because xlsx does not hold so much." in text
    assert "encrypted (AES-256) and opens in 7-Zip" in text
    with pyzipper.AESZipFile(io.BytesIO(content)) as archive:
        archive.setpassword(PASSWORD.encode())
        lines = list(csv.reader(io.StringIO(archive.read(name.removesuffix(".zip")).decode())))
    assert [row[3] for row in lines[1:]] == [row[3] for row in expected]
    assert {row.format for row in ledger.disclosures()} == {"csv"}


def test_what_nobody_reads_in_a_pdf_comes_as_a_workbook(world, mailbox, monkeypatch):
    monkeypatch.setattr(pdf, "MOST_ROWS", 20)
    publish(world, SUMMIT, format="pdf")
    run(world)
    text, name, content = mailed(mailbox)
    assert name.endswith("Z.xlsx")
    assert "The file is xlsx, because pdf does not hold so much." in text
    rows = fastexcel.read_excel(opened(content)).load_sheet("Rows").to_polars()
    assert rows.height == len(world.expected(world.summit, SUMMIT))


@pytest.mark.parametrize(
    ("query", "counted"),
    [
        ("select g from generate_series(1, 9) as g order by g desc;", 9),
        ("select g from generate_series(1, 9) as g order by g limit 4", 4),
        ("select g from generate_series(1, 9) as g order by g offset 2 rows", 7),
        ("select g from generate_series(1, 9) as g order by coalesce(g, 0)", 9),
        ("select row_number() over (order by g) as n from generate_series(1, 9) as g", 9),
        ("select g from generate_series(1, 9) as g where g::text <> 'order by 1'", 9),
    ],
)
def test_rows_are_counted_as_they_are_read(warehouse, query, counted):
    from claimhouse.delivery.extract import rows

    assert rows.count(warehouse, query) == counted
    with warehouse.transaction():
        assert sum(frame.height for frame in rows.stream(warehouse, query)) == counted
