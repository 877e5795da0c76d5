"""What insurers see of a hospital: rows about members, counts about others, hospice only if entitled."""

from __future__ import annotations

import json
import statistics
import uuid
from collections import defaultdict
from decimal import Decimal

import pytest
from psycopg import errors
from tests.worlds.client_world import MASTER_KEY, client_file, role_of, roles_file
from tests.worlds.hospital_world import LOADED, PROCEDURES, Hospital, database
from tests.worlds.manifest import enter_file

from claimhouse import reporting
from claimhouse.reporting import readers
from claimhouse.verification import source_tables

ENCOUNTERS = [
    "member_encounters", "own_specialty_encounters", "specialty_choice", "members_helped",
    "hospital_activity", "member_procedures",
]  # fmt: skip
MARKET = ["member_procedures", "procedure_cost_index", "missed_patients"]
SMALL = range(1, 11)


@pytest.fixture(scope="module")
def hospital(server, tmp_path_factory):
    """A published hospital that the tests of this module do not change."""
    with database(server) as (address, owner):
        yield publish(owner, address, tmp_path_factory.mktemp("clients"))


@pytest.fixture
def changing(warehouse, warehouse_url, tmp_path, monkeypatch):
    """A published hospital of the test's own."""
    key = json.dumps({"conn_type": "generic", "password": MASTER_KEY})
    monkeypatch.setenv("AIRFLOW_CONN_CLAIMHOUSE_PSEUDONYM", key)
    return publish(warehouse, warehouse_url, tmp_path)


def publish(connection, address, folder):
    """A published hospital with two insurers: one has a team of specialists, one a single analyst."""
    world = Hospital(connection, address)
    world.folder, world.roles = folder, folder / "roles.yml"
    tag = uuid.uuid4().hex[:8]
    world.humana, world.united = f"humana_{tag}", f"united_{tag}"
    roles_file(world.roles)
    team = [{"name": name, "specialty": name} for name in ("cardiology", "dialysis", "hospice")]
    members = {"payers": ["Humana"], "restricted_specialties": ["hospice"]}
    client_file(folder, world.humana, ("hospital", members), reports=ENCOUNTERS, logins=team)
    client_file(
        folder, world.united, ("hospital", {"payers": ["UnitedHealthcare"]}), reports=MARKET
    )
    reporting.publish(connection, folder, world.roles)
    return world


def ask(world, role, question):
    with world.session(role) as session:
        return session.execute(question).fetchall()


def test_a_team_sees_its_members_and_hospice_only_with_that_specialty(hospital):
    for name in ("cardiology", "dialysis", "hospice"):
        role = f"client_{hospital.humana}__{name}"
        allowed = ("hospice",) if name == "hospice" else ()
        mine = hospital.seen(hospital.encounters, "Humana", allowed)
        found = ask(hospital, role, "select specialty, service_date, total_claim_cost, is_own_specialty"
                    " from reporting.member_encounters")  # fmt: skip
        assert sorted(found) == sorted(
            (e["specialty"], e["day"], e["cost"], e["specialty"] == name) for e in mine
        )
        own = ask(
            hospital,
            role,
            "select specialty, total_claim_cost from reporting.own_specialty_encounters",
        )
        assert sorted(own) == sorted(
            (e["specialty"], e["cost"]) for e in mine if e["specialty"] == name
        )
        choices = ask(
            hospital, role, "select specialty, is_default from reporting.specialty_choice"
        )
        assert set(choices) == {(e["specialty"], e["specialty"] == name) for e in mine}
        assert ("hospice" in dict(choices)) == (name == "hospice")


