"""Verification: every field of every row held against its contract, a block of rows at a time.

A block comes in as text and goes out as three frames: accepted rows (typed), quarantined
rows (as they came) and issues. The whole pass is vectorised; only failing values are looked
at one by one. A row with an ``error`` is quarantined; a ``warning`` costs the value (it
becomes NULL, or is corrected) and leaves an issue that keeps the raw one.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

import polars as pl

from claimhouse.contracts import Column, Contract, RowRule, date_words
from claimhouse.reading import Block, BrokenRow, Note, Unreadable, join_row
from claimhouse.verification import mojibake

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
# A column whose first rows hold fewer distinct texts than this share is judged by them.
SAMPLE, FEW = 10_000, 0.25


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
    message: str
    is_correction: bool = False


@dataclass(frozen=True)
class Plan:
    """A contract made ready for the header of one file.

    Attributes:
        renames: column of the contract to the header's name for it.
        notes: what the header itself is worth mentioning.
        constants: column of the contract to the value that the file's name gives every row.
    """

    contract: Contract
    header: tuple[str, ...]
    renames: dict[str, str]
    notes: tuple[Note, ...]
    constants: dict[str, str] = field(default_factory=dict)


def plan(contract: Contract, header: list[str], file_name: str = "") -> Plan:
    """Match *header* with the contract's columns, by name or alias, in any order.

    A column that the header lacks is filled from *file_name* where the contract says how.

    Raises:
        Unreadable: a required column is missing, or two headers mean one column.
    """
    renames: dict[str, str] = {}
    notes: list[Note] = []
    names = _known_names(contract)
    for cell in header:
        known = names.get(fold(cell))
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
    told = contract.from_name(file_name)
    constants: dict[str, str] = {}
    for column in contract.columns:
        if column.name in renames:
            continue
        if column.name in told:
            constants[column.name] = told[column.name]
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
    return Plan(contract, tuple(header), renames, tuple(notes), constants)


def match_header(contract: Contract, header: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Which names of *header* mean which column of *contract*, and which mean none.

    Of two names that mean one column, the second means none.
    """
    names, found, extra = _known_names(contract), {}, []
    for cell in header:
        known = names.get(fold(cell))
        if known is None or known in found:
            extra.append(cell)
        else:
            found[known] = cell
    return found, extra


def share_fitting(column: Column, raw: pl.Series) -> float:
    """The share of the values of *raw* that keep the rules of *column*; 1 where there is none.

    A value that can be corrected with certainty keeps them.
    """
    judged = _judge(column, raw)
    present = judged.each("text").is_not_null()
    wrong = pl.repeat(False, len(raw), dtype=pl.Boolean, eager=True)
    for failure in judged.failures:
        if not failure.is_correction:
            wrong = wrong | judged.each(failure.rule)
    count = int(present.sum())
    return 1 - int((wrong & present).sum()) / count if count else 1.0


def verify(block: Block, made: Plan) -> Verified:
    """Hold one block against its contract."""
    contract = made.contract
    judged = {one.name: _judge(one, _raw(block.rows, one, made)) for one in contract.columns}
    rows = block.rows["row_number"]
    bad = _any_error(judged, len(rows))
    typed = _typed(judged, rows)
    broken_rules = _broken_rules(contract, typed, bad)
    for rule, breaks in broken_rules:
        if rule.severity == "error":
            bad = bad | breaks
    wrong = bad.arg_true()
    quarantined = pl.DataFrame(
        {
            "row_number": rows.gather(wrong),
            "record_key": _record_keys(judged, wrong, contract),
            "raw_row": join_row(block.rows[wrong], list(made.header), contract.dialect),
        },
        schema=QUARANTINE_SCHEMA,
    )
    issues = [
        _issues(judged, one, failure, rows, contract)
        for one in judged.values()
        for failure in one.failures
    ]
    issues += [_rule_issues(judged, *one, rows, contract) for one in broken_rules]
    broken = block.broken
    accepted = typed.filter(~bad) if bad.any() else typed
    return Verified(
        accepted=accepted,
        quarantined=pl.concat([quarantined, _broken_rows(broken, made)]),
        issues=pl.concat([*issues, _broken_issues(broken, made)]),
        rows_read=len(rows) + len(broken),
        amounts={
            one.name: _amount(judged[one.name], accepted[one.name], wrong, len(broken))
            for one in contract.amounts
        },
    )


