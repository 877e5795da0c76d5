"""A load that is tried: into the star's own tables, under a source system of its own, and rolled back.

Its rows take the same statements as those of any load, so that keys are looked up and members that only facts
name are added. What others would wait for is left out: locks of a load, statistics, and the key that a first
load of claims drops.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql

from claimhouse import warehouse
from claimhouse.star import claims, dimensions, facts, mapping, steps, tables, targets
from claimhouse.star.steps import Load, Statement

_BOOKKEEPING = {
    "source_system", "batch_id", "row_number", "row_hash", "valid_from", "valid_to", "is_current", "is_inferred",
}  # fmt: skip


@dataclass(frozen=True)
class Rows:
    """The rows of a table of the star that a load brought.

    Attributes:
        table: the table.
        count: how many.
        inferred: how many of them are members that only facts name.
        columns: their columns; keys are shown as what they lead to.
        first: the first rows.
        sums: the sum of each column of decimals.
    """

    table: str
    count: int
    inferred: int
    columns: tuple[str, ...]
    first: tuple[tuple[Any, ...], ...]
    sums: tuple[tuple[str, Any], ...]


def load(connection: Connection[Any], source: str, batch_id: int) -> dict[str, str]:
    """Load a batch whose mappings are views; the caller rolls back.

    Returns:
        What went wrong, by target; a target that cannot be loaded keeps no other from loading.
    """
    under_way = Load(connection, source, [batch_id])
    troubles = dict(_lacking(connection, source))
    known = tables.dimensions(connection)
    mapped = [target for target in mapping.targets(source) if target not in troubles]
    loaded = [
        tables.fact(connection, source, target)
        for target in mapped
        if not target.startswith("dim_")
    ]
    named = [statement for fact in loaded for statement in dimensions.named(fact)]
    for table in [table for part in dimensions.parts(under_way) for table in part]:
        if table in mapped:
            described = dimensions.described(under_way, known[table], is_first=False)
            troubles |= _run(under_way, table, described)
        for statement in (each for each in named if each.table == table):
            troubles |= _run(under_way, table, [statement])
    for fact in loaded:
        troubles |= _run(under_way, fact.table, facts.records(under_way, fact, is_first=False))
        if fact.table == claims.CLAIM:
            claims.drop_temporary(under_way)
    return troubles


def rows(connection: Connection[Any], source: str, table: str, most: int) -> Rows:
    """What a load of *source* brought to *table*, with its first *most* rows."""
    types = warehouse.columns(connection, "star", table)
    shown = dict(_shown(connection, table, list(types)))
    of_source = sql.SQL("from {} as t where t.source_system = {}").format(
        steps.star_table(table), source
    )
    place = "row_number" if "row_number" in types else next(iter(types))
    first = connection.execute(
        sql.SQL("select {} {} order by t.{} limit {}").format(
            sql.SQL(", ").join(shown.values()), of_source, sql.Identifier(place), most
        )
    ).fetchall()
    amounts = [name for name in shown if types.get(name, "").startswith("numeric")]
    inferred = "is_inferred" if "is_inferred" in types else "false"
    counts = sql.SQL("select count(*), count(*) filter (where {}){} {}").format(
        sql.SQL(inferred),
        sql.SQL("").join(
            sql.SQL(", coalesce(sum(t.{}), 0)").format(sql.Identifier(name)) for name in amounts
        ),
        of_source,
    )
    count, inferred_count, *sums = connection.execute(counts).fetchone() or (0, 0)
    return Rows(
        table,
        count,
        inferred_count,
        tuple(shown),
        tuple(first),
        tuple(zip(amounts, sums, strict=True)),
    )


def _lacking(connection: Connection[Any], source: str) -> Iterator[tuple[str, str]]:
    """The targets that the star does not have, and those whose mapping does not give what is needed."""
    known = targets.names(connection)
    for target in mapping.targets(source):
        if target not in known:
            yield target, f"the star has no target {target}"
            continue
        given = mapping.columns(connection, source, target)
        wanted = targets.read(connection, target)
        missing = [name for name in wanted.required if name not in given]
        unknown = [name for name in given if name not in wanted.columns]
        if missing:
            yield target, f"{target} needs {', '.join(missing)}, which the select does not give"
        elif unknown:
            yield target, f"{target} has no column {', '.join(unknown)}"


def _run(load: Load, table: str, statements: list[Statement]) -> dict[str, str]:
    try:
        with warehouse.without_values(), load.connection.transaction():
            for statement in statements:
                load.run(statement)
    except warehouse.WarehouseError as error:
        return {table: str(error)}
    return {}


def _shown(
    connection: Connection[Any], table: str, columns: list[str]
) -> Iterator[tuple[str, sql.Composable]]:
    """What is shown of a table: names and expressions. Of a key that is what it leads to."""
    members = {dimension.member for dimension in tables.dimensions(connection).values()}
    for column in columns:
        name = column.removesuffix("_key")
        if column in _BOOKKEEPING or (column.endswith("_key") and table == f"dim_{name}"):
            continue
        if not column.endswith("_key"):
            yield column, sql.Identifier("t", column)
        elif name in members:
            yield f"{name}_id", _of_key(column, f"dim_{name}", f"{name}_id", column)
        elif name.endswith("_date"):
            yield name, _of_key(column, "dim_date", "date", "date_key")
        else:
            for flag in tables.flags(connection, name):
                yield flag, _of_key(column, f"dim_{name}", flag, column)


def _of_key(column: str, dimension: str, wanted: str, key: str) -> sql.Composed:
    return sql.SQL("(select d.{} from {} as d where d.{} = t.{})").format(
        sql.Identifier(wanted),
        steps.star_table(dimension),
        sql.Identifier(key),
        sql.Identifier(column),
    )
