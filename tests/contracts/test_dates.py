"""Date formats mean the same in a contract, to the parser, in the dictionary and in a message."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claimhouse.contracts import DATE_TOKENS, date_format, date_in, date_words, strptime
from claimhouse.contracts.dates import name_pattern

TOKENS = [part.token for part in DATE_TOKENS]
MOMENT = datetime(2024, 3, 5, 4, 7, 9)
# How each token writes MOMENT; .FF and TZ are not strptime's own, and AM goes with an hour.
WRITTEN = {
    "YYYY": "2024",
    "YY": "24",
    "MM": "03",
    "M": "3",
    "Month": "March",
    "Mon": "Mar",
    "DDD": "065",
    "DD": "05",
    "D": "5",
    "HH": "04",
    "H": "4",
    "MI": "07",
    "SS": "09",
}


@given(st.dates(min_value=date(1900, 1, 1)))
def test_date_formats_mean_what_they_say(day):
    written = {
        "M/D/YYYY": f"{day.month}/{day.day}/{day.year}",
        "YYYYMMDD": f"{day:%Y%m%d}",
        "DD-Mon-YYYY": f"{day:%d-%b-%Y}",
    }
    for form, text in written.items():
        assert datetime.strptime(text, strptime(form)).date() == day


def test_every_token_is_tried():
    assert {*WRITTEN, ".FF", "AM", "TZ"} == set(TOKENS)


@pytest.mark.parametrize("token", WRITTEN)
def test_every_token_reads_its_part_and_comes_back(token):
    pattern = strptime(token)
    expected = f"{MOMENT:{pattern}}"
    assert f"{datetime.strptime(WRITTEN[token], pattern):{pattern}}" == expected
    assert strptime(date_format(pattern)) == pattern
    assert date_format(pattern) in TOKENS


@given(
    st.lists(st.sampled_from(DATE_TOKENS), min_size=1, unique_by=lambda part: part.pattern),
    st.sampled_from("/-. :"),
)
def test_a_format_of_any_tokens_leaves_no_code_in_a_message(parts, separator):
    pattern = strptime(separator.join(part.token for part in parts))
    assert strptime(date_format(pattern)) == pattern
    words = date_words(pattern)
    assert "%" not in words
    assert words == separator.join(part.words for part in parts)


@pytest.mark.parametrize(
    "form",
    ["YYYY-MM-DDX", "yyyy-mm-dd", "DD/MM/JJJJ", "YYYY-MM-DD hh:mi", "Q YYYY", "YYYYTMM", "%Y", "MM/DD/Y",
     "Zulu", '"open', "YYYY-MM-DDTHH:MI:SSZZ", "2026-MM-DD", "excel"],
)  # fmt: skip
def test_a_letter_that_nobody_knows_is_an_error(form):
    with pytest.raises(ValueError, match="is no part of a date; known: YYYY"):
        strptime(form)


@pytest.mark.parametrize("form", ["YYYYMMYYYY", "M/MM/YYYY", "Mon Mon", "HH:MI:HH"])
def test_a_part_that_occurs_twice_is_an_error(form):
    with pytest.raises(ValueError, match="twice"):
        strptime(form)


def test_text_in_quotes_stands_for_itself_and_comes_back():
    pattern = strptime('"week of "YYYY-MM-DD')
    assert pattern == "week of %Y-%m-%d"
    assert strptime(date_format(pattern)) == pattern


@pytest.mark.parametrize(
    ("form", "name", "day"),
    [
        ("MMDDYY", "claims_010226.csv", date(2026, 1, 2)),
        ("YYYYDDD", "x2026033.csv", date(2026, 2, 2)),
        ("Month YYYY", "list February 2026.csv", date(2026, 2, 1)),
        ('"v"YYYY"m"MM', "x v2026m02.csv", date(2026, 2, 1)),
    ],
)
def test_a_date_in_the_name_of_a_file(form, name, day):
    found = date_in(name, name_pattern(form))
    assert found is not None and found.date() == day


def test_a_month_name_is_named():
    assert date_words(strptime("DD-Mon-YYYY")) == "day-month name-year"
    assert date_words(strptime("YYYY-MM-DDTHH:MI:SSZ")) == "year-month-dayThour:minute:secondZ"
