"""Editions: what is published of a source system, brought up to date in one transaction.

Readers see the edition before or the one after, whole. Rows change in place and by key, so what did
not change is not touched; rows that are replaced go to ``published.<report>_was``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from claimhouse import settings, warehouse
from claimhouse.reporting import selects, small_cells
from claimhouse.reporting.audiences import Audience
from claimhouse.reporting.tables import Table

log = logging.getLogger(__name__)

# How long a publication waits for a load that writes.
HOLD_SECONDS = 60.0
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Edition:
    """A publication of one source system.

    Attributes:
        changed: how many rows were written or deleted, by report.
    """

    source: str
    changed: dict[str, int]


def publish(
    connection: Connection[Any],
    source: str,
    tables: Iterable[Table],
    audiences: Iterable[Audience],
) -> Edition | None:
    """Publish a source system to its audiences, in one transaction.

    Args:
        connection: a connection of the warehouse's owner, outside a transaction.
        source: the source system.
        tables: the tables of all published reports.
        audiences: all audiences.

    Returns:
        What was written; None where the source is being loaded: its load publishes it when it ends.
    """
    with _held(connection, source) as is_held:
        if not is_held:
            log.info("%s is being loaded: its edition stays", source)
            return None
        with connection.transaction():
            connection.execute("set transaction isolation level repeatable read")
            if warehouse.query(connection, "reporting/editions/loading", source):
                log.info("%s is being loaded: its edition stays", source)
                return None
            changed = _publish_all(connection, source, list(tables), audiences)
    log.info("published %s: %s", source, {name: rows for name, rows in changed.items() if rows})
    return Edition(source, changed)


@contextmanager
def _held(connection: Connection[Any], source: str) -> Iterator[bool]:
    """Keep loads from writing the star of the source; whether that was possible within a while."""
    give_up = time.monotonic() + HOLD_SECONDS
    while not (is_held := _call(connection, "hold", source)) and time.monotonic() < give_up:
        time.sleep(POLL_SECONDS)
    try:
        yield is_held
    finally:
        if is_held:
            _call(connection, "release", source)


def _call(connection: Connection[Any], function: str, source: str) -> bool:
    with connection.transaction():
        rows = warehouse.query(connection, f"reporting/editions/{function}", source)
    return bool(rows[0][function])


def _publish_all(
    connection: Connection[Any],
    source: str,
    tables: Sequence[Table],
    audiences: Iterable[Audience],
) -> dict[str, int]:
    """Publish every report of the source to each audience; returns how many rows changed, by report."""
    warehouse.run(connection, "reporting/editions/temporary")
    warehouse.query(connection, "reporting/editions/restricted", source)
    if any(table.report.counts for table in tables):
        small_cells.refresh(connection, source)
    changed: dict[str, int] = {}
    for audience in audiences:
        if source not in audience.sources:
            continue
        warehouse.query(connection, "reporting/editions/begin", audience.number, source)
        for table in tables:
            if table.report.name in audience.reports and _is_of(table, source):
                rows = _publish(connection, source, table, audience)
                changed[table.report.name] = changed.get(table.report.name, 0) + rows
        warehouse.query(connection, "reporting/editions/end", audience.number, source)
    warehouse.query(connection, "reporting/editions/finish", source)
    warehouse.query(connection, "reporting/editions/published", source)
    return changed


def _is_of(table: Table, source: str) -> bool:
    """Whether the report has rows of the source: a raw report has those of one."""
    return bool(table.report.names.get("source_of_feed", source) == source)


def _publish(connection: Connection[Any], source: str, table: Table, audience: Audience) -> int:
    """Bring the rows of one report up to date for one audience; returns how many changed."""
    names = table.names(audience) | {
        "source": source,
        "select": selects.select(table.report, audience, source),
        "editions": settings.editions(),
    }
    state = warehouse.query(connection, "reporting/editions/state", **names)[0]
    if not state["has_rows"]:
        inserted = warehouse.query(connection, "reporting/editions/insert", **names)
        warehouse.run(connection, "reporting/editions/index", **names)
        return int(inserted[0]["changed"])
    warehouse.run(connection, "reporting/editions/differences", **names)
    changed = int(warehouse.query(connection, "reporting/editions/count")[0]["changed"])
    if changed:
        warehouse.run(connection, "reporting/editions/merge", **names)
    return changed
