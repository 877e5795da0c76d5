"""Verification: every field of every row held against its contract, a block of rows at a time.

A block comes in as text and goes out as three frames: accepted rows (typed), quarantined
rows (as they came) and issues. The whole pass is vectorised; only failing values are looked
at one by one. A row with an ``error`` is quarantined; a ``warning`` costs the value (it
becomes NULL, or is corrected) and leaves an issue that keeps the raw one.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

import polars as pl

from claimhouse.contract import Column, Contract
from claimhouse.reading import Block, BrokenRow, Note, Unreadable, join_row

ISSUE_SCHEMA = {
    "row_number": pl.Int64,
    "record_key": pl.String,
    "column_name": pl.String,
    "rule": pl.String,
    "severity": pl.String,
    "raw_value": pl.String,
    "message": pl.String,
}
QUARANTINE_SCHEMA = {"row_number": pl.Int64, "record_key": pl.String, "raw_row": pl.String}
# An issue shows the beginning of a long value; the quarantined row keeps all of it.
LONGEST_RAW_VALUE = 1_000
# Below this likeness a misspelling is no longer certain.
CERTAIN_LIKENESS = 0.85


@dataclass(frozen=True)
class Amount:
    """Sums of one amount column in one block; ``unreadable`` counts values that are no amount."""

    read: Decimal = Decimal(0)
    quarantined: Decimal = Decimal(0)
    unreadable: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.read + other.read,
            self.quarantined + other.quarantined,
            self.unreadable + other.unreadable,
        )


@dataclass(frozen=True)
class Verified:
    """What became of one block.

    Attributes:
        accepted: ``row_number``, then the contract's columns, typed.
        quarantined: see :data:`QUARANTINE_SCHEMA`.
        issues: see :data:`ISSUE_SCHEMA`.
        rows_read: accepted and quarantined together.
    """

    accepted: pl.DataFrame
    quarantined: pl.DataFrame
    issues: pl.DataFrame
    rows_read: int
    amounts: dict[str, Amount] = field(default_factory=dict)


@dataclass(frozen=True)
class _Failure:
    """One way in which a column can fail: which rows, and what to say."""

    column: Column
    rule: str
    severity: str
    mask: str
    message: str
    is_correction: bool = False


@dataclass(frozen=True)
class Plan:
    """A contract made ready for the header of one file.

    Attributes:
        renames: column of the contract to the header's name for it.
        notes: what the header itself is worth mentioning.
    """

    contract: Contract
    header: tuple[str, ...]
    renames: dict[str, str]
    notes: tuple[Note, ...]


def plan(contract: Contract, header: list[str]) -> Plan:
    """Match *header* with the contract's columns, by name or alias, in any order.

    Raises:
        Unreadable: a required column is missing, or two headers mean one column.
    """
    renames: dict[str, str] = {}
    notes: list[Note] = []
    names = {
        _fold(alias): one.name for one in contract.columns for alias in (*one.aliases, one.name)
    }
    for cell in header:
        known = names.get(_fold(cell))
        if known is None:
            notes.append(
                Note(
                    "unknown_column",
                    f"The column {cell} is not in the contract; it is not loaded.",
                    1,
                    cell,
                )
            )
        elif known in renames:
            raise Unreadable(
                "duplicate_column",
                f"The columns {renames[known]} and {cell} both mean {known}.",
                1,
                known,
            )
        else:
            renames[known] = cell
    for column in contract.columns:
        if column.name in renames:
            continue
        if column.required and column.missing == "error":
            raise Unreadable(
                "missing_column",
                f"The column {column.name} is missing from the header.",
                1,
                column.name,
            )
        notes.append(
            Note(
                "missing_column",
                f"The column {column.name} is missing from the header; it is loaded as NULL.",
                1,
                column.name,
            )
        )
    return Plan(contract, tuple(header), renames, tuple(notes))


def verify(block: Block, made: Plan) -> Verified:
    """Hold one block against its contract."""
    contract = made.contract
    frame, failures = _judge(_texts(block.rows, made), contract)
    found = _only_failing(frame, failures)
    bad = _any_error(found)
    wrong = frame.filter(bad) if found else frame.clear()
    keys = _record_keys(wrong, contract)
    issues = [_issues(frame, one, contract) for one in found]
    broken = block.broken
    return Verified(
        accepted=_accepted(frame.filter(~bad) if len(wrong) else frame, found, contract),
        quarantined=pl.concat(
            [
                pl.DataFrame(
                    {
                        "row_number": wrong["row_number"],
                        "record_key": keys,
                        "raw_row": _raw_rows(block.rows, wrong, made),
                    },
                    schema=QUARANTINE_SCHEMA,
                ),
                _broken_rows(broken, made),
            ]
        ),
        issues=pl.concat([*issues, _broken_issues(broken, made)]),
        rows_read=len(frame) + len(broken),
        amounts={one.name: _amount(frame, wrong, one, len(broken)) for one in contract.amounts},
    )


def note_issues(notes: Iterable[Note]) -> pl.DataFrame:
    """Issues about a file as a whole; they are warnings."""
    rows = [(n.row_number, None, n.column_name, n.rule, "warning", None, n.message) for n in notes]
    return pl.DataFrame(rows, schema=ISSUE_SCHEMA, orient="row")


def unreadable_issue(error: Unreadable) -> pl.DataFrame:
    """The issue of a file that was rejected whole."""
    row = (error.row_number, None, error.column_name, error.rule, "error", None, error.message)
    return pl.DataFrame([row], schema=ISSUE_SCHEMA, orient="row")


def _fold(name: str) -> str:
    """Headers are the same whatever their case and separators: 'Claim ID' is claim_id."""
    return "".join(character for character in name.lower() if character.isalnum())


# --- a column's way from text to value -------------------------------------------------------
# For each column the frame carries: <name> the raw text, <name>|text trimmed and with absent
# values null, <name>|value typed, and one boolean <name>|<rule> for each way to fail.


def _texts(rows: pl.DataFrame, made: Plan) -> pl.DataFrame:
    """The contract's columns as raw text, whatever the file calls them."""
    return rows.select(
        "row_number",
        *(
            pl.col(made.renames[one.name]).alias(one.name)
            if one.name in made.renames
            else pl.lit(None, pl.String).alias(one.name)
            for one in made.contract.columns
        ),
    )


