"""What an address says of filters: it is read as it was written, and nothing else gets in."""

from __future__ import annotations

from datetime import date, timedelta
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.worlds.properties import examples

from claimhouse.dashboards import selection
from claimhouse.dashboards.model import Dashboard, Filter
from claimhouse.dashboards.selection import Selection

DASHBOARD = Dashboard(
    "example", "Example", "What?", (),
    (
        Filter("month", "period", "Month"),
        Filter("payer", "choice", "Payer"),
        Filter("amount", "range", "Amount"),
    ),
    (), None,
)  # fmt: skip
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40).map(
    str.strip
)
months = st.dates(date(1000, 1, 1), date(9000, 1, 1)).map(lambda day: f"{day:%Y-%m}")


def read(address: str) -> Selection:
    return selection.of(DASHBOARD, parse_qsl(address.removeprefix("?"), keep_blank_values=True))


@examples(200)
@given(
    st.lists(texts.filter(bool), unique=True, max_size=5),
    st.tuples(months | st.just(""), months | st.just("")),
    st.booleans(),
)
def test_an_address_is_read_as_it_was_written(values, ends, is_cleared):
    written = Selection(
        {"payer": tuple(values)} if values else {},
        {"month": ends} if any(ends) else {},
        frozenset({"amount"} if is_cleared else ()),
    )
    assert read(written.address) == written


@pytest.mark.parametrize(
    "address",
    [
        "?other=1", "?month.from=2025-13", "?month.from=x';--", "?amount.from=NaN", "?amount.to=1e99999",
        "?month.from=0000-01", "?amount.from=Infinity", "?payer.from=2025-01",
    ],
)  # fmt: skip
def test_what_is_no_value_of_a_filter_is_left_out(address):
    assert read(address).fields == ()


def test_a_filter_of_which_nothing_is_chosen_is_cleared():
    assert read("?payer=&month.from=&month.to=").cleared == {"payer", "month"}
    assert read("").cleared == frozenset()


def test_numbers_are_read_as_people_write_them():
    assert read("?amount.from=$1,250.50&amount.to=2e3").ranges["amount"] == ("1250.50", "2000")


def days(ends: selection.Range) -> tuple[date, date]:
    first, last = (selection.period_of(end) for end in ends)
    assert first and last
    return first[0], last[1]


@examples(300)
@given(st.dates(date(1000, 1, 1), date(9000, 1, 1)), st.integers(0, 800), st.sampled_from("dmq"))
def test_the_period_before_ends_where_a_period_begins(day, length, kind):
    later = day + timedelta(days=length)
    name = {
        "d": lambda at: at.isoformat(),
        "m": lambda at: f"{at:%Y-%m}",
        "q": lambda at: f"{at.year}-Q{(at.month + 2) // 3}",
    }[kind]
    ends = (name(day), name(later))
    before = selection.before(ends)
    assert before is not None
    (first, after), (start, end) = days(ends), days(before)
    assert end == first
    if kind == "d":
        assert end - start == after - first
    else:
        assert _months(start, end) == _months(first, after)


def _months(start: date, end: date) -> int:
    return (end.year - start.year) * 12 + end.month - start.month


@pytest.mark.parametrize(
    "ends",
    [
        ("", "2025-01"),
        ("2025-01", ""),
        ("2025-02", "2025-01"),
        ("10", "20"),
        ("2025-Q1", "2025-04"),
    ],
)
def test_an_open_end_has_no_period_before(ends):
    assert selection.before(ends) is None


def test_a_quarter_in_months():
    assert selection.in_months(("2025-Q2", "2025-Q4")) == ("2025-04", "2025-12")
    assert selection.in_months(("2025-02", "")) == ("2025-02", "")
