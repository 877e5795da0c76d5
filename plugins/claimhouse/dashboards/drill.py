"""The pages and files of the rows behind a number.

What is in a row, as the number of a claim, is never in an address: the form of a page says where the next one
begins, and which row is looked up.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from tempfile import TemporaryFile
from typing import Annotated, BinaryIO, Literal, cast

import polars as pl
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from claimhouse import web
from claimhouse.dashboards import behind, downloads, numbers
from claimhouse.dashboards.answer import Value
from claimhouse.dashboards.asked import Asked, asked
from claimhouse.dashboards.behind import Drill, Looked, NoPlace
from claimhouse.dashboards.downloads import MEDIA, TileName, attached, place
from claimhouse.dashboards.fields import NotShown
from claimhouse.dashboards.frame import Framed
from claimhouse.dashboards.model import Tile
from claimhouse.dashboards.selection import LONGEST
from claimhouse.delivery.extract.model import Rows, TooManyRows, UnfitValue, neutral, neutral_column

routes = APIRouter()

TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
# How long a statement may take that reads a piece of a file; and how many bytes are sent at a time.
SECONDS, PIECE = 60.0, 1024 * 1024


async def fields(request: Request) -> dict[str, str]:
    """The fields of a form; the application has let it in."""
    form = await request.form()
    return {name: value for name, value in form.items() if isinstance(value, str)}


Fields = Annotated[dict[str, str], Depends(fields)]


@routes.get("/{name}/rows/{tile}.{ending}")
def download(
    request: Request, frame: Framed, name: str, tile: TileName, ending: Literal["csv", "xlsx"]
) -> Response:
    """All rows behind a tile, with the filters of the address."""
    wanted = asked(request, frame, name)
    with ExitStack() as stack:
        file = stack.enter_context(TemporaryFile("w+b"))
        with place(), _drill(wanted, tile, SECONDS) as drill:
            rows = drill.all()
            try:
                with closing(rows):
                    as_of = _write(rows, cast(BinaryIO, file), ending)
            except TooManyRows as error:
                raise HTTPException(409, str(error)) from None
            except UnfitValue:
                raise HTTPException(
                    409, "A workbook cannot hold these rows. Take the CSV."
                ) from None
            report, chosen = drill.report, drill.reading.chosen
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        file_name = downloads.file_name(wanted.dashboard.name, f"{tile}.rows", ending)
        downloads.record(
            wanted, chosen, ending, rows=rows.count, as_of=as_of, tile=tile, report=report,
            file=file_name, checksum=checksum, size=size,
        )  # fmt: skip
        headers = attached(file_name) | {"Content-Length": str(size)}
        return StreamingResponse(
            _pieces(cast(BinaryIO, file), stack.pop_all()),
            media_type=MEDIA[ending],
            headers=headers,
        )


@routes.get("/{name}/rows/{tile}")
def first(request: Request, frame: Framed, name: str, tile: TileName) -> HTMLResponse:
    """The first rows behind a tile, with the filters of the address."""
    return _page(asked(request, frame, name), tile)


@routes.post("/{name}/rows/{tile}")
def further(
    request: Request, frame: Framed, name: str, tile: TileName, form: Fields
) -> HTMLResponse:
    """Other rows behind a tile: the next, or those that are looked up."""
    column, value = form.get("column", ""), form.get("value", "").replace("\0", "").strip()
    looked = Looked(column, value[:LONGEST]) if column and value else None
    return _page(asked(request, frame, name), tile, form.get("after", ""), looked)


def _page(wanted: Asked, name: str, after: str = "", looked: Looked | None = None) -> HTMLResponse:
    frame, problem, page = wanted.frame, "", None
    with _drill(wanted, name) as drill:
        chosen, tile = drill.reading.chosen, drill.tile
        look_up = drill.look_up
        try:
            page = drill.page(after, looked)
        except NoPlace as error:
            if not looked or looked.column not in look_up:
                raise HTTPException(400, str(error)) from None
            problem = str(error)
    text = web.page(
        "dashboards/rows.html",
        root=frame.root, tabs=frame.tabs, tab=frame.tab, frame=frame, dashboard=wanted.dashboard,
        wanted=wanted, chosen=chosen, words=chosen.words(wanted.dashboard), tile=tile, page=page,
        problem=problem, looked=looked, look_up=look_up, is_first=not after, field=web.FIELD,
        most=behind.FILE_ROWS, text=_text,
    )  # fmt: skip
    return HTMLResponse(text)


@contextmanager
def _drill(wanted: Asked, name: str, seconds: float | None = None) -> Iterator[Drill]:
    """The rows behind a tile.

    Raises:
        HTTPException: there are none (404), or they cannot be read like this (409).
    """
    tile = _tile(wanted, name)
    with wanted.reading(seconds) as reading:
        try:
            yield Drill(reading, tile)
        except NotShown as error:
            raise HTTPException(409, str(error)) from None


def _text(value: Value, unit: str | None) -> str:
    """A cell: what has no unit is a year or a number of something, and has no separators."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_whole and unit is None else numbers.text(value, unit)


def _tile(wanted: Asked, name: str) -> Tile:
    for tile in wanted.dashboard.tiles:
        if tile.name == name and tile.drill:
            return tile
    raise HTTPException(404)


def _write(rows: Rows, file: BinaryIO, ending: str) -> datetime | None:
    """Write the rows; returns when the oldest was published."""
    oldest: list[datetime] = []

    def observed() -> Iterator[pl.DataFrame]:
        for frame in rows:
            least = frame["as_of"].min() if "as_of" in frame.columns else None
            if isinstance(least, datetime):
                oldest.append(least)
            yield frame

    frames = observed()
    if ending == "csv":
        file.write(_head(rows))
        for frame in frames:
            cells = frame.with_columns(
                neutral_column(name) for name, kind in rows.schema.items() if kind == pl.String
            )
            cells.write_csv(
                file, include_header=False, datetime_format=TIME_FORMAT, line_terminator="\r\n"
            )
    else:
        # Importing what makes a workbook takes a moment, and processes start without it.
        from claimhouse.delivery.extract import xlsx

        xlsx.write_table(Rows(rows.schema, (frame for frame in frames)), file)
    return min(oldest, default=None)


def _head(rows: Rows) -> bytes:
    head: str = pl.DataFrame(schema=[neutral(name) for name in rows.schema]).write_csv(
        line_terminator="\r\n"
    )
    return head.encode()


def _pieces(file: BinaryIO, stack: ExitStack) -> Iterator[bytes]:
    with stack:
        while piece := file.read(PIECE):
            yield piece
