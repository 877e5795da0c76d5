"""Editions: whole, with what changed and nothing else, and to be read again."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from psycopg import errors
from tests.worlds.client_world import MASTER_KEY, client_file, roles_file
from tests.worlds.hospital_world import Hospital, database
from tests.worlds.properties import examples

from claimhouse import reporting
from claimhouse.reporting import audiences, editions, readers, reports, tables

# What may happen to the star between two publications.
CHANGES = {
    "cost": "update star.fact_encounter set total_claim_cost = total_claim_cost + 1 where encounter_id in (select e.encounter_id from star.fact_encounter as e order by md5(e.encounter_id || %(dice)s) limit 3)",
    "claim": "update star.fact_claim set paid_amount = case when paid_amount is null then 7 end, total_cost = nullif(total_cost, 10) where claim_id in (select c.claim_id from star.fact_claim as c order by md5(c.claim_id || %(dice)s) limit 5)",
    "claim gone": "delete from star.fact_claim where claim_id in (select c.claim_id from star.fact_claim as c order by md5(c.claim_id || %(dice)s) limit 5)",
    "claim of another provider": "update star.fact_claim set provider_key = (select p.provider_key from star.dim_provider as p order by md5(p.provider_key || %(dice)s) limit 1) where claim_id in (select c.claim_id from star.fact_claim as c order by md5(c.claim_id || %(dice)s) limit 5)",
    "claim new": "insert into star.fact_claim select 'hospital', c.claim_id || %(dice)s, c.patient_key, c.provider_key, c.facility_key, c.payer_key, c.procedure_key, c.diagnosis_key, c.claim_profile_key, c.service_date_key, c.claim_date_key, c.paid_date_key, c.service_date, c.total_cost, c.covered_amount, c.allowed_amount, c.paid_amount, c.version_count, c.batch_id, c.row_number, c.version_date from star.fact_claim as c order by md5(c.claim_id || %(dice)s) limit 3 on conflict do nothing",
    "encounter gone": "delete from star.fact_encounter where encounter_id in (select e.encounter_id from star.fact_encounter as e order by md5(e.encounter_id || %(dice)s) limit 2)",
    "procedure gone": "delete from star.fact_procedure where encounter_id in (select e.encounter_id from star.fact_procedure as e order by md5(e.encounter_id || %(dice)s) limit 2)",
    "hospice begins": "update star.fact_procedure set procedure_key = (select d.procedure_key from star.dim_procedure as d where d.is_restricted limit 1), is_restricted = true where (encounter_id, procedure_id) in (select e.encounter_id, e.procedure_id from star.fact_procedure as e order by md5(e.encounter_id || %(dice)s) limit 9)",
    "specialty": "update star.dim_provider set specialty = 'heart_surgeon' where provider_key in (select p.provider_key from star.dim_provider as p where p.provider_key > 0 order by md5(p.provider_key || %(dice)s) limit 1)",
    "name": "update star.dim_provider set provider_name = %(dice)s where provider_key in (select p.provider_key from star.dim_provider as p where p.provider_key > 0 order by md5(p.provider_key || %(dice)s) limit 1)",
    "payer": "update star.dim_payer set payer_name = case when payer_name = 'Aetna' then 'Humana' else 'Aetna' end where payer_name in ('Aetna', 'Humana') and payer_key in (select p.payer_key from star.dim_payer as p order by md5(p.payer_key || %(dice)s) limit 2)",
    "city": "update star.dim_patient set city = %(dice)s where patient_key in (select p.patient_key from star.dim_patient as p where p.patient_key > 0 order by md5(p.patient_key || %(dice)s) limit 2)",
    "status": "update star.dim_claim_profile set claim_status = 'denied' where claim_profile_key in (select p.claim_profile_key from star.dim_claim_profile as p where p.claim_profile_key > 0 order by md5(p.claim_profile_key || %(dice)s) limit 1)",
    "rebuilt": "truncate star.fact_survey",
}  # fmt: skip


class Published:
    """A published hospital with claims, of which every test changes and publishes again."""

    def __init__(self, owner, address, folder):
        self.owner, self.address, self.folder = owner, address, folder
        self.world = Hospital(owner, address, encounters=120)
        self._claims()
        tag = random.Random(address).randrange(10**6)
        self.humana, self.staff = f"humana_{tag}", f"revenue_{tag}"
        client_file(
            folder, self.humana, ("hospital", {"payers": ["Humana"], "restricted_specialties": ["hospice"]}),
            reports=["member_encounters", "member_procedures", "members_helped"],
        )  # fmt: skip
        client_file(
            folder, f"aetna_{tag}", ("hospital", {"payers": ["Aetna"]}), reports=["member_encounters", "member_procedures"],
        )  # fmt: skip
        client_file(
            folder, f"cardio_{tag}", ("hospital", {"specialties": ["heart_surgeon"]}),
            reports=["claims_by_specialty_month"],
        )  # fmt: skip
        self.roles = roles_file(
            folder / "roles.yml",
            {
                "name": self.staff, "reports": ["claims_by_key_fields", "claims_to_handle"], "logins": ["ann"],
                "entitlements": [{"source_system": "hospital", "every_row": True}],
            },
        )  # fmt: skip
        self.publish()

    def publish(self, everything=False):
        """Publish; returns how many rows of each report were written."""
        done = reporting.publish(self.owner, self.folder, self.roles, everything=everything)
        (hospital,) = (edition for edition in done.editions if edition.source == "hospital")
        return {name: rows for name, rows in hospital.changed.items() if rows}

    def _claims(self):
        self.owner.execute(
            "insert into star.dim_provider (source_system, provider_id, last_name, specialty, valid_from, valid_to,"
            " is_current) select 'hospital', 'P' || n, 'Doe', (array['heart_surgeon', 'dentist'])[n %% 2 + 1],"
            " '1900-01-01', '9999-12-31', true from generate_series(1, 6) as n".replace("%%", "%")
        )
        self.owner.execute(
            "insert into star.dim_claim_profile (visit_type, claim_status) values ('a', 'paid'), ('b', null)"
        )
        self.owner.execute(
            "insert into star.fact_claim (source_system, claim_id, patient_key, provider_key, facility_key, payer_key,"
            " procedure_key, diagnosis_key, paid_date_key, claim_profile_key, service_date_key, claim_date_key,"
            " service_date, total_cost, paid_amount, version_count, batch_id, row_number)"
            " select 'hospital', 'C' || n, p.patient_key, v.provider_key, -1, y.payer_key, -2, -2, -2,"
            " c.claim_profile_key, -1, -1, '2025-01-01', n, nullif(n % 3, 0), 1, 1, n"
            " from generate_series(1, 200) as n"
            " join (select row_number() over (order by patient_key) - 1 as i, patient_key from star.dim_patient"
            " where patient_key > 0) as p on p.i = n % 50"
            " join (select row_number() over (order by provider_key) - 1 as i, provider_key from star.dim_provider"
            " where provider_key > 0) as v on v.i = n % 6"
            " join (select row_number() over (order by payer_key) - 1 as i, payer_key from star.dim_payer"
            " where payer_key > 0) as y on y.i = n % 4"
            " join (select row_number() over (order by claim_profile_key) - 1 as i, claim_profile_key"
            " from star.dim_claim_profile where visit_type in ('a', 'b')) as c on c.i = n % 2"
        )


@pytest.fixture(scope="module")
def published(server, tmp_path_factory):
    with database(server) as (address, owner):
        yield Published(owner, address, tmp_path_factory.mktemp("clients"))


@examples(25, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(sorted(CHANGES)), min_size=1, max_size=5), st.integers(0, 99))
def test_an_edition_that_follows_the_changes_is_the_one_that_compares_everything(
    published, names, seed
):
    for number, name in enumerate(names):
        for statement in CHANGES[name].split(";"):
            published.owner.execute(statement, {"dice": f"{seed}.{number}"})
    published.publish()
    assert published.publish(everything=True) == {}


def test_what_did_not_change_is_not_touched(published):
    published.publish()
    places = "select report.ctid, report.xmin, report.row_key from published.member_encounters as report order by 3"
    before = published.owner.execute(places).fetchall()
    assert published.publish() == {}
    assert published.publish(everything=True) == {}
    assert published.owner.execute(places).fetchall() == before
    published.owner.execute(CHANGES["claim"], {"dice": "x"})
    assert set(published.publish()) <= {"claims_by_key_fields", "claims_to_handle", "claims_by_specialty_month"}
    assert published.owner.execute(places).fetchall() == before