def _judge(frame: pl.DataFrame, contract: Contract) -> tuple[pl.DataFrame, list[_Failure]]:
    """Add to *frame* each column's value and the masks of its failures."""
    columns = contract.columns
    frame = frame.with_columns(_text(one).alias(f"{one.name}|text") for one in columns)
    fixes = [fix for one in columns for fix in _corrections(one, frame)]
    if fixes:
        frame = frame.with_columns(mask.alias(f.mask) for f, mask, _ in fixes)
        frame = _apply(frame, [(failure, fixed) for failure, _, fixed in fixes])
    frame = frame.with_columns(_value(one).alias(f"{one.name}|value") for one in columns)
    rules = [rule for one in columns for rule in _rules(one)]
    frame = frame.with_columns(mask.fill_null(False).alias(failure.mask) for failure, mask in rules)
    return frame, [failure for failure, _, _ in fixes] + [failure for failure, _ in rules]


def _apply(frame: pl.DataFrame, fixes: list[tuple[_Failure, pl.Expr]]) -> pl.DataFrame:
    for failure, fixed in fixes:
        text = f"{failure.column.name}|text"
        frame = frame.with_columns(
            pl.when(pl.col(failure.mask)).then(fixed).otherwise(pl.col(text)).alias(text)
        )
    return frame


def _text(column: Column) -> pl.Expr:
    trimmed = pl.col(column.name).str.strip_chars()
    return pl.when(trimmed != "").then(trimmed)


