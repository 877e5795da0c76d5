"""Each check of the star fails when what it names breaks, for each source system that it runs for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from local import embedded, samples
from tests.conftest import TEMPLATE

from claimhouse import contracts, ingest, settings, verification
from claimhouse.checks import gate, soda
from claimhouse.star import mapping

SODA = settings.INCLUDE / "soda"
NOBODY = 999_999_999


def files(source: str) -> list[Path]:
    """The files of checks that run for a source."""
    named = [SODA / "star" / f"{target}.yml" for target in mapping.targets(source)]
    return [file for file in [*named, SODA / source / "star.yml"] if file.is_file()]


def queries(source: str) -> dict[str, str]:
    """The query of each check that runs for a source: its rows are what is wrong."""
    found = {}
    for file in files(source):
        for check in yaml.safe_load(file.read_text())["checks"]:
            ((metric, options),) = check.items()
            assert metric == "failed rows", f"{file.name}: break a check of another kind here too"
            found[options["name"]] = options["fail query"]
    return found


CASES = [
    (source, name)
    for source in contracts.sources()
    if mapping.targets(source)
    for name in queries(source)
]


def first_row(table: str, column: str, condition: str = "true") -> str:
    """A condition on one row of a table of the star."""
    return (
        f"ctid = (select ctid from star.{table} where source_system = '{{source}}' and {condition}"
        f" order by {column} limit 1)"
    )


def changed(table: str, column: str, values: str, condition: str = "true") -> str:
    """One row of a table of the star is changed."""
    return f"update star.{table} set {values} where {first_row(table, column, condition)}"


def removed(table: str, column: str, condition: str = "true") -> str:
    """One row of a table of the star is lost."""
    return f"delete from star.{table} where {first_row(table, column, condition)}"


def unlisted(table: str, column: str, profile: str, word: str) -> str:
    """One row of a fact has a word that is in no list."""
    return (
        f"insert into star.dim_{profile} ({word}) values ('Zebra');"
        + changed(
            table, column,
            f"{profile}_key = (select {profile}_key from star.dim_{profile} where {word} = 'Zebra')",
        )
    )  # fmt: skip


def on_ended_version(table: str, column: str, member: str = "patient") -> str:
    """One row of a fact refers to a state of no length, which the end of the load removes."""
    return (
        f"insert into star.dim_{member} (source_system, {member}_id, valid_from, valid_to, is_current)"
        f" select source_system, {member}_id, '2155-05-05', '2155-05-05', false from star.dim_{member}"
        f" where source_system = '{{source}}' and is_current and not is_inferred order by {member}_key limit 1;"
        + changed(
            table, column,
            f"{member}_key = (select {member}_key from star.dim_{member} where valid_to = '2155-05-05')",
        )
    )  # fmt: skip


def history(member: str) -> dict[str, str]:
    """What can be wrong in the history of a member."""
    table, key = f"dim_{member}", f"{member}_key"
    return {
        f"{member}_has_one_current_version": changed(
            table, key, "is_current = false", "is_current"
        ),
        f"{member}_versions_meet": (
            f"insert into star.{table} (source_system, {member}_id, valid_from, valid_to, is_current)"
            f" select source_system, {member}_id, '2155-05-05', '9999-12-31', false from star.{table}"
            f" where {first_row(table, key, 'is_current')}"
        ),
        f"{member}_history_is_whole": changed(
            table, key, "valid_from = '1955-05-05'", "valid_from = '1900-01-01'"
        ),
    }


# What breaks each check, with the source's name where it says {source}.
DAMAGE = {
    **history("patient"),
    **history("provider"),
    "diagnosis_weights_add_up_to_one": changed("bridge_claim_diagnosis", "claim_id", "weight = weight / 2"),
    "diagnoses_have_a_claim": changed("bridge_claim_diagnosis", "claim_id", "claim_id = 'nowhere'"),
    "visit_providers_equal_source": removed("bridge_visit_provider", "encounter_id"),
    "visit_has_one_primary_provider": changed(
        "bridge_visit_provider", "encounter_id", "role = 'Primary'", "role <> 'Primary'"),
    "visit_provider_keys_lead_somewhere": changed(
        "bridge_visit_provider", "encounter_id", f"provider_key = {NOBODY}"),
    "payer_name_is_listed": changed("dim_payer", "payer_key", "payer_name = 'Zebra', is_inferred = false"),
    "procedure_code_is_listed": changed(
        "dim_procedure", "procedure_key", "procedure_id = 'zebra', code_system ="
        " (select min(code_system) from reference.procedure_specialty)"),
    "procedure_follows_the_list": (
        "delete from star.dim_procedure as d using (select min(code) as code from"
        " reference.procedure_specialty) as l where d.procedure_id = l.code;"
        "insert into star.dim_procedure (source_system, procedure_id, code_system, specialty, is_restricted)"
        " select '{source}', code, code_system, 'zebra', false from reference.procedure_specialty"
        " order by code limit 1"),
    "claim_number_is_one_claim": (
        "insert into star.fact_claim_change (source_system, claim_id, batch_id, row_number, version_number,"
        " patient_key, provider_key, facility_key, payer_key, procedure_key, diagnosis_key, claim_profile_key,"
        " service_date_key, claim_date_key, paid_date_key, service_date, total_cost_delta, covered_amount_delta,"
        " allowed_amount_delta, paid_amount_delta)"
        " select f.source_system, f.claim_id, f.batch_id, f.row_number + 900 + n, 900 + n, p.keys[n], r.keys[n],"
        " f.facility_key, f.payer_key, f.procedure_key, f.diagnosis_key, f.claim_profile_key, f.service_date_key,"
        " f.claim_date_key, f.paid_date_key, f.service_date + n, 0, 0, 0, 0"
        " from (select * from star.fact_claim where source_system = '{source}' and service_date is not null"
        " order by claim_id limit 1) as f, generate_series(1, 2) as n,"
        " (select array_agg(patient_key) as keys from (select distinct on (patient_id) patient_key"
        " from star.dim_patient where patient_key > 0 order by patient_id limit 2) as two) as p,"
        " (select array_agg(provider_key) as keys from (select distinct on (provider_id) provider_key"
        " from star.dim_provider where provider_key > 0 order by provider_id limit 2) as two) as r"),
    "appointments_equal_source": changed(
        "fact_appointment", "appointment_id", "scheduled_at = scheduled_at + interval '1 hour'"),
    "appointment_ended_one_way": changed(
        "fact_appointment", "appointment_id", "completed_count = completed_count + 1"),
    "appointment_status_is_known": unlisted(
        "fact_appointment", "appointment_id", "appointment_profile", "appointment_status"),
    "replacement_is_a_later_one": changed("fact_appointment", "appointment_id", "replaced_by_id = 'nowhere'"),
    "appointment_replaces_one": (
        "update star.fact_appointment set replaced_by_id = 'the same' where source_system = '{source}'"),
    "appointment_keys_lead_somewhere": changed(
        "fact_appointment", "appointment_id", f"patient_key = {NOBODY}"),
    "appointments_left_ended_versions": on_ended_version("fact_appointment", "appointment_id"),
    "claim_versions_are_loaded": removed("fact_claim", "claim_id", "version_count = 1"),
    "claim_money_reconciles": changed("fact_claim", "claim_id", "version_count = 2", "version_count = 1"),
    "claim_status_is_known": unlisted("fact_claim", "claim_id", "claim_profile", "claim_status"),
    "claim_keys_lead_somewhere": changed("fact_claim", "claim_id", f"patient_key = {NOBODY}"),
    "claim_version_keys_lead_somewhere": (
        "insert into star.fact_claim_change select (jsonb_populate_record(null::star.fact_claim_change,"
        f" to_jsonb(v) || jsonb_build_object('patient_key', {NOBODY}))).* from star.fact_claim_version as v"
        " where v.source_system = '{source}'"
        " and not exists (select from star.fact_claim_change as c where c.claim_id = v.claim_id)"
        " order by v.claim_id limit 1"),
    "claims_left_ended_versions": on_ended_version("fact_claim", "claim_id"),
    "modality_is_known": unlisted("fact_encounter", "encounter_id", "encounter_profile", "modality"),
    "encounters_are_loaded": removed("fact_encounter", "encounter_id"),
    "encounter_keys_lead_somewhere": changed("fact_encounter", "encounter_id", f"patient_key = {NOBODY}"),
    "encounters_left_ended_versions": on_ended_version("fact_encounter", "encounter_id"),
    "pended_claim_keys_lead_somewhere": changed("fact_pended_claim", "claim_id", f"facility_key = {NOBODY}"),
    "pended_claims_stand_one_way": changed("fact_pended_claim", "claim_id", "pended_count = pended_count + 1"),
    "pended_claims_are_in_the_queue": changed(
        "fact_pended_claim", "claim_id", "report_count = report_count + 1", "report_count > 0"),
    "queue_keys_lead_somewhere": changed("fact_pended_queue", "claim_id", f"facility_key = {NOBODY}"),
    "queue_movements_add_up": removed("fact_pended_queue", "report_date desc, entered_count"),
    "procedures_are_loaded": removed("fact_procedure", "encounter_id"),
    "procedure_keys_lead_somewhere": changed("fact_procedure", "encounter_id", f"patient_key = {NOBODY}"),
    "procedures_left_ended_versions": on_ended_version("fact_procedure", "encounter_id"),
    "surveys_equal_source": changed("fact_survey", "encounter_id", "satisfaction_score = satisfaction_score + 1"),
    "survey_is_about_an_encounter": changed("fact_survey", "encounter_id", "encounter_id = 'nowhere'"),
    "survey_keys_lead_somewhere": changed("fact_survey", "encounter_id", f"patient_key = {NOBODY}"),
    "surveys_left_ended_versions": on_ended_version("fact_survey", "encounter_id"),
    "claim_equals_source": changed("fact_claim", "claim_id", "total_cost = total_cost + 0.01"),
    "claim_equals_file": changed("fact_claim", "claim_id", "paid_amount = paid_amount + 0.01"),
    "every_layout_reaches_the_star": (
        "insert into landing.batch"
        " (file_id, source_system, feed, received_date, state, rows_accepted, code_version)"
        " select file_id, source_system, 'nowhere', received_date, 'loaded', 1, code_version"
        " from landing.batch"
        " where source_system = '{source}' order by batch_id limit 1"),
    "visit_money_and_minutes_reconcile": changed(
        "fact_encounter", "encounter_id", "total_claim_cost = total_claim_cost + 0.01"),
    "facts_were_received": changed("fact_encounter", "encounter_id", "encounter_id = 'nowhere'"),
    "hub_is_no_clinic": changed("dim_facility", "facility_key", "is_inferred = true"),
    "encounter_money_reconciles": changed("fact_encounter", "encounter_id", "base_cost = base_cost + 0.01"),
    "procedure_money_reconciles": changed("fact_procedure", "encounter_id", "base_cost = base_cost + 0.01"),
    "restricted_care_is_tagged": changed("fact_encounter", "encounter_id", "is_restricted = not is_restricted"),
    "queue_equals_source": changed("fact_pended_queue", "claim_id", "total_charge = total_charge + 0.01"),
    "payments_equal_source": changed("fact_claim", "claim_id", "paid_amount = paid_amount + 0.01"),
    "reports_are_daily": (
        "update source_pended.pend_queue set report_date = report_date + 60"
        " where report_date = (select max(report_date) from source_pended.pend_queue)"),
}  # fmt: skip


@pytest.fixture(scope="module")
def star(
    server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[psycopg.Connection[Any]]:
    """The star of all samples; each test damages it in a transaction that is taken back."""
    folder = tmp_path_factory.mktemp("star_checks")
    samples.write_all(folder / "landing", samples.SEED)
    address = embedded.create_database(server, "star_checks", template=TEMPLATE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WAREHOUSE_URL", address)
        for root in ("landing", "archive", "corrections"):
            patch.setenv(f"CLAIMHOUSE_{root.upper()}_ROOT", f"file://{folder}/{root}")
        with psycopg.connect(address, autocommit=True) as connection:
            for source in {source for source, _ in CASES}:
                _load(connection, source)
            yield connection
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute('drop database "star_checks" with (force)')


def _load(connection: psycopg.Connection[Any], source: str) -> None:
    """Load a source without the checks of its batches, which are not the question here."""
    for batch in ingest.land(source):
        ingest.verify(batch)
    verification.index(source)
    connection.execute("update landing.batch set state = 'checked' where state = 'verified'")
    ingest.load_dimensions(source)
    for fact in ingest.star.fact_tables(source):
        ingest.load_fact(source, fact)
    ingest.finish(source)


def wrong_rows(
    connection: psycopg.Connection[Any], source: str, name: str, *, everything: bool
) -> int:
    """How many rows a check finds, as Soda asks it: of an audit, or of a load of all batches."""
    batches = [
        batch_id
        for (batch_id,) in connection.execute(
            "select batch_id from landing.batch where state = 'loaded' and source_system = %s",
            (source,),
        )
    ]
    named = gate.star_tables(connection, source, files(source))
    if not everything:
        connection.execute(gate.touched(connection, source, named, batches).encode())
    variables = gate.star_variables(source, named, batches, everything=everything)
    query = f"select coalesce(max(failing_rows), 0) from ({queries(source)[name]}) as found"
    row = connection.execute(
        soda.TEMPLATES.from_string(query).render(**variables).encode()
    ).fetchone()
    return int(row[0]) if row else 0


@pytest.mark.parametrize("source", sorted({source for source, _ in CASES}))
def test_a_load_of_all_batches_touches_all_that_they_bring(star, source, tmp_path):
    targets = [*mapping.targets(source), "dim_patient", "dim_provider"]
    targets += ["fact_claim_change"] if "fact_claim" in targets else []
    check = tmp_path / "star.yml"
    check.write_text(" ".join(f"${{{target}}}" for target in targets) + " ${dim_date} ${nobody}")
    named = gate.star_tables(star, source, [check])
    assert named == sorted(set(targets))
    batches = star.execute(
        "select array_agg(batch_id) from landing.batch where source_system = %s", (source,)
    ).fetchone()[0]
    star.execute(gate.touched(star, source, named, batches).encode())
    for table in named:
        # members that only facts name are in no batch
        brought = "not is_inferred" if table in ("dim_patient", "dim_provider") else "true"
        counts = [
            star.execute(f"select count(*) from {relation} where {brought}".encode()).fetchone()
            for relation in (
                f"(select * from star.{table} where source_system = '{source}') as s",
                f"touched_{table}",
            )
        ]
        assert counts[0] == counts[1], table


@pytest.mark.parametrize(("source", "name"), CASES)
@pytest.mark.parametrize("everything", [False, True], ids=["load", "audit"])
def test_the_check_sees_what_it_names(star, source, name, everything):
    assert name in DAMAGE, "say here what breaks the new check"
    before = wrong_rows(star, source, name, everything=everything)
    with star.transaction(force_rollback=True):
        star.execute(DAMAGE[name].replace("{source}", source))
        assert wrong_rows(star, source, name, everything=everything) > before


def test_each_check_is_asked_for_each_source_that_has_its_table():
    asked = {name for _, name in CASES}
    assert asked == set(DAMAGE)
    for table in (SODA / "star").glob("*.yml"):
        sources = {
            source for source in contracts.sources() if table.stem in mapping.targets(source)
        }
        names = {
            check["failed rows"]["name"] for check in yaml.safe_load(table.read_text())["checks"]
        }
        assert {(source, name) for source in sources for name in names} <= set(CASES)
