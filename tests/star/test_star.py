"""The star's rules, one at a time, and what must hold when a load is killed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.worlds import saved_tables
from tests.worlds.billing_source import Billing, claim, patient, provider, real_rows

from claimhouse import star, warehouse
from claimhouse.star import facts

FIRST, LAST = "1900-01-01", "9999-12-31"


@pytest.fixture
def billing(warehouse: psycopg.Connection[Any]) -> Billing:
    return Billing(warehouse)


def test_first_version_holds_always(billing: Billing) -> None:
    billing.batch("patients", [patient(address="A")])
    billing.load()
    assert billing.states("patient", "P1", "address") == [("A", FIRST, LAST, True)]


def test_change_of_residence_holds_from_its_date(billing: Billing) -> None:
    billing.batch("patients", [patient(address="A")])
    billing.load()
    moved = patient(address="B", date_of_residence="2019-05-01", last_modified_date="2021-01-01")
    billing.batch("patients", [moved])
    billing.load()
    assert billing.states("patient", "P1", "address") == [
        ("A", FIRST, "2019-05-01", False),
        ("B", "2019-05-01", LAST, True),
    ]


def test_change_without_a_move_holds_from_its_modification(billing: Billing) -> None:
    billing.batch("patients", [patient(lname="Ward")])
    billing.load()
    billing.batch("patients", [patient(lname="Kelly", last_modified_date="2021-01-01")])
    billing.load()
    assert billing.states("patient", "P1", "last_name") == [
        ("Ward", FIRST, "2021-01-01", False),
        ("Kelly", "2021-01-01", LAST, True),
    ]


def test_provider_corrected_with_the_same_start_holds_from_its_arrival(billing: Billing) -> None:
    billing.batch("providers", [provider(lname="Dwason")], received="2021-02-01")
    billing.load()
    billing.batch("providers", [provider(lname="Dawson")], received="2021-02-09")
    billing.load()
    assert billing.states("provider", "R1", "last_name") == [
        ("Dwason", FIRST, "2021-02-09", False),
        ("Dawson", "2021-02-09", LAST, True),
    ]


def test_late_version_is_spliced_between_its_neighbors(billing: Billing) -> None:
    for address, day in (("A", "2019-01-01"), ("C", "2021-01-01"), ("B", "2020-01-01")):
        billing.batch(
            "patients", [patient(address=address, date_of_residence=day, last_modified_date=day)]
        )
        billing.load()
    assert billing.states("patient", "P1", "address") == [
        ("A", FIRST, "2020-01-01", False),
        ("B", "2020-01-01", "2021-01-01", False),
        ("C", "2021-01-01", LAST, True),
    ]


def test_late_oldest_version_becomes_the_first(billing: Billing) -> None:
    for address, day in (("B", "2020-01-01"), ("A", "2019-01-01")):
        billing.batch(
            "patients", [patient(address=address, date_of_residence=day, last_modified_date=day)]
        )
        billing.load()
    assert billing.states("patient", "P1", "address") == [
        ("A", FIRST, "2020-01-01", False),
        ("B", "2020-01-01", LAST, True),
    ]


def test_newer_version_that_reaches_further_back_overrides(billing: Billing) -> None:
    versions = (
        patient(address="A", date_of_residence="2000-01-01", last_modified_date="2019-01-01"),
        patient(address="B", date_of_residence="2018-01-01", last_modified_date="2020-01-01"),
        patient(address="C", date_of_residence="2019-01-01", last_modified_date="2020-06-01"),
        patient(address="D", date_of_residence="2015-01-01", last_modified_date="2021-01-01"),
    )
    for version in versions:
        billing.batch("patients", [version])
        billing.load()
    assert billing.states("patient", "P1", "address") == [
        ("A", FIRST, "2015-01-01", False),
        ("D", "2015-01-01", LAST, True),
    ]


def test_there_and_back_makes_three_states(billing: Billing) -> None:
    for address, day in (("A", "2019-01-01"), ("B", "2020-01-01"), ("A", "2021-01-01")):
        billing.batch("patients", [patient(address=address, last_modified_date=day)])
        billing.load()
    assert billing.states("patient", "P1", "address") == [
        ("A", FIRST, "2020-01-01", False),
        ("B", "2020-01-01", "2021-01-01", False),
        ("A", "2021-01-01", LAST, True),
    ]


def test_same_state_again_makes_no_version(billing: Billing) -> None:
    for day in ("2019-01-01", "2020-01-01"):
        billing.batch("patients", [patient(last_modified_date=day)])
        billing.load()
    assert billing.states("patient", "P1", "address") == [("1 First Street", FIRST, LAST, True)]


def test_empty_and_missing_text_differ(billing: Billing) -> None:
    for city, day in (("", "2019-01-01"), (None, "2020-01-01")):
        billing.batch("patients", [patient(city=city, last_modified_date=day)])
        billing.load()
    assert [state[0] for state in billing.states("patient", "P1", "city")] == ["", None]


def test_session_date_style_does_not_matter(billing: Billing) -> None:
    billing.batch("patients", [patient()])
    billing.load()
    billing.connection.execute("set datestyle = 'German'")
    billing.batch("patients", [patient(last_modified_date="2021-01-01")])
    assert billing.load()["dim_patient"] == 0


def test_held_batch_stays_out(billing: Billing) -> None:
    billing.batch("patients", [patient(address="A")])
    held = patient(address="B", last_modified_date="2020-06-01")
    billing.batch("patients", [held], state="held")
    billing.batch("patients", [patient(address="C", last_modified_date="2021-01-01")])
    billing.load()
    assert [state[0] for state in billing.states("patient", "P1", "address")] == ["A", "C"]


def test_inferred_member_is_completed_in_place(billing: Billing) -> None:
    billing.batch("claims", [claim(patient_id="P9", provider_id="R9")])
    billing.load()
    before = billing.rows(
        "select patient_key, is_inferred, last_name from star.dim_patient where patient_id = 'P9'"
    )
    assert [row[1:] for row in before] == [(True, None)]
    billing.batch("patients", [patient("P9", lname="Ward")])
    billing.batch("providers", [provider("R9")])
    billing.load()
    after = billing.rows(
        "select patient_key, is_inferred, last_name from star.dim_patient where patient_id = 'P9'"
    )
    assert after == [(before[0][0], False, "Ward")]
    assert billing.value(
        "select f.facility_key = r.facility_key and f.facility_key > 0 and not r.is_inferred"
        " from star.fact_claim f join star.dim_provider r using (provider_key)"
    )


def test_missing_ids_and_dates_point_to_unknown(billing: Billing) -> None:
    empty = claim(
        patient_id=None, provider_id=None, date_of_service=None, claim_date=None,
        visit_type=None, coverage_type=None, billed=None, total_cost=None,
    )  # fmt: skip
    billing.batch("claims", [empty])
    billing.load()
    keys = "patient_key, provider_key, facility_key, claim_profile_key, service_date_key, claim_date_key"
    for table in ("fact_claim", "fact_claim_version"):
        assert billing.rows(f"select {keys} from star.{table}") == [(-1,) * 6]
    assert billing.star()["patients"] == billing.star()["patients"][:2]  # nobody was inferred


def test_claim_without_a_service_date_joins_the_current_state(billing: Billing) -> None:
    billing.batch("patients", [patient(address="A")])
    billing.batch("patients", [patient(address="B", last_modified_date="2021-01-01")])
    billing.batch("claims", [claim(date_of_service=None)])
    billing.load()
    assert _address_of(billing, "C1") == "B"


def test_service_before_all_time_joins_the_first_state(billing: Billing) -> None:
    billing.batch("patients", [patient(address="A")])
    billing.batch("claims", [claim(date_of_service="1850-01-01")])
    billing.load()
    assert _address_of(billing, "C1") == "A"


def test_back_dated_change_moves_only_the_facts_it_concerns(billing: Billing) -> None:
    billing.batch("patients", [patient(address="A"), patient("P2")])
    billing.batch(
        "claims",
        [
            claim("C1", date_of_service="2018-01-01"),
            claim("C2", date_of_service="2019-12-31"),
            claim("C3", date_of_service="2020-01-01"),
            claim("C4", patient_id="P2", date_of_service="2020-06-01"),
        ],
    )
    again = claim("C3", date_of_service="2020-01-01", last_modified_date="2021-03-01")
    billing.batch("claims", [again])
    billing.load()
    before = _places(billing)
    moved = patient(address="B", date_of_residence="2020-01-01", last_modified_date="2021-01-01")
    billing.batch("patients", [moved])
    counts = billing.load()
    assert [_address_of(billing, name) for name in ("C1", "C2", "C3")] == ["A", "A", "B"]
    after = _places(billing)
    moved_rows = {key for key in before if before[key] != after[key]}
    assert moved_rows == {("fact_claim", "C3"), ("fact_claim_change", "C3")}
    assert counts["fact_claim_rekeyed"] == 1
    assert counts["fact_claim_change_rekeyed"] == 2


def test_facts_leave_a_state_that_no_longer_holds(billing: Billing) -> None:
    billing.batch("patients", [patient(address="A", last_modified_date="2019-01-01")])
    late = patient(address="C", date_of_residence="2020-01-01", last_modified_date="2020-02-01")
    billing.batch("patients", [late])
    billing.batch("claims", [claim(date_of_service="2020-06-01")])
    billing.load()
    over = patient(address="D", date_of_residence="2019-06-01", last_modified_date="2021-01-01")
    billing.batch("patients", [over])
    counts = billing.load()
    assert _address_of(billing, "C1") == "D"
    assert [state[0] for state in billing.states("patient", "P1", "address")] == ["A", "D"]
    assert counts["removed"] == 1


def test_provider_corrected_in_place_takes_the_facts_facility_along(billing: Billing) -> None:
    billing.batch("providers", [provider(facility_name="Old", start_date="2015-01-01")])
    billing.batch("claims", [claim(date_of_service="2018-01-01")])
    billing.load()
    # an older version comes late: it becomes the state from 1900 on, and the one of 2015 begins then
    billing.batch("providers", [provider(facility_name="Older", start_date="2010-01-01")])
    # and two versions of one start: the newer holds from its arrival, before the service
    billing.load()
    billing.batch(
        "providers", [provider(facility_name="New", start_date="2015-01-01")], received="2016-01-01"
    )
    billing.load()
    actual = billing.rows(
        "select l.facility_name, r.facility_name from star.fact_claim f"
        " join star.dim_facility l using (facility_key) join star.dim_provider r using (provider_key)"
    )
    assert actual == [("New", "New")]


def test_first_state_replaced_in_place_takes_the_facts_facility_along(billing: Billing) -> None:
    billing.batch("providers", [provider(facility_name="Newer", start_date="2015-01-01")])
    billing.batch("claims", [claim(date_of_service="2012-01-01")])
    billing.load()
    key = billing.value("select provider_key from star.fact_claim")
    billing.batch("providers", [provider(facility_name="Older", start_date="2010-01-01")])
    billing.load()
    for table in ("fact_claim", "fact_claim_version"):
        assert billing.rows(
            f"select f.provider_key, l.facility_name from star.{table} f"
            " join star.dim_facility l using (facility_key)"
        ) == [(key, "Older")]


def test_claim_versions_add_up_in_their_own_order(billing: Billing) -> None:
    for cost, coverage, day in (
        ("100.00", 50, "2021-01-01"),
        ("70.00", 100, "2021-03-01"),
        ("80.10", 50, "2021-02-01"),  # comes last, belongs in the middle
    ):
        row = claim(total_cost=cost, coverage_type=coverage, last_modified_date=day)
        billing.batch("claims", [row])
        billing.load()
    assert billing.rows(
        "select version_number, version_date::text, total_cost_delta, covered_amount_delta"
        " from star.fact_claim_version order by 1"
    ) == [
        (1, "2021-01-01", Decimal("100.00"), Decimal("50.00")),
        (2, "2021-02-01", Decimal("-19.90"), Decimal("-9.95")),
        (3, "2021-03-01", Decimal("-10.10"), Decimal("29.95")),
    ]
    assert billing.rows(
        "select total_cost, covered_amount, version_count from star.fact_claim"
    ) == [(Decimal("70.00"), Decimal("70.00"), 3)]


def test_several_batches_in_one_first_load(billing: Billing) -> None:
    billing.batch("claims", [claim("C1", total_cost="10"), claim("C2", total_cost="5")])
    billing.batch("claims", [claim("C1", total_cost="30", last_modified_date="2021-03-01")])
    billing.load()
    assert billing.rows(
        "select claim_id, total_cost, version_count from star.fact_claim order by 1"
    ) == [
        ("C1", Decimal("30.00"), 2),
        ("C2", Decimal("5.00"), 1),
    ]


@pytest.mark.parametrize(
    ("cost", "coverage", "covered"),
    [("10.01", 50, "5.01"), ("10.01", 100, "10.01"), ("10.01", 0, "0.00"), ("0.01", 50, "0.01")],
)
def test_covered_amount_is_rounded_to_cents(
    billing: Billing, cost: str, coverage: int, covered: str
) -> None:
    billing.batch("claims", [claim(total_cost=cost, coverage_type=coverage)])
    billing.load()
    assert billing.value("select covered_amount from star.fact_claim") == Decimal(covered)


def test_reload_writes_nothing(billing: Billing) -> None:
    batches = _history(billing)
    before = _places(billing, everything=True)
    billing.connection.execute("update landing.batch set state = 'checked'")
    counts = billing.load(*batches)
    assert _places(billing, everything=True) == before
    assert {name: count for name, count in counts.items() if count} == {"batches": len(batches)}


def test_rebuild_gives_the_same_star(billing: Billing) -> None:
    _history(billing)
    incremental = billing.star()
    star.rebuild(billing.connection, "billing")
    assert billing.star() == incremental


def test_rebuild_leaves_other_sources_alone(billing: Billing) -> None:
    _history(billing)
    billing.connection.execute(
        "insert into star.dim_patient (source_system, patient_id, valid_from, valid_to, is_current)"
        " values ('clinic', 'P1', '1900-01-01', '9999-12-31', true)"
    )
    billing.connection.execute(
        'insert into star.fact_claim select (jsonb_populate_record(f, \'{"source_system": "clinic"}\')).*'
        " from star.fact_claim as f"
    )
    before = billing.rows("select * from star.fact_claim where source_system = 'clinic' order by 2")
    star.rebuild(billing.connection, "billing")
    assert (
        billing.rows("select * from star.fact_claim where source_system = 'clinic' order by 2")
        == before
    )
    assert (
        billing.value("select count(*) from star.dim_patient where source_system = 'clinic'") == 1
    )


def test_every_step_may_be_killed_and_repeated(
    billing: Billing, monkeypatch: pytest.MonkeyPatch
) -> None:
    _history(billing)
    expected = billing.star()
    billing.forget()
    first, *rest = _batches(billing)
    last = [batch for several in rest for batch in several]
    billing.load(*first)
    after_first = billing.star()
    saved_tables.save(billing.connection)
    real, kills = warehouse.sql, 0
    while True:
        saved_tables.restore(billing.connection)
        assert kills or billing.star() == after_first
        monkeypatch.setattr(warehouse, "sql", _killing(real, after=kills))
        try:
            billing.load(*last)
            break  # the load ended before it was its turn to be killed: every step has been
        except ConnectionAbortedError:
            kills += 1
        finally:
            monkeypatch.setattr(warehouse, "sql", real)
        billing.load(*last)
        assert billing.star() == expected, f"killed at file {kills}"
    assert kills > 10


def test_facts_load_in_parts(billing: Billing, warehouse_url: str) -> None:
    _history(billing)
    expected = billing.star()
    billing.forget()
    for batches in _batches(billing):
        star.load_source("billing", batches, at=warehouse_url)
    assert billing.star() == expected


def test_a_part_killed_in_the_first_load_is_made_good(
    billing: Billing, warehouse_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = billing.batch("claims", [claim(f"C{number}") for number in range(20)])
    star.load_dimensions(star.Load(billing.connection, "billing", [batch]))
    real = facts.load_part

    def killed(*values: Any) -> dict[str, int]:
        if values[-1] == "<":
            raise ConnectionAbortedError
        return real(*values)

    monkeypatch.setattr(facts, "load_part", killed)
    with pytest.raises(ConnectionAbortedError):
        star.load_fact_in_parts("billing", "fact_claim", [batch], at=warehouse_url)
    monkeypatch.setattr(facts, "load_part", real)
    indexes = (
        "select count(*) from pg_indexes where schemaname = 'star' and tablename = 'fact_claim'"
    )
    assert (
        billing.value(indexes),
        0 < billing.value("select count(*) from star.fact_claim") < 20,
    ) == (
        0,
        True,
    )
    assert star.load_source("billing", [batch], at=warehouse_url)["fact_claim"] < 20
    assert billing.value(indexes) == 3, "the key, the patient, the provider"
    assert billing.value("select count(distinct claim_id) from star.fact_claim") == 20
    incremental = billing.star()
    star.rebuild(billing.connection, "billing")
    assert billing.star() == incremental


@pytest.mark.parametrize(("accepted", "is_looked_up"), [(2, True), (200, False)])
def test_members_of_few_claims_are_looked_up(
    billing: Billing, accepted: int, is_looked_up: bool
) -> None:
    billing.batch("patients", [patient(f"P{number}") for number in range(20)])
    billing.batch("claims", [claim(patient_id="P1")])
    billing.load()
    batch = billing.batch("claims", [claim(patient_id="P2"), claim("C2", patient_id="P3")])
    billing.connection.execute("update landing.batch set rows_accepted = %s", (accepted,))
    billing.connection.execute("analyze star.dim_patient")
    statements = star.statements(star.Load(billing.connection, "billing", [batch]), "fact_claim")
    texts = "".join(statement.text("billing", [batch]) for statement in statements)
    assert ("from star.dim_patient as d" in texts) is is_looked_up
    billing.load()
    assert billing.rows(
        "select claim_id, patient_id from star.fact_claim join star.dim_patient using (patient_key) order by 1"
    ) == [("C1", "P2"), ("C2", "P3")]


def test_the_planner_knows_how_many_facts_there_are(billing: Billing) -> None:
    """A publication follows at once, and autovacuum comes later."""
    estimate = "select reltuples from pg_class where oid = 'star.{}'::regclass"
    billing.batch("claims", [claim("C1"), claim("C2")])
    billing.batch("claims", [claim("C2", last_modified_date="2021-03-01"), claim("C3")])
    billing.load()
    assert billing.value(estimate.format("fact_claim")) == 3
    assert billing.value(estimate.format("fact_claim_change")) == 2
    billing.batch("claims", [claim(f"D{number}") for number in range(3)])
    billing.load()
    assert billing.value(estimate.format("fact_claim")) == 6


def test_a_claim_of_one_version_is_stored_once(billing: Billing) -> None:
    billing.batch("claims", [claim("C1"), claim("C2")])
    billing.load()
    assert billing.value("select count(*) from star.fact_claim_change") == 0
    billing.batch("claims", [claim("C2", total_cost="7", last_modified_date="2021-03-01")])
    billing.load()
    assert billing.rows(
        "select claim_id, version_number from star.fact_claim_change order by 2"
    ) == [
        ("C2", 1),
        ("C2", 2),
    ]
    assert billing.rows(
        "select claim_id, version_number from star.fact_claim_version order by 1, 2"
    ) == [("C1", 1), ("C2", 1), ("C2", 2)]


def test_mapping_with_other_columns_replaces_the_old_one(billing: Billing) -> None:
    billing.connection.execute("drop view source_billing.star_dim_facility")
    billing.connection.execute(
        "create view source_billing.star_dim_facility as select 1 as gone, 2 as also_gone"
    )
    star.create_mappings(billing.connection, "billing")
    assert billing.rows("select * from source_billing.star_dim_facility") == []


def test_every_dimension_has_unknown_and_not_applicable(billing: Billing) -> None:
    for dimension in (
        "date", "patient", "provider", "facility", "payer", "procedure", "diagnosis",
        "claim_profile", "encounter_profile", "appointment_profile",
    ):  # fmt: skip
        actual = billing.value(
            f"select count(*) from star.dim_{dimension} where {dimension}_key in (-1, -2)"
        )
        assert actual == 2, dimension


def test_calendar(billing: Billing) -> None:
    day = date(2024, 2, 29)
    assert billing.rows(
        "select date_key, year, quarter, month, month_name, year_month, day_of_month, weekday,"
        " weekday_name, is_weekend from star.dim_date where date = %s",
        (day,),
    ) == [(20240229, 2024, 1, 2, "February", "2024-02", 29, day.isoweekday(), "Thursday", False)]
    days = (date(2100, 12, 31) - date(1900, 1, 1)).days + 1
    assert billing.value("select count(*) from star.dim_date where date is not null") == days
    assert billing.value("select count(*) from star.dim_service_date") == days + 2


def test_real_feeds(billing: Billing, shared_data: Path) -> None:
    latest: dict[str, Any] = {}
    for part in ("priming", "update"):
        for feed in ("patients", "providers", "claims"):
            rows = real_rows(shared_data / "billing" / f"{feed}_{part}.csv")
            billing.batch(feed, rows)
            if feed == "claims":
                latest |= {row["claim_id"]: row for row in rows}
        billing.load()
    assert len(latest) > 1000
    assert billing.value("select count(*) from star.fact_claim") == len(latest)
    assert billing.value("select sum(total_cost) from star.fact_claim") == sum(
        Decimal(row["total_cost"]) for row in latest.values()
    )
    assert billing.rows(
        "select sum(total_cost), sum(covered_amount) from star.fact_claim"
    ) == billing.rows(
        "select sum(total_cost_delta), sum(covered_amount_delta) from star.fact_claim_version"
    )
    incremental = billing.star()
    star.rebuild(billing.connection, "billing")
    assert billing.star() == incremental


def _batches(billing: Billing) -> list[list[int]]:
    """Two loads' worth of batches with every kind of change in them."""
    moved = {"date_of_residence": "2017-01-01", "last_modified_date": "2021-01-01"}
    return [
        [
            billing.batch("patients", [patient(), patient("P2")]),
            billing.batch("providers", [provider(), provider("R2", facility_name="Renew")]),
            billing.batch("claims", [claim(), claim("C2", patient_id="P3"), claim("C3", billed=False)]),
        ],
        [
            billing.batch("patients", [patient(address="B", **moved), patient("P3")]),
            billing.batch("patients", [patient("P2", last_modified_date="2018-01-01", lname="Old")]),
            billing.batch("providers", [provider(facility_name="New", start_date="2016-01-01")]),
            billing.batch("claims", [claim(total_cost="7.77", last_modified_date="2021-03-01"), claim("C4")]),
        ],
        [
            billing.batch(
                "patients",
                [patient(address="C", date_of_residence="2016-01-01", last_modified_date="2021-04-01")],
            ),
            billing.batch("claims", [claim("C5", provider_id="R7")]),
        ],
    ]  # fmt: skip


