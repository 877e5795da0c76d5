"""Is a batch, and the star after it, fit? SodaCL checks, their outcomes, and the gate they are.

The checks of any feed are in ``include/soda/every_feed.yml``, those of one feed in
``include/soda/<source>/<feed>.yml``, those of a table of the star in ``include/soda/star``, and
what the star must hold of one source in ``include/soda/<source>/star.yml``. What the contract
says already (key, references, freshness, amounts) is made into checks here.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg import Connection

from claimhouse import batches, contracts, settings, warehouse
from claimhouse.checks import soda
from claimhouse.checks.soda import MOST_EXAMPLES, Measured
from claimhouse.contracts import Contract, Reference
from claimhouse.star import mapping

CHECKS = settings.INCLUDE / "soda"


class ChecksFailed(RuntimeError):
    """Checks that hold a batch back, or say the star is wrong; everything is recorded already.

    Attributes:
        failures: the outcomes that failed; the rest passed or warned.
    """

    def __init__(self, failures: Sequence[Outcome]) -> None:
        self.failures = list(failures)
        super().__init__("; ".join(str(one) for one in failures))


@dataclass(frozen=True)
class Outcome:
    """What became of one check: of a batch of a feed, or of the star where *batch_id* is None."""

    source_system: str
    feed: str | None
    batch_id: int | None
    check_name: str
    outcome: str
    severity: str
    value: float | None
    failing_rows: int | None
    message: str
    is_waived: bool = False

    @property
    def rule(self) -> str:
        """The rule of the issue this outcome becomes."""
        return f"soda:{self.check_name}"

    @property
    def blocks(self) -> bool:
        """Whether the batch, or the star, is unfit for it."""
        bad = self.outcome == "fail" or (self.outcome == "error" and self.severity == "error")
        return bad and not self.is_waived

    def __str__(self) -> str:
        where = "the star" if self.batch_id is None else f"{self.feed}, batch {self.batch_id}"
        return f"{self.source_system}, {where}: check {self.check_name} ended in {self.outcome}"


@dataclass(frozen=True)
class Batch:
    """A batch as the checks see it."""

    batch_id: int
    feed: str
    received_date: date
    state: str
    rows_read: int
    rows_accepted: int
    rows_quarantined: int
    amounts: dict[str, Any]


def scan_batches(source: str, batch_ids: Sequence[int]) -> list[Outcome]:
    """Check the batches *batch_ids* of *source*, record every outcome, and open or bar the gate.

    A batch whose error checks all pass becomes ``checked``, one that fails ``held``. A failed
    check that a reviewer waived for the batch holds nothing. Scanning a batch again replaces
    what its earlier scan left open.

    Raises:
        ChecksFailed: a batch is held; all batches are scanned and recorded first.
        soda.ScanBroken: a check file cannot be read.
    """
    outcomes = []
    for batch_id in sorted(batch_ids):
        with warehouse.connect() as connection:
            for batch in _batches(connection, source, batch_id):
                outcomes += _scan_batch(connection, source, batch)
    return _or_fail(outcomes)


def scan_star(
    source: str, batch_ids: Sequence[int] | None = None, everything: bool = False
) -> list[Outcome]:
    """Check the star after a load of *source* and record every outcome.

    Args:
        source: the source system that was loaded.
        batch_ids: the batches just loaded, whose facts are looked at; those in state
            ``checked`` when left out (a load marks its batches ``loaded`` at its very end).
        everything: look at the facts of all batches; for an audit.

    Raises:
        ChecksFailed: the star is not what it must be; everything is recorded first.
        soda.ScanBroken: a check file cannot be read.
    """
    with warehouse.connect() as connection:
        if batch_ids is None:
            batch_ids = batches.in_state(connection, source, "checked")
        # Of a first load everything is new: to ask each row which batch it is of would only take time.
        everything |= not batches.in_state(connection, source, "loaded")
        files = [CHECKS / "star" / f"{target}.yml" for target in mapping.targets(source)]
        files.append(CHECKS / source / "star.yml")  # what only this source's star must hold
        variables = {
            "source": source,
            "batch_ids": ", ".join(str(int(one)) for one in batch_ids) or "null",
            "everything": str(everything).lower(),
        }
        measured = soda.scan(
            warehouse.url(), "star", [file for file in files if file.is_file()], variables=variables
        )
        outcomes = _record(connection, source, None, measured, "star")
    return _or_fail(outcomes)


def release(batch_id: int, by: str, reason: str) -> None:
    """Let a held batch go on to the star: *by* waives the checks that hold it, for *reason*.

    Raises:
        ValueError: the batch is not held.
    """
    with warehouse.connect() as connection:
        if not warehouse.query(connection, "checks/release", batch_id, by, reason):
            raise ValueError(f"batch {batch_id} is not held")


def _or_fail(outcomes: list[Outcome]) -> list[Outcome]:
    if failures := [one for one in outcomes if one.blocks]:
        raise ChecksFailed(failures)
    return outcomes


def _batches(connection: Connection[Any], source: str, batch_id: int) -> list[Batch]:
    found = warehouse.query(connection, "checks/batches", source, [batch_id])
    return [Batch(**row) for row in found]


def _scan_batch(connection: Connection[Any], source: str, batch: Batch) -> list[Outcome]:
    own = CHECKS / source / f"{batch.feed}.yml"
    measured = soda.scan(
        warehouse.url(),
        f"source_{source}",
        [CHECKS / "every_feed.yml", *([own] if own.is_file() else [])],
        json.dumps(from_contract(contracts.of(source, batch.feed), batch)),
        {
            "source": source,
            "feed": batch.feed,
            "batch_id": str(batch.batch_id),
            "received_date": batch.received_date.isoformat(),
        },
    )
    outcomes = _record(connection, source, batch, measured, f"source_{source}")
    fit = not any(one.blocks for one in outcomes)
    warehouse.query(connection, "checks/state", batch.batch_id, "checked" if fit else "held")
    return outcomes


def from_contract(one: Contract, batch: Batch) -> dict[str, Any]:
    """The checks of *batch* that its feed's contract implies, as SodaCL."""
    checks = [_keys_occur_once(one, batch)]
    checks += [_is_known(one, batch, reference) for reference in one.references]
    if one.version_column and one.freshness_days is not None:
        checks.append(_is_fresh(one, batch, one.version_column, one.freshness_days))
    return {
        f"filter {one.feed} [batch]": {"where": f"batch_id = {batch.batch_id}"},
        f"checks for {one.feed} [batch]": _nothing_lost(one, batch),
        "checks": checks,
    }


