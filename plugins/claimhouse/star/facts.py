"""The facts and bridges of a load: records written, and records moved to another state of a member."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from claimhouse import warehouse
from claimhouse.star import claims, kept, mapping, steps
from claimhouse.star import tables as star_tables
from claimhouse.star.claims import CLAIM, WHOLE, Places
from claimhouse.star.steps import Counts, Load, Statement
from claimhouse.star.tables import Fact

_CONNECTIONS = 2


def load_fact(load: Load, table: str) -> Counts:
    """Bring one fact up to date, in one transaction; the dimensions of the load come first.

    Facts that the load's dimension changes concern are pointed to the state as of their date;
    then the facts that the batches bring or change are written.

    Args:
        load: the load.
        table: one of :func:`claimhouse.star.fact_tables`.

    Returns:
        Rows written, as ``<table>`` and ``<table>_rekeyed``.
    """
    with load.connection.transaction():
        steps.lock_whole(load, table)
        load = _kept_again(load, table)
        is_first = _prepare(load, table)
        written = rekey_part(load, table, {})
        written |= load_part(load, table, is_first, WHOLE)
        _complete(load, table, written)
    return written


def load_fact_in_parts(
    source: str, table: str, batch_ids: Sequence[int], at: str | None = None
) -> Counts:
    """:func:`load_fact` in several transactions, the records in two halves at the same time.

    Each record is loaded whole or not at all, and a repeat completes what a kill left undone.

    Args:
        source: the source system.
        table: one of :func:`claimhouse.star.fact_tables`.
        batch_ids: the batches to load.
        at: a ``postgresql://`` URL; the configured warehouse when left out.

    Returns:
        Rows written, as ``<table>`` and ``<table>_rekeyed``.
    """
    address = at or warehouse.url()
    with warehouse.connect(address) as connection:
        load = Load(connection, source, batch_ids)

        def rekey(places: Places) -> Counts:
            with steps.part(load, address, table) as own:
                return rekey_part(own, table, places)

        def write(part: str) -> Counts:
            with steps.part(load, address, table) as own:
                return load_part(own, table, is_first, part)

        with steps.alone(load, table):
            load = _kept_again(load, table)
            connection.commit()
            with warehouse.connect(address) as own:
                is_first = _prepare(load.on(own), table)
                halves = claims.halves(own) if table == CLAIM else [{}]
            with ThreadPoolExecutor(_CONNECTIONS) as pool:
                written = steps.added(pool.map(rekey, halves))
                written |= steps.added(pool.map(write, claims.PARTS if table == CLAIM else [WHOLE]))
            with warehouse.connect(address) as own:
                _complete(load.on(own), table, written)
    return written


def load_facts(load: Load) -> Counts:
    """:func:`load_fact` for every fact of the source system, one after the other."""
    written: Counts = {}
    for table in mapping.facts(load.source):
        written |= load_fact(load, table)
    return written


def records(load: Load, fact: Fact, is_first: bool, part: str = WHOLE) -> list[Statement]:
    """The statements that write the records of *fact* that the batches bring or change."""
    if fact.table == CLAIM:
        return claims.records(load, fact, is_first, part)
    file = "star/bridge" if fact.table.startswith("bridge_") else "star/fact"
    return [Statement(file, fact.table, fact.names() | {"is_first": is_first})]


def moves(load: Load, fact: Fact, changed: Sequence[str], places: Places) -> list[Statement]:
    """The statements that point records of *fact* to the states that hold as of their dates.

    Args:
        load: the load.
        fact: the fact.
        changed: the dimensions of which a member's timeline has changed.
        places: which rows, by table; all, where it is empty.
    """
    columns = warehouse.columns(load.connection, "star", fact.table)
    known = star_tables.dimensions(load.connection)
    concerned = [
        known[table].names() | {"references": fact.borrowed(known[table].member)}
        for table in changed
        if known[table].key in columns and "service_date" in columns
    ]
    if not concerned:
        return []
    return [Statement("star/as_of", None, names) for names in concerned] + [
        Statement(
            "star/rekey_fact",
            table,
            {"table": table, "dimensions": concerned, "pages": places.get(table, WHOLE)},
        )
        for table in stored(fact.table)
    ]


def stored(table: str) -> Sequence[str]:
    """The tables that hold the records of a fact."""
    return claims.STORED if table == CLAIM else (table,)


def load_part(load: Load, table: str, is_first: bool, part: str) -> Counts:
    """Write the records of *part*, or all of them."""
    with steps.step(load, f"{table} {part}"):
        fact = star_tables.fact(load.connection, load.source, table)
        written = dict.fromkeys(stored(table), 0)
        for statement in records(load, fact, is_first, part):
            rows = load.run(statement)
            if statement.table:
                written[statement.table] = rows
        if table == CLAIM:
            claims.drop_temporary(load)
        return written


def rekey_part(load: Load, table: str, places: Places) -> Counts:
    """Move the rows at *places*, or all of them, to the states that hold as of their dates."""
    moved = {f"{name}_rekeyed": 0 for name in stored(table)}
    with steps.step(load, f"{table} {places.get(table, WHOLE)}"):
        fact = star_tables.fact(load.connection, load.source, table)
        rows = warehouse.query(load.connection, "star/dimensions_to_rekey", load.source)
        statements = moves(load, fact, [row["dimension"] for row in rows], places)
        for statement in statements:
            written = load.run(statement)
            if statement.table:
                moved[f"{statement.table}_rekeyed"] = written
        for statement in statements:
            if statement.table is None:
                steps.drop_temporary(load.connection, f"as_of_{statement.names['member']}")
    return moved


def _kept_again(load: Load, table: str) -> Load:
    """The load, reading what it keeps of the mapping of *table*: anew, where that reads facts."""
    written = {name for fact in mapping.facts(load.source) for name in stored(fact)}
    return kept.keep_again(load, [table], written)


def _prepare(load: Load, table: str) -> bool:
    """Whether this is a first load, with one version of each record; claims may lose their key."""
    with steps.step(load, table):
        is_first = steps.is_first(load, table)
        if table == CLAIM:
            is_first = is_first and not claims.may_repeat(load.source)
            claims.prepare_key(load, is_first)
        return is_first


def _complete(load: Load, table: str, written: Counts) -> None:
    """Give claims their key, and the planner its statistics."""
    if table == CLAIM:
        claims.complete_key(load)
    for name in stored(table):
        steps.analyze_if_grown(load.connection, name, written[name])
