"""Rules between the columns of one row."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from claimhouse import contracts, settings
from claimhouse.reading import Block
from claimhouse.verification import make_plan
from claimhouse.verification.verify import Verified, verify

PROCEDURES = contracts.of("hospital", "procedures")
HEADER = ["start", "stop", "patient", "encounter", "code", "description", "base_cost"]


def verified(severity: str, *times: tuple[str, str, str]) -> Verified:
    """A block of procedures with these starts, stops and costs, under rules of this severity."""
    rows = pl.DataFrame(
        [
            (at, start, stop, PATIENT, ENCOUNTER, f"10000{at}", "", cost)
            for at, (start, stop, cost) in enumerate(times, 2)
        ],
        schema=["row_number", *HEADER],
        orient="row",
    )
    rules = [replace(rule, severity=severity) for rule in PROCEDURES.row_rules]
    plan = make_plan(replace(PROCEDURES, row_rules=tuple(rules)), HEADER)
    return verify(Block(rows=rows, broken=[]), plan)


ENCOUNTER = "00000001-0000-0000-0000-000000000000"
PATIENT = "0000000a-0000-0000-0000-000000000000"
EARLY, LATE = "2020-01-01T08:00:00Z", "2020-01-01T09:00:00Z"
TIMES = (
    (EARLY, LATE, "1"),
    (LATE, EARLY, "1"),
    (EARLY, EARLY, "1"),
    (EARLY, "", "1"),
    (LATE, EARLY, "none"),  # quarantined for its cost
)


def test_a_warning_leaves_the_row_as_it_came():
    found = verified("warning", *TIMES)
    assert found.accepted["row_number"].to_list() == [2, 3, 4, 5]
    assert found.accepted["stopped_at"][1] < found.accepted["started_at"][1]
    issue = found.issues.filter(pl.col("rule") == "stop_after_start").rows(named=True)
    assert issue == [
        {
            "row_number": 3,
            "record_key": f"{ENCOUNTER}|100003|{LATE}",
            "record_version": None,
            "column_name": "started_at|stopped_at",
            "rule": "stop_after_start",
            "severity": "warning",
            "raw_value": f"{LATE}|{EARLY}",
            "message": PROCEDURES.row_rules[0].message,
        }
    ]


def test_a_row_that_is_quarantined_anyway_is_not_judged_by_rules_between_columns():
    found = verified("warning", *TIMES).issues
    assert found.filter(pl.col("row_number") == 6)["rule"].to_list() == ["number"]


def test_an_error_quarantines_the_row_with_its_money():
    found = verified("error", *TIMES)
    assert found.accepted["row_number"].to_list() == [2, 4, 5]
    assert found.quarantined["row_number"].to_list() == [3, 6]
    assert (found.amounts["base_cost"].read, found.amounts["base_cost"].quarantined) == (4, 1)


SPOILED = {
    # what stands in place of the rule's own, and what the error must say
    "a column that is none": ("stopped_at >=", "stoped_at >=", "stoped_at"),
    "no question": ("stopped_at >= started_at", "base_cost + 1", "neither true nor false"),
    "no expression": ("stopped_at >= started_at", "stopped_at >=", "implementation"),
    "types that do not compare": (
        "stopped_at >= started_at",
        "stopped_at >= code",
        "implementation",
    ),
    "a severity that does not exist": (
        "severity: warning\n        desc",
        "severity: fatal\n        desc",
        "severity error or warning",
    ),
    "another engine": ("engine: polars", "engine: soda", "engine polars"),
    "no name": ("      - name: stop_after_start\n        type", "      - type", "unique name"),
}


@pytest.mark.parametrize("kind", SPOILED)
def test_a_rule_that_cannot_be_judged_is_refused_with_its_line(kind, tmp_path: Path):
    before, after, say = SPOILED[kind]
    schemas = Path(shutil.copytree(settings.INCLUDE / "schemas", tmp_path / "schemas"))
    file = schemas / "hospital" / "procedures.yaml"
    text = file.read_text()
    assert text.count(before) == 1
    file.write_text(text.replace(before, after))
    with pytest.raises(contracts.ContractError, match=say) as error:
        contracts.load(file)
    line = int(str(error.value).removeprefix(f"{file}:").split(":")[0])
    start = text[: text.index("    quality:")].count("\n") + 1
    assert start < line < start + 9


def test_only_text_has_an_encoding_to_repair(tmp_path: Path):
    schemas = Path(shutil.copytree(settings.INCLUDE / "schemas", tmp_path / "schemas"))
    file = schemas / "hospital" / "procedures.yaml"
    text = file.read_text()
    file.write_text(text.replace("property: money,", "property: repairEncoding,"))
    with pytest.raises(contracts.ContractError, match="repairEncoding is for text"):
        contracts.load(file)