def test_nobody_else_finds_hospice_in_any_row_total_or_count(changing, warehouse):
    """Others see what they would see if there were no hospice care at all."""
    role = f"client_{changing.humana}__cardiology"
    views = {
        view: ask(changing, role, f"select v::text from reporting.{view} as v order by 1")
        for view in ENCOUNTERS
    }
    assert all(views.values())
    assert "hospice" not in str(views).lower()
    helped = changing.seen(changing.encounters, "Humana")
    total = ask(changing, role, "select encounters, patients, total_claim_cost from reporting.members_helped"
                " where is_all_months and is_all_specialties")  # fmt: skip
    assert total == [(len(helped), changing.by(helped)[()], sum(e["cost"] for e in helped))]
    warehouse.execute("delete from star.fact_procedure where is_restricted")
    warehouse.execute("delete from star.fact_encounter where is_restricted")
    warehouse.execute("delete from star.dim_procedure where is_restricted")
    warehouse.execute(
        "drop table counts.hospital_activity, counts.hospital_activity_unsuppressed cascade"
    )
    reporting.publish(warehouse, changing.folder, changing.roles)
    for view, before in views.items():
        assert (
            ask(changing, role, f"select v::text from reporting.{view} as v order by 1") == before
        ), view


def test_hospice_rows_are_next_to_the_totals_for_entitled_readers(hospital):
    question = (
        "select year, quarter, specialty, patients, encounters from reporting.hospital_activity"
    )
    others = set(ask(hospital, f"client_{hospital.humana}__dialysis", question))
    hospice = set(ask(hospital, f"client_{hospital.humana}__hospice", question))
    assert others < hospice
    assert {row[2] for row in hospice - others} == {"hospice"}
    assert expected_activity(hospital, ("hospice",))[0] in SMALL
    assert ("2024", "all", "hospice", None, None) in hospice
    assert ("2024", "all", "all", *expected_activity(hospital, ())) in others


def expected_activity(hospital, restricted):
    """Patients and encounters of 2024 that are none of Humana's, with hospice care or without."""
    rows = [
        encounter for encounter in hospital.encounters
        if encounter["hospice"] == bool(restricted)
        and encounter["day"].year == 2024 and encounter["payer"] != "Humana"
    ]  # fmt: skip
    return hospital.by(rows)[()], len(rows)


def test_no_extract_of_a_team_holds_hospice(hospital):
    role = role_of(hospital.connection, f"client_{hospital.humana}")
    hospital.connection.execute(f"set role {role}")
    counted = hospital.connection.execute(
        "select count(*) from reporting.member_encounters"
    ).fetchone()
    hospital.connection.execute("reset role")
    assert counted == (len(hospital.seen(hospital.encounters, "Humana")),)


def test_a_procedure_beside_hospice_care_is_hidden_with_it(hospital):
    """Screenings done in hospice would reveal it, and so would a cost with missing parts."""
    mine = hospital.seen(hospital.procedures, "UnitedHealthcare")
    found = ask(hospital, f"client_{hospital.united}__analyst",
                "select procedure_name, service_date, base_cost from reporting.member_procedures")  # fmt: skip
    assert sorted(found) == sorted((p["name"], p["day"], p["cost"]) for p in mine)
    every = [p for p in hospital.procedures if p["payer"] == "UnitedHealthcare"]
    hidden = [p for p in every if p["hospice"]]
    assert {p["name"] for p in hidden} == {"Hospice care", "Depression screening"}


def test_an_insurer_compares_its_cost_with_others_and_with_all(hospital):
    visible = [p for p in hospital.procedures if not p["hospice"]]
    groups = defaultdict(list)
    for procedure in visible:
        kind = {"UnitedHealthcare": "own", "Uninsured": "uninsured"}.get(
            procedure["payer"], "other"
        )
        groups[procedure["code"], kind].append(procedure)
        groups[procedure["code"], "every"].append(procedure)
    found = ask(hospital, f"client_{hospital.united}__analyst",
                "select procedure_code, own_procedures, own_patients, own_median_cost, other_patients,"
                " other_median_cost, overall_median_cost, index_to_others, is_hidden, as_of"
                " from reporting.procedure_cost_index")  # fmt: skip
    assert {row[0] for row in found} == set(PROCEDURES) - {"385763009"}
    for code, times, patients, median, others, other_median, overall, index, hidden, as_of in found:
        own, other = groups[code, "own"], groups[code, "other"]
        assert (times, patients) == (len(own), hospital.by(own)[()])
        assert median == middle(own) and as_of == LOADED
        if not hidden:
            assert (others, other_median) == (hospital.by(other)[()], middle(other))
            assert overall == middle(groups[code, "every"])
            assert index == round(median / other_median, 3)
    assert any(not row[8] for row in found)