def _history(billing: Billing) -> list[int]:
    """Load :func:`_batches` one load after the other."""
    loads = _batches(billing)
    for batches in loads:
        billing.load(*batches)
    return [batch for batches in loads for batch in batches]


def _killing(real: Callable[..., str], after: int) -> Callable[..., str]:
    """*real*, ending like a lost connection when it has answered *after* times."""
    left = after

    def rendered(path: str, **names: Any) -> str:
        nonlocal left
        left -= 1
        if left < 0:
            raise ConnectionAbortedError(path)
        return real(path, **names)

    return rendered


def _address_of(billing: Billing, claim_id: str) -> str:
    """The address of the state that the claim and its versions point to."""
    actual = {
        billing.value(
            f"select distinct address from star.{table} join star.dim_patient using (patient_key)"
            " where claim_id = %s",
            (claim_id,),
        )
        for table in ("fact_claim", "fact_claim_version")
    }
    (address,) = actual
    return str(address)


def _places(billing: Billing, everything: bool = False) -> dict[tuple[str, str], list[Any]]:
    """Where each row lies and which transaction wrote or locked it: changes when it is touched."""
    tables = {"fact_claim": "claim_id", "fact_claim_change": "claim_id"}
    if everything:
        tables |= {
            f"dim_{name}": f"{name}_key"
            for name in ("patient", "provider", "facility", "claim_profile")
        }
    places: dict[tuple[str, str], list[Any]] = {}
    for table, key in tables.items():
        for name, *place in billing.rows(
            f"select {key}, ctid::text, xmin::text, xmax::text from star.{table} order by ctid"
        ):
            places.setdefault((table, name), []).append(place)
    return places
