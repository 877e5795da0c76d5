"""Summaries about people who are not the reader's own: counted, their small cells hidden, published.

``include/aggregates.yaml`` names them and says which columns are their dimensions; each is the
SELECT ``include/sql/reporting/<name>/counts.sql``. What was counted is kept in
``summary.<name>_counted``, which no reader reaches; what is shown stands in ``summary.<name>``.
A cell whose new value would tell too much goes on showing the old one, with its own ``as_of``.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import yaml
from psycopg import Connection

from claimhouse import settings, warehouse
from claimhouse.reporting import suppression
from claimhouse.reporting.suppression import SMALL, Cell, Version

log = logging.getLogger(__name__)

TOTAL = "all"
# A refresh that could show less than this share of the cells shown before is put off: the old
# table, whole and consistent, tells a reader more, and telling nothing new it is safe.
WORTH_SHOWING = 0.8


@dataclass(frozen=True)
class Summary:
    """One table of counts.

    Attributes:
        tables: columns whose values have a table of their own each.
        dimensions: each its columns from coarse to fine.
        count: the column of distinct patients.
        measures: the columns hidden together with it.
        own: the group, by column, whose rows are shown in full and part of no total.
    """

    name: str
    tables: tuple[str, ...]
    dimensions: tuple[tuple[str, ...], ...]
    count: str
    measures: tuple[str, ...]
    own: dict[str, str]

    @property
    def keys(self) -> list[str]:
        """The columns that tell the cells apart."""
        return [*self.tables, *(column for one in self.dimensions for column in one)]

    def cell(self, row: dict[str, Any]) -> Cell:
        """The place of a row in its table."""
        return tuple(
            tuple(row[column] for column in columns if row[column] != TOTAL)
            for columns in self.dimensions
        )

    def is_own(self, row: dict[str, Any]) -> bool:
        """Whether the reader sees the people of this row anyway."""
        return any(row[column] == group for column, group in self.own.items())


def load() -> list[Summary]:
    """The summaries of ``include/aggregates.yaml``."""
    said = yaml.safe_load((settings.INCLUDE / "aggregates.yaml").read_text(encoding="utf-8"))
    return [
        Summary(
            name=name,
            tables=tuple(one["tables"]),
            dimensions=tuple(tuple(columns) for columns in one["dimensions"]),
            count=one["count"],
            measures=tuple(one["measures"]),
            own=one.get("own", {}),
        )
        for name, one in said.items()
    ]


def refresh(connection: Connection[Any]) -> list[str]:
    """Count every summary anew and show what may be shown; in a transaction of the caller.

    Returns:
        The summaries in which anything had changed.
    """
    return [one.name for one in load() if _refresh(connection, one)]


def _refresh(connection: Connection[Any], summary: Summary) -> bool:
    names = {
        "name": summary.name,
        "tables": list(summary.tables),
        "keys": summary.keys,
        "count": summary.count,
        "values": [summary.count, *summary.measures, "as_of"],
        "columns": [*summary.keys, summary.count, *summary.measures],
    }
    select = warehouse.sql(f"reporting/{summary.name}/counts")
    warehouse.run(connection, "reporting/small_cells/counted", select=select)
    warehouse.run(connection, "reporting/small_cells/tables", **names)
    if not warehouse.query(connection, "reporting/small_cells/is_new", **names)[0]["is_new"]:
        return False
    tables: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in warehouse.query(connection, "reporting/small_cells/cells", **names):
        tables[tuple(row[column] for column in summary.tables)].append(row)
    judged = [
        row
        for rows in tables.values()
        if any(one["now_count"] is not None for one in rows)  # else its source is being loaded
        for row in _judged(summary, rows)
    ]
    warehouse.query(connection, "reporting/small_cells/write_shown", json.dumps(judged), **names)
    warehouse.query(connection, "reporting/small_cells/write_counted", json.dumps(judged), **names)
    log.info("summary %s: %s tables, %s cells", summary.name, len(tables), len(judged))
    return True


def _judged(summary: Summary, rows: list[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """The cells of one table with whether each is hidden; none where the refresh is put off."""
    others = {summary.cell(row): row for row in rows if not summary.is_own(row)}
    counts = {
        cell: row["now_count"] for cell, row in others.items() if row["now_count"] is not None
    }
    hidden = _hidden(counts, others)
    if hidden is None:
        log.info("a table of %s waits: too many of its changes are small", summary.name)
        return
    for row in rows:
        if row["now_count"] is not None:
            key = {column: row[column] for column in summary.keys}
            yield key | {"is_hidden": not summary.is_own(row) and summary.cell(row) in hidden}


def _hidden(counts: dict[Cell, int], rows: dict[Cell, dict[str, Any]]) -> frozenset[Cell] | None:
    before = {
        cell: row["before_count"] for cell, row in rows.items() if row["before_count"] is not None
    }
    if not before:
        return suppression.suppress(counts)
    shown = {
        cell: row["shown_count"] for cell, row in rows.items() if row["shown_count"] is not None
    }
    enough = WORTH_SHOWING * len(shown)
    if sum(abs(counts.get(cell, 0) - count) not in SMALL for cell, count in shown.items()) < enough:
        return None
    was_hidden = frozenset(cell for cell, row in rows.items() if row["was_hidden"])
    hidden = suppression.suppress(counts, Version(before, was_hidden), shown)
    return hidden if len(counts.keys() - hidden) >= enough else None
