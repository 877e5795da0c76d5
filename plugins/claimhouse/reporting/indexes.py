"""The indexes of published reports, by which readers look rows up, page through them and find the largest.

They follow from the report and its rows: its key, the columns with many values, and its amounts. All
partitions of a report have the same, whatever is in them: everybody may read the names of indexes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from psycopg import Connection

from claimhouse import warehouse
from claimhouse.reporting.tables import Table

# A report none of whose partitions has so many rows is read as a whole, in some 10 ms.
LARGE = 20_000
# A value of a column with fewer is in so many rows that reading all of them is as fast.
FEWEST_VALUES = 25
# Longer values are text to read, not to look up.
MOST_BYTES = 40
# Of a report of many columns, those with the most values.
MOST_COLUMNS = 8
# Rows that are the same in so many columns of their key are few.
MOST_IN_ORDER = 4
_LOOKED_UP = ("text", "date", "uuid", "bigint", "integer")


def create(connection: Connection[Any], tables: Iterable[Table]) -> None:
    """Create the indexes that are missing. Waits for no reader, and no reader waits for it."""
    by_name = {table.report.name: table for table in tables}
    known = warehouse.query(connection, "reporting/indexes/columns", list(by_name), LARGE)
    wanted = [
        (report, ", ".join(columns))
        for report, rows in groupby(known, key=lambda row: str(row["report"]))
        for columns in of(by_name[report], list(rows))
    ]
    reports, columns = [report for report, _ in wanted], [columns for _, columns in wanted]
    for missing in warehouse.query(connection, "reporting/indexes/missing", reports, columns):
        warehouse.run(connection, "reporting/indexes/create", **missing)


def of(table: Table, known: Sequence[dict[str, Any]]) -> list[list[str]]:
    """The columns of each index of a report.

    Args:
        table: the report's table.
        known: ``name``, ``distinct_values`` and ``bytes`` of its columns, those with the most values first.
    """
    shown = set(table.shown)
    key = [column for column in table.key if column in shown]
    # An edition of a report of sums updates sums in place, which an index on them would keep from being cheap.
    amounts = () if table.report.sums else ("numeric",)
    # The second column of a key after the source system, of which there are few, is found in the index of the key.
    is_found = set(key[: 2 if key[:1] == ["source_system"] else 1])
    looked_up = [
        row["name"]
        for row in known
        if row["name"] in shown - is_found
        and row["distinct_values"] >= FEWEST_VALUES
        and row["bytes"] <= MOST_BYTES
        and _is_looked_up(table, row["name"], amounts)
    ]
    return ([key] if key else []) + [[column] for column in looked_up[:MOST_COLUMNS]]


def order(table: Table) -> list[str]:
    """The columns in whose order the first rows are written: a day or month, or else the key's first.

    What a reader asks for together, the rows of a month or of a group, is then in few pages.
    """
    days = [column for column, kind in table.columns.items() if kind == "date"]
    return days[:1] or list(table.key[:MOST_IN_ORDER])


def _is_looked_up(table: Table, column: str, amounts: tuple[str, ...]) -> bool:
    kind = table.columns[column]
    if kind in ("bigint", "integer"):
        return column.endswith(("_id", "_number"))
    return kind in _LOOKED_UP or kind.startswith(amounts)
