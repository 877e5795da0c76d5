"""Extracts as csv or parquet, in a zip under AES-256 (AE-2, which 7-Zip, WinZip and macOS open).

The archive also has ``about.txt``: the cover of a workbook, as text.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pyzipper

from claimhouse.delivery.extract.model import Extract, Rows, heading, neutral_column

ABOUT = "about.txt"
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def write_csv(extract: Extract, password: str, target: BinaryIO, name: str) -> None:
    """Write the rows as csv: UTF-8, comma, RFC 4180, a header of column names, times in UTC."""
    rows = _rows(extract)
    with encrypted(target, password, extract) as archive, entry(archive, name) as file:
        file.write(pl.DataFrame(schema=rows.schema).write_csv(line_terminator="\r\n").encode())
        for frame in rows:
            text = frame.select(_plain(*column) for column in rows.schema.items())
            text.write_csv(
                file, include_header=False, datetime_format=TIME_FORMAT, line_terminator="\r\n"
            )


def write_parquet(extract: Extract, password: str, target: BinaryIO, name: str) -> None:
    """Write the rows as parquet, with their own types; text is not neutralized."""
    rows = _rows(extract)
    empty = pl.DataFrame(schema=rows.schema).to_arrow()
    schema = pa.schema(
        [
            field.with_metadata({"description": extract.definitions.get(field.name, "")})
            for field in empty.schema
        ]
    )
    # Parquet pages are compressed already: the zip only encrypts.
    with (
        encrypted(target, password, extract, compressed=False) as archive,
        entry(archive, name) as file,
        pq.ParquetWriter(file, schema, compression="zstd") as writer,
    ):
        for frame in rows:
            writer.write_table(frame.to_arrow().cast(schema))


def _rows(extract: Extract) -> Rows:
    if extract.rows is None:
        raise ValueError("a csv or parquet file has only rows")
    return extract.rows


@contextmanager
def encrypted(
    target: BinaryIO, password: str, extract: Extract, *, compressed: bool = True
) -> Iterator[pyzipper.AESZipFile]:
    """An encrypting archive; its last entry is ``about.txt``."""
    method = pyzipper.ZIP_DEFLATED if compressed else pyzipper.ZIP_STORED
    with pyzipper.AESZipFile(
        target, "w", compression=method, compresslevel=1, encryption=pyzipper.WZ_AES
    ) as archive:
        archive.setpassword(password.encode())
        yield archive
        archive.writestr(ABOUT, about(extract))


@contextmanager
def entry(archive: pyzipper.AESZipFile, name: str) -> Iterator[BinaryIO]:
    """A file in *archive*, to write to."""
    with archive.open(name, "w", force_zip64=True) as file:
        yield file


def about(extract: Extract) -> str:
    """The text of ``about.txt``: a cover, and what the columns mean."""
    facts = extract.facts(extract.rows.count if extract.rows else None)
    width = max(map(len, facts))
    lines = [f"{label:{width}}  {value}" for label, value in facts.items()]
    columns = [
        f"{column} ({heading(column)})\n    {extract.definitions.get(column, '')}"
        for column in (extract.rows.schema if extract.rows else ())
    ]
    return "\n".join([extract.title, "", *lines, "", "Columns", "", *columns, ""])


def _plain(name: str, kind: pl.DataType) -> pl.Expr:
    return neutral_column(name) if isinstance(kind, pl.String) else pl.col(name)
