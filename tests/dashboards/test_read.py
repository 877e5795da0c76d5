"""What tiles show, read as their reader, is what plain Python makes of the facts: whatever is chosen."""

from __future__ import annotations

import functools
import random
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.dashboards.conftest import ROLES, House
from tests.metrics.test_metrics import CUTS, METRICS, as_text, facts

from claimhouse import metrics, warehouse
from claimhouse.dashboards import model, publication, read
from claimhouse.dashboards.model import Dashboard, Filter, Source, Tile
from claimhouse.dashboards.selection import UNKNOWN, Selection
from claimhouse.reporting import metric_reports
from claimhouse.strict_yaml import YamlError

SELECTIONS = 60
# The metrics that measures of reports are.
FROM_ROWS = {
    measure["metric"]
    for report in model.known_reports().values()
    for measure in report.measures.values()
    if "metric" in measure
}


def of_source(house: House, metric: str, source: str) -> list[Any]:
    """The facts that a metric of the source stands on."""
    fact, counts, _ = METRICS[metric]
    return [
        row for row in facts(house.admin, fact) if row["source_system"] == source and counts(row)
    ]


def member(row: Any, cut: str) -> str:
    return as_text(CUTS[cut](row)) or UNKNOWN


def same(actual: Any, expected: Any) -> bool:
    if actual is None or expected is None:
        return actual is None and expected in (None, 0)
    return float(actual) == pytest.approx(float(expected), rel=1e-9)


@pytest.mark.parametrize("role", ROLES)
def test_whatever_is_chosen_each_number_is_what_python_makes_of_the_facts(house, role):
    """Rows, the rest that is not shown, and the total: by some cuts of a grain, filtered by the others."""
    dice = random.Random(3)
    reader, compared = house.people[role], 0
    names = [
        name for name in reader.metrics
        if metric_reports.known()[name].kind in ("sum", "ratio")
    ]  # fmt: skip
    known = {name: of_source(house, name, ROLES[role]) for name in names}
    for _ in range(SELECTIONS):
        name = dice.choice(names)
        grain = dice.choice(reader.metrics[name])
        by = tuple(dice.sample(grain, min(len(grain), dice.randint(0, 2))))
        others = [cut for cut in grain if cut not in by and dice.random() < 0.7]
        chosen = {
            cut: tuple(
                dice.sample(sorted({member(row, cut) for row in known[name]}), 1)
                + ["no such value"] * dice.randint(0, 1)
            )
            for cut in others
            if known[name]
        }
        most = dice.choice([None, 1, 3])
        tile = Tile("t", "bar" if by else "number", "T", Source((name,), None), by=by, most=most)
        dashboard = Dashboard(
            "d", "D", "What is it?", (), tuple(Filter(cut, "choice", cut) for cut in chosen),
            ((tile,),), None,
        )  # fmt: skip
        for reading in house.reading(role, dashboard, Selection(chosen)):
            answer = reading.answer(tile)
        value_of = METRICS[name][2]
        left = [
            row for row in known[name]
            if all(member(row, cut) in values for cut, values in chosen.items())
        ]  # fmt: skip
        assert answer.problem is None
        if not left:
            assert answer.is_empty
            continue
        assert answer.total is not None
        assert same(answer.total.values[0], value_of(left)), (name, by, chosen)
        groups: dict[tuple[str, ...], list[Any]] = {}
        for row in left:
            groups.setdefault(tuple(member(row, cut) for cut in by), []).append(row)
        shown = [row for row in answer.rows if not row.is_rest]
        keys = [tuple(value or UNKNOWN for value in row.fields) for row in shown]
        if by:
            assert len(keys) == len(set(keys)) == min(len(groups), most or len(groups))
            assert answer.left_out == len(groups) - len(keys)
        for key, row in zip(keys, shown, strict=True):
            assert same(row.values[0], value_of(groups[key])), (name, by, key, chosen)
            compared += 1
        rest = [row for row in answer.rows if row.is_rest]
        if len(by) == 1 and answer.left_out:
            others_of = [row for key, rows in groups.items() if key not in keys for row in rows]
            assert same(rest[0].values[0], value_of(others_of)), (name, by, chosen)
    assert compared > 50


