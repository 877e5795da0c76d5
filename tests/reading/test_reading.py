"""One landed file, clean or dirty, becomes rows, broken rows and notes; nothing is lost."""

from __future__ import annotations

import csv
import datetime as dt
import decimal
import gzip
import io
import json
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st
from tests.worlds.properties import examples

from claimhouse.reading import (
    FORMATS,
    Block,
    BrokenRow,
    Dialect,
    Note,
    Unreadable,
    join_row,
    open_file,
    split_row,
)

BLOCK = 1024 * 1024


class Read:
    """A file read to its end."""

    def __init__(self, path: Path, dialect: Dialect = Dialect(), block_bytes: int = BLOCK) -> None:  # noqa: B008
        with open_file(path, dialect, block_bytes) as reading:
            self.header = reading.header
            self.blocks: list[Block] = list(reading)
            self.notes: list[Note] = reading.notes

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        """Every row, its number first."""
        return [row for block in self.blocks for row in block.rows.rows()]

    @property
    def broken(self) -> list[BrokenRow]:
        """Every row that could not be split."""
        return [row for block in self.blocks for row in block.broken]


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def write(content: bytes, name: str = "feed.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


def refused(path: Path, dialect: Dialect = Dialect()) -> Unreadable:  # noqa: B008
    """Why a file is refused, before any row of it is read."""
    with pytest.raises(Unreadable) as caught:
        open_file(path, dialect, BLOCK)
    return caught.value


def places(rows: Sequence[BrokenRow]) -> list[tuple[int, str, str]]:
    return [(row.row_number, row.rule, row.raw_row) for row in rows]


# Line numbers


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("last", [b"", b"end"])
def test_rows_have_the_number_of_their_line(file: Any, line_end: bytes, last: bytes) -> None:
    lines = [b"id,name", b"1,x", b"", b'2,"y', b'z"', b"", b"", b"3,w"]
    content = line_end.join(lines) + (line_end if last else b"")
    read = Read(file(content))
    middle = f"y{line_end.decode()}z"
    assert read.header == ["id", "name"]
    assert read.rows == [(2, "1", "x"), (4, "2", middle), (8, "3", "w")]
    assert read.broken == []


def test_line_endings_may_be_mixed(file: Any) -> None:
    read = Read(file(b"id,name\r1,x\n2,y\r\n3,z\r4,w"))
    assert read.rows == [(2, "1", "x"), (3, "2", "y"), (4, "3", "z"), (5, "4", "w")]


def test_blank_lines_may_stand_before_the_header(file: Any) -> None:
    read = Read(file(b"\n\r\nid,name\n1,x\n"))
    assert (read.header, read.rows) == (["id", "name"], [(4, "1", "x")])


def test_the_frame_is_row_number_then_the_header_as_text(file: Any) -> None:
    (block,) = Read(file(b"id,cost\n007, 1.50 \n,\n")).blocks
    assert dict(block.rows.schema) == {"row_number": pl.Int64, "id": pl.String, "cost": pl.String}
    assert block.rows.rows() == [(2, "007", " 1.50 "), (3, "", "")]


# Quotes


def test_quotes_guard_delimiters_quotes_and_newlines(file: Any) -> None:
    read = Read(file(b'a,b\n"x,1","say ""hi"""\n"","""\n"\n5" pipe,6" pipe\n"x"y,z\n'))
    assert read.rows == [
        (2, "x,1", 'say "hi"'),
        (3, "", '"\n'),
        (5, '5" pipe', '6" pipe'),
        (6, "xy", "z"),
    ]


def test_a_quote_left_open_costs_its_own_line_only(file: Any) -> None:
    lines = [b"id,name", *(b"%d,plain" % i for i in range(2, 300))]
    lines[149] = b'150,"open'
    lines[9] = b'10,"two\n lines"'
    read = Read(file(b"\n".join(lines) + b"\n"), block_bytes=500)
    ((number, rule, raw),) = places(read.broken)
    assert (number, rule, raw) == (151, "open_quote", '150,"open')
    assert (read.broken[0].column_name, read.broken[0].first_field) == ("name", "150")
    expected = [str(i) for i in range(2, 300) if i != 150]
    assert [row[1] for row in read.rows] == expected
    assert [row[0] - int(row[1]) for row in read.rows] == [0] * 9 + [1] * 288


def test_a_quote_left_open_before_a_quoted_row_does_not_swallow_it(file: Any) -> None:
    read = Read(file(b'a,b,c\n1,"open,x\n2,"y",z\n'))
    assert places(read.broken) == [(2, "open_quote", '1,"open,x')]
    assert read.rows == [(3, "2", "y", "z")]


def test_a_field_spans_a_hundred_lines_and_no_more(file: Any) -> None:
    def record(lines: int) -> bytes:
        return b'a,b\n1,"' + b"\n".join(b"x" for _ in range(lines)) + b'"\n2,y\n'

    assert [row[0] for row in Read(file(record(100)), block_bytes=10).rows] == [2, 102]
    read = Read(file(record(101)), block_bytes=10)
    assert (read.broken[0].row_number, read.broken[0].rule) == (2, "open_quote")
    assert len(read.broken) + len(read.rows) == 102


def test_a_dialect_may_have_no_quotes_and_another_delimiter(file: Any) -> None:
    read = Read(file(b'a|b\n"x|y"\n'), Dialect(delimiter="|", quote=""))
    assert read.rows == [(2, '"x', 'y"')]


# Ragged rows


def test_short_and_long_rows_are_broken_and_the_rows_around_them_load(file: Any) -> None:
    read = Read(file(b'a,b,c\n1,2,3\n"4 ""x""",5\n\n6,7,8,9\n10,11,12\n'))
    assert places(read.broken) == [
        (3, "field_count", '"4 ""x""",5'),
        (5, "field_count", "6,7,8,9"),
    ]
    assert read.broken[0].message == "The row has 2 fields, the header 3."
    assert [row.first_field for row in read.broken] == ['4 "x"', "6"]
    assert read.rows == [(2, "1", "2", "3"), (6, "10", "11", "12")]


def test_the_real_shifted_row_of_the_claims_is_not_lost(shared_data: Path) -> None:
    path = shared_data / "billing" / "claims_priming.csv"
    with path.open(newline="", encoding="utf-8-sig") as opened:
        table = csv.reader(opened)
        header = next(table)
        records = [(table.line_num, *row) for row in table if row]
    read = Read(path, block_bytes=4096)
    assert read.rows == [row for row in records if len(row) == len(header) + 1]
    assert [row.row_number for row in read.broken] == [
        row[0] for row in records if len(row) != len(header) + 1
    ]


# Encodings


def test_a_byte_order_mark_is_left_out_with_a_note(file: Any) -> None:
    read = Read(file(b"\xef\xbb\xbfid,name\n1,x\n"))
    assert (read.header, read.rows) == (["id", "name"], [(2, "1", "x")])
    assert [(note.rule, note.row_number, note.column_name) for note in read.notes] == [
        ("encoding", 1, "id")
    ]


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_encodings_are_read_with_a_note(file: Any, codec: str) -> None:
    text = "id,name\n" + "".join(f"{i},Zoë Ångström\n" for i in range(2, 500)) + "500,日本\n"
    read = Read(file(text.encode(codec)), block_bytes=64)
    assert read.rows == [(i, str(i), "Zoë Ångström") for i in range(2, 500)] + [
        (500, "500", "日本")
    ]
    assert [note.rule for note in read.notes] == ["encoding"]
    assert Read(file(text.encode("utf-16")), Dialect(encoding="utf-16")).notes == []


def test_utf_16_cut_in_a_character_is_refused(file: Any) -> None:
    error = refused(file("id,name\n1,é\n".encode("utf-16")[:-3]))
    assert (error.rule, error.row_number) == ("encoding", 2)


def test_a_latin_1_file_is_read_with_one_note(file: Any) -> None:
    content = "id,name,city\n1,x,y\n2,\x93q\x94,M\xfcnchen\n3,x,\xc9vian\n\x81,x\n".encode(
        "latin-1"
    )
    read = Read(file(content))
    assert read.rows == [(2, "1", "x", "y"), (3, "2", "“q”", "München"), (4, "3", "x", "Évian")]
    assert places(read.broken) == [(5, "field_count", "\x81,x")]
    (note,) = read.notes
    assert (note.rule, note.row_number, note.column_name) == ("encoding", 3, "name")
    assert "3 lines" in note.message
    assert Read(file(content), Dialect(encoding="iso-8859-1")).notes == []


def test_broken_utf_8_costs_its_own_rows(file: Any) -> None:
    good = "1,Zoë\n".encode()
    read = Read(file(b"id,name\n" + good + b"2,Zo\xc3\n3,x\n\xff,\xe9\n" + good), block_bytes=9)
    assert places(read.broken) == [(3, "encoding", "2,Zo\\xc3"), (5, "encoding", "\\xff,\\xe9")]
    assert [row.column_name for row in read.broken] == ["name", "id"]
    assert [row.first_field for row in read.broken] == ["2", "\\xff"]
    assert read.rows == [(2, "1", "Zoë"), (4, "3", "x"), (6, "1", "Zoë")]


def test_a_character_cut_by_the_end_of_the_look_is_whole(file: Any) -> None:
    from claimhouse.reading import text as reading_text

    fill = "x" * (reading_text.EXAMINED_BYTES - len("a\n") - 1)
    read = Read(file(f"a\n{fill}é\n".encode()))
    assert read.rows == [(2, f"{fill}é")]
    assert read.notes == []


def test_nul_bytes_cost_their_own_rows(file: Any) -> None:
    read = Read(file(b'id,name\n1,x\n2,\0y\n3,"a\nb\0"\n4,z\n'))
    assert places(read.broken) == [(3, "nul_byte", "2,\\x00y"), (4, "nul_byte", '3,"a\nb\\x00"')]
    assert [row.column_name for row in read.broken] == ["name", "name"]
    assert read.rows == [(2, "1", "x"), (6, "4", "z")]


# Files that are not csv


def workbook(path: Path, rows: list[list[Any]]) -> Path:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return path


def test_a_workbook_named_csv_is_refused_by_its_content(tmp_path: Path) -> None:
    error = refused(workbook(tmp_path / "claims.csv", [["id"], ["1"]]))
    assert error.rule == "wrong_format"
    assert "Excel" in error.message
    assert "csv" in error.message


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"%PDF-1.7\n", "PDF"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"PAR1\x15\x04", "Parquet"),
        (gzip.compress(gzip.compress(b"a,b\n1,2\n", mtime=0), mtime=0), "gzip"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"\0\0\0\0\0\0a\0\0\0\0", "NUL"),
        (b"id,\x02name\n1,2\n", "not text"),
    ],
)
def test_binary_content_is_refused(file: Any, content: bytes, what: str) -> None:
    error = refused(file(content))
    assert error.rule == "wrong_format"
    assert what in error.message


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "empty_file"),
        (b"\n\r\n\n", "empty_file"),
        (b"\xef\xbb\xbf", "empty_file"),
        (gzip.compress(b"", mtime=0), "empty_file"),
        (b"id,name, id \n1,2,3\n", "duplicate_column"),
        (b"id,,name\n1,2,3\n", "header"),
        (b'id,"name\n1,2\n', "header"),
        (b"id,\xc3\n1,\xc3\xa9\n", "encoding"),
    ],
)
def test_a_file_without_a_usable_header_is_refused(file: Any, content: bytes, rule: str) -> None:
    assert refused(file(content)).rule == rule


