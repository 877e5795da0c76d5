"""Editions: what is published of a source system, brought up to date in one transaction.

Readers see the edition before or the one after, whole. Rows change in place and by key, so what did
not change is not touched; rows that are replaced go to ``published.<report>_was``.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.errors import SerializationFailure

from claimhouse import reference, settings, warehouse
from claimhouse.reporting import changes, indexes, metric_reports, selects, small_cells, totals
from claimhouse.reporting.audiences import Audience
from claimhouse.reporting.changes import Changes
from claimhouse.reporting.reports import Report
from claimhouse.reporting.tables import Table
from claimhouse.star import mapping
from claimhouse.star import tables as star_tables

log = logging.getLogger(__name__)

# How long a publication waits for a load that writes.
HOLD_SECONDS = 60.0
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Edition:
    """A publication of one source system.

    Attributes:
        changed: how many rows were written or deleted, by report.
        begun: the partitions that have got their first rows of the source.
    """

    source: str
    changed: dict[str, int]
    begun: tuple[str, ...] = ()


def publish(
    connection: Connection[Any],
    source: str,
    tables: Iterable[Table],
    audiences: Iterable[Audience],
    *,
    everything: bool = False,
) -> Edition | None:
    """Publish a source system to its audiences, in one transaction.

    Args:
        connection: a connection of the warehouse's owner, outside a transaction.
        source: the source system.
        tables: the tables of all published reports.
        audiences: all audiences.
        everything: whether all rows are compared, not only those that follow from a change.

    Returns:
        What was written; None where the source is being loaded: its load publishes it when it ends. None too where
        another publication has applied other files about readers: that one publishes it.

    Raises:
        totals.TotalsDiffer: reports do not add up to the star: the last edition stays.
    """
    try:
        return _publish(connection, source, list(tables), list(audiences), everything=everything)
    except totals.TotalsDiffer as error:
        log.error("%s", error)
        with connection.transaction():
            totals.record(connection, source, error.differences)
        raise


def _publish(
    connection: Connection[Any],
    source: str,
    tables: Sequence[Table],
    audiences: Sequence[Audience],
    *,
    everything: bool,
) -> Edition | None:
    with _held(connection, source) as is_held:
        if not is_held:
            log.info("%s is being loaded: its edition stays", source)
            return None
        with connection.transaction():
            connection.execute("set transaction isolation level repeatable read")
            if warehouse.query(connection, "reporting/editions/loading", source):
                log.info("%s is being loaded: its edition stays", source)
                return None
            if not _in_force(connection, audiences):
                log.warning("the files about readers have changed: the edition of %s stays", source)
                return None
            edition = _publish_all(connection, source, tables, audiences, everything=everything)
    changed = {name: rows for name, rows in edition.changed.items() if rows}
    log.info("published %s: %s", source, changed)
    return edition


def _in_force(connection: Connection[Any], audiences: Sequence[Audience]) -> bool:
    """Whether each audience still has its rule; until the transaction ends, it keeps it."""
    rules = {audience.number: audience.rule for audience in audiences}
    try:
        with connection.transaction():
            rows = warehouse.query(connection, "reporting/editions/rules", list(rules))
    except SerializationFailure:  # it was being changed when this transaction began
        return False
    return {row["audience"]: row["rule"] for row in rows} == rules


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
    audiences: Sequence[Audience],
    *,
    everything: bool,
) -> Edition:
    """Publish every report of the source to each audience."""
    warehouse.run(connection, "reporting/editions/temporary")
    warehouse.query(connection, "reporting/editions/restricted", source)
    warehouse.query(connection, "reporting/editions/batches", source)
    # They are few: without that, all rows of a feed are read to find theirs.
    connection.execute("analyze publication_batches")
    since = None if everything else changes.since_last_edition(connection, source)
    if any(table.report.counts for table in tables):
        small_cells.refresh(connection, source, since.tables if since else None)
    work = _Work(connection, source, since)
    audiences = [audience for audience in audiences if source in audience.sources]
    of_audience = {
        audience.number: [
            table
            for table in tables
            if table.report.name in audience.reports and _is_of(table, source)
        ]
        for audience in audiences
    }
    pairs = [(table, audience) for audience in audiences for table in of_audience[audience.number]]
    controlled = totals.begin(connection, source, pairs)
    written: dict[str, int] = {}
    for audience in audiences:
        warehouse.query(connection, "reporting/editions/begin", audience.number, source)
        changed = 0
        for table in of_audience[audience.number]:
            rows = work.publish(table, audience)
            changed += rows
            written[table.report.name] = written.get(table.report.name, 0) + rows
        warehouse.query(connection, "reporting/editions/end", audience.number, source, changed)
    totals.check(connection, source, controlled, work, everything=everything)
    warehouse.query(connection, "reporting/editions/finish", source)
    warehouse.query(connection, "reporting/editions/published", source)
    return Edition(source, written, tuple(work.begun))


def _is_of(table: Table, source: str) -> bool:
    """Whether the report has rows of the source: a raw report has those of one."""
    return bool(table.report.names.get("source_of_feed", source) == source)


class _Work:
    """A publication under way: what has changed, and which facts it affects."""

    def __init__(self, connection: Connection[Any], source: str, since: Changes | None) -> None:
        self.connection, self.source, self.since = connection, source, since
        self.reference = reference.digest()
        rows = warehouse.query(connection, "reporting/pseudonyms/digests")
        self.keys = {row["client"]: row["digest"] for row in rows}
        # By fact: its primary key, and whether few enough rows are affected to look at them alone.
        self.affected: dict[str, tuple[list[str], bool]] = {}
        # The reports of which some rows follow from something else than before.
        self.renewed: set[str] = set()
        # The partitions that have got their first rows.
        self.begun: list[str] = []

    def publish(self, table: Table, audience: Audience) -> int:
        """Bring the rows of one report up to date for one audience; returns how many changed."""
        names = table.names(audience) | {"source": self.source, "editions": settings.editions()}
        select = selects.select(table.report, audience, self.source)
        is_known = self._is_known(table, audience, select)
        if is_known and self.since is not None and not table.report.counts:
            if table.report.names.get("feed"):
                return self._differ(names, select, batches=True)
            if not self.since.tables:
                return 0
            if table.report.of and self.affects(table.report.of):
                return self._follow(table, audience, names)
        select = selects.select(
            table.report, audience, self.source, alike=self._alike(table.report)
        )
        state = warehouse.query(self.connection, "reporting/editions/state", **names)[0]
        if state["has_rows"]:
            return self._differ(names, select)
        order = indexes.order(table)
        if table.report.sums:
            warehouse.run(self.connection, "reporting/editions/by_hash")
        inserted = warehouse.query(
            self.connection, "reporting/editions/insert", select=select, order=order, **names
        )
        if table.report.sums:
            warehouse.run(self.connection, "reporting/editions/as_planned")
        self.begun.append(names["partition"])
        return int(inserted[0]["changed"])

    def _is_known(self, table: Table, audience: Audience, select: str) -> bool:
        """Whether what is published follows from the same SELECT, lists and keys; notes the new ones."""
        key = self.keys.get(audience.client or "") if table.report.has_pseudonyms else None
        basis = hashlib.sha256(f"{self.reference} {key} {select}".encode()).hexdigest()
        values = (table.report.name, audience.number, self.source, basis)
        is_new = bool(warehouse.query(self.connection, "reporting/editions/basis", *values))
        if is_new:
            self.renewed.add(table.report.name)
        return not is_new

    def _alike(self, report: Report) -> frozenset[str]:
        """The cuts of metrics in which all rows of the source system are alike."""
        fact = report.names.get("fact_table")
        if not report.is_of_metrics or fact not in mapping.facts(self.source):
            return frozenset()
        return metric_reports.alike_cuts(
            report, star_tables.fact(self.connection, self.source, fact)
        )

    def affects(self, fact: str) -> bool:
        """Whether an edition can follow the affected rows of *fact*."""
        assert self.since is not None
        if fact not in self.affected:
            key = [
                row["name"]
                for row in warehouse.query(self.connection, "catalog/key_columns", "star", fact)
            ]
            is_few = changes.affect(self.connection, self.since, fact, key)
            self.affected[fact] = key, is_few
        return self.affected[fact][1]

    def _follow(self, table: Table, audience: Audience, names: dict[str, Any]) -> int:
        """Publish the affected rows of a fact, or the sums that they are part of."""
        assert self.since is not None and table.report.of
        select_of = functools.partial(
            selects.select,
            table.report,
            audience,
            self.source,
            primary_key=self.affected[table.report.of][0],
            changed_dimensions=list(self.since.dimensions),
        )
        if not table.report.sums:
            return self._differ(names, select_of("affected"), affected=table.report.of)
        sums = {
            column: {"type": table.columns[column], "known": known}
            for column, known in table.report.sums.items()
        }
        if table.report.is_of_metrics:
            changed = select_of("changes")
        else:
            changed = warehouse.sql(
                "reporting/editions/signed",
                key=table.key,
                sums=sums,
                now=select_of("affected"),
                was=select_of("was"),
            )
        warehouse.run(
            self.connection, "reporting/editions/delta", changes=changed, sums=sums, **names
        )
        return self._merge(names)

    def _differ(
        self, names: dict[str, Any], select: str, *, affected: str = "", batches: bool = False
    ) -> int:
        """Compare rows with those that are shown, and write the differences."""
        warehouse.run(
            self.connection,
            "reporting/editions/differences",
            select=select,
            affected=affected,
            batches=batches,
            **names,
        )
        return self._merge(names)

    def _merge(self, names: dict[str, Any]) -> int:
        changed = int(warehouse.query(self.connection, "reporting/editions/count")[0]["changed"])
        if changed:
            warehouse.run(self.connection, "reporting/editions/merge", **names)
        return changed
