"""Verification: for any text in any field, rows and money are kept and values mean what was written."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from tests.worlds.feeds import claim
from tests.worlds.properties import examples

from claimhouse import contracts
from claimhouse.reading import Block
from claimhouse.verification import make_plan
from claimhouse.verification.judge import SAMPLE
from claimhouse.verification.verify import Amount, Verified, verify

CLAIMS = contracts.of("billing", "claims")
PATIENTS = contracts.of("billing", "patients")
HEADER = list(claim())

junk = st.text(max_size=12).filter(lambda text: "\0" not in text)
cost = st.one_of(
    st.decimals(0, 10**9, places=2, allow_nan=False).map(str),
    st.sampled_from(
        [
            "1,234.50",
            "$74.22",
            "-5",
            "1e400",
            "xyz",
            "",
            " 7 ",
            "12,34",
            "NaN",
            "0x10",
            "1_000",
            "١٢",
        ]
    ),
    junk,
)
day = st.one_of(
    st.dates(date(1900, 1, 1), date(2100, 12, 31)).map(lambda d: f"{d.month}/{d.day}/{d.year}"),
    st.dates(date(1900, 1, 1), date(2100, 12, 31)).map(str),
    st.sampled_from(
        ["2024-02-30", "13/1/2020", "1/3/20161", "1/3/16", "1/1/1899", "2101-01-01", "0/1/2020"]
    ),
    junk,
)
flag = st.one_of(st.sampled_from(["T", "F", "t", "0", "1", "true", "V", ""]), junk)


def _cost(text: str) -> Decimal | None:
    """What a cost means, by the rules of the contract in plain Python; None for no cost."""
    text = text.strip()
    if re.fullmatch(r"\$? ?([0-9]{1,3}(,[0-9]{3})+|[0-9]+)(\.[0-9]+)?", text, re.ASCII):
        text = re.sub("[$, ]", "", text)
    if not re.fullmatch(r"[+-]?[0-9]{1,10}(\.[0-9]*)?", text, re.ASCII):
        return None
    value = Decimal(text)
    return value if value == round(value, 2) else None


def _day(text: str) -> date | None:
    text = text.strip()
    us = re.fullmatch(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})", text, re.ASCII)
    iso = re.fullmatch(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})", text, re.ASCII)
    try:
        if us:
            return date(int(us[3]), int(us[1]), int(us[2]))
        if iso:
            return date(int(iso[1]), int(iso[2]), int(iso[3]))
    except ValueError:
        pass
    return None


def _flag(text: str) -> bool | None:
    return {"t": True, "1": True, "true": True, "f": False, "0": False, "false": False}.get(
        text.strip().lower()
    )


def _verify(rows: list[dict[str, str]]) -> Verified:
    frame = pl.DataFrame(rows, schema=dict.fromkeys(rows[0], pl.String))
    frame = frame.with_row_index("row_number", 2).with_columns(pl.col("row_number").cast(pl.Int64))
    plan = make_plan(CLAIMS if "claim_id" in rows[0] else PATIENTS, list(rows[0]))
    return verify(Block(frame, []), plan)


@examples(150)
@given(st.lists(st.tuples(cost, day, flag), min_size=1, max_size=20))
def test_a_row_is_accepted_exactly_when_all_its_values_can_be_read(values):
    rows = [
        claim(n, total_cost=money, date_of_service=when, billed=sent)
        for n, (money, when, sent) in enumerate(values)
    ]
    found = _verify(rows)
    expected = {}
    for number, (money, when, sent) in enumerate(values, start=2):
        read = _cost(money), _day(when), _flag(sent)
        in_range = read[1] is not None and date(1900, 1, 1) <= read[1] <= date(2100, 12, 31)
        if read[0] is not None and read[0] >= 0 and in_range and read[2] is not None:
            expected[number] = read
    accepted = {
        row["row_number"]: (row["total_cost"], row["date_of_service"], row["billed"])
        for row in found.accepted.iter_rows(named=True)
    }
    assert accepted == expected
    assert found.rows_read == len(rows) == len(found.accepted) + len(found.quarantined)
    with_error = set(found.issues.filter(pl.col("severity") == "error")["row_number"])
    assert with_error == set(found.quarantined["row_number"])


@examples(50)
@given(st.lists(cost, min_size=1, max_size=20))
def test_money_read_is_money_accepted_and_quarantined(costs):
    found = _verify([claim(n, total_cost=money) for n, money in enumerate(costs)])
    amount = found.amounts["total_cost"]
    assert amount.read == sum((_cost(money) or Decimal(0) for money in costs), Decimal(0))
    assert amount.accepted == (found.accepted["total_cost"].sum() or 0)
    assert amount.read == amount.quarantined + amount.accepted
    assert amount.unreadable == sum(bool(money.strip()) and _cost(money) is None for money in costs)


@examples(30)
@given(st.lists(st.tuples(cost, day, flag), min_size=1, max_size=6))
def test_judging_distinct_texts_judges_as_one_by_one(values):
    few = [
        claim(n, total_cost=m, date_of_service=w, billed=s) for n, (m, w, s) in enumerate(values)
    ]
    many = few * (SAMPLE // len(few) + 2)
    found, alone = _verify(many), _verify(few)
    assert found.accepted.head(len(alone.accepted)).equals(alone.accepted)
    assert len(found.quarantined) * len(few) == len(alone.quarantined) * len(many)


def test_a_likely_misspelling_is_corrected_and_an_unlikely_one_is_not():
    states = [
        "Lousiana",
        "Virgina",
        "Misouri",
        "TEXAS",
        "New  jersey",
        "LOUSIANA",
        "Narnia",
        "Carolina",
    ]
    rows = [
        {"patient_id": f"{n}U", "state": state, "zipcode": "7039", "last_modified_date": "1-1-2020"}
        for n, state in enumerate(states)
    ]
    found = _verify(rows)
    assert found.accepted["state"].to_list() == [
        "Louisiana",
        "Virginia",
        "Missouri",
        "Texas",
        "New Jersey",
        "Louisiana",
        None,
        None,
    ]
    assert set(found.accepted["zipcode"]) == {"07039"}
    kept = found.issues.filter(pl.col("column_name") == "state").sort("row_number")
    assert kept["raw_value"].to_list() == states
    assert kept["rule"].to_list() == ["misspelling"] * 6 + ["enum"] * 2


def test_an_amount_that_a_warning_costs_counts_as_unreadable():
    cost = next(one for one in CLAIMS.columns if one.name == "total_cost")
    lenient = replace(cost, invalid="warning", minimum="5")
    columns = tuple(lenient if one is cost else one for one in CLAIMS.columns)
    rows = [claim(1, total_cost="10"), claim(2, total_cost="-3"), claim(3, total_cost="xyz")]
    frame = pl.DataFrame(rows).insert_column(0, pl.Series("row_number", [2, 3, 4]))
    plan = make_plan(replace(CLAIMS, columns=columns), HEADER)
    found = verify(Block(frame, []), plan)
    assert found.accepted["total_cost"].to_list() == [Decimal(10), None, None]
    assert found.amounts["total_cost"] == Amount(Decimal(10), Decimal(10), Decimal(0), 2)