def _nothing_lost(one: Contract, batch: Batch) -> list[dict[str, Any]]:
    """Rows and amounts in the source table are those that verification accepted."""
    message = (
        f"The source table holds {{value}} rows of the {batch.rows_accepted} that were accepted"
    )
    fail = {"fail": f"when != {batch.rows_accepted}"}
    checks = [_check("row_count", "rows_reconcile", message, fail)]
    for column in one.amounts if batch.rows_accepted else ():
        accepted = batch.amounts.get(column.name, {}).get("accepted")
        if accepted is None:
            continue
        message = f"{column.name} adds up to {{value}} in the source table, {accepted} was accepted"
        fail = {"fail": f"when != {accepted}"}
        checks.append(_check(f"sum({column.name})", f"{column.name}_reconciles", message, fail))
    return checks


def _keys_occur_once(one: Contract, batch: Batch) -> dict[str, Any]:
    message = "{failing_rows} keys occur more than once among the {rows_accepted} accepted rows"
    query = {"fail query": _query("repeated_keys", one, batch)}
    return _check("failed rows", "keys_occur_once", message, query)


def _is_known(one: Contract, batch: Batch, reference: Reference) -> dict[str, Any]:
    message = (
        "{failing_rows} of the {rows_accepted} accepted rows ({share} %) "
        f"have a {reference.column} that {reference.to_feed} has not brought"
    )
    query = _query(
        "unknown_references",
        one,
        batch,
        column=reference.column,
        to_feed=reference.to_feed,
        to_column=reference.to_column,
    )
    settings_of_check = {"fail query": query, "warn": "when > 0"}
    return _check("failed rows", f"{reference.column}_is_known", message, settings_of_check)


def _is_fresh(one: Contract, batch: Batch, column: str, days: int) -> dict[str, Any]:
    message = (
        f"The newest {column} is {{value}} days older than the file; the contract promises {days}"
    )
    query = _query("days_old", one, batch, column=column, received_date=batch.received_date)
    settings_of_check = {"days_old query": query, "warn": f"when > {days}"}
    return _check("days_old", "freshness", message, settings_of_check)