def note_issues(notes: Iterable[Note]) -> pl.DataFrame:
    """Issues about a file as a whole; they are warnings."""
    rows = [(n.row_number, None, n.column_name, n.rule, "warning", None, n.message) for n in notes]
    return pl.DataFrame(rows, schema=ISSUE_SCHEMA, orient="row")


def unreadable_issue(error: Unreadable) -> pl.DataFrame:
    """The issue of a file that was rejected whole."""
    row = (error.row_number, None, error.column_name, error.rule, "error", None, error.message)
    return pl.DataFrame([row], schema=ISSUE_SCHEMA, orient="row")


def _known_names(contract: Contract) -> dict[str, str]:
    """The columns of *contract* by each name they go by, folded."""
    return {fold(alias): one.name for one in contract.columns for alias in (*one.aliases, one.name)}


def fold(name: str) -> str:
    """Headers are the same whatever their case and separators: 'Claim ID' is claim_id."""
    return "".join(character for character in name.lower() if character.isalnum())


# --- a column's way from text to value -------------------------------------------------------


@dataclass(frozen=True)
class _Judged:
    """One column of a block, judged.

    Attributes:
        raw: the text as it came, one a row.
        judged: ``raw``, ``text`` (trimmed, corrected, null where absent), ``value`` (typed) and a
            boolean for each failure; one row for each distinct text where those are few.
        codes: for each row of the block, the row of ``judged`` that holds its judgement;
            None where the two run side by side.
        failures: the ways to fail that occur.
    """

    column: Column
    raw: pl.Series
    judged: pl.DataFrame
    codes: pl.Series | None
    failures: list[_Failure]

    def each(self, name: str) -> pl.Series:
        """The judgement *name*, one a row."""
        found = self.judged[name]
        return found if self.codes is None else found.gather(self.codes)

    def at(self, name: str, rows: pl.Series) -> pl.Series:
        """The judgement *name* of some rows."""
        return self.judged[name].gather(rows if self.codes is None else self.codes.gather(rows))


def _raw(rows: pl.DataFrame, column: Column, made: Plan) -> pl.Series:
    """A column of the contract as raw text, whatever the file calls it."""
    if column.name in made.renames:
        return rows[made.renames[column.name]]
    return pl.repeat(made.constants.get(column.name), len(rows), dtype=pl.String, eager=True)


def _judge(column: Column, raw: pl.Series) -> _Judged:
    """Type one column's values and find every way in which they fail."""
    texts, codes = _distinct(raw)
    frame = pl.DataFrame({"raw": texts}).with_columns(_text().alias("text"))
    rules = list(_rules(column))
    frame = _valued(frame, column, rules)
    doubtful = [pl.col(failure.rule) for failure, _ in rules]
    if column.repair_encoding:  # misread text breaks no rule
        doubtful.append(pl.col("text").str.contains(mojibake.SUSPECT).fill_null(False))
    failing = frame.select(pl.any_horizontal(doubtful) if doubtful else False)
    frame, corrections = _corrected(frame, column, rules, failing.to_series().arg_true())
    failures = [*corrections, *(failure for failure, _ in rules)]
    return _Judged(column, raw, frame, codes, [one for one in failures if frame[one.rule].any()])


def _valued(
    frame: pl.DataFrame, column: Column, rules: list[tuple[_Failure, pl.Expr]]
) -> pl.DataFrame:
    frame = frame.with_columns(_value(column).alias("value"))
    return frame.with_columns(mask.fill_null(False).alias(failure.rule) for failure, mask in rules)


