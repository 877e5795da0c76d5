"""Explore: whatever is picked is read, and its file is a dashboard that shows the same."""

from __future__ import annotations

import random

import pytest
from psycopg import RawCursor
from psycopg.rows import dict_row
from tests.dashboards import tableau_names, tableau_schema
from tests.dashboards.conftest import ROLES

from claimhouse.dashboards import explore, groups, model, publication, selection
from claimhouse.dashboards.fields import Fields
from claimhouse.dashboards.model import Dashboard
from claimhouse.dashboards.selection import Selection
from claimhouse.dashboards.tableau import catalog, sheets, workbooks
from claimhouse.dashboards.tableau.markup import document
from claimhouse.reporting import metric_reports

NOTHING = Dashboard("explore", "", "", (), (), (), None)
PICKS = 25
COLUMNS = catalog.load()


def assert_run_as_shown(reading, answer):
    """What the page shows as the statement behind it yields the numbers above it."""
    for place, (statement, values) in enumerate(answer.statements):
        with RawCursor(reading.session.connection, row_factory=dict_row) as cursor:
            found = cursor.execute(explore.readable(statement).encode(), values).fetchall()
        names = [f"field_{number}" for number in range(len(answer.fields))]
        numbers = {
            tuple(None if row[name] is None else str(row[name]) for name in names): [
                groups.value_of((row[f"numerator_{part}"], row[f"denominator_{part}"]))
                for part in range(sum(key.startswith("numerator") for key in row))
            ]
            for row in found
            if not row["is_total"]
        }
        alone = len(answer.statements) == 1
        for row in answer.rows:
            if row.fields in numbers and not row.is_rest and answer.fields:
                shown = row.values if alone else row.values[place : place + 1]
                assert list(shown) == numbers[row.fields]


@pytest.mark.parametrize("role", ROLES)
def test_whatever_is_picked_its_file_shows_the_same(house, role, tmp_path):
    dice, reader = random.Random(7), house.people[role]
    found = explore.numbers(reader)
    assert found.keys() >= {
        name for name in reader.metrics
        if metric_reports.known()[name].kind not in metric_reports.NOT_ADDITIVE
    }  # fmt: skip
    file = tmp_path / "my_dashboard.yaml"
    for _ in range(PICKS):
        cuts = {cut for grains in reader.metrics.values() for grain in grains for cut in grain}
        fields = [*sorted(cuts), "billing_code", "no_such_cut", ""]
        pairs = [(explore.NUMBER, name) for name in dice.sample([*found, "nothing"], 2)]
        pairs += [(key, dice.choice(fields)) for key in (explore.ROWS, explore.COLUMNS)]
        pairs += [(explore.FILTER, dice.choice(fields)) for _ in range(3)]
        pairs.append((explore.CHART, dice.choice([*explore.CHARTS, "pie"])))
        for reading in house.reading(role, NOTHING, Selection()):
            question = explore.of(pairs, found, reading.fields)
            assert set(question.numbers) <= found.keys()
            explored = explore.dashboard(question, reader, reading.fields)
            assert explore.of(question.pairs, found, reading.fields) == question
        if not question.numbers:
            continue
        file.write_text(explore.as_yaml(explored), encoding="utf-8")
        saved = model.load(file, {reader.name: reader})
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(publication, "check", lambda _: {saved.name: saved})  # noqa: B023
            publication.check_columns(house.admin, tmp_path)
        book = document(workbooks.to_xml(sheets.of(saved, {reader.name: reader}, COLUMNS)))
        assert tableau_schema.problems(tableau_schema.newest(1)[0], book) == []
        assert tableau_names.problems(book, COLUMNS) == []
        for reading in house.reading(role, explored, selection.of(explored, [])):
            answers = [reading.answer(explored.tiles[0]), reading.answer(saved.tiles[0])]
            assert_run_as_shown(reading, answers[0])
        shown = [(a.fields, a.measures, a.rows, a.total, a.problem) for a in answers]
        assert shown[0] == shown[1]
        assert shown[0][4] is None, pairs
        assert all(
            "group" in statement or not a.fields for a in answers for statement, _ in a.statements
        )


def test_lines_are_along_time(house):
    reader = house.people["clinic_operations"]
    titles = explore.numbers(reader)
    for rows, columns, chart, by in (
        ("facility", "service_month", "line", ("service_month",)),
        ("service_month", "facility", "line", ("service_month",)),
        ("facility", "", "bar", ("facility",)),
        ("", "service_month", "line", ("service_month",)),
    ):
        pairs = [(explore.NUMBER, "no_show_rate"), (explore.ROWS, rows), (explore.COLUMNS, columns),
                 (explore.CHART, "line")]  # fmt: skip
        for reading in house.reading("clinic_operations", NOTHING, Selection()):
            question = explore.of(pairs, titles, reading.fields)
            tile = explore.dashboard(question, reader, reading.fields).tiles[0]
        assert (tile.kind, tile.by) == (chart, by)
        assert tile.split == ("facility" if rows and columns else None)


def test_numbers_of_other_readers_cannot_be_picked(house):
    reader = house.people["clinic_operations"]
    for reading in house.reading("clinic_operations", NOTHING, Selection()):
        fields: Fields = reading.fields
        picked = [
            (explore.NUMBER, name)
            for name in ("billed_amount", "claims_to_handle.claims", "pg_class.x")
        ]
        assert explore.of(picked, explore.numbers(reader), fields).numbers == ()


def test_no_file_can_filter_by_what_tells_people_apart():
    for name in (
        "claim_id",
        "patient_pseudonym",
        "birth_date",
        "patient_name",
        "zip",
        "encounter_id",
    ):
        assert model.tells_people_apart(name)
    for name in ("payer", "service_month", "procedure_id", "provider_id", "facility", "age_bucket"):
        assert not model.tells_people_apart(name)
