"""The dimensions of a load: described members, members that only facts name, and flags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from claimhouse import warehouse
from claimhouse.star import kept, mapping, steps
from claimhouse.star import tables as star_tables
from claimhouse.star.steps import Counts, Load, Statement
from claimhouse.star.tables import Dimension, Fact

# What the locks call the dimensions of a source system together.
TARGET = "dimensions"
_CONNECTIONS = 2

# Loads some dimensions: how many rows it writes of each.
_LoadPart = Callable[[Load, Sequence[str]], Counts]


def load_dimensions(load: Load) -> Counts:
    """Bring the dimensions up to date with the load's batches, in one transaction.

    Members that only facts name so far are added as inferred ones.

    Returns:
        Rows written, by table.
    """
    with load.connection.transaction():
        steps.lock_whole(load, TARGET)
        written = _load_parts(
            load, lambda load_part, own: [load_part(own, tables) for tables in parts(own)]
        )
        _analyze_members_to_rekey(load)
    return written


def load_dimensions_in_parts(
    source: str, batch_ids: Sequence[int], at: str | None = None
) -> Counts:
    """:func:`load_dimensions` on several connections: unrelated dimensions at the same time.

    Args:
        source: the source system.
        batch_ids: its batches to load; their state is 'checked'.
        at: a ``postgresql://`` URL; the configured warehouse when left out.

    Returns:
        Rows written, by table.
    """
    address = at or warehouse.url()
    with warehouse.connect(address) as connection:
        load = Load(connection, source, batch_ids)

        def each_part(load_part: _LoadPart, load: Load) -> list[Counts]:
            def with_own(tables: Sequence[str]) -> Counts:
                # one part takes longer than the others, and has their processor when they have ended
                with steps.part(load, address, TARGET, helpers=1) as own:
                    return load_part(own, tables)

            connection.commit()
            with ThreadPoolExecutor(_CONNECTIONS) as pool:
                return list(pool.map(with_own, parts(load)))

        with steps.alone(load, TARGET):
            written = _load_parts(load, each_part)
            _analyze_members_to_rekey(load)
    return written


def parts(load: Load) -> list[list[str]]:
    """The dimensions that the source system brings or names; related ones are one part.

    Those with a history come first: they are the largest.
    """
    known = star_tables.dimensions(load.connection)
    facts = _facts(load)
    wanted = {target for target in mapping.targets(load.source) if target in known}
    wanted |= {member.table for fact in facts for member in fact.members}
    related = {
        f"dim_{member}" for dimension in known.values() for member in dimension.references
    } | {dimension.table for dimension in known.values() if dimension.references}
    # within a part those without a history first: the others may refer to them
    alone = sorted(wanted - related, key=lambda table: not known[table].keeps_history)
    together = sorted(wanted & related, key=lambda table: known[table].keeps_history)
    junk = sorted({fact.junk for fact in facts if fact.junk})
    return [
        part
        for part in ([[table] for table in alone] + [together] + [[name] for name in junk])
        if part
    ]


def described(load: Load, dimension: Dimension, is_first: bool) -> list[Statement]:
    """The statements that load *dimension* from its mapping; the last one writes it."""
    columns = mapping.columns(load.connection, load.source, dimension.table)
    dimension = dimension.brought(columns)
    names = dimension.names() | {"brought": sorted(columns)}
    if not dimension.keeps_history:
        return [Statement("star/scd1_dimension", dimension.table, names)]
    write = Statement("star/scd2_dimension", dimension.table, names | {"is_first": is_first})
    if is_first:
        return [write]
    return [
        Statement("star/timeline", None, names),
        Statement("star/member_to_rekey", None, names),
        write,
    ]


def named(fact: Fact) -> list[Statement]:
    """The statements that add what only *fact* says of dimensions: inferred members, and flags."""
    statements = [
        Statement("star/inferred_member", member.table, member.names() | {"fact": fact.table})
        for member in fact.members
    ]
    if fact.junk:
        statements.append(Statement("star/junk_dimension", fact.junk, fact.names()))
    return statements


def remove_stale_members(load: Load) -> int:
    """Remove states that are in no timeline; how many."""
    return sum(
        load.run(Statement("star/remove_stale_member", dimension.table, dimension.names()))
        for dimension in star_tables.dimensions(load.connection).values()
        if dimension.keeps_history
    )


def _load_parts(load: Load, each_part: Callable[[_LoadPart, Load], list[Counts]]) -> Counts:
    """Load all dimensions, *each_part* of them with a function that is given it."""
    load = kept.keep(load)
    if not mapping.read_of_star(load.connection, load.source):
        return steps.added(each_part(_load_part, load))
    # What facts name may depend on any described dimension.
    facts = mapping.facts(load.source)
    described = steps.added(each_part(_load_described, load))
    load = kept.keep_again(load, facts)
    named = steps.added(each_part(_load_named, load))
    kept.keep_again(load, facts, {table for table, count in named.items() if count})
    return steps.added([described, named])


def _load_part(load: Load, tables: Sequence[str]) -> Counts:
    return steps.added([_load_described(load, tables), _load_named(load, tables)])


def _load_described(load: Load, tables: Sequence[str]) -> Counts:
    """Load the dimensions *tables* from their mappings."""
    with steps.step(load, " ".join(tables)):
        known = star_tables.dimensions(load.connection)
        mapped = mapping.targets(load.source)
        return {
            table: _load_dimension(load, known[table])
            for table in tables
            if table in mapped and table in known
        }


def _load_named(load: Load, tables: Sequence[str]) -> Counts:
    """Add what only facts say of the dimensions *tables*."""
    with steps.step(load, " ".join(tables)):
        written = dict.fromkeys(tables, 0)
        for statement in [statement for fact in _facts(load) for statement in named(fact)]:
            if statement.table is None or statement.table not in tables:
                continue
            written[statement.table] += load.run(statement)
            if statement.file == "star/junk_dimension":
                steps.analyze(load.connection, statement.table)
        return written


def _load_dimension(load: Load, dimension: Dimension) -> int:
    is_first = dimension.keeps_history and steps.is_first(load, dimension.table)
    written = 0
    for statement in described(load, dimension, is_first):
        written = load.run(statement)
    steps.analyze_if_grown(load.connection, dimension.table, written)
    return written


def _facts(load: Load) -> list[Fact]:
    return [
        star_tables.fact(load.connection, load.source, table)
        for table in mapping.facts(load.source)
    ]


def _analyze_members_to_rekey(load: Load) -> None:
    """By one connection alone: ANALYZE waits for whoever else writes the table."""
    steps.analyze(load.connection, "member_to_rekey")
