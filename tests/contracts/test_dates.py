"""Date formats mean the same in a contract, to the parser, in the dictionary and in a message."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claimhouse.contracts import DATE_TOKENS, date_format, date_words, strptime

TOKENS = [part.token for part in DATE_TOKENS]
MOMENT = datetime(2024, 3, 5, 4, 7, 9)
# How each token writes MOMENT.
WRITTEN = {
    "YYYY": "2024",
    "MM": "03",
    "M": "3",
    "Mon": "Mar",
    "DD": "05",
    "D": "5",
    "HH": "04",
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


@pytest.mark.parametrize("token", TOKENS)
def test_every_token_reads_its_part_and_comes_back(token):
    pattern = strptime(token)
    expected = f"{MOMENT:{pattern}}"
    assert f"{datetime.strptime(WRITTEN[token], pattern):{pattern}}" == expected
    assert strptime(date_format(pattern)) == pattern
    assert date_format(pattern) in TOKENS


@given(st.lists(st.sampled_from(TOKENS), min_size=1), st.sampled_from("/-. :"))
def test_a_format_of_any_tokens_leaves_no_code_in_a_message(tokens, separator):
    pattern = strptime(separator.join(tokens))
    assert strptime(date_format(pattern)) == pattern
    words = date_words(pattern)
    assert "%" not in words
    assert words == separator.join(
        part.words for token in tokens for part in DATE_TOKENS if part.token == token
    )


def test_a_month_name_is_named():
    assert date_words(strptime("DD-Mon-YYYY")) == "day-month name-year"
    assert date_words(strptime("YYYY-MM-DDTHH:MI:SSZ")) == "year-month-dayThour:minute:secondZ"
