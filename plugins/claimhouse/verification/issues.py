"""The frames of issues and of quarantined rows."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from claimhouse.contracts import Contract, RowRule
from claimhouse.reading import Block, BrokenRow, Note, Unreadable, join_row
from claimhouse.severity import ERROR, WARNING
from claimhouse.verification.header import Plan
from claimhouse.verification.judge import Judged, clears
from claimhouse.verification.repairs import LOST_DIGITS
from claimhouse.verification.rules import Failure, hint

ISSUE_SCHEMA = {
    "row_number": pl.Int64,
    "record_key": pl.String,
    "record_version": pl.String,
    "column_name": pl.String,
    "rule": pl.String,
    "severity": pl.String,
    "raw_value": pl.String,
    "message": pl.String,
}
QUARANTINE_SCHEMA = {"row_number": pl.Int64, "record_key": pl.String, "raw_row": pl.String}
# An issue shows the beginning of a long value; the quarantined row keeps all of it.
LONGEST_RAW_VALUE = 1_000
# The name of the message while the columns of a contract stand beside it: none has a bar in it.
MESSAGE = "|message"


def field_issues(judged: dict[str, Judged], plan: Plan, rows: pl.Series) -> list[pl.DataFrame]:
    """One issue for each field that fails.

    Args:
        judged: the block's columns by name.
        plan: the file's.
        rows: the row number of each row of the block.
    """
    return [
        _field_issues(judged, column, failure, rows, plan.contract)
        for column in judged.values()
        for failure in column.failures
    ]


def row_rule_issues(
    judged: dict[str, Judged], rule: RowRule, breaks: pl.Series, rows: pl.Series, contract: Contract
) -> pl.DataFrame:
    """One issue for each row that breaks a rule between columns; *breaks* is true for these."""
    failing = breaks.arg_true()
    raw = pl.DataFrame({name: judged[name].raw.gather(failing) for name in rule.columns})
    joined = raw.select(pl.concat_str(pl.all().fill_null(""), separator="|").alias("raw"))
    return _issues(
        row_number=rows.gather(failing),
        record_key=record_keys(judged, failing, contract),
        record_version=record_versions(judged, failing, contract),
        column_name="|".join(rule.columns),
        rule=rule.name,
        severity=rule.severity,
        raw_value=_shortened(joined["raw"]),
        message=rule.message,
    )


def broken_row_issues(broken: list[BrokenRow], plan: Plan) -> pl.DataFrame:
    """One issue for each row that could not be split into fields."""
    rows = [
        (
            row.row_number,
            _broken_key(row, plan),
            None,
            row.column_name,
            row.rule,
            ERROR,
            row.raw_row[:LONGEST_RAW_VALUE],
            row.message,
        )
        for row in broken
    ]
    return pl.DataFrame(rows, schema=ISSUE_SCHEMA, orient="row")


def note_issues(notes: Iterable[Note]) -> pl.DataFrame:
    """Issues of a file as a whole, or of a sheet."""
    rows = [
        (
            note.row_number, None, None, note.column_name, note.rule,
            ERROR if note.is_error else WARNING, None, note.message,
        )
        for note in notes
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=ISSUE_SCHEMA, orient="row")


def unreadable_issue(error: Unreadable) -> pl.DataFrame:
    """The issue of a file that is rejected as a whole."""
    row = (error.row_number, None, None, error.column_name, error.rule, ERROR, None, error.message)
    return pl.DataFrame([row], schema=ISSUE_SCHEMA, orient="row")


def lost_digits_issues(judged: dict[str, Judged], block: Block, plan: Plan) -> pl.DataFrame:
    """A warning for each cell whose number has more digits than a workbook keeps."""
    named = {cell: name for name, cell in plan.renames.items()}
    place = {row: at for at, row in enumerate(block.rows["row_number"])}
    frames = []
    for name, column in judged.items():
        rows = [row for row, cell in block.lost_digits if named.get(cell) == name]
        if rows:
            at = pl.Series([place[row] for row in rows], dtype=pl.UInt32)
            frames.append(
                _issues(
                    row_number=pl.Series(rows, dtype=pl.Int64),
                    record_key=record_keys(judged, at, plan.contract),
                    record_version=record_versions(judged, at, plan.contract),
                    column_name=name,
                    rule="digits_lost",
                    severity=WARNING,
                    raw_value=column.raw.gather(at),
                    message=f"{name} {LOST_DIGITS}.",
                )
            )
    return pl.concat([pl.DataFrame(schema=ISSUE_SCHEMA), *frames])


def quarantined_rows(
    judged: dict[str, Judged], block: Block, wrong: pl.Series, plan: Plan
) -> pl.DataFrame:
    """The rows of *block* that are kept out, as they came.

    Args:
        judged: the block's columns by name.
        block: the rows as read.
        wrong: the index of each row to quarantine; rows that could not be split are added.
        plan: the file's.
    """
    quarantined = pl.DataFrame(
        {
            "row_number": block.rows["row_number"].gather(wrong),
            "record_key": record_keys(judged, wrong, plan.contract),
            "raw_row": join_row(block.rows[wrong], plan.written, plan.contract.dialect),
        },
        schema=QUARANTINE_SCHEMA,
    )
    broken = [(row.row_number, _broken_key(row, plan), row.raw_row) for row in block.broken]
    return pl.concat([quarantined, pl.DataFrame(broken, schema=QUARANTINE_SCHEMA, orient="row")])


def record_keys(judged: dict[str, Judged], rows: pl.Series, contract: Contract) -> pl.Series:
    """The keys of some rows, given by index, their parts joined by ``|``; null for an empty key.

    Where a key's value is found in another column of its row (shifted or swapped columns), the
    key is that value.
    """
    texts = pl.DataFrame(
        {
            name: _key_text(column, rows) if name in contract.key else column.at("text", rows)
            for name, column in judged.items()
        }
    )
    parts = [_key_part(judged, name) for name in contract.key]
    joined = pl.concat_str(parts, separator="|", ignore_nulls=True)
    return texts.select(pl.when(joined != "").then(joined).alias("record_key")).to_series()


def record_versions(judged: dict[str, Judged], rows: pl.Series, contract: Contract) -> pl.Series:
    """The versions of some rows, given by index, as Postgres reads them; null for one that breaks a rule."""
    if contract.version_column is None:
        return pl.repeat(None, len(rows), dtype=pl.String, eager=True)
    column = judged[contract.version_column]
    value = column.at("value", rows)
    for failure in column.failures:
        if not failure.is_correction:
            value = value.set(column.at(failure.rule, rows), None)
    if column.column.type == "timestamp":
        return value.dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
    return value.cast(pl.String)


def _key_text(column: Judged, rows: pl.Series) -> pl.Series:
    """A key column's values, each spelled in one way however the file writes it."""
    text = column.at("text", rows)
    if column.column.type == "string":
        return text
    value = column.at("value", rows)
    if column.column.type == "timestamp":
        spelled = value.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    else:
        spelled = value.cast(pl.String)
    return spelled.zip_with(spelled.is_not_null(), text)


