"""The overview: did everything arrive, did it load, what needs a person, what was sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from claimhouse import contracts, warehouse
from claimhouse.pages import answers, database
from claimhouse.pages.rights import Looks

routes = APIRouter()


NEW = "new issues"
# Where something that waits is looked at, by its kind; else the view says what to do.
PLACES = {
    "batch held": "held",
    "mail asked for": "mailings",
    "dashboard not mailed": "mailings",
    "file not recognized": "files/not-taken",
    "file rejected": "files?state=rejected&source={source}&feed={feed}",
}


@routes.get("/")
def overview(request: Request, looks: Looks) -> HTMLResponse:
    """The page."""
    with database.as_viewer() as connection:
        arrivals = warehouse.query(connection, "pages/arrivals", list(looks.sees))
        money = warehouse.query(connection, "pages/money", list(looks.sees))
        waiting = warehouse.query(connection, "pages/needs_a_person", list(looks.sees))
        sent = warehouse.query(connection, "pages/sent")
    by_feed = {(row["source_system"], row["feed"]): row for row in arrivals}
    feeds = [
        _feed(contract, by_feed.get((contract.source_system, contract.feed)))
        for contract in contracts.sound(looks.sees)
    ]
    return answers.show(
        request, "overview", looks,
        feeds=feeds, money=money, sent=sent, new=_new(waiting),
        waiting=[
            *_broken(looks.sees),
            *(row | {"place": _place(row)} for row in waiting if row["kind"] != NEW),
        ],
    )  # fmt: skip


def _broken(sees: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The contracts that cannot be used: nothing of their source systems lands."""
    for source, why in contracts.broken(sees).items():
        yield {
            "kind": "contract broken",
            "place": None,
            "source_system": source,
            "feed": None,
            "subject": "its files wait",
            "since": None,
            "problem": why,
            "to_do": f"Mend the file; the next run of ingest_{source} takes what waits.",
        }


def _new(waiting: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The issues of the last day by feed, each with its rules, the most frequent first."""
    feeds: dict[tuple[str, str | None], list[dict[str, Any]]] = {}
    for row in waiting:
        if row["kind"] == NEW:
            feeds.setdefault((row["source_system"], row["feed"]), []).append(row)
    return [
        {
            "source_system": source,
            "feed": feed,
            "things": sum(rule["things"] for rule in rules),
            "rules": sorted(rules, key=lambda rule: (-rule["things"], rule["subject"])),
        }
        for (source, feed), rules in sorted(
            feeds.items(), key=lambda item: (item[0][0], item[0][1] or "")
        )
    ]


def _place(row: dict[str, Any]) -> str | None:
    """Where what waits is looked at, below the root of the pages."""
    place = PLACES.get(row["kind"])
    return place and place.format(source=row["source_system"], feed=row["feed"])


def _feed(contract: contracts.Contract, row: dict[str, Any] | None) -> dict[str, Any]:
    """A feed with what arrived of it, and whether that is too long ago."""
    last = row["last_arrival"] if row else None
    most = contract.freshness_days
    is_late = last is not None and most is not None and _age(last) > timedelta(days=most)
    return {"contract": contract, "arrived": row, "is_late": is_late}


def _age(moment: datetime) -> timedelta:
    return datetime.now(UTC) - moment
