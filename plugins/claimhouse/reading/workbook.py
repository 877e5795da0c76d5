"""Whether a workbook may be opened: is it one, is it whole, and does it fit into memory?

A workbook's own statements of its sizes are not believed: every part is unpacked once and counted
before the library that reads it sees a byte.
"""

from __future__ import annotations

import copy
import re
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from claimhouse import settings
from claimhouse.reading import ole
from claimhouse.reading.faults import is_damage
from claimhouse.reading.kinds import (
    AGAIN,
    HEAD_BYTES,
    LOCKED,
    OLD_WORKBOOK,
    WORKBOOK,
    kind_of_archive,
    kind_of_ole,
    refuse_other_kinds,
    wrong_format,
)
from claimhouse.reading.limits import at, unpacks_to_more
from claimhouse.reading.parts import Unreadable

MAX_PARTS = 10_000
MAX_ROWS = 1_048_576
PIECE_BYTES = 1024 * 1024
# Of a row that goes on; a row of 16,384 cells takes about 1 MiB.
HELD_BYTES = 16 * 1024 * 1024
# Measured: what a cell takes in memory while its sheet is read.
CELL_BYTES = 80
SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
DOCTYPE = re.compile(rb"<!DOCTYPE|<!ENTITY")
ROW = re.compile(rb'<row\b[^>]* r="(\d{1,7})"')
ROW_END = b"</row>"
BEYOND_Z = re.compile(rb' r="[A-Z]{2,3}\d')


def check_workbook(path: Path) -> None:
    """Refuse what is no workbook, is damaged, locked, or would take too much.

    Raises:
        Unreadable: see above.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise Unreadable("empty_file", f"The file is empty. {AGAIN}")
    if head.startswith(ole.MAGIC):
        if (kind := kind_of_ole(path)) is not OLD_WORKBOOK:
            raise wrong_format(kind, "xlsx")
        return
    if not head.startswith(b"PK"):
        refuse_other_kinds(path, head, "xlsx")
        raise Unreadable(
            "wrong_format",
            "The file looks like text, such as csv; its contract says xlsx. Ask the sender for xlsx.",
        )
    try:
        _check_archive(path)
    except Exception as error:
        if not is_damage(error):
            raise
        raise Unreadable("truncated", f"The workbook is cut off or corrupt. {AGAIN}") from None


def _check_archive(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
        kind = kind_of_archive(part.filename for part in parts)
        if kind is None:
            raise Unreadable(
                "wrong_format",
                "The file looks like a zip archive; its contract says xlsx. Ask the sender for the"
                " workbook itself.",
            )
        if kind is not WORKBOOK:
            raise wrong_format(kind, "xlsx")
        if len(parts) > MAX_PARTS:
            raise Unreadable("too_large", f"The workbook has more than {MAX_PARTS:,} parts.")
        left = settings.reader_unpacked_bytes()
        for part in parts:
            at(f"the part {_shown(part.filename)}")
            left = _check_part(archive, part, left)
    at("")


def _check_part(archive: zipfile.ZipFile, part: zipfile.ZipInfo, left: int) -> int:
    """Unpack one part, and return how many bytes may still be unpacked."""
    if part.flag_bits & 1:
        raise wrong_format(LOCKED, "xlsx")
    whole = copy.copy(part)
    whole.file_size = sys.maxsize  # zipfile would stop at the stated size without a word
    is_sheet = SHEET.fullmatch(part.filename) is not None
    is_xml = part.filename.endswith((".xml", ".rels", ".vml"))
    extent, size, held = Extent(), 0, b""
    with archive.open(whole) as stream:
        while data := stream.read(PIECE_BYTES):
            size += len(data)
            if size > left:
                raise unpacks_to_more(settings.reader_unpacked_bytes())
            if size > part.file_size:
                raise zipfile.BadZipFile
            if is_xml and DOCTYPE.search(data):
                raise Unreadable(
                    "wrong_format",
                    f"The workbook defines entities, which no spreadsheet program writes. {AGAIN}",
                )
            if is_sheet:
                held = extent.add(held + data)
    if size != part.file_size:
        raise zipfile.BadZipFile
    if is_sheet:
        extent.check(part.filename)
    return left - size


@dataclass
class Extent:
    """How far a sheet reaches: a reader needs memory for the smallest rectangle around its cells."""

    cells: int = 0
    first_row: int = 0
    last_row: int = 0
    columns: int = 1

    def add(self, data: bytes) -> bytes:
        """Look at the next bytes of a sheet, and return those of a row that goes on."""
        end = data.rfind(ROW_END) + len(ROW_END)
        if end < len(ROW_END):
            if len(data) < HELD_BYTES:
                return data
            end = len(data)
        rows = data[:end]
        self.cells += rows.count(b"<c ") + rows.count(b"<c>")
        if (first := ROW.search(rows)) is not None:
            self.first_row = self.first_row or int(first[1])
            last = ROW.search(rows, rows.rfind(b"<row"))
            self.last_row = max(self.last_row, int((last or first)[1]))
        if BEYOND_Z.search(rows):
            self.columns = max(self.columns, *map(_last_column, rows.split(ROW_END)))
        else:
            self.columns = max(self.columns, 26)
        return data[end:]

    def check(self, name: str) -> None:
        """Refuse a sheet that does not fit into memory; *name* is its part of the workbook."""
        most = settings.reader_memory_bytes() // CELL_BYTES
        if self.cells > most:
            raise Unreadable(
                "too_large",
                f"A sheet ({_shown(name)}) has {self.cells:,} cells, more than the {most:,} that fit"
                " into memory. Ask the sender for csv, or for several workbooks.",
            )
        rows = self.last_row - self.first_row + 1
        if rows * self.columns > max(most, 26 * MAX_ROWS):
            cell = f"{_letters(self.columns)}{self.last_row}"
            raise Unreadable(
                "too_large",
                f"A sheet ({_shown(name)}) reaches to the cell {cell} and has only {self.cells:,}"
                " cells: a stray one is far from the others. Ask the sender to delete the empty rows"
                " and columns around the table, or to send it as csv.",
                self.last_row,
            )


def _last_column(row: bytes) -> int:
    """The number of the column of a row's last cell."""
    start = row.rfind(b' r="') + 4
    letters = row[start : start + 3].rstrip(b"0123456789")
    if start < 4 or not letters.isalpha() or not letters.isupper():
        return 0
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _letters(column: int) -> str:
    """The letters of a column's number: ``AB`` for 28."""
    letters = ""
    while column:
        column, letter = divmod(column - 1, 26)
        letters = chr(65 + letter) + letters
    return letters


def _shown(name: str) -> str:
    """The name of a part, as far as it can be shown."""
    return "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in name)[
        :60
    ]
