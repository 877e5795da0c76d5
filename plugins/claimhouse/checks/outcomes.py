"""Outcomes of checks: what each becomes in ``quality.check_result``, its issue and its failing rows."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg import Connection

from claimhouse import contracts, warehouse
from claimhouse.checks.soda import MOST_EXAMPLES, Measured
from claimhouse.severity import SEVERITIES, WARNING


@dataclass(frozen=True)
class Batch:
    """A batch with what its checks compare: the counts and sums of verification."""

    batch_id: int
    feed: str
    received_date: date
    state: str
    rows_read: int
    rows_accepted: int
    rows_quarantined: int
    amounts: dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """The outcome of one check: of a batch, or of the star where *batch_id* is None.

    Attributes:
        outcome: pass, warn, fail, or error where the check could not be run.
        is_waived: whether a reviewer waived the check for this batch.
    """

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
        """Whether it holds the batch, or fails the load."""
        has_failed = self.outcome in ("fail", "error") and SEVERITIES[self.severity].holds_batch
        return has_failed and not self.is_waived

    def __str__(self) -> str:
        where = "the star" if self.batch_id is None else f"{self.feed}, batch {self.batch_id}"
        what = f" ({self.message})" if self.outcome == "error" else ""
        return (
            f"{self.source_system}, {where}: check {self.check_name} ended in {self.outcome}{what}"
        )


class Number:
    """A number in a message: ``{rows}`` is ``1``, ``{rows:row is|rows are}`` is ``row is``.

    A check's message names the numbers it needs, and gives the words that depend on one of them
    as singular and plural.
    """

    def __init__(self, number: float | None) -> None:
        self._number = number

    def __format__(self, forms: str) -> str:
        if forms:
            singular, plural = forms.split("|")
            return singular if self._number == 1 else plural
        return "nothing" if self._number is None else f"{self._number:.15g}"


def record(
    connection: Connection[Any],
    source: str,
    batch: Batch | None,
    measured: Sequence[Measured],
    schema: str,
) -> list[Outcome]:
    """Keep the outcomes of one scan, an issue for each that did not pass, and failing rows.

    Args:
        connection: to the warehouse.
        source: the source system.
        batch: the batch scanned; None for the star.
        measured: what Soda measured, one for each check.
        schema: the schema of the tables checked.
    """
    batch_id = batch.batch_id if batch else None
    waived = {row["rule"] for row in warehouse.query(connection, "checks/waived", source, batch_id)}
    outcomes = [of(source, batch, check, waived) for check in measured]
    warehouse.query(connection, "checks/forget_failing_rows", source, batch_id)
    results = _results(batch, measured, outcomes, schema)
    rows = warehouse.query(connection, "checks/results", json.dumps(results))
    ids = {row["check_name"]: row["check_result_id"] for row in rows}
    key = contracts.of(source, batch.feed).key if batch else ()
    examples = [
        example
        for check, outcome in zip(measured, outcomes, strict=True)
        if outcome.outcome != "pass"
        for example in _examples(check, ids[check.name], key)
    ]
    warehouse.query(connection, "checks/failing_rows", json.dumps(examples, default=str))
    _raise_issues(connection, source, batch_id, outcomes)
    return outcomes


def _results(
    batch: Batch | None, measured: Sequence[Measured], outcomes: Sequence[Outcome], schema: str
) -> list[dict[str, Any]]:
    """The rows of ``quality.check_result``."""
    scan_id, feed = str(uuid.uuid4()), batch.feed if batch else ""
    return [
        {
            "scan_id": scan_id,
            "source_system": outcome.source_system,
            "feed": outcome.feed,
            "batch_id": outcome.batch_id,
            "table_name": f"{schema}.{check.table or feed}".rstrip("."),
            "check_name": outcome.check_name,
            "definition": check.definition,
            "outcome": outcome.outcome,
            "severity": outcome.severity,
            "measured_value": outcome.value,
            "failing_rows": outcome.failing_rows,
        }
        for check, outcome in zip(measured, outcomes, strict=True)
    ]


def _raise_issues(
    connection: Connection[Any], source: str, batch_id: int | None, outcomes: Sequence[Outcome]
) -> None:
    """Open or update the issues of what did not pass, and close the others of this batch."""
    bad = [outcome for outcome in outcomes if outcome.outcome != "pass" and not outcome.is_waived]
    rules = [outcome.rule for outcome in bad]
    warehouse.query(connection, "checks/close_issues", source, batch_id, rules)
    warehouse.query(connection, "checks/issues", json.dumps(list(map(_issue, bad))))


def of(source: str, batch: Batch | None, check: Measured, waived: set[str]) -> Outcome:
    """What a check has measured, as an outcome; *waived* are the rules that a reviewer waived."""
    outcome = check.outcome
    judged_from = check.attributes.get("judged_from_rows", 0)
    if batch and outcome == "fail" and batch.rows_read < judged_from:
        outcome = "warn"
    return Outcome(
        source_system=source,
        feed=batch.feed if batch else None,
        batch_id=batch.batch_id if batch else None,
        check_name=check.name,
        outcome=outcome,
        severity=check.severity,
        value=check.value,
        failing_rows=check.failing_rows,
        message=message(check, batch),
        is_waived=f"soda:{check.name}" in waived,
    )


def message(check: Measured, batch: Batch | None) -> str:
    """The check's sentence with its numbers; it holds no value of a row."""
    if check.outcome == "error":
        what = check.problem or "Soda does not know what it measures; is a word of it misspelled?"
        return f"The check {check.name} could not be run: {what}"
    failing = check.failing_rows or 0
    rows = batch.rows_accepted if batch else 0
    of_rows = check.examples[0].get("of_rows", 0) if check.examples else 0
    template = str(check.attributes.get("message", f"The check {check.name} measured {{value}}"))
    return template.format(
        value=Number(check.value),
        failing_rows=Number(failing),
        of_rows=Number(of_rows),
        share=f"{100 * failing / (of_rows or rows):.3g}" if of_rows or rows else "0",
        rows_read=Number(batch.rows_read if batch else 0),
        rows_accepted=Number(rows),
        rows_quarantined=Number(batch.rows_quarantined if batch else 0),
    )


def _issue(outcome: Outcome) -> dict[str, Any]:
    return {
        "source_system": outcome.source_system,
        "feed": outcome.feed,
        "batch_id": outcome.batch_id,
        "rule": outcome.rule,
        "severity": WARNING if outcome.outcome == "warn" else outcome.severity,
        "message": outcome.message,
    }


def _examples(check: Measured, result_id: int, key: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of ``quality.failing_row``; a row without a record key gets it from its columns."""
    return [
        {
            "check_result_id": result_id,
            "position": position,
            "row_number": row.get("row_number"),
            "record_key": row.get("record_key")
            or "|".join(str(row[name]) for name in key if name in row),
            "failing_row": row,
        }
        for position, row in enumerate(check.examples[:MOST_EXAMPLES], 1)
    ]