def _corrected(
    frame: pl.DataFrame, column: Column, rules: list[tuple[_Failure, pl.Expr]], failing: pl.Series
) -> tuple[pl.DataFrame, list[_Failure]]:
    """Correct what can be corrected with certainty among the *failing* texts, and judge it anew."""
    if failing.is_empty():
        return frame, []
    part, corrections = frame[failing], []
    for failure, concerned, corrected in _corrections(column, part):
        part = part.with_columns(concerned.fill_null(False).alias(failure.rule))
        part = part.with_columns(
            pl.when(failure.rule).then(corrected).otherwise("text").alias("text")
        )
        corrections.append(failure)
    if not corrections:
        return frame, []
    part = _valued(part, column, rules)
    frame = frame.with_columns(pl.lit(False).alias(failure.rule) for failure in corrections)
    return frame.with_columns(
        frame[name].scatter(failing, part[name]) for name in part.columns
    ), corrections


def _distinct(raw: pl.Series) -> tuple[pl.Series, pl.Series | None]:
    """The distinct texts of *raw* and where each row's stands, if they look few; else *raw* itself.

    Dates, flags and codes repeat: judging each text once is several times faster.
    """
    sample = raw.head(SAMPLE)
    if len(raw) <= SAMPLE or sample.n_unique() > SAMPLE * FEW:
        return raw, None
    encoded = raw.rechunk().to_arrow().dictionary_encode(null_encoding="encode")
    texts = pl.Series(pl.from_arrow(encoded.dictionary), dtype=pl.String)
    return texts, pl.Series(pl.from_arrow(encoded.indices)).cast(pl.UInt32)


def _text() -> pl.Expr:
    trimmed = pl.col("raw").str.strip_chars()
    return pl.when(trimmed != "").then(trimmed)


def _corrections(
    column: Column, frame: pl.DataFrame
) -> Iterator[tuple[_Failure, pl.Expr, pl.Expr]]:
    """Repairs that are certain: each with the rows it concerns and the repaired text."""
    text = pl.col("text")
    if column.repair_encoding and (misread := _misread(frame)):
        yield (
            _correction(
                column,
                "misread_encoding",
                "was UTF-8 misread as another encoding; it has been undone",
            ),
            text.is_in(list(misread)),
            text.replace(misread),
        )
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
                rf"^[0-9]{{{column.restore_from},{column.restore_zeros - 1}}}$"
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
    return _Failure(column, rule, "warning", message, is_correction=True)


def _misread(frame: pl.DataFrame) -> dict[str, str]:
    """Texts in misread letters, and what they were."""
    suspect = frame.select(
        pl.col("text").filter(pl.col("text").str.contains(mojibake.SUSPECT)).unique()
    )
    tried = {text: mojibake.repaired(text) for text in suspect.to_series()}
    return {text: found for text, found in tried.items() if found is not None}


def _likely_misspellings(column: Column, frame: pl.DataFrame) -> dict[str, str]:
    """Values that are a valid or a known one but for case and spaces, or one slip from one valid value."""
    text = pl.col("text")
    unknown = frame.select(text.unique()).to_series().drop_nulls().to_list()
    valid = {_without_case(value): value for value in column.enum}
    known = {_without_case(value): meant for value, meant in column.corrections.items()} | valid
    likely = {}
    for value in set(unknown) - set(column.enum) - set(column.corrections):
        folded = _without_case(value)
        if folded in known:
            likely[value] = known[folded]
        elif len(folded) <= max(map(len, valid), default=0) + 2:
            near = difflib.get_close_matches(folded, valid, n=2, cutoff=CERTAIN_LIKENESS)
            if len(near) == 1:
                likely[value] = valid[near[0]]
    return likely


def _without_case(value: str) -> str:
    """Text as it sounds: case, and how many spaces there are, make no other word."""
    return " ".join(value.lower().split())


def _value(column: Column) -> pl.Expr:
    """The typed value; null where the text is none of the type."""
    text = pl.col("text")
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
    yes, no = [
        [value.lower() for value in values] for values in (column.true_values, column.false_values)
    ]
    return pl.when(folded.is_in(yes)).then(True).when(folded.is_in(no)).then(False)


