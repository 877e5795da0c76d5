"""The overview: did everything arrive, did it load, what needs a person, what was sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from claimhouse import contracts, warehouse
from claimhouse.pages import answers, database
from claimhouse.pages.rights import Looks

routes = APIRouter()


@routes.get("/")
def overview(request: Request, looks: Looks) -> HTMLResponse:
    """The page."""
    with database.as_viewer() as connection:
        arrivals = warehouse.query(connection, "pages/arrivals", list(looks.sees))
        waiting = warehouse.query(connection, "pages/needs_a_person", list(looks.sees))
        sent = warehouse.query(connection, "pages/sent")
    by_feed = {(row["source_system"], row["feed"]): row for row in arrivals}
    feeds = [
        _feed(contract, by_feed.get((source, contract.feed)))
        for source in looks.sees
        for contract in contracts.of_source(source)
    ]
    return answers.show(request, "overview", looks, feeds=feeds, waiting=waiting, sent=sent)


def _feed(contract: contracts.Contract, row: dict[str, Any] | None) -> dict[str, Any]:
    """A feed with what arrived of it, and whether that is too long ago."""
    last = row["last_arrival"] if row else None
    most = contract.freshness_days
    is_late = last is not None and most is not None and _age(last) > timedelta(days=most)
    return {"contract": contract, "arrived": row, "is_late": is_late}


def _age(moment: datetime) -> timedelta:
    return datetime.now(UTC) - moment
