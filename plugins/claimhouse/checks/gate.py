"""The gate: a batch that fails a check is held, and a star that fails one stops its load.

The checks of any feed are in ``include/soda/every_feed.yml``, those of one feed in
``include/soda/<source>/<feed>.yml``, those of a table of the star in ``include/soda/star``, and
those of one source's part of the star in ``include/soda/<source>/star.yml``. What the contract
already says (key, references, freshness, amounts) becomes checks in :mod:`references`, and what its columns
hold those of :mod:`plausibility`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from psycopg import Connection

from claimhouse import batches, contracts, settings, warehouse
from claimhouse.checks import outcomes, plausibility, soda
from claimhouse.checks.outcomes import Batch, Outcome
from claimhouse.checks.references import from_contract
from claimhouse.checks.soda import Measured
from claimhouse.severity import SEVERITIES
from claimhouse.star import mapping, tables

CHECKS = settings.INCLUDE / "soda"
# The severities of checks that hold a batch.
HOLDING = [name for name, severity in SEVERITIES.items() if severity.holds_batch]
# Tables of the star that have no mapping of their own, and the fact whose mapping brings their rows.
BROUGHT_BY = {"fact_claim_change": "fact_claim"}
# The bounds of a member's history.
HISTORY = "star/sql/history.jinja"


class ChecksFailed(RuntimeError):
    """Checks hold a batch, or the star is wrong; every outcome is recorded already.

    Attributes:
        failures: the outcomes that failed; the rest passed or warned.
    """

    def __init__(self, failures: Sequence[Outcome]) -> None:
        self.failures = list(failures)
        super().__init__("; ".join(map(str, failures)))


def scan_batches(source: str, batch_ids: Sequence[int]) -> list[Outcome]:
    """Check the batches *batch_ids* of *source*, record every outcome, and open or close the gate.

    A batch that no check holds becomes ``checked``, any other ``held``. A failed check that a
    reviewer waived for the batch does not hold it. Scanning a batch again replaces the issues of
    its earlier scan.

    Raises:
        ChecksFailed: a batch is held; all batches are scanned and recorded first.
        soda.ScanBroken: a check file cannot be read. The batches that it checks stay as they were; all others
            are scanned and recorded first.
    """
    found: list[Outcome] = []
    broken: list[str] = []
    for batch_id in sorted(batch_ids):
        try:
            with warehouse.connect() as connection:
                for row in warehouse.query(connection, "checks/batches", source, [batch_id]):
                    found += _scan_batch(connection, source, Batch(**row))
        except soda.ScanBroken as error:
            broken.append(f"batch {batch_id}: {error}")
    if broken:
        raise soda.ScanBroken("; ".join(broken))
    return _or_fail(found)


def scan_star(
    source: str, batch_ids: Sequence[int] | None = None, everything: bool = False
) -> list[Outcome]:
    """Check the star after a load of *source* and record every outcome.

    Args:
        source: the source system that was loaded.
        batch_ids: the batches just loaded, whose facts are checked; by default those in state
            ``checked`` (a load marks its batches ``loaded`` at its very end).
        everything: check all members and facts, not only those that the batches touch; for an audit.

    Raises:
        ChecksFailed: the star is wrong; every outcome is recorded first.
        soda.ScanBroken: a check file cannot be read.
    """
    with warehouse.connect() as connection:
        if batch_ids is None:
            batch_ids = batches.in_state(connection, source, "checked")
        # In a first load everything is new: looking for what is would only take time.
        everything |= not batches.in_state(connection, source, "loaded")
        files = [CHECKS / "star" / f"{target}.yml" for target in mapping.targets(source)]
        files = [file for file in [*files, CHECKS / source / "star.yml"] if file.is_file()]
        named = star_tables(connection, source, files)
        prepared = "" if everything else touched(connection, source, named, batch_ids)
        names = star_variables(source, named, batch_ids, everything=everything)
        measured = soda.scan(warehouse.url(), "star", files, variables=names, prepared=prepared)
        recorded = outcomes.record(connection, source, None, measured, "star")
    return _or_fail(recorded)


def star_tables(connection: Connection[Any], source: str, files: Sequence[Path]) -> list[str]:
    """The tables of the star that checks name as variables.

    They may name what *source* has a mapping for, the versions of its claims, and members whose history is kept.
    """
    mapped = mapping.targets(source)
    known = {*mapped, *(table for table, target in BROUGHT_BY.items() if target in mapped)}
    known |= {d.table for d in tables.dimensions(connection).values() if d.keeps_history}
    return sorted(soda.named(files) & known)


def star_variables(
    source: str, named: Sequence[str], batch_ids: Sequence[int], *, everything: bool
) -> dict[str, str]:
    """What ``${name}`` stands for in checks of the star.

    Each of the tables *named* stands for itself, or, where not everything is checked, for its rows that
    :func:`touched` has collected.
    """
    prefix = "star." if everything else "pg_temp.touched_"
    return {
        "source": source,
        "batch_ids": _list(batch_ids),
        "everything": str(everything).lower(),
        "first_day": warehouse.constant(HISTORY, "FIRST_DAY"),
        "no_end": warehouse.constant(HISTORY, "NO_END"),
    } | {table: f"{prefix}{table}" for table in named}


def touched(
    connection: Connection[Any], source: str, named: Sequence[str], batch_ids: Sequence[int]
) -> str:
    """SQL that makes the temporary tables of what a load touches, for checks of a star that was loaded before.

    ``touched_<table>`` has the rows of one of the tables *named* whose keys the batches bring.
    """
    mapped = mapping.targets(source)
    text = ""
    for table in named:
        target = BROUGHT_BY.get(table, table)
        is_mapped = target in mapped
        text += warehouse.sql(
            "checks/touched",
            source=source,
            table=table,
            target=target,
            key=_key(connection, source, target) if is_mapped else (),
            is_mapped=is_mapped,
            batches=_list(batch_ids),
        )
    return text


def _list(batch_ids: Sequence[int]) -> str:
    return ", ".join(str(int(batch_id)) for batch_id in batch_ids) or "null"


def _key(connection: Connection[Any], source: str, target: str) -> Sequence[str]:
    """The columns that tell the members or facts of *target* within *source* apart."""
    member = target.removeprefix("dim_")
    if member != target:
        return (f"{member}_id",)
    return tables.fact(connection, source, target).key


def release(
    batch_id: int,
    reviewer: str,
    reason: str,
    connect: Callable[[], AbstractContextManager[Connection[Any]]] = warehouse.connect,
) -> None:
    """Let a held batch go on to the star, by waiving the checks that hold it.

    Raises:
        ValueError: the batch is not held.
    """
    with connect() as connection:
        if not warehouse.query(connection, "checks/release", batch_id, reviewer, reason, HOLDING):
            raise ValueError(f"batch {batch_id} is not held")


def variables(source: str, batch: Batch) -> dict[str, str]:
    """What ``${name}`` stands for in the checks of a batch."""
    return {
        "source": source,
        "feed": batch.feed,
        "batch_id": str(batch.batch_id),
        "received_date": batch.received_date.isoformat(),
    }


def _or_fail(found: list[Outcome]) -> list[Outcome]:
    if failures := [outcome for outcome in found if outcome.blocks]:
        raise ChecksFailed(failures)
    return found


def _scan_batch(connection: Connection[Any], source: str, batch: Batch) -> list[Outcome]:
    contract, own = contracts.of(source, batch.feed), CHECKS / source / f"{batch.feed}.yml"
    general = CHECKS / "every_feed.yml"
    everybodys = [general] if general.is_file() else []
    of_contract = json.dumps(from_contract(contract, batch))
    of_feed = [own] if own.is_file() else []

    def scan(files: Sequence[Path], text: str = "") -> list[Measured]:
        schema = f"source_{source}"
        return soda.scan(warehouse.url(), schema, files, text, variables(source, batch))

    measured = scan([*everybodys, *of_feed], of_contract)
    if of_feed and any(check.outcome == "error" for check in measured):
        # Soda asks for numbers of one table in one query: a wrong one takes the others along.
        measured = scan(everybodys, of_contract) + scan(of_feed)
    measured += plausibility.measure(connection, contract, batch)
    recorded = outcomes.record(connection, source, batch, measured, f"source_{source}")
    is_fit = not any(outcome.blocks for outcome in recorded)
    warehouse.query(connection, "checks/state", batch.batch_id, "checked" if is_fit else "held")
    return recorded
