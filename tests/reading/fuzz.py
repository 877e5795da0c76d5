"""Damaged and hostile files made from the samples: each ends in rows that balance, or in an issue.

    make fuzz N=100000                                    as many files, with a seed of its own
    python -m tests.reading.fuzz --files 2000 --seed 1    the same files again
    python -m tests.reading.fuzz --only 1234 --seed 1     one of them

A file that breaks the rule is kept in ``var/fuzz``, and the command that makes it again is printed.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import os
import secrets
import sys
import tempfile
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.parquet as pq
from local import samples
from local.samples.billing_exports import workbook
from local.samples.planting import Line

from claimhouse.reading import Dialect, Unreadable, open_file

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "var" / "fuzz"
# A file of the fuzzer is small; what takes more is a fault.
LIMITS = {
    "CLAIMHOUSE_READER_MEMORY_MIB": "512",
    "CLAIMHOUSE_READER_SECONDS": "20",
    "CLAIMHOUSE_READER_UNPACKED_MIB": "64",
}
MOST_SECONDS = 30
ROWS = 40
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
WIDTH = 24


@dataclass(frozen=True)
class Table:
    """A sample file: the texts of its header and of its first rows."""

    header: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Case:
    """One file and how it is read."""

    form: str
    content: bytes
    dialect: Dialect


@dataclass(frozen=True)
class Outcome:
    """What became of a file: the rule of its issue or ``rows``, and the fault of the reader."""

    rule: str
    fault: str = ""


# The samples in each format


@cache
def tables() -> list[Table]:
    """The first rows of each sample that is a csv."""
    found = []
    for source in samples.make():
        for content in source.files.values():
            if content.startswith(b"PK"):
                continue
            header, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig")))
            whole = [row for row in rows[:ROWS] if len(row) == len(header)]
            if whole:
                found.append(Table(header, whole))
    return found


def as_csv(table: Table, random: Random) -> bytes:
    """The table as delimited text."""
    out = io.StringIO(newline="")
    ends = random.choice(["\n", "\r\n"])
    quoting = random.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    csv.writer(out, lineterminator=ends, quoting=quoting).writerows([table.header, *table.rows])
    return out.getvalue().encode()


def as_fixed(table: Table, _random: Random) -> bytes:
    """The table with each field in :data:`WIDTH` characters."""
    return "".join(
        "".join(value.replace("\n", " ")[:WIDTH].ljust(WIDTH) for value in row) + "\n"
        for row in table.rows
    ).encode()


def as_jsonl(table: Table, random: Random) -> bytes:
    """The table as JSON, an object a line."""
    is_ascii = random.random() < 0.5
    return "".join(
        json.dumps(dict(zip(table.header, row, strict=True)), ensure_ascii=is_ascii) + "\n"
        for row in table.rows
    ).encode()


def as_parquet(table: Table, random: Random) -> bytes:
    """The table as Parquet, some columns as numbers."""
    columns = {}
    for name, *values in zip(table.header, *table.rows, strict=True):
        is_number = all(value.isdigit() and len(value) < 15 for value in values)
        columns[name] = [int(value) for value in values] if is_number else values
    out = io.BytesIO()
    packing = random.choice(["none", "snappy", "zstd", "gzip"])
    pq.write_table(
        pa.table(columns), out, compression=packing, row_group_size=random.choice([7, 40])
    )
    return out.getvalue()


def as_xlsx(table: Table, random: Random) -> bytes:
    """The table as a workbook."""
    is_typed = random.random() < 0.5 and "Date of Service" not in table.header
    return workbook(table.header, [Line(row) for row in table.rows], is_typed)


FORMATS: dict[str, Callable[[Table, Random], bytes]] = {
    "csv": as_csv,
    "fixed": as_fixed,
    "jsonl": as_jsonl,
    "xlsx": as_xlsx,
    "parquet": as_parquet,
}

# Damage to any bytes


def flip(content: bytes, random: Random) -> bytes:
    """Some bits are others."""
    changed = bytearray(content)
    for _ in range(random.choice([1, 1, 1, 2, 8, 64])):
        if changed:
            changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def cut(content: bytes, random: Random) -> bytes:
    """The end, or the beginning, is missing."""
    place = random.randrange(len(content) + 1)
    return content[:place] if random.random() < 0.8 else content[place:]


def drop(content: bytes, random: Random) -> bytes:
    """A piece is missing."""
    start, size = random.randrange(len(content) + 1), random.choice([1, 2, 16, 512, 4096])
    return content[:start] + content[start + size :]


def repeat(content: bytes, random: Random) -> bytes:
    """A piece, or all of it, comes twice."""
    if random.random() < 0.2:
        return content + content
    start = random.randrange(len(content) + 1)
    piece = content[start : start + random.choice([1, 64, 2048])]
    return content[:start] + piece * random.choice([2, 2, 2, 50]) + content[start:]


def swap(content: bytes, random: Random) -> bytes:
    """Two pieces change places."""
    a, b, c = sorted(random.randrange(len(content) + 1) for _ in range(3))
    return content[:a] + content[b:c] + content[a:b] + content[c:]


def overwrite(content: bytes, random: Random) -> bytes:
    """A run of bytes is another: zeros, ones or anything."""
    start, size = random.randrange(len(content) + 1), random.choice([1, 4, 8, 300])
    piece = random.choice([b"\0" * size, b"\xff" * size, random.randbytes(size)])
    return content[:start] + piece + content[start + size :]


BYTES = (flip, cut, drop, repeat, swap, overwrite)

# Damage to text

INSERTED = (
    b'"', b'""', b'","', b"'", b"\0", b"\0" * 100, b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
    b"\x81", b"\n", b"\r", b"\r\n", b"\n\n\n", b"\r\r\n", b"\n" * 5000, b"\xef\xbb\xbf", b"\x1a", b"\x0c",
    b"\x85", "\u2028".encode(), b",", b"," * 5000, b";", b"\t", b"|", b"sep=,\n", b"\nsep=;\n",
    b"x" * 100_000, b'"' * 999, b'"x\n' * 150, b"\xff\xfe", b"\xfe\xff", b"{", b"}", b"[" * 20_000,
    b'{"a": ' * 5000, b'\n{"a": 1, "a": 2}\n', b"\nnull\n", b"\n[]\n", b"9" * 5000, b"-1e999", b"NaN",
    b"\\u0000", b"\\ud800", b"=cmd|' /C calc'!A0", b"<!DOCTYPE html>", b"%PDF-1.4", b"PK\x03\x04", b" " * 3000,
)  # fmt: skip
CODECS = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252", "cp037", "utf-7")


def insert(content: bytes, random: Random) -> bytes:
    """Something comes between that means something to a reader."""
    ends = [0, len(content), content.find(b"\n") + 1, random.randrange(len(content) + 1)]
    at = random.choice([*ends, *ends[3:] * 4])
    return content[:at] + random.choice(INSERTED) + content[at:]


def recode(content: bytes, random: Random) -> bytes:
    """All of it, or the end, is in another encoding."""
    at = 0 if random.random() < 0.6 else random.randrange(len(content) + 1)
    text = content[at:].decode("utf-8", "replace")
    return content[:at] + text.encode(random.choice(CODECS), "replace")


def repeat_header(content: bytes, random: Random) -> bytes:
    """The first line comes again among the others, or is missing, or comes last."""
    lines = content.splitlines(keepends=True)
    first = lines[0] if lines else b""
    lines.insert(random.randrange(len(lines) + 1), first)
    return b"".join(lines if random.random() < 0.7 else lines[1:])


def shuffle_lines(content: bytes, random: Random) -> bytes:
    """The lines come in another order, some joined."""
    lines = content.split(b"\n")
    random.shuffle(lines)
    return b"\n".join(lines)


def widen(content: bytes, random: Random) -> bytes:
    """The header has many more columns."""
    first, _, rest = content.partition(b"\n")
    more = b",".join(b"x%d" % number for number in range(random.choice([300, 5000])))
    return first + b"," + more + b"\n" + rest


def title(content: bytes, random: Random) -> bytes:
    """Lines stand above the header."""
    return random.choice([b"Claims\n", b"Claims\n\n\n", b"From,To\nA,B\n", b",,,,\n"]) + content


TEXT = (insert, insert, insert, recode, repeat_header, shuffle_lines, widen, title, *BYTES)

# Damage to archives


def unpacked(archive: bytes) -> dict[str, bytes]:
    """The members of a zip archive."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def packed(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive of *members*."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def spoil_parts(content: bytes, random: Random) -> bytes:
    """Members of the archive are damaged, swapped, missing, empty, or more."""
    try:
        members = unpacked(content)
    except Exception:
        return flip(content, random)
    name, other = random.choice(list(members)), random.choice(list(members))
    match random.randrange(7):
        case 0:
            members[name] = random.choice(BYTES)(members[name], random)
        case 1:
            members[name], members[other] = members[other], members[name]
        case 2:
            del members[name]
        case 3:
            members[name] = b""
        case 4:
            members |= {f"more/{number}.xml": b"<x/>" for number in range(random.choice([1, 900]))}
        case 5:
            members[name] = insert(members[name], random)
        case 6:
            members["../" * 9 + name] = members[other] * random.choice([1, 50])
    return packed(members)


