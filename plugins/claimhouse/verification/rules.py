"""The rules of one column: which rows break them, and the message for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl

from claimhouse.contracts import EXCEL, Column, date_words
from claimhouse.severity import ERROR, WARNING
from claimhouse.verification import values
from claimhouse.word_lists import BETWEEN_WORDS, WordList

# An enum of more values than this is counted in a message, not listed.
MOST_VALUES_LISTED = 8
TIME_OF_DAY = r"^\d{1,3}:\d{2}(:\d{2})?$"
# A spreadsheet counts the days since 1900: 20000 is in 1954, 60000 in 2064.
SERIAL_DATE = r"^[2-5]\d{4}(\.\d+)?$"
SHORT_YEAR = r"^\d{1,2}[-/.]\d{1,2}[-/.]\d{2}(?:[ T]|$)"
DECIMAL_COMMA = r"^[^,]*\d,\d{1,2}\D*$"


@dataclass(frozen=True)
class Failure:
    """One way in which a column can fail.

    Attributes:
        message: a sentence for a person; it holds no value of a row.
        is_correction: whether the value was corrected, and so breaks no rule.
        keeps_value: whether the value is loaded as received all the same.
    """

    column: Column
    rule: str
    severity: str
    message: str
    is_correction: bool = False
    keeps_value: bool = False


def rules(column: Column, latest_version: date | None = None) -> Iterator[tuple[Failure, pl.Expr]]:
    """The rules of *column*, each with the rows that break it.

    The expressions read ``text`` (trimmed, null where absent) and ``value`` (typed, null where the
    text is none of the type); where they are null, the rule is kept.

    Args:
        column: the column.
        latest_version: of a version column that is a day or a time, the last day that it can have.
    """
    name, text, value = column.name, pl.col("text"), pl.col("value")

    def failure(rule: str, message: str, severity: str | None = None) -> Failure:
        return Failure(column, rule, severity or column.invalid, f"{name} {message}.")

    if column.required:
        yield failure("required", "is missing", column.missing), text.is_null()
    if column.type == "timestamp" and column.time_zone:
        yield _twice(column), values.occurs_twice(column)
    if column.type != "string":
        wrong_type = text.is_not_null() & value.is_null()
        yield failure(_type_rule(column), _type_message(column)), wrong_type
    if column.pattern:
        message = f"does not match the pattern {column.pattern}"
        yield failure("pattern", message), ~text.str.contains(column.pattern)
    if column.enum:
        yield failure("enum", _enum_message(column)), ~value.cast(pl.String).is_in(column.enum)
    if column.word_list:
        spelled = text.str.to_lowercase().str.replace_all(BETWEEN_WORDS, " ").str.strip_chars()
        yield _unlisted(column, column.word_list), ~spelled.is_in(sorted(column.word_list.words))
    if column.max_length:
        message = f"is longer than {column.max_length} characters"
        yield failure("max_length", message), text.str.len_chars() > column.max_length
    if column.minimum is not None:
        below = value < _limit(column, column.minimum)
        yield failure("minimum", f"is less than {column.minimum}"), below
    if column.maximum is not None:
        above = value > _limit(column, column.maximum)
        yield failure("maximum", f"is more than {column.maximum}"), above
    if latest_version is not None and column.type in ("date", "timestamp"):
        message = (
            f"is later than {latest_version}, the day after the file arrived: such a row would be the "
            "newest of its record until then. Ask the sender for the right date"
        )
        too_late = value.dt.date() > latest_version
        yield failure("version_in_future", message, ERROR), too_late


def _twice(column: Column) -> Failure:
    message = (
        f"{column.name} is a time that occurs twice in {column.time_zone}, when clocks go back; it is loaded "
        "as the first of the two. Ask the sender for times in UTC or with their offset."
    )
    return Failure(column, "ambiguous_time", WARNING, message, keeps_value=True)


def _unlisted(column: Column, word_list: WordList) -> Failure:
    list_file = f"include/reference/{word_list.name}.csv"
    message = (
        f"{column.name} is no word of {list_file}; it is loaded as received and counts as unknown. "
        f"If the word is right, add it to {list_file} with what it means."
    )
    return Failure(column, "unlisted_word", WARNING, message, keeps_value=True)


def hint(failure: Failure, columns: list[str]) -> pl.Expr | None:
    """What the row itself says about the cause of *failure*: a sentence, or null.

    Args:
        failure: what went wrong.
        columns: the text columns of the frame that the expression will read.
    """
    column = failure.column
    if failure.rule == "date":
        swapped = [
            pl.col(column.name).str.to_date(_swapped(date_format), strict=False)
            for date_format in column.date_formats
            if date_format != EXCEL
        ]
        text = pl.col(column.name)
        return (
            pl.when(text.str.contains(SHORT_YEAR) & ~text.str.contains(TIME_OF_DAY))
            .then(
                pl.lit(
                    " Its year has two digits: dateFormats may say YY, and century of which years."
                )
            )
            .when(pl.coalesce(pl.lit(None, pl.Date), *swapped).is_not_null())
            .then(pl.lit(" Day and month may be swapped."))
            .when(text.str.contains(TIME_OF_DAY))
            .then(pl.lit(" It is a time of day, without a date."))
            .when(text.str.contains(SERIAL_DATE))
            .then(pl.lit(" It looks like a date kept as a number: format the column as dates."))
        )
    if failure.rule == "number" and column.type == "decimal":
        sentence = pl.lit(
            " It may have a decimal comma: say so in the contract, or write it with a point."
        )
        return pl.when(pl.col(column.name).str.contains(DECIMAL_COMMA)).then(sentence)
    if failure.rule == "pattern":
        matching = [
            pl.when(pl.col(other).str.contains(str(column.pattern))).then(pl.lit(other))
            for other in columns
            if other != column.name
        ]
        return pl.concat_str(
            pl.lit(" The value of "),
            pl.coalesce(matching),
            pl.lit(" does: columns may be shifted."),
        )
    return None


def _type_rule(column: Column) -> str:
    return {"decimal": "number", "integer": "number", "timestamp": "date"}.get(
        column.type, column.type
    )


def _type_message(column: Column) -> str:
    if column.type in ("date", "timestamp"):
        formats = " or ".join(map(date_words, column.date_formats))
        return f"is not a date written as {formats}"
    if column.type == "decimal":
        whole = column.precision - column.scale
        written = " written with a decimal comma" if _has_comma(column) else ""
        return f"is not a number of at most {whole} digits and {column.scale} decimals{written}"
    if column.type == "integer":
        return "is not a whole number within the range of its type"
    return f"is not one of {', '.join((*column.true_values, *column.false_values))}"


def _has_comma(column: Column) -> bool:
    return column.number is not None and column.number.decimal_mark == ","


def _enum_message(column: Column) -> str:
    if len(column.enum) > MOST_VALUES_LISTED:
        return f"is not one of its {len(column.enum)} valid values"
    return f"is not one of {', '.join(column.enum)}"


def _swapped(date_format: str) -> str:
    """The same date format with day and month exchanged."""
    return date_format.replace("%m", "%?").replace("%d", "%m").replace("%?", "%d")


def _limit(column: Column, text: str) -> pl.Expr:
    """A minimum or maximum in the type of *column*."""
    if column.type in ("date", "timestamp"):
        return pl.lit(text).str.to_date("%Y-%m-%d")
    return pl.lit(Decimal(text)) if column.type == "decimal" else pl.lit(int(text))
