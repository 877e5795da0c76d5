"""The names in an OLE file (Compound File Binary, [MS-CFB]): enough to say what it is."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MOST_ENTRIES = 10_000
ENTRY_BYTES = 128
LAST_SECTOR = 0xFFFFFFFA  # numbers above mean an end
FILEPASS, BOUNDSHEET = 0x002F, 0x0085


def streams(path: Path) -> dict[str, int]:
    """The first sector of each stream by its name, in any folder of the file.

    Raises:
        ValueError, struct.error, IndexError: the file is damaged.
    """
    with path.open("rb") as file:
        return dict(_streams(_Sectors(file)))


def is_locked_workbook(path: Path) -> bool:
    """Whether an Excel workbook of before 2007 is encrypted: a FILEPASS record stands at its start."""
    with path.open("rb") as file:
        sectors = _Sectors(file)
        names = dict(_streams(sectors))
        first = sectors.read(names.get("Workbook", names.get("Book", 0)))
    at = 0
    while at + 4 <= len(first):
        record, length = struct.unpack_from("<HH", first, at)
        if record in (FILEPASS, BOUNDSHEET):
            return bool(record == FILEPASS)
        at += 4 + length
    return False


def _streams(sectors: _Sectors) -> Iterator[tuple[str, int]]:
    count = 0
    for sector in sectors.chain(sectors.directory):
        for at in range(0, len(sector) - ENTRY_BYTES + 1, ENTRY_BYTES):
            (length,) = struct.unpack_from("<H", sector, at + 64)
            (start,) = struct.unpack_from("<I", sector, at + 116)
            name = sector[at : at + max(0, min(length, 64) - 2)].decode("utf-16-le", "replace")
            if sector[at + 66] == 2:
                yield name, start
            count += 1
        if count > MOST_ENTRIES:
            return


class _Sectors:
    """The sectors of an OLE file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        head = file.read(512)
        (shift,) = struct.unpack_from("<H", head, 30)
        if not head.startswith(MAGIC) or shift not in (9, 12):
            raise ValueError("no OLE file")
        self._size = 1 << shift
        (self.directory,) = struct.unpack_from("<I", head, 48)
        self._tables = struct.unpack_from("<109I", head, 76)

    def read(self, sector: int) -> bytes:
        """One sector; of a file cut off, what is left of it."""
        self._file.seek((sector + 1) * self._size)
        return self._file.read(self._size)

    def chain(self, sector: int) -> Iterator[bytes]:
        """A sector and those that follow it."""
        each = self._size // 4
        for _ in range(MOST_ENTRIES):
            if sector >= LAST_SECTOR:
                return
            yield self.read(sector)
            if sector // each >= len(self._tables):
                return
            table = self.read(self._tables[sector // each])
            (sector,) = struct.unpack_from("<I", table, 4 * (sector % each))
