"""Editions: whole, with what changed and nothing else, and to be read again."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from tests.worlds.client_world import client_file, roles_file
from tests.worlds.hospital_world import Hospital, database
from tests.worlds.properties import examples

from claimhouse import reporting
from claimhouse.reporting import metric_reports


def some(table, column, count, where="true"):
    """A few values of a column: others for each value of the parameter dice."""
    return (
        f"(select s.{column} from star.{table} as s where {where}"
        f" order by md5(s.{column} || %(dice)s) limit {count})"
    )


COPIED = """
    patient_key, provider_key, facility_key, payer_key, procedure_key, diagnosis_key, claim_profile_key,
    service_date_key, claim_date_key, paid_date_key, service_date, total_cost, covered_amount, allowed_amount,
    paid_amount, version_count, batch_id, row_number, version_date
"""
CLAIMS, ENCOUNTERS = some("fact_claim", "claim_id", 5), some("fact_encounter", "encounter_id", 3)
PROVIDER = some("dim_provider", "provider_key", 1, "s.provider_key > 0")
# What may happen to the star between two publications.
CHANGES = {
    "cost": "update star.fact_encounter set total_claim_cost = total_claim_cost + 1"
    f" where encounter_id in {ENCOUNTERS}",
    "claim": "update star.fact_claim set paid_amount = case when paid_amount is null then 7 end,"
    f" total_cost = nullif(total_cost, 10) where claim_id in {CLAIMS}",
    "claim gone": f"delete from star.fact_claim where claim_id in {CLAIMS}",
    "provider": f"update star.fact_claim set provider_key = {PROVIDER} where claim_id in {CLAIMS}",
    "claim new": f"insert into star.fact_claim (source_system, claim_id, {COPIED})"
    f" select 'hospital', claim_id || %(dice)s, {COPIED} from star.fact_claim where claim_id in {CLAIMS}"
    " on conflict do nothing",
    "encounter gone": f"delete from star.fact_encounter where encounter_id in {ENCOUNTERS}",
    "procedure gone": f"delete from star.fact_procedure where encounter_id in {ENCOUNTERS}",
    "hospice begins": "update star.fact_procedure set is_restricted = true, procedure_key = "
    + some("dim_procedure", "procedure_key", 1, "s.is_restricted")
    + f" where encounter_id in {some('fact_procedure', 'encounter_id', 9)}",
    "specialty": f"update star.dim_provider set specialty = 'heart_surgeon' where provider_key = {PROVIDER}",
    "name": f"update star.dim_provider set provider_name = %(dice)s where provider_key = {PROVIDER}",
    "payer": "update star.dim_payer set payer_name = case when payer_name = 'Aetna' then 'Humana' else 'Aetna' end"
    " where payer_name in ('Aetna', 'Humana') and payer_key in "
    + some("dim_payer", "payer_key", 2),
    "city": "update star.dim_patient set city = %(dice)s where patient_key in "
    + some("dim_patient", "patient_key", 2, "s.patient_key > 0"),
    "status": "update star.dim_claim_profile set claim_status = 'denied' where claim_profile_key = "
    + some("dim_claim_profile", "claim_profile_key", 1, "s.claim_profile_key > 0"),
    "rebuilt": "truncate star.fact_survey",
}


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
            reports=["member_encounters", "member_procedures", "members_helped", "hospital_activity"],
        )  # fmt: skip
        client_file(
            folder, f"aetna_{tag}", ("hospital", {"payers": ["Aetna"]}),
            reports=["member_encounters", "member_procedures", "procedure_cost_index"],
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
                "metrics": [
                    {
                        "names": ["claims_volume", "billed_amount", "paid_amount", "paid_to_billed_ratio"],
                        "by": [["payer", "claim_status"], ["provider_specialty"], []],
                    },
                    {"names": ["denial_rate"], "by": [["provider_id", "payer"]]},
                    {"names": ["uninsured_share", "average_procedure_cost"], "by": [["payer"]]},
                ],
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
            "insert into star.dim_provider (source_system, provider_id, last_name, specialty, valid_from,"
            " valid_to, is_current) select 'hospital', 'P' || n, 'Doe',"
            " (array['heart_surgeon', 'dentist'])[n % 2 + 1],"
            " '1900-01-01', '9999-12-31', true from generate_series(1, 6) as n"
        )
        self.owner.execute(
            "insert into star.dim_claim_profile (visit_type, claim_status) values ('a', 'paid'), ('b', null)"
        )
        self.owner.execute(
            "insert into star.fact_claim (source_system, claim_id, patient_key, provider_key, facility_key,"
            " payer_key, procedure_key, diagnosis_key, paid_date_key, claim_profile_key, service_date_key,"
            " claim_date_key,"
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
    with database(server) as (address, owner), pytest.MonkeyPatch.context() as patch:
        # The claims of this world are the hospital's.
        patch.setattr(metric_reports, "sources", lambda metric: ["hospital"])
        yield Published(owner, address, tmp_path_factory.mktemp("clients"))


@examples(25, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(sorted(CHANGES)), min_size=1, max_size=5), st.integers(0, 99))
def test_an_edition_that_follows_the_changes_is_the_one_that_compares_everything(
    published, names, seed
):
    for number, name in enumerate(names):
        published.owner.execute(CHANGES[name], {"dice": f"{seed}.{number}"})
    published.publish()
    assert published.publish(everything=True) == {}


def test_what_did_not_change_is_not_touched(published):
    published.publish()
    places = "select r.ctid, r.xmin, r.row_key from published.member_encounters as r order by 3"
    before = published.owner.execute(places).fetchall()
    assert published.publish() == {}
    assert published.publish(everything=True) == {}
    assert published.owner.execute(places).fetchall() == before
    published.owner.execute(CHANGES["claim"], {"dice": "x"})
    written = set(published.publish())
    assert written <= {
        "claims_by_key_fields",
        "claims_by_specialty_month",
        "claim_days",
        "metrics_of_claim",
        "open_claims",
    }
    assert published.owner.execute(places).fetchall() == before