CELLS = (
    b'<c r="XFD1048576"><v>1</v></c>', b'<c r="ZZZ99999999"><v>1</v></c>', b'<c r="A0"><v>1</v></c>',
    b'<c r=""><v>1</v></c>', b'<c t="s" r="B3"><v>99999999</v></c>', b'<c t="s" r="B3"><v>-1</v></c>',
    b'<c t="e" r="C4"><v>#REF!</v></c>', b'<c t="d" r="C5"><v>99999-99-99</v></c>', b"<c/>",
    b'<c r="A2" s="9999"><v>1e400</v></c>', b'<c r="D3" s="1"><v>2958466</v></c>', b"<c><v></c></v>",
    b'<c t="inlineStr" r="AA7"><is><t>&#0;&bogus;</t></is></c>', b'<c r="A4"><v>NaN</v></c>',
    b'</row><row r="1048576"><c><v>7</v></c>', b'</row><row r="0">', b'<row r="4294967296">', b"<!--",
    b"<![CDATA[", b"</sheetData>", b"<c>" * 3000, b'<c r="AMJ6"><v>1</v></c>', b'<c t="b" r="B9"><v>7</v></c>',
)  # fmt: skip


def spoil_cells(content: bytes, random: Random) -> bytes:
    """A sheet has a cell that no program writes."""
    try:
        members = unpacked(content)
        sheet = members["xl/worksheets/sheet1.xml"]
    except Exception:
        return flip(content, random)
    places = [at for at in range(len(sheet)) if sheet.startswith(b"</row>", at)] or [0]
    for _ in range(random.choice([1, 1, 3])):
        at = random.choice(places)
        sheet = sheet[:at] + random.choice(CELLS) + sheet[at:]
    return packed(members | {"xl/worksheets/sheet1.xml": sheet})


