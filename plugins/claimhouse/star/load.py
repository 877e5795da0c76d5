"""Dimensions and facts: the source tables' rows, made into the star schema.

The steps of a load, each one transaction that may be killed and repeated::

    load_dimensions  ->  load_fact, for each of facts()  ->  finish

``load_fact_in_parts`` does the same as ``load_fact`` on several connections at once, in more
than one transaction. What a source brings is said by its mapping files,
``include/sql/mapping/<source>/<target>.sql``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

from psycopg import Connection, sql

from claimhouse import batches, contracts, reference, warehouse
from claimhouse.star import mapping
from claimhouse.star import tables as star_tables
from claimhouse.star.tables import Dimension, Fact

Counts = dict[str, int]
# Runs a SQL file of the stage for one source and the batches of its load; the rows it wrote.
Run = Callable[..., int]

# The fact whose every version is kept, and which may have millions of rows.
CLAIM = "fact_claim"
# Beside its own table, a claim's versions have one.
STORED = {CLAIM: (CLAIM, "fact_claim_change")}

_WRITES = ("INSERT", "UPDATE", "MERGE", "DELETE")
# Two halves of the claims that come, below and above what claim_version.sql compares them with. (By equations
# the planner would expect one row in two hundred; of these it expects one in three.)
_PARTS = ("<", ">=")
_WHOLE = ""
# Two halves of the records that are there, by their place: each connection reads half of the table.
_HALVES = ("< '({middle},0)'", ">= '({middle},0)'")


def facts(source: str) -> list[str]:
    """The facts and bridges that *source* brings; their loads may run at the same time."""
    return [one for one in mapping.targets(source) if not one.startswith("dim_")]


def create_mappings(connection: Connection[Any], source: str) -> None:
    """Lay the reference lists, and every mapping file of *source* as a view."""
    reference.lay(connection)
    mapping.lay(connection, source)


def load_dimensions(connection: Connection[Any], source: str, batch_ids: Sequence[int]) -> Counts:
    """Bring the dimensions up to date with the source rows of *batch_ids*.

    Members that only facts name so far are added as inferred ones.

    Args:
        connection: to the warehouse, as the star's owner.
        source: the source system.
        batch_ids: its batches to load; their state is 'checked'.

    Returns:
        Rows written, by table.
    """
    with connection.transaction():
        _lock(connection, "pg_advisory_xact_lock", f"star/{source}/dimensions/parts")
        written: Counts = {}
        for tables in _dimension_parts(connection, source):
            written |= _load_dimension_part(connection, source, tables, batch_ids)
        _count_members_to_rekey(connection)
    return written


def load_dimensions_in_parts(
    source: str, batch_ids: Sequence[int], at: str | None = None
) -> Counts:
    """:func:`load_dimensions` on several connections, unrelated dimensions at the same time.

    Args:
        source: the source system.
        batch_ids: its batches to load; their state is 'checked'.
        at: a ``postgresql://`` URL; the configured warehouse when left out.

    Returns:
        Rows written, by table.
    """
    address = at or warehouse.url()

    def load_part(tables: list[str]) -> Counts:
        # one part takes longer than the others, and has their processor when they have ended
        with _part(address, source, "dimensions", helpers=1) as own:
            return _load_dimension_part(own, source, tables, batch_ids)

    with warehouse.connect(address) as lock, _alone(lock, source, "dimensions"):
        parts = _dimension_parts(lock, source)
        with ThreadPoolExecutor(len(_PARTS)) as pool:
            written = _sum(pool.map(load_part, parts))
        _count_members_to_rekey(lock)
    return written


def _dimension_parts(connection: Connection[Any], source: str) -> list[list[str]]:
    """The dimensions that *source* brings or names: those that refer to each other are one part.

    The largest come first, as far as that is known: those whose history is kept.
    """
    known = star_tables.dimensions(connection)
    described = [star_tables.fact(connection, source, one) for one in facts(source)]
    wanted = {target for target in mapping.targets(source) if target in known}
    wanted |= {one.table for fact in described for one in fact.members}
    related = {f"dim_{other}" for one in known.values() for other in one.references}
    related |= {one.table for one in known.values() if one.references}
    # within a part plain ones first: those with a history may point to them
    alone = sorted(wanted - related, key=lambda one: not known[one].keeps_history)
    together = sorted(wanted & related, key=lambda one: known[one].keeps_history)
    junk = sorted({fact.junk for fact in described if fact.junk})
    return [
        part for part in ([[one] for one in alone] + [together] + [[one] for one in junk]) if part
    ]


def _load_dimension_part(
    connection: Connection[Any], source: str, tables: Sequence[str], batch_ids: Sequence[int]
) -> Counts:
    """Load the dimensions *tables*, and what only facts say of them."""
    with _step(connection, source, " ".join(tables), batch_ids) as run:
        described = [star_tables.fact(connection, source, one) for one in facts(source)]
        mapped = mapping.targets(source)
        known = star_tables.dimensions(connection)
        written = dict.fromkeys(tables, 0)
        for table in [one for one in tables if one in mapped and one in known]:
            dimension = known[table].brought(mapping.columns(connection, source, table))
            if dimension.keeps_history:
                written[table] = _load_history(connection, run, source, dimension, batch_ids)
            else:
                written[table] = _load_newest(connection, run, source, dimension)
        for fact in described:
            for table, rows in _load_named(connection, run, fact, tables).items():
                written[table] += rows
    return written


def _load_named(connection: Connection[Any], run: Run, fact: Fact, tables: Sequence[str]) -> Counts:
    """Add what only *fact* says of the dimensions *tables*: members unheard of, and flags."""
    written = {}
    for dimension in [one for one in fact.members if one.table in tables]:
        written[dimension.table] = run("star/inferred_member", fact=fact.table, **dimension.names())
    if fact.junk and fact.junk in tables:
        written[fact.junk] = run("star/junk_dimension", **fact.names())
        connection.execute(sql.SQL("analyze {}").format(_star(fact.junk)))
    return written


def _count_members_to_rekey(connection: Connection[Any]) -> None:
    """Tell the planner how many there are; by one connection, for it waits for the others' end."""
    connection.execute("analyze star.member_to_rekey")


