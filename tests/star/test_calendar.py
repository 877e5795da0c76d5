"""The calendar: fiscal years, holidays by the law of their year, and the roles a date plays."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest

from claimhouse import schema, settings
from claimhouse.star import calendar

# From the calendars of the Office of Personnel Management (opm.gov, federal holidays), typed off.
PUBLISHED = {
    2021: {
        "2021-01-01": "New Year's Day",
        "2021-01-18": "Martin Luther King Jr. Day",
        "2021-02-15": "Washington's Birthday",
        "2021-05-31": "Memorial Day",
        "2021-06-18": "Juneteenth National Independence Day (observed)",
        "2021-06-19": "Juneteenth National Independence Day",
        "2021-07-04": "Independence Day",
        "2021-07-05": "Independence Day (observed)",
        "2021-09-06": "Labor Day",
        "2021-10-11": "Columbus Day",
        "2021-11-11": "Veterans Day",
        "2021-11-25": "Thanksgiving Day",
        "2021-12-24": "Christmas Day (observed)",
        "2021-12-25": "Christmas Day",
        "2021-12-31": "New Year's Day (observed)",
    },
    2024: {
        "2024-01-01": "New Year's Day",
        "2024-01-15": "Martin Luther King Jr. Day",
        "2024-02-19": "Washington's Birthday",
        "2024-05-27": "Memorial Day",
        "2024-06-19": "Juneteenth National Independence Day",
        "2024-07-04": "Independence Day",
        "2024-09-02": "Labor Day",
        "2024-10-14": "Columbus Day",
        "2024-11-11": "Veterans Day",
        "2024-11-28": "Thanksgiving Day",
        "2024-12-25": "Christmas Day",
    },
}


@pytest.mark.parametrize("year", PUBLISHED)
def test_the_holidays_of_a_year_are_the_published_ones(warehouse, year):
    actual = warehouse.execute(
        "select date::text, holiday_name from star.dim_date where is_holiday and year = %s", (year,)
    )
    assert dict(actual.fetchall()) == PUBLISHED[year]


def test_holidays_follow_rules_of_plain_arithmetic_in_every_year(warehouse):
    actual = dict(
        warehouse.execute(
            "select date, holiday_name from star.dim_date where holiday_name is not null"
        ).fetchall()
    )
    for year in range(1900, 2101):
        names = {name: day for day, name in actual.items() if day.year == year}
        assert names["Independence Day"] == date(year, 7, 4)
        assert names["Christmas Day"] == date(year, 12, 25)
        assert names["Labor Day"] == _nth(year, 9, weekday=0, number=1)
        assert ("Martin Luther King Jr. Day" in names) == (year >= 1986)
        assert ("Juneteenth National Independence Day" in names) == (year >= 2021)
        if year >= 1971:  # the Uniform Monday Holiday Act
            assert names["Washington's Birthday"] == _nth(year, 2, weekday=0, number=3)
            assert names["Memorial Day"] == _nth(year, 6, weekday=0, number=1) - timedelta(7)
        if year >= 1942:
            assert names["Thanksgiving Day"] == _nth(year, 11, weekday=3, number=4)


def _nth(year: int, month: int, weekday: int, number: int) -> date:
    """The *number*-th Monday (0) to Sunday (6) of a month."""
    first = date(year, month, 1)
    return first + timedelta((weekday - first.weekday()) % 7 + 7 * (number - 1))


def test_every_day_is_there_once_and_works_or_not(warehouse):
    actual = warehouse.execute(
        "select date, date_key, is_weekend, is_holiday, is_working_day, holiday_name is not null,"
        " year_quarter from star.dim_date where date is not null order by date"
    ).fetchall()
    days = (date(2100, 12, 31) - date(1900, 1, 1)).days + 1
    assert [row[0] for row in actual] == [date(1900, 1, 1) + timedelta(at) for at in range(days)]
    for day, key, weekend, holiday, works, named, quarter in actual:
        assert key == day.year * 10000 + day.month * 100 + day.day
        assert weekend == (day.weekday() >= 5)
        assert holiday == named
        assert quarter == f"{day.year}-Q{(day.month + 2) // 3}"
        assert works == (not weekend and not holiday), day


@pytest.mark.parametrize("starts", [1, 7, 10])
def test_the_fiscal_year_follows_its_setting_and_a_repeat_writes_nothing(
    warehouse, warehouse_url, monkeypatch, starts
):
    monkeypatch.setenv("CLAIMHOUSE_FISCAL_YEAR_STARTS", str(starts))
    schema.upgrade(warehouse_url)
    actual = warehouse.execute(
        "select date, fiscal_year, fiscal_quarter from star.dim_date where date is not null"
    ).fetchall()
    for day, year, quarter in actual:
        assert (year, quarter) == _fiscal(day, starts), day
    where = "select max(xmin::text::bigint), count(*) from star.dim_date"
    before = warehouse.execute(where).fetchone()
    calendar.fill(warehouse)
    assert warehouse.execute(where).fetchone() == before


def _fiscal(day: date, starts: int) -> tuple[int, int]:
    """The fiscal year and quarter, by counting the months from the year's first."""
    months = [(starts - 1 + at) % 12 + 1 for at in range(12)]
    quarter = months.index(day.month) // 3 + 1
    return day.year + (1 if 1 < starts <= day.month else 0), quarter


def test_a_fiscal_year_that_starts_in_no_month_is_refused(monkeypatch):
    monkeypatch.setenv("CLAIMHOUSE_FISCAL_YEAR_STARTS", "13")
    with pytest.raises(ValueError, match="CLAIMHOUSE_FISCAL_YEAR_STARTS"):
        settings.fiscal_year_starts()


def test_every_role_of_a_date_is_a_view_with_all_its_columns(warehouse):
    columns = warehouse.execute(
        "select table_name, column_name from information_schema.columns where table_schema = 'star'"
    ).fetchall()
    roles = {
        name.removesuffix("_date_key")
        for table, name in columns
        if table.startswith("fact_") and name.endswith("_date_key")
    }
    assert {"service", "claim", "paid"} <= roles
    plain = Counter(name for table, name in columns if table == "dim_date")
    for role in roles:
        views = [name for table, name in columns if table == f"dim_{role}_date"]
        assert Counter(
            name.replace(f"{role}_", "", 1) if name != f"{role}_date" else "date" for name in views
        ) == Counter(plain)
        same = warehouse.execute(
            f"select count(*) from star.dim_{role}_date as v inner join star.dim_date as d"
            f" on v.{role}_date_key = d.date_key and v.{role}_fiscal_year = d.fiscal_year"
            f" and v.is_{role}_holiday = d.is_holiday"
        ).fetchone()
        assert (
            same
            == warehouse.execute(
                "select count(*) from star.dim_date where date is not null"
            ).fetchone()
        )


def test_the_setting_is_explained():
    assert "CLAIMHOUSE_FISCAL_YEAR_STARTS=" in (Path(settings.PROJECT) / ".env.example").read_text()