def test_the_first_record_of_a_file_without_a_header_is_in_no_message(file: Any) -> None:
    error = refused(file(b"4711,Quillfeather,Quillfeather\n4712,Moss,Pine\n"))
    assert (error.rule, error.column_name) == ("duplicate_column", None)
    assert "Quillfeather" not in error.message


def test_a_header_alone_has_no_rows_and_a_note(file: Any) -> None:
    for content in (b"id,name", b"id,name\n", b"id,name\r\n\r\n"):
        read = Read(file(content))
        assert (read.header, read.rows, read.broken) == (["id", "name"], [], [])
        assert [note.rule for note in read.notes] == ["no_rows"]


def test_header_cells_are_stripped_and_row_number_stays_ours(file: Any) -> None:
    read = Read(file(b' id ,"row_number"\n1,2\n'))
    assert read.header == ["id", "row_number_"]
    assert read.rows == [(2, "1", "2")]


# Compression


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def test_gzip_and_zip_are_known_by_their_content(file: Any) -> None:
    text = b"id,name\n1,x\n"
    for content in (
        gzip.compress(text, mtime=0),
        gzip.compress(text[:5], mtime=0) + gzip.compress(text[5:], mtime=0),
        zipped({"any.txt": text}),
        zipped({"folder/": b"", "folder/any.csv": text, "__MACOSX/any.csv": b"x"}),
    ):
        assert Read(file(content, "feed.csv")).rows == [(2, "1", "x")]


