"""docs/model.md agrees with the star, the metrics and the feeds."""

from __future__ import annotations

import functools
import re
from collections import defaultdict

import pytest
from local import diagram, model

from claimhouse import contracts as contract
from claimhouse import metrics, settings
from claimhouse.checks import plausibility

contracts = functools.cache(contract.load_all)
PAGE = (settings.PROJECT / "docs" / "model.md").read_text(encoding="utf-8")


def test_the_generated_parts_are_those_of_today(warehouse):
    assert model.filled(PAGE, model.parts(warehouse)) == PAGE, "run `make docs`"


def test_the_bus_matrix_has_every_fact_and_the_dimensions_of_its_keys(warehouse):
    table = model.parts(warehouse)["bus matrix"].splitlines()
    header, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    actual = {
        row[0].strip("`"): {name for name, mark in zip(header, row, strict=True) if mark == "x"}
        for row in rows[1:]
    }
    expected = defaultdict(set)
    for fact, column in warehouse.execute(
        "select c.table_name, c.column_name from information_schema.columns as c"
        " inner join information_schema.tables as t using (table_schema, table_name)"
        " where c.table_schema = 'star' and t.table_type = 'BASE TABLE'"
        " and c.table_name ~ '^(fact|bridge)_' and c.column_name ~ '_key$'"
    ):
        member = column.removesuffix("_key")
        name = "date" if member.endswith("date") else member
        if not name.endswith("_profile"):
            expected[fact].add(name)
    assert actual == expected


def test_the_grain_of_every_fact_is_given(warehouse):
    grains = model.parts(warehouse)["grains"]
    for table in diagram.tables(warehouse):
        if not table.name.startswith("dim_"):
            assert f"`{table.name}`" in grains
            assert table.grain, f"{table.name} has no comment that says its grain"


def test_every_metric_is_listed_with_its_sentence(warehouse):
    listed = model.parts(warehouse)["metrics"]
    for metric in metrics.load_all():
        row = next(line for line in listed.splitlines() if f"`{metric.name}`" in line)
        assert metric.unit in row and metric.title in row


def test_every_feed_has_its_problems_and_a_question_to_its_owner():
    third = PAGE.split("\n## 3")[1]
    described = set(re.findall(r"^\| `(\w+\.\w+)` \|", third, flags=re.MULTILINE))
    assert described == {feed.name for feed in contracts() if not feed.is_draft}


def test_every_rule_and_check_that_is_named_exists():
    third = PAGE.split("\n## 3")[1]
    named = set(re.findall(r"\(`(\w+)`\)", third))
    assert len(named) > 10
    known = {rule.name for feed in contracts() for rule in feed.row_rules}
    for file in (settings.INCLUDE / "soda").rglob("*.yml"):
        known |= set(re.findall(r"^\s+name: (\w+)", file.read_text(encoding="utf-8"), re.MULTILINE))
    known |= {
        f"{reference.column}_is_known" for feed in contracts() for reference in feed.references
    }
    known |= {name for feed in contracts() for name in plausibility.names(feed)}
    code = "".join(
        file.read_text(encoding="utf-8")
        for file in [*settings.CODE.rglob("*.py"), *settings.CODE.rglob("*.sql")]
    )
    known |= {name for name in named if f'"{name}"' in code or f"'{name}'" in code}
    assert named <= known


def test_a_part_without_its_place_is_an_error():
    with pytest.raises(KeyError, match="bus matrix"):
        model.filled("no places", {"bus matrix": "x"})