def load_fact(
    connection: Connection[Any], source: str, fact: str, batch_ids: Sequence[int]
) -> Counts:
    """Bring one fact up to date; :func:`load_dimensions` of the same batches comes first.

    Facts that the load's dimension changes concern are pointed to the state as of their date;
    then the facts the batches bring or change are written.

    Args:
        connection: to the warehouse, as the star's owner.
        source: the source system.
        fact: one of :func:`facts`.
        batch_ids: the batches to load.

    Returns:
        Rows written, as ``<table>`` and ``<table>_rekeyed``.
    """
    with connection.transaction():
        _lock(connection, "pg_advisory_xact_lock", f"star/{source}/{fact}/parts")
        is_first = _prepare_fact(connection, source, fact, batch_ids)
        written = _rekey_part(connection, source, fact, batch_ids, {})
        written |= _load_part(connection, source, fact, batch_ids, is_first, _WHOLE)
        _complete_fact(connection, fact, is_first)
    return written


def load_fact_in_parts(
    source: str, fact: str, batch_ids: Sequence[int], at: str | None = None
) -> Counts:
    """:func:`load_fact` in several transactions, the records in two halves at the same time.

    Each record is loaded wholly or not at all, and a repeat completes what a kill left undone.

    Args:
        source: the source system.
        fact: one of :func:`facts`.
        batch_ids: the batches to load.
        at: a ``postgresql://`` URL; the configured warehouse when left out.

    Returns:
        Rows written, as ``<table>`` and ``<table>_rekeyed``.
    """
    address = at or warehouse.url()
    with warehouse.connect(address) as lock, _alone(lock, source, fact):
        with warehouse.connect(address) as connection:
            is_first = _prepare_fact(connection, source, fact, batch_ids)
            halves = _halves(connection, fact)

        def rekey_part(places: dict[str, str]) -> Counts:
            with _part(address, source, fact) as own:
                return _rekey_part(own, source, fact, batch_ids, places)

        def load_part(part: str) -> Counts:
            with _part(address, source, fact) as own:
                return _load_part(own, source, fact, batch_ids, is_first, part)

        with ThreadPoolExecutor(len(_PARTS)) as pool:
            written = _sum(pool.map(rekey_part, halves))
            written |= _sum(pool.map(load_part, _PARTS if fact == CLAIM else [_WHOLE]))
        with warehouse.connect(address) as connection:
            _complete_fact(connection, fact, is_first)
    return written


