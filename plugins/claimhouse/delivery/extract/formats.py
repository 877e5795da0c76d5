"""The formats of an extract, and the one way to write a file: encrypted, in one stream.

Nothing is written to disk before it is encrypted, so a crash leaves no plain text behind.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

import polars as pl

from claimhouse.delivery.extract.model import Extract, Rows, TooManyRows, Written

Writer = Callable[[Extract, str, BinaryIO, str], None]
ARCHIVE = "The archive is encrypted (AES-256) and opens in 7-Zip, WinZip or Keka."


@dataclass(frozen=True)
class Format:
    """A format of an extract.

    Attributes:
        suffix: of the file's name.
        media_type: of the file.
        writer: module and function of this package, as ``xlsx.write``. The function takes the
            extract, the password, a binary file to write to and the name of the content. The
            module is imported when used: a task that mails a csv does not load what draws a pdf.
        opens: the sentence of the mail that says how the file is encrypted and what opens it.
        has_summary: whether a file shows the summary; without it ``detail: false`` is refused.
        when_too_large: what may become of more than it holds, the usual first: :data:`PARTS`, or
            another format.
    """

    suffix: str
    media_type: str
    writer: str
    opens: str
    has_summary: bool
    when_too_large: tuple[str, ...] = ()

    def load_writer(self) -> Writer:
        """The function that writes this format."""
        writer: Writer = getattr(self._module(), self.writer.partition(".")[2])
        return writer

    def most(self) -> tuple[int | None, int | None]:
        """How many rows and columns a file holds: ``MOST_ROWS``, ``MOST_COLUMNS`` of the module."""
        module = self._module()
        return getattr(module, "MOST_ROWS", None), getattr(module, "MOST_COLUMNS", None)

    def _module(self) -> ModuleType:
        return import_module(f"claimhouse.delivery.extract.{self.writer.partition('.')[0]}")


# What is too large goes out in numbered files of the same format.
PARTS = "parts"
# A new format is a module of this package, a line here and its name in client_schema.yaml.
FORMATS = {
    "xlsx": Format(
        "xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "xlsx.write",
        "The workbook is encrypted and opens in Excel 2010 or newer, or LibreOffice.",
        has_summary=True,
        when_too_large=(PARTS, "csv", "parquet"),
    ),
    "csv": Format("csv.zip", "application/zip", "zip.write_csv", ARCHIVE, has_summary=False),
    "parquet": Format(
        "parquet.zip", "application/zip", "zip.write_parquet", ARCHIVE, has_summary=False
    ),
    "pdf": Format(
        "pdf",
        "application/pdf",
        "pdf.write",
        "The document is encrypted and opens in Acrobat or any current browser.",
        has_summary=True,
        when_too_large=("xlsx", "csv", "parquet"),
    ),
}
# The formats of several files in one archive, which is not encrypted itself.
IN_PARTS = {
    "xlsx": Format(
        "xlsx.zip",
        "application/zip",
        "xlsx.write_parts",
        "Each workbook in the archive is encrypted and opens in Excel 2010 or newer, or LibreOffice.",
        has_summary=True,
    ),
}


def form(format_name: str, parts: int) -> Format:
    """What a file of *parts* parts is."""
    return FORMATS[format_name] if parts == 1 else IN_PARTS[format_name]


@dataclass(frozen=True)
class Layout:
    """In which format, and in how many parts, an extract goes out.

    Attributes:
        format: a key of :data:`FORMATS`.
        part_sizes: how many rows each part has; empty where the file is one.
    """

    format: str
    part_sizes: tuple[int, ...] = ()

    @property
    def parts(self) -> int:
        """How many parts there are."""
        return len(self.part_sizes) or 1


def layout(wanted: str, rows: int, columns: int, when_too_large: str | None = None) -> Layout:
    """The layout of an extract, which follows from its size alone.

    Args:
        wanted: the format that its subscription names.
        rows: how many rows it has.
        columns: how many columns.
        when_too_large: what becomes of more than *wanted* holds: one of its ``when_too_large``,
            the first by default.

    Raises:
        TooManyRows: more columns than a file of *wanted* holds, in parts or not.
    """
    most_rows, most_columns = FORMATS[wanted].most()
    is_wide = most_columns is not None and columns > most_columns
    if not is_wide and (most_rows is None or rows <= most_rows):
        return Layout(wanted)
    larger = when_too_large or FORMATS[wanted].when_too_large[0]
    if larger != PARTS:
        return layout(larger, rows, columns)
    if is_wide or most_rows is None:
        raise TooManyRows(
            f"{columns:,} columns: a file of the format {wanted} has room for {most_columns:,}, in "
            "parts or not; send this report as csv or parquet"
        )
    parts = -(-rows // most_rows)
    borders = [rows * number // parts for number in range(parts + 1)]
    return Layout(wanted, tuple(last - first for first, last in pairwise(borders)))


def write(
    extract: Extract,
    format_name: str,
    password: str,
    file: Path,
    observe: Callable[[pl.DataFrame], None] | None = None,
) -> Written:
    """Write *extract* to *file*, encrypted under *password*: whole, or not at all.

    Args:
        extract: what to write; its rows are read once. It has the part sizes of a :class:`Layout`.
        format_name: a key of :data:`FORMATS`.
        password: encrypts with AES-256, in the way of the format.
        file: its folder must exist.
        observe: called with each frame of rows, before it is written.

    Raises:
        TooManyRows: the format cannot hold them.
        UnfitCount: there are not as many rows as *extract* says.
        UnfitValue: the format cannot hold a value.
    """
    if extract.rows and observe:
        observed = _observed(extract.rows, observe)
        extract = replace(extract, rows=Rows(extract.rows.schema, observed))
    write_content = form(format_name, len(extract.part_sizes) or 1).load_writer()

    def fill(target: BinaryIO) -> None:
        write_content(extract, password, target, file.name.removesuffix(".zip"))

    checksum, size = _to(file, fill)
    return Written(checksum, size, _row_count(extract))


def seal(content: bytes, format_name: str, password: str, file: Path) -> tuple[str, int]:
    """Write *content*, a finished pdf or xlsx, to *file*, encrypted: whole, or not at all.

    Args:
        content: not encrypted.
        format_name: ``pdf`` or ``xlsx``.
        password: encrypts with AES-256, in the way of the format.
        file: its folder must exist.

    Returns:
        The SHA-256 of the file, and its size in bytes.
    """
    module = import_module(f"claimhouse.delivery.extract.{format_name}")
    return _to(file, lambda target: module.encrypt(io.BytesIO(content), password, target))


def _to(file: Path, fill: Callable[[BinaryIO], None]) -> tuple[str, int]:
    """Write *file* by *fill*, whole or not at all; returns its checksum and size."""
    part = file.with_name(f".{file.name}.part")
    with os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w+b") as target:
        fill(target)
        target.flush()
        os.fsync(target.fileno())
        size = target.seek(0, os.SEEK_END)
        target.seek(0)
        checksum = hashlib.file_digest(target, "sha256").hexdigest()
    part.replace(file)
    return checksum, size


def checksum_of(file: Path) -> str | None:
    """The SHA-256 of *file*; None where it is gone."""
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def _row_count(extract: Extract) -> int:
    if extract.rows is not None:
        return extract.rows.count
    return 0 if extract.summary is None else extract.summary.height


def _observed(rows: Rows, observe: Callable[[pl.DataFrame], None]) -> Generator[pl.DataFrame]:
    """The frames of *rows*, each shown to *observe* on the way."""
    for frame in rows:
        observe(frame)
        yield frame