def _rules(column: Column) -> Iterator[tuple[_Failure, pl.Expr]]:
    """Every way the column can fail: what to say, and the rows concerned."""
    name, text, value = column.name, pl.col("text"), pl.col("value")

    def failure(rule: str, message: str, severity: str | None = None) -> _Failure:
        return _Failure(column, rule, severity or column.invalid, message)

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
        formats = " or ".join(date_words(one) for one in column.date_formats)
        return f"is not a date written as {formats}"
    if column.type == "decimal":
        whole = column.precision - column.scale
        return f"is not a number of at most {whole} digits and {column.scale} decimals"
    if column.type == "integer":
        return "is not a whole number of the size it may have"
    return f"is none of {', '.join((*column.true_values, *column.false_values))}"


def _limit(column: Column, text: str) -> pl.Expr:
    if column.type in ("date", "timestamp"):
        return pl.lit(text).str.to_date("%Y-%m-%d")
    return pl.lit(Decimal(text)) if column.type == "decimal" else pl.lit(int(text))


# --- from judgements to rows -------------------------------------------------------------------


def _any_error(judged: dict[str, _Judged], count: int) -> pl.Series:
    """Which rows hold a value that costs them their place."""
    bad = pl.repeat(False, count, dtype=pl.Boolean, eager=True)
    for one in judged.values():
        for failure in one.failures:
            if failure.severity == "error":
                bad = bad | one.each(failure.rule)
    return bad


def _typed(judged: dict[str, _Judged], rows: pl.Series) -> pl.DataFrame:
    """Typed rows; a value that fails with a mere warning is NULL."""
    columns = [rows.alias("row_number")]
    columns += [_without_warned(one).each("value").alias(name) for name, one in judged.items()]
    return pl.DataFrame(columns)


def _broken_rules(
    contract: Contract, typed: pl.DataFrame, bad: pl.Series
) -> list[tuple[RowRule, pl.Series]]:
    """The rules between columns that some row breaks, and which rows; *bad* ones are past judging."""
    found = []
    for rule in contract.row_rules:
        holds = typed.select(pl.sql_expr(rule.expression).alias("holds"))["holds"]
        breaks = ~holds.fill_null(True) & ~bad
        if breaks.any():
            found.append((rule, breaks))
    return found


def _without_warned(one: _Judged) -> _Judged:
    lost = [f.rule for f in one.failures if f.severity == "warning" and not f.is_correction]
    if not lost:
        return one
    kept = pl.when(~pl.any_horizontal(lost)).then("value").alias("value")
    return replace(one, judged=one.judged.with_columns(kept))


def _record_keys(judged: dict[str, _Judged], rows: pl.Series, contract: Contract) -> pl.Series:
    """The keys of some rows, as people write them.

    Where a key's value stands in another column of its row (shifted or swapped), the value
    that fits.
    """
    texts = pl.DataFrame(
        {
            name: _key_text(one, rows) if name in contract.key else one.at("text", rows)
            for name, one in judged.items()
        }
    )
    parts = [_key_part(judged, name) for name in contract.key]
    joined = pl.concat_str(parts, separator="|", ignore_nulls=True)
    return texts.select(pl.when(joined != "").then(joined).alias("record_key")).to_series()


def _key_text(one: _Judged, rows: pl.Series) -> pl.Series:
    """A key's values in the one spelling by which a record is known, however the file writes them."""
    text = one.at("text", rows)
    if one.column.type == "string":
        return text
    value = one.at("value", rows)
    typed = (
        value.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        if one.column.type == "timestamp"
        else value.cast(pl.String)
    )
    return typed.zip_with(typed.is_not_null(), text)


def _key_part(judged: dict[str, _Judged], name: str) -> pl.Expr:
    own, pattern = pl.col(name), judged[name].column.pattern
    if pattern is None:
        return own
    elsewhere = [
        pl.when(pl.col(other).str.contains(pattern)).then(other)
        for other, one in judged.items()
        if other != name and one.column.type == "string" and one.column.pattern != pattern
    ]
    return pl.when(own.str.contains(pattern)).then(own).otherwise(pl.coalesce(*elsewhere, own))


