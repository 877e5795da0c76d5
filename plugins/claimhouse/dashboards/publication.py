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
    shapes: dict[str, set[str]] = {}
    for dashboard in check(folder).values():
        file = (folder or settings.INCLUDE / "dashboards") / f"{dashboard.name}.yaml"
        document = strict_yaml.read(file)
        for place, report, column in _named(dashboard):
            if report not in shapes:
                shapes[report] = set(warehouse.columns(connection, "reporting", report))
            # A report of rows that nobody has sent yet is not there, and its tiles say so.
            if shapes[report] and column not in shapes[report]:
                raise document.error(place, f"{report} has no column {column}")


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
        for part in ("sum", "distinct", "over"):
            if part in measure:
                yield "measures", measure[part]
