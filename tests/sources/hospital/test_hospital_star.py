"""The hospital in the star: real feeds and samples, compared with plain Python over the files."""

from __future__ import annotations

import csv
import functools
import io
import statistics
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from local.samples import SEED, hospital
from tests.worlds.manifest import arrived

from claimhouse import checks, ingest, settings, star
from claimhouse import warehouse as sql_files

Row = dict[str, str]
Connection = psycopg.Connection[Any]
DAYS = ("20260105", "20260106", "20260107")


def csv_rows(data: bytes) -> list[Row]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


@functools.cache
def reference(name: str) -> list[Row]:
    return csv_rows((settings.INCLUDE / "reference" / f"{name}.csv").read_bytes())


@functools.cache
def payer_names() -> dict[str, str]:
    return {row["alias"].upper(): row["payer_name"] for row in reference("payer_alias")}


@dataclass
class Files:
    """The files so far: every row of each feed, and the newest row of each record."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    newest: dict[str, dict[tuple[str, ...], Row]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, feed: str, data: bytes) -> None:
        """Read one more file of *feed*."""
        key = ("ENCOUNTER", "CODE", "START") if feed == "procedures" else ("Id",)
        for row in csv_rows(data):
            self.rows[feed].append(row)
            self.newest[feed][tuple(row[column] for column in key)] = row

    def payer_of(self, encounter: Row | None) -> str:
        """The payer under its conformed name."""
        names = payer_names()
        if encounter is None:
            return "unknown"
        return names[self.newest["payers"][encounter["PAYER"],]["NAME"].upper()]


@dataclass(frozen=True)
class Tags:
    """The specialty of each encounter by the reference lists, and whether it is restricted."""

    specialty: dict[str, str]
    restricted: set[str]


def tags(files: Files) -> Tags:
    """The documented rule: restricted first, then rank, then cost, then name."""
    listed = {row["code"]: row["specialty"] for row in reference("procedure_specialty")}
    known = {row["specialty"]: row for row in reference("specialty")}
    costs: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in files.newest["encounters"].values():
        costs[row["Id"]][listed.get(row["CODE"], "general")] += Decimal(row["BASE_ENCOUNTER_COST"])
    for row in files.newest["procedures"].values():
        costs[row["ENCOUNTER"]][listed.get(row["CODE"], "general")] += Decimal(row["BASE_COST"])
    specialty = {
        encounter: min(
            found,
            key=lambda specialty: (
                known[specialty]["is_restricted"] == "false",
                int(known[specialty]["rank"]),
                -found[specialty],
                specialty,
            ),
        )
        for encounter, found in costs.items()
    }
    restricted = {
        encounter
        for encounter, found in costs.items()
        if any(known[specialty]["is_restricted"] == "true" for specialty in found)
    }
    return Tags(specialty, restricted)


def minutes(row: Row) -> int | None:
    """Minutes from start to stop, half a minute rounded up; None if it ends before it starts."""
    seconds = int((moment(row["STOP"]) - moment(row["START"])).total_seconds())
    return None if seconds < 0 else (seconds + 30) // 60


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


ENCOUNTERS = """
select f.encounter_id, patient.patient_id, payer.payer_name, facility.facility_id, code.procedure_id,
    diagnosis.diagnosis_id, profile.encounter_class, f.provider_key, f.service_date_key, f.service_date,
    f.started_at, f.stopped_at, f.length_minutes, f.base_cost, f.total_claim_cost, f.payer_coverage,
    f.patient_share, f.specialty, f.is_restricted
from star.fact_encounter as f
inner join star.dim_patient as patient on f.patient_key = patient.patient_key
    and f.service_date >= patient.valid_from and f.service_date < patient.valid_to
inner join star.dim_payer as payer on f.payer_key = payer.payer_key
inner join star.dim_facility as facility on f.facility_key = facility.facility_key
inner join star.dim_procedure as code on f.procedure_key = code.procedure_key
inner join star.dim_diagnosis as diagnosis on f.diagnosis_key = diagnosis.diagnosis_key
inner join star.dim_encounter_profile as profile on f.encounter_profile_key = profile.encounter_profile_key
where f.source_system = 'hospital'
"""
PROCEDURES = """
select f.encounter_id, f.procedure_id, f.started_at, patient.patient_id, payer.payer_name,
    facility.facility_id, code.procedure_id, diagnosis.diagnosis_id, f.service_date_key, f.service_date,
    f.stopped_at, f.length_minutes, f.base_cost, f.is_restricted