def test_what_no_list_of_cuts_has_is_told_by_rows_or_not_at_all(house):
    """By any cuts together: the same as plain Python, where the rows of a report have them as the metric has."""
    dice, reader, told = random.Random(11), house.people["revenue_cycle"], 0
    names = [name for name in reader.metrics if name in FROM_ROWS]
    known = {name: of_source(house, name, "billing") for name in names}
    # A word where a metric has none, and what it has none of.
    odd = (UNKNOWN, "unknown", "no such value")
    # Words are few here: an address is no name of another facility but here.
    addresses = {
        row[0]
        for row in house.admin.execute(
            "select coalesce(address, facility_id) from star.dim_facility where facility_name is null"
        )
    }
    for _ in range(4 * SELECTIONS):
        name = dice.choice(names)
        cuts = sorted({cut for grain in reader.metrics[name] for cut in grain})
        by = tuple(dice.sample(cuts, dice.randint(0, 2)))
        others = dice.sample([cut for cut in cuts if cut not in by], dice.randint(1, 4))
        chosen = {
            cut: tuple(dice.sample(sorted(values), min(3, len(values))))
            for cut in others
            for values in [
                ({member(row, cut) for row in known[name]} | {*odd})
                - (addresses if cut == "facility" else set())
            ]
        }
        tile = Tile("t", "bar" if by else "number", "T", Source((name,), None), by=by)
        filters = tuple(Filter(cut, "choice", cut) for cut in chosen)
        dashboard = Dashboard("d", "D", "What is it?", (), filters, ((tile,),), None)
        for reading in house.reading("revenue_cycle", dashboard, Selection(chosen)):
            answer = reading.answer(tile)
        grained = model.grain(reader.metrics[name], (*by, *others)) is not None
        if answer.problem:
            assert not grained
            for some in answer.without:
                rest = functools.reduce(Selection.without, some, Selection(chosen))
                for reading in house.reading("revenue_cycle", dashboard, rest):
                    assert reading.answer(tile).problem is None
            continue
        left = [
            row for row in known[name]
            if all(member(row, cut) in values for cut, values in chosen.items())
        ]  # fmt: skip
        told += not grained
        groups: dict[tuple[str, ...], list[Any]] = {}
        for row in left:
            groups.setdefault(tuple(member(row, cut) for cut in by), []).append(row)
        value_of = METRICS[name][2]
        is_nothing = not left or (not by and value_of(left) is None)
        assert answer.is_empty == is_nothing, (name, by, chosen)
        assert is_nothing or same(answer.total.values[0], value_of(left)), (name, by, chosen)
        if by:
            shown = {tuple(v or UNKNOWN for v in row.fields): row.values[0] for row in answer.rows}
            assert shown.keys() == groups.keys(), (name, by, chosen)
            for key, value in shown.items():
                assert same(value, value_of(groups[key])), (name, by, key, chosen)
    assert told > 40


def test_rows_are_not_gone_through_for_a_page_that_has_taken_long(house, monkeypatch):
    tile = Tile("t", "number", "T", Source(("billed_amount",), None))
    filters = (
        Filter("claim_type", "choice", "Type"),
        Filter("procedure_id", "choice", "Procedure"),
    )
    dashboard = Dashboard("d", "D", "What is it?", (), filters, ((tile,),), None)
    chosen = Selection({"claim_type": ("no such",), "procedure_id": ("no such",)})
    problems = []
    for seconds in (60, 0):
        monkeypatch.setattr(read, "FROM_ROWS_SECONDS", seconds)
        for reading in house.reading("revenue_cycle", dashboard, chosen):
            answer = reading.answer(tile)
            problems.append(answer.problem)
            assert answer.is_late == (answer.problem is not None)
            # Nobody waits for a mail.
            mailed = read.Reading(
                house.admin, house.people["revenue_cycle"], None, dashboard, chosen, 300
            )
            assert mailed.answer(tile).problem is None
            # What lists of cuts have is told in any case.
            assert (
                reading.answer(replace(tile, unfiltered=frozenset({"claim_type"}))).problem is None
            )
    assert problems == [None, read.SLOWLY]


def test_the_largest_come_first_and_the_unknown_last(house):
    tile = Tile("t", "bar", "T", Source(("billed_amount",), None), by=("payer",))
    dashboard = Dashboard("d", "D", "What is it?", (), (), ((tile,),), None)
    for reading in house.reading("revenue_cycle", dashboard, Selection()):
        values = [row.values[0] for row in reading.answer(tile).rows]
    known = [value for value in values if value is not None]
    assert known == sorted(known, reverse=True)
    assert values[: len(known)] == known


TO_HANDLE = Tile(
    "t", "table", "T", Source((), "claims_to_handle"), columns=("billed_amount", "claim_id", "source_system"),
    order=("billed_amount", True),
)  # fmt: skip
CLAIMS = Dashboard(
    "d", "D", "What is it?", (), (Filter("billed_amount", "range", "Billed"),), ((TO_HANDLE,),), None
)  # fmt: skip


