"""The file of an extract: in whichever format, always encrypted, written in one stream.

Nothing of it is written to disk before it is encrypted, and so no crash leaves it lying there.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import polars as pl

from claimhouse.delivery.extract.rows import Rows

# Also the wide forms that East Asian keyboards type, and what a spreadsheet strips before it looks.
FORMULA_STARTS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
MEDIA_TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "application/zip",
    "parquet": "application/zip",
    "pdf": "application/pdf",
}
SUFFIXES = {"xlsx": "xlsx", "csv": "csv.zip", "parquet": "parquet.zip", "pdf": "pdf"}

LOGGED = "Its delivery has been logged."
# What the reader must know, by privacy level.
NOTICES = {
    "aggregate": "This file holds counts and sums only; small groups are left out on purpose. "
    "Do not try to work out who is in them. " + LOGGED,
    "safe_harbor": "This file holds de-identified data (45 CFR 164.514(b)(2)). Do not try to identify "
    "anyone in it. " + LOGGED,
    "limited": "This file holds protected health information as a limited data set (45 CFR 164.514(e)). "
    "Use it only as the data use agreement allows. Do not try to identify or contact anyone in it. "
    + LOGGED,
    "identified": "This file holds protected health information that names people. Use it only for the "
    "purpose for which you received it, keep it encrypted, and delete it when that is done. "
    + LOGGED,
}


class TooManyRows(ValueError):
    """More rows than the format holds; the message says how many it does hold, and what would do."""


class UnfitValue(ValueError):
    """A value that the format cannot hold; the message names its column, and not the value."""


@dataclass(frozen=True)
class Extract:
    """All that a file shows.

    ``summary`` has one or two columns of names or dates and then measures; the chart draws the
    first measure. Either table may be absent.
    """

    title: str
    client: str
    period: str
    filters: str
    as_of: datetime | None
    privacy_level: str
    definitions: dict[str, str]
    rows: Rows | None
    summary: pl.DataFrame | None

    def facts(self, count: int | None) -> dict[str, str]:
        """What a cover says: labels and their values; *count* is of the rows, where there are any."""
        return {
            "Prepared for": self.client,
            "Period": self.period,
            "Filters": self.filters or "none",
            "Data as of": f"{self.as_of.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
            if self.as_of
            else "not loaded",
            **({} if count is None else {"Rows": f"{count:,}"}),
            "Notice": NOTICES[self.privacy_level],
        }

    def explained(self) -> dict[str, str]:
        """Each column of the file, by its heading, with what it means."""
        rows = list(self.rows.schema) if self.rows else []
        columns = dict.fromkeys(
            [*rows, *(self.summary.columns if self.summary is not None else ())]
        )
        return {heading(one): self.definitions[one] for one in columns if one in self.definitions}


@dataclass(frozen=True)
class Written:
    """A finished file: its SHA-256, size in bytes, how many rows it shows, and of which patients."""

    checksum: str
    size: int
    row_count: int
    patients: frozenset[str]


def write(
    extract: Extract,
    form: str,
    password: str,
    file: Path,
    patients: Callable[[pl.DataFrame], set[str]] = lambda frame: set(),
) -> Written:
    """Write *extract* to *file*, encrypted under *password*: whole, or not at all.

    Args:
        extract: what to write; its rows are read once.
        form: ``xlsx``, ``csv``, ``parquet`` or ``pdf``.
        password: encrypts with AES-256, in the way of the format.
        file: must lie in a folder that exists.
        patients: which patients a frame of rows names.

    Raises:
        TooManyRows: the format cannot hold them.
        UnfitValue: the format cannot hold a value.
    """
    found: set[str] = set()
    if extract.rows:
        noted = _noting(extract.rows, found, patients)
        extract = replace(extract, rows=Rows(extract.rows.schema, noted))
    part = file.with_name(f".{file.name}.part")
    with os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w+b") as target:
        _writer(form)(extract, password, target, file.name.removesuffix(".zip"))
        target.flush()
        os.fsync(target.fileno())
        size = target.seek(0, os.SEEK_END)
        target.seek(0)
        checksum = hashlib.file_digest(target, "sha256").hexdigest()
    part.replace(file)
    return Written(checksum, size, _count(extract), frozenset(found))


def checksum_of(file: Path) -> str | None:
    """The SHA-256 of *file*, or None where it is gone."""
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def neutral(text: str) -> str:
    """*text* with an apostrophe before it where a spreadsheet would take it for a formula."""
    return f"'{text}" if text.startswith(tuple(FORMULA_STARTS)) else text


def neutral_column(name: str) -> pl.Expr:
    """The text column *name*, each value :func:`neutral`."""
    return pl.col(name).str.replace(f"^([{FORMULA_STARTS}])".replace("-", r"\-"), "'${1}")


def heading(column: str) -> str:
    """What a column is called on a sheet."""
    return column.replace("_", " ").capitalize()


def _count(extract: Extract) -> int:
    if extract.rows is not None:
        return extract.rows.count
    return 0 if extract.summary is None else extract.summary.height


def _writer(form: str) -> Callable[[Extract, str, BinaryIO, str], None]:
    # Imported when used: a task that mails a csv need not load what draws a pdf.
    if form == "xlsx":
        from claimhouse.delivery.extract.xlsx import write as write_xlsx

        return write_xlsx
    if form == "pdf":
        from claimhouse.delivery.extract.pdf import write as write_pdf

        return write_pdf
    from claimhouse.delivery.extract import zip

    return zip.write_csv if form == "csv" else zip.write_parquet


def _noting(
    rows: Rows, found: set[str], patients: Callable[[pl.DataFrame], set[str]]
) -> Generator[pl.DataFrame]:
    for frame in rows:
        found |= patients(frame)
        yield frame