@contextmanager
def _alone(connection: Connection[Any], source: str, fact: str) -> Iterator[None]:
    """While nobody else loads this fact, in whatever transactions: rows keep their places."""
    _lock(connection, "pg_advisory_lock", f"star/{source}/{fact}/parts")
    # parts whose process was killed may still be ending
    _lock(connection, "pg_advisory_xact_lock", f"star/{source}/{fact}/part")
    connection.commit()  # the first lock is the session's and stays
    yield


@contextmanager
def _part(address: str, source: str, fact: str, helpers: int = 0) -> Iterator[Connection[Any]]:
    """A connection for one part, which has a processor: helpers would only take turns."""
    with warehouse.connect(address) as own:
        own.execute(f"set max_parallel_workers_per_gather = {helpers:d}")
        # the tables have just been read or written: a page of them is in memory wherever it lies
        own.execute("set random_page_cost = 1.1")
        _lock(own, "pg_advisory_xact_lock_shared", f"star/{source}/{fact}/part")
        yield own


def _lock(connection: Connection[Any], kind: str, name: str) -> None:
    connection.execute(
        sql.SQL("select {}(hashtextextended({}, 0))").format(sql.Identifier(kind), name)
    )


def _halves(connection: Connection[Any], fact: str) -> list[dict[str, str]]:
    """The tables of *fact* in two halves, each as the rows' places in it."""
    if fact != CLAIM:
        return [{}]
    middles = {table: _size(connection, table)["pages"] // 2 for table in STORED[fact]}
    return [
        {table: half.format(middle=middle) for table, middle in middles.items()} for half in _HALVES
    ]


def _sum(parts: Iterable[Counts]) -> Counts:
    """The counts of several parts, added up by name."""
    total: Counts = {}
    for part in parts:
        total |= {name: total.get(name, 0) + rows for name, rows in part.items()}
    return total


def load_facts(connection: Connection[Any], source: str, batch_ids: Sequence[int]) -> Counts:
    """:func:`load_fact` for every fact of *source*, one after the other."""
    written: Counts = {}
    for fact in facts(source):
        written |= load_fact(connection, source, fact, batch_ids)
    return written


def finish(connection: Connection[Any], source: str, batch_ids: Sequence[int]) -> Counts:
    """End a load: remove dimension states that no longer hold, set the batches 'loaded'.

    Returns:
        ``batches`` set to loaded, and ``removed`` dimension rows.
    """
    with _step(connection, source, "dimensions/parts", batch_ids) as run:
        removed = sum(
            run("star/remove_stale_member", dimension=dimension.table)
            for dimension in star_tables.dimensions(connection).values()
            if dimension.keeps_history
        )
        warehouse.query(connection, "star/forget_members_to_rekey", source)
        loaded = warehouse.query(connection, "batches/set_loaded", list(batch_ids))
    return {"batches": len(loaded), "removed": removed}


def load(source: str, batch_ids: Sequence[int] | None = None, at: str | None = None) -> Counts:
    """The whole load of *source*, its facts in parts.

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

    written = load_dimensions_in_parts(source, chosen, address)
    for fact in facts(source):
        written |= load_fact_in_parts(source, fact, chosen, address)
    with warehouse.connect(address) as connection:
        return written | finish(connection, source, chosen)


def rebuild(connection: Connection[Any], source: str) -> Counts:
    """Empty the star of what *source* brought and load it anew from all its loaded batches.

    One transaction: readers see the star before or after. Surrogate keys change, so extracts
    that hold some are void.

    Returns:
        Rows written, by table.
    """
    with connection.transaction():
        warehouse.run(connection, "batches/analyze_batch")
        loaded = batches.in_state(connection, source, "loaded")
        dimensions = [one.table for one in star_tables.dimensions(connection).values()]
        stored = [table for fact in facts(source) for table in STORED.get(fact, (fact,))]
        for table in [*stored, *dimensions]:
            _clear(connection, source, table)
        create_mappings(connection, source)
        return load_dimensions(connection, source, loaded) | load_facts(connection, source, loaded)


def _clear(connection: Connection[Any], source: str, table: str) -> None:
    """Remove the rows of *source*; where it is the only one, without touching each of them."""
    others = sql.SQL("select from {} where source_system <> {}").format(_star(table), source)
    if _exists(connection, others):
        connection.execute(
            sql.SQL("delete from {} where source_system = {}").format(_star(table), source)
        )
    else:
        connection.execute(sql.SQL("truncate {}").format(_star(table)))


@contextmanager
def _step(
    connection: Connection[Any], source: str, name: str, batch_ids: Sequence[int]
) -> Iterator[Run]:
    """A transaction in which no other does the same step; what runs its SQL files.

    Batches stand in them as literals, of which the planner knows how few rows they have.
    """
    batches = "{" + ",".join(str(int(one)) for one in batch_ids) + "}"
    with connection.transaction():
        _lock(connection, "pg_advisory_xact_lock", f"star/{source}/{name}")
        # the hash of a row is that of its text: dates must look the same in every session
        connection.execute("set local datestyle = 'ISO, YMD'")
        yield partial(_run, connection, source=source, batches=batches)


def _load_newest(connection: Connection[Any], run: Run, source: str, dimension: Dimension) -> int:
    """Load a dimension that holds the newest state of its members (SCD1)."""
    brought = sorted(mapping.columns(connection, source, dimension.table))
    written = run("star/scd1_dimension", brought=brought, **dimension.names())
    _analyze_if_grown(connection, dimension.table, written)
    return written


def _load_history(
    connection: Connection[Any],
    run: Run,
    source: str,
    dimension: Dimension,
    batch_ids: Sequence[int],
) -> int:
    """Load a dimension that holds every state of its members (SCD2)."""
    names = dimension.names()
    is_first = _is_first(connection, source, dimension.table, batch_ids)
    if not is_first:
        brought = sorted(mapping.columns(connection, source, dimension.table))
        run("star/timeline", brought=brought, **names)
        run("star/member_to_rekey", **names)
    written = run("star/scd2_dimension", is_first=is_first, **names)
    _analyze_if_grown(connection, dimension.table, written)
    return written


def _prepare_fact(
    connection: Connection[Any], source: str, fact: str, batch_ids: Sequence[int]
) -> bool:
    """See to the key of the claims; whether this is a first load, with one version a record."""
    with _step(connection, source, fact, batch_ids) as run:
        is_first = _is_first(connection, source, fact, batch_ids)
        if fact != CLAIM:
            return is_first
        _lock_table(connection, fact)
        is_empty = not _exists(connection, sql.SQL("select from {}").format(_star(fact)))
        # missing though there are rows: a first load was killed
        wanted = not (is_first and is_empty)
        if wanted != _has_key(connection, fact):
            run(f"star/{fact}_key", wanted=wanted)
        return is_first


def _load_part(
    connection: Connection[Any],
    source: str,
    fact: str,
    batch_ids: Sequence[int],
    is_first: bool,
    part: str,
) -> Counts:
    """Load the records of *part*, or all of them."""
    with _step(connection, source, f"{fact} {part}", batch_ids) as run:
        described = star_tables.fact(connection, source, fact)
        if fact == CLAIM:
            return _load_claims(connection, run, described, is_first, part)
        name = "bridge" if fact.startswith("bridge_") else "fact"
        return {fact: run(f"star/{name}", is_first=is_first, **described.names())}


def _load_claims(
    connection: Connection[Any], run: Run, fact: Fact, is_first: bool, part: str
) -> Counts:
    """Load the claims of *part*, in their latest state and in every version."""
    run("star/claim_version", is_first=is_first, part=part, **fact.names())
    written = {}
    for table in STORED[CLAIM]:
        if is_first and table != CLAIM:  # for records of several versions
            written[table] = 0
        else:
            written[table] = run(f"star/{table}", is_first=is_first)
    for relation in ("claim_version", "received", "known"):
        _drop_temporary(connection, relation)
    return written


def _complete_fact(connection: Connection[Any], fact: str, is_first: bool) -> None:
    """Give the claims their primary key, and the planner its statistics."""
    if fact == CLAIM:
        with connection.transaction():
            _lock_table(connection, fact)
            if not _has_key(connection, fact):
                _run(connection, f"star/{fact}_key", wanted=True)
    if is_first:  # later, autovacuum sees to it
        connection.execute(sql.SQL("analyze {}").format(_star(fact)))


def _lock_table(connection: Connection[Any], table: str) -> None:
    """Wait until no load of another source looks after the key of *table*."""
    _lock(connection, "pg_advisory_xact_lock", f"star/{table}/key")


def _rekey_part(
    connection: Connection[Any],
    source: str,
    fact: str,
    batch_ids: Sequence[int],
    places: dict[str, str],
) -> Counts:
    """Point the rows at *places*, or all of them, to the states that hold as of their dates."""
    columns = warehouse.columns(connection, "star", fact)
    tables = STORED.get(fact, (fact,))
    with _step(connection, source, f"{fact} {places.get(fact, _WHOLE)}", batch_ids) as run:
        described = star_tables.fact(connection, source, fact)
        known = star_tables.dimensions(connection)
        changed = [
            known[row["dimension"]]
            for row in warehouse.query(connection, "star/dimensions_to_rekey", source)
        ]
        dimensions = [
            one.names() | {"references": described.borrowed(one.member)}
            for one in changed
            if one.key in columns and "service_date" in columns
        ]
        if not dimensions:
            return {f"{table}_rekeyed": 0 for table in tables}
        for one in dimensions:
            run("star/as_of", **one)
        moved = {
            f"{table}_rekeyed": run(
                "star/rekey_fact",
                table=table,
                dimensions=dimensions,
                pages=places.get(table, _WHOLE),
            )
            for table in tables
        }
        for one in dimensions:
            _drop_temporary(connection, f"as_of_{one['member']}")
        return moved


def _is_first(
    connection: Connection[Any], source: str, target: str, batch_ids: Sequence[int]
) -> bool:
    """Whether *target* is empty and the load brings each record in one version: in one batch."""
    if _exists(
        connection,
        sql.SQL("select from {} where source_system = {}").format(_star(target), source),
    ):
        return False
    batches = warehouse.query(connection, "star/batches_of_target", source, target, list(batch_ids))
    # none is found where the mapping reads another view: then nothing is known of the versions
    return len(batches) == 1


def _analyze_if_grown(connection: Connection[Any], table: str, written: int) -> None:
    """Renew the planner's statistics after a large change; autovacuum sees to the small ones."""
    if written * 5 > _size(connection, table)["row_estimate"]:
        connection.execute(sql.SQL("analyze {}").format(_star(table)))


def _size(connection: Connection[Any], table: str) -> dict[str, int]:
    """The ``pages`` of a table of the star, and its ``row_estimate``."""
    return warehouse.query(connection, "catalog/size", "star", table)[0]


def _has_key(connection: Connection[Any], table: str) -> bool:
    return bool(warehouse.query(connection, "catalog/key_columns", "star", table))


def _star(table: str) -> sql.Identifier:
    return sql.Identifier("star", table)


def _exists(connection: Connection[Any], query: sql.Composed) -> bool:
    found = connection.execute(sql.SQL("select exists ({})").format(query)).fetchone()
    return found is not None and bool(found[0])


def _drop_temporary(connection: Connection[Any], relation: str) -> None:
    kind = connection.execute(
        "select relkind from pg_class where oid = to_regclass(%s)", (f"pg_temp.{relation}",)
    ).fetchone()
    if kind is not None:
        word = "view" if kind[0] in ("v", b"v") else "table"
        connection.execute(
            sql.SQL("drop {} {}").format(sql.SQL(word), sql.Identifier("pg_temp", relation))
        )


def _run(connection: Connection[Any], file: str, **names: Any) -> int:
    """Run the statements of a SQL file; how many rows they wrote."""
    cursor = connection.execute(warehouse.sql(file, **names).encode())
    written = 0
    while True:
        if (cursor.statusmessage or "").startswith(_WRITES):
            written += cursor.rowcount
        if not cursor.nextset():
            return written


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: ``rebuild [SOURCE ...]``, every source when none is named."""
    parser = argparse.ArgumentParser(prog="claimhouse star", description=main.__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    named = commands.add_parser("rebuild", help="empty the star of a source and load it anew")
    named.add_argument("sources", nargs="*", metavar="SOURCE")
    asked = parser.parse_args(arguments)
    known = contracts.sources()
    if unknown := sorted(set(asked.sources) - set(known)):
        parser.error(f"no contracts of {', '.join(unknown)}; there are {', '.join(known)}")
    for source in asked.sources or known:
        with warehouse.connect() as connection:
            loaded = batches.in_state(connection, source, "loaded")
            written = rebuild(connection, source) if loaded else {}
        rows = ", ".join(f"{table} {count:,}" for table, count in written.items() if count)
        print(f"{source}: {rows or 'nothing loaded yet'}", flush=True)


if __name__ == "__main__":
    main()
