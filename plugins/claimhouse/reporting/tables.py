"""The tables of the schema ``published``: one for each report, with a partition for each audience."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from claimhouse import warehouse
from claimhouse.reporting import reports, selects
from claimhouse.reporting.audiences import Audience, Succession
from claimhouse.reporting.reports import Report

# The columns that each table has before those of its report.
OWN_COLUMNS = {"audience": "integer", "row_key": "uuid", "edition_from": "integer"}
SCHEMA = "published"
# For whom a SELECT is described: its columns are the same for everybody.
NOBODY = Audience(level="aggregate", client=None, entitlements=())


@dataclass(frozen=True)
class Table:
    """The table of a report.

    Attributes:
        columns: the types of the SELECT's columns, by name and in order.
        key: the columns that tell the rows of an audience apart.
    """

    report: Report
    columns: Mapping[str, str]
    key: tuple[str, ...]

    @property
    def shown(self) -> list[str]:
        """The columns that readers see, without ``as_of``."""
        return [
            column
            for column in self.columns
            if column not in self.report.hidden and column != "as_of"
        ]

    @property
    def has_as_of(self) -> bool:
        """Whether each row says itself as of when it is."""
        return "as_of" in self.columns

    def names(self, audience: Audience) -> dict[str, Any]:
        """What SQL files call the parts."""
        return {
            "report": self.report.name,
            "partition": f"{self.report.name}_{audience.number}",
            "number": audience.number,
            "fields": list(self.columns),
            "key": list(self.key),
        }


def create(
    connection: Connection[Any],
    reports: Iterable[Report],
    audiences: Sequence[Audience],
    successions: Iterable[Succession] = (),
) -> list[Table]:
    """Create the tables and partitions that are missing, and delete what nobody reads any more.

    A table whose columns have changed keeps its rows.

    Args:
        connection: a connection of the warehouse's owner, in a transaction.
        reports: all reports.
        audiences: all audiences.
        successions: those of them that go on with rows of earlier ones.

    Returns:
        The tables of those *reports* that have a SELECT.
    """
    tables = []
    warehouse.run(connection, "reporting/editions/temporary")
    for audience in audiences:
        warehouse.run(connection, "reporting/tables/edition", number=audience.number)
    for report in reports:
        if report.select and (table := _create(connection, report)):
            tables.append(table)
            for audience in audiences:
                if report.name in audience.reports:
                    names = table.names(audience) | {"sums": report.sums}
                    warehouse.run(connection, "reporting/tables/partition", **names)
        if report.select and report.identified_by:
            names = {"report": report.name, "key": list(report.identified_by)}
            warehouse.run(connection, "reporting/tables/deliver", **names)
    for succession in successions:
        _succeed(connection, tables, succession)
    kept = [table.report.name for table in tables]
    for row in warehouse.query(connection, "reporting/tables/dropped", kept):
        warehouse.run(connection, "reporting/tables/drop", report=row["report"])
    for table in tables:
        numbers = [a.number for a in audiences if table.report.name in a.reports]
        warehouse.run(
            connection, "reporting/tables/forget", report=table.report.name, numbers=numbers
        )
    return tables


def _create(connection: Connection[Any], report: Report) -> Table | None:
    """The table of *report*; None where its feed has no table yet."""
    feed, source = report.names.get("feed"), report.names.get("source_of_feed", "")
    if feed and not warehouse.columns(connection, f"source_{source}", feed):
        return None
    text = selects.select(report, NOBODY, source)
    warehouse.run(connection, "reporting/tables/describe", select=text)
    described = warehouse.query(connection, "reporting/tables/columns")
    columns = {row["name"]: row["type"] for row in described}
    reports.check_columns(report, columns)
    key = report.key or tuple(_primary_key(connection, report.of or ""))
    existing = warehouse.columns(connection, SCHEMA, report.name)
    wanted = OWN_COLUMNS | columns
    if not existing:
        warehouse.run(connection, "reporting/tables/create", report=report.name, typed=described)
    elif existing != wanted:
        warehouse.run(
            connection,
            "reporting/tables/change",
            report=report.name,
            dropped=[name for name in existing if existing[name] != wanted.get(name)],
            added=[
                column for column in described if column["type"] != existing.get(column["name"])
            ],
        )
    return Table(report, columns, key)


def _succeed(connection: Connection[Any], tables: Iterable[Table], succession: Succession) -> None:
    """Let an audience go on with the rows of an earlier one that it may see, and with no others."""
    audience, earlier = succession.audience, succession.predecessor
    for table in tables:
        if table.report.name not in audience.reports:
            continue
        for source in sorted(earlier.sources):
            names = table.names(audience) | {"source": source, "earlier": earlier.number}
            keeps = succession.keeps(table.report, source)
            if succession.is_renamed and not keeps:
                warehouse.run(connection, "reporting/tables/close", **names)
            if not succession.is_renamed and keeps and _has_partition(connection, table, earlier):
                warehouse.run(connection, "reporting/tables/keep", **names)
            if keeps and succession.completes(table.report, source):
                warehouse.query(
                    connection,
                    "reporting/tables/incomplete",
                    table.report.name,
                    audience.number,
                    source,
                )
    for source in sorted(earlier.sources):
        if not audience.may_see(earlier, source):
            if succession.is_renamed:
                warehouse.query(
                    connection, "reporting/tables/close_edition", audience.number, source
                )
        elif not succession.is_renamed:
            warehouse.query(
                connection, "reporting/tables/keep_edition", audience.number, source, earlier.number
            )


def _has_partition(connection: Connection[Any], table: Table, audience: Audience) -> bool:
    return bool(warehouse.columns(connection, SCHEMA, table.names(audience)["partition"]))


def _primary_key(connection: Connection[Any], fact: str) -> list[str]:
    rows = warehouse.query(connection, "catalog/key_columns", "star", fact)
    return [row["name"] for row in rows]
