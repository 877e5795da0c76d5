"""Mappings that look at all rows of a source system are evaluated once a load, and kept in tables until it ends.

A mapping with a window, an aggregate or the newest row of each record cannot be asked for the rows of a batch
alone, and each step of a load would evaluate it anew, behind an estimate that is far from its rows. What the load
touches of it is kept as ``source_<source>.loading_<target>``, unlogged, with statistics. What a mapping that reads
the star gives changes with the tables that it reads: it is evaluated again after these are written.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from psycopg import Connection, sql

from claimhouse import warehouse
from claimhouse.star import mapping
from claimhouse.star import tables as star_tables
from claimhouse.star.steps import Load

# Nodes of a plan that need rows of other batches than those that are asked for.
LOOKS_AT_ALL = {"WindowAgg", "Unique", "Aggregate"}


def keep(load: Load) -> Load:
    """Keep what *load* touches of its facts' mappings, unless it is kept already; the load that reads it there."""
    targets = mapping.facts(load.source)
    read = mapping.read_of_star(load.connection, load.source)
    for target in targets:
        if not _kept(load, target) and LOOKS_AT_ALL & set(_plan(load, target)):
            _keep(load, target, read.get(target, ()))
    return known(load, targets)


def keep_again(load: Load, targets: Sequence[str], written: Collection[str] | None = None) -> Load:
    """Keep anew what is kept of those of *targets* whose mapping reads what has been written of the star.

    Args:
        load: the load.
        targets: facts.
        written: tables of the star; any of them when left out.

    Returns:
        The load, reading what is kept of *targets*.
    """
    for target in targets:
        read = set(_kept(load, target).get("read_of_star", ()))
        if read if written is None else read & set(written):
            _keep(load, target, read)
    return known(load, targets)


def known(load: Load, targets: Sequence[str]) -> Load:
    """The load, reading what it keeps of the mappings of *targets*.

    A table that another load has left, or that a crash of the server has emptied, is not read: the mapping is.
    """
    return replace(load, kept=frozenset(target for target in targets if _kept(load, target)))


def drop(connection: Connection[Any], source: str) -> None:
    """Drop what a load of *source* has kept: when it ends, and when one begins, for one before it was killed."""
    for target in mapping.facts(source):
        _drop(connection, source, target)


def _drop(connection: Connection[Any], source: str, target: str) -> None:
    name = sql.Identifier(f"source_{source}", f"loading_{target}")
    connection.execute(sql.SQL("drop table if exists {}").format(name))


def _keep(load: Load, target: str, read_of_star: Iterable[str]) -> None:
    _drop(load.connection, load.source, target)
    warehouse.run(
        load.connection,
        "star/keep_mapping",
        source=load.source,
        target=target,
        key=star_tables.fact(load.connection, load.source, target).key,
        batches="{" + ",".join(map(str, load.batch_ids)) + "}",
        read_of_star=sorted(read_of_star),
    )


def _kept(load: Load, target: str) -> dict[str, Any]:
    """What the comment of the kept table says; empty where the load may not read it."""
    schema, table = f"source_{load.source}", f"loading_{target}"
    found = warehouse.query(load.connection, "catalog/comment", schema, table)
    comment: dict[str, Any] = json.loads(found[0]["comment"]) if found else {}
    if comment.get("batches") != list(load.batch_ids) or "read_of_star" not in comment:
        return {}
    select = sql.SQL("select from {} limit 1").format(sql.Identifier(schema, table))
    is_empty = load.connection.execute(select).fetchone() is None
    return comment if is_empty == comment["is_empty"] else {}


def _plan(load: Load, target: str) -> Iterator[str]:
    """The kinds of the nodes of the plan that reads the rows of the load's batches from the mapping."""
    view = sql.Identifier(f"source_{load.source}", f"star_{target}")
    explain = sql.SQL("explain (format json) select * from {} where batch_id = any({}::bigint[])")
    row = load.connection.execute(explain.format(view, list(load.batch_ids))).fetchone()
    assert row is not None
    plan = json.loads(row[0]) if isinstance(row[0], str | bytes) else row[0]
    return _nodes(plan[0]["Plan"])


def _nodes(node: dict[str, Any]) -> Iterator[str]:
    yield node["Node Type"]
    for below in node.get("Plans", ()):
        yield from _nodes(below)