def _key_part(judged: dict[str, Judged], name: str) -> pl.Expr:
    own, pattern = pl.col(name), judged[name].column.pattern
    if pattern is None:
        return own
    elsewhere = [
        pl.when(pl.col(other).str.contains(pattern)).then(other)
        for other, column in judged.items()
        if other != name and column.column.type == "string" and column.column.pattern != pattern
    ]
    return pl.when(own.str.contains(pattern)).then(own).otherwise(pl.coalesce(*elsewhere, own))


def _broken_key(row: BrokenRow, plan: Plan) -> str | None:
    """The key of a row that could not be split, where its first field is the key."""
    key = plan.contract.key
    first_is_key = len(key) == 1 and plan.renames.get(key[0]) == plan.header[0]
    return row.first_field if first_is_key else None


def _field_issues(
    judged: dict[str, Judged],
    column: Judged,
    failure: Failure,
    rows: pl.Series,
    contract: Contract,
) -> pl.DataFrame:
    failing = column.each(failure.rule).arg_true()
    texts = pl.DataFrame({name: other.at("text", failing) for name, other in judged.items()})
    messages = texts.with_columns(_message(failure, texts.columns).alias(MESSAGE))[MESSAGE]
    return _issues(
        row_number=rows.gather(failing),
        record_key=record_keys(judged, failing, contract),
        record_version=record_versions(judged, failing, contract),
        column_name=column.column.name,
        rule=failure.rule,
        severity=failure.severity,
        raw_value=_shortened(column.raw.gather(failing)),
        message=messages,
    )


def _issues(row_number: pl.Series, **columns: pl.Series | str) -> pl.DataFrame:
    """A frame of issues; a text is the same for each of them."""
    frame = pl.DataFrame({"row_number": row_number})
    return frame.with_columns(
        pl.lit(value, pl.String).alias(name)
        if isinstance(value, str)
        else value.cast(pl.String).alias(name)
        for name, value in columns.items()
    ).select(*ISSUE_SCHEMA)


def _message(failure: Failure, columns: list[str]) -> pl.Expr:
    """The failure's sentence, a hint where the row gives one, and what becomes of the value."""
    parts: list[pl.Expr] = [pl.lit(failure.message)]
    if (cause := hint(failure, columns)) is not None:
        parts.append(cause)
    if clears(failure):
        parts.append(pl.lit(" It is loaded as NULL."))
    return pl.concat_str(parts, ignore_nulls=True)


def _shortened(raw: pl.Series) -> pl.Series:
    """Long values cut, with their length."""
    if (raw.str.len_bytes().max() or 0) <= LONGEST_RAW_VALUE:  # type: ignore[operator]
        return raw
    text, length = pl.col("raw"), pl.col("raw").str.len_chars()
    cut = pl.format("{}… ({} characters)", text.str.slice(0, LONGEST_RAW_VALUE), length)
    shown = pl.when(length > LONGEST_RAW_VALUE).then(cut).otherwise(text)
    return pl.DataFrame({"raw": raw}).select(shown).to_series()
