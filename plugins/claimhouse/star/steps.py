"""The steps of a load: what each one locks, and how its SQL files are run.

A step is one transaction in which nobody else does the same step. It may be killed at any point
and repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from psycopg import Connection, sql

from claimhouse import warehouse

# Rows written, by table.
Counts = dict[str, int]

_WRITES = ("INSERT", "UPDATE", "MERGE", "DELETE")

# Looking a claim up for each check of the star, or a member for a claim, costs as much as reading so many rows
# (docs/decisions/0030).
LOOK_UP_ROWS = 6


@dataclass(frozen=True)
class Load:
    """A load under way.

    Attributes:
        connection: to the warehouse, as the star's owner.
        source: the source system.
        batch_ids: its batches to load.
        kept: the facts and bridges whose mapping is read where the load keeps it.
    """

    connection: Connection[Any]
    source: str
    batch_ids: Sequence[int]
    kept: frozenset[str] = frozenset()

    def on(self, connection: Connection[Any]) -> Load:
        """The same load on another connection."""
        return replace(self, connection=connection)

    def mapped(self, fact: str) -> str:
        """What the rows of a fact are read from: its mapping, or what the load keeps of it."""
        return _mapped(self.source, fact, self.kept)

    def run(self, statement: Statement) -> int:
        """Run a SQL file of the load; how many rows its statements wrote."""
        text = statement.text(self.source, self.batch_ids, self.kept)
        cursor = self.connection.execute(text.encode())
        written = 0
        while True:
            if (cursor.statusmessage or "").startswith(_WRITES):
                written += cursor.rowcount
            if not cursor.nextset():
                return written


@dataclass(frozen=True)
class Statement:
    """A SQL file of the stage, and what it calls its parts.

    Attributes:
        file: as :func:`claimhouse.warehouse.sql` finds it.
        table: the table of the star that it writes; ``None`` for one that prepares.
        names: the names the file is rendered with.
    """

    file: str
    table: str | None = None
    names: dict[str, Any] = field(default_factory=dict)

    def text(
        self, source: str, batch_ids: Sequence[int], kept: frozenset[str] = frozenset()
    ) -> str:
        """The rendered file, which reads the mappings of the facts in *kept* where the load keeps them.

        Batches are literals in it: of these the planner knows how few rows they have.
        """
        batches = "{" + ",".join(str(int(batch_id)) for batch_id in batch_ids) + "}"
        fact = self.names.get("fact")
        read = {"mapped": _mapped(source, fact, kept), "is_kept": fact in kept} if fact else {}
        return warehouse.sql(self.file, source=source, batches=batches, **read, **self.names)


def _mapped(source: str, fact: str, kept: frozenset[str]) -> str:
    return f"source_{source}.{'loading' if fact in kept else 'star'}_{fact}"


# --- locks ----------------------------------------------------------------------------------------


@contextmanager
def step(load: Load, name: str) -> Iterator[None]:
    """A transaction in which nobody else does the same step of the same source system."""
    with load.connection.transaction():
        lock(load.connection, "pg_advisory_xact_lock", f"star/{load.source}/{name}")
        # row hashes are hashes of text: dates must look the same in every session
        load.connection.execute("set local datestyle = 'ISO, YMD'")
        yield


@contextmanager
def alone(load: Load, target: str) -> Iterator[None]:
    """While nobody else loads *target*, in whatever transactions: its rows keep their places."""
    lock_whole(load, target, "pg_advisory_lock")
    # parts whose process was killed may still be ending
    lock(load.connection, "pg_advisory_xact_lock", f"star/{load.source}/{target}/part")
    load.connection.commit()  # the first lock belongs to the session and stays
    yield


@contextmanager
def part(load: Load, address: str, target: str, helpers: int = 0) -> Iterator[Load]:
    """A connection for one part of *target*, with a processor of its own.

    Args:
        load: the load.
        address: a ``postgresql://`` URL.
        target: what is loaded in parts.
        helpers: parallel workers for its queries; with one processor for each part they would
            only take turns.
    """
    with warehouse.connect(address) as connection:
        connection.execute(f"set max_parallel_workers_per_gather = {helpers:d}")
        # the tables have just been read or written: any page of them is in memory
        connection.execute("set random_page_cost = 1.1")
        lock(connection, "pg_advisory_xact_lock_shared", f"star/{load.source}/{target}/part")
        yield load.on(connection)


def lock_whole(load: Load, target: str, kind: str = "pg_advisory_xact_lock") -> None:
    """Wait until nobody else loads *target*, in one transaction or in parts."""
    lock(load.connection, kind, f"star/{load.source}/{target}/parts")


def lock(connection: Connection[Any], kind: str, name: str) -> None:
    """Take the advisory lock *name* with the function *kind*."""
    connection.execute(
        sql.SQL("select {}(hashtextextended({}, 0))").format(sql.Identifier(kind), name)
    )


# --- tables of the star ---------------------------------------------------------------------------


def star_table(table: str) -> sql.Identifier:
    """*table* of the schema ``star``."""
    return sql.Identifier("star", table)


def has_rows(connection: Connection[Any], table: str, source: str | None = None) -> bool:
    """Whether a table of the star has rows, of *source* or at all."""
    query = sql.SQL("select from {}").format(star_table(table))
    if source is not None:
        query += sql.SQL(" where source_system = {}").format(source)
    return exists(connection, query)


def exists(connection: Connection[Any], query: sql.Composed) -> bool:
    """Whether *query* yields a row."""
    row = connection.execute(sql.SQL("select exists ({})").format(query)).fetchone()
    return row is not None and bool(row[0])


def is_first(load: Load, table: str) -> bool:
    """Whether *table* is empty and the load brings one version of each record: in one batch."""
    if has_rows(load.connection, table, load.source):
        return False
    batches = warehouse.query(
        load.connection, "star/batches_of_target", load.source, table, list(load.batch_ids)
    )
    # none where the mapping reads another view: then nothing is known of the versions
    return len(batches) == 1


def size(connection: Connection[Any], table: str) -> dict[str, int]:
    """The ``pages`` of a table of the star, and its ``row_estimate``."""
    return warehouse.query(connection, "catalog/size", "star", table)[0]


def analyze(connection: Connection[Any], table: str) -> None:
    """Renew the planner's statistics of a table of the star."""
    connection.execute(sql.SQL("analyze {}").format(star_table(table)))


def analyze_if_grown(connection: Connection[Any], table: str, written: int) -> None:
    """:func:`analyze` after a large change; autovacuum takes care of small ones."""
    if written * 5 > size(connection, table)["row_estimate"]:
        analyze(connection, table)


def drop_temporary(connection: Connection[Any], relation: str) -> None:
    """Drop a temporary table or view, if there is one."""
    kind = connection.execute(
        "select relkind from pg_class where oid = to_regclass(%s)", (f"pg_temp.{relation}",)
    ).fetchone()
    if kind is not None:
        word = "view" if kind[0] in ("v", b"v") else "table"
        connection.execute(
            sql.SQL("drop {} {}").format(sql.SQL(word), sql.Identifier("pg_temp", relation))
        )


def added(parts: Iterable[Counts]) -> Counts:
    """The counts of several parts, added up by table."""
    total: Counts = {}
    for counts in parts:
        total |= {table: total.get(table, 0) + rows for table, rows in counts.items()}
    return total
