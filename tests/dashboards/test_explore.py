"""Explore: whatever is picked is read, and its file is a dashboard that shows the same."""

from __future__ import annotations

import random

import pytest
from tests.dashboards.conftest import ROLES

from claimhouse.dashboards import explore, model, selection
from claimhouse.dashboards.fields import Fields
from claimhouse.dashboards.model import Dashboard
from claimhouse.dashboards.selection import Selection
from claimhouse.reporting import metric_reports

NOTHING = Dashboard("explore", "", "", (), (), (), None)
PICKS = 25


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
        fields = [*metric_reports.cuts(), "no_such_cut", ""]
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
        for reading in house.reading(role, explored, selection.of(explored, [])):
            answers = [reading.answer(explored.tiles[0]), reading.answer(saved.tiles[0])]
        shown = [(a.fields, a.measures, a.rows, a.total, a.problem) for a in answers]
        assert shown[0] == shown[1]
        assert shown[0][4] is None, pairs
        assert all(
            "group" in statement or not a.fields for a in answers for statement, _ in a.statements
        )


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
