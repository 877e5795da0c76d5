"""The files of an extract: what was put in comes out, whatever the format and the value."""

from __future__ import annotations

import csv
import io
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal

import fastexcel
import msoffcrypto
import pikepdf
import polars as pl
import psycopg
import pytest
import pyzipper

from claimhouse.delivery import extract
from claimhouse.delivery.extract import chart, pdf, xlsx
from claimhouse.delivery.extract import rows as extract_rows

PASSWORD = "correct horse battery staple"
ODD = [
    "=1+1",
    "-2",
    "a,b",
    'say "x"',
    "two\nlines",
    "<&>",
    "_x0041_",
    " edge ",
    "",
    "Ünï",
    "\x01",
    None,
]
ROWS = """
select
    g as claim_number,
    (array['=1+1', '-2', 'a,b', 'say "x"', E'two\\nlines', '<&>', '_x0041_', ' edge ', '', 'Ünï', E'\\x01', null])[
        g
    ] as words,
    date '2024-02-28' + g as day,
    timestamptz '2024-07-01 12:00:00.5+02' + g * interval '1 hour' as moment,
    (g * 1.1)::numeric(12, 2) as cost,
    g::float8 / 3 as share,
    g % 2 = 0 as flag,
    9007199254740993::bigint as big,
    date '1850-01-01' as long_ago
from generate_series(1, {count}) as g
"""


@pytest.fixture
def write(server, tmp_path):
    """Write the rows above in a format; returns the file and what was written."""
    with psycopg.connect(server) as connection:

        def into(form, count=12):
            with (
                connection.transaction(),
                closing(extract_rows.stream(connection, ROWS.format(count=count))) as rows,
            ):
                small = pl.DataFrame({"kind": ["all"], "claims": [12]})
                content = extract.Extract("A title", "A client", "May", "none", None, "limited",
                                       {"words": "What was written"}, rows, small)  # fmt: skip
                file = tmp_path / f"x.{extract.FORMATS[form].suffix}"
                return file, extract.write(content, form, PASSWORD, file)

        yield into


def unzipped(file):
    with pyzipper.AESZipFile(file) as archive:
        with pytest.raises(RuntimeError):
            archive.read(archive.namelist()[0])
        archive.setpassword(PASSWORD.encode())
        assert all(entry.wz_aes_strength == 3 for entry in archive.infolist())  # 256 bits
        return {name: archive.read(name) for name in archive.namelist()}


def neutral(text):
    return f"'{text}" if text and text[0] in "=+-@\t\r\n" else text


def test_csv_holds_every_value_neutralized_and_says_what_it_is(write):
    file, written = write("csv")
    parts = unzipped(file)
    rows = list(csv.DictReader(io.StringIO(parts["x.csv"].decode(), newline="")))
    assert [row["words"] for row in rows] == [neutral(text) or "" for text in ODD]
    assert rows[0] | {"share": ""} == {
        "claim_number": "1", "words": "'=1+1", "day": "2024-02-29", "moment": "2024-07-01T11:00:00Z",
        "cost": "1.10", "share": "", "flag": "false", "big": "9007199254740993",
        "long_ago": "1850-01-01",
    }  # fmt: skip
    assert (
        "A title" in parts["about.txt"].decode()
        and "What was written" in parts["about.txt"].decode()
    )
    assert written.row_count == 12 == int(parts["about.txt"].decode().split("Rows")[1].split()[0])


def test_parquet_holds_every_value_as_it_is_with_its_type(write):
    frame = pl.read_parquet(io.BytesIO(unzipped(write("parquet")[0])["x.parquet"]))
    assert frame["words"].to_list() == ODD
    assert frame["cost"].to_list() == [(Decimal("1.10") * g) for g in range(1, 13)]
    assert frame["moment"][0] == datetime(2024, 7, 1, 11, 0, 0, 500_000, tzinfo=UTC)
    assert frame.schema["big"] == pl.Int64 and frame.schema["day"] == pl.Date


def opened(file):
    sealed, plain = msoffcrypto.OfficeFile(file.open("rb")), io.BytesIO()
    sealed.load_key(password=PASSWORD, verify_password=True)
    sealed.decrypt(plain, verify_integrity=True)
    return plain.getvalue()


