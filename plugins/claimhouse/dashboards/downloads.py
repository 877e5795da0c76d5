"""The files of dashboards: what a page shows, as csv, xlsx and pdf.

Who took what is recorded before a byte of it is sent: what cannot be recorded is not sent.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Literal

import psycopg
from fastapi import APIRouter, HTTPException, Path, Request
from fastapi.responses import Response

from claimhouse import metrics, settings, warehouse
from claimhouse.dashboards import exports
from claimhouse.dashboards.asked import Asked, read
from claimhouse.dashboards.exports import csv
from claimhouse.dashboards.exports import whole as whole_file
from claimhouse.dashboards.frame import Framed
from claimhouse.dashboards.selection import Selection

routes = APIRouter()

MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "zip": "application/zip",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}
TileName = Annotated[str, Path(pattern=r"^tile-[0-9]{1,3}-[0-9]{1,3}$")]
# Files that a process makes at once, and how long a request waits to be one of them.
MOST_AT_ONCE, WAIT_SECONDS = 2, 20.0
_places = threading.BoundedSemaphore(MOST_AT_ONCE)


@routes.get("/{name}/file.{ending}")
def whole(
    request: Request, frame: Framed, name: str, ending: Literal["zip", "xlsx", "pdf"]
) -> Response:
    """All of a dashboard, with the filters of the address."""
    with place():
        with read(request, frame, name) as (wanted, reading):
            page = reading.page()
        document = exports.document(wanted.dashboard, page, wanted.reader, frame.person)
        content = whole_file.content(wanted.dashboard, document, page, reading.chosen, ending)
    return sent(
        wanted, reading.chosen, ending, content,
        rows=sum(len(table.rows) for table in document.tables), as_of=document.as_of,
    )  # fmt: skip


@routes.get("/{name}/{tile}.csv")
def one(request: Request, frame: Framed, name: str, tile: TileName) -> Response:
    """A tile, with the filters of the address."""
    with read(request, frame, name) as (wanted, reading):
        found = next((entry for entry in wanted.dashboard.tiles if entry.name == tile), None)
        if found is None:
            raise HTTPException(404)
        answer = reading.answer(found)
    if answer.problem:
        raise HTTPException(409, answer.problem)
    table = exports.table(answer)
    return sent(
        wanted, reading.chosen, "csv", csv.of_table(table),
        rows=len(table.rows), as_of=answer.as_of, tile=tile,
    )  # fmt: skip


@contextmanager
def place() -> Iterator[None]:
    """One of the files that are made at once.

    Raises:
        HTTPException: 503, others are made for too long.
    """
    if not _places.acquire(timeout=WAIT_SECONDS):
        raise HTTPException(503, "Other files are being made. Try again in a minute.")
    try:
        yield
    finally:
        _places.release()


def sent(
    wanted: Asked, chosen: Selection, ending: str, content: bytes, *,
    rows: int, as_of: datetime | None, tile: str | None = None,
) -> Response:  # fmt: skip
    """A file on its way, once it is recorded.

    Args:
        wanted: the dashboard, and whose.
        chosen: the filters, defaults included.
        ending: of the file's name.
        content: the file.
        rows: how many rows it has.
        as_of: when the oldest of what it shows was published.
        tile: the tile; all of the dashboard when left out.

    Raises:
        claimhouse.warehouse.WarehouseError: it could not be recorded.
    """
    name = file_name(wanted.dashboard.name, tile, ending)
    record(
        wanted, chosen, ending, rows=rows, as_of=as_of, tile=tile, file=name,
        checksum=hashlib.sha256(content).hexdigest(), size=len(content),
    )  # fmt: skip
    return Response(content, media_type=MEDIA[ending], headers=attached(name))


def record(
    wanted: Asked, chosen: Selection, ending: str, *, rows: int, as_of: datetime | None,
    file: str, checksum: str, size: int, tile: str | None = None, report: str | None = None,
) -> None:  # fmt: skip
    """Keep that a file was made for the person of a request.

    Raises:
        claimhouse.warehouse.WarehouseError: it cannot be kept.
    """
    with (
        warehouse.without_values(),
        psycopg.connect(
            warehouse.url(settings.PORTAL_CONNECTION), application_name="claimhouse portal"
        ) as connection,
    ):
        warehouse.query(
            connection, "dashboards/download",
            wanted.frame.login, wanted.frame.person, wanted.dashboard.name, tile, report, ending,
            json.dumps(filters(chosen)), rows, as_of, file, checksum, size,
        )  # fmt: skip


def filters(chosen: Selection) -> Mapping[str, Sequence[str] | None]:
    """What is chosen, as it is kept: no value of a field that could be about one person, as a claim's number is.

    Only cuts of metrics are about many.
    """
    values: dict[str, Sequence[str]] = {**chosen.choices, **chosen.ranges}
    return {
        name: list(entries) if name in metrics.dimensions() else None
        for name, entries in values.items()
    }


def file_name(dashboard: str, part: str | None, ending: str) -> str:
    """The name of a file: it says which dashboard and the day, and nothing that is in it."""
    return ".".join(filter(None, [dashboard, part, f"{datetime.now(UTC):%Y-%m-%d}", ending]))


def attached(name: str) -> dict[str, str]:
    """The header that has a browser save an answer under a name, and not open it."""
    return {"Content-Disposition": f'attachment; filename="{name}"'}