from star.fact_procedure as f
inner join star.dim_patient as patient on f.patient_key = patient.patient_key
    and f.service_date >= patient.valid_from and f.service_date < patient.valid_to
inner join star.dim_payer as payer on f.payer_key = payer.payer_key
inner join star.dim_facility as facility on f.facility_key = facility.facility_key
inner join star.dim_procedure as code on f.procedure_key = code.procedure_key
inner join star.dim_diagnosis as diagnosis on f.diagnosis_key = diagnosis.diagnosis_key
where f.source_system = 'hospital'
"""
DIMENSIONS = {
    "dim_patient": "patient_id, first_name, last_name, birth_date, death_date, address, city, state, county,"
    " zipcode, gender, race, ethnicity, marital_status, valid_from, valid_to, is_current, is_inferred",
    "dim_facility": "facility_id, facility_name, address, city, state, zipcode, is_inferred",
    "dim_payer": "payer_id, payer_name, is_insurer, city, state, is_inferred",
    "dim_procedure": "procedure_id, code_system, procedure_name, other_names, specialty, is_restricted,"
    " is_inferred",
    "dim_diagnosis": "diagnosis_id, code_system, diagnosis_name, is_inferred",
}  # fmt: skip


def content(connection: Connection) -> dict[str, Counter[Any]]:
    """The hospital's rows of the star, by natural keys."""
    queries = {"fact_encounter": ENCOUNTERS, "fact_procedure": PROCEDURES} | {
        table: f"select {columns} from star.{table} where source_system = 'hospital'"
        for table, columns in DIMENSIONS.items()
    }
    return {
        table: Counter(map(str, connection.execute(query).fetchall()))
        for table, query in queries.items()
    }


def expected_encounters(files: Files) -> set[tuple[Any, ...]]:
    expected_tags = tags(files)
    return {
        (
            row["Id"], row["PATIENT"], files.payer_of(row), row["ORGANIZATION"], row["CODE"],
            row["REASONCODE"] or "unknown", row["ENCOUNTERCLASS"], -2,
            int(f"{moment(row['START']):%Y%m%d}"), moment(row["START"]).date(), moment(row["START"]),
            moment(row["STOP"]), minutes(row), Decimal(row["BASE_ENCOUNTER_COST"]),
            Decimal(row["TOTAL_CLAIM_COST"]), Decimal(row["PAYER_COVERAGE"]),
            Decimal(row["TOTAL_CLAIM_COST"]) - Decimal(row["PAYER_COVERAGE"]),
            expected_tags.specialty[row["Id"]], row["Id"] in expected_tags.restricted,
        )
        for row in files.newest["encounters"].values()
    }  # fmt: skip


def expected_procedures(files: Files) -> set[tuple[Any, ...]]:
    restricted = tags(files).restricted
    found = set()
    for row in files.newest["procedures"].values():
        encounter = files.newest["encounters"].get((row["ENCOUNTER"],))
        found.add((
            row["ENCOUNTER"], row["CODE"], moment(row["START"]), row["PATIENT"],
            files.payer_of(encounter), encounter["ORGANIZATION"] if encounter else "unknown",
            row["CODE"], row["REASONCODE"] or "unknown", int(f"{moment(row['START']):%Y%m%d}"),
            moment(row["START"]).date(), moment(row["STOP"]), minutes(row), Decimal(row["BASE_COST"]),
            row["ENCOUNTER"] in restricted,
        ))  # fmt: skip
    return found


