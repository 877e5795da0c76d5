"""Dimensions and facts: the source tables' rows, made into the star schema.

The steps of a load, each one transaction that may be killed and repeated::

    load_dimensions  ->  load_fact, for each of facts()  ->  finish

``load_fact_in_parts`` does the same as ``load_fact`` on several connections at once, in more
than one transaction. What a source brings is said by its mapping files,
``include/sql/mapping/<source>/<target>.sql``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection, sql

from claimhouse import landing, settings, warehouse

Counts = dict[str, int]

# What is made from the rows that a fact's mapping file selects, the first with one row a record.
FACT_TABLES = {"fact_claim": ("fact_claim", "fact_claim_change")}
JUNK_DIMENSIONS = {"fact_claim": ("dim_claim_profile",)}

_BOOKKEEPING = {"valid_from", "valid_to", "is_current", "is_inferred", "row_hash", "batch_id"}
_WRITES = ("INSERT", "UPDATE", "MERGE", "DELETE")
# Two halves of the records, by the hash of the id. An equation would do as well, but the planner
# expects one row in two hundred of it, and of these one in three.
_PARTS = ("< 0", ">= 0")
_WHOLE = ""


@dataclass(frozen=True)
class Dimension:
    """A dimension table as the catalog describes it.

    Attributes:
        member: what a row describes: ``patient`` for ``dim_patient``.
        attributes: the descriptive columns.
        references: the members of other dimensions it points to.
        keeps_history: whether a member has one row for each of its states (SCD2).
    """

    member: str
    attributes: tuple[str, ...]
    references: tuple[str, ...]
    keeps_history: bool

    @property
    def table(self) -> str:
        """The table's name in the schema ``star``."""
        return f"dim_{self.member}"

    def names(self) -> dict[str, Any]:
        """What the SQL files call its parts."""
        return {
            "dimension": self.table,
            "member": self.member,
            "id": f"{self.member}_id",
            "key": f"{self.member}_key",
            "attributes": list(self.attributes),
            "references": list(self.references),
        }


def targets(source: str) -> list[str]:
    """The star tables that *source* has a mapping file for."""
    folder = settings.INCLUDE / "sql" / "mapping" / source
    return sorted(file.stem for file in folder.glob("*.sql"))


def facts(source: str) -> list[str]:
    """The facts that *source* brings; their loads may run at the same time."""
    return [target for target in targets(source) if target in FACT_TABLES]


def create_mappings(connection: Connection[Any], source: str) -> None:
    """Lay every mapping file of *source* as the view ``source_<source>.star_<target>``."""
    for target in targets(source):
        view = sql.Identifier(f"source_{source}", f"star_{target}")
        select = sql.SQL(warehouse.sql(f"mapping/{source}/{target}"))
        create = sql.SQL("create or replace view {} as {}").format(view, select)
        try:
            with connection.transaction():
                connection.execute(create)
        except psycopg.errors.InvalidTableDefinition:  # a column was renamed, moved or dropped
            with connection.transaction():
                connection.execute(sql.SQL("drop view {}").format(view))
                connection.execute(create)


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
    with _step(connection, source, "dimensions", batch_ids):
        known = _dimensions(connection)
        mapped = [known[target] for target in targets(source) if target in known]
        written = {}
        # plain ones first: those with a history may point to them
        for dimension in sorted(mapped, key=lambda one: one.keeps_history):
            load_one = _load_history if dimension.keeps_history else _load_newest
            written[dimension.table] = load_one(connection, source, dimension)
        for fact in facts(source):
            for dimension in _inferable(connection, source, fact, known):
                written.setdefault(dimension.table, 0)
                written[dimension.table] += _run(
                    connection,
                    "star/inferred_member",
                    source=source,
                    fact=fact,
                    **dimension.names(),
                )
            for junk in JUNK_DIMENSIONS[fact]:
                written[junk] = _run(connection, f"star/{junk}", source=source)
                connection.execute(sql.SQL("analyze {}").format(_star(junk)))
    return written


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
        is_first = _prepare_fact(connection, source, fact, batch_ids)
        written = _load_part(connection, source, fact, batch_ids, is_first, _WHOLE)
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
    with warehouse.connect(address) as connection:
        is_first = _prepare_fact(connection, source, fact, batch_ids)

    def load_part(part: str) -> Counts:
        with warehouse.connect(address) as own:
            # each part has a processor: helpers would only take turns
            own.execute("set max_parallel_workers_per_gather = 0")
            return _load_part(own, source, fact, batch_ids, is_first, part)

    with ThreadPoolExecutor(len(_PARTS)) as pool:
        parts = list(pool.map(load_part, _PARTS))
    with warehouse.connect(address) as connection:
        _complete_fact(connection, fact, is_first)
    return {name: sum(part[name] for part in parts) for name in parts[0]}


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
    with _step(connection, source, "dimensions", batch_ids):
        removed = sum(
            _run(connection, "star/remove_stale_member", source=source, dimension=dimension.table)
            for dimension in _dimensions(connection).values()
            if dimension.keeps_history
        )
        connection.execute("delete from star.member_to_rekey where source_system = %s", (source,))
        batches = connection.execute(
            "update landing.batch set state = 'loaded', loaded_at = now()"
            " where batch_id = any(%s) and state = 'checked'",
            (list(batch_ids),),
        ).rowcount
    return {"batches": batches, "removed": removed}


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
        batches = (
            list(batch_ids)
            if batch_ids is not None
            else landing.batches_in_state(connection, source, "checked")
        )
        create_mappings(connection, source)
        written = load_dimensions(connection, source, batches)

    for fact in facts(source):
        written |= load_fact_in_parts(source, fact, batches, address)
    with warehouse.connect(address) as connection:
        return written | finish(connection, source, batches)


