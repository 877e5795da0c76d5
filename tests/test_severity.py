"""Severities: the database, contracts and verification agree with the one table of what each does."""

from __future__ import annotations

import re
from dataclasses import replace

import polars as pl
import pytest

from claimhouse import contracts
from claimhouse.reading import Block
from claimhouse.severity import ERROR, SEVERITIES
from claimhouse.verification import make_plan
from claimhouse.verification.verify import verify

PATIENTS = contracts.of("billing", "patients")
HEADER = ["patient_id", "zipcode", "last_modified_date"]


@pytest.mark.parametrize("table", ["issue", "check_result"])
def test_the_database_allows_the_severities_there_are(table, warehouse):
    ((definition,),) = warehouse.execute(
        "select pg_get_constraintdef(oid) from pg_constraint"
        " where conrelid = %s::regclass and contype = 'c' and pg_get_constraintdef(oid) ~ 'severity'",
        (f"quality.{table}",),
    ).fetchall()
    assert set(re.findall(r"'(\w+)'", definition)) == set(SEVERITIES)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_a_severity_does_to_a_row_and_its_value_what_the_table_says(severity):
    columns = [
        replace(column, invalid=severity if column.name == "zipcode" else ERROR)
        for column in PATIENTS.columns
    ]
    rows = pl.DataFrame(
        [(2, "1U", "here", "1-1-2020")], schema=["row_number", *HEADER], orient="row"
    )
    plan = make_plan(replace(PATIENTS, columns=tuple(columns)), HEADER)
    verified = verify(Block(rows=rows, broken=[]), plan)
    effect = SEVERITIES[severity]
    assert len(verified.quarantined) == effect.quarantines_row
    assert len(verified.accepted) == (not effect.quarantines_row)
    assert (None in verified.accepted["zipcode"]) == effect.clears_value
    assert verified.issues["severity"].to_list() == [severity]
    assert ("It is loaded as NULL" in verified.issues["message"][0]) == effect.clears_value
