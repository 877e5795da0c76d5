"""Verification: every field of every row checked against its contract, a block of rows at a time.

A block comes in as text and goes out as three frames: accepted rows (typed), quarantined rows (as
they came) and issues. The pass is vectorized; only failing values are looked at one by one.
What each severity does to a row or a value: :mod:`claimhouse.severity`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

import polars as pl

from claimhouse.contracts import Column, Contract, RowRule
from claimhouse.reading import Block
from claimhouse.severity import ERROR, SEVERITIES
from claimhouse.verification import issues
from claimhouse.verification.header import Plan
from claimhouse.verification.judge import Judged, judge

# What stands where a record's key should be in the rows that reports end with, and their parts.
TOTAL = (
    r"(?i)^\W*(?:(?:grand|sub|report|page|batch|file|overall|final)?[\s_-]*(?:totals?|sum|count)\b"
    r"|end of (?:file|report|data)\b)"
)
TOTAL_MESSAGE = (
    "The row is a total of other rows, or the end of a report, and not a record: next to nothing but"
    " numbers stands beside its key."
)


@dataclass(frozen=True)
class Amount:
    """Sums of one amount column in one block; ``unreadable`` counts values that are no amount."""

    read: Decimal = Decimal(0)
    accepted: Decimal = Decimal(0)
    quarantined: Decimal = Decimal(0)
    unreadable: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.read + other.read,
            self.accepted + other.accepted,
            self.quarantined + other.quarantined,
            self.unreadable + other.unreadable,
        )


@dataclass(frozen=True)
class Verified:
    """What became of one block.

    Attributes:
        accepted: ``row_number``, then the contract's columns, typed.
        quarantined: see :data:`issues.QUARANTINE_SCHEMA`.
        issues: see :data:`issues.ISSUE_SCHEMA`.
        rows_read: accepted and quarantined rows together.
        amounts: the sums of each amount column, by its name.
        sheet: the sheet it is of, in a workbook of several.
    """

    accepted: pl.DataFrame
    quarantined: pl.DataFrame
    issues: pl.DataFrame
    rows_read: int
    amounts: dict[str, Amount] = field(default_factory=dict)
    sheet: str | None = None


def verify(block: Block, plan: Plan, withheld: pl.Series | None = None) -> Verified:
    """Check one block against its contract.

    Args:
        block: some rows of a file.
        plan: the file's.
        withheld: numbers of rows that are not accepted whatever they hold.
    """
    contract, numbers = plan.contract, block.rows["row_number"]
    judged = {
        column.name: judge(
            column,
            _raw(block, column, plan),
            contract.latest_version if column.name == contract.version_column else None,
        )
        for column in contract.columns
    }
    typed = pl.DataFrame(
        [numbers.alias("row_number")]
        + [column.loaded().alias(name) for name, column in judged.items()]
    )
    bad = _failing_rows(judged, len(numbers))
    if withheld is not None and not withheld.is_empty():
        bad = bad | numbers.is_in(withheld.implode())
    broken_rules = [*_totals(contract, judged, bad), *_broken_rules(contract, typed, bad)]
    for rule, breaks in broken_rules:
        if SEVERITIES[rule.severity].quarantines_row:
            bad = bad | breaks
    wrong = bad.arg_true()
    accepted = typed.filter(~bad) if bad.any() else typed
    return Verified(
        accepted=accepted,
        quarantined=issues.quarantined_rows(judged, block, wrong, plan),
        issues=pl.concat(
            [
                *issues.field_issues(judged, plan, numbers),
                *(
                    issues.row_rule_issues(judged, rule, breaks, numbers, contract)
                    for rule, breaks in broken_rules
                ),
                issues.lost_digits_issues(judged, block, plan),
                issues.broken_row_issues(block.broken, plan),
            ]
        ),
        rows_read=len(numbers) + len(block.broken),
        amounts={
            column.name: _amount(
                judged[column.name], accepted[column.name], wrong, len(block.broken)
            )
            for column in contract.summed
        },
        sheet=plan.sheet,
    )


def share_fitting(column: Column, raw: pl.Series) -> float:
    """The share, 0 to 1, of the values of *raw* that keep the rules of *column*.

    A value that can be corrected with certainty keeps them. Without values the share is 1.
    """
    judged = judge(column, raw)
    present = judged.each("text").is_not_null()
    wrong = _no_rows(len(raw))
    for failure in judged.failures:
        if not failure.is_correction:
            wrong = wrong | judged.each(failure.rule)
    count = int(present.sum())
    return 1 - int((wrong & present).sum()) / count if count else 1.0


def _raw(block: Block, column: Column, plan: Plan) -> pl.Series:
    """A column of the contract as raw text, by whatever name the file has it."""
    if column.name in plan.renames:
        return block.rows[plan.renames[column.name]]
    constant = plan.constants.get(column.name)
    return pl.repeat(constant, len(block.rows), dtype=pl.String, eager=True)


def _no_rows(count: int) -> pl.Series:
    return pl.repeat(False, count, dtype=pl.Boolean, eager=True)


def _failing_rows(judged: dict[str, Judged], count: int) -> pl.Series:
    """Which rows hold a value that quarantines them: one boolean per row."""
    bad = _no_rows(count)
    for column in judged.values():
        for failure in column.failures:
            if SEVERITIES[failure.severity].quarantines_row:
                bad = bad | column.each(failure.rule)
    return bad


def _totals(
    contract: Contract, judged: dict[str, Judged], bad: pl.Series
) -> list[tuple[RowRule, pl.Series]]:
    """Rows that are totals of others, whose money would count twice: *Total* for a key, and little but numbers."""
    found = _no_rows(len(bad))
    for key in (judged[name] for name in contract.key if judged[name].column.type == "string"):
        if key.judged["text"].str.contains(TOTAL).any():
            found = found | key.each("text").str.contains(TOTAL).fill_null(False)
    rows = (found & ~bad).arg_true()
    if rows.is_empty():
        return []
    beside = [
        judged[column.name].at("text", rows).is_not_null().cast(pl.Int64)
        for column in contract.columns
        if column.type not in ("decimal", "integer")
        and column.name not in contract.key
        and not column.from_file_name
    ]
    given = sum(beside, pl.zeros(len(rows), pl.Int64, eager=True))
    totals = rows.filter(given * 4 <= len(beside))
    if totals.is_empty():
        return []
    rule = RowRule("total_row", "", contract.key, ERROR, TOTAL_MESSAGE)
    return [(rule, pl.arange(len(bad), eager=True).is_in(totals.implode()))]


def _broken_rules(
    contract: Contract, typed: pl.DataFrame, bad: pl.Series
) -> list[tuple[RowRule, pl.Series]]:
    """The rules between columns that some row breaks, and which rows; *bad* rows are not judged."""
    broken = []
    for rule in contract.row_rules:
        holds = typed.select(pl.sql_expr(rule.expression).alias("holds"))["holds"]
        breaks = ~holds.fill_null(True) & ~bad
        if breaks.any():
            broken.append((rule, breaks))
    return broken


def _amount(judged: Judged, accepted: pl.Series, wrong: pl.Series, broken: int) -> Amount:
    """What the block holds of one amount; rows that could not be split count as unreadable.

    A value that a warning clears is loaded as NULL, and counts as unreadable too.
    """
    value, text = judged.loaded(), judged.each("text")
    unreadable = int((text.is_not_null() & value.is_null()).sum())
    return Amount(_total(value), _total(accepted), _total(value.gather(wrong)), unreadable + broken)


def _total(values: pl.Series) -> Decimal:
    return Decimal(values.sum() or 0)
