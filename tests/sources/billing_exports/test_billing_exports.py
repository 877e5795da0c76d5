"""Claim files of any sender, from the files to the star, compared with plain Python over the files."""

from __future__ import annotations

import csv
import io
import os
import shutil
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from local import embedded
from local.samples import SEED, billing_exports
from local.samples.planting import write
from tests.conftest import TEMPLATE
from tests.sources.billing_exports.test_samples_billing_exports import cells, table
from tests.sources.test_sixth_feed import _python as run_in
from tests.worlds.feeds import batches

from claimhouse import checks, drafting, ingest, settings, star
from claimhouse import warehouse as house

SOURCE = "billing_exports"
LIST, AGAIN = "claim_data.csv", "claims_data.xlsx"
DENTAL = "five_payers/dental-claims-20240301.csv"
MEDICAL = "five_payers/medical-claims-20240115.csv"
MIXED = "five_payers/medical-claims-20240215.xlsx"
VISION = "five_payers/medical-claims-20240315.xlsx"
DRUGS = "five_payers/pharmacy-claims-20240201.csv"


class Plain(NamedTuple):
    """A claim as its file has it."""

    payer: str | None
    claimed: Decimal
    allowed: Decimal | None
    paid: Decimal
    served: date
    npi: str
    procedure: str
    diagnoses: tuple[str, ...]
    born: date | None


# For each file: payer, date format, and the columns of claim, amounts, day, provider, procedure,
# diagnoses and date of birth.
LAYOUTS = {
    DENTAL: ("Aetna", "%m-%d-%Y", "CLM_NBR", ("CHRG_AMT", "ALLOW_AMT", "PAID_AMT"), "SVC_DT",
             "DENTIST_NPI", ("CDT_CD",), (), "PAT_BIRTH_DT"),
    MEDICAL: ("Anthem", "%Y-%m-%d", "CLAIM_NUM", ("BILLED_CHARGES", "ALLOWED_AMT", "PLAN_PAID"),
              "SERVICE_FROM", "PROVIDER_NPI", ("PROC_CODE",), ("DIAG_1", "DIAG_2"), "MEMBER_DOB"),
    MIXED: ("Cigna", "%Y%m%d", "Claim Reference", ("Total Billed", "Allowed", "Paid"),
            "Service Start Date", "Rendering NPI", ("Procedure Code", "HCPCS", "Drug Name"),
            ("Primary Diagnosis", "Secondary Diagnosis"), "Claimant Date of Birth"),
    VISION: ("Kaiser Permanente", "%Y/%m/%d", "ClaimNumber",
             ("ChargedAmount", "AllowedAmount", "PlanPaid"), "DateOfService", "OptometristNPI",
             ("VisionCode",), (), "MemberBirthDate"),
    DRUGS: ("UnitedHealthcare", "%m/%d/%Y", "ClaimID", ("BilledAmt", None, "PlanPaidAmt"),
            "DateFilled", "PharmacyNPI", ("DrugName",), (), "PatientDOB"),
    LIST: (None, "%m/%d/%Y", "Claim ID", ("Billed Amount", "Allowed Amount", "Paid Amount"),
           "Date of Service", "Provider ID", ("Procedure Code",), ("Diagnosis Code",), None),
}  # fmt: skip
INSURANCE = {"Medicare": "Medicare", "Medicaid": "Medicaid", "Self-Pay": "Uninsured"}


def rows_of(folder: Path, name: str) -> list[dict[str, str]]:
    """The rows of a real file, by the standard library alone; xlsx from its XML."""
    return table(name, (folder / name).read_bytes())


def cents(text: str) -> Decimal:
    """An amount to the cent; a workbook may hold 0.1 + 0.2."""
    return Decimal(text).quantize(Decimal("0.01"))


def plain(folder: Path) -> dict[str, Plain]:
    """Every claim of the real files."""
    found = {}
    for name, (payer, form, key, amounts, served, npi, codes, diagnoses, born) in LAYOUTS.items():
        for row in rows_of(folder, name):
            claimed, allowed, paid = (cents(row[column]) if column else None for column in amounts)
            named = dict.fromkeys(row[column] for column in diagnoses if row[column])
            found[row[key]] = Plain(
                payer=payer or INSURANCE.get(row["Insurance Type"]),
                claimed=claimed,
                allowed=allowed,
                paid=paid,
                served=datetime.strptime(row[served], form).date(),
                npi=row[npi],
                procedure=next(row[column] for column in codes if row[column]),
                diagnoses=tuple(named),
                born=datetime.strptime(row[born], form).date() if born else None,
            )
    return found


