"""What has changed in the star since a source system was published, and which rows of facts that affects.

Triggers keep the first image of each row that changes, in the tables of the schema ``change``. A fact
is affected if its own row has changed, a member of a dimension that it names, or an encounter that it
is part of: what is restricted about an encounter hides all of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from claimhouse import warehouse

# Of a dimension, what says which state of a member is current and where it comes from: no report shows it.
BOOKKEEPING = ("valid_to", "is_current", "is_inferred", "row_hash", "batch_id")
# With a larger share of its rows affected, a fact is compared as a whole.
MOST_AFFECTED = 0.2
# Facts that a restricted specialty hides by encounter.
OF_ENCOUNTERS = ("fact_encounter", "fact_procedure", "fact_survey", "bridge_visit_provider")


@dataclass(frozen=True)
class Changes:
    """The changes of a source system since its last edition.

    Attributes:
        tables: the tables of the star that have changed rows.
        dimensions: the dimensions of which members have changed, and their surrogate keys.
    """

    source: str
    tables: frozenset[str]
    dimensions: Mapping[str, str]


def since_last_edition(connection: Connection[Any], source: str) -> Changes | None:
    """What has changed in the star of *source* since its last edition.

    Args:
        connection: in the transaction of the publication.
        source: the source system.

    Returns:
        None where any row may have changed.
    """
    if not warehouse.query(connection, "reporting/changes/is_known", source):
        return None
    changed = set()
    dimensions = {}
    recorded = [row["relation"] for row in warehouse.query(connection, "reporting/changes/tables")]
    for row in warehouse.query(
        connection, "reporting/changes/with_images", source, tables=recorded
    ):
        table = row["relation"]
        changed.add(table)
        warehouse.run(connection, "reporting/changes/analyze", table=table)
        if table.startswith("dim_"):
            key = f"{table.removeprefix('dim_')}_key"
            columns = _columns(connection, table)
            warehouse.run(
                connection,
                "reporting/changes/members",
                source=source,
                table=table,
                member_key=key,
                fields=columns,
                compared=[column for column in columns if column not in BOOKKEEPING],
            )
            if warehouse.query(connection, "reporting/changes/any_member", table=table):
                dimensions[table] = key
    return Changes(source, frozenset(changed), dimensions)


def affect(
    connection: Connection[Any], changes: Changes, fact: str, primary_key: Sequence[str]
) -> bool:
    """Create the temporary tables ``affected_<fact>``, keys, and ``was_<fact>``, rows as they were.

    Returns:
        False where so many rows are affected that comparing all of them is faster.
    """
    columns = _columns(connection, fact)
    warehouse.run(
        connection,
        "reporting/changes/affected",
        source=changes.source,
        fact=fact,
        pk=primary_key,
        fields=columns,
        changed_members=[
            {"dimension": table, "key": key}
            for table, key in changes.dimensions.items()
            if key in columns
        ],
        encounters=[table for table in OF_ENCOUNTERS if table in changes.tables]
        if fact in OF_ENCOUNTERS
        else [],
    )
    row = warehouse.query(connection, "reporting/changes/share", fact=fact)[0]
    return bool(row["affected"] <= MOST_AFFECTED * max(row["rows"], 1000))


def _columns(connection: Connection[Any], table: str) -> list[str]:
    return list(warehouse.columns(connection, "star", table))