def test_the_largest_rows_come_first_and_those_without_an_amount_last(house):
    for reading in house.reading("revenue_cycle", CLAIMS, Selection()):
        rows = house.admin.execute(
            "select billed_amount, claim_id, source_system from reporting.claims_to_handle"
        ).fetchall()
        known = [row for row in rows if row[0] is not None]
        in_order = sorted(known, key=lambda row: (-row[0], row[1:]))
        in_order += sorted((row for row in rows if row[0] is None), key=lambda row: row[1:])
        assert 3 < len(known) < len(rows) - 3, "too few rows with an amount, or without"
        for most in (2, len(known), len(known) + 2, len(rows), len(rows) + 1):
            shown = reading.answer(replace(TO_HANDLE, most=most))
            assert [row.values for row in shown.rows] == in_order[:most]
            assert shown.left_out == (None if most < len(rows) else 0)
        amounts = [str(row[0]) for row in known]
        assert reading.ends("billed_amount") == (
            min(amounts, key=Decimal), max(amounts, key=Decimal),
        )  # fmt: skip


def test_the_largest_rows_and_the_ends_of_a_range_are_found_by_index(house, monkeypatch):
    statements, ask = [], warehouse.query

    def remembered(connection, path, *values, **names):
        statements.append(warehouse.sql(path, **names))
        return ask(connection, path, *values, **names)

    for reading in house.reading("revenue_cycle", CLAIMS, Selection()):
        monkeypatch.setattr(warehouse, "query", remembered)
        reading.answer(replace(TO_HANDLE, most=1))
        reading.ends("billed_amount")
        # As for whom the table is large.
        house.admin.execute(
            "set local enable_seqscan = off; set local enable_sort = off; set local enable_bitmapscan = off"
        )
        largest, ends = (
            "\n".join(row[0] for row in house.admin.execute(f"explain {statement}".encode()))
            for statement in statements
        )
    backward = "Index Scan Backward using open_claims_"
    assert backward in largest
    assert backward in ends
    assert "Index Scan using open_claims_" in ends.replace(backward, "")


