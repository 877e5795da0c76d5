"""The overview: did everything arrive, did it load, what needs a person, what was sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from claimhouse import contracts, warehouse
from claimhouse.pages import database
from claimhouse.pages.rights import Person


def overview(person: Person) -> dict[str, Any]:
    """What the page shows."""
    sources = list(person.sees)
    with database.as_viewer() as connection:
        arrivals = warehouse.query(connection, "pages/arrivals", sources)
        waiting = warehouse.query(connection, "pages/needs_a_person", sources)
        sent = warehouse.query(connection, "pages/sent")
    by_feed = {(row["source_system"], row["feed"]): row for row in arrivals}
    feeds = [
        _feed(contract, by_feed.get((source, contract.feed)))
        for source in sources
        for contract in contracts.of_source(source)
    ]
    return {"feeds": feeds, "waiting": waiting, "sent": sent}


def _feed(contract: contracts.Contract, row: dict[str, Any] | None) -> dict[str, Any]:
    """A feed with what arrived of it, and whether that is too long ago."""
    last = row["last_arrival"] if row else None
    is_late = (
        contract.freshness_days is not None
        and last is not None
        and datetime.now(UTC) - last > timedelta(days=contract.freshness_days)
    )
    return {
        "source_system": contract.source_system,
        "feed": contract.feed,
        "freshness_days": contract.freshness_days,
        "is_late": is_late,
        "row": row,
    }
