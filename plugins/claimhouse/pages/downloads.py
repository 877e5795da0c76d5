"""Downloads of a file: the original, the accepted rows, the rejected rows, and the processing log.

What holds rows is recorded before it is sent. Nothing is held whole in memory: csv is sent as it is read, a
workbook is first written to a file that has no name.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import chain
from pathlib import PurePosixPath
from tempfile import TemporaryFile
from typing import IO, Annotated, Any, Literal
from urllib.parse import quote

import polars as pl
from fastapi import APIRouter, HTTPException, Path
from fastapi.responses import Response, StreamingResponse
from psycopg import Connection

from claimhouse import storage
from claimhouse.delivery.extract import TooManyRows, UnfitValue, xlsx
from claimhouse.delivery.extract.model import Rows, neutral, neutral_column
from claimhouse.pages import access, database, file_rows, processing_log
from claimhouse.pages.rights import Looks

routes = APIRouter()

FileId = Annotated[int, Path(ge=1, le=2**63 - 1)]
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
LONGEST = "30min"  # that reading the rows may take
PIECE = 1024 * 1024  # bytes sent at a time
MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
    "original": "application/octet-stream",
}


@routes.get("/files/{file_id}/original")
def original(looks: Looks, file_id: FileId) -> StreamingResponse:
    """The file as it landed, from the archive."""
    with database.as_viewer() as connection:
        file = processing_log.find(connection, file_id, looks)
    with ExitStack() as stack:
        copy = storage.local_copy(file["archive_path"], file["checksum"], file["size_bytes"])
        try:
            path = stack.enter_context(copy)
        except storage.Damaged as error:
            raise HTTPException(
                409,
                f"The archived copy of this file is {error}: it is not the file that landed. "
                "Have it delivered again.",
            ) from None
        opened = stack.enter_context(path.open("rb"))
        access.record(looks, "original", file["source_system"], file_id=file_id)
        name = PurePosixPath(file["file_name"]).name
        return _sent(_pieces(opened, stack.pop_all()), name, "original", file["size_bytes"])


@routes.get("/files/{file_id}/processed.{ending}")
def processed(looks: Looks, file_id: FileId, ending: Literal["csv", "xlsx"]) -> StreamingResponse:
    """The accepted rows, as the sender names the columns, each with what was changed in it."""
    return _rows(looks, file_id, "processed", ending)


@routes.get("/files/{file_id}/rejected.{ending}")
def rejected(looks: Looks, file_id: FileId, ending: Literal["csv", "xlsx"]) -> StreamingResponse:
    """The quarantined rows as they came, each with the reasons."""
    return _rows(looks, file_id, "rejected", ending)


@routes.get("/files/{file_id}/log.{ending}")
def log(looks: Looks, file_id: FileId, ending: Literal["csv", "pdf"]) -> Response:
    """The processing log; it holds no value of a row."""
    # What draws a pdf takes a second to import, and the API server starts without it.
    from claimhouse.delivery.extract import pdf

    found = processing_log.read(file_id, looks)
    name = _named(found.file["file_name"], "log", ending)
    if ending == "csv":
        frame = processing_log.frame(found)
        content = "".join(_lines(Rows(dict(frame.schema), (each for each in [frame])))).encode()
    else:
        now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        facts = processing_log.facts(found)
        content = pdf.tables("Processing log", facts, now, processing_log.tables(found))
    return Response(content, media_type=MEDIA[ending], headers=_attached(name))


def _rows(
    looks: Looks, file_id: int, what: Literal["processed", "rejected"], ending: str
) -> StreamingResponse:
    """Some of a file's rows as a file.

    Raises:
        HTTPException: 404, there is no such file that the person may see; 409, it has no such rows, or they
            do not fit in a workbook.
    """
    with database.as_viewer() as connection:
        file = processing_log.find(connection, file_id, looks)
        batches = processing_log.batches(connection, file_id)
    shape = file_rows.shape(file, batches)
    access.record(looks, what, file["source_system"], file_id=file_id)
    name = _named(file["file_name"], what, ending)
    read = file_rows.accepted if what == "processed" else file_rows.rejected
    return _csv(read, shape, name) if ending == "csv" else _xlsx(read, shape, name)


Read = Callable[[Connection[Any], file_rows.Shape], Rows]


def _csv(read: Read, shape: file_rows.Shape, name: str) -> StreamingResponse:
    with ExitStack() as stack:
        connection = stack.enter_context(_reading())
        lines = _lines(read(connection, shape))
        first = next(lines)  # what cannot be read is found before anything is sent
        return _sent(_encoded(first, lines, stack.pop_all()), name, "csv")


def _xlsx(read: Read, shape: file_rows.Shape, name: str) -> StreamingResponse:
    with ExitStack() as stack:
        workbook = stack.enter_context(TemporaryFile("w+b"))
        try:
            with _reading() as connection:
                xlsx.write_table(read(connection, shape), workbook)
        except (TooManyRows, UnfitValue):
            raise HTTPException(409, "A workbook cannot hold these rows. Take the csv.") from None
        size = workbook.seek(0, os.SEEK_END)
        workbook.seek(0)
        return _sent(_pieces(workbook, stack.pop_all()), name, "xlsx", size)


@contextmanager
def _reading() -> Iterator[Connection[Any]]:
    """A transaction for a download, which cannot keep an upgrade waiting for ever."""
    with database.as_viewer() as connection:
        connection.execute(f"set local statement_timeout = '{LONGEST}'")
        yield connection


def _lines(rows: Rows) -> Iterator[str]:
    """A csv: UTF-8, comma, RFC 4180; cells that a spreadsheet would take for a formula are made harmless."""
    head = pl.DataFrame(schema=[neutral(name) for name in rows.schema])
    yield head.write_csv(line_terminator="\r\n")
    for frame in rows:
        cells = frame.with_columns(
            neutral_column(name) for name, kind in rows.schema.items() if kind == pl.String
        )
        yield cells.write_csv(
            include_header=False, datetime_format=TIME_FORMAT, line_terminator="\r\n"
        )


def _encoded(first: str, lines: Iterator[str], stack: ExitStack) -> Iterator[bytes]:
    with stack:
        for line in chain([first], lines):
            yield line.encode()


def _pieces(file: IO[bytes], stack: ExitStack) -> Iterator[bytes]:
    with stack:
        while piece := file.read(PIECE):
            yield piece


def _sent(
    content: Iterator[bytes], name: str, kind: str, size: int | None = None
) -> StreamingResponse:
    length = {} if size is None else {"Content-Length": str(size)}
    return StreamingResponse(content, media_type=MEDIA[kind], headers=_attached(name) | length)


def _attached(name: str) -> dict[str, str]:
    """The header that has a browser save an answer under a name, and not open it."""
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}


def _named(file_name: str, what: str, ending: str) -> str:
    return f"{PurePosixPath(file_name).name}.{what}.{ending}"
