"""Mapping files: what a source brings to the star, one SELECT a target and feed.

``include/sql/mapping/<source>/<target>.sql`` is laid as the view ``source_<source>.star_<target>``.
Where several feeds fill one target, each has a file ``<target>__<feed>.sql``, and the view unites
their rows by the columns' names.

A source whose feeds are layouts of one subject brings them into one shape first: the target
``shape_<name>`` is no table of the star, but a view that the other mappings read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection, sql

from claimhouse import settings, warehouse

SHAPE = "shape_"


class MappingError(ValueError):
    """Mapping files that contradict each other; the message names them."""


def targets(source: str) -> list[str]:
    """The star tables that *source* has a mapping for."""
    return [one for one in _laid(source) if not one.startswith(SHAPE)]


def lay(connection: Connection[Any], source: str) -> None:
    """Lay every mapping of *source* as a view; safe to repeat, also when a file has changed.

    Raises:
        MappingError: a target has a file of its own beside files of its feeds.
    """
    for target in _laid(source):
        stems = [file.stem for file in _files(source) if _target(file) == target]
        if stems == [target]:
            _lay_file(connection, source, target)
        elif target in stems:
            raise MappingError(
                f"include/sql/mapping/{source}: {target}.sql and {target}__*.sql exclude each other"
            )
        else:
            _lay_union(connection, source, target, stems)


def columns(connection: Connection[Any], source: str, target: str) -> dict[str, str]:
    """The columns that *source* brings for *target*, and their types."""
    return warehouse.columns(connection, f"source_{source}", f"star_{target}")


def _laid(source: str) -> list[str]:
    """What the mapping files of *source* fill, shapes first: the others may read them."""
    found = {_target(file) for file in _files(source)}
    return sorted(found, key=lambda one: (not one.startswith(SHAPE), one))


def _files(source: str) -> list[Path]:
    return sorted((settings.INCLUDE / "sql" / "mapping" / source).glob("*.sql"))


def _target(file: Path) -> str:
    return file.stem.split("__")[0]


def _lay_file(connection: Connection[Any], source: str, stem: str) -> None:
    select = sql.SQL(warehouse.sql(f"mapping/{source}/{stem}"))
    _lay_view(connection, sql.Identifier(f"source_{source}", f"star_{stem}"), select)


def _lay_union(connection: Connection[Any], source: str, target: str, stems: list[str]) -> None:
    """Lay the files of *stems* and, over them, the view that unites their rows."""
    schema = f"source_{source}"
    view = sql.Identifier(schema, f"star_{target}")
    for stem in stems:
        _lay_file(connection, source, stem)
    parts = [columns(connection, source, stem) for stem in stems]
    types: dict[str, str] = {}
    for part in parts:
        types |= {name: kind for name, kind in part.items() if name not in types}
    selects = [
        sql.SQL("select {} from {}").format(
            sql.SQL(", ").join(
                sql.SQL("{}::{} as {}").format(
                    sql.Identifier(name) if name in part else sql.SQL("null"),
                    sql.SQL(kind),
                    sql.Identifier(name),
                )
                for name, kind in types.items()
            ),
            sql.Identifier(schema, f"star_{stem}"),
        )
        for stem, part in zip(stems, parts, strict=True)
    ]
    _lay_view(connection, view, sql.SQL(" union all ").join(selects))


def _lay_view(connection: Connection[Any], view: sql.Identifier, select: sql.Composable) -> None:
    create = sql.SQL("create or replace view {} as {}").format(view, select)
    try:
        with connection.transaction():
            connection.execute(create)
    except psycopg.errors.InvalidTableDefinition:  # a column was renamed, moved or dropped
        with connection.transaction():
            # What reads it (a union, what reads a shape) goes with it, and is laid again after it.
            connection.execute(sql.SQL("drop view {} cascade").format(view))
            connection.execute(create)
