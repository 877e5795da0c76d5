"""Count tables: counts about people who are not the reader's own, with small cells suppressed.

A count table is a folder of ``include/sql/reporting`` with a SELECT, ``counts.sql``, and the
description of its columns, ``counts.yaml``. It is counted for each reader that may read it: what
the reader knows, the rows of its own members, is left out of every count about others. The table
``counts.<name>_unsuppressed`` keeps what was counted, and no reader can reach it; ``counts.<name>``
is what is published. A cell whose new value would reveal a small count keeps the value published
before, with its own ``as_of``.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg import Connection

from claimhouse import reference, settings, strict_yaml, warehouse
from claimhouse.privacy import SMALL_CELLS
from claimhouse.reporting import reports

if TYPE_CHECKING:
    from claimhouse.reporting.suppression import Cell

log = logging.getLogger(__name__)

# The member of a dimension that is its total.
TOTAL = "all"
# A refresh that could publish fewer than this share of the cells published before is postponed: the
# table published before is complete and consistent, and repeating it reveals nothing.
WORTH_PUBLISHING = 0.8
# A year is closed once the data reach this many months into the next: bills come in late.
RUN_OUT_MONTHS = 3

# The facts that can be counted: `sql/small_cells/known.sql` knows who has seen which of their rows.
FACTS = ("fact_encounter", "fact_procedure", "fact_claim")
# What readers know follows from these, whatever a count table counts.
_KNOWN_BY = {
    "fact_encounter", "fact_procedure", "dim_patient", "dim_payer", "dim_procedure", "dim_provider",
}  # fmt: skip
# The view of what table_number stands for.
_TABLES = "counted_table"
# Columns whose values have a table of their own each, without a total over them.
_PARTITION = ("client", "source_system", "restricted_specialty")

_REPORTS = settings.INCLUDE / "sql" / "reporting"

# A cell as the SQL files return it: its keys and counts by column.
Row = dict[str, Any]


class SmallCellsError(RuntimeError):
    """Counts that must not be published; the message names the count table and says why."""


@dataclass(frozen=True)
class CountTable:
    """A table of counts.

    Attributes:
        year: the column with the year, if each year is a table of its own.
        dimensions: lists of columns, each from coarse to fine.
        count: the column with distinct patients.
        measures: the columns suppressed together with the count.
        with_own: those of the measures that the reader's own rows are part of too.
        own: by column the group that the reader sees in full anyway and that is part of no total.
    """

    name: str
    year: str | None
    dimensions: tuple[tuple[str, ...], ...]
    count: str
    measures: tuple[str, ...]
    with_own: tuple[str, ...]
    own: dict[str, str]

    @property
    def partition_by(self) -> tuple[str, ...]:
        """The columns whose values have a table of their own each, without a total over them."""
        return (*_PARTITION, self.year) if self.year else _PARTITION

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
            "year": self.year,
            "keys": self.keys,
            "count": self.count,
            "with_own": self.with_own,
            "of_others": [
                self.count,
                *(name for name in self.measures if name not in self.with_own),
            ],
            "values": [self.count, *self.measures, "as_of"],
            "columns": [*self.keys, self.count, *self.measures],
        }


def load_all() -> list[CountTable]:
    """The count tables of ``include/sql/reporting``, by name.

    Raises:
        strict_yaml.YamlError: a description cannot be used; the message names file and line.
    """
    return [load(file) for file in sorted(_REPORTS.glob("*/counts.yaml"))]


def load(file: Path) -> CountTable:
    """The count table that *file*, a ``counts.yaml``, describes.

    Raises:
        strict_yaml.YamlError: the description cannot be used; the message names file and line.
    """
    data = strict_yaml.read(file, settings.INCLUDE / "counts_schema.yaml").data
    return CountTable(
        name=file.parent.name,
        year=data.get("year"),
        dimensions=tuple(tuple(columns) for columns in data["dimensions"]),
        count=data["count"],
        measures=(*data["measures"], *data.get("measures_with_own", ())),
        with_own=tuple(data.get("measures_with_own", ())),
        own=data.get("own", {}),
    )


def create(connection: Connection[Any]) -> None:
    """Create the count tables that are missing; one whose columns have changed starts empty.

    Args:
        connection: a connection of the warehouse's owner, in a transaction.

    Raises:
        SmallCellsError: a count table counts what a reader knows, or a reader may read two count
            tables of the same rows.
    """
    warehouse.run(connection, "reporting/small_cells/comment")
    warehouse.run(connection, "reporting/small_cells/counting_reader")
    warehouse.run(connection, "reporting/small_cells/rows", facts=FACTS)
    tables = load_all()
    facts = {table.name: _check(connection, table).facts for table in tables}
    _check_readers(connection, facts, _reports_by_table([table.name for table in tables]))
    for table in tables:
        _view(connection, table)
        names = table.template_names()
        warehouse.run(connection, "reporting/small_cells/create", **names)


def refresh(
    connection: Connection[Any], source: str, changed: Collection[str] | None = None
) -> list[str]:
    """Count the count tables of a source system again and publish what may be published.

    Args:
        connection: a connection of the warehouse's owner, in the transaction of the publication.
        source: the source system.
        changed: the tables of the star that have changed since the last refresh: a count table whose
            rows are in none of them is not counted again. None where any may have changed.

    Returns:
        The names of the count tables in which anything had changed.
    """
    warehouse.run(connection, "reporting/small_cells/counting_reader")
    tables = load_all()
    read_by = _reports_by_table([table.name for table in tables])
    if not _readers(connection, source, [name for names in read_by.values() for name in names]):
        return []
    warehouse.run(connection, "reporting/small_cells/rows", facts=FACTS)
    known = warehouse.query(connection, "reporting/small_cells/own_values", source)
    due = [
        table
        for table in tables
        if (readers := _readers(connection, source, read_by[table.name]))
        and _is_due(connection, table, source, changed, [readers, known])
    ]
    if not due:
        return []
    warehouse.run(connection, "reporting/small_cells/known", source=source)
    refreshed = []
    for table in due:
        _readers(connection, source, read_by[table.name])
        if _refresh(connection, table, source):
            refreshed.append(table.name)
    return refreshed


def _readers(connection: Connection[Any], source: str, reports: list[str]) -> list[str]:
    """For whom the rows of a count table that *reports* read are counted from now on."""
    rows = warehouse.query(connection, "reporting/small_cells/readers", json.dumps(reports), source)
    return sorted(row["client"] for row in rows)


def _is_due(
    connection: Connection[Any],
    table: CountTable,
    source: str,
    changed: Collection[str] | None,
    known: list[Any],
) -> bool:
    """Whether a count table may have other cells than when it was counted last; notes what they follow from."""
    relations = _check(connection, table).relations
    day = warehouse.query(connection, "reporting/small_cells/day", source)
    follows_from = [
        known,
        reference.digest(),
        warehouse.sql("reporting/small_cells/rows", facts=FACTS),
        warehouse.sql("reporting/small_cells/known", source=source),
        warehouse.sql(f"reporting/{table.name}/counts"),
        # A year is closed as time goes by.
        day if table.year else bool(day),
    ]
    basis = hashlib.sha256(json.dumps(follows_from, default=str).encode()).hexdigest()
    is_new = warehouse.query(
        connection, "reporting/editions/basis", f"counts.{table.name}", 0, source, basis
    )
    return bool(is_new) or changed is None or not _KNOWN_BY.union(relations).isdisjoint(changed)


@dataclass(frozen=True)
class _Counted:
    """What a count table counts.

    Attributes:
        facts: the facts of which it counts rows.
        relations: the tables of the star that it reads.
    """

    facts: list[str]
    relations: list[str]


def _check(connection: Connection[Any], table: CountTable) -> _Counted:
    """What a count table counts. The server says what its SELECT reads.

    Raises:
        SmallCellsError: the SELECT reads rows that the reader knows.
    """
    _view(connection, table)
    view = "own_and_others_" if table.own else "others_"
    facts = {f"{view}{fact}": fact for fact in FACTS}
    counted, dimensions = [], []
    for row in warehouse.query(connection, "reporting/small_cells/relations"):
        schema, relation = row["schema"], row["relation"]
        if row["is_temporary"] and relation in facts:
            counted.append(facts[relation])
        elif schema == "star" and relation.startswith("dim_"):
            dimensions.append(relation)
        elif schema != "reference" and not (row["is_temporary"] and relation == _TABLES):
            place = "pg_temp" if row["is_temporary"] else schema
            raise SmallCellsError(
                f"{table.name}/counts.sql reads {place}.{relation}: a count table reads "
                f"pg_temp.{view}<fact>, pg_temp.{_TABLES}, dimensions and reference lists, so that "
                "what a reader knows is left out of what it is shown about others"
            )
    if not counted:
        raise SmallCellsError(f"{table.name}/counts.sql reads no view pg_temp.{view}<fact>")
    return _Counted(counted, counted + dimensions)


def _view(connection: Connection[Any], table: CountTable) -> None:
    """Create the temporary view ``counting``, the SELECT of a count table."""
    select = warehouse.sql(f"reporting/{table.name}/counts")
    warehouse.run(connection, "reporting/small_cells/counting", select=select)


def _reports_by_table(tables: list[str]) -> dict[str, list[str]]:
    """The reports that read each count table, through other reports too."""
    loaded = {name: reports.load(name) for name in reports.names()}

    def reads(report: str, table: str) -> bool:
        return table in loaded[report].counts or any(
            reads(other, table) for other in loaded[report].reads
        )

    return {table: [name for name in loaded if reads(name, table)] for table in tables}


def _check_readers(
    connection: Connection[Any], facts: dict[str, list[str]], read_by: dict[str, list[str]]
) -> None:
    """Refuse a reader of two count tables of one fact: what one hides the other may show.

    Raises:
        SmallCellsError: the message names the readers and the tables.
    """
    problems = []
    for row in warehouse.query(connection, "reporting/small_cells/reports"):
        read = [table for table in read_by if set(read_by[table]) & set(row["reports"])]
        for fact in FACTS:
            same = [table for table in read if fact in facts[table]]
            if len(same) > 1:
                problems.append(f"{row['client']} may read {' and '.join(same)}, both of {fact}")
    if problems:
        raise SmallCellsError(
            "a cell that one count table hides could be derived from another: "
            + "; ".join(problems)
        )


def _refresh(connection: Connection[Any], table: CountTable, source: str) -> bool:
    facts = _check(connection, table).facts
    names = table.template_names() | {
        "fact": facts[0],
        "run_out_months": RUN_OUT_MONTHS,
        "source": source,
    }
    warehouse.run(connection, "reporting/small_cells/count", **names)
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
    """The cells of a partition and whether each is hidden; none if its refresh waits."""
    others = {table.cell(row): row for row in rows if not table.is_own(row)}
    is_closed = any(row["is_closed"] for row in rows)
    was_closed = any(row["was_closed"] for row in rows)
    if not any(row["has_changed"] for row in rows):
        if is_closed and was_closed:
            return
        hidden: frozenset[Cell] | None = frozenset(
            cell for cell, row in others.items() if row["was_hidden"]
        )
    elif is_closed and was_closed:
        hidden = _hidden_of_closed(others)
    else:
        hidden = _hidden_cells(others, 0 if is_closed else WORTH_PUBLISHING)
    if hidden is None:
        log.info("a partition of %s waits: too many changes are small", table.name)
        return
    for row in rows:
        if row["new_count"] is not None:
            key = {column: row[column] for column in table.keys}
            yield key | {"is_hidden": not table.is_own(row) and table.cell(row) in hidden}


def _hidden_of_closed(rows: dict[Cell, Row]) -> frozenset[Cell] | None:
    """The cells to hide of a closed year that was published; None while it waits.

    A correction waits until there are so many of them that no cell, shown or hidden, differs by a
    small count: whoever compares two editions of a year then finds changes of many people only.
    """
    if any(
        row["has_changed"]
        and abs((row["new_count"] or 0) - (row["previous_count"] or 0)) in range(SMALL_CELLS.stop)
        for row in rows.values()
    ):
        return None
    return _hidden_cells(rows, 0)


def _hidden_cells(rows: dict[Cell, Row], worth_publishing: float) -> frozenset[Cell] | None:
    """The cells to hide; None if too few cells could be published."""
    from claimhouse.reporting import suppression

    counts = _known(rows, "new_count")
    previous = _known(rows, "previous_count")
    if not previous:
        return suppression.suppress(counts)
    published = _known(rows, "published_count")
    # As many patients as before and other sums: how many are behind the change nobody counted.
    unclear = frozenset(
        cell
        for cell, row in rows.items()
        if row["is_unpublished"] and row["new_count"] == row["published_count"]
    )
    enough = worth_publishing * len(published)
    changes = (
        cell not in unclear and abs(counts.get(cell, 0) - count) not in SMALL_CELLS
        for cell, count in published.items()
    )
    if sum(changes) < enough:
        return None
    was_hidden = frozenset(cell for cell, row in rows.items() if row["was_hidden"])
    hidden = suppression.suppress(
        counts, suppression.Version(previous, was_hidden), published, unclear
    )
    return hidden if len(counts.keys() - hidden) >= enough else None


def _known(rows: dict[Cell, Row], column: str) -> dict[Cell, int]:
    return {cell: row[column] for cell, row in rows.items() if row[column] is not None}