def test_the_cost_of_several_procedures_is_compared_as_sum_over_sum(hospital):
    found = ask(hospital, f"client_{hospital.united}__analyst",
                "select own_procedures, own_median_cost, other_median_cost, overall_median_cost,"
                " own_cost_compared_to_others, cost_at_others_median, cost_above_others,"
                " own_cost_compared_to_overall, cost_at_overall_median, is_hidden, small_numbers, other_patients"
                " from reporting.procedure_cost_index")  # fmt: skip
    for times, own, other, overall, *compared, is_hidden, words, patients in found:
        with_other = (
            [times * own, times * other, times * own - times * other] if other else [None] * 3
        )
        with_all = [times * own, times * overall] if overall else [None] * 2
        assert compared == with_other + with_all
        assert (words == "shown") == (not is_hidden)
        if words == "hidden":
            assert patients is None or overall is None
    assert any(row[4] for row in found) and {row[-2] for row in found} > {"shown"}


def test_a_count_that_is_hidden_says_so_in_words(hospital):
    for view, login in (
        ("missed_patients", f"client_{hospital.united}__analyst"),
        ("hospital_activity", f"client_{hospital.humana}__dialysis"),
    ):
        counts = (
            "missed_patients, uninsured_patients"
            if view == "missed_patients"
            else "patients, encounters"
        )
        rows = ask(
            hospital, login, f"select is_hidden, small_numbers, {counts} from reporting.{view}"
        )
        for is_hidden, words, *numbers in rows:
            assert words in (("hidden", "older") if is_hidden else ("shown",))
            if words == "shown":
                assert None not in numbers
        assert {row[1] for row in rows} >= {"shown", "hidden"}


def middle(procedures):
    value = statistics.median(procedure["cost"] for procedure in procedures)
    return Decimal(value).quantize(Decimal("0.01"), rounding="ROUND_HALF_UP")


def test_missed_patients_are_counted_and_small_counts_are_not_shown(hospital):
    visible = [p for p in hospital.procedures if not p["hospice"]]
    missed = hospital.by([p for p in visible if p["payer"] != "UnitedHealthcare"], "code")
    uninsured = hospital.by([p for p in visible if p["payer"] == "Uninsured"], "code")
    found = ask(hospital, f"client_{hospital.united}__analyst",
                "select procedure_code, uninsured_patients, other_payers_patients, missed_patients"
                " from reporting.missed_patients where procedure_code <> 'all'")  # fmt: skip
    assert len(found) == 4
    assert any(count in SMALL for count in uninsured.values())
    for code, without, others, both in found:
        assert without in (None, uninsured.get((code,), 0)) and without not in SMALL
        assert both in (None, missed[(code,)])
        if uninsured.get((code,), 0) in SMALL:
            assert without is None and (others is None or both is None)


def test_a_small_change_is_not_shown_by_next_months_report(changing, warehouse):
    role = f"client_{changing.united}__analyst"
    question = "select * from reporting.missed_patients order by 1, 2, 3"
    before = ask(changing, role, question)
    patient, payer, code = (warehouse.execute(text).fetchone()[0] for text in (
        "insert into star.dim_patient (source_system, patient_id, valid_from, valid_to, is_current)"
        " values ('hospital', 'pat-new', '1900-01-01', '9999-12-31', true) returning patient_key",
        "select payer_key from star.dim_payer where payer_name = 'Aetna'",
        "select procedure_key from star.dim_procedure where procedure_id = '29303009'"))  # fmt: skip
    warehouse.execute(
        "insert into star.fact_procedure (source_system, encounter_id, procedure_id, started_at, patient_key,"
        " facility_key, payer_key, procedure_key, diagnosis_key, service_date_key, service_date, base_cost,"
        " batch_id, row_number) values ('hospital', 'enc-new', '29303009', now(), %s, -1, %s, %s, -1, -1,"
        " '2025-12-30', 10, 1, 1)", (patient, payer, code))  # fmt: skip
    warehouse.execute("update landing.batch set loaded_at = now()")
    reporting.publish(warehouse, changing.folder, changing.roles)
    assert warehouse.execute(
        "select count(*) from counts.payer_market_unsuppressed"
    ).fetchone() != (0,)
    assert (
        ask(changing, role, question) == before
    )  # one more patient: the old figures with their as_of


