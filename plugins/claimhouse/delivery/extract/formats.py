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
from pathlib import Path
from typing import BinaryIO

import polars as pl

from claimhouse.delivery.extract.model import Extract, Rows, Written

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
    """

    suffix: str
    media_type: str
    writer: str
    opens: str
    has_summary: bool

    def load_writer(self) -> Writer:
        """The function that writes this format."""
        module, _, name = self.writer.partition(".")
        writer: Writer = getattr(import_module(f"claimhouse.delivery.extract.{module}"), name)
        return writer


# A new format is a module of this package, a line here and its name in client_schema.yaml.
FORMATS = {
    "xlsx": Format(
        "xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "xlsx.write",
        "The workbook is encrypted and opens in Excel 2010 or newer, or LibreOffice.",
        has_summary=True,
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
    ),
}


def write(
    extract: Extract,
    format_name: str,
    password: str,
    file: Path,
    patients: Callable[[pl.DataFrame], set[str]] = lambda frame: set(),
) -> Written:
    """Write *extract* to *file*, encrypted under *password*: whole, or not at all.

    Args:
        extract: what to write; its rows are read once.
        format_name: a key of :data:`FORMATS`.
        password: encrypts with AES-256, in the way of the format.
        file: its folder must exist.
        patients: the patients that a frame of rows names.

    Raises:
        TooManyRows: the format cannot hold them.
        UnfitValue: the format cannot hold a value.
    """
    seen: set[str] = set()
    if extract.rows:
        observed = _observed(extract.rows, seen, patients)
        extract = replace(extract, rows=Rows(extract.rows.schema, observed))
    write_content = FORMATS[format_name].load_writer()

    def fill(target: BinaryIO) -> None:
        write_content(extract, password, target, file.name.removesuffix(".zip"))

    checksum, size = _to(file, fill)
    return Written(checksum, size, _row_count(extract), frozenset(seen))


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


def _observed(
    rows: Rows, seen: set[str], patients: Callable[[pl.DataFrame], set[str]]
) -> Generator[pl.DataFrame]:
    """The frames of *rows*; adds their patients to *seen* on the way."""
    for frame in rows:
        seen |= patients(frame)
        yield frame