@pytest.mark.parametrize("count", [0, 12, 60_000])  # none, one frame, several
def test_a_workbook_holds_every_value_in_a_cell_of_its_type(write, count):
    file, written = write("xlsx", count)
    plain = opened(file)
    table = fastexcel.read_excel(plain).load_sheet("Rows").to_polars()
    assert table.height == count == written.row_count
    if not count:
        return
    shown = [neutral(text) for text in ODD]
    shown[10] = "\N{REPLACEMENT CHARACTER}"  # no workbook can hold a control character
    assert [text or "" for text in table["Words"][:12]] == [text or "" for text in shown]
    assert table["Claim number"].to_list() == list(range(1, count + 1))
    assert table["Day"][0].date() == date(2024, 2, 29)
    assert table["Moment"][0] == datetime(2024, 7, 1, 11, 0, 0, 500_000)
    assert table["Cost"][:3].to_list() == pytest.approx([1.1, 2.2, 3.3])
    assert table["Flag"][:2].to_list() == [False, True]
    assert table["Big"][0] == "9007199254740993"  # a cell's number would be another one
    assert table["Long ago"][0] == "1850-01-01"


def test_a_sheet_and_a_cell_hold_no_more_than_they_hold(write, monkeypatch):
    monkeypatch.setattr(xlsx, "MOST_ROWS", 11)
    with pytest.raises(extract.TooManyRows, match="csv or parquet"):
        write("xlsx")
    monkeypatch.setattr(xlsx, "MOST_ROWS", 12)
    write("xlsx")
    monkeypatch.setattr(xlsx, "LONGEST_TEXT", 5)
    with pytest.raises(extract.UnfitValue, match=r"^words: a text of 9 characters") as raised:
        write("xlsx")
    assert "lines" not in str(raised.value)


def test_a_page_is_encrypted_and_shows_title_chart_rows_and_numbers(write):
    file, _ = write("pdf")
    with pytest.raises(pikepdf.PasswordError):
        pikepdf.open(file)
    with pikepdf.open(file, password=PASSWORD) as page:
        assert page.encryption.R == 6 and page.encryption.bits == 256
        assert str(page.docinfo["/Title"]) == "A title"
        assert len(page.pages) >= 1


def test_detail_beyond_what_people_read_is_refused_on_a_page(write, monkeypatch):
    monkeypatch.setattr(pdf, "MOST_ROWS", 11)
    with pytest.raises(extract.TooManyRows, match="xlsx, csv or parquet, or its summary alone"):
        write("pdf")


def test_a_refused_file_leaves_the_connection_usable(write, monkeypatch):
    monkeypatch.setattr(xlsx, "MOST_ROWS", 11)
    with pytest.raises(extract.TooManyRows):
        write("xlsx", 60_000)
    assert write("csv", 3)[1].row_count == 3


def test_a_value_that_no_file_can_hold_is_not_quoted(server):
    with psycopg.connect(server) as connection:
        rows = extract_rows.stream(connection, "select 'infinity'::date as died_on")
        with closing(rows), pytest.raises(extract.UnreadableRow) as raised:
            list(rows)
    assert raised.value.__cause__ is None


def test_the_chart_follows_from_the_summary():
    months = [date(2024, month, 1) for month in (1, 2)]
    lines = chart.shape(
        pl.DataFrame({"kind": ["a", "a", "b", "b"], "month": months * 2, "cost": [1, 2, 3, 4]})
    )
    assert lines and lines.over_time and lines.series == (("A", 0, 1), ("B", 2, 3))
    bars = chart.shape(pl.DataFrame({"payer": [f"p{n}" for n in range(40)], "cost": range(40)}))
    assert bars and not bars.over_time and bars.series[0][1:] == (0, chart.MOST_BARS - 1)
    many = pl.DataFrame(
        {"kind": [f"k{n:02}" for n in range(20)], "month": [months[0]] * 20, "cost": range(20)}
    )
    largest = chart.shape(many)
    assert largest and [name for name, *_ in largest.series] == [f"K{n}" for n in range(12, 20)]
    assert "the 8 largest" in largest.title
    assert chart.shape(pl.DataFrame({"kind": ["a"], "text": ["b"]})) is None
    assert chart.shape(many.clear()) is None
