"""Dates, numbers and words as a contract says they are written: read as that, without an issue, or not at all."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.worlds.properties import examples

from claimhouse.contracts import Column, NumberFormat, strptime
from claimhouse.verification.judge import judge

MONTHS = list(calendar.month_name)[1:]
CHICAGO = ZoneInfo("America/Chicago")


def read(column: Column, *texts: str) -> list[tuple[Any, list[str]]]:
    """What each text is loaded as, and the rules of its issues."""
    judged = judge(column, pl.Series(texts, dtype=pl.String))
    loaded = judged.loaded()
    rules = [
        [failure.rule for failure in judged.failures if judged.each(failure.rule)[place]]
        for place in range(len(texts))
    ]
    return list(zip(loaded, rules, strict=True))


def day_column(*formats: str, century: int | None = None) -> Column:
    return Column(
        "day", "date", "date", date_formats=tuple(map(strptime, formats)), century=century
    )


def time_column(form: str, zone: str | None = None, century: int | None = None) -> Column:
    formats = (strptime(form),)
    return Column(
        "at", "timestamp", "timestamptz", date_formats=formats, time_zone=zone, century=century
    )


def money_column(form: NumberFormat | None, scale: int = 2) -> Column:
    return Column("paid", "decimal", f"numeric(12, {scale})", is_money=True, number=form)


WAYS_OF_DAYS: dict[str, Callable[[date], str]] = {
    "M/D/YY": lambda day: f"{day.month}/{day.day}/{day.year % 100:02}",
    "MMDDYY": lambda day: f"{day:%m%d}{day.year % 100:02}",
    "YYMMDD": lambda day: f"{day.year % 100:02}{day:%m%d}",
    "DD-Mon-YY": lambda day: (
        f"{day.day:02}-{MONTHS[day.month - 1][:3].upper()}-{day.year % 100:02}"
    ),
    "DDMonYYYY": lambda day: f"{day.day:02}{MONTHS[day.month - 1][:3]}{day.year}",
    "Month D, YYYY": lambda day: f"{MONTHS[day.month - 1]} {day.day}, {day.year}",
    "YYYYDDD": lambda day: f"{day.year}{day.timetuple().tm_yday:03}",
    "YYYY/M/D": lambda day: f"{day.year}/{day.month}/{day.day}",
    "Excel": lambda day: str((day - date(1899, 12, 30)).days),
}


@examples(60)
@given(st.sampled_from(sorted(WAYS_OF_DAYS)), st.dates(date(1930, 1, 1), date(2029, 12, 31)))
@example("M/D/YY", date(2000, 2, 29))
@example("MMDDYY", date(1930, 1, 1))
@example("MMDDYY", date(2029, 12, 31))
def test_a_day_is_read_as_the_format_says(form, day):
    assert read(day_column(form, century=1930), WAYS_OF_DAYS[form](day)) == [(day, [])]


@examples(60)
@given(st.integers(1800, 2100), st.integers(0, 99), st.integers(1, 12), st.integers(1, 28))
def test_two_digits_of_a_year_are_of_the_century_that_the_contract_says(century, short, month, day):
    ((found, rules),) = read(day_column("MM/DD/YY", century=century), f"{month}/{day}/{short:02}")
    years = [year for year in range(century, century + 100) if year % 100 == short]
    assert (found, rules) == (date(years[0], month, day), [])


def test_a_leap_day_that_the_century_does_not_have_is_no_date():
    assert read(day_column("MM/DD/YY", century=1900), "02/29/00", "02/28/00") == [
        (None, ["date"]),
        (date(1900, 2, 28), []),
    ]


@pytest.mark.parametrize("text", ["1/2/24", "01/02/0024", "1/2/024"])
def test_a_year_of_two_digits_is_not_one_of_the_first_century(text):
    """The parser takes the 24 of 1/2/24 for the year 24."""
    assert read(day_column("M/D/YYYY"), text) == [(None, ["date"])]
    assert read(time_column("M/D/YYYY"), text) == [(None, ["date"])]


def test_a_month_without_a_day_is_its_first():
    assert read(day_column("YYYYMM"), "202402", "202413") == [
        (date(2024, 2, 1), []),
        (None, ["date"]),
    ]
    assert read(day_column("Mon YYYY"), "Feb 2024") == [(date(2024, 2, 1), [])]


def test_days_as_a_spreadsheet_counts_them():
    """As Excel shows them, which has a 29 February 1900."""
    shown = {"1": date(1900, 1, 1), "59": date(1900, 2, 28), "60": None, "61": date(1900, 3, 1),
             "45000": date(2023, 3, 15), "45000.0": date(2023, 3, 15), "45000.5": None, "0": None,
             "-1": None, "2958465": None, "x": None}  # fmt: skip
    found = read(day_column("Excel"), *shown)
    assert [value for value, _ in found] == list(shown.values())
    assert [rules for _, rules in found] == [[] if day else ["date"] for day in shown.values()]
    assert read(time_column("Excel"), "45000.5", "45000.75", "45000.000011574") == [
        (datetime(2023, 3, 15, 12, tzinfo=UTC), []),
        (datetime(2023, 3, 15, 18, tzinfo=UTC), []),
        (datetime(2023, 3, 15, 0, 0, 1, tzinfo=UTC), []),
    ]


def half_day(moment: datetime) -> str:
    return f"{(moment.hour - 1) % 12 + 1}:{moment.minute:02} {'PM' if moment.hour >= 12 else 'AM'}"


WAYS_OF_TIMES: dict[str, Callable[[datetime], str]] = {
    "M/D/YYYY H:MI AM": lambda at: f"{at.month}/{at.day}/{at.year} {half_day(at)}",
    "M/D/YYYY HH:MIAM": lambda at: f"{at.month}/{at.day}/{at.year} {half_day(at)}".replace(
        " P", "p"
    ),
    "YYYY-MM-DD HH:MI AM": lambda at: (
        f"{at:%Y-%m-%d} " + half_day(at).replace("PM", "p.m.").replace("AM", "a.m.")
    ),
    "M/D/YYYY HH:MI": lambda at: f"{at.month}/{at.day}/{at.year} {at.hour}:{at.minute:02}",
    "YYYYMMDDHHMI": lambda at: f"{at:%Y%m%d%H%M}",
    "YYYY-MM-DDTHH:MI:SS.FFZ": lambda at: f"{at:%Y-%m-%dT%H:%M:%S}.000Z",
    "YYYY-MM-DDTHH:MI:SSTZ": lambda at: f"{at + timedelta(hours=-6):%Y-%m-%dT%H:%M:%S}-06:00",
    "YYYY-MM-DD HH:MITZ": lambda at: f"{at:%Y-%m-%d %H:%M}Z",
    "MM/DD/YY HH:MI": lambda at: f"{at:%m/%d/%y %H:%M}",
}
MINUTES = st.datetimes(datetime(1970, 1, 1), datetime(2029, 1, 1)).map(
    lambda at: at.replace(second=0, microsecond=0)
)


@examples(80)
@given(st.sampled_from(sorted(WAYS_OF_TIMES)), MINUTES)
@example("M/D/YYYY H:MI AM", datetime(2024, 1, 1, 0, 5))
@example("M/D/YYYY H:MI AM", datetime(2024, 1, 1, 12, 5))
@example("M/D/YYYY HH:MIAM", datetime(2024, 4, 1, 0, 5))
def test_a_time_is_read_as_the_format_says(form, moment):
    column = time_column(form, century=1930)
    assert read(column, WAYS_OF_TIMES[form](moment)) == [(moment.replace(tzinfo=UTC), [])]


@examples(80)
@given(MINUTES)
@example(datetime(2024, 11, 3, 6, 30))
@example(datetime(2024, 11, 3, 7, 30))
def test_a_local_time_is_read_in_its_zone(moment):
    moment = moment.replace(tzinfo=UTC)
    local = moment.astimezone(CHICAGO)
    column = time_column("YYYY-MM-DD HH:MI", "America/Chicago")
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    expected = local.replace(fold=0).astimezone(UTC)
    rules = ["ambiguous_time"] if twice else []
    assert read(column, f"{local:%Y-%m-%d %H:%M}") == [(expected, rules)]


def test_a_local_time_that_clocks_skip_is_none():
    column = time_column("YYYY-MM-DD HH:MI", "America/Chicago")
    assert read(column, "2024-03-10 02:30") == [(None, ["date"])]
    with_offset = time_column("YYYY-MM-DD HH:MITZ", "America/Chicago")
    assert read(with_offset, "2024-03-10 02:30Z") == [
        (datetime(2024, 3, 10, 2, 30, tzinfo=UTC), [])
    ]


AMOUNTS = st.decimals(Decimal("-99999999.99"), Decimal("99999999.99"), places=2)


def grouped(amount: Decimal, group: str, mark: str) -> str:
    return f"{amount:,.2f}".replace(",", "\0").replace(".", mark).replace("\0", group)


WAYS_OF_NUMBERS: dict[str, tuple[NumberFormat, Callable[[Decimal], str]]] = {
    "decimal comma": (NumberFormat(","), lambda amount: f"{amount:.2f}".replace(".", ",")),
    "comma and points": (NumberFormat(",", "."), lambda amount: grouped(amount, ".", ",")),
    "comma and blanks": (NumberFormat(",", " "), lambda amount: grouped(amount, " ", ",")),
    "point and apostrophes": (NumberFormat(".", "'"), lambda amount: grouped(amount, "'", ".")),
    "dollars": (
        NumberFormat(group_mark=",", currency="$"),
        lambda amount: f"{'-' if amount < 0 else ''}${abs(amount):,.2f}",
    ),
    "parentheses": (
        NumberFormat(negative=("parentheses",)),
        lambda amount: f"({-amount:.2f})" if amount < 0 else f"{amount:.2f}",
    ),
    "trailing": (
        NumberFormat(negative=("trailing",)),
        lambda amount: f"{abs(amount):.2f}{'-' if amount < 0 else ''}",
    ),
    "credit": (
        NumberFormat(negative=("CR",)),
        lambda amount: f"{abs(amount):.2f} {'CR' if amount < 0 else 'DR'}",
    ),
    "implied": (
        NumberFormat(implied_decimals=2),
        lambda amount: f"{'-' if amount < 0 else ''}{int(abs(amount) * 100):011}",
    ),
    "implied, trailing": (
        NumberFormat(implied_decimals=2, negative=("trailing",)),
        lambda amount: f"{int(abs(amount) * 100)}{'-' if amount < 0 else ''}",
    ),
    "overpunched": (
        NumberFormat(implied_decimals=2, overpunched=True),
        lambda amount: (
            f"{int(abs(amount) * 100):010}"[:-1]
            + ("}JKLMNOPQR" if amount < 0 else "{ABCDEFGHI")[int(abs(amount) * 100) % 10]
        ),
    ),
    "overpunched where negative": (
        NumberFormat(implied_decimals=2, overpunched=True),
        lambda amount: (
            f"{int(abs(amount) * 100):010}"[:-1]
            + ("}JKLMNOPQR" if amount < 0 else "0123456789")[int(abs(amount) * 100) % 10]
        ),
    ),
}


@examples(150)
@given(st.sampled_from(sorted(WAYS_OF_NUMBERS)), AMOUNTS)
@example("implied", Decimal("0.05"))
@example("overpunched", Decimal("-0.00"))
@example("comma and points", Decimal("1234.56"))
def test_a_number_is_read_as_the_contract_says(way, amount):
    form, write = WAYS_OF_NUMBERS[way]
    ((found, rules),) = read(money_column(form), write(amount))
    assert (found, rules) == (amount, [])


def test_the_overpunched_number_of_the_standard_example():
    form = NumberFormat(implied_decimals=2, overpunched=True)
    texts = {
        "00011299{": "1129.90",
        "00011299}": "-1129.90",
        "0001129C": "112.93",
        "1Q": "-0.18",
        "A": "0.01",
    }
    assert read(money_column(form), *texts) == [(Decimal(value), []) for value in texts.values()]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (NumberFormat(","), "12.50"),
        (NumberFormat(","), "1.234"),
        (NumberFormat(",", "."), "12.50"),
        (NumberFormat(",", "."), "1.23,50"),
        (NumberFormat(",", "."), "$12,50"),
        (NumberFormat(implied_decimals=2), "12.50"),
        (NumberFormat(implied_decimals=2), "1,250"),
        (NumberFormat(implied_decimals=2), "(1250)"),
        (NumberFormat(implied_decimals=2, overpunched=True), "12.5{"),
        (NumberFormat(implied_decimals=2, overpunched=True), "12{5"),
        (NumberFormat(implied_decimals=2, overpunched=True), "12S"),
        (NumberFormat(implied_decimals=2, overpunched=True), ""),
        (NumberFormat(negative=("parentheses",)), "-(12.50)"),
        (NumberFormat(negative=("CR",)), "-12.50 CR"),
        (NumberFormat(negative=("trailing",)), "-12.50-"),
        (NumberFormat(group_mark="'"), "12'34.50"),
    ],
)  # fmt: skip
def test_a_number_of_another_form_is_none(form, text):
    ((found, rules),) = read(money_column(form), text)
    assert found is None
    assert rules == (["number"] if text else [])


def test_what_the_contract_does_not_state_stays_an_issue():
    assert read(money_column(NumberFormat(negative=("parentheses",))), "(12.50)", "12.50-") == [
        (Decimal("-12.50"), []),
        (Decimal("-12.50"), ["sign_format"]),
    ]


def test_a_whole_number_has_marks_and_signs_as_stated():
    column = Column(
        "units", "integer", "integer", number=NumberFormat(group_mark=",", negative=("trailing",))
    )
    assert read(column, "1,234", "12-", "1,23") == [(1234, []), (-12, []), (None, ["number"])]
    punched = Column("units", "integer", "integer", number=NumberFormat(overpunched=True))
    assert read(punched, "0012J", "0012A", "12") == [(-121, []), (121, []), (12, [])]


def test_a_word_for_no_value_is_none_and_no_issue():
    words = ("NULL", "N/A", "-", ".")
    for column in (
        Column("note", "string", "text", no_value=words, enum=("x",)),
        Column("paid", "decimal", "numeric(9, 2)", no_value=words, is_money=True),
        Column("day", "date", "date", date_formats=("%Y-%m-%d",), no_value=words),
        Column("is_paid", "boolean", "boolean", no_value=words),
    ):
        assert read(column, "NULL", "null", " N/A ", "-", ".", "") == [(None, [])] * 6
    required = Column("note", "string", "text", no_value=words, required=True)
    assert read(required, "NULL", "NULLS") == [(None, ["required"]), ("NULLS", [])]


def test_the_sources_own_words_are_translated_without_an_issue():
    column = Column(
        "kind", "string", "text", enum=("Medicaid", "Medicare"),
        translations={"MCD": "Medicaid", "MCR": "Medicare"}, corrections={"Medicade": "Medicaid"},
    )  # fmt: skip
    assert read(column, "MCD", " mcr ", "Medicaid", "Medicade", "XX") == [
        ("Medicaid", []),
        ("Medicare", []),
        ("Medicaid", []),
        ("Medicaid", ["misspelling"]),
        ("XX", ["enum"]),
    ]