def _issues(
    judged: dict[str, _Judged], one: _Judged, failure: _Failure, rows: pl.Series, contract: Contract
) -> pl.DataFrame:
    """One issue for each row in which *failure* occurs."""
    failing = one.each(failure.rule).arg_true()
    frame = pl.DataFrame({name: other.at("text", failing) for name, other in judged.items()})
    return pl.DataFrame(
        {
            "row_number": rows.gather(failing),
            "record_key": _record_keys(judged, failing, contract),
            "column_name": pl.repeat(one.column.name, len(failing), eager=True),
            "rule": pl.repeat(failure.rule, len(failing), eager=True),
            "severity": pl.repeat(failure.severity, len(failing), eager=True),
            "raw_value": _shortened(one.raw.gather(failing)),
            "message": frame.with_columns(_message(failure, frame.columns).alias("|message"))[
                "|message"
            ],
        },
        schema=ISSUE_SCHEMA,
    )


def _rule_issues(
    judged: dict[str, _Judged],
    rule: RowRule,
    breaks: pl.Series,
    rows: pl.Series,
    contract: Contract,
) -> pl.DataFrame:
    """One issue for each row that breaks a rule between columns."""
    failing = breaks.arg_true()
    raw = pl.DataFrame({name: judged[name].raw.gather(failing) for name in rule.columns})
    joined = raw.select(pl.concat_str(pl.all().fill_null(""), separator="|").alias("raw"))
    texts = {
        "column_name": "|".join(rule.columns),
        "rule": rule.name,
        "severity": rule.severity,
        "message": rule.message,
    }
    return pl.DataFrame(
        {
            "row_number": rows.gather(failing),
            "record_key": _record_keys(judged, failing, contract),
            "raw_value": _shortened(joined["raw"]),
        }
    ).select(
        pl.lit(texts[name], pl.String).alias(name) if name in texts else pl.col(name)
        for name in ISSUE_SCHEMA
    )


def _message(failure: _Failure, columns: list[str]) -> pl.Expr:
    """The failure's sentence, with a hint where the row tells what went wrong."""
    column, text = failure.column, pl.col(failure.column.name)
    parts: list[pl.Expr] = [pl.lit(failure.message)]
    if failure.rule == "date":
        fits = [text.str.to_date(_swapped(one), strict=False) for one in column.date_formats]
        changed = pl.coalesce(fits).is_not_null()
        parts.append(pl.when(changed).then(pl.lit(" Day and month may have changed places.")))
    if failure.rule == "pattern":
        others = [
            pl.when(pl.col(name).str.contains(str(column.pattern))).then(pl.lit(name))
            for name in columns
            if name != column.name
        ]
        where = [
            pl.lit(" The value in "),
            pl.coalesce(others),
            pl.lit(" does: have columns shifted?"),
        ]
        parts.append(pl.concat_str(where))
    if failure.severity == "warning" and not failure.is_correction:
        parts.append(pl.lit(" It is loaded as NULL."))
    return pl.concat_str(parts, ignore_nulls=True)


def _swapped(date_format: str) -> str:
    return date_format.replace("%m", "%?").replace("%d", "%m").replace("%?", "%d")


def _shortened(raw: pl.Series) -> pl.Series:
    """Long values cut; the quarantined row keeps all of them."""
    if (raw.str.len_bytes().max() or 0) <= LONGEST_RAW_VALUE:  # type: ignore[operator]
        return raw
    text, length = pl.col("raw"), pl.col("raw").str.len_chars()
    cut = pl.format("{}… ({} characters)", text.str.slice(0, LONGEST_RAW_VALUE), length)
    shown = pl.when(length > LONGEST_RAW_VALUE).then(cut).otherwise(text)
    return pl.DataFrame({"raw": raw}).select(shown).to_series()


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


def _amount(judged: _Judged, accepted: pl.Series, wrong: pl.Series, broken: int) -> Amount:
    """What the block holds of one amount; rows that could not be split count as unreadable."""
    # A value that a warning costs is loaded as NULL: it counts as unreadable.
    value, text = _without_warned(judged).each("value"), judged.each("text")
    unreadable = int((text.is_not_null() & value.is_null()).sum())
    return Amount(_total(value), _total(accepted), _total(value.gather(wrong)), unreadable + broken)


def _total(values: pl.Series) -> Decimal:
    return Decimal(values.sum() or 0)
