"""The order of a load: dimensions, then each fact, then the end.

::

    load_dimensions  ->  load_fact, for each of fact_tables()  ->  finish

Each is one transaction that may be killed and repeated; the variants ``..._in_parts`` use several
connections, and more than one transaction. What a source system brings is in its mapping files,
``include/sql/mapping/<source>/<target>.sql``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from psycopg import Connection, sql

from claimhouse import batches, contracts, reference, warehouse
from claimhouse.star import claims, dimensions, facts, kept, mapping, steps
from claimhouse.star import tables as star_tables
from claimhouse.star.steps import Counts, Load, Statement


def fact_tables(source: str) -> list[str]:
    """The facts and bridges that *source* brings; they can be loaded at the same time."""
    return mapping.facts(source)


def create_mappings(connection: Connection[Any], source: str) -> None:
    """Begin a load: fill the reference lists, and create every mapping file of *source* as a view."""
    reference.fill(connection)
    mapping.create(connection, source)
    kept.drop(connection, source)


def load_source(
    source: str, batch_ids: Sequence[int] | None = None, at: str | None = None
) -> Counts:
    """The whole load of *source*, in parts.

    Args:
        source: the source system.
        batch_ids: the batches to load; all that are 'checked' when left out.
        at: a ``postgresql://`` URL; the configured warehouse when left out.

    Returns:
        Rows written by table, and what :func:`finish` counts.
    """
    address = at or warehouse.url()
    with warehouse.connect(address) as connection:
        warehouse.run(connection, "batches/analyze_batch")
    with warehouse.connect(address) as connection:
        chosen = (
            list(batch_ids)
            if batch_ids is not None
            else batches.in_state(connection, source, "checked")
        )
        create_mappings(connection, source)

    written = dimensions.load_dimensions_in_parts(source, chosen, address)
    for table in fact_tables(source):
        written |= facts.load_fact_in_parts(source, table, chosen, address)
    with warehouse.connect(address) as connection:
        return written | finish(Load(connection, source, chosen))


def finish(load: Load) -> Counts:
    """End a load: remove dimension states that no longer hold, set the batches 'loaded'.

    Returns:
        ``batches`` set to loaded, and ``removed`` dimension rows.
    """
    with steps.step(load, f"{dimensions.TARGET}/parts"):
        removed = dimensions.remove_stale_members(load)
        warehouse.query(load.connection, "star/forget_members_to_rekey", load.source)
        kept.drop(load.connection, load.source)
        loaded = warehouse.query(load.connection, "batches/set_loaded", list(load.batch_ids))
    return {"batches": len(loaded), "removed": removed}


def rebuild(connection: Connection[Any], source: str, loading: Sequence[int] = ()) -> Counts:
    """Empty the star of what *source* brought and load all its loaded batches again.

    One transaction: readers see the star before or after. Surrogate keys change, so extracts
    that hold some are void.

    Args:
        connection: to the warehouse, as the star's owner.
        source: the source system.
        loading: batches of a load that is under way, which are loaded too.

    Returns:
        Rows written, by table.
    """
    with connection.transaction():
        warehouse.run(connection, "batches/analyze_batch")
        loaded = batches.in_state(connection, source, "loaded")
        load = Load(connection, source, [*loaded, *loading])
        members = [dimension.table for dimension in star_tables.dimensions(connection).values()]
        records = [table for fact in fact_tables(source) for table in facts.stored(fact)]
        # First, as a publication does: it fills reference tables, then reads the star.
        create_mappings(connection, source)
        for table in [*records, *members]:
            _clear(load, table)
        written = dimensions.load_dimensions(load) | facts.load_facts(load)
        kept.drop(load.connection, load.source)
        return written


def statements(load: Load, table: str, is_first: bool | None = None) -> list[Statement]:
    """Every statement that a load can run for *table*, in order.

    Args:
        load: the load; nothing of it is run.
        table: a dimension, fact or bridge that the source system brings or names.
        is_first: for a first load of one batch or a later one; as the star is when left out.
    """
    known = star_tables.dimensions(load.connection)
    is_fact = table in fact_tables(load.source)
    if is_first is None:
        has_first = is_fact or (table in known and known[table].keeps_history)
        is_first = has_first and steps.is_first(load, table)
        is_first = is_first and not (table == claims.CLAIM and claims.may_repeat(load.source))
    if is_fact:
        fact = star_tables.fact(load.connection, load.source, table)
        histories = [name for name, dimension in known.items() if dimension.keeps_history]
        moved = [] if is_first else facts.moves(load, fact, histories, {})
        return [*moved, *facts.records(load, fact, is_first)]
    mapped = table in known and table in mapping.targets(load.source)
    found = dimensions.described(load, known[table], is_first) if mapped else []
    for fact_table in fact_tables(load.source):
        fact = star_tables.fact(load.connection, load.source, fact_table)
        found += [statement for statement in dimensions.named(fact) if statement.table == table]
    return found


def tables_of(load: Load) -> list[str]:
    """The tables that a load of the source system can write: dimensions, then facts.

    Raises:
        MissingMapping: a mapping of the source system is no view yet.
    """
    mapping.check_exists(load.connection, load.source)
    return [
        *(table for part in dimensions.parts(load) for table in part),
        *fact_tables(load.source),
    ]


def _clear(load: Load, table: str) -> None:
    """Remove the rows of a source system; where it is the only one, without touching each of them."""
    name = steps.star_table(table)
    others = sql.SQL("select from {} where source_system <> {}").format(name, load.source)
    if steps.exists(load.connection, others):
        load.connection.execute(
            sql.SQL("delete from {} where source_system = {}").format(name, load.source)
        )
    else:
        warehouse.query(load.connection, "star/await_publications")
        load.connection.execute(sql.SQL("truncate {}").format(name))


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: ``rebuild [SOURCE ...]``, every source system when none is named."""
    parser = argparse.ArgumentParser(prog="claimhouse star", description=main.__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    rebuilding = commands.add_parser("rebuild", help="empty the star of a source and load it again")
    rebuilding.add_argument("sources", nargs="*", metavar="SOURCE")
    given = parser.parse_args(arguments)
    known = contracts.sources()
    if unknown := sorted(set(given.sources) - set(known)):
        parser.error(f"no contracts of {', '.join(unknown)}; there are {', '.join(known)}")
    for source in given.sources or known:
        with warehouse.connect() as connection:
            loaded = batches.in_state(connection, source, "loaded")
            written = rebuild(connection, source) if loaded else {}
        rows = ", ".join(f"{table} {count:,}" for table, count in written.items() if count)
        print(f"{source}: {rows or 'nothing loaded yet'}", flush=True)


if __name__ == "__main__":
    main()
