"""The tables of the schema ``published``: one for each report, with a partition for each audience."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from claimhouse import warehouse
from claimhouse.reporting import selects
from claimhouse.reporting.audiences import Audience
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
    connection: Connection[Any], reports: Iterable[Report], audiences: Iterable[Audience]
) -> list[Table]:
    """Create the tables and partitions that are missing; a table whose columns have changed starts empty.

    Returns:
        The tables of those *reports* that have a SELECT.
    """
    tables = []
    audiences = list(audiences)
    warehouse.run(connection, "reporting/editions/temporary")
    for audience in audiences:
        warehouse.run(connection, "reporting/tables/edition", number=audience.number)
    for report in reports:
        if report.select and (table := _create(connection, report)):
            tables.append(table)
            for audience in audiences:
                if report.name in audience.reports:
                    warehouse.run(connection, "reporting/tables/partition", **table.names(audience))
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
    key = report.key or tuple(_primary_key(connection, report.of or ""))
    existing = list(warehouse.columns(connection, SCHEMA, report.name).items())
    if existing != [*OWN_COLUMNS.items(), *columns.items()]:
        warehouse.run(connection, "reporting/tables/create", report=report.name, typed=described)
    return Table(report, columns, key)


def _primary_key(connection: Connection[Any], fact: str) -> list[str]:
    rows = warehouse.query(connection, "catalog/key_columns", "star", fact)
    return [row["name"] for row in rows]