def _corrections(
    column: Column, frame: pl.DataFrame
) -> Iterator[tuple[_Failure, pl.Expr, pl.Expr]]:
    """Repairs that are certain: each with the rows it concerns and the repaired text."""
    text = pl.col(f"{column.name}|text")
    if column.corrections:
        known = {**column.corrections, **_likely_misspellings(column, frame)}
        yield (
            _correction(column, "misspelling", "was misspelt and has been corrected"),
            text.is_in(list(known)).fill_null(False),
            text.replace(known),
        )
    if column.restore_zeros:
        yield (
            _correction(
                column, "lost_zeros", "had lost its leading zeros; they have been restored"
            ),
            text.str.contains(
                rf"^[0-9]{{{column.restore_zeros - 2},{column.restore_zeros - 1}}}$"
            ).fill_null(False),
            text.str.zfill(column.restore_zeros),
        )
    if column.is_money:
        yield (
            _correction(
                column,
                "money_format",
                "was written with a currency sign or separators; they have been removed",
            ),
            (
                text.str.contains("[$,]")
                & text.str.contains(r"^\$? ?([0-9]{1,3}(,[0-9]{3})+|[0-9]+)(\.[0-9]+)?$")
            ).fill_null(False),
            text.str.replace_all("[$, ]", ""),
        )


def _correction(column: Column, rule: str, what: str) -> _Failure:
    message = f"{column.name} {what}."
    return _Failure(column, rule, "warning", f"{column.name}|{rule}", message, is_correction=True)


def _likely_misspellings(column: Column, frame: pl.DataFrame) -> dict[str, str]:
    """Values one slip away from exactly one valid value."""
    text = pl.col(f"{column.name}|text")
    unknown = frame.select(text.unique()).to_series().drop_nulls().to_list()
    valid = {value.lower(): value for value in column.enum}
    likely = {}
    for value in set(unknown) - set(column.enum) - set(column.corrections):
        if len(value) > max(map(len, valid), default=0) + 2:
            continue
        near = difflib.get_close_matches(value.lower(), valid, n=2, cutoff=CERTAIN_LIKENESS)
        if len(near) == 1 or (near and near[0] == value.lower()):
            likely[value] = valid[near[0]]
    return likely


def _value(column: Column) -> pl.Expr:
    """The typed value; null where the text is none of the type."""
    text = pl.col(f"{column.name}|text")
    casts: dict[str, Callable[[], pl.Expr]] = {
        "string": lambda: text,
        "integer": lambda: text.cast(_integer(column), strict=False),
        "decimal": lambda: _decimal(text, column),
        "boolean": lambda: _boolean(text, column),
        "date": lambda: pl.coalesce(
            text.str.to_date(one, strict=False, exact=True) for one in column.date_formats
        ),
        "timestamp": lambda: pl.coalesce(
            text.str.to_datetime(one, strict=False, exact=True, time_zone="UTC")
            for one in column.date_formats
        ),
    }
    return casts[column.type]()


def _integer(column: Column) -> type[pl.DataType]:
    return {"smallint": pl.Int16, "integer": pl.Int32}.get(column.physical_type, pl.Int64)


def _decimal(text: pl.Expr, column: Column) -> pl.Expr:
    """An exact decimal: never through a float, and more digits than the type has is no value."""
    whole = column.precision - column.scale
    plain = text.str.contains(rf"^[+-]?[0-9]{{1,{whole}}}(\.[0-9]{{0,{column.scale}}}0*)?$")
    return pl.when(plain).then(text.cast(pl.Decimal(column.precision, column.scale), strict=False))


def _boolean(text: pl.Expr, column: Column) -> pl.Expr:
    folded = text.str.to_lowercase()
    return (
        pl.when(folded.is_in(column.true_values))
        .then(True)
        .when(folded.is_in(column.false_values))
        .then(False)
    )


def _rules(column: Column) -> Iterator[tuple[_Failure, pl.Expr]]:
    """Every way the column can fail: what to say, and the rows concerned."""
    name, text, value = column.name, pl.col(f"{column.name}|text"), pl.col(f"{column.name}|value")

    def failure(rule: str, message: str, severity: str | None = None) -> _Failure:
        return _Failure(column, rule, severity or column.invalid, f"{name}|{rule}", message)

    if column.required:
        yield failure("required", f"{name} is missing.", column.missing), text.is_null()
    if column.type != "string":
        yield (
            failure(_type_rule(column), f"{name} {_type_message(column)}."),
            text.is_not_null() & value.is_null(),
        )
    if column.pattern:
        message = f"{name} does not have the form {column.pattern}."
        yield failure("pattern", message), ~text.str.contains(column.pattern)
    if column.enum:
        message = f"{name} is none of its {len(column.enum)} valid values."
        if len(column.enum) <= 8:
            message = f"{name} is none of {', '.join(column.enum)}."
        yield failure("enum", message), ~value.cast(pl.String).is_in(column.enum)
    if column.max_length:
        message = f"{name} is longer than {column.max_length} characters."
        yield failure("max_length", message), text.str.len_chars() > column.max_length
    if column.minimum is not None:
        yield (
            failure("minimum", f"{name} is less than {column.minimum}."),
            value < _limit(column, column.minimum),
        )
    if column.maximum is not None:
        yield (
            failure("maximum", f"{name} is more than {column.maximum}."),
            value > _limit(column, column.maximum),
        )


