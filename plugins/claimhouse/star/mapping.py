"""Mapping files: what a source system brings to the star, one SELECT for each target and feed.

``include/sql/mapping/<source>/<target>.sql`` becomes the view ``source_<source>.star_<target>``.
Where several feeds fill one target, each has a file ``<target>__<feed>.sql``, and the view unites
their rows by the columns' names; ``left_out`` says which of them the row's feed does not have.

A source system whose feeds are layouts of one subject brings them into one shape first: the target
``shape_<name>`` is no table of the star, but a view that other mappings read. Of facts and bridges that
read one, :mod:`layouts` says what the row's layout left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection, sql

from claimhouse import contracts, settings, warehouse
from claimhouse.star import layouts

SHAPE = layouts.SHAPE
# Where rows of several layouts are united: the columns that the row's layout does not have.
LEFT_OUT = layouts.LEFT_OUT
# The schema of a session's own views.
SCRATCH = "pg_temp"
# Another number where views follow otherwise from their files than before.
_FORM = "2"
# The targets whose rows are records of a fact.
_OF_RECORDS = ("fact_", "bridge_")


@dataclass(frozen=True)
class Lent:
    """What a source system that is tried has in the place of files of its own.

    Attributes:
        files: its mapping files.
        transactions: its feeds whose rows add up.
    """

    files: tuple[Path, ...]
    transactions: tuple[str, ...]


_LENT: dict[str, Lent] = {}


class MappingError(ValueError):
    """Mapping files that contradict each other; the message names them."""


class MissingMapping(LookupError):
    """A mapping file that is no view yet: nothing of its source system has been loaded."""


@contextmanager
def lent(source: str, what: Lent) -> Iterator[None]:
    """While a source system that is tried has the mapping files of another, or of a draft."""
    _LENT[source] = what
    try:
        yield
    finally:
        del _LENT[source]


def transactions(source: str) -> list[str]:
    """The feeds of *source* whose rows add up."""
    if source in _LENT:
        return list(_LENT[source].transactions)
    return [
        contract.feed for contract in contracts.of_source(source) if contract.rows_are_transactions
    ]


def targets(source: str) -> list[str]:
    """The star tables that *source* has a mapping for."""
    return [target for target in _views(source) if not target.startswith(SHAPE)]


def facts(source: str) -> list[str]:
    """The facts and bridges among :func:`targets`."""
    return [target for target in targets(source) if not target.startswith("dim_")]


def read_of_star(connection: Connection[Any], source: str) -> dict[str, list[str]]:
    """The tables and views of the star that the mappings of *source* read, by the target of the mapping.

    Mappings that read none are left out.
    """
    rows = warehouse.query(connection, "star/read_of_star", source)
    return {row["target"]: row["relations"] for row in rows}


def create(connection: Connection[Any], source: str) -> None:
    """Create every mapping of *source* as a view; safe to repeat, also when a file has changed.

    Where nothing has changed, nothing is created: who reads a view keeps no load waiting.

    Raises:
        MappingError: a target has a file of its own beside files of its feeds.
    """
    views = by_target(source)
    schema = f"source_{source}"
    created = sorted({name for target, stems in views.items() for name in (target, *stems)})
    basis = _basis(connection, source)
    if all(warehouse.view_is_of(connection, schema, f"star_{name}", basis) for name in created):
        return
    for target, stems in views.items():
        if stems == [target]:
            _create_from_file(connection, source, target)
        elif target in stems:
            raise MappingError(
                f"include/sql/mapping/{source}: {target}.sql and {target}__*.sql exclude each other"
            )
        else:
            for stem in stems:
                _create_from_file(connection, source, stem)
            create_union(connection, source, target, stems)
    for name in created:
        warehouse.note_view(connection, schema, f"star_{name}", basis)


def _basis(connection: Connection[Any], source: str) -> str:
    """What the views of *source* follow from: their files, and the columns of what they read."""
    columns = warehouse.query(
        connection, "catalog/columns_of_schemas", [f"source_{source}", "reference"]
    )
    texts = (warehouse.sql(f"mapping/{source}/{file.stem}") for file in _files(source))
    return "\n".join([_FORM, *texts, str(columns)])


def by_target(source: str) -> dict[str, list[str]]:
    """The names of the mapping files of *source* by what they fill, shapes first: the others may read them."""
    return {
        target: [file.stem for file in _files(source) if _target(file) == target]
        for target in _views(source)
    }


def columns(connection: Connection[Any], source: str, target: str) -> dict[str, str]:
    """The columns that *source* brings for *target*, and their types."""
    return warehouse.columns(connection, f"source_{source}", f"star_{target}")


def check_exists(connection: Connection[Any], source: str) -> None:
    """Raise where a mapping is no view.

    Raises:
        MissingMapping: the message names the first.
    """
    for target in targets(source):
        if not columns(connection, source, target):
            raise MissingMapping(
                f"the warehouse has no view source_{source}.star_{target}: load {source} once"
            )


def _views(source: str) -> list[str]:
    """What the mapping files of *source* fill, shapes first: the others may read them."""
    views = {_target(file) for file in _files(source)}
    return sorted(views, key=lambda target: (not target.startswith(SHAPE), target))


def _files(source: str) -> list[Path]:
    if source in _LENT:
        return sorted(_LENT[source].files, key=lambda file: file.name)
    return sorted((settings.INCLUDE / "sql" / "mapping" / source).glob("*.sql"))


def _target(file: Path) -> str:
    return file.stem.split("__")[0]


def _create_from_file(connection: Connection[Any], source: str, stem: str) -> None:
    text = warehouse.sql(f"mapping/{source}/{stem}")
    select = whole(connection, source, stem, text, f"source_{source}")
    _create_view(connection, sql.Identifier(f"source_{source}", f"star_{stem}"), select)


def whole(
    connection: Connection[Any], source: str, stem: str, text: str, schema: str
) -> sql.Composable:
    """The select of a mapping file, with the column :data:`LEFT_OUT` where it reads layouts of a shape.

    Args:
        connection: to the warehouse, as the star's owner.
        source: the source system.
        stem: the name of the file.
        text: what it says, rendered.
        schema: where the views of the shapes are.

    Raises:
        claimhouse.star.layouts.UnknownLayoutError: see there.
    """
    select = sql.SQL(text.rstrip().rstrip(";"))
    shapes = _shapes(source)
    if not stem.startswith(_OF_RECORDS) or not shapes or SHAPE not in text:
        return select
    view = f"{stem}__whole"
    _create_view(connection, sql.Identifier(SCRATCH, f"star_{view}"), select)
    try:
        columns = list(warehouse.columns(connection, SCRATCH, f"star_{view}"))
        lacking = (
            []
            if LEFT_OUT in columns
            else layouts.of_view(connection, view, schema, shapes, view_in=SCRATCH)
        )
    finally:
        connection.execute(sql.SQL("drop view {}").format(sql.Identifier(SCRATCH, f"star_{view}")))
    return layouts.with_left_out(select, columns, lacking) if lacking else select


def carried(
    connection: Connection[Any], source: str, target: str, columns: Sequence[str]
) -> list[tuple[str, ...]]:
    """The *columns* of a target that a layout can lack; together those that the same layouts lack."""
    schema = f"source_{source}"
    stems = by_target(source)[target]
    known = (
        layouts.together(connection, target, schema, _shapes(source)) if stems == [target] else None
    )
    if known is None:
        parts = {stem: warehouse.columns(connection, schema, f"star_{stem}") for stem in stems}
        # what a mapping says of its rows itself is known row by row
        own = any(LEFT_OUT in part for part in parts.values())
        lacking = {
            name: name if own else tuple(stem for stem, part in parts.items() if name not in part)
            for name in columns
        }
        known = {name: stems for name, stems in lacking.items() if stems}
    groups: dict[object, list[str]] = {}
    for name in columns:
        if name in known:
            groups.setdefault(known[name], []).append(name)
    return list(map(tuple, groups.values()))


def _shapes(source: str) -> dict[str, list[str]]:
    """The shapes of *source*, and the names of the files of each."""
    return {
        target: stems for target, stems in by_target(source).items() if target.startswith(SHAPE)
    }


def create_union(
    connection: Connection[Any],
    source: str,
    target: str,
    stems: Sequence[str],
    schema: str | None = None,
) -> None:
    """Create the view that unites the rows of the views of the files *stems*.

    Args:
        connection: to the warehouse, as the star's owner.
        source: the source system.
        target: what the files fill.
        stems: the names of the files.
        schema: where the views are; that of the source system when left out.
    """
    schema = schema or f"source_{source}"
    parts = [warehouse.columns(connection, schema, f"star_{stem}") for stem in stems]
    types: dict[str, str] = {}
    for part in parts:
        types |= {name: kind for name, kind in part.items() if name not in types}
    types.pop(LEFT_OUT, None)
    lacking = [[name for name in types if name not in part] for part in parts]
    selects = [
        sql.SQL("select {} from {}").format(
            sql.SQL(", ").join(
                [
                    *(
                        sql.SQL("{}::{} as {}").format(
                            sql.Identifier(name) if name in part else sql.SQL("null"),
                            sql.SQL(kind),
                            sql.Identifier(name),
                        )
                        for name, kind in types.items()
                    ),
                    *([_left_out(part, lacks)] if any(lacking) else []),
                ]
            ),
            sql.Identifier(schema, f"star_{stem}"),
        )
        for stem, part, lacks in zip(stems, parts, lacking, strict=True)
    ]
    view = sql.Identifier(schema, f"star_{target}")
    _create_view(connection, view, sql.SQL(" union all ").join(selects))


def _left_out(part: dict[str, str], lacks: Sequence[str]) -> sql.Composed:
    """The column :data:`LEFT_OUT` of the rows of a part."""
    names = sql.SQL("{}::text[]").format(sql.Literal(list(lacks)))
    if LEFT_OUT in part:
        names = sql.SQL("coalesce({}, {}) || {}").format(
            sql.Identifier(LEFT_OUT), sql.SQL("'{}'"), names
        )
    return sql.SQL("{} as {}").format(names, sql.Identifier(LEFT_OUT))


def _create_view(connection: Connection[Any], view: sql.Identifier, select: sql.Composable) -> None:
    create_view = sql.SQL("create or replace view {} as {}").format(view, select)
    try:
        with connection.transaction():
            connection.execute(create_view)
    except psycopg.errors.InvalidTableDefinition:  # a column was renamed, moved or dropped
        with connection.transaction():
            # Views that read it (a union, readers of a shape) are dropped too; they are created after it.
            connection.execute(sql.SQL("drop view {} cascade").format(view))
            connection.execute(create_view)
