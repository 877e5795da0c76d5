"""The checks of a batch that is tried, in the transaction that has its rows; nothing is recorded."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from psycopg import Connection

from claimhouse import warehouse
from claimhouse.checks import gate, outcomes, plausibility, soda
from claimhouse.checks.lent import LentConnection
from claimhouse.checks.outcomes import Batch, Outcome
from claimhouse.checks.references import from_contract
from claimhouse.checks.soda import Measured
from claimhouse.contracts import Contract


def measure(
    connection: Connection[Any], contract: Contract, batch_id: int, source: str, own: Path
) -> list[Outcome]:
    """Run the checks that the gate runs on a batch, where other connections cannot see its rows.

    Args:
        connection: in the transaction that has the rows; the checks cannot write.
        contract: the feed's, under the source system that is tried.
        batch_id: the batch.
        source: the source system that the checks name.
        own: the feed's own file of checks, if there is one.

    Returns:
        The outcome of each check.

    Raises:
        ScanBroken: a check cannot be read.
    """
    (row,) = warehouse.query(connection, "checks/batches", contract.source_system, [batch_id])
    batch, schema = Batch(**row), f"source_{contract.source_system}"
    everybodys = {"from_the_contract": json.dumps(from_contract(contract, batch))}
    of_feed = {}
    if own.is_file():
        text = own.read_text(encoding="utf-8")
        of_feed[own.name] = re.sub(rf"\bsource_{re.escape(source)}\b", schema, text)

    def scan(files: Sequence[Path], texts: dict[str, str]) -> list[Measured]:
        with connection.transaction(force_rollback=True):
            connection.execute("set local transaction_read_only = on")
            return soda.scan(
                warehouse.url(),
                schema,
                files,
                variables=gate.variables(contract.source_system, batch),
                texts=texts,
                connection=LentConnection(connection),
            )

    # apart, so that a wrong check of the feed takes none of the others along
    measured = scan([gate.CHECKS / "every_feed.yml"], everybodys)
    try:
        measured += scan([], of_feed) if of_feed else []
    except soda.ScanBroken as error:
        raise soda.ScanBroken(f"{own}: {error}") from None
    with connection.transaction(force_rollback=True):
        measured += plausibility.measure(connection, contract, batch)
    return [outcomes.of(contract.source_system, batch, check, set()) for check in measured]