def test_the_values_of_a_filter_have_their_counts(house):
    rows = of_source(house, "claims_volume", "billing")
    tile = Tile("t", "number", "T", Source(("claims_volume",), None))
    dashboard = Dashboard(
        "d", "D", "What is it?", (),
        (Filter("payer", "choice", "Payer"), Filter("service_month", "period", "Month")),
        ((tile,),), tile,
    )  # fmt: skip
    months = sorted({m for row in rows if (m := CUTS["service_month"](row))})
    chosen = Selection({}, {"service_month": (months[0], months[len(months) // 2])})
    for reading in house.reading("revenue_cycle", dashboard, chosen):
        found = {choice.value: choice.count for choice in reading.choices("payer")}
        assert reading.ends("service_month") == (months[0], months[-1])
        wanted = next(value for value in found if value != UNKNOWN)[1:4].upper()
        like = {choice.value for choice in reading.choices("payer", wanted)}
    low, high = chosen.ranges["service_month"]
    expected: dict[str, int] = {}
    for row in rows:
        month = CUTS["service_month"](row)
        if month and low <= month <= high:
            payer = member(row, "payer")
            expected[payer] = expected.get(payer, 0) + 1
    assert found == expected
    assert like == {value for value in expected if wanted in value.upper() and value != UNKNOWN}


def test_a_level_is_of_the_newest_day_and_is_compared_with_no_other_unit(house):
    rows = of_source(house, "pended_claims", "pended")
    tile = Tile("t", "bar", "T", Source(("pended_claims",), None), by=("note_category",))
    dashboard = Dashboard("d", "D", "What is it?", (), (), ((tile,),), None)
    for reading in house.reading("pended_team", dashboard, Selection()):
        answer = reading.answer(tile)
    newest = max(CUTS["report_date"](row) for row in rows if CUTS["report_date"](row))
    of_day = [row for row in rows if CUTS["report_date"](row) == newest]
    assert answer.total is not None and answer.total.values[0] == METRICS["pended_claims"][2](
        of_day
    )
    assert any("newest report date" in note for note in answer.notes)


def test_a_level_has_no_total_over_days(house):
    """Each day has its own: a claim that pends for two days is one claim."""
    rows = of_source(house, "pended_claims", "pended")
    days = sorted({day for row in rows if (day := CUTS["report_date"](row))})
    of_each = {
        str(day): METRICS["pended_claims"][2]([r for r in rows if CUTS["report_date"](r) == day])
        for day in days
    }
    tile = Tile("t", "bar", "T", Source(("pended_claims",), None), by=("report_date",), most=1)
    dashboard = Dashboard(
        "d", "D", "What is it?", (), (Filter("report_date", "choice", "Day"),), ((tile,),), None
    )
    for reading in house.reading("pended_team", dashboard, Selection()):
        answer = reading.answer(replace(tile, most=None))
        shown = {row.fields[0]: row.values[0] for row in answer.rows if row.fields[0]}
        assert shown == of_each
        assert answer.total is None
        assert not any(row.is_rest for row in reading.answer(tile).rows)
    two = Selection({"report_date": tuple(map(str, days[-2:]))})
    for reading in house.reading("pended_team", dashboard, two):
        total = reading.answer(replace(tile, kind="number", by=(), most=None)).total
        assert total is not None and total.values[0] == of_each[str(days[-1])]


def test_rows_of_several_periods_say_which_they_are_of(house):
    rows = of_source(house, "pended_claims", "pended")
    of_each: dict[tuple[str, str], int] = {}
    for row in rows:
        key = str(CUTS["report_date"](row)), member(row, "note_category")
        of_each[key] = of_each.get(key, 0) + 1
    days = sorted({day for day, _ in of_each if day != "None"})
    source = Source((), "pended_by_category")
    tile = Tile("t", "bar", "T", source, columns=("claims",), by=("note_category",))
    period = Filter("report_date", "period", "Day", default="newest")
    dashboard = Dashboard("d", "D", "What is it?", (), (period,), ((tile,),), None)
    for ends, number in (((days[0], days[-1]), 2), ((days[-1], days[-1]), 1), (("", days[-1]), 2)):
        chosen = Selection({}, {"report_date": ends})
        for reading in house.reading("pended_team", dashboard, chosen):
            answer = reading.answer(tile)
        assert answer.fields == ("report_date", "note_category")[-number:]
        assert len({row.fields for row in answer.rows}) == len(answer.rows)
        for row in answer.rows:
            key = (days[-1], *row.fields)[-2:]
            assert row.values[0] == of_each[key[0], key[1] or UNKNOWN]
    for reading in house.reading(
        "pended_team", dashboard, Selection(cleared=frozenset({"report_date"}))
    ):
        assert reading.answer(tile).fields == ("report_date", "note_category")
        assert reading.answer(replace(tile, unfiltered=frozenset({"report_date"}))).fields == (
            "note_category",
        )


def test_what_no_grain_has_says_so_and_nothing_else_fails(house):
    tile = Tile("t", "bar", "T", Source(("days_to_payment",), None), by=("payer",))
    dashboard = Dashboard(
        "d",
        "D",
        "What is it?",
        (),
        (Filter("diagnosis_id", "choice", "Diagnosis"),),
        ((tile,),),
        None,
    )
    for reading in house.reading("revenue_cycle", dashboard, Selection({"diagnosis_id": ("1",)})):
        answer = reading.answer(tile)
        assert answer.problem == "It is not published by payer and diagnosis together."
        assert answer.without == (("diagnosis_id",),)
        assert reading.answer(replace(tile, by=())).problem is None


def test_a_tile_that_the_reader_may_not_read_shows_nothing(house):
    tile = Tile("t", "number", "T", Source(("claims_volume",), None))
    dashboard = Dashboard("d", "D", "What is it?", (), (), ((tile,),), None)
    reader = replace(
        house.people["clinic_operations"], metrics=house.people["revenue_cycle"].metrics
    )
    other = House(house.admin, {"clinic_operations": reader})
    for reading in other.reading("clinic_operations", dashboard, Selection()):
        answer = reading.answer(tile)
    assert answer.problem and not answer.rows and answer.total is None


@pytest.mark.parametrize(
    ("was", "becomes", "line", "message"),
    [
        (
            "columns: [claim_id",
            "columns: [claim_number",
            9,
            "claims_to_handle has no column claim_number",
        ),
        ("by: [payer_name]", "by: [insurer]", 9, "claims_to_handle has no column insurer"),
        ("field: payer_name", "field: payer_kind", 6, "no tile has this field"),
    ],
)
def test_a_column_that_a_report_lacks_is_an_error_at_publication(
    house, tmp_path: Path, monkeypatch, was, becomes, line, message
):
    text = """\
name: example
title: Example
question: What is it that we want to know?
readers: [revenue_cycle]
filters:
  - {field: payer_name, kind: choice}
rows:
  - - {kind: number, metric: claims_volume}
    - {kind: table, report: claims_to_handle, columns: [claim_id], by: [payer_name]}
"""
    file = tmp_path / "example.yaml"
    file.write_text(text, encoding="utf-8")
    publication.check_columns(house.admin, tmp_path)
    file.write_text(text.replace(was, becomes), encoding="utf-8")
    with pytest.raises(YamlError) as error:
        publication.check_columns(house.admin, tmp_path)
    assert str(error.value).startswith(f"{file}:{line}: ")
    assert message in str(error.value)


def test_every_metric_of_the_house_is_among_those_that_python_knows():
    assert {metric.name for metric in metrics.load_all()} == METRICS.keys()
    assert model.known_reports()
