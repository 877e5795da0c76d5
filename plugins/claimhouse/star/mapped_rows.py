"""The rows that mappings give of the batches of a load, looked at before anything of it is written.

:mod:`mapping_check` holds a mapping against its target without rows; a join that finds several rows for one,
or a key that is empty, only rows can show.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from psycopg import Connection

from claimhouse import warehouse
from claimhouse.counted import counted
from claimhouse.star import claims, kept, mapping, tables
from claimhouse.star.steps import Load


def check(connection: Connection[Any], source: str, batch_ids: Sequence[int]) -> None:
    """Look at what the mappings of the facts of *source* give of the batches of a load.

    Raises:
        claimhouse.star.mapping.MappingError: rows have no key, or one row is given several times; the message has
            all faults, each with its file, and no value of a row.
    """
    load = kept.keep(Load(connection, source, batch_ids))
    found = [
        fault
        for target in mapping.facts(source)
        if target.startswith("fact_")
        for fault in _faults(load, target)
    ]
    if found:
        raise mapping.MappingError("\n".join(found))


def _faults(load: Load, target: str) -> Iterator[str]:
    fact = tables.fact(load.connection, load.source, target)
    names = {"mapped": load.mapped(target), "fact_key": list(fact.key)}
    names["batches"] = "{" + ",".join(str(int(batch_id)) for batch_id in load.batch_ids) + "}"
    stems = mapping.by_target(load.source)[target]
    file = (
        f"include/sql/mapping/{load.source}/{stems[0] if len(stems) == 1 else target + '__*'}.sql"
    )
    counts = warehouse.query(load.connection, "star/rows_given", **names)
    key = " and ".join(fact.key)
    for row in counts:
        if row["without_key"]:
            rows = counted(row["without_key"], "row")
            where = f"{rows} of batch {row['batch_id']}"
            yield f"{file}: {key} is empty in {where}: leave such rows out, or give it a value"
    # Millions of claims are grouped by row only where their number is not that of the batch's rows.
    if target == claims.CLAIM and all(
        row["rows_given"] <= (row["rows_accepted"] or 0) for row in counts
    ):
        return
    for row in warehouse.query(load.connection, "star/rows_repeated", **names)[:1]:
        others = row["repeated_rows"] - 1
        more = f", and so for {counted(others, 'other row')}" if others else ""
        yield (
            f"{file}: gives line {row['row_number']} of batch {row['batch_id']} {row['times']} times{more}:"
            " a join finds several rows for one. Join a select with one row for each key"
        )
