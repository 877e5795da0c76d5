"""How a file nobody has described is written, as far as its first bytes show."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

from claimhouse.reading.parts import Dialect
from claimhouse.reading.text import examine

DELIMITERS = ",;\t|~^"
HEAD_BYTES = 64 * 1024


def guess_here(path: Path) -> Dialect:
    """How the file is written.

    Raises:
        Unreadable: the file as a whole cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith(b"PAR1"):
        return Dialect(format="parquet")
    if head.startswith(b"\xd0\xcf\x11\xe0") or _is_workbook(path):
        return Dialect(format="xlsx")
    text = examine(path, "utf-8", None, "text")
    with text.open() as stream:
        beginning = stream.read(HEAD_BYTES).decode("utf-8", "replace")
    encoding = "utf-8-sig" if text.encoding == "utf-8" and text.mark_bytes else text.encoding
    if beginning.lstrip().startswith("{"):
        return Dialect(format="jsonl", encoding=encoding)
    return Dialect(delimiter=_delimiter(beginning), encoding=encoding)


def _is_workbook(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return "[Content_Types].xml" in archive.namelist()


def _delimiter(text: str) -> str:
    """The delimiter that splits most lines into as many fields as the others, and into most."""
    lines = text.splitlines()[:-1] or text.splitlines()

    def fitness(delimiter: str) -> tuple[bool, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        if not widths:
            return False, 0
        # The header may stand below titles, which are lines of fewer fields.
        usual = max(widths[0], max(widths, key=widths.count))
        return widths.count(usual) >= 0.8 * len(widths), usual

    return max(DELIMITERS, key=fitness)
