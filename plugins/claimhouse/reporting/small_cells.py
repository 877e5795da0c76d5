"""Count tables: counts about people who are not the reader's own, with small cells suppressed.

A count table is a folder of ``include/sql/reporting`` with a SELECT, ``counts.sql``, and the
description of its columns, ``counts.yaml``. The table ``counts.<name>_unsuppressed`` keeps what was
counted, and no reader can reach it; ``counts.<name>`` is what is published. A cell whose new value
would reveal a small count keeps the value published before, with its own ``as_of``.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection

from claimhouse import settings, strict_yaml, warehouse
from claimhouse.privacy import SMALL_CELLS
from claimhouse.reporting import suppression
from claimhouse.reporting.suppression import Cell, Version

log = logging.getLogger(__name__)

# The member of a dimension that is its total.
TOTAL = "all"
# A refresh that could publish fewer than this share of the cells published before is postponed: the
# table published before is complete and consistent, and repeating it reveals nothing.
WORTH_PUBLISHING = 0.8

# A cell as the SQL files return it: its keys and counts by column.
Row = dict[str, Any]


@dataclass(frozen=True)
class CountTable:
    """A table of counts.

    Attributes:
        partition_by: columns whose values have a table of their own each, without a total over them.
        dimensions: lists of columns, each from coarse to fine.
        count: the column with distinct patients.
        measures: the columns suppressed together with the count.
        own: by column the group that the reader sees in full anyway and that is part of no total.
    """

    name: str
    partition_by: tuple[str, ...]
    dimensions: tuple[tuple[str, ...], ...]
    count: str
    measures: tuple[str, ...]
    own: dict[str, str]

    @property
    def keys(self) -> list[str]:
        """The columns that identify a cell."""
        return [*self.partition_by, *(column for columns in self.dimensions for column in columns)]

    def partition(self, row: Row) -> tuple[str, ...]:
        """The partition of a row."""
        return tuple(row[column] for column in self.partition_by)

    def cell(self, row: Row) -> Cell:
        """The cell of a row within its partition."""
        return tuple(
            tuple(row[column] for column in columns if row[column] != TOTAL)
            for columns in self.dimensions
        )

    def is_own(self, row: Row) -> bool:
        """Whether the people of a row are the reader's own."""
        return any(row[column] == group for column, group in self.own.items())

    def template_names(self) -> dict[str, Any]:
        """The names that the SQL files of this module use."""
        return {
            "name": self.name,
            "partition_by": list(self.partition_by),
            "keys": self.keys,
            "count": self.count,
            "values": [self.count, *self.measures, "as_of"],
            "columns": [*self.keys, self.count, *self.measures],
        }


def load_all() -> list[CountTable]:
    """The count tables of ``include/sql/reporting``, by name.

    Raises:
        strict_yaml.YamlError: a description cannot be used; the message names file and line.
    """
    files = sorted((settings.INCLUDE / "sql" / "reporting").glob("*/counts.yaml"))
    return [load(file) for file in files]


def load(file: Path) -> CountTable:
    """The count table that *file*, a ``counts.yaml``, describes.

    Raises:
        strict_yaml.YamlError: the description cannot be used; the message names file and line.
    """
    data = strict_yaml.read(file, settings.INCLUDE / "counts_schema.yaml").data
    return CountTable(
        name=file.parent.name,
        partition_by=tuple(data["partition_by"]),
        dimensions=tuple(tuple(columns) for columns in data["dimensions"]),
        count=data["count"],
        measures=tuple(data["measures"]),
        own=data.get("own", {}),
    )


def refresh(connection: Connection[Any]) -> list[str]:
    """Count every count table again and publish what may be published, in the caller's transaction.

    Returns:
        The names of the count tables in which anything had changed.
    """
    warehouse.run(connection, "reporting/small_cells/comment")
    return [table.name for table in load_all() if _refresh(connection, table)]


def _refresh(connection: Connection[Any], table: CountTable) -> bool:
    names = table.template_names()
    select = warehouse.sql(f"reporting/{table.name}/counts")
    warehouse.run(connection, "reporting/small_cells/count", select=select)
    warehouse.run(connection, "reporting/small_cells/create", **names)
    if not warehouse.query(connection, "reporting/small_cells/has_changed", **names)[0][
        "has_changed"
    ]:
        return False
    rows = warehouse.query(connection, "reporting/small_cells/cells", **names)
    cells = [cell for part in _partitions(table, rows) for cell in _decide(table, part)]
    written = json.dumps(cells)
    warehouse.query(connection, "reporting/small_cells/write_published", written, **names)
    warehouse.query(connection, "reporting/small_cells/write_unsuppressed", written, **names)
    log.info("count table %s: %s cells", table.name, len(cells))
    return True


def _partitions(table: CountTable, rows: Iterable[Row]) -> Iterator[list[Row]]:
    """The rows of each partition; a partition whose source is being loaded is left out."""
    partitions: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        partitions[table.partition(row)].append(row)
    for partition in partitions.values():
        if any(row["new_count"] is not None for row in partition):
            yield partition


def _decide(table: CountTable, rows: list[Row]) -> Iterator[Row]:
    """The cells of a partition and whether each is hidden; none if its refresh is postponed."""
    others = {table.cell(row): row for row in rows if not table.is_own(row)}
    hidden = _hidden_cells(others)
    if hidden is None:
        log.info("a partition of %s is postponed: too many changes are small", table.name)
        return
    for row in rows:
        if row["new_count"] is not None:
            key = {column: row[column] for column in table.keys}
            yield key | {"is_hidden": not table.is_own(row) and table.cell(row) in hidden}


def _hidden_cells(rows: dict[Cell, Row]) -> frozenset[Cell] | None:
    """The cells to hide; None if too few cells could be published."""
    counts = _known(rows, "new_count")
    previous = _known(rows, "previous_count")
    if not previous:
        return suppression.suppress(counts)
    published = _known(rows, "published_count")
    enough = WORTH_PUBLISHING * len(published)
    changes = (abs(counts.get(cell, 0) - count) for cell, count in published.items())
    if sum(change not in SMALL_CELLS for change in changes) < enough:
        return None
    was_hidden = frozenset(cell for cell, row in rows.items() if row["was_hidden"])
    hidden = suppression.suppress(counts, Version(previous, was_hidden), published)
    return hidden if len(counts.keys() - hidden) >= enough else None


def _known(rows: dict[Cell, Row], column: str) -> dict[Cell, int]:
    return {cell: row[column] for cell, row in rows.items() if row[column] is not None}