def test_a_zip_of_no_file_is_refused(file: Any) -> None:
    assert refused(file(zipped({}))).rule == "wrong_format"


def test_the_contract_may_insist_on_compression(file: Any) -> None:
    assert refused(file(b"a,b\n1,2\n"), Dialect(compression="gzip")).rule == "wrong_format"


def test_compressed_files_cut_or_corrupt_are_refused_before_any_row(file: Any) -> None:
    text = "id,name\n" + "".join(f"{i},{i * 7919 % 10007}\n" for i in range(200_000))
    packed = gzip.compress(text.encode())
    half = refused(file(packed[: len(packed) // 2], "feed.csv.gz"))
    assert half.rule == "truncated"
    lines = int(half.message.split("(")[1].split(" lines")[0])
    assert 40_000 < lines < 160_000
    damaged = bytearray(packed)
    damaged[len(packed) // 2] ^= 0xFF
    assert refused(file(bytes(damaged))).rule == "truncated"
    assert refused(file(packed[:5])).rule == "truncated"
    archive = zipped({"a.csv": text.encode()})
    assert refused(file(archive[: len(archive) // 2])).rule == "truncated"
    damaged = bytearray(archive)
    damaged[len(archive) // 2] ^= 0xFF
    assert refused(file(bytes(damaged))).rule == "truncated"


# Size


def test_a_field_of_ten_megabytes_is_a_field(file: Any) -> None:
    long = b"x" * 10_000_000
    read = Read(file(b"id,note\n1," + long + b'\n2,"' + long + b'\n"\n3,y\n'), block_bytes=4096)
    assert [(row[0], row[1], len(row[2])) for row in read.rows] == [
        (2, "1", 10_000_000),
        (3, "2", 10_000_001),
        (5, "3", 1),
    ]


def test_a_record_without_end_is_refused(file: Any) -> None:
    error = refused(file(b"id,note\n1,x\n2," + b"x" * (65 * 1024 * 1024)))
    assert (error.rule, error.row_number) == ("record_too_long", 3)


MEASURE = """
import resource, sys
from pathlib import Path
from claimhouse.reading import Dialect, open_file
rows = broken = 0
start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for block in open_file(Path(sys.argv[1]), Dialect(), 4 * 1024 * 1024):
    rows += block.rows.height
    broken += len(block.broken)
print(rows, broken, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) // 1024)
"""


def measured(path: Path) -> tuple[int, int, int]:
    """Rows, broken rows and the growth of peak memory in MiB, in a process of its own."""
    folder = str(Path(__file__).resolve().parents[2] / "plugins")
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)],
        env={"PYTHONPATH": folder},
        capture_output=True,
        text=True,
        check=True,
    )
    rows, broken, growth = map(int, done.stdout.split())
    return rows, broken, growth


@pytest.mark.system
def test_memory_does_not_grow_with_the_file(file: Any) -> None:
    lines = b"".join(
        b"CF%07d,%d,surgery,%d.25,10/10/2017\n" % (i, i % 97, i % 1000) for i in range(300_000)
    )
    small = measured(file(b"a,b,c,d,e\n" + lines, "small.csv"))
    large = measured(file(b"a,b,c,d,e\n" + lines * 6, "large.csv"))
    assert (small[:2], large[:2]) == ((300_000, 0), (1_800_000, 0))
    assert large[2] < small[2] + 40


@pytest.mark.system
@pytest.mark.parametrize(
    ("line", "count"),
    [
        (b"x\n", 1_000_000),
        (b'x,"2\n', 200_000),
        (b"x,\0\n", 200_000),
        (b'5" x,"a"b\n', 200_000),
    ],
)
def test_odd_rows_throughout_take_bounded_memory_and_time(
    file: Any, line: bytes, count: int
) -> None:
    start = time.monotonic()
    rows, broken, growth = measured(file(b"a,b\n" + line * count))
    assert rows + broken == count
    assert growth < 400
    assert time.monotonic() - start < 60


# Joining a row again


def test_join_row_quotes_only_where_necessary() -> None:
    frame = pl.DataFrame(
        {"row_number": [2, 3], "a": ["x,1", "plain"], "b": ['"', None], "c": ["l\n", " s "]}
    )
    joined = join_row(frame, ["a", "b", "c"], Dialect())
    assert joined.to_list() == ['"x,1","""","l\n"', "plain,, s "]


# Other formats


def test_json_lines_take_keys_in_any_order(file: Any) -> None:
    lines = [
        '{"id": "1", "cost": 1.50, "tags": ["a", 2.10], "ok": true}',
        "",
        '{"name": "Zoë", "id": 2, "cost": null, "who": {"x": "ü"}}',
        '{"id": "3"',
        "[1]",
        '{"id": "4", "id": "5"}',
        '{"id": "a\\u0000"}',
        '{"id": "\\ud800"}',
        '{"id": NaN}',
        "[" * 100_000,
    ]
    read = Read(file("\n".join(lines).encode(), "feed.jsonl"), Dialect(format="jsonl"), 50)
    assert read.header == ["id", "cost", "tags", "ok", "name", "who"]
    assert read.rows == [
        (1, "1", "1.50", '["a", 2.10]', "true", "", ""),
        (3, "2", "", "", "", "Zoë", '{"x": "ü"}'),
    ]
    assert [(row.row_number, row.rule) for row in read.broken] == [
        (n, "json") for n in range(4, 11)
    ]
    assert [row.raw_row for row in read.broken] == lines[3:]


def test_fixed_width_is_cut_by_position(file: Any) -> None:
    widths = (("id", 1, 3), ("name", 4, 5), ("city", 9, 4))
    dialect = Dialect(format="fixed", widths=widths)
    read = Read(file("001Zoë  Bern\n\n002x    Rom\n003short\n004y    Bernlong\n".encode()), dialect)
    assert read.header == ["id", "name", "city"]
    assert read.rows == [(1, "001", "Zoë  ", "Bern"), (3, "002", "x    ", "Rom")]
    assert places(read.broken) == [
        (4, "field_count", "003short"),
        (5, "field_count", "004y    Bernlong"),
    ]
    assert [row.first_field for row in read.broken] == ["003", "004"]
    with pytest.raises(ValueError, match="position"):
        open_file(file(b"x"), Dialect(format="fixed", widths=(("id", 0, 3),)), BLOCK)


@pytest.mark.parametrize("form", ["jsonl", "fixed"])
def test_line_formats_keep_rows_that_are_not_text(file: Any, form: str) -> None:
    row = {"jsonl": b'{"a": "%s"}', "fixed": b"%s"}[form]
    content = b"\n".join(row % value for value in ("é".encode(), b"\xff", b"\0", b"x"))
    read = Read(file(content), Dialect(format=form, widths=(("a", 1, 1),)))
    assert read.rows == [(1, "é"), (4, "x")]
    assert [(broken.row_number, broken.rule) for broken in read.broken] == [
        (2, "encoding"),
        (3, "nul_byte"),
    ]


def test_a_workbook_shows_its_values_as_a_person_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "feed.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("Cover").write(0, 0, "nothing here")
        sheet = book.add_worksheet("Claims")
        date = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        sheet.write_row(2, 1, [" id ", "date", "cost", "billed"])
        sheet.write_row(3, 1, ["007", None, 12, True])
        sheet.write_datetime(3, 2, dt.datetime(2024, 2, 29), date)
        sheet.write_row(5, 1, ["8", None, 123456789.12, False])
        sheet.write_datetime(5, 2, dt.datetime(2024, 2, 29, 13, 30), date)
        sheet.write_row(6, 1, ["9", "2/30/2024"])
        sheet.write_formula(6, 3, "=1/0", None, "#DIV/0!")
        sheet.write_row(7, 1, ["10", "", 0.1 + 0.2])
    read = Read(path, Dialect(format="xlsx", sheet="Claims"))
    assert read.header == ["id", "date", "cost", "billed"]
    assert read.rows == [
        (4, "007", "2024-02-29", "12", "true"),
        (6, "8", "2024-02-29 13:30:00", "123456789.12", "false"),
        (8, "10", "", "0.3", ""),
    ]
    assert places(read.broken) == [(7, "cell_error", "9,2/30/2024,,")]
    assert (read.broken[0].column_name, read.broken[0].first_field) == ("cost", "9")
    assert Read(path, Dialect(format="xlsx")).header == ["nothing here"]
    assert refused(path, Dialect(format="xlsx", sheet="Other")).rule == "sheet"


def test_a_file_that_is_not_a_workbook_is_refused(file: Any, tmp_path: Path) -> None:
    dialect = Dialect(format="xlsx")
    whole = workbook(tmp_path / "feed.xlsx", [["id"], ["1"]]).read_bytes()
    assert refused(file(whole[: len(whole) // 2]), dialect).rule == "truncated"
    assert refused(file(b"id\n1\n"), dialect).rule == "wrong_format"
    assert refused(file(zipped({"a.csv": b"id\n"})), dialect).rule == "wrong_format"
    assert refused(file(b""), dialect).rule == "empty_file"
    assert refused(workbook(tmp_path / "empty.xlsx", []), dialect).rule == "empty_file"


def test_parquet_values_become_text(tmp_path: Path) -> None:
    path = tmp_path / "feed.parquet"
    table = pa.table(
        {
            "id": ["a", "b\0"],
            "day": [dt.date(2024, 2, 29), None],
            "at": [dt.datetime(2024, 2, 29, 0, 0), dt.datetime(2024, 2, 29, 1, 2, 3)],
            "cost": [decimal.Decimal("1.50"), decimal.Decimal("2.00")],
            "share": [0.1, 2.0],
            "ok": [True, None],
            "tags": [[1, 2], None],
            "raw": [b"x", b"\xff"],
        }
    )
    pq.write_table(table, path)
    read = Read(path, Dialect(format="parquet"))
    assert read.header == table.column_names
    assert read.rows == [(1, "a", "2024-02-29", "2024-02-29", "1.50", "0.1", "true", "[1, 2]", "x")]
    assert places(read.broken) == [(2, "nul_byte", "b\\x00,,2024-02-29 01:02:03,2.00,2,,,\\xff")]
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert refused(path, Dialect(format="parquet")).rule == "truncated"
    path.write_bytes(b"id\n1\n")
    assert refused(path, Dialect(format="parquet")).rule == "wrong_format"


def test_no_value_of_the_file_is_in_a_message(file: Any) -> None:
    secret = b"Ramon"
    lines = [secret, secret + b',"x', secret + b",\0", secret + b",\xff", b"1,\xc3\xa9"]
    read = Read(file(b"id,name\n" + b"\n".join(lines)))
    assert len(read.broken) == 4
    assert not any("Ramon" in row.message for row in read.broken)
    error = refused(file(b"id,Ramon\x01\n"))
    assert "Ramon" not in str(error)
    assert json.dumps(vars(error)).count("Ramon") == 0


def test_every_format_of_the_registry_is_documented_and_opens_or_refuses(file: Any) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "contracts.md").read_text("utf-8")
    listed = re.search(r"`format` \(([a-z, ]+)\)", page)
    assert listed is not None
    assert listed.group(1).split(", ") == list(FORMATS)
    for name in FORMATS:
        dialect = Dialect(format=name, widths=(("a", 1, 1),))
        assert refused(file(b""), dialect).rule == "empty_file"


@examples(100)
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8), min_size=1
    ),
    st.sampled_from([Dialect(), Dialect(delimiter="|"), Dialect(delimiter="~", quote="'")]),
)
def test_a_row_is_split_into_the_fields_that_were_joined(fields, dialect):
    names = [f"f{place}" for place in range(len(fields))]
    frame = pl.DataFrame([fields], schema=dict.fromkeys(names, pl.String), orient="row")
    assert split_row(join_row(frame, names, dialect)[0], dialect) == fields


def test_more_than_one_row_is_no_row():
    assert split_row("a,b\nc", Dialect()) == []
    assert split_row('a,"b\nc"', Dialect()) == ["a", "b\nc"]
    assert split_row("a," + "x" * 200_000, Dialect())[1:] == ["x" * 200_000]