def _type_rule(column: Column) -> str:
    return {"decimal": "number", "integer": "number", "timestamp": "date"}.get(
        column.type, column.type
    )


def _type_message(column: Column) -> str:
    if column.type in ("date", "timestamp"):
        formats = " or ".join(_readable(one) for one in column.date_formats)
        return f"is not a date written as {formats}"
    if column.type == "decimal":
        whole = column.precision - column.scale
        return f"is not a number of at most {whole} digits and {column.scale} decimals"
    if column.type == "integer":
        return "is not a whole number of the size it may have"
    return f"is none of {', '.join((*column.true_values, *column.false_values))}"


def _readable(date_format: str) -> str:
    words = {"%Y": "year", "%m": "month", "%d": "day", "%H": "hour", "%M": "minute", "%S": "second"}
    for token, word in words.items():
        date_format = date_format.replace(token, word)
    return date_format


def _limit(column: Column, text: str) -> pl.Expr:
    if column.type in ("date", "timestamp"):
        return pl.lit(text).str.to_date("%Y-%m-%d")
    return pl.lit(Decimal(text)) if column.type == "decimal" else pl.lit(int(text))


# --- from masks to rows ------------------------------------------------------------------------


def _only_failing(frame: pl.DataFrame, failures: list[_Failure]) -> list[_Failure]:
    """The failures that occur in this block at all: in most blocks, few."""
    if not failures or frame.is_empty():
        return []
    occurs = frame.select(pl.col(one.mask).any() for one in failures).row(0)
    return [one for one, seen in zip(failures, occurs, strict=True) if seen]


def _any_error(found: list[_Failure]) -> pl.Expr:
    masks = [pl.col(one.mask) for one in found if one.severity == "error"]
    return pl.any_horizontal(masks) if masks else pl.lit(False)


def _accepted(frame: pl.DataFrame, found: list[_Failure], contract: Contract) -> pl.DataFrame:
    """Typed rows; a value that fails with a mere warning is NULL."""
    masks: dict[str, list[pl.Expr]] = {}
    for one in found:
        if one.severity == "warning" and not one.is_correction:
            masks.setdefault(one.column.name, []).append(pl.col(one.mask))
    return frame.select(
        "row_number",
        *(
            pl.when(~pl.any_horizontal(masks[one.name])).then(f"{one.name}|value").alias(one.name)
            if one.name in masks
            else pl.col(f"{one.name}|value").alias(one.name)
            for one in contract.columns
        ),
    )


def _record_keys(frame: pl.DataFrame, contract: Contract) -> pl.Series:
    """The key of each row, as people write it; where a key column's value stands in another
    column of the row (shifted or swapped), the value that fits.
    """
    by_name = {one.name: one for one in contract.columns}
    parts = []
    for name in contract.key:
        own = pl.col(f"{name}|text")
        pattern = by_name[name].pattern
        if pattern is None:
            parts.append(own)
            continue
        elsewhere = [
            pl.when(pl.col(f"{other.name}|text").str.contains(pattern)).then(f"{other.name}|text")
            for other in contract.columns
            if other.name != name and other.type == "string" and other.pattern != pattern
        ]
        parts.append(
            pl.when(own.str.contains(pattern)).then(own).otherwise(pl.coalesce(*elsewhere, own))
        )
    return frame.select(
        pl.concat_str(parts, separator="|", ignore_nulls=True).alias("k")
    ).to_series()