@pytest.fixture(scope="module")
def claims(shared_data: Path) -> dict[str, Plain]:
    return plain(shared_data / SOURCE)


@contextmanager
def star_of(server: str, folder: Path, root: Path) -> Iterator[psycopg.Connection[Any]]:
    """A star of its own with the files under the landing root *root*."""
    name = f"e_{uuid.uuid4().hex[:12]}"
    address = embedded.create_database(server, name, template=TEMPLATE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WAREHOUSE_URL", address)
        patch.setenv("CLAIMHOUSE_LANDING_ROOT", f"file://{root}")
        patch.setenv("CLAIMHOUSE_ARCHIVE_ROOT", f"file://{folder}/archive")
        patch.setenv("CLAIMHOUSE_CORRECTIONS_ROOT", f"file://{folder}/corrections")
        ingest.run(SOURCE)
        with psycopg.connect(address, autocommit=True) as connection:
            yield connection
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'drop database "{name}" with (force)')


@pytest.fixture(scope="module")
def real(
    server: str, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[psycopg.Connection[Any]]:
    """The star of the real files, shared by the tests of this file and not changed."""
    with star_of(server, tmp_path_factory.mktemp("real"), shared_data) as connection:
        yield connection


@pytest.fixture(scope="module")
def samples(
    server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[psycopg.Connection[Any]]:
    """The star of the sample files, shared as well."""
    folder = tmp_path_factory.mktemp("samples")
    write(billing_exports.make(SEED), folder / "landing")
    with star_of(server, folder, folder / "landing") as connection:
        yield connection


def content(connection: psycopg.Connection[Any]) -> dict[str, list[tuple[Any, ...]]]:
    """The star by natural keys, independent of the order of loading."""
    queries = {
        "claims": "select f.claim_id, p.patient_id, p.birth_date, r.provider_id, c.facility_id, y.payer_id,"
        " o.procedure_id, d.diagnosis_id, j.claim_type, j.plan_type, j.claim_status, j.status_reason,"
        " f.service_date_key, f.paid_date_key, f.total_cost, f.allowed_amount, f.paid_amount,"
        " f.version_count, f.batch_id, f.row_number"
        " from star.fact_claim as f join star.dim_patient as p using (patient_key)"
        " join star.dim_provider as r using (provider_key)"
        " join star.dim_facility as c on f.facility_key = c.facility_key"
        " join star.dim_payer as y using (payer_key) join star.dim_procedure as o using (procedure_key)"
        " join star.dim_diagnosis as d using (diagnosis_key)"
        " join star.dim_claim_profile as j using (claim_profile_key) order by 1",
        "diagnoses": "select b.claim_id, d.diagnosis_id, b.position, b.weight"
        " from star.bridge_claim_diagnosis as b join star.dim_diagnosis as d using (diagnosis_key)"
        " order by 1, 2",
        "providers": "select provider_id, npi, provider_name, facility_name, address, valid_from, is_inferred"
        " from star.dim_provider order by 1, valid_from",
    }
    return {name: connection.execute(query).fetchall() for name, query in queries.items()}


def test_every_real_row_and_cent_arrives_and_nothing_twice(real, claims, shared_data):
    counted = {name: len(rows_of(shared_data / SOURCE, name)) for name in (*LAYOUTS, AGAIN)}
    assert {row[0]: row[1:] for row in batches(real)} == {
        name: ("loaded", count, count, 0, 0) for name, count in counted.items()
    }
    found = real.execute(
        "select nullif(payer_name, 'unknown'), count(*), sum(total_cost), sum(allowed_amount), sum(paid_amount),"
        " sum(version_count)"
        " from star.fact_claim join star.dim_payer using (payer_key) group by 1"
    ).fetchall()
    sums: dict[str | None, list[Any]] = defaultdict(lambda: [0, Decimal(0), None, Decimal(0)])
    for claim in claims.values():
        total = sums[claim.payer]
        total[0] += 1
        total[1] += claim.claimed
        total[3] += claim.paid
        if claim.allowed is not None:
            total[2] = (total[2] or 0) + claim.allowed
    assert {row[0]: row[1:] for row in found} == {
        payer: (*total, total[0]) for payer, total in sums.items()
    }
    assert len(sums) == 9 and len(claims) == sum(counted.values()) - counted[AGAIN]


def test_each_claim_says_what_its_row_says(real, claims):
    found = real.execute(
        "select f.claim_id, f.service_date, r.provider_id, o.procedure_id, nullif(d.diagnosis_id, 'unknown'),"
        " p.birth_date, f.total_cost, f.allowed_amount, f.paid_amount"
        " from star.fact_claim as f join star.dim_provider as r using (provider_key)"
        " join star.dim_procedure as o using (procedure_key)"
        " join star.dim_diagnosis as d using (diagnosis_key)"
        " join star.dim_patient as p using (patient_key)"
    ).fetchall()
    assert {row[0]: row[1:] for row in found} == {
        key: (
            claim.served, claim.npi, claim.procedure, next(iter(claim.diagnoses), None), claim.born,
            claim.claimed, claim.allowed, claim.paid,
        )
        for key, claim in claims.items()
    }  # fmt: skip


def test_all_diagnoses_of_a_claim_share_it_wholly(real, claims, shared_data):
    found: dict[str, dict[int, tuple[str, Decimal]]] = defaultdict(dict)
    for claim, code, position, weight in content(real)["diagnoses"]:
        found[claim][position] = (code, weight)
    assert {
        claim: tuple(code for _, (code, _) in sorted(rows.items())) for claim, rows in found.items()
    } == {key: claim.diagnoses for key, claim in claims.items() if claim.diagnoses}
    assert {sum(weight for _, weight in rows.values()) for rows in found.values()} == {Decimal(1)}
    repeated = sum(row["DIAG_1"] == row["DIAG_2"] for row in rows_of(shared_data / SOURCE, MEDICAL))
    assert repeated > 0


def test_the_list_in_a_workbook_is_the_same_list(real, shared_data):
    folder = shared_data / SOURCE
    once, again = rows_of(folder, LIST), cells((folder / AGAIN).read_bytes())
    at = again[0].index("Provider ID")
    lost = sum(len(row[at]) < 10 for row in again[1:])
    assert lost == sum(row["Provider ID"].startswith("0") for row in once) > 100
    stored = real.execute(
        "select claim_id, count(*), count(distinct (provider_id, patient_id, service_date, claim_amount,"
        " paid_amount, diagnosis_code)) from source_billing_exports.claim_list group by 1"
    ).fetchall()
    assert {row[1:] for row in stored} == {(2, 1)} and len(stored) == len(once)
    restored = real.execute(
        "select count(*) from quality.issue where rule = 'lost_zeros' and column_name = 'provider_id'"
    ).fetchone()
    assert restored == (lost,)


def test_what_the_files_do_not_say_is_unknown(real, shared_data):
    found = real.execute(
        "select r.name, count(*) from star.fact_claim"
        " join star.dim_claim_profile as j using (claim_profile_key)"
        " cross join lateral (values ('paid_date', paid_date_key = -1), ('claim_date', claim_date_key = -1),"
        " ('facility', facility_key = -1), ('status', j.claim_status is null), ('type', j.claim_type is null))"
        " as r (name, is_unknown) where r.is_unknown group by 1"
    ).fetchall()
    count = Counter(
        name for name, layout in LAYOUTS.items()
        for _ in rows_of(shared_data / SOURCE, name)
    )  # fmt: skip
    everything = sum(count.values())
    assert dict(found) == {
        "paid_date": everything - count[MEDICAL],
        "claim_date": everything,
        "facility": count[MIXED] + count[LIST],
        "status": everything - count[LIST],
        "type": count[LIST],
    }


def test_payers_have_the_name_that_all_sources_share(real):
    known = {
        row["alias"]: row["payer_name"]
        for row in csv.DictReader(
            io.StringIO((settings.INCLUDE / "reference/payer_alias.csv").read_text())
        )
    }
    found = dict(
        real.execute(
            "select payer_name, is_insurer from star.dim_payer where source_system = 'billing_exports'"
        ).fetchall()
    )
    assert set(found) == {known[letters] for letters in ("AET", "ANT", "CIG", "KP", "UHC")} | {
        *INSURANCE.values()
    }
    assert [name for name, insures in found.items() if not insures] == ["Uninsured"]
    assert {known[name.upper()] for name in known.values()} == set(known.values())
    assert all(alias == alias.upper().strip() for alias in known)


def test_a_second_run_and_a_rebuild_change_nothing(real):
    before, stars = (
        content(real),
        real.execute("select * from star.fact_claim order by 2").fetchall(),
    )
    ingest.run(SOURCE)
    assert real.execute("select * from star.fact_claim order by 2").fetchall() == stars
    with house.connect() as connection:
        star.rebuild(connection, SOURCE)
    assert content(real) == before


# The project's own samples ---------------------------------------------------------------------


def planted(kind: str) -> list[str]:
    return [
        defect.record_key for defect in billing_exports.make(SEED).planted if defect.kind == kind
    ]


def test_sample_defects_become_issues_and_a_later_file_repairs_it(samples):
    found = samples.execute(
        "select rule, column_name, status, count(*) from quality.issue where batch_id is not null"
        " and rule not like 'soda:%' group by 1, 2, 3"
    ).fetchall()
    assert Counter({row[:3]: row[3] for row in found}) == Counter({
        ("date", "service_date", "resolved"): 1,
        ("number", "claim_amount", "resolved"): 1,
        ("money_format", "allowed_amount", "open"): 1,
        ("enum", "plan_type", "open"): 1,
        ("unlisted_word", "claim_type", "open"): 1,
        ("pattern", "diagnosis_code", "open"): 1,
        ("pattern", "tooth_number", "open"): 1,
        ("pattern", "provider_id", "open"): 1,
        ("pattern", "claim_id", "open"): 1,
        ("field_count", None, "open"): 1,
        ("identical_copy", "claim_id", "open"): 1,
        ("conflicting_copy", "claim_id", "open"): 1,
        ("amounts_not_negative", "claim_amount|allowed_amount|deductible_amount|copay_amount|"
         "coinsurance_amount|paid_amount", "open"): 1,
        ("lost_zeros", "provider_id", "open"): len(lost("Provider ID")),
        ("lost_zeros", "patient_id", "open"): len(lost("Patient ID")),
    })  # fmt: skip


def lost(column: str) -> list[str]:
    return [
        defect.record_key
        for defect in billing_exports.make(SEED).planted
        if (defect.kind, defect.column) == ("lost_zeros", column)
    ]


def test_a_changed_claim_has_two_versions_and_a_resent_list_none(samples):
    versions = samples.execute(
        "select claim_id from star.fact_claim where version_count > 1"
    ).fetchall()
    assert {row[0] for row in versions} == set(planted("corrected_claim"))
    paid = samples.execute(
        "select distinct paid_amount from star.fact_claim where version_count > 1"
    ).fetchall()
    assert paid == [(Decimal(0),)]
    ids = [f"ZZZZZ{billing_exports.FIRST_NUMBER + n}" for n in range(billing_exports.CLAIMS)]
    found = samples.execute(
        "select count(*), sum(version_count), count(distinct batch_id) from star.fact_claim"
        " where claim_id = any(%s)",
        (ids,),
    ).fetchone()
    assert found == (len(ids), len(ids), 1)


def test_a_member_with_several_claims_is_one_patient_and_nobody_is_guessed(samples):
    sample_files = billing_exports.make(SEED).files
    people = set()
    for name in (billing_exports.ANTHEM, billing_exports.PHARMACY):
        for row in table(name, sample_files[name]):
            people.add((name, *list(row.values())[:6]))
    found = samples.execute(
        "select count(distinct patient_id), count(*) from star.dim_patient where patient_id ~ '^(ANT|UHC)'"
    ).fetchone()
    assert found == (len(people), len(people))
    claims = samples.execute(
        "select count(*) from star.fact_claim where claim_id ~ '^(ANT|UHC)'"
    ).fetchone()
    assert claims[0] > 2 * len(people)


def test_a_lost_cent_is_seen_by_the_checks_of_the_star(samples):
    def failing(statement: str) -> list[tuple[Any, ...]]:
        """The checks that fail after *statement*."""
        samples.execute(statement)
        with pytest.raises(checks.ChecksFailed) as failed:
            checks.scan_star(SOURCE, everything=True)
        return [failure.check_name for failure in failed.value.failures]

    ((claim, paid),) = samples.execute(
        "select claim_id, paid_amount from star.fact_claim where claim_id ~ '^KP' order by 1 limit 1"
    ).fetchall()
    spoil = f"update star.fact_claim set paid_amount = %s where claim_id = '{claim}'"
    assert failing(spoil % (paid + Decimal("0.01"))) == ["claim_equals_file"]
    samples.execute(spoil % paid)
    checks.scan_star(SOURCE, everything=True)


SHAPE = """
select
    claim_id,
    provider_id,
    substring(claim_id from '^[A-Z]+') as payer,
    service_date,
    procedure_code,
    array[diagnosis_code] as diagnosis_codes,
    claim_amount,
    paid_amount,
    batch_id,
    row_number
from source_billing_exports.humana_list
"""
CHECKS = """
checks for humana_list:
  - row_count > 0:
      name: has_claims
      attributes:
        message: "There are {value} claims"
"""


def test_a_further_layout_is_a_contract_a_shape_and_a_file_of_checks(samples, tmp_path):
    """The file without a contract is loaded without a line of Python."""
    root = Path(os.environ["CLAIMHOUSE_LANDING_ROOT"].removeprefix("file://"))
    before = content(samples)["claims"]
    shutil.copytree(settings.INCLUDE, tmp_path / "include")
    draft = drafting.write(
        root / SOURCE / billing_exports.UNDESCRIBED, SOURCE, "humana_list", tmp_path
    ).read_text()
    for name, text in (
        (
            "schemas/billing_exports/humana_list.yaml",
            draft.replace("status: draft", "status: active"),
        ),
        ("sql/mapping/billing_exports/shape_claim__humana_list.sql", SHAPE),
        ("soda/billing_exports/humana_list.yml", CHECKS),
    ):
        (tmp_path / "include" / name).write_text(text)
    run_in(f"from claimhouse import ingest; ingest.run('{SOURCE}')", tmp_path)
    rows = table(
        billing_exports.UNDESCRIBED, (root / SOURCE / billing_exports.UNDESCRIBED).read_bytes()
    )
    found = samples.execute(
        "select y.payer_name, count(*), count(distinct b.claim_id), sum(f.total_cost), min(f.service_date)"
        " from star.fact_claim as f join star.dim_payer as y using (payer_key)"
        " join star.bridge_claim_diagnosis as b on (b.claim_id, b.source_system) = (f.claim_id, f.source_system)"
        " where f.claim_id ~ '^HUM' group by 1"
    ).fetchall()
    days = [datetime.strptime(row["Date of Service"], "%d.%m.%Y").date() for row in rows]
    total = sum(cents(row["Charged"]) for row in rows)
    assert found == [("Humana", len(rows), len(rows), total, min(days))]
    assert [row for row in content(samples)["claims"] if not row[0].startswith("HUM")] == before
    waiting = samples.execute(
        "select status from quality.issue where rule = 'unclaimed_file'"
    ).fetchall()
    assert waiting == [("resolved",)]


def test_one_payer_in_many_spellings_is_one(samples):
    """Spellings of a payer differ only by case and surrounding blanks."""
    samples.execute("create temp table spelling (payer text)")
    samples.execute("insert into spelling values ('AET'), ('Aetna'), (' Aetna '), ('aetna')")
    select = house.sql("mapping/billing_exports/dim_payer").replace(
        "source_billing_exports.star_shape_claim",
        "(select payer, 1 as batch_id, 1 as row_number from spelling)",
    )
    found = samples.execute(select).fetchall()  # type: ignore[arg-type]
    assert [row[1:4] for row in found] == [("Aetna", "Aetna", True)]