def rows_of(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    return connection.execute(query).fetchall()


def names_of(files: Files, code: str, name: str) -> dict[str, list[str]]:
    """The names of each code, by frequency, then alphabetically."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in files.rows["encounters"] + files.rows["procedures"]:
        if row[code]:
            found[row[code]][row[name]] += 1
    return {
        code: sorted(names, key=lambda term: (-names[term], term)) for code, names in found.items()
    }


# --- the real feeds ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(shared_data: Path) -> Files:
    found = Files()
    for feed in ("patients", "encounters", "procedures", "payers", "organizations"):
        found.add(feed, (shared_data / "hospital" / f"{feed}.csv").read_bytes())
    return found


def test_every_real_encounter_is_there_as_of_its_day(real_hospital, files):
    found = rows_of(real_hospital, ENCOUNTERS)
    assert len(found) == len(files.rows["encounters"])
    assert set(found) == expected_encounters(files)


def test_every_real_procedure_is_there_with_the_payer_of_its_encounter(real_hospital, files):
    found = rows_of(real_hospital, PROCEDURES)
    assert len(found) == len(files.rows["procedures"])
    assert set(found) == expected_procedures(files)


def test_money_and_patients_by_payer_and_by_specialty_are_the_files(real_hospital, files):
    expected_tags = tags(files)
    for column, of in (
        ("payer.payer_name", files.payer_of),
        ("f.specialty", lambda row: expected_tags.specialty[row["Id"]]),
    ):
        sums: dict[str, list[Any]] = defaultdict(lambda: [0, set(), Decimal(0), Decimal(0)])
        for row in files.rows["encounters"]:
            cell = sums[of(row)]
            cell[0] += 1
            cell[1].add(row["PATIENT"])
            cell[2] += Decimal(row["TOTAL_CLAIM_COST"])
            cell[3] += Decimal(row["TOTAL_CLAIM_COST"]) - Decimal(row["PAYER_COVERAGE"])
        found = rows_of(
            real_hospital,
            f"select {column}, count(*), count(distinct patient_key), sum(total_claim_cost), sum(patient_share)"
            " from star.fact_encounter as f inner join star.dim_payer as payer using (payer_key) group by 1",
        )
        assert {row[0]: row[1:] for row in found} == {
            name: (count, len(patients), total, share)
            for name, (count, patients, total, share) in sums.items()
        }


def test_every_real_code_has_one_name_and_a_specialty(real_hospital, files):
    names = names_of(files, "CODE", "DESCRIPTION")
    listed = {row["code"]: row["specialty"] for row in reference("procedure_specialty")}
    found = rows_of(
        real_hospital,
        "select procedure_id, code_system, procedure_name, other_names, specialty, is_restricted"
        " from star.dim_procedure where source_system = 'hospital'",
    )
    assert {row[0]: row[1:] for row in found} == {
        code: ("SNOMED CT", called[0], called[1:], listed[code], listed[code] == "hospice")
        for code, called in names.items()
    }
    assert sum(len(called) > 1 for called in names.values()) == 11
    reasons = names_of(files, "REASONCODE", "REASONDESCRIPTION")
    found = rows_of(
        real_hospital,
        "select diagnosis_id, diagnosis_name from star.dim_diagnosis where source_system = 'hospital'",
    )
    assert dict(found) == {code: called[0] for code, called in reasons.items()}


def test_real_patients_payers_and_the_hospital_are_described_once(real_hospital, files):
    patients = files.newest["patients"]
    found = rows_of(
        real_hospital,
        "select patient_id, birth_date, death_date, county, gender, race, ethnicity, marital_status,"
        " valid_from, is_current from star.dim_patient where source_system = 'hospital'",
    )
    assert {row[0]: row[1:] for row in found} == {
        key: (
            date.fromisoformat(row["BIRTHDATE"]),
            date.fromisoformat(row["DEATHDATE"]) if row["DEATHDATE"] else None,
            row["COUNTY"], row["GENDER"], row["RACE"], row["ETHNICITY"], row["MARITAL"] or None,
            date(1900, 1, 1), True,
        )
        for (key,), row in patients.items()
    }  # fmt: skip
    payers = rows_of(
        real_hospital,
        "select payer_name, is_insurer, state from star.dim_payer where source_system = 'hospital'",
    )
    assert set(payers) == {
        ("UnitedHealthcare", True, "Minnesota"), ("Humana", True, "Kentucky"),
        ("Medicare", True, "Maryland"), ("Medicaid", True, "Maryland"),
        ("Dual Eligible", True, "Maryland"), ("Aetna", True, "Connecticut"),
        ("Cigna", True, "Connecticut"), ("Anthem", True, "Indiana"),
        ("Blue Cross Blue Shield", True, "Illinois"), ("Uninsured", False, None),
    }  # fmt: skip
    facilities = rows_of(
        real_hospital,
        "select facility_name, city, state, zipcode from star.dim_facility where source_system = 'hospital'",
    )
    assert facilities == [("MASSACHUSETTS GENERAL HOSPITAL", "BOSTON", "Massachusetts", "02114")]


def test_the_real_star_passes_its_checks(real_hospital):
    outcomes = checks.scan_star("hospital", everything=True)
    assert {outcome.check_name for outcome in outcomes} >= {
        "encounter_money_reconciles", "procedure_money_reconciles", "facts_were_received",
        "restricted_care_is_tagged", "encounter_keys_lead_somewhere", "procedure_code_is_listed",
        "payer_name_is_listed", "patient_has_one_current_version",
    }  # fmt: skip
    assert {outcome.outcome for outcome in outcomes} == {"pass"}


def test_the_same_real_batches_again_write_nothing_and_a_rebuild_gives_the_same(real_hospital):
    before = content(real_hospital)
    batches = [
        row[0]
        for row in rows_of(
            real_hospital, "select batch_id from landing.batch where state = 'loaded'"
        )
    ]
    written = star.load_source("hospital", batches)
    assert {table: rows for table, rows in written.items() if rows} == {}
    star.rebuild(real_hospital, "hospital")
    assert content(real_hospital) == before


def ask(connection: Connection, name: str) -> list[dict[str, Any]]:
    cursor = connection.execute(sql_files.sql(f"examples/{name}").encode())
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def test_who_of_a_procedures_patients_is_uninsured(real_hospital, files):
    everyone, uninsured = defaultdict(set), defaultdict(set)
    for row in files.rows["procedures"]:
        everyone[row["CODE"]].add(row["PATIENT"])
        if files.payer_of(files.newest["encounters"][row["ENCOUNTER"],]) == "Uninsured":
            uninsured[row["CODE"]].add(row["PATIENT"])
    found = ask(real_hospital, "uninsured_share_by_procedure")
    assert {row["procedure_id"]: (row["patients"], row["uninsured_patients"]) for row in found} == {
        code: (len(who), len(uninsured[code])) for code, who in everyone.items()
    }
    for row in found:
        percent = Decimal(100 * row["uninsured_patients"]) / row["patients"]
        assert row["uninsured_percent"] == percent.quantize(Decimal("0.1"), "ROUND_HALF_UP")
    assert [row["uninsured_patients"] for row in found] == sorted(
        (row["uninsured_patients"] for row in found), reverse=True
    )


def test_what_a_procedure_costs_a_payer_against_everybodys_median(real_hospital, files):
    costs: dict[str, dict[str, list[Decimal]]] = defaultdict(lambda: defaultdict(list))
    for row in files.rows["procedures"]:
        payer = files.payer_of(files.newest["encounters"][row["ENCOUNTER"],])
        costs[row["CODE"]][payer].append(Decimal(row["BASE_COST"]))
    found = ask(real_hospital, "procedure_cost_by_payer")
    assert {
        (row["payer_name"], row["procedure_id"]): (
            row["procedures"], row["total_cost"], Decimal(row["median_cost"]), Decimal(row["overall_median_cost"]),
        )
        for row in found
    } == {
        (payer, code): (
            len(paid), sum(paid), statistics.median(paid),
            statistics.median([cost for some in by_payer.values() for cost in some]),
        )
        for code, by_payer in costs.items()
        for payer, paid in by_payer.items()
    }  # fmt: skip
    for row in found:
        assert (
            abs(float(row["cost_index"]) - row["median_cost"] / row["overall_median_cost"])
            < 0.00051
        )


def test_how_many_humana_patients_were_helped_in_a_year(real_hospital, files):
    expected_tags = tags(files)
    helped: dict[str, list[Row]] = defaultdict(list)
    for row in files.rows["encounters"]:
        if files.payer_of(row) == "Humana" and row["START"].startswith("2021"):
            helped[expected_tags.specialty[row["Id"]]].append(row)
    assert {
        row["specialty"]: (row["encounters"], row["patients"], row["total_claim_cost"])
        for row in ask(real_hospital, "patients_helped_by_specialty")
    } == {
        specialty: (
            len(rows),
            len({row["PATIENT"] for row in rows}),
            sum(Decimal(row["TOTAL_CLAIM_COST"]) for row in rows),
        )
        for specialty, rows in helped.items()
    }


# --- the samples, day by day -------------------------------------------------------------------


def test_the_samples_load_day_by_day_and_tags_follow_late_procedures(landing_root, warehouse):
    samples = hospital.make(SEED)
    files = Files()
    folder = landing_root / "hospital"
    folder.mkdir()
    for day in DAYS:
        for name in sorted(samples.files):
            if name.endswith(f"{day}.csv"):
                path = folder / name
                path.write_bytes(samples.files[name])
                arrived(path, day)
                files.add(name.split("_")[0], samples.files[name])
        ingest.run("hospital")
        assert set(rows_of(warehouse, ENCOUNTERS)) == expected_encounters(files), day
        assert set(rows_of(warehouse, PROCEDURES)) == expected_procedures(files), day
    assert rows_of(warehouse, "select count(*) from quality.quarantine") == [(0,)]
    late = {
        defect.record_key.split("|")[0]
        for defect in samples.planted
        if defect.kind == "hospice_arrives_later"
    }
    assert late and late <= tags(files).restricted
    assert rows_of(
        warehouse,
        "select severity, failing_row ->> 'record_key' from quality.failing_row"
        " inner join quality.check_result using (check_result_id)"
        " where check_name = 'procedure_code_is_listed' group by 1, 2",
    ) == [("warning", "34068001")]
    moved = {defect.record_key for defect in samples.planted if defect.kind in ("moved", "died")}
    versions = rows_of(
        warehouse,
        "select patient_id from star.dim_patient where source_system = 'hospital' group by 1 having count(*) > 1",
    )
    assert {row[0] for row in versions} == moved
    before = content(warehouse)
    star.rebuild(warehouse, "hospital")
    assert content(warehouse) == before


# --- made-up feeds -----------------------------------------------------------------------------

PATIENT, PAYER, NOBODY, PLACE = (f"0000000{digit}-0000-0000-0000-000000000000" for digit in "abcd")
HEADERS = {
    "encounters": "Id,START,STOP,PATIENT,ORGANIZATION,PAYER,ENCOUNTERCLASS,CODE,DESCRIPTION,"
    "BASE_ENCOUNTER_COST,TOTAL_CLAIM_COST,PAYER_COVERAGE,REASONCODE,REASONDESCRIPTION",
    "procedures": "START,STOP,PATIENT,ENCOUNTER,CODE,DESCRIPTION,BASE_COST,REASONCODE,REASONDESCRIPTION",
    "payers": "Id,NAME,ADDRESS,CITY,STATE_HEADQUARTERED,ZIP,PHONE",
}


def encounter_id(number: int) -> str:
    return f"{number:08x}-0000-0000-0000-000000000000"


def encounter(
    number: int, code: str = "185345009", name: str = "Symptom", payer: str = PAYER
) -> str:
    """A line of an encounters file."""
    return (
        f"{encounter_id(number)},2020-01-01T08:00:00Z,2020-01-01T09:00:00Z,{PATIENT},{PLACE},{payer},"
        f"ambulatory,{code},{name},85.55,1000.00,800.00,,"
    )


def procedure(
    number: int, code: str, name: str = "Something", cost: str = "100", hour: int = 8
) -> str:
    """A line of a procedures file."""
    at = f"2020-01-01T{hour:02}:00:00Z,2020-01-01T{hour:02}:30:00Z"
    return f"{at},{PATIENT},{encounter_id(number)},{code},{name},{cost},,"


@pytest.fixture
def bring(landing_root: Path, warehouse: Connection) -> Any:
    """Write files to the hospital's folder, and run all stages."""
    came = iter(range(1, 100))
    (landing_root / "hospital").mkdir()

    def run(**feeds: list[str]) -> None:
        number = next(came)
        for feed, lines in feeds.items():
            path = landing_root / "hospital" / f"{feed}_{number:02}.csv"
            path.write_text("\n".join([HEADERS[feed], *lines, ""]))
            arrived(path, date(2026, 1, 1) + timedelta(days=number))
        ingest.run("hospital")

    return run


def tagged(connection: Connection) -> dict[str, tuple[str, bool, list[bool]]]:
    """For each encounter: its specialty, its tag, and the tags of its procedures."""
    found = rows_of(
        connection,
        "select e.encounter_id, e.specialty, e.is_restricted,"
        " array_agg(p.is_restricted) filter (where p.encounter_id is not null)"
        " from star.fact_encounter as e left join star.fact_procedure as p using (encounter_id)"
        " group by 1, 2, 3",
    )
    return {row[0][7]: (row[1], row[2], row[3] or []) for row in found}


def test_hospice_is_restricted_whichever_way_it_is_known(bring, warehouse):
    bring(
        encounters=[
            encounter(1),
            encounter(2, code="305336008", name="Admission to hospice (procedure)"),
            encounter(3),
            encounter(4),
        ],
        procedures=[
            procedure(1, "430193006", cost="5000"),
            procedure(1, "385763009", cost="1"),
            procedure(2, "430193006"),
            procedure(3, "430193006"),
            procedure(4, "999999999", name="Day hospice program"),  # in no list
        ],
    )
    assert tagged(warehouse) == {
        "1": ("hospice", True, [True, True]),
        "2": ("hospice", True, [True]),
        "3": ("general", False, [False]),
        "4": ("hospice", True, [True]),
    }
    bring(procedures=[procedure(3, "385763009", hour=9)])
    assert tagged(warehouse)["3"] == ("hospice", True, [True, True])


def test_an_encounter_is_about_its_rarest_then_its_dearest_specialty(bring, warehouse):
    bring(
        encounters=[encounter(number) for number in (1, 2, 3)] + [encounter(4, code="424619006")],
        procedures=[
            # cardiology ranks before screening, whatever the cost
            procedure(1, "710824005", cost="9000"),
            procedure(1, "40701008", cost="10"),
            # of equal ranks the costlier, by the sum of all procedures of a specialty
            procedure(2, "265764009", cost="100"),
            procedure(2, "40701008", cost="60"),
            procedure(2, "29303009", cost="60"),
            # of equal costs the first alphabetically
            procedure(3, "265764009", cost="50"),
            procedure(3, "40701008", cost="50"),
            # the encounter's own code counts with the base cost
            procedure(4, "265764009", cost="85.54"),
        ],
    )
    assert {key: specialty for key, (specialty, *_) in tagged(warehouse).items()} == {
        "1": "cardiology", "2": "cardiology", "3": "cardiology", "4": "obstetrics",
    }  # fmt: skip


def test_a_procedure_follows_the_payer_of_its_encounter(bring, warehouse):
    def payers() -> list[tuple[Any, ...]]:
        return rows_of(
            warehouse,
            "select f.encounter_id, p.payer_name, f.facility_key > 0 from star.fact_procedure as f"
            " inner join star.dim_payer as p using (payer_key) order by 1",
        )

    ours = [f"{PAYER}, unitedhealthcare ,,,MN,,", f"{NOBODY},NO_INSURANCE,,,,,"]
    bring(
        payers=ours,
        encounters=[encounter(1)],
        procedures=[procedure(1, "76601001"), procedure(2, "76601001")],
    )
    assert payers() == [
        (encounter_id(1), "UnitedHealthcare", True),
        (encounter_id(2), "unknown", False),
    ]
    bring(encounters=[encounter(1, payer=NOBODY), encounter(2)])
    assert payers() == [
        (encounter_id(1), "Uninsured", True),
        (encounter_id(2), "UnitedHealthcare", True),
    ]


def test_a_payer_nobody_listed_keeps_its_name_and_is_reported(bring, warehouse):
    bring(payers=[f"{PAYER}, Harbor Mutual ,,,MA,,"], encounters=[encounter(1)])
    assert rows_of(
        warehouse,
        "select payer_name, is_insurer, state from star.dim_payer where payer_key > 0",
    ) == [("Harbor Mutual", None, "Massachusetts")]
    assert rows_of(
        warehouse,
        "select severity, rule from quality.issue where rule = 'soda:payer_name_is_listed'",
    ) == [("warning", "soda:payer_name_is_listed")]


def test_a_later_usual_name_becomes_the_name(bring, warehouse):
    def names() -> Any:
        return rows_of(
            warehouse,
            "select procedure_name, other_names from star.dim_procedure where procedure_id = '76601001'",
        )[0]

    bring(encounters=[encounter(1)], procedures=[procedure(1, "76601001", name="Jab")])
    assert names() == ("Jab", [])
    bring(procedures=[procedure(1, "76601001", name="Injection", hour=9)])
    assert names() == ("Injection", ["Jab"])  # equal counts: alphabetical order
    bring(procedures=[procedure(1, "76601001", name="Jab", hour=10)])
    assert names() == ("Jab", ["Injection"])


def test_the_star_checks_see_what_is_broken(bring, warehouse):
    bring(
        payers=[f"{PAYER},Humana,,,KY,,"],
        encounters=[encounter(1), encounter(2)],
        procedures=[procedure(1, "385763009"), procedure(2, "430193006")],
    )
    first, second = encounter_id(1), encounter_id(2)
    for breaks, failing in (
        (f"update star.fact_encounter set patient_share = 201 where encounter_id = '{first}'",
         {"encounter_money_reconciles"}),
        (f"delete from star.fact_encounter where encounter_id = '{second}'",
         {"encounter_money_reconciles", "encounters_are_loaded"}),
        (f"update star.fact_procedure set base_cost = 99 where encounter_id = '{first}'",
         {"procedure_money_reconciles"}),
        (f"delete from star.fact_procedure where encounter_id = '{second}'",
         {"procedure_money_reconciles", "procedures_are_loaded"}),
        ("insert into star.fact_encounter select (jsonb_populate_record(f, '{\"encounter_id\": \"new\"}')).*"
         f" from star.fact_encounter as f where encounter_id = '{second}'", {"facts_were_received"}),
        ("update star.fact_procedure set procedure_id = '1'"
         f" where encounter_id = '{second}'",
         {"facts_were_received", "procedure_money_reconciles", "procedures_are_loaded"}),
        (f"update star.fact_encounter set is_restricted = false where encounter_id = '{first}'",
         {"restricted_care_is_tagged"}),
        (f"update star.fact_procedure set is_restricted = false where encounter_id = '{first}'",
         {"restricted_care_is_tagged"}),
        (f"update star.fact_encounter set payer_key = 99 where encounter_id = '{first}'",
         {"encounter_keys_lead_somewhere"}),
        (f"update star.fact_procedure set payer_key = 99 where encounter_id = '{first}'",
         {"procedure_keys_lead_somewhere"}),
        ("update star.dim_procedure set is_restricted = false where procedure_id = '385763009'",
         {"procedure_follows_the_list", "restricted_care_is_tagged"}),
        ("insert into star.dim_patient (source_system, patient_id, valid_from, valid_to, is_current)"
         f" values ('hospital', '{PATIENT}', '2020-01-01', '2020-01-01', false);"
         "update star.fact_encounter set patient_key = (select max(patient_key) from star.dim_patient)"
         f" where encounter_id = '{first}';"
         "update star.fact_procedure set patient_key = (select max(patient_key) from star.dim_patient)"
         f" where encounter_id = '{first}'",
         {"encounters_left_ended_versions", "procedures_left_ended_versions"}),
    ):  # fmt: skip
        warehouse.execute(breaks)
        with pytest.raises(checks.ChecksFailed) as failed:
            checks.scan_star("hospital", everything=True)
        assert {failure.check_name for failure in failed.value.failures} == failing, breaks
        star.rebuild(warehouse, "hospital")
    checks.scan_star("hospital", everything=True)


def test_after_a_list_changes_a_rebuild_is_asked_for_and_follows_it(bring, warehouse):
    bring(encounters=[encounter(1)], procedures=[procedure(1, "65546002")])
    assert tagged(warehouse)["1"] == ("dental", False, [False])
    warehouse.execute(
        "update reference.specialty set is_restricted = 'true' where specialty = 'dental'"
    )
    with pytest.raises(checks.ChecksFailed, match="procedure_follows_the_list"):
        checks.scan_star("hospital")
    star.rebuild(warehouse, "hospital")
    assert tagged(warehouse)["1"] == ("dental", True, [True])
    checks.scan_star("hospital", everything=True)


def test_lists_agree_with_each_other():
    known = {row["specialty"]: row for row in reference("specialty")}
    listed = reference("procedure_specialty")
    assert {row["specialty"] for row in listed} <= known.keys()
    assert known["general"]["is_restricted"] == "false"
    assert {name for name, row in known.items() if row["is_restricted"] == "true"} == {"hospice"}
    keys = [(row["code_system"], row["code"]) for row in listed]
    assert len(keys) == len(set(keys))
    aliases = [row["alias"].strip().upper() for row in reference("payer_alias")]
    assert len(aliases) == len(set(aliases))
