"""Texts as typed values, in the ways that a contract says they are written.

Expressions over ``text``: trimmed, null where nothing is written. A value is null where the text is
none of its type.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Literal

import polars as pl

from claimhouse.contracts import EXCEL, Column, NumberFormat, has_day

# The last digit of a number whose sign is punched over it, as COBOL writes signed zoned decimals:
# { and A to I are 0 to 9 of a positive number, } and J to R those of a negative one.
POSITIVE = dict(zip("{ABCDEFGHI", "0123456789", strict=True))
NEGATIVE = dict(zip("}JKLMNOPQR", "0123456789", strict=True))
# A year of four digits is no earlier: strptime reads the 24 of 1/2/24 as the year 24.
FIRST_YEAR = 1000
EXCEL_SERIAL = r"^[0-9]{1,6}(\.[0-9]+)?$"
# A spreadsheet has a 29 February 1900, day 60; the days after it are one more than there were.
EXCEL_LEAP_DAY = 60
MORNING_OR_EVENING = r"(?i)\s*([ap])\.?m\.?"
SPACE = "[ \u00a0\u2009\u202f]*"

Ambiguous = Literal["earliest", "latest"]


def present(column: Column) -> pl.Expr:
    """The ``text`` of ``raw``: trimmed, null where it is blank or a word for no value, translated."""
    trimmed = pl.col("raw").str.strip_chars()
    folded = trimmed.str.to_lowercase()
    is_value = trimmed != ""
    if column.no_value:
        is_value &= ~folded.is_in([word.lower() for word in column.no_value])
    meant = trimmed
    if column.translations:
        known = {word.lower(): value for word, value in column.translations.items()}
        meant = pl.when(folded.is_in(list(known))).then(folded.replace(known)).otherwise(trimmed)
    return pl.when(is_value).then(meant)


def value(column: Column) -> pl.Expr:
    """The typed value of ``text``."""
    text = pl.col("text")
    casts: dict[str, Callable[[], pl.Expr]] = {
        "string": lambda: text,
        "integer": lambda: _plain(text, column).cast(_integer(column), strict=False),
        "decimal": lambda: _decimal(_plain(text, column), column),
        "boolean": lambda: _boolean(text, column),
        "date": lambda: pl.coalesce(_date(text, form, column) for form in column.date_formats),
        "timestamp": lambda: pl.coalesce(_time(text, form, column) for form in column.date_formats),
    }
    return casts[column.type]()


def occurs_twice(column: Column) -> pl.Expr:
    """Whether a local time occurs twice in its time zone, when clocks go back."""
    text = pl.col("text")
    first, last = (
        pl.coalesce(_time(text, form, column, ambiguous) for form in column.date_formats)
        for ambiguous in ("earliest", "latest")
    )
    return first != last


def _integer(column: Column) -> type[pl.DataType]:
    return {"smallint": pl.Int16, "integer": pl.Int32}.get(column.physical_type, pl.Int64)


def _decimal(text: pl.Expr, column: Column) -> pl.Expr:
    """An exact decimal: never through a float, and null where it has more digits than the type."""
    whole = (
        f"0*[0-9]{{1,{column.precision - column.scale}}}"
        if column.precision > column.scale
        else "0+"
    )
    places = rf"[0-9]{{0,{column.scale}}}0*"
    plain = text.str.contains(rf"^[+-]?(?:{whole}(?:\.{places})?|\.[0-9]{places})$")
    exact = pl.when(plain).then(text)
    return exact.cast(pl.Decimal(column.precision, column.scale), strict=False)


def _boolean(text: pl.Expr, column: Column) -> pl.Expr:
    folded = text.str.to_lowercase()
    true = [value.lower() for value in column.true_values]
    false = [value.lower() for value in column.false_values]
    return pl.when(folded.is_in(true)).then(True).when(folded.is_in(false)).then(False)


def _plain(text: pl.Expr, column: Column) -> pl.Expr:
    """A number with nothing but digits, a point, and a sign before them; other texts as they are.

    Null where the contract's way to write numbers gives the text another meaning than it seems to have.
    """
    form = column.number
    if form is None:
        return text
    is_negative = text.str.contains(r"-|\(|(?i)CR$")
    digits = text.str.replace_all(f"[^0-9{re.escape(form.decimal_mark)}]", "")
    if form.overpunched:
        last = text.str.slice(-1)
        is_negative = last.is_in(list(NEGATIVE)) | text.str.starts_with("-")
        head = text.str.head(-1).str.replace_all("[^0-9]", "")
        digits = head + last.replace(POSITIVE | NEGATIVE)
    digits = digits.str.replace(form.decimal_mark, ".", literal=True)
    if form.implied_decimals:
        digits = digits.str.zfill(form.implied_decimals + 1)
        digits = (
            digits.str.head(-form.implied_decimals) + "." + digits.str.tail(form.implied_decimals)
        )
    stated = pl.when(is_negative).then("-" + digits).otherwise(digits)
    is_stated = text.str.contains(_stated(form))
    return pl.when(is_stated).then(stated).otherwise(None if form.is_own else text)


def _stated(form: NumberFormat) -> str:
    """The regular expression of the numbers that a contract describes."""
    mark, group = re.escape(form.decimal_mark), re.escape(form.group_mark)
    whole = rf"(?:[0-9]{{1,3}}(?:{group}[0-9]{{3}})+|[0-9]+)" if form.group_mark else "[0-9]+"
    number = whole if form.implied_decimals else rf"(?:{whole}(?:{mark}[0-9]*)?|{mark}[0-9]+)"
    if form.overpunched:
        return r"^[+-]?[0-9]*[0-9{}A-R]$"
    currency = rf"(?:{re.escape(form.currency)}{SPACE})?" if form.currency else ""
    after = rf"(?:{SPACE}{re.escape(form.currency)})?" if form.currency else ""
    ways = [rf"[+-]?{SPACE}{currency}{number}{after}", rf"{currency}[+-]{number}"]
    if "parentheses" in form.negative:
        ways.append(rf"{currency}\({SPACE}{currency}{number}{after}{SPACE}\)")
    if "trailing" in form.negative:
        ways.append(rf"{currency}{number}{after}{SPACE}[+-]")
    if "CR" in form.negative:
        ways.append(rf"(?i:{currency}{number}{after}{SPACE}(?:CR|DR))")
    return f"^(?:{'|'.join(ways)})$"


def _date(text: pl.Expr, form: str, column: Column) -> pl.Expr:
    if form == EXCEL:
        days = pl.when(text.str.contains(r"^[0-9]+(\.0*)?$")).then(_serial(text))
        return _excel_day(days)
    text, form = _readable(text, form)
    return _in_years(text.str.to_date(form, strict=False, exact=True), form, column)


def _time(text: pl.Expr, form: str, column: Column, ambiguous: Ambiguous = "earliest") -> pl.Expr:
    if form == EXCEL:
        serial = _serial(text)
        seconds = ((serial - serial.floor()) * 86_400).round()
        local = _excel_day(serial.floor()).cast(pl.Datetime("us"))
        local += pl.duration(seconds=seconds.cast(pl.Int64))
    else:
        text, form = _readable(text, form)
        if "%z" in form:
            moments = text.str.to_datetime(form, strict=False, exact=True, time_zone="UTC")
            return _in_years(moments, form, column)
        local = text.str.to_datetime(form, strict=False, exact=True, time_unit="us")
        local = _in_years(local, form, column)
    there = local.dt.replace_time_zone(
        column.time_zone or "UTC", ambiguous=ambiguous, non_existent="null"
    )
    return there.dt.convert_time_zone("UTC")


def _readable(text: pl.Expr, form: str) -> tuple[pl.Expr, str]:
    """A text and its format as the parser takes them."""
    if "%p" in form:
        text = text.str.replace_all(MORNING_OR_EVENING, "${1}M")
        form = re.sub(r"\s*%p", "%p", form)
    if "%z" in form:
        text = text.str.replace("[Zz]$", "+00:00")
    if not has_day(form):
        text, form = text + " 1", f"{form} %d"
    return text, form


def _in_years(moment: pl.Expr, form: str, column: Column) -> pl.Expr:
    """The moment in the century that the contract says, or null in years that nobody means."""
    year = moment.dt.year()
    if "%y" not in form:
        return pl.when(year >= FIRST_YEAR).then(moment)
    century = column.century or datetime.now().year  # a contract with YY has one
    meant = century + (year - century) % 100
    # 29 February 2000 is no day of 1900.
    exists = ~((moment.dt.month() == 2) & (moment.dt.day() == 29) & ~_is_leap(meant))
    return pl.when(exists).then(moment).dt.replace(year=meant)


def _is_leap(year: pl.Expr) -> pl.Expr:
    return ((year % 4 == 0) & (year % 100 != 0)) | (year % 400 == 0)


def _serial(text: pl.Expr) -> pl.Expr:
    return pl.when(text.str.contains(EXCEL_SERIAL)).then(text.cast(pl.Float64, strict=False))


def _excel_day(days: pl.Expr) -> pl.Expr:
    """The day of a spreadsheet's number; null for the day that it has and the calendar has not."""
    first = pl.when(days < EXCEL_LEAP_DAY).then(days + 1).when(days > EXCEL_LEAP_DAY).then(days)
    whole = pl.when(days >= 1).then(first).cast(pl.Int64)
    return pl.lit(date(1899, 12, 30)) + pl.duration(days=whole)
