"""The files that landed: their list, and the processing log of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Path, Request
from fastapi.responses import HTMLResponse
from psycopg import Connection

from claimhouse import contracts, warehouse
from claimhouse.pages import answers, database, keyset, processing_log, runs
from claimhouse.pages.rights import Looks, Person

routes = APIRouter()

FileId = Annotated[int, Path(ge=1, le=2**63 - 1)]
MOST_COUNTED = 10_000  # files that match: more are "more than 10,000"
# What a file can be filtered by, and what each means.
STATES = {
    "landed": "landed: waits for verification",
    "rejected": "rejected: cannot be read",
    "verified": "verified: waits for its checks",
    "checked": "checked: waits for the load",
    "held": "held: a check failed",
    "loaded": "loaded",
    "repeated": "repeated: says nothing new",
    "unfinished": "not loaded yet: landed, verified or checked",
}
LANDED = {"day": "in the last day"}
SENDERS = {
    "me": "uploaded by me",
    "people": "uploaded by anybody",
    "delivered": "delivered otherwise",
}


@dataclass(frozen=True)
class Filters:
    """What the list of files is narrowed to; None is all.

    Attributes:
        first_day: the first day of arrival, in UTC.
        last_day: the last one.
        name: a text in the file's name.
        sender: one of :data:`SENDERS`; no address has the name of a login.
        landed: one of :data:`LANDED`.
    """

    source: str | None = None
    feed: str | None = None
    state: str | None = None
    first_day: date | None = None
    last_day: date | None = None
    name: str | None = None
    sender: str | None = None
    landed: str | None = None

    def query(self) -> dict[str, str]:
        """The fields of the address that say so."""
        fields = {
            "source": self.source,
            "feed": self.feed,
            "state": self.state,
            "from": self.first_day,
            "to": self.last_day,
            "name": self.name,
            "sender": self.sender,
            "landed": self.landed,
        }
        return {field: str(value) for field, value in fields.items() if value is not None}

    def values(self, person: Person) -> list[Any]:
        """What the statements take: ``$1`` to ``$8``."""
        return [
            list(person.sees),
            self.source,
            self.feed,
            self.state,
            self.first_day,
            self.last_day,
            _pattern(self.name) if self.name else None,
            person.name,
        ]


def filters(request: Request) -> Filters:
    """The filters of an address; an empty field of a form is none.

    Raises:
        HTTPException: 400, a day is none, or there is no such state, sender or time.
    """
    given = {
        field: value.replace("\0", "").strip() for field, value in request.query_params.items()
    }
    return Filters(
        given.get("source") or None,
        given.get("feed") or None,
        _one_of(STATES, given.get("state", "")),
        _day(given.get("from", "")),
        _day(given.get("to", "")),
        given.get("name") or None,
        _one_of(SENDERS, given.get("sender", "")),
        _one_of(LANDED, given.get("landed", "")),
    )


@routes.get("/files")
def files(
    request: Request,
    looks: Looks,
    chosen: Annotated[Filters, Depends(filters)],
    before: str = "",
    after: str = "",
) -> HTMLResponse:
    """The list."""
    if chosen.source is not None:
        looks.must_see(chosen.source)
    place = keyset.beside(before, after)
    with database.as_viewer() as connection:
        listed = list_files(connection, looks, chosen, place)
        count = _count(connection, looks, chosen, place, listed)
        not_taken = len(_not_taken(connection, looks, keyset.Beside()).rows)
    return answers.show(
        request,
        "files",
        looks,
        listed=listed,
        count=count,
        most=MOST_COUNTED,
        not_taken=not_taken,
        chosen=chosen,
        address=f"files?{urlencode(chosen.query())}&" if chosen.query() else "files?",
        oldest=keyset.OLDEST,
        states=STATES,
        senders=SENDERS,
        landed=LANDED,
        feeds=sorted(
            {
                contract.feed
                for contract in contracts.sound(looks.sees)
                if chosen.source in (None, contract.source_system)
            }
        ),
    )


@routes.get("/files/not-taken")
def not_taken(request: Request, looks: Looks, before: str = "", after: str = "") -> HTMLResponse:
    """Files that wait below the landing root: nobody recognizes them, or they cannot be read."""
    with database.as_viewer() as connection:
        listed = _not_taken(connection, looks, keyset.beside(before, after))
    return answers.show(request, "files_not_taken", looks, listed=listed, oldest=keyset.OLDEST)


@routes.get("/files/{file_id}")
def file(request: Request, looks: Looks, file_id: FileId, nulls: str = "") -> HTMLResponse:
    """The processing log of one file."""
    log = processing_log.read(file_id, looks, count_all_nulls=nulls == "counted")
    return answers.show(
        request, "file", looks,
        log=log, file=log.file, states=STATES, runs=_runs(log), airflow=answers.airflow(request),
    )  # fmt: skip


def list_files(
    connection: Connection[Any], person: Person, chosen: Filters, place: keyset.Beside
) -> keyset.Listed:
    """One page of the list."""
    rows = warehouse.query(
        connection, "pages/files", *chosen.values(person),
        place.moment, place.number, keyset.ROWS + 1,
        upward=place.upward, state=chosen.state, sender=chosen.sender, landed=chosen.landed,
    )  # fmt: skip
    return keyset.listed(rows, place, "landed_at", "file_id")


def count_files(connection: Connection[Any], person: Person, chosen: Filters) -> int:
    """How many files match, up to :data:`MOST_COUNTED` and one."""
    [row] = warehouse.query(
        connection, "pages/count_files",
        *chosen.values(person), MOST_COUNTED + 1, state=chosen.state, sender=chosen.sender, landed=chosen.landed,
    )  # fmt: skip
    return int(row["files"])


def _count(
    connection: Connection[Any],
    person: Person,
    chosen: Filters,
    place: keyset.Beside,
    listed: keyset.Listed,
) -> int | None:
    """How many files match, beside the first page; where that is all of them, without asking again."""
    if place.number is not None:
        return None
    return count_files(connection, person, chosen) if listed.older else len(listed.rows)


def _runs(log: processing_log.Log) -> dict[tuple[int, str], str]:
    """The run of each stage, by batch and stage; where one run did several, of the first."""
    of_stages: dict[tuple[int, str], str] = {}
    dag = f"ingest_{log.file['source_system']}"
    for batch in log.batches:
        last = None
        for stage in batch.stages:
            run = runs.at_work(dag, stage.at)
            if run is not None and run != last:
                of_stages[batch.row["batch_id"], stage.name] = run
            last = run
    return of_stages


def _not_taken(connection: Connection[Any], person: Person, place: keyset.Beside) -> keyset.Listed:
    rows = warehouse.query(
        connection, "pages/files_not_taken",
        list(person.sees), place.number, keyset.ROWS + 1, upward=place.upward,
    )  # fmt: skip
    rows.sort(key=lambda row: row["issue_id"], reverse=True)
    return keyset.listed(rows, place, "created_at", "issue_id")


def _one_of(known: dict[str, str], text: str) -> str | None:
    if text and text not in known:
        raise HTTPException(400, "This address is not one of a page.")
    return text or None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise HTTPException(400, "Write a day as year-month-day: 2026-01-31.") from None


def _pattern(text: str) -> str:
    """A pattern of ``like`` for whatever has *text* in it."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