def pack(content: bytes, random: Random) -> bytes:
    """The file is packed, once or twice, as gzip or zip, in one member or several."""
    kind = random.randrange(8)
    if kind <= 2:
        return gzip.compress(content, mtime=0)
    if kind == 3:
        half = len(content) // 2
        return gzip.compress(content[:half], mtime=0) + gzip.compress(content[half:], mtime=0)
    if kind == 4:
        return packed({"a.csv": content, "b.csv": b""})
    if kind == 5:
        return packed({"a.zip": packed({"a.csv": content})})
    methods = [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
    return packed({"../a.csv": content}, random.choice(methods))


def lie(content: bytes, random: Random) -> bytes:
    """A zip archive states another size and checksum; anything else gets a tail."""
    if not content.startswith(b"PK") or (start := content.rfind(b"PK\x01\x02")) < 0:
        return content + random.choice([b"\0", b"tail", content[:64]])
    changed = bytearray(content)
    size = random.choice([0, 1, 100, 2**31, 2**32 - 1])
    for place in (22, start + 24):
        changed[place : place + 4] = size.to_bytes(4, "little")
    if random.random() < 0.3:
        crc = zlib.crc32(random.randbytes(3))
        changed[start + 16 : start + 20] = crc.to_bytes(4, "little")
    return bytes(changed)


OF_FORMAT = {
    "csv": TEXT,
    "fixed": TEXT,
    "jsonl": TEXT,
    "xlsx": (flip, overwrite, cut, lie, *[spoil_parts] * 4, *[spoil_cells] * 6),
    "parquet": BYTES,
}


def make(seed: str, number: int) -> Case:
    """The *number*-th file of a seed."""
    random = Random(f"{seed}:{number}")
    form = random.choices(list(FORMATS), [45, 8, 15, 20, 12])[0]
    table = random.choice(tables())
    content = FORMATS[form](table, random)
    for _ in range(random.choice([1, 1, 2, 3])):
        content = random.choice(OF_FORMAT[form])(content, random) or b"\0"
    if form in ("csv", "fixed", "jsonl") and random.random() < 0.2:
        content = pack(content, random)
        if random.random() < 0.6:
            content = random.choice([*BYTES, lie, spoil_parts])(content, random)
    elif random.random() < 0.02:
        form = random.choice(list(FORMATS))  # under the contract of another format
    widths = tuple((name, 1 + place * WIDTH, WIDTH) for place, name in enumerate(table.header))
    return Case(form, content, Dialect(format=form, widths=widths if form == "fixed" else ()))


# What must hold


def check(case: Case, folder: Path) -> Outcome:
    """Read the file; compare its rows with those that another way of counting finds."""
    path = folder / "file"
    path.write_bytes(case.content)
    block_bytes = 1 + len(case.content) % 5000
    started = time.monotonic()
    rows: dict[int, int] = {}
    count = 0
    try:
        with open_file(path, case.dialect, block_bytes) as reading:
            for block in reading:
                read = [(row[0], row[1:]) for row in block.rows.rows()]
                read += [(row.row_number, (row.raw_row,)) for row in block.broken]
                count += len(read)
                rows |= {number: sum(map(_line_ends, values)) for number, values in read}
    except Unreadable as error:
        return _refused(error, time.monotonic() - started)
    except Exception as error:
        return Outcome("raised", f"{type(error).__name__} was raised")
    seconds = time.monotonic() - started
    if seconds > MOST_SECONDS:
        return Outcome("rows", f"took {seconds:.0f} seconds")
    if len(rows) != count:
        return Outcome("rows", "two rows have one number")
    if any("UTF-" in note.message for note in reading.notes if note.rule == "encoding"):
        return Outcome("rows")
    return Outcome("rows", _unbalanced(case, rows))


def _refused(error: Unreadable, seconds: float) -> Outcome:
    if seconds > MOST_SECONDS:
        return Outcome(error.rule, f"took {seconds:.0f} seconds")
    if not error.message.endswith((".", "?")) or not error.rule.isidentifier():
        return Outcome(error.rule, f"has no sentence: {error.message}")
    return Outcome(error.rule)


def _line_ends(value: str) -> int:
    return value.count("\n") + value.count("\r") - value.count("\r\n")


def _unbalanced(case: Case, rows: dict[int, int]) -> str:
    """What is wrong with the rows, given as row number and further lines; empty if nothing is."""
    if case.form == "csv":
        return _lines_lost(_plain(case.content), rows)
    expected = _count(case)
    if expected is None or expected == len(rows):
        return ""
    return f"{len(rows)} rows of {expected}"


def _lines_lost(content: bytes, rows: dict[int, int]) -> str:
    """Whether a line that is not blank is in no row, or in two."""
    covered = [line for number, more in rows.items() for line in range(number, number + more + 1)]
    lines = io.TextIOWrapper(io.BytesIO(content), "latin-1", newline="").readlines()
    filled = {number for number, line in enumerate(lines, 1) if line.strip("\r\n")}
    first = min(covered, default=len(lines) + 1)
    lost = {number for number in filled if number >= first} - set(covered)
    if lost:
        return f"{len(lost)} lines are in no row"
    return "a line is in two rows" if len(covered) != len(set(covered)) else ""


def _count(case: Case) -> int | None:
    """How many rows the file has; None where that cannot be told another way."""
    if case.form == "xlsx":
        return _rows_of_workbook(case.content)
    if case.form == "parquet":
        return int(pq.read_metadata(io.BytesIO(case.content)).num_rows)
    lines = io.TextIOWrapper(io.BytesIO(_plain(case.content)), "latin-1", newline="").readlines()
    return sum(bool(line.encode("latin-1").strip()) for line in lines)


def _plain(content: bytes) -> bytes:
    """The file without its packing, by the standard library."""
    if content.startswith(b"\x1f\x8b"):
        return gzip.decompress(content)
    if content.startswith(b"PK"):
        (plain,) = unpacked(content).values()
        return plain
    return content


def _rows_of_workbook(content: bytes) -> int | None:
    """The rows below the first of the first sheet that have a value."""
    if not content.startswith(b"PK"):
        return None
    members = unpacked(content)
    try:
        sheet = ElementTree.fromstring(members["xl/worksheets/sheet1.xml"])
        book = ElementTree.fromstring(members["xl/workbook.xml"])
        strings = ElementTree.fromstring(members["xl/sharedStrings.xml"])
    except (ElementTree.ParseError, KeyError):
        return None
    if len(book.findall(f".//{MAIN}sheet")) != 1 or not strings.findall(f"{MAIN}si"):
        return None
    rows: set[str] = set()
    for row in sheet.iter(f"{MAIN}row"):
        for cell in row.iter(f"{MAIN}c"):
            reference = cell.get("r", "")
            place = reference.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
            if not place.isdigit() or place == reference or row.get("r") != place:
                return None  # nobody can say where it is
            if cell.get("t") not in (None, "s", "inlineStr", "str", "b", "n"):
                return None
            texts = [*cell.iter(f"{MAIN}v"), *cell.iter(f"{MAIN}t")]
            if any(text.text for text in texts):
                rows.add(place)
    return len(rows) - 1


# Many of them


def run(seed: str, files: range) -> tuple[Counter[str], list[str]]:
    """Check these files of a seed, within the limits of the environment.

    Returns:
        How many ended in which way, and a line for each that broke the rule.
    """
    outcomes: Counter[str] = Counter()
    faults = []
    with tempfile.TemporaryDirectory() as folder:
        for number in files:
            case = make(seed, number)
            try:
                outcome = check(case, Path(folder))
            except Exception as error:  # of the other way of counting
                outcome = Outcome("rows", f"{type(error).__name__}: only our reader reads it")
            outcomes[f"{case.form}: {outcome.rule}"] += 1
            if outcome.fault or outcome.rule in ("reader_died", "too_slow"):
                faults.append(_keep(seed, number, case, outcome))
    return outcomes, faults


def _keep(seed: str, number: int, case: Case, outcome: Outcome) -> str:
    KEPT.mkdir(parents=True, exist_ok=True)
    kept = KEPT / f"{seed}-{number}.{case.form}"
    kept.write_bytes(case.content)
    return (
        f"{kept.relative_to(ROOT)}: {outcome.rule} {outcome.fault}\n"
        f"    python -m tests.reading.fuzz --seed {seed} --only {number}"
    )


def main() -> None:
    """Check files in two processes, print how they ended, exit with 1 where one broke the rule."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--seed", default=secrets.token_hex(4))
    parser.add_argument("--only", type=int)
    options = parser.parse_args()
    numbers = (
        range(options.files) if options.only is None else range(options.only, options.only + 1)
    )
    print(f"seed {options.seed}, {len(numbers)} files", flush=True)
    outcomes: Counter[str] = Counter()
    faults: list[str] = []
    size = min(1000, len(numbers))
    pieces = [numbers[at : at + size] for at in range(0, len(numbers), size)]
    os.environ |= LIMITS
    with ProcessPoolExecutor(2, get_context("spawn")) as workers:
        for done, found in workers.map(run, [options.seed] * len(pieces), pieces):
            outcomes += done
            faults += found
            print(f"{sum(outcomes.values())} files, {len(faults)} faults", flush=True)
    for outcome, count in sorted(outcomes.items()):
        print(f"{count:8} {outcome}")
    print("\n".join(faults))
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
