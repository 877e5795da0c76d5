"""One column of a block, from raw text to typed value: corrected, cast and checked by its rules."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from claimhouse.contracts import Column
from claimhouse.severity import SEVERITIES
from claimhouse.verification import repairs, values
from claimhouse.verification.rules import Failure, rules

# A column is judged by its distinct texts where, in its first SAMPLE rows, they are at most this
# share of the rows.
SAMPLE, FEW = 10_000, 0.25


@dataclass(frozen=True)
class Judged:
    """One column of a block, judged.

    Attributes:
        raw: the text as it came, one per row.
        judged: ``raw``, ``text`` (trimmed, corrected, null where absent), ``value`` (typed) and a
            boolean for each failure's rule; one row per distinct text where those are few.
        codes: for each row of the block, its row in ``judged``; None where the two are parallel.
        failures: the failures that occur.
    """

    column: Column
    raw: pl.Series
    judged: pl.DataFrame
    codes: pl.Series | None
    failures: list[Failure]

    def each(self, name: str) -> pl.Series:
        """The column *name* of ``judged``, one per row of the block."""
        values = self.judged[name]
        return values if self.codes is None else values.gather(self.codes)

    def at(self, name: str, rows: pl.Series) -> pl.Series:
        """The column *name* of ``judged`` for some rows of the block, given by index."""
        return self.judged[name].gather(rows if self.codes is None else self.codes.gather(rows))

    def loaded(self) -> pl.Series:
        """The values to load, one per row; NULL where a failure clears the value."""
        cleared = [failure.rule for failure in self.failures if clears(failure)]
        if not cleared:
            return self.each("value")
        kept = pl.when(~pl.any_horizontal(cleared)).then("value").alias("value")
        return replace(self, judged=self.judged.select(kept)).each("value")


def clears(failure: Failure) -> bool:
    """Whether a value that fails so is loaded as NULL."""
    keeps_value = failure.is_correction or failure.keeps_value
    return SEVERITIES[failure.severity].clears_value and not keeps_value


def judge(column: Column, raw: pl.Series, latest_version: date | None = None) -> Judged:
    """Correct and type one column's values, and find every way in which they fail.

    Args:
        column: the column.
        raw: its values.
        latest_version: see :func:`claimhouse.verification.rules.rules`.
    """
    texts, codes = _distinct(raw)
    frame = pl.DataFrame({"raw": texts}).with_columns(values.present(column).alias("text"))
    checks = list(rules(column, latest_version))
    frame = _checked(frame, column, checks)
    frame, corrected = _repaired(frame, column, checks)
    failures = [*corrected, *(failure for failure, _ in checks)]
    return Judged(
        column, raw, frame, codes, [failure for failure in failures if frame[failure.rule].any()]
    )


def _distinct(raw: pl.Series) -> tuple[pl.Series, pl.Series | None]:
    """The distinct texts of *raw* and each row's index in them, if they look few; else *raw* itself.

    Dates, flags and codes repeat: judging each text once is several times faster.
    """
    if len(raw) <= SAMPLE or raw.head(SAMPLE).n_unique() > SAMPLE * FEW:
        return raw, None
    encoded = raw.rechunk().to_arrow().dictionary_encode(null_encoding="encode")
    texts = pl.Series(pl.from_arrow(encoded.dictionary), dtype=pl.String)
    return texts, pl.Series(pl.from_arrow(encoded.indices)).cast(pl.UInt32)


def _checked(
    frame: pl.DataFrame, column: Column, checks: list[tuple[Failure, pl.Expr]]
) -> pl.DataFrame:
    """*frame* with each text's ``value``, and a boolean for each rule that it breaks."""
    frame = frame.with_columns(values.value(column).alias("value"))
    return frame.with_columns(
        breaks.fill_null(False).alias(failure.rule) for failure, breaks in checks
    )


def _repaired(
    frame: pl.DataFrame, column: Column, checks: list[tuple[Failure, pl.Expr]]
) -> tuple[pl.DataFrame, list[Failure]]:
    """Correct what can be corrected with certainty among the failing texts, and check it again."""
    failing = [pl.col(failure.rule) for failure, _ in checks]
    if (suspects := repairs.suspects(column)) is not None:
        failing.append(suspects)
    if not failing:
        return frame, []
    rows = frame.select(pl.any_horizontal(failing)).to_series().arg_true()
    if rows.is_empty():
        return frame, []
    part, corrected = frame[rows], []
    for repair in repairs.repairs(column):
        correction = repair(part)
        if correction is None:
            continue
        part = part.with_columns(correction.applies.alias(correction.failure.rule))
        text = pl.when(correction.failure.rule).then(correction.corrected).otherwise("text")
        part = part.with_columns(text.alias("text"))
        corrected.append(correction.failure)
    if not corrected:
        return frame, []
    part = _checked(part, column, checks)
    frame = frame.with_columns(pl.lit(False).alias(failure.rule) for failure in corrected)
    return frame.with_columns(
        frame[name].scatter(rows, part[name]) for name in part.columns
    ), corrected