LEVELS = {
    "safe_harbor": {"service_date", "patient_pseudonym", "encounter_pseudonym", "city"},
    "limited": set(),
    "identified": set(),
}


@pytest.mark.parametrize("level", LEVELS)
def test_each_privacy_level_masks_its_columns(changing, warehouse, level):
    client_file(changing.folder, changing.united, ("hospital", {"payers": ["UnitedHealthcare"]}),
                reports=MARKET, privacy_level=level)  # fmt: skip
    reporting.publish(warehouse, changing.folder, changing.roles)
    with changing.session(f"client_{changing.united}__analyst") as session:
        cursor = session.execute("select * from reporting.member_procedures")
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    mine = changing.seen(changing.procedures, "UnitedHealthcare")
    assert len(rows) == len(mine)
    always_empty = {name for name in names if all(row[name] is None for row in rows)}
    assert always_empty - {"is_own_specialty"} == LEVELS[level]
    patients = {patient["patient_id"]: patient for patient in changing.patients}
    ages = {p["day"].year - patients[p["patient_id"]]["birth"].year
            - ((p["day"].month, p["day"].day) < (5, 17)) for p in mine}  # fmt: skip
    assert max(ages) > 90
    zips = {row["zip"] for row in rows}
    if level == "safe_harbor":
        # 036 has fewer than 20,000 people in the Census of 2000 and of 2010.
        assert zips == {"021", "000", "592"}
        assert {row["age"] for row in rows} == {min(age, 90) for age in ages}
    else:
        assert zips == {"02118", "03601", "59230"}
        assert {row["age"] for row in rows} == ages
    shown = str(rows)
    for secret in ("Zebulon", "Quillfeather", "Secret Street", "pat-", "enc-"):
        assert secret not in shown


def test_a_report_above_the_readers_level_is_refused(tmp_path):
    client_file(tmp_path, "acme", ("hospital", {"payers": ["Humana"]}),
                reports=["member_procedures"], privacy_level="aggregate")  # fmt: skip
    with pytest.raises(reporting.ReaderError, match="needs the privacy level safe_harbor"):
        readers.load_all(tmp_path)


def test_an_error_reveals_no_row_of_others(hospital):
    """Casting a city to a number fails on the rows of others: the cast must not see them."""
    found = ask(hospital, f"client_{hospital.united}__analyst",
                "select count(*) from reporting.member_procedures where city::integer > 0")  # fmt: skip
    assert found == [(len(hospital.seen(hospital.procedures, "UnitedHealthcare")),)]


def test_a_specialty_of_procedures_opens_rows_of_every_payer(changing, warehouse):
    client_file(changing.folder, changing.united, ("hospital", {"procedure_specialties": ["dialysis"]}),
                reports=MARKET)  # fmt: skip
    reporting.publish(warehouse, changing.folder, changing.roles)
    found = ask(
        changing,
        f"client_{changing.united}__analyst",
        "select base_cost from reporting.member_procedures",
    )
    mine = [
        p["cost"] for p in changing.procedures if p["specialty"] == "dialysis" and not p["hospice"]
    ]
    assert sorted(found) == sorted((cost,) for cost in mine)


