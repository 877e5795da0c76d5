"""The indexes of published reports, by which readers look rows up, page through them and find the largest.

They follow from what ``report.yaml`` says, and from nothing that is in the report: everybody may read the names of
indexes in the catalogs. So all partitions of a report have the same, an empty one too.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from psycopg import Connection
from psycopg.errors import ProgramLimitExceeded

from claimhouse import warehouse
from claimhouse.reporting.tables import SCHEMA, Table

log = logging.getLogger(__name__)

# Rows that are the same in so many columns of their key are few.
MOST_IN_ORDER = 4
# What tells rows apart, whatever their key is.
_ROW_KEY = "row_key"


@dataclass(frozen=True)
class Difference:
    """Indexes that a partition lacks, or has beyond those of its report.

    Attributes:
        partition: its name, below the schema ``published``.
        is_wanted: whether it lacks them.
        indexes: the ``name`` of each, and its ``columns`` where it is wanted.
    """

    partition: str
    is_wanted: bool
    indexes: tuple[dict[str, Any], ...]


def differences(connection: Connection[Any], tables: Iterable[Table]) -> list[Difference]:
    """Where the indexes of the published reports are not those that they should have.

    Args:
        connection: a connection of the warehouse's owner, outside a transaction.
        tables: the tables of all published reports.
    """
    wanted = [(table.report.name, ", ".join(columns)) for table in tables for columns in of(table)]
    reports, columns = [report for report, _ in wanted], [columns for _, columns in wanted]
    with connection.transaction():
        rows = warehouse.query(connection, "reporting/indexes/different", reports, columns)
    grouped = groupby(rows, key=lambda row: (row["partition"], row["is_wanted"]))
    return [Difference(*of_partition, tuple(found)) for of_partition, found in grouped]


def mend(connection: Connection[Any], difference: Difference) -> None:
    """Create the indexes that a partition lacks, or drop those that it has beyond its report's.

    It is done in a transaction of its own, which holds a lock on nothing else that a publication writes.
    Creating an index waits for no reader, and no reader waits for it; dropping one waits for those who read
    the partition.
    """
    if not difference.is_wanted:
        _drop(connection, difference.partition, difference.indexes)
        return
    try:
        _create(connection, difference.partition, difference.indexes)
    except ProgramLimitExceeded:
        for index in difference.indexes:
            with suppress(ProgramLimitExceeded):
                _create(connection, difference.partition, [index])


def drop_too_narrow(connection: Connection[Any], error: ProgramLimitExceeded) -> bool:
    """Drop the index of a report for which a value is too long, so that the edition can be published.

    A value that takes more than 2,704 bytes when it is compressed is too long.

    Returns:
        Whether *error* is about such an index.
    """
    place = error.diag
    if place.schema_name != SCHEMA or place.constraint_name is None:
        return False
    log.warning("an edition has a value that is too long for %s", place.constraint_name)
    _drop(connection, place.table_name or "", [{"name": place.constraint_name}])
    return True


def _create(connection: Connection[Any], partition: str, indexes: Sequence[dict[str, Any]]) -> None:
    with connection.transaction():
        warehouse.run(connection, "reporting/indexes/create", partition=partition, indexes=indexes)


def _drop(connection: Connection[Any], partition: str, indexes: Sequence[dict[str, Any]]) -> None:
    with connection.transaction():
        warehouse.run(connection, "reporting/indexes/drop", partition=partition, indexes=indexes)


def of(table: Table) -> list[list[str]]:
    """The columns of each index of a report, without regard to what is in it."""
    shown = set(table.shown)
    key = [column for column in table.key if column in shown]
    look_up = table.report.look_up
    # The second column of a key after the source system, of which there are few, is found in the index of the key.
    is_found = set(key[: 2 if key[:1] == ["source_system"] else 1])
    columns = [column for column in (key if look_up is None else look_up) if column not in is_found]
    return [[_ROW_KEY], *([key] if key else []), *([column] for column in columns)]


def order(table: Table) -> list[str]:
    """The columns in whose order the first rows are written: a day or month, or else the key's first.

    What a reader asks for together, the rows of a month or of a group, is then in few pages.
    """
    days = [column for column, kind in table.columns.items() if kind == "date"]
    return days[:1] or list(table.key[:MOST_IN_ORDER])
