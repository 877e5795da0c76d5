"""Mappings that look at all rows of a source system are evaluated once a load, and kept in tables until it ends.

A mapping with a window or a newest row of each record cannot be asked for the rows of a batch alone, and
each step of a load would evaluate it anew, behind an estimate that is far from its rows. What the load
touches of it is kept as ``source_<source>.loading_<target>``, unlogged, with statistics. A mapping that reads
the star is not kept: the dimensions of the load change what it gives.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from psycopg import Connection, sql

from claimhouse import warehouse
from claimhouse.star import mapping
from claimhouse.star import tables as star_tables
from claimhouse.star.steps import Load

# Nodes of a plan that need rows of other batches than those that are asked for.
LOOKS_AT_ALL = {"WindowAgg", "Unique"}


def keep(load: Load) -> Load:
    """Keep what *load* touches of its facts' mappings, unless it is kept already; the load that reads it there."""
    for target in mapping.facts(load.source):
        if not _is_kept(load, target) and _is_worth_keeping(load, target):
            _drop(load.connection, load.source, target)
            fact = star_tables.fact(load.connection, load.source, target)
            batches = "{" + ",".join(map(str, load.batch_ids)) + "}"
            warehouse.run(
                load.connection,
                "star/keep_mapping",
                source=load.source,
                target=target,
                key=fact.key,
                batches=batches,
            )
    return known(load)


def known(load: Load) -> Load:
    """The load, reading what it keeps of mappings.

    A table that another load has left, or that a crash of the server has emptied, is not read: the mapping is.
    """
    kept = [target for target in mapping.facts(load.source) if _is_kept(load, target)]
    return replace(load, kept=frozenset(kept))


def drop(connection: Connection[Any], source: str) -> None:
    """Drop what a load of *source* has kept: when it ends, and when one begins, for one before it was killed."""
    for target in mapping.facts(source):
        _drop(connection, source, target)


def _drop(connection: Connection[Any], source: str, target: str) -> None:
    name = sql.Identifier(f"source_{source}", f"loading_{target}")
    connection.execute(sql.SQL("drop table if exists {}").format(name))


def _is_kept(load: Load, target: str) -> bool:
    schema, table = f"source_{load.source}", f"loading_{target}"
    found = warehouse.query(load.connection, "catalog/comment", schema, table)
    batches = "{" + ",".join(map(str, load.batch_ids)) + "}"
    if not found or not str(found[0]["comment"]).startswith(f"batches {batches} "):
        return False
    select = sql.SQL("select from {} limit 1").format(sql.Identifier(schema, table))
    has_rows = load.connection.execute(select).fetchone() is not None
    return has_rows or str(found[0]["comment"]).endswith(" 0 rows")


def _is_worth_keeping(load: Load, target: str) -> bool:
    """Whether the rows of a batch cannot be had from the mapping without those of others, and stay what they are."""
    view = sql.Identifier(f"source_{load.source}", f"star_{target}")
    explain = sql.SQL("explain (verbose, format json) select * from {} where batch_id = any({}::bigint[])")
    row = load.connection.execute(explain.format(view, list(load.batch_ids))).fetchone()
    assert row is not None
    plan = json.loads(row[0]) if isinstance(row[0], str | bytes) else row[0]
    nodes = list(_nodes(plan[0]["Plan"]))
    reads_star = any(node.get("Schema") == "star" for node in nodes)
    return not reads_star and any(node["Node Type"] in LOOKS_AT_ALL for node in nodes)


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _nodes(below)