def test_employees_read_the_rows_of_their_feeds_as_they_came(changing, warehouse):
    tag = uuid.uuid4().hex[:6]
    source_tables.ensure_tables("hospital")
    for feed, columns, values in (
        (
            "payers",
            "batch_id, row_number, payer_id, name",
            (changing.batch_id, 2, "p1", "Somebody"),
        ),
        ("payers", "batch_id, row_number, payer_id, name", (99, 2, "p2", "Of no loaded batch")),
        (
            "patients",
            "batch_id, row_number, last_name, city",
            (changing.batch_id, 2, "Doe", "Boston"),
        ),
    ):
        text = f"insert into source_hospital.{feed} ({columns}) values (%s, %s, %s, %s)"
        warehouse.execute(text, values)
    entitled = [{"source_system": "hospital", "feeds": ["payers"]}]
    both = [{"source_system": "hospital", "feeds": ["payers", "patients"]}]
    roles_file(
        changing.roles,
        {"name": f"clerk_{tag}", "privacy_level": "identified", "entitlements": entitled, "logins": ["ann"]},
        {"name": f"study_{tag}", "privacy_level": "limited", "entitlements": both, "logins": ["bob"]},
    )  # fmt: skip
    reporting.publish(warehouse, changing.folder, changing.roles)
    ann, bob = f"staff_clerk_{tag}__ann", f"staff_study_{tag}__bob"
    rows = ask(
        changing, ann, "select row_number, payer_id, name, as_of from reporting.raw_hospital_payers"
    )
    assert rows == [(2, "p1", "Somebody", LOADED)]
    for text in ("select * from reporting.raw_hospital_patients", "select * from source_hospital.payers",
                 "select * from reporting.member_procedures"):  # fmt: skip
        with pytest.raises(errors.InsufficientPrivilege):
            ask(changing, ann, text)
    seen = ask(
        changing, bob, "select patient_id, last_name, city from reporting.raw_hospital_patients"
    )
    assert seen == [(None, None, "Boston")]  # what the level limited leaves of it


def test_nobody_else_can_list_reserved_reports(tmp_path):
    file = roles_file(
        tmp_path / "roles.yml",
        {"name": "board", "reports": ["member_procedures"], "reserved": True},
    )
    client_file(tmp_path, "acme", ("hospital", {"payers": ["Acme"]}), reports=["member_procedures"])
    with pytest.raises(readers.ReaderError, match="acme lists member_procedures"):
        readers.load_all(tmp_path, file)
    with pytest.raises(readers.ReaderError, match="must have one of specialties, payers"):
        readers.load_client(
            client_file(tmp_path, "acme", ("hospital", {"restricted_specialties": ["hospice"]}))
        )
    with pytest.raises(readers.ReaderError, match="only the level identified"):
        readers.load_roles(roles_file(tmp_path / "r.yml", {"name": "x", "schemas": ["star"]}))


def test_a_metric_of_a_reserved_role_is_nobodys_own(tmp_path):
    listed = {
        "metrics": [{"names": ["average_procedure_cost"], "by": [["payer"]]}],
        "entitlements": [{"source_system": "hospital", "every_row": True}],
    }
    file = roles_file(
        tmp_path / "roles.yml",
        {"name": "board", "reports": ["member_procedures"], "reserved": True} | listed,
        {"name": "team"} | listed,
    )
    (tmp_path / "clients").mkdir()
    assert {reader.name for reader in readers.load_all(tmp_path / "clients", file)} == {
        "board",
        "team",
    }


def test_counts_wait_until_a_load_has_ended(changing, warehouse):
    """Half of a load would be shown as if it were complete."""
    role = f"client_{changing.humana}__cardiology"
    question = "select v::text from reporting.hospital_activity as v order by 1"
    before = ask(changing, role, question)
    assert before
    file = enter_file(warehouse, "hospital", "encounters", "late.csv")
    batch = warehouse.execute(
        "insert into landing.batch (file_id, source_system, feed, received_date, state, code_version,"
        " loading_since) values (%s, 'hospital', 'encounters', '2026-03-03', 'checked', 'test', now())"
        " returning batch_id",
        (file,),
    ).fetchone()[0]
    warehouse.execute("update star.fact_encounter set service_date = service_date - 1096")
    reporting.publish(warehouse, changing.folder, changing.roles)
    assert ask(changing, role, question) == before
    warehouse.execute(
        "update landing.batch set state = 'loaded', loaded_at = now() where batch_id = %s", (batch,)
    )
    reporting.publish(warehouse, changing.folder, changing.roles)
    assert ask(changing, role, question) != before
