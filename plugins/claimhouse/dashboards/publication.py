"""What publication checks of dashboards: that their readers may read them, and that every column is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from psycopg import Connection

from claimhouse import settings, strict_yaml, warehouse
from claimhouse.dashboards import model
from claimhouse.dashboards.model import Dashboard, Tile
from claimhouse.strict_yaml import Place


def check(folder: Path | None = None) -> dict[str, Dashboard]:
    """The dashboards, by name; refuses them all where one shows what a reader of it is not entitled to.

    Raises:
        YamlError: the message names file and line.
    """
    return model.load_all(folder)


def check_columns(connection: Connection[Any], folder: Path | None = None) -> None:
    """Check that the published reports have every column that a dashboard names.

    Args:
        connection: a transaction of the warehouse's owner, after publication.
        folder: ``include/dashboards`` by default.

    Raises:
        YamlError: a report lacks one; the message names file and line.
    """
    shapes = _Shapes(connection)
    for dashboard in check(folder).values():
        file = (folder or settings.INCLUDE / "dashboards") / f"{dashboard.name}.yaml"
        document = strict_yaml.read(file)
        for place, report, column in _named(dashboard):
            # A report of rows that nobody has sent yet is not there, and its tiles say so.
            if shapes.of(report) and column not in shapes.of(report):
                raise document.error(place, f"{report} has no column {column}")
        for number, entry in enumerate(dashboard.filters):
            if not any(shapes.have(tile, entry.field) for tile in dashboard.tiles):
                raise document.error(["filters", number, "field"], "no tile has this field")


class _Shapes:
    """The columns of the published reports."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection
        self._known: dict[str, set[str]] = {}

    def of(self, report: str) -> set[str]:
        """The columns of a report; none of one that is not there."""
        if report not in self._known:
            found = warehouse.columns(self._connection, "reporting", report)
            self._known[report] = set(found)
        return self._known[report]

    def have(self, tile: Tile, name: str) -> bool:
        """Whether a tile has a field, or may have it once its report is there."""
        report = tile.source.report
        if report is None:
            return model.can_be(tile.source, name)
        return name in model.known_reports()[report].cuts or name in (self.of(report) or {name})


def _named(dashboard: Dashboard) -> Iterator[tuple[Place, str, str]]:
    """Each column of a report that a dashboard names, and where."""
    for row, tiles in enumerate(dashboard.rows):
        for number, tile in enumerate(tiles):
            if tile.source.report:
                for key, column in _columns(tile):
                    yield ["rows", row, number, key], tile.source.report, column


def _columns(tile: Tile) -> Iterator[tuple[str, str]]:
    """The columns of its report that a tile names, and under which key."""
    report = model.known_reports()[tile.source.report or ""]
    keys = {
        "by": tile.by,
        "split": tile.fields[len(tile.by) :],
        "where": tile.where,
        "except": tile.but,
        "columns": tile.columns,
    }
    for key, names in keys.items():
        for name in names:
            column = report.cuts.get(name, name)
            yield key, column if isinstance(column, str) else next(iter(column.values()))
    for name in tile.measures:
        measure = report.measures[name]
        for part in ("sum", "distinct", "over", "less"):
            if part in measure:
                yield "measures", measure[part]
