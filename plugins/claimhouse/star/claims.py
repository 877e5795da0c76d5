"""Claims: the fact that keeps every version of a record, and may have millions of them.

``fact_claim`` has each claim in its latest state, ``fact_claim_change`` the versions of claims
that have several, with money as a difference to the version before
(docs/decisions/0004). The columns of both come from the catalog.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from claimhouse import warehouse
from claimhouse.star import mapping, steps
from claimhouse.star.steps import Load, Statement
from claimhouse.star.tables import Fact

CLAIM, CHANGE = "fact_claim", "fact_claim_change"
STORED = (CLAIM, CHANGE)
# Not read from the catalog: the first load drops the primary key.
KEY = ("claim_id", "source_system")

# Where the rows of a part lie, by table: a condition on ctid.
Places = dict[str, str]

WHOLE = ""
# Two halves of the incoming claims, below and above what claim_version.sql compares them with. (Of an equation
# the planner would expect one row in two hundred; of these it expects one in three.)
PARTS = ("<", ">=")
# Two halves of the records that are there, by their place: each connection reads half of the table.
_HALVES = ("< '({middle},0)'", ">= '({middle},0)'")

# What the loader says of the versions of a claim; no mapping gives it.
COUNTED = ("version_count", "version_date")
_DELTA = "_delta"
_BOOKKEEPING = ("service_date", *COUNTED, "batch_id", "row_number")
_TEMPORARY = ("claim_version", "received", "known")


def records(load: Load, fact: Fact, is_first: bool, part: str) -> list[Statement]:
    """The statements that write the claims of *part*, in their latest state and in every version."""
    names = columns(load, fact) | {"is_first": is_first, "part": part}
    names |= {
        "looked_up": _looked_up(load, fact),
        "transactions": mapping.transactions(load.source),
        "has_withdrawn": bool(warehouse.query(load.connection, "star/withdrawn", load.source)),
    }
    statements = [
        Statement("star/claim_version", None, names),
        Statement("star/fact_claim", CLAIM, names),
    ]
    # a first load brings one version of each claim
    return (
        statements
        if is_first
        else [*statements, Statement("star/fact_claim_change", CHANGE, names)]
    )


def _looked_up(load: Load, fact: Fact) -> list[str]:
    """The members with a history of which there are so many that those of the load are looked up."""
    (rows,) = warehouse.query(load.connection, "batches/rows_accepted", list(load.batch_ids))
    return [
        dimension.member
        for dimension in fact.members
        if dimension.keeps_history
        and rows["rows_accepted"] * steps.LOOK_UP_ROWS
        < steps.size(load.connection, dimension.table)["row_estimate"]
    ]


def may_repeat(source: str) -> bool:
    """Whether one batch of *source* can bring several versions of a claim: where rows add up."""
    return bool(mapping.transactions(source))


def columns(load: Load, fact: Fact) -> dict[str, Any]:
    """What the SQL files call the columns of a claim and of its versions.

    Returns:
        The names of :meth:`Fact.names`, and:
        ``money``, amounts that versions hold as differences;
        ``others``, columns of a version that are neither keys, money nor bookkeeping, and their types;
        ``latest``, what ``fact_claim`` holds of a claim beside its key;
        ``change``, the columns of ``fact_claim_change``;
        ``changing``, those of them that can change when a version comes late.
    """
    claim = warehouse.columns(load.connection, "star", CLAIM)
    change = list(warehouse.columns(load.connection, "star", CHANGE))
    deltas = [column for column in change if column.endswith(_DELTA)]
    money = [column.removesuffix(_DELTA) for column in deltas]
    own = {*KEY, *fact.pointed, *money, *_BOOKKEEPING}
    return fact.names() | {
        "money": money,
        "others": {column: kind for column, kind in claim.items() if column not in own},
        "latest": [column for column in claim if column not in KEY],
        "change": change,
        "changing": _changing(fact, change, deltas),
    }


def _changing(fact: Fact, change: Sequence[str], deltas: Sequence[str]) -> list[str]:
    if fact.carried:  # whatever a later version keeps
        return [column for column in change if column not in (*KEY, "batch_id", "row_number")]
    moved = [key for key in fact.pointed if not key.endswith("_date_key")]
    return ["version_number", *moved, *deltas]


def halves(connection: Any) -> list[Places]:
    """The tables of claims in two halves, each as its rows' places."""
    middles = {table: steps.size(connection, table)["pages"] // 2 for table in STORED}
    return [
        {table: half.format(middle=middle) for table, middle in middles.items()} for half in _HALVES
    ]


def drop_temporary(load: Load) -> None:
    """Drop what :func:`records` leaves in the session."""
    for relation in _TEMPORARY:
        steps.drop_temporary(load.connection, relation)


def prepare_key(load: Load, is_first: bool) -> None:
    """Drop the primary key for the first load of all, and have it for any other one."""
    _wait_for_key(load)
    is_empty = not steps.has_rows(load.connection, CLAIM)
    # missing though there are rows: a first load was killed
    wanted = not (is_first and is_empty)
    if wanted != _has_key(load):
        load.run(key(wanted))


def complete_key(load: Load) -> None:
    """Have the primary key."""
    with load.connection.transaction():
        _wait_for_key(load)
        if not _has_key(load):
            load.run(key(wanted=True))


def key(wanted: bool) -> Statement:
    """The statement that makes or drops the primary key of the claims."""
    return Statement("star/fact_claim_key", None, {"wanted": wanted})


def _wait_for_key(load: Load) -> None:
    """Wait until no load of another source system makes or drops the key."""
    steps.lock(load.connection, "pg_advisory_xact_lock", f"star/{CLAIM}/key")


def _has_key(load: Load) -> bool:
    return bool(warehouse.query(load.connection, "catalog/key_columns", "star", CLAIM))