def _query(name: str, one: Contract, batch: Batch, **names: Any) -> str:
    return warehouse.sql(
        f"checks/{name}",
        source=one.source_system,
        feed=one.feed,
        batch_id=batch.batch_id,
        key=", ".join(f"t.{column}" for column in one.key),
        **names,
    )


def _check(line: str, name: str, message: str, rest: dict[str, str]) -> dict[str, Any]:
    return {line: {"name": name, **rest, "attributes": {"message": message}}}


def _record(
    connection: Connection[Any],
    source: str,
    batch: Batch | None,
    measured: Sequence[Measured],
    schema: str,
) -> list[Outcome]:
    """Keep what was measured: every outcome, an issue for each that is not good, and examples."""
    batch_id = batch.batch_id if batch else None
    waived = {row["rule"] for row in warehouse.query(connection, "checks/waived", source, batch_id)}
    outcomes = [_outcome(source, batch, one, waived) for one in measured]
    scan_id = str(uuid.uuid4())
    results = [
        {
            "scan_id": scan_id,
            "source_system": source,
            "feed": outcome.feed,
            "batch_id": batch_id,
            "table_name": f"{schema}.{one.table or (batch.feed if batch else '')}".rstrip("."),
            "check_name": outcome.check_name,
            "definition": one.definition,
            "outcome": outcome.outcome,
            "severity": outcome.severity,
            "measured_value": outcome.value,
            "failing_rows": outcome.failing_rows,
        }
        for one, outcome in zip(measured, outcomes, strict=True)
    ]
    warehouse.query(connection, "checks/forget_failing_rows", source, batch_id)
    kept = warehouse.query(connection, "checks/results", json.dumps(results))
    ids = {row["check_name"]: row["check_result_id"] for row in kept}
    bad = [outcome for outcome in outcomes if outcome.outcome != "pass"]
    raised = [outcome for outcome in bad if not outcome.is_waived]
    key = contracts.of(source, batch.feed).key if batch else ()
    examples = [
        row
        for one, outcome in zip(measured, outcomes, strict=True)
        if outcome in bad
        for row in _examples(one, ids[one.name], key)
    ]
    warehouse.query(connection, "checks/failing_rows", json.dumps(examples, default=str))
    warehouse.query(
        connection, "checks/close_issues", source, batch_id, [one.rule for one in raised]
    )
    warehouse.query(connection, "checks/issues", json.dumps([_issue(one) for one in raised]))
    return outcomes


def _outcome(source: str, batch: Batch | None, one: Measured, waived: set[str]) -> Outcome:
    outcome = one.outcome
    if batch and outcome == "fail" and batch.rows_read < one.attributes.get("judged_from_rows", 0):
        outcome = "warn"
    return Outcome(
        source_system=source,
        feed=batch.feed if batch else None,
        batch_id=batch.batch_id if batch else None,
        check_name=one.name,
        outcome=outcome,
        severity=one.severity,
        value=one.value,
        failing_rows=one.failing_rows,
        message=_message(one, batch),
        is_waived=f"soda:{one.name}" in waived,
    )


def _message(one: Measured, batch: Batch | None) -> str:
    """The check's sentence with its numbers; it holds no value of a row."""
    if one.outcome == "error":
        return f"The check {one.name} could not be carried out"
    failing = one.failing_rows or 0
    rows = batch.rows_accepted if batch else 0
    return str(one.attributes.get("message", f"The check {one.name} measured {{value}}")).format(
        value="nothing" if one.value is None else f"{one.value:.15g}",
        failing_rows=failing,
        share=f"{100 * failing / rows:.3g}" if rows else "0",
        rows_read=batch.rows_read if batch else 0,
        rows_accepted=rows,
        rows_quarantined=batch.rows_quarantined if batch else 0,
    )


def _issue(one: Outcome) -> dict[str, Any]:
    return {
        "source_system": one.source_system,
        "feed": one.feed,
        "batch_id": one.batch_id,
        "rule": one.rule,
        "severity": "warning" if one.outcome == "warn" else one.severity,
        "message": one.message,
    }


def _examples(one: Measured, result_id: int, key: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "check_result_id": result_id,
            "position": position,
            "row_number": row.get("row_number"),
            "record_key": row.get("record_key")
            or "|".join(str(row[name]) for name in key if name in row),
            "failing_row": row,
        }
        for position, row in enumerate((example.row for example in one.examples[:MOST_EXAMPLES]), 1)
    ]
