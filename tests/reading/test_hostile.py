"""Files that are damaged, or made to do harm, cost their own issue, bounded time and bounded memory."""

from __future__ import annotations

import gzip
import io
import os
import signal
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import msoffcrypto
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from claimhouse.reading import Dialect, Unreadable, open_file, pool
from claimhouse.reading.limits import MAX_COLUMNS

CSV, XLSX, JSONL = Dialect(), Dialect(format="xlsx"), Dialect(format="jsonl")
MIB = 1024 * 1024
WIDTHS = (("id", 1, 4), ("name", 5, 6))
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(content: bytes, name: str = "feed") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write_file


@pytest.fixture(autouse=True)
def few_seconds() -> Iterator[None]:
    """No test here may take long: the limits are what is tested."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < 60


def outcome(path: Path, dialect: Dialect = CSV) -> Unreadable | int:
    """Why the file is refused, or how many rows it has, good and broken."""
    try:
        with open_file(path, dialect, MIB) as reading:
            return sum(block.rows.height + len(block.broken) for block in reading)
    except Unreadable as error:
        return error


def refused(path: Path, dialect: Dialect = CSV) -> Unreadable:
    error = outcome(path, dialect)
    assert isinstance(error, Unreadable), f"{error} rows were read"
    return error


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def workbook(rows: int = 3, **options: object) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, **options}) as book:
        sheet = book.add_worksheet("Claims")
        for row in range(rows):
            sheet.write_row(row, 0, ["id", "name"] if row == 0 else [f"{row}", "x"])
    return out.getvalue()


def replaced(archive: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """The archive with one member changed."""
    with zipfile.ZipFile(io.BytesIO(archive)) as old:
        members = {part: old.read(part) for part in old.namelist()}
    members[name] = change(members[name])
    return zipped(members)


def lying(content: bytes, stated: int) -> bytes:
    """A zip archive of one file that states another size, and the checksum of that many bytes."""
    archive = bytearray(zipped({"feed.csv": content}))
    crc = zlib.crc32(content[:stated])
    start = archive.rindex(b"PK\x01\x02")
    archive[14:18] = archive[start + 16 : start + 20] = struct.pack("<I", crc)
    archive[22:26] = archive[start + 24 : start + 28] = struct.pack("<I", stated)
    return bytes(archive)


# Archives


def test_a_zip_with_any_byte_flipped_is_read_or_refused(write: Write) -> None:
    text = b"id,name\n" + b"".join(b"%d,name %d\n" % (i, i % 7) for i in range(60))
    archive = zipped({"feed.csv": text})
    for place in range(0, len(archive), 2):
        damaged = bytearray(archive)
        damaged[place] ^= 1 << (place % 8)
        result = outcome(write(bytes(damaged)))
        assert result == 60 or isinstance(result, Unreadable), place


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_to_pack_a_zip_are_read_or_refused(write: Write, method: int) -> None:
    archive = zipped({"feed.csv": b"id,name\n" + b"1,x\n" * 400}, method)
    assert outcome(write(archive)) == 400
    for place in range(0, len(archive), 5):
        damaged = bytearray(archive)
        damaged[place] ^= 0x55
        result = outcome(write(bytes(damaged)))
        assert result == 400 or isinstance(result, Unreadable), place


@pytest.mark.parametrize("stated", [8, 20, 1000])
def test_a_zip_that_states_another_size_is_not_cut_to_it(write: Write, stated: int) -> None:
    error = refused(write(lying(b"id,name\n" + b"1,x\n" * 100_000, stated)))
    assert error.rule == "truncated"
    assert f"{stated} bytes" in error.message


@pytest.mark.parametrize("form", ["gzip", "zip", "xlsx"])
def test_unpacked_bytes_are_counted(
    write: Write, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAIMHOUSE_READER_UNPACKED_MIB", "8")
    text = b"id,name\n" + b"1,x\n" * (3 * MIB)
    content = {
        "gzip": gzip.compress(text),
        "zip": zipped({"feed.csv": text}),
        "xlsx": replaced(
            workbook(), "xl/worksheets/sheet1.xml", lambda part: part + b" " * len(text)
        ),
    }[form]
    error = refused(write(content), XLSX if form == "xlsx" else CSV)
    assert error.rule == "too_large"
    assert "8 MiB" in error.message


def test_a_zip_holds_one_file_whatever_its_name(write: Write) -> None:
    text = b"id,name\n1,x\n"
    for name in ("../../etc/passwd", "/etc/passwd", "C:\\feed.csv", "a/" * 500 + "b", "\udcff.csv"):
        if name.isprintable():
            assert outcome(write(zipped({name: text}))) == 1
    inner = refused(write(zipped({"a.zip": zipped({"feed.csv": text})})))
    assert (inner.rule, "packed at most once" in inner.message) == ("wrong_format", True)
    many = refused(write(zipped({f"{i}.csv": b"" for i in range(20_000)}, zipfile.ZIP_STORED)))
    assert "20,000 files" in many.message


def test_gzip_with_something_behind_it_or_missing_is_refused(write: Write) -> None:
    packed = gzip.compress(b"id,name\n1,x\n" * 3)
    assert outcome(write(packed + packed)) == 11
    for content in (packed + b"garbage", packed[:-1], packed[:-4] + b"\0\0\0\0", packed[:12]):
        assert refused(write(content)).rule == "truncated"


def test_a_gzip_of_blank_lines_ends(write: Write) -> None:
    blank = gzip.compress(b"\n" * (40 * MIB), 1)
    assert refused(write(blank)).rule == "empty_file"
    for dialect, line in ((CSV, b"1,x\n"), (JSONL, b'{"id": "1"}\n')):
        head = b"id,name\n" if dialect is CSV else line
        content = gzip.compress(head) + blank + gzip.compress(line)
        with open_file(write(content), dialect, MIB) as reading:
            numbers = [n for block in reading for n in block.rows["row_number"]]
        assert numbers[-1] == 40 * MIB + 2


# Width and length


@pytest.mark.parametrize("count", [MAX_COLUMNS + 1, 40_000, 5 * MIB])
def test_a_header_of_too_many_columns_is_refused_at_once(write: Write, count: int) -> None:
    started = time.monotonic()
    header = b",".join(b"c%d" % i for i in range(count))
    error = refused(write(header + b"\n" + b"," * (count - 1) + b"\n"))
    assert (error.rule, error.row_number) == ("too_many_columns", 1)
    assert time.monotonic() - started < 10


def test_the_widest_file_allowed_is_read(write: Write) -> None:
    header = b",".join(b"c%d" % i for i in range(MAX_COLUMNS))
    row = b'"x",' * (MAX_COLUMNS - 1) + b"y\n"
    assert outcome(write(header + b"\n" + row * 200)) == 200


def test_a_row_of_millions_of_fields_is_one_broken_row(write: Write) -> None:
    wide = b'"a"x' + b"," * (20 * MIB)
    assert outcome(write(b"id,name\n1,x\n" + wide + b"\n2,y\n")) == 3


def test_many_keys_and_few_values_are_read_in_bounded_memory(write: Write) -> None:
    keys = b"{" + b", ".join(b'"k%d": 1' % i for i in range(MAX_COLUMNS)) + b"}\n"
    assert outcome(write(keys + b'{"k1": 2}\n' * 3000), JSONL) == 3001
    error = refused(write(keys + b'{"one more": 2}\n'), JSONL)
    assert (error.rule, error.row_number) == ("too_many_columns", 2)


def test_a_line_of_a_gigabyte_is_refused(write: Write) -> None:
    packed = gzip.compress(b"id,name\n1,") + gzip.compress(b"x" * (200 * MIB), 1)
    assert refused(write(packed)).rule == "record_too_long"


# Text


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"])
def test_cut_and_mixed_encodings_are_read_or_refused(write: Write, codec: str) -> None:
    text = "id,name\n" + "1,Zoë\n" * 50
    whole = text.encode(codec)
    assert outcome(write(whole)) == 50
    for cut in range(2, 60):
        outcome(write(whole[:-cut]))
    outcome(write(whole + "2,é\n".encode()))
    outcome(write("id,name\n1,é\n".encode() + whole))


def test_nothing_but_nul_bytes_is_refused(write: Write) -> None:
    for dialect in (CSV, JSONL, Dialect(format="fixed", widths=WIDTHS)):
        assert refused(write(b"\0" * 100_000), dialect).rule == "wrong_format"


def test_nested_and_huge_json_costs_its_own_line(write: Write) -> None:
    lines = [
        b'{"id": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b'{"id": ' + b'{"a": ' * 100_000 + b"1" + b"}" * 100_000 + b"}",
        b'{"id": ' + b"9" * 100_000 + b"}",
        b'{"id": 1e999999999}',
        b'{"id": "1"}',
    ]
    assert outcome(write(b"\n".join(lines)), JSONL) == len(lines)


def test_a_short_fixed_width_file_has_broken_rows(write: Write) -> None:
    assert outcome(write(b"1"), Dialect(format="fixed", widths=WIDTHS)) == 1


# Workbooks


def stray(cell: str) -> bytes:
    row = "".join(letter for letter in cell if letter.isdigit())
    added = f'<row r="{row}"><c r="{cell}"><v>1</v></c></row></sheetData>'.encode()
    return replaced(
        workbook(), "xl/worksheets/sheet1.xml", lambda part: part.replace(b"</sheetData>", added)
    )


def test_a_stray_cell_in_the_corner_of_a_sheet_is_named(write: Write) -> None:
    error = refused(write(stray("XFD1048576")), XLSX)
    assert error.rule == "too_large"
    assert "XFD1048576" in error.message
    assert "7 cells" in error.message
    assert "delete" in error.message


def test_a_stray_cell_near_the_table_is_a_row(write: Write) -> None:
    assert outcome(write(stray("B90000")), XLSX) == 3


def test_a_sheet_of_more_cells_than_memory_holds_is_named(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAIMHOUSE_READER_MEMORY_MIB", "64")
    row = b'<row r="2">' + b'<c r="A2"><v>1</v></c>' * 1000 + b"</row></sheetData>"
    content = replaced(
        workbook(),
        "xl/worksheets/sheet1.xml",
        lambda part: part.replace(
            b"</sheetData>", row.replace(b"</sheetData>", b"") * 900 + row[-12:]
        ),
    )
    error = refused(write(content), XLSX)
    assert error.rule == "too_large"
    assert "900,006 cells" in error.message
    assert "csv" in error.message


@pytest.mark.parametrize("entity", [b"&a;", b"&#1;", b""])
def test_entities_in_a_workbook_are_refused(write: Write, entity: bytes) -> None:
    laughs = b'<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    for part in ("xl/sharedStrings.xml", "xl/worksheets/sheet1.xml", "[Content_Types].xml"):
        content = replaced(workbook(), part, lambda old: laughs + old + entity)
        assert refused(write(content), XLSX).rule == "wrong_format"


def test_a_workbook_with_any_byte_flipped_is_read_or_refused(write: Write) -> None:
    content = workbook()
    for place in range(0, len(content), 23):
        damaged = bytearray(content)
        damaged[place] ^= 1 << (place % 8)
        result = outcome(write(bytes(damaged)), XLSX)
        assert isinstance(result, Unreadable | int), place


def test_parts_of_a_workbook_that_are_missing_swapped_or_empty(write: Write) -> None:
    with zipfile.ZipFile(io.BytesIO(workbook())) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"]
    for name, part in parts.items():
        for changed in (b"", part[: len(part) // 2], sheet, part * 2, b"<" * 10_000):
            outcome(write(zipped(parts | {name: changed})), XLSX)
        outcome(write(zipped({other: parts[other] for other in parts if other != name})), XLSX)


# Parquet


def test_a_parquet_file_with_any_byte_flipped_is_read_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "feed"
    pq.write_table(pa.table({"id": [f"{i}" for i in range(500)], "n": range(500)}), path)
    content = path.read_bytes()
    for place in range(4, len(content), 19):
        damaged = bytearray(content)
        damaged[place] ^= 1 << (place % 8)
        path.write_bytes(bytes(damaged))
        result = outcome(path, Dialect(format="parquet"))
        assert result == 500 or isinstance(result, Unreadable), place


def test_a_parquet_file_whose_footer_lies_loses_no_row(tmp_path: Path) -> None:
    path = tmp_path / "feed"
    pq.write_table(pa.table({"id": [f"{i}" for i in range(10)]}), path, store_schema=False)
    content = path.read_bytes()
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    ends = []
    for place in range(footer, len(content) - 8):
        path.write_bytes(content[:place] + b"\0" + content[place + 1 :])
        ends.append(outcome(path, Dialect(format="parquet")))
    assert all(end == 10 or isinstance(end, Unreadable) for end in ends)
    assert any("lacks rows" in str(end) for end in ends)


def test_text_in_a_parquet_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    offsets, letters = pa.py_buffer(struct.pack("<3i", 0, 2, 4)), pa.py_buffer(b"ok\xff\xfe")
    text = pa.StringArray.from_buffers(2, offsets, letters)
    pq.write_table(pa.table({"id": text}), tmp_path / "feed")
    result = outcome(tmp_path / "feed", Dialect(format="parquet"))
    assert isinstance(result, Unreadable) and result.rule == "truncated"


# The process that reads


def test_a_reader_that_runs_out_of_memory_costs_the_file(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAIMHOUSE_READER_MEMORY_MIB", "40")
    error = refused(write(b"id,name\n1,x\n" + b"2," + b"y" * (60 * MIB) + b"\n"))
    assert error.rule == "too_large"
    assert outcome(write(b"id,name\n1,x\n")) == 1


def test_a_reader_that_takes_too_long_costs_the_file(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAIMHOUSE_READER_SECONDS", "-10")  # its 10 MiB give it as many seconds
    error = refused(write(b'{"id": "1", "name": [1, 2, 3]}\n' * 350_000), JSONL)
    assert (error.rule, "second" in error.message) == ("too_slow", True)
    monkeypatch.undo()
    assert outcome(write(b"id,name\n1,x\n")) == 1


def reader_of(reading: object) -> int:
    return int(reading.blocks._child._process.pid)  # type: ignore[attr-defined]


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGSEGV])
def test_a_reader_killed_from_outside_costs_nothing(write: Write, stop: signal.Signals) -> None:
    path = write(b"id,name\n" + b"1,x\n" * (2 * MIB))
    outcome(write(b"id\n1\n", "before"))
    with open_file(path, CSV, MIB) as reading:
        rows = next(iter(reading)).rows.height
        os.kill(reader_of(reading), stop)
        rows += sum(block.rows.height for block in reading)
    assert rows == 2 * MIB


def test_a_reader_that_is_killed_again_costs_the_file(write: Write) -> None:
    path = write(b"id,name\n" + b"1,x\n" * (2 * MIB))
    with open_file(path, CSV, MIB) as reading, pytest.raises(Unreadable) as caught:
        for _ in reading:
            os.kill(reader_of(reading), signal.SIGKILL)
    assert caught.value.rule == "too_large"
    assert caught.value.row_number is not None
    assert "after row" in caught.value.message


def test_what_stops_a_group_of_processes_does_not_stop_a_reader(write: Write) -> None:
    path = write(b"id,name\n" + b"1,x\n" * (2 * MIB))
    with open_file(path, CSV, MIB) as reading:
        for stop in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(reader_of(reading), stop)
        assert sum(block.rows.height for block in reading) == 2 * MIB


def test_a_file_that_is_not_there_is_no_fault_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_file(tmp_path / "none", CSV, MIB)
    assert refused(tmp_path).rule == "wrong_format"
    os.mkfifo(tmp_path / "pipe")
    assert refused(tmp_path / "pipe").rule == "wrong_format"


def test_a_reader_has_no_secret_and_no_way_to_write(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CLAIMHOUSE_WAREHOUSE", "postgresql://secret")
    monkeypatch.setenv("CLAIMHOUSE_READER_SECONDS", "99")  # a process of its own
    with open_file(write(b"id\n1\n"), CSV, MIB) as reading:
        process = Path(f"/proc/{reader_of(reading)}")
        limits = (process / "limits").read_text()
        if os.geteuid() == 0:  # it is not dumpable: its environment is not even its owner's
            assert b"secret" not in (process / "environ").read_bytes()
    for limit in ("Max file size", "Max core file size"):
        (line,) = [line for line in limits.splitlines() if line.startswith(limit)]
        assert line.split()[-3:-1] == ["0", "0"]


@pytest.mark.system
def test_a_reader_ends_with_its_parent(tmp_path: Path) -> None:
    path = tmp_path / "feed"
    path.write_bytes(b"id,name\n" + b"1,x\n" * MIB)
    script = (
        "import os, sys, pathlib\n"
        "from claimhouse.reading import Dialect, open_file\n"
        "reading = open_file(pathlib.Path(sys.argv[1]), Dialect(), 1 << 20)\n"
        "next(iter(reading))\n"
        "print(reading.blocks._child._process.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        env={"PYTHONPATH": str(Path(__file__).resolve().parents[2] / "plugins")},
        capture_output=True,
        check=False,
    )
    process = Path(f"/proc/{int(done.stdout)}")
    deadline = time.monotonic() + 20
    while process.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not process.exists()


def test_one_reader_serves_many_files(write: Write) -> None:
    path = write(b"id,name\n1,x\n")
    outcome(path)
    before = {child._process.pid for child in pool._idle}
    for _ in range(20):
        outcome(path)
        open_file(path, CSV, MIB)  # left open, for the collector of garbage
    assert {child._process.pid for child in pool._idle} == before


# What a file is


def locked() -> bytes:
    out = io.BytesIO()
    office = msoffcrypto.OfficeFile(io.BytesIO(workbook()))
    office.encrypt("a long password", out)
    return out.getvalue()


@pytest.mark.parametrize("dialect", [CSV, XLSX, JSONL])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (locked(), "locked with a password: ask the sender for one without"),
        (b"<html><table><tr><td>id</td></tr></table></html>", "HTML"),
        (b"\xef\xbb\xbf\r\n<table border=1>", "HTML"),
        ('\ufeff<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>'.encode("utf-16-le"), "XML"),
        (b'<?xml version="1.0"?><claims><claim/></claims>', "XML"),
        (b"%PDF-1.4\n", "PDF"),
        (b"{\\rtf1\\ansi", "RTF"),
        (b"\x89PNG\r\n\x1a\n", "picture"),
        (b"From: a@b.example\r\nTo: c@d.example\r\nSubject: claims\r\n\r\nattached", "email"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "Git LFS"),
        (zipped({"[Content_Types].xml": b"", "word/document.xml": b""}), "Word"),
        (zipped({"mimetype": b"", "content.xml": b"", "META-INF/manifest.xml": b""}), "OpenDocument"),
        (zipped({"Index/Document.iwa": b"", "Data/x.png": b""}), "Numbers"),
        (b'[{"id": 1}]', "JSON array"),
        (b"7z\xbc\xaf\x27\x1c", "7z"),
        (b"", "empty"),
    ],
)  # fmt: skip
def test_what_a_file_is_and_what_to_ask_for(
    write: Write, dialect: Dialect, content: bytes, words: str
) -> None:
    error = refused(write(content, "claims.xls"), dialect)
    assert words in error.message
    assert "sk the sender" in error.message


def test_a_workbook_under_a_csv_contract_and_the_reverse(write: Write) -> None:
    assert "Excel workbook" in refused(write(workbook())).message
    assert "csv" in refused(write(b"id,name\n1,x\n"), XLSX).message
    assert "JSON" in refused(write(b'{"id": 1}\n')).message


def test_an_instruction_for_excel_is_left_out_with_a_note(write: Write) -> None:
    for first in (b"sep=,\r\n", b'"sep=,"\n', b"SEP=,\n"):
        with open_file(write(first + b"id,name\n1,x\n"), CSV, MIB) as reading:
            (block,) = reading
        assert block.rows.rows() == [(3, "1", "x")]
        assert [note.rule for note in reading.notes] == ["separator_line"]
    assert refused(write(b"sep=;\nid;name\n1;x\n")).rule == "delimiter"


@pytest.mark.parametrize(
    ("delimiter", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "pipes")]
)
def test_another_delimiter_is_named(write: Write, delimiter: str, name: str) -> None:
    rows = ["id,name,city,cost", '1,x,"Y, Z","12,50"', "2,y,,"]
    text = "\n".join(row.replace(",", delimiter) for row in rows)
    error = refused(write(text.encode()))
    assert error.rule == "delimiter"
    assert f"separated by {name}, its contract says commas" in error.message


def test_lines_above_the_header_are_named(write: Write) -> None:
    table = b"id,name,city,cost\n1,x,y,2\n2,x,y,3\n"
    for above, line in ((b"Claims of March\n", 2), (b"Claims,,,\n\n,,,\n", 4), (b"a\nb,c\n", 3)):
        error = refused(write(above + table))
        assert (error.rule, error.row_number) == ("header", 1)
        assert f"seems to be line {line}" in error.message


def test_a_narrow_table_is_no_title(write: Write) -> None:
    assert outcome(write(b"id\n1\n2;3\n4\n")) == 3
    assert outcome(write(b"id,name\n1,x\n1,2,3\n")) == 2
    assert outcome(write(b"a;b\n1\n2\n3\n")) == 3
