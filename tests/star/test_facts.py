"""Facts and bridges of any subject: latest states, dimension states as of the service, re-runs."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.worlds.made_source import Made

from claimhouse import star

VISITS = """
select 'made' as source_system, visit as encounter_id, person as patient_id, nurse as provider_id,
    payer as payer_id, day as service_date, price as total_claim_cost, kind as encounter_class,
    changed as version_at, batch_id, row_number
from source_made.visits
"""
NURSES = """
select 'made' as source_system, nurse as provider_id, name as last_name, place as facility_id,
    since as version_at, since as started_on, batch_id, row_number
from source_made.nurses
"""
PLACES = """
select 'made' as source_system, place as facility_id, place as facility_name, batch_id, row_number
from source_made.nurses
"""
HELPERS = """
select 'made' as source_system, visit as encounter_id, nurse as provider_id, role, batch_id, row_number
from source_made.helpers
"""


@pytest.fixture
def clinic(made: Made) -> Made:
    """Visits, the nurses who did them and where these work, and who helped."""
    made.table(
        "visits",
        "visit text, person text, nurse text, payer text, day date, price numeric(9, 2), kind text, changed date",
    )
    made.table("nurses", "nurse text, name text, place text, since date")
    made.table("helpers", "visit text, nurse text, role text")
    made.maps("fact_encounter", VISITS)
    made.maps("dim_provider", NURSES)
    made.maps("dim_facility", PLACES)
    made.maps("bridge_visit_provider", HELPERS)
    return made


def visit(number: int, **changes: object) -> tuple[object, ...]:
    """A visit, with *changes*."""
    row = {
        "visit": f"v{number}",
        "person": "p1",
        "nurse": "n1",
        "payer": "Acme",
        "day": "2024-03-01",
        "price": "10.00",
        "kind": "home",
        "changed": "2024-03-02",
    }
    return tuple({**row, **changes}.values())


def everything(made: Made) -> list[tuple[object, ...]]:
    """The star by natural keys alone."""
    return made.rows(
        "select f.encounter_id, p.patient_id, n.provider_id, n.last_name, n.valid_from::text,"
        " y.payer_id, l.facility_id, e.encounter_class, f.service_date_key, f.total_claim_cost, f.row_number"
        " from star.fact_encounter f join star.dim_patient p using (patient_key)"
        " join star.dim_provider n using (provider_key) join star.dim_payer y using (payer_key)"
        " join star.dim_facility l on l.facility_key = f.facility_key"
        " join star.dim_encounter_profile e using (encounter_profile_key) order by 1"
    )


def test_a_fact_is_in_its_latest_state_however_the_versions_come(clinic: Made) -> None:
    clinic.batch("visits", visit(1, price="3.00", changed="2024-06-01"), visit(2))
    clinic.load()
    clinic.batch("visits", visit(1, price="2.00", changed="2024-05-01"))  # late, and older
    clinic.batch("visits", visit(2, price="9.00", changed="2024-03-02"))  # a tie: the later batch
    clinic.load()
    assert clinic.rows(
        "select encounter_id, total_claim_cost from star.fact_encounter order by 1"
    ) == [
        ("v1", Decimal("3.00")),
        ("v2", Decimal("9.00")),
    ]


def test_what_is_not_named_is_unknown_and_what_cannot_be_is_not_applicable(clinic: Made) -> None:
    clinic.batch(
        "visits", visit(1, person=None, nurse=None, payer=None, day=None, kind=None, price=None)
    )
    clinic.load()
    assert clinic.rows(
        "select patient_key, provider_key, payer_key, facility_key, encounter_profile_key,"
        " service_date_key, procedure_key, diagnosis_key from star.fact_encounter"
    ) == [(-1, -1, -1, -1, -1, -1, -2, -2)]


def test_members_nobody_has_described_are_completed_in_place(clinic: Made) -> None:
    clinic.batch("visits", visit(1))
    clinic.load()
    keys = clinic.rows("select provider_key, payer_key, patient_key from star.fact_encounter")
    assert clinic.rows("select payer_id, is_inferred from star.dim_payer where payer_key > 0") == [
        ("Acme", True)
    ]
    clinic.table("payers", "payer text, name text")
    clinic.maps(
        "dim_payer",
        "select 'made' as source_system, payer as payer_id, name as payer_name, batch_id, row_number"
        " from source_made.payers",
    )
    clinic.batch("payers", ("Acme", "Acme Mutual"))
    clinic.batch("nurses", ("n1", "Kim", "North", "2020-01-01"))
    clinic.load()
    assert (
        clinic.rows("select provider_key, payer_key, patient_key from star.fact_encounter") == keys
    )
    assert clinic.rows(
        "select payer_name, is_inferred from star.dim_payer where payer_key > 0"
    ) == [("Acme Mutual", False)]
    assert everything(clinic)[0][3] == "Kim"


def test_a_back_dated_move_takes_the_visits_with_it(clinic: Made) -> None:
    clinic.batch("nurses", ("n1", "Kim", "North", "2020-01-01"))
    clinic.batch("visits", visit(1, day="2024-02-01"), visit(2, day="2024-04-01"))
    clinic.load()
    assert [row[6] for row in everything(clinic)] == ["North", "North"]
    clinic.batch("nurses", ("n1", "Kim", "South", "2024-03-01"), received="2024-06-01")
    assert clinic.load()["fact_encounter_rekeyed"] == 1
    assert [row[6] for row in everything(clinic)] == ["North", "South"]


def test_a_move_leaves_alone_where_the_visit_says_it_was(clinic: Made) -> None:
    clinic.maps("fact_encounter", VISITS.replace("payer as payer_id", "'Bus' as facility_id"))
    clinic.batch("nurses", ("n1", "Kim", "North", "2020-01-01"))
    clinic.batch("visits", visit(1, day="2024-04-01"))
    clinic.load()
    clinic.batch("nurses", ("n1", "Kim", "South", "2024-03-01"), received="2024-06-01")
    clinic.load()
    assert clinic.rows(
        "select l.facility_id, n.valid_from::text from star.fact_encounter as f"
        " join star.dim_facility as l using (facility_key)"
        " join star.dim_provider as n on f.provider_key = n.provider_key"
    ) == [("Bus", "2024-03-01")]


def test_the_newest_batch_says_who_took_part(clinic: Made) -> None:
    clinic.batch(
        "helpers", ("v1", "n1", "Primary"), ("v1", "n2", "Secondary"), ("v2", "n1", "Primary")
    )
    clinic.load()
    clinic.batch("helpers", ("v1", "n3", "Secondary"), ("v1", "n1", "Secondary"))
    clinic.load()
    assert clinic.rows(
        "select b.encounter_id, n.provider_id, b.role from star.bridge_visit_provider as b"
        " join star.dim_provider as n using (provider_key) order by 1, 2"
    ) == [("v1", "n1", "Secondary"), ("v1", "n3", "Secondary"), ("v2", "n1", "Primary")]


def test_a_repeat_writes_nothing_and_a_rebuild_gives_the_same(clinic: Made) -> None:
    first = [
        clinic.batch("nurses", ("n1", "Kim", "North", "2020-01-01")),
        clinic.batch("visits", visit(1), visit(2, nurse="n9", payer="Other")),
        clinic.batch("helpers", ("v1", "n1", "Primary"), ("v2", "n9", "Primary")),
    ]
    clinic.load(*first)
    second = [
        clinic.batch("nurses", ("n1", "Kim", "South", "2024-02-01")),
        clinic.batch("visits", visit(2, price="7.50", changed="2024-05-01")),
    ]
    clinic.load(*second)
    before = everything(clinic)
    clinic.connection.execute("update landing.batch set state = 'checked'")
    assert clinic.load(*first, *second) == {"batches": 5}
    assert everything(clinic) == before
    star.rebuild(clinic.connection, "made")
    assert everything(clinic) == before


@pytest.mark.parametrize("tables", [["fact_claim"], ["fact_claim", "fact_claim_change"]])
def test_a_column_added_to_claims_is_filled_in_every_load(made: Made, tables: list[str]) -> None:
    for table in tables:
        made.connection.execute(f"alter table star.{table} add column priority smallint")
    made.table("claims", "claim text, cost numeric(9, 2), priority smallint, changed date")
    made.maps(
        "fact_claim",
        "select 'made' as source_system, claim as claim_id, cost as total_cost, priority,"
        " changed as version_at, batch_id, row_number from source_made.claims",
    )
    priorities = "select claim_id, priority, total_cost::text from star.fact_claim order by 1"
    made.batch("claims", ("C1", "5.00", 1, "2024-01-01"), ("C2", "6.00", 2, "2024-01-01"))
    made.load()
    assert made.rows(priorities) == [("C1", 1, "5.00"), ("C2", 2, "6.00")]
    made.batch("claims", ("C1", "7.00", 3, "2024-02-01"), ("C3", "8.00", 4, "2024-02-01"))
    made.load()
    assert made.rows(priorities) == [("C1", 3, "7.00"), ("C2", 2, "6.00"), ("C3", 4, "8.00")]
    made.batch("claims", ("C1", "9.00", 9, "2023-12-01"))  # late, and older
    made.load()
    assert made.rows(priorities) == [("C1", 3, "7.00"), ("C2", 2, "6.00"), ("C3", 4, "8.00")]
    if "fact_claim_change" in tables:
        versions = "select version_number, priority from star.fact_claim_change order by 1"
        assert made.rows(versions) == [(1, 9), (2, 1), (3, 3)]


def test_an_older_delivery_that_comes_late_replaces_nothing_newer(clinic: Made) -> None:
    """A fact, a dimension and a bridge, without a version to tell."""
    clinic.maps("fact_encounter", VISITS.replace("changed as version_at, ", ""))
    clinic.batch("visits", visit(1, price="20.00"), received="2024-06-02")
    clinic.batch("nurses", ("n1", "Newer", "South", None), received="2024-06-02")
    clinic.batch("helpers", ("v1", "n1", "Primary"), received="2024-06-02")
    clinic.load()
    newer = state(clinic)
    clinic.batch("visits", visit(1, price="10.00"), received="2024-06-01")
    clinic.batch("nurses", ("n1", "Older", "North", None), received="2024-06-01")
    clinic.batch(
        "helpers", ("v1", "n1", "Secondary"), ("v1", "n2", "Primary"), received="2024-06-01"
    )
    clinic.load()
    assert state(clinic) == newer
    star.rebuild(clinic.connection, "made")
    assert state(clinic) == newer


def state(clinic: Made) -> list[list[tuple[object, ...]]]:
    return [
        clinic.rows("select encounter_id, total_claim_cost::text from star.fact_encounter"),
        clinic.rows(
            "select last_name from star.dim_provider where is_current and provider_id = 'n1'"
        ),
        clinic.rows(
            "select b.encounter_id, n.provider_id, b.role from star.bridge_visit_provider as b"
            " join star.dim_provider as n using (provider_key)"
        ),
    ]


def test_a_newer_delivery_without_members_leaves_none_of_the_older(clinic: Made) -> None:
    clinic.batch("helpers", ("v1", "n1", "Primary"), ("v2", "n1", "Primary"), received="2024-06-01")
    clinic.load()
    clinic.batch("helpers", ("v1", None, None), received="2024-06-02")
    clinic.load()
    bridge = "select encounter_id from star.bridge_visit_provider"
    assert clinic.rows(bridge) == [("v2",)]
    star.rebuild(clinic.connection, "made")
    assert clinic.rows(bridge) == [("v2",)]


def test_a_batch_released_late_reaches_what_depends_on_it(clinic: Made) -> None:
    """A row of several feeds is found by the batch that was loaded last, whatever its number."""
    clinic.maps(
        "fact_survey",
        "select 'made' as source_system, v.visit as encounter_id, v.person as patient_id,"
        " n.role = 'Primary' as has_comment,"
        " case when no.load_number > vo.load_number then n.batch_id else v.batch_id end as batch_id,"
        " v.row_number from source_made.visits as v"
        " join landing.batch_order as vo on v.batch_id = vo.batch_id and vo.state in ('checked', 'loaded')"
        " left join (source_made.helpers as n join landing.batch_order as no"
        "   on n.batch_id = no.batch_id and no.state in ('checked', 'loaded')) on n.visit = v.visit",
    )
    held = clinic.batch("helpers", ("v1", "n1", "Primary"))
    clinic.connection.execute(
        "update landing.batch set state = 'held' where batch_id = %s", (held,)
    )
    clinic.batch("visits", visit(1))
    clinic.load()
    survey = "select has_comment from star.fact_survey"
    assert clinic.rows(survey) == [(None,)]
    clinic.connection.execute(
        "update landing.batch set state = 'checked' where batch_id = %s", (held,)
    )
    clinic.load()
    assert clinic.rows(survey) == [(True,)]