def rebuild(connection: Connection[Any], source: str) -> Counts:
    """Empty the star of what *source* brought and load it anew from all its loaded batches.

    One transaction: readers see the star before or after. Surrogate keys change, so extracts
    that hold some are void.

    Returns:
        Rows written, by table.
    """
    with connection.transaction():
        batches = landing.batches_in_state(connection, source, "loaded")
        dimensions = [
            one.table for one in _dimensions(connection).values() if one.member != "claim_profile"
        ]
        stored = [table for fact in facts(source) for table in FACT_TABLES[fact]]
        for table in [*stored, *dimensions]:
            _clear(connection, source, table)
        create_mappings(connection, source)
        return load_dimensions(connection, source, batches) | load_facts(
            connection, source, batches
        )


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
) -> Iterator[None]:
    """A transaction that names its batches to SQL, in which no other does the same step."""
    with connection.transaction():
        connection.execute(
            "select pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"star/{source}/{name}",)
        )
        # the hash of a row is that of its text: dates must look the same in every session
        connection.execute("set local datestyle = 'ISO, YMD'")
        connection.execute(
            "create temp table if not exists load_batch (batch_id bigint) on commit drop"
        )
        connection.execute("truncate load_batch")
        connection.execute(
            "insert into load_batch select distinct unnest(%s::bigint[])", (list(batch_ids),)
        )
        connection.execute("analyze load_batch")
        yield


def _load_newest(connection: Connection[Any], source: str, dimension: Dimension) -> int:
    """Load a dimension that holds the newest state of its members (SCD1)."""
    return _run(connection, "star/scd1_dimension", source=source, **dimension.names())


def _load_history(connection: Connection[Any], source: str, dimension: Dimension) -> int:
    """Load a dimension that holds every state of its members (SCD2)."""
    names = {"source": source, **dimension.names()}
    is_first = _is_first(connection, source, dimension.table)
    if not is_first:
        _run(connection, "star/timeline", **names)
        _run(connection, "star/member_to_rekey", **names)
    written = _run(connection, "star/scd2_dimension", is_first=is_first, **names)
    _analyze_if_grown(connection, dimension.table, written)
    return written


def _prepare_fact(
    connection: Connection[Any], source: str, fact: str, batch_ids: Sequence[int]
) -> bool:
    """See to the fact's primary key; whether this is a first load, with one version a record."""
    with _step(connection, source, fact, batch_ids):
        is_empty = not _exists(connection, sql.SQL("select from {}").format(_star(fact)))
        if is_empty == _has_key(connection, fact):
            # one that is missing though there are rows: a first load was killed
            _run(connection, f"star/{fact}_key", wanted=not is_empty)
        return _is_first(connection, source, fact)


def _load_part(
    connection: Connection[Any],
    source: str,
    fact: str,
    batch_ids: Sequence[int],
    is_first: bool,
    part: str,
) -> Counts:
    """Load the records of *part*, or all of them."""
    with _step(connection, source, f"{fact} {part}", batch_ids):
        written = _rekey(connection, source, fact, part)
        # a part that a killed run completed is not inserted again
        is_first = is_first and not _exists(
            connection,
            sql.SQL("select from {} where source_system = {} {}").format(
                _star(fact), source, sql.SQL(f"and hashtext(claim_id) {part}" if part else "")
            ),
        )
        relation = fact.removeprefix("fact_") + "_version"
        _run(connection, f"star/{relation}", source=source, is_first=is_first, part=part)
        for table in FACT_TABLES[fact]:
            if is_first and table != fact:  # for records of several versions
                written[table] = 0
            else:
                written[table] = _run(connection, f"star/{table}", source=source, is_first=is_first)
        _drop_temporary(connection, relation)
    return written