def _issues(frame: pl.DataFrame, failure: _Failure, contract: Contract) -> pl.DataFrame:
    failing = frame.filter(pl.col(failure.mask))
    return failing.select(
        "row_number",
        _record_keys(failing, contract).alias("record_key"),
        pl.lit(failure.column.name).alias("column_name"),
        pl.lit(failure.rule).alias("rule"),
        pl.lit(failure.severity).alias("severity"),
        _shortened(pl.col(failure.column.name)).alias("raw_value"),
        _message(failing, failure).alias("message"),
    )


def _message(failing: pl.DataFrame, failure: _Failure) -> pl.Series:
    """The failure's sentence, with a hint where the value tells what went wrong."""
    column, text = failure.column, pl.col(f"{failure.column.name}|text")
    hint = pl.lit("")
    if failure.rule == "date":
        swapped = [_swapped(one) for one in column.date_formats]
        fits = pl.coalesce(text.str.to_date(one, strict=False) for one in swapped).is_not_null()
        hint = pl.when(fits).then(pl.lit(" Day and month may have changed places.")).otherwise(hint)
    if failure.rule == "pattern":
        others = [
            pl.when(pl.col(f"{name}|text").str.contains(str(column.pattern))).then(pl.lit(name))
            for name in _text_columns(failing)
            if name != column.name
        ]
        where = pl.concat_str(
            pl.lit(" The value in "),
            pl.coalesce(*others, None),
            pl.lit(" does: have columns shifted?"),
        )
        hint = where.fill_null("")
    null = "" if failure.severity == "error" or failure.is_correction else " It is loaded as NULL."
    whole = pl.concat_str(pl.lit(failure.message), hint, pl.lit(null))
    return failing.with_columns(whole.alias("message"))["message"]


def _text_columns(frame: pl.DataFrame) -> list[str]:
    return [name.removesuffix("|text") for name in frame.columns if name.endswith("|text")]


def _swapped(date_format: str) -> str:
    return date_format.replace("%m", "%?").replace("%d", "%m").replace("%?", "%d")


def _shortened(text: pl.Expr) -> pl.Expr:
    length = text.str.len_chars()
    short = pl.concat_str(
        text.str.slice(0, LONGEST_RAW_VALUE),
        pl.lit("… ("),
        length.cast(pl.String),
        pl.lit(" characters)"),
    )
    return pl.when(length > LONGEST_RAW_VALUE).then(short).otherwise(text)


def _raw_rows(rows: pl.DataFrame, wrong: pl.DataFrame, made: Plan) -> pl.Series:
    """The quarantined rows as they came, every column of the file, known or not."""
    came = rows.filter(pl.col("row_number").is_in(wrong["row_number"].implode()))
    return join_row(came, list(made.header), made.contract.dialect)


def _broken_key(row: BrokenRow, made: Plan) -> str | None:
    """The key of a row that could not be split, when its first field is the key."""
    contract = made.contract
    first_is_key = len(contract.key) == 1 and made.renames.get(contract.key[0]) == made.header[0]
    return row.first_field if first_is_key else None


def _broken_rows(broken: list[BrokenRow], made: Plan) -> pl.DataFrame:
    rows = [(one.row_number, _broken_key(one, made), one.raw_row) for one in broken]
    return pl.DataFrame(rows, schema=QUARANTINE_SCHEMA, orient="row")


def _broken_issues(broken: list[BrokenRow], made: Plan) -> pl.DataFrame:
    rows = [
        (
            one.row_number,
            _broken_key(one, made),
            one.column_name,
            one.rule,
            "error",
            one.raw_row[:LONGEST_RAW_VALUE],
            one.message,
        )
        for one in broken
    ]
    return pl.DataFrame(rows, schema=ISSUE_SCHEMA, orient="row")


def _amount(frame: pl.DataFrame, wrong: pl.DataFrame, column: Column, broken: int) -> Amount:
    """What the block holds of one amount; rows that could not be split count as unreadable."""
    value = f"{column.name}|value"
    unreadable = frame.select(
        (pl.col(f"{column.name}|text").is_not_null() & pl.col(value).is_null()).sum()
    ).item()
    return Amount(_total(frame, value), _total(wrong, value), unreadable + broken)


def _total(frame: pl.DataFrame, column: str) -> Decimal:
    found = frame.select(pl.col(column).sum()).item() if len(frame) else None
    return Decimal(found or 0)