def _complete_fact(connection: Connection[Any], fact: str, is_first: bool) -> None:
    """Give the fact its primary key, and the planner its statistics."""
    if not _has_key(connection, fact):
        _run(connection, f"star/{fact}_key", wanted=True)
    if is_first:  # later, autovacuum sees to it
        connection.execute(sql.SQL("analyze {}").format(_star(fact)))


def _rekey(connection: Connection[Any], source: str, fact: str, part: str) -> Counts:
    """Point the rows of *fact* to the dimension states that hold as of their dates."""
    changed = connection.execute(
        "select distinct dimension from star.member_to_rekey where source_system = %s", (source,)
    )
    known = _dimensions(connection)
    columns = _columns(connection, fact)
    dimensions = [
        known[row[0]].names() for row in changed if f"{known[row[0]].member}_key" in columns
    ]
    for one in dimensions:
        _run(connection, "star/as_of", source=source, **one)
    moved = {
        f"{table}_rekeyed": _run(
            connection, "star/rekey_fact", table=table, dimensions=dimensions, part=part
        )
        if dimensions
        else 0
        for table in FACT_TABLES[fact]
    }
    for one in dimensions:
        _drop_temporary(connection, f"as_of_{one['member']}")
    return moved


def _is_first(connection: Connection[Any], source: str, target: str) -> bool:
    """Whether *target* is empty and the load brings each record in one version: in one batch."""
    if _exists(
        connection,
        sql.SQL("select from {} where source_system = {}").format(_star(target), source),
    ):
        return False
    batches = warehouse.query(connection, "star/batches_of_target", source, target)
    # none is found where the mapping reads another view: then nothing is known of the versions
    return len(batches) == 1


def _analyze_if_grown(connection: Connection[Any], table: str, written: int) -> None:
    """Renew the planner's statistics after a large change; autovacuum sees to the small ones."""
    known = connection.execute(
        "select reltuples from pg_class where oid = %s::regclass", (f"star.{table}",)
    ).fetchone()
    if known is None or written * 5 > known[0]:
        connection.execute(sql.SQL("analyze {}").format(_star(table)))


def _has_key(connection: Connection[Any], table: str) -> bool:
    return _exists(
        connection,
        sql.SQL("select from pg_constraint where conrelid = {}::regclass and contype = 'p'").format(
            f"star.{table}"
        ),
    )


def _inferable(
    connection: Connection[Any], source: str, fact: str, known: dict[str, Dimension]
) -> list[Dimension]:
    """The dimensions with a history whose members *fact* names by id."""
    rows = connection.execute(
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0",
        (f"source_{source}.star_{fact}",),
    )
    columns = {row[0] for row in rows}
    return [one for one in known.values() if one.keeps_history and f"{one.member}_id" in columns]


def _dimensions(connection: Connection[Any]) -> dict[str, Dimension]:
    """The dimensions with members of a source's own, by table."""
    tables = connection.execute(
        "select c.relname from pg_class as c where c.relnamespace = 'star'::regnamespace"
        " and c.relkind = 'r' and starts_with(c.relname, 'dim_') order by 1"
    )
    described = [_describe(row[0], _columns(connection, row[0])) for row in tables.fetchall()]
    return {one.table: one for one in described if one is not None}


def _describe(table: str, columns: list[str]) -> Dimension | None:
    member = table.removeprefix("dim_")
    if f"{member}_id" not in columns:
        return None
    own = {f"{member}_key", f"{member}_id", "source_system"} | _BOOKKEEPING
    rest = [column for column in columns if column not in own]
    return Dimension(
        member=member,
        attributes=tuple(column for column in rest if not column.endswith("_key")),
        references=tuple(column.removesuffix("_key") for column in rest if column.endswith("_key")),
        keeps_history="valid_from" in columns,
    )


def _columns(connection: Connection[Any], table: str) -> list[str]:
    rows = connection.execute(
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0"
        " and not attisdropped order by attnum",
        (f"star.{table}",),
    )
    return [row[0] for row in rows]


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
